#include "properties/outbox.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "properties/percentile.hpp"
#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

const OutboxTable kOutbox;
const AggregateTable kUsers;

Verdict creation(const System& run) { return aggregates_match_their_creation(kOutbox, kUsers)(run.history()); }
Verdict versions(const System& run) { return every_change_has_its_event(kOutbox, kUsers)(run.history()); }
Verdict published(const System& run) { return published_means_stored(kOutbox)(run.history()); }
Verdict committed(const System& run) { return messages_are_committed_events(kOutbox)(run.history()); }
Verdict ordered(const System& run) { return events_are_stored_in_order(kOutbox)(run.history()); }
Verdict all_published(const System& run) { return every_event_is_published(kOutbox)(run.history()); }
Verdict lag(const System& run) { return publish_lag_p95_is_within(kOutbox, 30s)(run.history()); }

TEST(UsersAndEvents, CorrespondWhenBothAreInOneCommit) {
  System run;
  run.create("ada");
  run.publish("ada");
  run.rename("ada", 2);
  EXPECT_EQ(shapes(creation(run)), "");
  EXPECT_EQ(shapes(versions(run)), "");
  EXPECT_EQ(creation(run).examined, 2);
}

TEST(UsersAndEvents, DoNotCorrespondAfterADualWrite) {
  System run;
  run.put_user("ada");
  const EventId user = run.commit("user_db", "user-1#1");
  run.put_event("ada");
  run.commit("user_db", "user-1#1");  // repaired: too late, the state in between was committed
  const Verdict verdict = creation(run);
  ASSERT_EQ(shapes(verdict), "row without event");
  EXPECT_EQ(verdict.violations[0].evidence, std::vector<EventId>{user});
  EXPECT_EQ(verdict.violations[0].what, "user ada is stored without its event user.created after transaction 1");
}

TEST(UsersAndEvents, DoNotCorrespondWhenTheEventComesFirst) {
  System run;
  run.put_event("ada");
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(creation(run)), "event without row");
}

TEST(UsersAndEvents, DoNotCorrespondWhenAUserIsCreatedTwice) {
  System run;
  run.create("ada");
  run.put("outbox_events", {{"event_id", "again"},
                            {"aggregate_id", "ada"},
                            {"aggregate_version", 2},
                            {"event_type", "user.created"},
                            {"payload", "{}"},
                            {"status", "pending"},
                            {"published_at", nullptr},
                            {"claimed_by", nullptr},
                            {"claim_token", 0}});
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(creation(run)), "several events");
}

TEST(UsersAndEvents, CorrespondAfterHousekeepingButNotAfterALoss) {
  System kept;
  kept.create("ada");
  kept.publish("ada");
  kept.drop("outbox_events", "ada/1");
  kept.commit("user_db", "user-1#1");
  kept.rename("ada", 2);
  EXPECT_EQ(shapes(creation(kept)), "");
  EXPECT_EQ(shapes(versions(kept)), "");

  System lost;
  lost.create("ada");
  lost.drop("outbox_events", "ada/1");
  lost.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(creation(lost)), "row without event");
}

TEST(UsersAndEvents, AreJudgedAfterTheWholeCommit) {
  System run;
  run.put_event("ada").put("users", {{"id", "ada"}, {"email", "a"}, {"name", "N"}, {"version", 1}});
  run.change("users", "ada", {{"version", 2}}).drop("users", "ada");
  run.put("users", {{"id", "ada"}, {"email", "a"}, {"name", "N"}, {"version", 1}});
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(creation(run)), "");
  EXPECT_EQ(shapes(versions(run)), "");
}

TEST(Versions, NeedAnEventEach) {
  System run;
  run.create("ada");
  run.change("users", "ada", {{"version", 2}});
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(versions(run)), "version without event");
  EXPECT_EQ(shapes(creation(run)), "");
}

TEST(Versions, AreNotUsedTwice) {
  System run;
  run.create("ada");
  run.rename("ada", 2);
  run.put("outbox_events", {{"event_id", "other"},
                            {"aggregate_id", "ada"},
                            {"aggregate_version", 2},
                            {"event_type", "user.updated"},
                            {"payload", "{}"},
                            {"status", "pending"},
                            {"published_at", nullptr},
                            {"claimed_by", nullptr},
                            {"claim_token", 0}});
  run.commit("user_db", "user-2#1");
  EXPECT_EQ(shapes(versions(run)), "version with several events");
}

TEST(Versions, AreNotInvented) {
  System run;
  run.create("ada");
  run.put_event("ada", 2);
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(versions(run)), "event of a version that is not stored");
}

TEST(Events, SayWhatTheirUserWas) {
  const Check says =
      events_say_what_aggregates_were(kOutbox, kUsers, {{"user_id", "id"}, {"email", "email"}, {"name", "name"}});
  System run;
  run.create("ada");
  run.rename("ada", 2);
  EXPECT_EQ(shapes(says(run.history())), "");
  EXPECT_EQ(says(run.history()).examined, 2);
  run.change("users", "ada", {{"name", "Countess"}, {"version", 3}});
  run.put_event("ada", 3);  // says N3
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(says(run.history())), "another name");
}

TEST(Events, AreNotComparedWithAnotherVersionOfTheirUser) {
  const Check says = events_say_what_aggregates_were(kOutbox, kUsers, {{"name", "name"}});
  System run;
  run.put_event("ada");
  run.commit("user_db", "user-1#1");
  run.put("users", {{"id", "ada"}, {"email", "a"}, {"name", "Countess"}, {"version", 7}});
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(says(run.history()).examined, 0);
}

TEST(Published, HoldsWhenTheBrokerHadConfirmed) {
  System run;
  run.create("ada");
  run.publish("ada");
  run.store("ada");  // once more, later: publishing is at least once
  EXPECT_EQ(shapes(published(run)), "");
  EXPECT_EQ(published(run).examined, 1);
}

TEST(Published, IsWrongBeforeTheBrokerStoredIt) {
  System run;
  run.create("ada");
  run.mark_published("ada");
  EXPECT_EQ(shapes(published(run)), "never stored");
  run.store("ada");
  run.confirm("ada");
  EXPECT_EQ(shapes(published(run)), "stored only afterwards");
}

TEST(Published, IsWrongWhenNobodyWasToldSo) {
  System run;
  run.create("ada");
  run.store("ada");
  run.mark_published("ada");
  EXPECT_EQ(shapes(published(run)), "not confirmed");
}

TEST(Published, IsVacuousWithoutAnyMark) {
  System run;
  run.create("ada");
  EXPECT_TRUE(published(run).holds);
  EXPECT_EQ(published(run).examined, 0);
}

TEST(Messages, AreCommittedEvents) {
  System run;
  run.create("ada");
  run.publish("ada");
  EXPECT_EQ(shapes(committed(run)), "");
  EXPECT_EQ(committed(run).examined, 1);
}

TEST(Messages, AreWrongWithoutARowOrBeforeItsCommit) {
  System phantom;
  phantom.store("ada");
  EXPECT_EQ(shapes(committed(phantom)), "no row");
  phantom.create("ada");
  EXPECT_EQ(shapes(committed(phantom)), "committed only afterwards");
}

TEST(Messages, SayWhatTheRowSays) {
  System run;
  run.create("ada");
  run.add(EventKind::message_stored, "broker", "user.events", "ada/1", 0, R"({"payload":{"user_id":"bob"}})", "ada");
  EXPECT_EQ(shapes(committed(run)), "another payload");

  System wrapped;  // an envelope around the row's payload says the same, and so do other spaces
  wrapped.create("ada");
  wrapped.add(EventKind::message_stored, "broker", "user.events", "ada/1", 0,
              R"({"payload": )" + System::payload("ada", 1) + "}", "ada");
  EXPECT_EQ(shapes(committed(wrapped)), "");
}

TEST(Messages, OfOtherTopicsAreNotJudged) {
  System run;
  run.add(EventKind::message_stored, "broker", "user.events.dead", "ada/1", 0, "{}", "ada");
  EXPECT_EQ(committed(run).examined, 0);
}

TEST(Order, IsThatOfTheVersionsAtTheFirstStoring) {
  System run;
  run.create("ada");
  run.rename("ada", 2);
  run.create("bob", "k2");
  run.publish("ada", 1);
  run.publish("bob", 1);
  run.publish("ada", 2);
  run.store("ada", 1);  // again, after the newer one
  EXPECT_EQ(shapes(ordered(run)), "");
  EXPECT_EQ(ordered(run).examined, 3);
}

TEST(Order, IsBrokenByOvertaking) {
  System run;
  run.create("ada");
  run.rename("ada", 2);
  run.store("ada", 2);
  run.store("ada", 1);
  EXPECT_EQ(shapes(ordered(run)), "passed over a version");
}

TEST(Order, IsBrokenByAGapInTheMiddle) {
  System run;
  run.create("ada");
  run.rename("ada", 2);
  run.rename("ada", 3);
  run.store("ada", 1);
  run.store("ada", 3);
  EXPECT_EQ(shapes(ordered(run)), "passed over a version");
}

TEST(Order, NeedsTheAggregateAsOrderingKey) {
  System run;
  run.create("ada");
  run.add(EventKind::message_stored, "broker", "user.events", "ada/1", 0, System::payload("ada", 1), "somebody");
  EXPECT_EQ(shapes(ordered(run)), "wrong ordering key");
}

TEST(EveryEvent, IsPublishedInTheEnd) {
  System run;
  run.create("ada");
  run.publish("ada");
  EXPECT_EQ(shapes(all_published(run)), "");
  run.create("bob", "k2");
  EXPECT_EQ(shapes(all_published(run)), "pending");
  run.change("outbox_events", "bob/1", {{"status", "failed"}});
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(all_published(run)), "failed");
  run.drop("outbox_events", "bob/1");
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(all_published(run)), "removed");
  run.drop("outbox_events", "ada/1");
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(all_published(run)), "removed");  // ada's had been published
}

TEST(Lag, CountsFromTheEndOfFaults) {
  System run;
  run.at(1s).create("ada", "k1");
  run.at(60s).healed();
  run.at(89s).publish("ada");
  EXPECT_EQ(shapes(lag(run)), "");
  EXPECT_EQ(lag(run).examined, 1);
}

TEST(Lag, IsTooLongAfterThirtySeconds) {
  System run;
  run.at(1s).create("ada", "k1");
  run.at(60s).healed();
  run.at(91s).publish("ada");
  EXPECT_EQ(shapes(lag(run)), "lag");
}

TEST(Lag, OfAnEventThatIsNeverPublishedLastsUntilTheEnd) {
  System run;
  run.at(60s).healed();
  run.create("ada", "k1");
  run.at(100s).add(EventKind::phase, "", "end");
  EXPECT_EQ(shapes(lag(run)), "lag");
}

TEST(Lag, DoesNotCountWhatWasPublishedDuringFaults) {
  System run;
  run.at(1s).create("ada", "k1");
  run.at(59s).publish("ada");
  run.at(60s).healed();
  EXPECT_EQ(lag(run).examined, 0);
}

TEST(Lag, MayBeTooLongForOneInTwenty) {
  System run;
  run.at(60s).healed();
  for (int i = 0; i < 20; ++i) run.at(61s).create("u" + std::to_string(i), "k" + std::to_string(i));
  for (int i = 0; i < 19; ++i) run.at(62s).publish("u" + std::to_string(i));
  run.at(200s).publish("u19");
  EXPECT_EQ(shapes(lag(run)), "");
  EXPECT_EQ(lag(run).examined, 20);
}

TEST(Percentile, IsTheSmallestValueThatEnoughDoNotExceed) {
  EXPECT_EQ(percentile({}, 95), Duration(0));
  EXPECT_EQ(percentile({5s}, 95), Duration(5s));
  EXPECT_TRUE(rc::check("nearest rank", [](const std::vector<std::int16_t>& numbers) {
    RC_PRE(!numbers.empty());
    std::vector<Duration> values;
    for (const std::int16_t number : numbers) values.emplace_back(number);
    const Duration p95 = percentile(values, 95);
    std::size_t below = 0;
    std::size_t at_most = 0;
    for (const Duration value : values) {
      below += value < p95 ? 1U : 0U;
      at_most += value <= p95 ? 1U : 0U;
    }
    RC_ASSERT(at_most * 100 >= values.size() * 95);  // enough do not exceed it
    RC_ASSERT(below * 100 < values.size() * 95);     // and no smaller value does
  }));
}

}  // namespace
}  // namespace orrery
