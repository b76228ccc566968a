#include "properties/inbox.hpp"

#include <gtest/gtest.h>

#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

Verdict once(const System& run) { return at_most_one_effect(EffectTable())(run.history()); }
Verdict real(const System& run) { return effects_come_from_messages(EffectTable(), "user.events")(run.history()); }
Verdict noted(const System& run) { return acknowledged_means_committed(InboxTable())(run.history()); }
Verdict same(const System& run) {
  return redeliveries_carry_the_same_bytes("user.events", "notification")(run.history());
}
Verdict done(const System& run) { return every_message_has_its_effect(EffectTable(), "user.events")(run.history()); }
Verdict buried(const System& run) {
  return only_poison_is_dead_lettered("user.events", "notification", "user_db.outbox_events",
                                      "event_id")(run.history());
}

/// A run with one event, published and consumed.
System consumed() {
  System run;
  run.create("ada");
  run.publish("ada");
  run.consume("ada", 1);
  return run;
}

TEST(Effects, AreOnePerEventAndChannel) {
  System run = consumed();
  run.put("notification_jobs", {{"id", 2},
                                {"correlation_id", "ada/1"},
                                {"channel", "sms"},
                                {"status", "queued"},
                                {"claimed_by", nullptr},
                                {"claim_token", 0},
                                {"sent_at", nullptr}});
  run.commit("notification_db", "notification-1#1");
  EXPECT_EQ(shapes(once(run)), "");
  EXPECT_EQ(once(run).examined, 2);
}

TEST(Effects, AreTooManyWhenTwoCopiesAreProcessed) {
  System run = consumed();
  run.deliver("ada", 1, 2, "notification-2");
  const EventId second = run.commit_job("ada", 2);
  const Verdict verdict = once(run);
  ASSERT_EQ(shapes(verdict), "several effects");
  EXPECT_EQ(verdict.violations[0].evidence.back(), second);
  EXPECT_EQ(verdict.violations[0].evidence.size(), 4U);  // two deliveries, two commits
}

TEST(Effects, AreTooManyEvenIfTheFirstWasRemoved) {
  System run = consumed();
  run.drop("notification_jobs", "1");
  run.commit("notification_db", "notification-1#1");
  run.commit_job("ada", 2);
  EXPECT_EQ(shapes(once(run)), "several effects");
}

TEST(Effects, ComeFromStoredMessages) {
  EXPECT_EQ(shapes(real(consumed())), "");
  EXPECT_EQ(real(consumed()).examined, 1);
  System phantom;
  phantom.commit_job("ada", 1);
  EXPECT_EQ(shapes(real(phantom)), "no message");
  phantom.store("ada");
  EXPECT_EQ(shapes(real(phantom)), "message only afterwards");
}

TEST(Effects, SayWhatTheirMessagesSay) {
  const Check says = effects_say_what_messages_say(
      EffectTable(), "user.events", {{"user_id", "user_id"}, {"destination", "email"}, {"variables.name", "name"}});
  EXPECT_EQ(shapes(says(consumed().history())), "");
  EXPECT_EQ(says(consumed().history()).examined, 1);
  for (const auto& [column, value] : {std::pair{"user_id", "bob"}, std::pair{"destination", "bob@example.org"},
                                      std::pair{"variables", R"({"name":"Bob"})"}}) {
    System run;
    run.create("ada");
    run.publish("ada");
    run.commit_job("bob", 2);  // of a message that was not stored: not judged
    testing::Cells cells{{"id", 1},
                         {"correlation_id", "ada/1"},
                         {"user_id", "ada"},
                         {"channel", "email"},
                         {"destination", "ada@example.org"},
                         {"template", "mail"},
                         {"variables", R"({"name":"N"})"},
                         {"status", "queued"},
                         {"claimed_by", nullptr},
                         {"claim_token", 0},
                         {"sent_at", nullptr}};
    for (auto& cell : cells) cell.second = cell.first == column ? SqlValue(value) : cell.second;
    run.put("notification_jobs", cells);
    run.commit("notification_db", "notification-1#1");
    EXPECT_TRUE(shapes(says(run.history())).starts_with("another " + std::string(column)));
  }
}

TEST(Effects, FollowTheOrderOfTheirMessages) {
  const Check order = effects_follow_the_order_of_messages(EffectTable(), "user.events");
  System run;
  run.create("ada");
  run.rename("ada", 2);
  run.create("bob", "k2");
  run.publish("ada", 1);
  run.publish("ada", 2);
  run.publish("bob", 1);
  run.consume("bob", 3);  // another key
  run.consume("ada", 1, 1);
  run.consume("ada", 2, 2);
  EXPECT_EQ(shapes(order(run.history())), "");
  EXPECT_EQ(order(run.history()).examined, 3);

  System overtaken;
  overtaken.create("ada");
  overtaken.rename("ada", 2);
  overtaken.publish("ada", 1);
  overtaken.publish("ada", 2);
  overtaken.consume("ada", 2, 2);
  EXPECT_EQ(shapes(order(overtaken.history())), "");  // the first has had none yet
  overtaken.consume("ada", 1, 1);
  EXPECT_EQ(shapes(order(overtaken.history())), "overtaken");
}

TEST(Acknowledging, IsRightAfterTheCommit) {
  System run = consumed();
  run.deliver("ada", 1, 2, "notification-2");
  run.acknowledge("ada", 1, "notification-2");  // the other replica had done it
  EXPECT_EQ(shapes(noted(run)), "");
  EXPECT_EQ(noted(run).examined, 2);
}

TEST(Acknowledging, IsWrongBeforeTheCommit) {
  System run;
  run.deliver("ada");
  run.acknowledge("ada");
  EXPECT_EQ(shapes(noted(run)), "never committed");
  run.commit_job("ada", 1);
  EXPECT_EQ(shapes(noted(run)), "committed only afterwards");
}

TEST(Acknowledging, NeedsTheInboxRowOfItsOwnConsumer) {
  System run;
  run.deliver("ada");
  run.put("processed_messages", {{"message_id", "ada/1"}, {"consumer", "analytics"}});
  run.commit("notification_db", "notification-1#1");
  run.acknowledge("ada");
  EXPECT_EQ(shapes(noted(run)), "never committed");
}

TEST(Acknowledging, HoldsAlthoughTheInboxForgetsLater) {
  System run = consumed();
  run.drop("processed_messages", "ada/1");
  run.commit("notification_db", "notification-1#1");
  run.acknowledge("ada");
  EXPECT_EQ(shapes(noted(run)), "");
}

TEST(Redeliveries, CarryTheSameBytes) {
  System run = consumed();
  EXPECT_EQ(same(run).examined, 0);
  run.deliver("ada", 1, 2);
  run.store("ada");
  EXPECT_EQ(shapes(same(run)), "");
  EXPECT_EQ(same(run).examined, 2);
}

TEST(Redeliveries, MayNotBeBuiltAnew) {
  System run = consumed();
  run.add(EventKind::message_stored, "broker", "user.events", "ada/1", 1, R"({"published_at":"later"})", "ada");
  EXPECT_EQ(shapes(same(run)), "published with other bytes");
  run.add(EventKind::message_delivered, "notification-1", "user.events/notification", "ada/1", 1,
          R"({"published_at":"later"})", "ada");
  EXPECT_EQ(shapes(same(run)), "published with other bytes, delivered with other bytes");
}

TEST(EveryMessage, HasItsEffect) {
  EXPECT_EQ(shapes(done(consumed())), "");
  EXPECT_EQ(done(consumed()).examined, 1);
  System lost;
  lost.create("ada");
  lost.publish("ada");
  lost.deliver("ada");
  lost.acknowledge("ada");
  EXPECT_EQ(shapes(done(lost)), "no effect");
  lost.add(EventKind::message_dead_lettered, "broker", "user.events/notification", "ada/1", 20);
  EXPECT_EQ(shapes(done(lost)), "dead-lettered");
}

TEST(EveryMessage, OfATypeWithoutEffectsNeedsNone) {
  System run;
  run.add(EventKind::message_stored, "broker", "user.events", "x", 0, R"({"event_type":"user.seen"})", "ada");
  run.add(EventKind::message_stored, "broker", "user.events", "y", 1, "not JSON", "ada");
  EXPECT_EQ(done(run).examined, 0);
}

TEST(DeadLetters, ArePoisonOnly) {
  System run = consumed();
  run.add(EventKind::message_dead_lettered, "broker", "user.events/notification", "poison", 20);
  EXPECT_EQ(shapes(buried(run)), "");
  EXPECT_EQ(buried(run).examined, 1);
  run.add(EventKind::message_dead_lettered, "broker", "user.events/notification", "ada/1", 20);
  EXPECT_EQ(shapes(buried(run)), "event");
}

}  // namespace
}  // namespace orrery
