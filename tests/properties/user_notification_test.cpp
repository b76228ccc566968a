#include "properties/user_notification.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "properties/judge.hpp"
#include "properties/story.hpp"
#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::System;

/// The names of the violated properties.
std::set<std::string> violated(const History& history) {
  static const std::vector<Property> properties = user_notification_properties();
  std::set<std::string> names;
  for (const JudgedProperty& judged : judge(properties, history)) {
    if (!judged.verdict.holds) names.insert(judged.property->name);
  }
  return names;
}
using Names = std::set<std::string>;

TEST(UserNotification, HasThePropertiesThatReportsAndTwinsName) {
  Names names;
  for (const Property& property : user_notification_properties()) {
    EXPECT_TRUE(names.insert(property.name).second) << property.name;
    EXPECT_FALSE(property.claim.empty()) << property.name;
  }
  for (const char* name : {"users and user.created outbox rows correspond",
                           "an acknowledged user is stored",
                           "an e-mail belongs to one user",
                           "a repeated request gets the same answer",
                           "published means the broker stored it before",
                           "every broker message is a committed outbox row",
                           "an event makes at most one job per channel",
                           "a consumer acknowledges only what it has committed",
                           "a job is sent at most once beyond its ambiguous attempts",
                           "job status moves forward only",
                           "a redelivery carries the same bytes",
                           "a job marked sent was accepted by the provider",
                           "events of a user are published in order",
                           "no service task ends by an exception",
                           "every outbox row is published",
                           "outbox lag p95 is within 30s",
                           "every published event has its job",
                           "every job is sent or visibly dead",
                           "nothing stays pending",
                           "requests succeed once faults are healed"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_GE(std::ranges::count_if(user_notification_properties(),
                                  [](const Property& property) { return property.mode == Mode::sometimes; }),
            10);
}

/// Everything happens at least once, and nothing goes wrong.
System good_run() {
  System run;
  run.add(EventKind::phase, "", "faults");
  run.add(EventKind::host_started, "user-1", "", "", 1);
  run.all_of("ada", 1, "k1");
  run.rename("ada", 2);
  run.publish("ada", 2);
  run.consume("ada", 2, 2);
  run.deliver("ada", 2, 2);
  run.mail(2);
  run.ask("create user", "again", System::sign_up_text("k1", "ada"));
  run.told("create user", "again", 201, R"({"id":"ada"})");
  run.ask("create user", "other", System::sign_up_text("k2", "ada"));
  run.told("create user", "other", 409, R"({"type":"/problems/email-taken"})");
  run.ask("get user", "read", R"({"id":"ada"})");
  run.told("get user", "read", 200, R"({"id":"ada","email":"ada@example.org","name":"N2","version":2})");
  for (int i = 0; i < 20; ++i) {
    run.ask("list users", "list-" + std::to_string(i), R"({"limit":20})");
    run.told("list users", "list-" + std::to_string(i), 200,
             R"({"users":[{"id":"ada","email":"ada@example.org","name":"N2","version":2}],"next":null})");
  }
  run.sign_up("eve", "k9");
  run.publish("eve");
  run.consume("eve", 9);  // its mail cannot be delivered
  run.claim(9);
  run.send(9);
  run.accept(9, 1, 422);
  run.hear(9, 1, 422);
  run.mark_job(9, "dead");
  run.at(60s).healed();
  run.all_of("bob", 3, "k3");
  run.at(120s).add(EventKind::phase, "", "end");
  return run;
}

TEST(UserNotification, HoldsOfAGoodRunAndJudgesSomethingEachTime) {
  const System run = good_run();
  const std::vector<Property> properties = user_notification_properties();
  for (const JudgedProperty& judged : judge(properties, run.history())) {
    EXPECT_TRUE(judged.verdict.holds) << judged.property->name << ": " << judged.verdict.violations[0].what;
    if (judged.property->mode != Mode::sometimes) {
      EXPECT_GT(judged.verdict.examined, 0) << judged.property->name;
    }
  }
}

TEST(UserNotification, HoldsVacuouslyOfAnEmptyHistory) {
  const std::vector<Property> properties = user_notification_properties();
  for (const JudgedProperty& judged : judge(properties, History())) {
    EXPECT_TRUE(judged.verdict.holds) << judged.property->name;
    EXPECT_EQ(judged.verdict.examined, 0) << judged.property->name;
  }
}

TEST(UserNotification, CatchesAnOrdinaryDualWrite) {
  System run;
  run.put_user("ada");
  run.commit("user_db", "user-1#1");
  run.store("ada");
  EXPECT_EQ(violated(run.history()),
            (Names{"users and user.created outbox rows correspond", "every version of a user has its event",
                   "every broker message is a committed outbox row", "nothing stays pending",
                   "every published event has its job"}));
}

TEST(UserNotification, CatchesAnEmailThatIsTakenTwice) {
  System run = good_run();
  run.put("users", {{"id", "eve"}, {"email", "bob@example.org"}, {"name", "N"}, {"version", 0}});
  run.commit("user_db", "user-1#1");
  EXPECT_TRUE(violated(run.history()).contains("an e-mail belongs to one user"));
}

TEST(UserNotification, ReadsTheAnswersOfBothProtocols) {
  System run = good_run();
  run.ask("create user", "connect", System::sign_up_text("k3", "bob"));
  run.told("create user", "connect", 200, R"({"id":"bob"})");
  run.ask("create user", "connect-2", System::sign_up_text("k3", "bob", "Other"));
  run.told("create user", "connect-2", 400, R"({"code":"failed_precondition","message":""})");
  run.ask("create user", "connect-3", System::sign_up_text("k3", "bob"));
  run.told("create user", "connect-3", 409, R"({"code":"aborted","message":""})");
  run.ask("create user", "rest", System::sign_up_text("k3", "bob"));
  run.told("create user", "rest", 409, R"({"type":"/problems/in-work"})");
  EXPECT_EQ(violated(run.history()), Names{});
  run.ask("create user", "connect-4", System::sign_up_text("k3", "bob"));
  run.told("create user", "connect-4", 409, R"({"code":"already_exists","message":""})");
  EXPECT_EQ(violated(run.history()),
            (Names{"a repeated request gets the same answer", "an e-mail is refused only if somebody else has it"}));
}

TEST(UserNotification, TellsEveryViolationAsAStory) {
  System run = good_run();
  run.put_user("eve");
  run.commit("user_db", "user-1#1");
  run.store("mallory");
  run.claim(3, 9);
  const std::vector<Property> properties = user_notification_properties();
  int told = 0;
  for (const JudgedProperty& judged : judge(properties, run.history())) {
    for (const Violation& violation : judged.verdict.violations) {
      const std::string text = story(violation, run.history());
      EXPECT_NE(text.find("=> " + violation.what), std::string::npos) << text;
      EXPECT_EQ(text, story(violation, run.history()));
      ++told;
    }
  }
  EXPECT_GE(told, 5);
}

/// What a little model of the system may do next; every choice is legal at any time.
System random_run(const std::vector<std::uint8_t>& choices) {
  struct Item {
    std::string user;
    int version = 1;
    int stage = 0;  // 0 committed, 1 stored, 2 published, 3 job, 4 sent
    std::int64_t job = 0;
  };
  System run;
  std::vector<Item> items;
  std::vector<int> versions;  // by user
  std::int64_t jobs = 0;
  for (const std::uint8_t choice : choices) {
    if (choice < 60 || items.empty()) {
      const std::string user = "u" + std::to_string(versions.size());
      run.sign_up(user, "key-" + user);
      items.push_back({user, 1});
      versions.push_back(1);
    } else if (choice < 100) {
      const std::size_t which = choice % versions.size();
      const std::string user = "u" + std::to_string(which);
      run.rename(user, ++versions[which]);
      items.push_back({user, versions[which]});
    } else {
      Item& item = items[choice % items.size()];
      // The broker and the relay keep the order of a user's events.
      const bool is_head = std::none_of(items.begin(), items.end(), [&](const Item& other) {
        return other.user == item.user && other.version < item.version &&
               (other.stage == 0 || (item.stage == 2 && other.stage < 3));
      });
      switch (item.stage) {
        case 0:
          if (!is_head) break;
          run.store(item.user, item.version);
          item.stage = 1;
          break;
        case 1:
          if (choice % 3 == 0) {
            run.store(item.user, item.version);  // once more: the relay died before it marked the row
          } else {
            run.confirm(item.user, item.version);
            run.mark_published(item.user, item.version);
            item.stage = 2;
          }
          break;
        case 2:
          if (!is_head) break;
          run.deliver(item.user, item.version);
          if (choice % 3 == 0) break;  // the consumer died
          item.job = ++jobs;
          run.commit_job(item.user, item.job, item.version);
          run.acknowledge(item.user, item.version);
          item.stage = 3;
          break;
        case 3:
          run.mail(item.job);
          item.stage = 4;
          break;
        default:
          run.deliver(item.user, item.version, 2);  // a late duplicate
          run.acknowledge(item.user, item.version);
      }
    }
  }
  // The rest of the way, so that everything is done in the end.
  for (int stage = 0; stage < 4; ++stage) {
    for (Item& item : items) {
      if (item.stage != stage) continue;
      if (stage == 0) run.store(item.user, item.version);
      if (stage == 1) run.confirm(item.user, item.version);
      if (stage == 1) run.mark_published(item.user, item.version);
      if (stage == 2) run.consume(item.user, item.job = ++jobs, item.version);
      if (stage == 3) run.mail(item.job);
      ++item.stage;
    }
  }
  for (const Item& item : items) {  // copies that were stored again
    for (int copies = 0; copies < 90; ++copies) {
      run.add(EventKind::message_settled, "broker", "user.events/notification",
              System::event_id(item.user, item.version));
    }
  }
  return run;
}

History without(const History& history, EventId dropped) {
  History rest;
  for (const Event& event : history.events()) {
    if (event.id != dropped) rest.add(event);
  }
  return rest;
}

TEST(UserNotification, HoldsOfRandomRunsOfACorrectModel) {
  EXPECT_TRUE(rc::check("no false alarm", [](const std::vector<std::uint8_t>& choices) {
    const System run = random_run(choices);
    RC_ASSERT(violated(run.history()) == Names{});
  }));
}

TEST(UserNotification, NoticesWhateverEventIsMissingFromARandomRun) {
  EXPECT_TRUE(rc::check("teeth", [](const std::vector<std::uint8_t>& choices) {
    const System run = random_run(choices);
    std::vector<EventId> candidates;
    for (const Event& event : run.history().events()) {
      // One of two copies or a duplicate's acknowledgement may be left out and nobody is the worse for it; these may not.
      const bool only = event.kind != EventKind::message_stored ||
                         std::ranges::none_of(run.history().events(), [&](const Event& other) {
                           return other.kind == event.kind && other.key == event.key && other.id != event.id;
                         });
      if (event.kind == EventKind::transaction_committed || (event.kind == EventKind::message_stored && only)) {
        candidates.push_back(event.id);
      }
    }
    RC_PRE(!candidates.empty());
    const EventId dropped = *rc::gen::elementOf(candidates);
    RC_ASSERT(violated(without(run.history(), dropped)) != Names{});
  }));
}

}  // namespace
}  // namespace orrery
