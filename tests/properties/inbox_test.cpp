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
