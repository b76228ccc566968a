#include "properties/story.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "properties/describe.hpp"
#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::System;

const std::string kId = "3f2a77c1-97aa-4b6e-8c1e-0123456789ab";

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

Violation violation(std::vector<EventId> evidence, std::string what = "this is wrong") {
  Violation found;
  found.what = std::move(what);
  found.evidence = std::move(evidence);
  return found;
}

TEST(Story, TellsTheEvidenceAndWhatStruckInBetween) {
  System run;
  run.at(1s).fault("partition", "user-2|user_db", "1s");  // neither end takes part
  run.heal_fault("partition", "user-2|user_db", "1s");
  run.at(12345ms);
  run.put_user(kId);
  const EventId first = run.commit("user_db", "user-1#1");
  run.at(12400ms).fault("crash", "user-1", "12.4s");
  run.at(12400ms).add(EventKind::host_crashed, "user-1", "", "", 1, "fault");  // the fault says it already
  run.at(13s).add(EventKind::host_crashed, "mail-1", "", "", 1, "fault");      // takes no part
  run.at(14s).add(EventKind::host_started, "user-1", "", "", 2);
  run.at(15s);
  const EventId last = run.ask("get user", "op-1", R"({"id":")" + kId + R"("})");
  EXPECT_EQ(story(violation({first, last}, "user " + short_id(kId) + " is lost"), run.history()),
            "   *    12.345s  user-1    committed transaction 1 on user_db: users + 3f2a77c1\n"
            "  !!    12.400s  user-1    fault: crash user-1 at 12.4s\n"
            "        14.000s  user-1    starts again (incarnation 2)\n"
            "   *    15.000s  client-1  asks to get user {\"id\":\"3f2a77c1\"}\n"
            "  => user 3f2a77c1 is lost\n"
            "     (ids are shortened to 8 characters: 3f2a77c1 is " +
                kId + ")\n");
}

TEST(Story, ShowsAnEpisodeThatBeganBefore) {
  System run;
  run.at(1s).fault("partition", "user-1|user_db", "1s");
  run.at(2s).fault("slow_link", "user-1>broker", "2s");
  run.at(10s);
  const EventId created = run.create("ada");
  run.at(11s).heal_fault("partition", "user-1|user_db", "1s");
  const EventId again = run.rename("ada", 2);
  const std::string text = story(violation({created, again}), run.history());
  EXPECT_NE(text.find("  !!     1.000s          fault: partition user-1|user_db"), std::string::npos) << text;
  EXPECT_NE(text.find("fault over: partition user-1|user_db of 1s"), std::string::npos) << text;
  EXPECT_NE(text.find("fault: slow_link"), std::string::npos) << text;  // one end takes part
}

TEST(Story, FollowsCausesAndTheRequestsOfAnOperation) {
  History history;
  EventId id = 0;
  const auto add = [&](EventId cause, EventKind kind, const char* host, const char* subject, const char* key) {
    Event event;
    event.id = ++id;
    event.cause = cause;
    event.at = Instant(Duration(id * 1ms));
    event.kind = kind;
    event.host = host;
    event.subject = subject;
    event.key = key;
    history.add(std::move(event));
    return id;
  };
  const EventId asks = add(0, EventKind::operation_invoked, "client-1", "create user", "op-1");
  const EventId sent = add(asks, EventKind::request_sent, "client-1", "user POST /users", "r1");
  const EventId packet = add(sent, EventKind::message_sent, "client-1", "client-1>user-1", "");
  const EventId received = add(packet, EventKind::request_received, "user-1", "user POST /users", "r1");
  const EventId publish = add(received, EventKind::publish_started, "user-1", "user.events", "e1");
  const EventId stored = add(publish, EventKind::message_stored, "broker", "user.events", "e1");
  add(received, EventKind::request_answered, "user-1", "user POST /users", "r1");
  add(0, EventKind::request_sent, "client-2", "user POST /users", "r2");  // somebody else's

  const std::string of_message = story(violation({stored}), history);
  EXPECT_EQ(lines_of(of_message), 6U) << of_message;
  EXPECT_EQ(of_message.find("message sent"), std::string::npos) << of_message;  // walked through, not told
  const std::string of_operation = story(violation({asks}), history);
  EXPECT_EQ(lines_of(of_operation), 5U) << of_operation;
  EXPECT_EQ(of_operation.find("r2"), std::string::npos) << of_operation;
}

TEST(Story, FoldsWhatDoesNotFit) {
  System run;
  const EventId created = run.create("ada");
  std::vector<EventId> evidence{created};
  for (int attempt = 1; attempt <= 40; ++attempt) evidence.push_back(run.deliver("ada", 1, attempt));
  for (int i = 0; i < 40; ++i) run.fault("deadlock", "user-1>user_db", "#" + std::to_string(i));
  const EventId last = run.add(EventKind::phase, "", "end");
  evidence.push_back(last);
  const std::string text = story(violation(evidence), run.history());
  EXPECT_LE(lines_of(text), 26U) << text;
  EXPECT_NE(text.find("deliveries"), std::string::npos) << text;
  EXPECT_NE(text.find("40 faults"), std::string::npos) << text;
  EXPECT_NE(text.find("(attempt 1)"), std::string::npos) << text;
  EXPECT_NE(text.find("the run ends"), std::string::npos) << text;
  EXPECT_NE(text.find("=> this is wrong"), std::string::npos) << text;

  StoryOptions brief;
  brief.max_lines = 5;
  EXPECT_LE(lines_of(story(violation(evidence), run.history(), brief)), 6U);
}

TEST(Story, IsTheConclusionAloneWithoutEvidence) {
  System run;
  EXPECT_EQ(story(violation({}), run.history()), "  => this is wrong\n");
  EXPECT_EQ(story(violation({77}), run.history()), "  => this is wrong\n");  // not kept
}

TEST(Description, OfARowChangeNamesWhatChanged) {
  System run;
  run.commit_job("ada", 1);
  run.claim(1);
  EXPECT_EQ(describe(run.history().events().back()),
            "committed transaction 2 on notification_db: notification_jobs 1: status queued -> sending, claimed_by -> "
            "notification-1, claim_token -> 1");
  for (int i = 0; i < 5; ++i) run.put_user("u" + std::to_string(i));
  run.drop("notification_jobs", "1");
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(describe(run.history().events().back()),
            "committed transaction 3 on user_db: notification_jobs 1 rows, users 5 rows");
}

TEST(Description, IsOneLineForEveryKindOfEvent) {
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(EventKind::count_); ++kind) {
    Event event;
    event.kind = static_cast<EventKind>(kind);
    event.text = "two\nlines of " + kId;
    event.subject = "subject";
    const std::string text = describe(event);
    EXPECT_FALSE(text.empty()) << kind;
    EXPECT_EQ(text.find('\n'), std::string::npos) << kind;
    EXPECT_EQ(text.find(kId), std::string::npos) << kind;
  }
}

TEST(Description, ShortensIdsAndLongTexts) {
  EXPECT_EQ(shortened("user " + kId + ", key key-1-0123456789abcdef", 100),
            "user 3f2a77c1, key key-1-0123456789abcdef");
  EXPECT_EQ(shortened("abcdef", 3), "abc…");
  EXPECT_EQ(shortened("abō", 3), "ab…");
}

}  // namespace
}  // namespace orrery
