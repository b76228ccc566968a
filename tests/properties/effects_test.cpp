#include "properties/effects.hpp"

#include <gtest/gtest.h>

#include "properties/outages.hpp"
#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

StatusTable jobs() {
  StatusTable table;
  table.steps = {{"queued", "sending"}, {"sending", "queued"}, {"sending", "sent"}, {"sending", "dead"}};
  return table;
}
Verdict sends(const System& run) { return sent_once_beyond_ambiguous_attempts(jobs(), Provider())(run.history()); }
Verdict accepted(const System& run) { return done_means_accepted(jobs(), Provider())(run.history()); }
Verdict steps(const System& run) { return status_moves_forward(jobs())(run.history()); }
Verdict ends(const System& run) { return every_row_ends(jobs())(run.history()); }

const char* const kFirst = "notification-1";
const char* const kSecond = "notification-2";

/// Job 1, queued.
System queued() {
  System run;
  run.commit_job("ada", 1);
  return run;
}

/// A first attempt by notification-1 that the provider accepted and whose answer came, but no outcome.
System answered() {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.accept(1);
  run.hear(1);
  return run;
}

/// The second attempt, by notification-2, to the end.
void send_again(System& run) {
  run.claim(1, 2, kSecond);
  run.send(1, 2, kSecond);
  run.accept(1, 2);
  run.hear(1, 2, 202, {}, kSecond);
  run.mark_job(1, "sent", kSecond);
}

TEST(Sending, HappensOnce) {
  System run = queued();
  run.mail(1);
  EXPECT_EQ(shapes(sends(run)), "");
  EXPECT_EQ(sends(run).examined, 1);
}

TEST(Sending, MayBeRepeatedAfterARefusal) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.hear(1, 1, 503);
  run.mark_job(1, "queued");
  send_again(run);
  EXPECT_EQ(shapes(sends(run)), "");
  EXPECT_EQ(sends(run).examined, 2);
}

TEST(Sending, MayBeRepeatedWithoutAnAnswer) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.accept(1);
  run.hear(1, 1, 0, "timed out");
  run.mark_job(1, "queued");
  send_again(run);
  EXPECT_EQ(shapes(sends(run)), "");
}

TEST(Sending, MayNotBeRepeatedWhenTheOutcomeIsJustNotCommitted) {
  System run = answered();
  send_again(run);
  const Verdict verdict = sends(run);
  ASSERT_EQ(shapes(verdict), "outcome never committed");
  EXPECT_EQ(
      verdict.violations[0].what,
      "job 1 was sent by notification-1, answered 202, and then sent again by notification-2, though nothing kept "
      "the outcome from being committed");
}

TEST(Sending, MayNotBeRepeatedWhenTheOutcomeIsWrittenAsAnother) {
  System run = answered();
  run.mark_job(1, "queued");
  send_again(run);
  EXPECT_EQ(shapes(sends(run)), "outcome never committed");
}

TEST(Sending, MayNotBeRepeatedAfterTheJobIsDone) {
  System run = answered();
  run.mark_job(1, "sent");
  run.add(EventKind::host_crashed, kFirst);  // no excuse: the outcome had been committed
  run.send(1, 2, kSecond);
  EXPECT_EQ(shapes(sends(run)), "sent again after it was done");
}

TEST(Sending, MayNotOvertakeAHolderThatIsAlive) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.accept(1);
  send_again(run);
  run.hear(1);
  EXPECT_EQ(shapes(sends(run)), "sent again while the first was in work");
}

TEST(Sending, MayBeRepeatedAfterACrashAPauseOrAStop) {
  for (const EventKind blow : {EventKind::host_crashed, EventKind::host_stopped, EventKind::host_paused}) {
    System run = answered();
    run.add(blow, kFirst);
    send_again(run);
    EXPECT_EQ(shapes(sends(run)), "") << to_string(blow);

    System other = answered();
    other.add(blow, kSecond);  // not the host that had to commit
    send_again(other);
    EXPECT_EQ(shapes(sends(other)), "outcome never committed") << to_string(blow);
  }
}

TEST(Sending, MayBeRepeatedIfTheHolderWasPausedWhileItWaited) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.add(EventKind::host_paused, kFirst);
  run.accept(1);
  send_again(run);
  run.add(EventKind::host_resumed, kFirst);
  run.hear(1);
  EXPECT_EQ(shapes(sends(run)), "");
}

TEST(Sending, MayBeRepeatedWhenTheCommitFails) {
  for (const EventKind kind : {EventKind::commit_failed, EventKind::commit_unknown}) {
    System run = answered();
    run.add(kind, kFirst, "notification_db", "notification-1#2");
    send_again(run);
    EXPECT_EQ(shapes(sends(run)), "");

    System other = answered();
    other.add(kind, kFirst, "user_db", "notification-1#2");           // another database
    other.add(kind, kSecond, "notification_db", "notification-2#2");  // another host
    send_again(other);
    EXPECT_EQ(shapes(sends(other)), "outcome never committed");
  }
}

TEST(Sending, MayNotBeExcusedByWhatFailedBeforeTheAnswer) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.add(EventKind::commit_failed, kFirst, "notification_db", "notification-1#2");
  run.fault("break_statement", "notification-1>notification_db", "notification-1>notification_db #7");
  run.accept(1);
  run.hear(1);
  send_again(run);
  EXPECT_EQ(shapes(sends(run)), "outcome never committed");
}

TEST(Sending, MayBeRepeatedWhenTheWayToTheDatabaseIsBroken) {
  for (const char* target : {"notification-1>notification_db", "notification_db|*", "*|notification-1"}) {
    System run = answered();
    run.fault("partition", target);
    send_again(run);
    EXPECT_EQ(shapes(sends(run)), "") << target;
  }
  for (const char* target : {"notification-1|broker", "notification-2|notification_db", "user_db|*"}) {
    System run = answered();
    run.fault("partition", target);
    send_again(run);
    EXPECT_EQ(shapes(sends(run)), "outcome never committed") << target;
  }
}

TEST(Sending, IsNotExcusedByAPartitionThatWasOver) {
  System run = queued();
  run.fault("partition", "notification-1|notification_db");
  run.heal_fault("partition", "notification-1|notification_db");
  run.claim(1);
  run.send(1);
  run.accept(1);
  run.hear(1);
  send_again(run);
  EXPECT_EQ(shapes(sends(run)), "outcome never committed");
}

TEST(Sending, MayBeRepeatedWhenTheDatabaseIsDown) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.add(EventKind::host_crashed, "notification_db");
  run.accept(1);
  run.hear(1);
  run.add(EventKind::host_started, "notification_db", "", "", 2);
  send_again(run);
  EXPECT_EQ(shapes(sends(run)), "");
}

TEST(Done, MeansAccepted) {
  System run = queued();
  run.mail(1);
  EXPECT_EQ(shapes(accepted(run)), "");
  EXPECT_EQ(accepted(run).examined, 1);
}

TEST(Done, MeansAcceptedEvenIfTheSenderDidNotHearIt) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.accept(1);
  run.hear(1, 1, 0, "reply lost");
  run.mark_job(1, "sent");  // lucky, but it was accepted
  EXPECT_EQ(shapes(accepted(run)), "");
}

TEST(Done, IsWrongWithoutAnAcceptedRequest) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.accept(1, 1, 503);
  run.hear(1, 1, 503);
  run.mark_job(1, "sent");
  EXPECT_EQ(shapes(accepted(run)), "never accepted");
  run.send(1, 2);
  run.accept(1, 2);
  EXPECT_EQ(shapes(accepted(run)), "accepted only afterwards");
}

TEST(Done, IsNotProvenByAnotherJob) {
  System run = queued();
  run.commit_job("bob", 2);
  run.mail(2);
  run.claim(1);
  run.mark_job(1, "sent");
  EXPECT_EQ(shapes(accepted(run)), "never accepted");
}

TEST(Status, TakesItsSteps) {
  System run = queued();
  run.claim(1);
  run.mark_job(1, "queued");
  run.claim(1, 2);
  run.claim(1, 3, kSecond);  // taken over: it stays sending
  run.mark_job(1, "sent", kSecond);
  run.change("notification_jobs", "1", {{"claimed_by", "nobody"}});
  run.commit("notification_db", "notification-1#1");
  EXPECT_EQ(shapes(steps(run)), "");
  EXPECT_EQ(steps(run).examined, 7);
}

TEST(Status, DoesNotGoBack) {
  System run = queued();
  run.claim(1);
  run.mark_job(1, "sent");
  run.mark_job(1, "queued");
  EXPECT_EQ(shapes(steps(run)), "sent to queued");
  EXPECT_EQ(steps(run).violations[0].evidence, (std::vector<EventId>{3, 4}));
}

TEST(Status, BeginsAtTheBeginning) {
  System run;
  run.put("notification_jobs", {{"id", 1}, {"status", "sent"}, {"sent_at", "now"}, {"claim_token", 0}});
  run.commit("notification_db", "notification-1#1");
  EXPECT_EQ(shapes(steps(run)), "nothing to sent");
}

TEST(Status, FitsItsTime) {
  System run = queued();
  run.claim(1);
  run.change("notification_jobs", "1", {{"status", "sent"}});
  run.commit("notification_db", "notification-1#2");
  EXPECT_EQ(shapes(steps(run)), "sent_at does not fit");
}

TEST(Status, KeepsItsFence) {
  System run = queued();
  run.claim(1, 2);
  run.claim(1, 1, kSecond);
  EXPECT_EQ(shapes(steps(run)), "smaller token");
}

TEST(Status, LeavesConstantsAlone) {
  StatusTable table = jobs();
  table.constant = {"destination", "template"};
  System run = queued();
  run.claim(1);
  EXPECT_EQ(shapes(status_moves_forward(table)(run.history())), "");
  run.change("notification_jobs", "1", {{"destination", "eve@example.org"}});
  run.commit("notification_db", "notification-1#2");
  EXPECT_EQ(shapes(status_moves_forward(table)(run.history())), "another destination");
}

TEST(Owner, AloneWritesAClaimedRow) {
  const Check owner = only_the_owner_writes(jobs());
  System run = queued();
  run.change("notification_jobs", "1", {{"template", "other"}});
  run.commit("notification_db", "notification-2#1");  // nobody had claimed it
  run.claim(1, 1, kFirst);
  run.mark_job(1, "queued", kFirst);
  run.claim(1, 2, kFirst);
  run.claim(1, 3, kSecond);  // taken over
  run.mark_job(1, "sent", kSecond);
  EXPECT_EQ(shapes(owner(run.history())), "");
  EXPECT_EQ(owner(run.history()).examined, 3);
}

TEST(Owner, IsOverruledByAStaleHolder) {
  const Check owner = only_the_owner_writes(jobs());
  System run = queued();
  run.claim(1, 1, kFirst);
  run.claim(1, 2, kSecond);
  const EventId stale = run.mark_job(1, "queued", kFirst);
  const Verdict verdict = owner(run.history());
  ASSERT_EQ(shapes(verdict), "another writer");
  EXPECT_EQ(verdict.violations[0].evidence.back(), stale);
  EXPECT_EQ(verdict.violations[0].what, "job 1 was written by notification-1 while notification-2 held it");
}

Verdict held(const System& run) {
  return requests_are_of_held_jobs(jobs(), Provider(), "sending", {{"to", "destination"}})(run.history());
}

TEST(Request, IsOfAJobThatItsSenderHolds) {
  System run = queued();
  run.claim(1);
  run.send(1);
  run.mark_job(1, "queued");
  run.claim(1, 2, kSecond);
  run.send(1, 2, kSecond);
  EXPECT_EQ(shapes(held(run)), "");
  EXPECT_EQ(held(run).examined, 2);
}

TEST(Request, IsWrongWithoutAJobAClaimOrAfterATakeover) {
  System unknown;
  unknown.send(1);
  EXPECT_EQ(shapes(held(unknown)), "no job");

  System unclaimed = queued();
  unclaimed.send(1);
  EXPECT_EQ(shapes(held(unclaimed)), "not held");

  System lost = queued();
  lost.claim(1, 1, kFirst);
  lost.claim(1, 2, kSecond);
  lost.send(1, 1, kFirst);
  EXPECT_EQ(shapes(held(lost)), "not held");
}

TEST(Request, SaysWhatItsJobSays) {
  System run = queued();
  run.claim(1);
  run.add(EventKind::request_sent, kFirst, "mail POST /messages", "r", 0, R"({"job_id":1,"to":"eve@example.org"})");
  EXPECT_EQ(shapes(held(run)), "another to");
}

Verdict given_up(const System& run) { return given_up_for_a_reason(jobs(), Provider(), "dead", 5)(run.history()); }

TEST(GivingUp, HasAReason) {
  System refused = queued();
  refused.claim(1);
  refused.send(1);
  refused.hear(1, 1, 422);
  refused.mark_job(1, "dead");
  EXPECT_EQ(shapes(given_up(refused)), "");
  EXPECT_EQ(given_up(refused).examined, 1);

  System tried = queued();
  tried.claim(1, 5);
  tried.mark_job(1, "dead");
  EXPECT_EQ(shapes(given_up(tried)), "");
}

TEST(GivingUp, ComesTooEarly) {
  for (const std::int64_t status : {503, 429, 408, 0}) {
    System run = queued();
    run.claim(1);
    run.send(1);
    run.hear(1, 1, status, "timed out");
    run.mark_job(1, "dead");
    EXPECT_EQ(shapes(given_up(run)), "too early") << status;
  }
}

TEST(EveryJob, EndsSentOrDead) {
  System run = queued();
  run.commit_job("bob", 2);
  run.mail(1);
  run.claim(2);
  EXPECT_EQ(shapes(ends(run)), "sending");
  run.mark_job(2, "dead");
  EXPECT_EQ(shapes(ends(run)), "");
  EXPECT_EQ(ends(run).examined, 2);
}

TEST(Outages, FindWhatWasWrongAndWhen) {
  System run;
  run.add(EventKind::host_started, "a", "", "", 1);  // 1
  run.add(EventKind::host_paused, "a");              // 2
  run.add(EventKind::host_crashed, "a");             // 3
  run.add(EventKind::host_started, "a", "", "", 2);  // 4
  run.fault("partition", "a|b", "5s");               // 5
  run.fault("deadlock", "a>db", "a>db #1");          // 6
  run.heal_fault("partition", "a|b", "5s");          // 7
  run.add(EventKind::fault_injected, "", "slow_link", "9s", 0,
          "slow_link a>b at 9s for 2s");  // 8: target in words only
  const HistoryIndex index(run.history());
  const Outages& outages = outages_of(index);
  EXPECT_TRUE(outages.was_paused("a", {2, 2}));
  EXPECT_FALSE(outages.was_paused("a", {4, 9}));
  EXPECT_TRUE(outages.was_down("a", {4, 9}));
  EXPECT_FALSE(outages.was_down("a", {5, 9}));
  EXPECT_FALSE(outages.was_down("b", {1, 9}));
  ASSERT_EQ(outages.faults.size(), 3U);
  EXPECT_EQ(outages.faults[0].span.to, 7U);
  EXPECT_EQ(outages.faults[1].span.to, 6U);
  EXPECT_EQ(outages.faults[2].target, "a>b");
  EXPECT_TRUE(outages.faults[2].span.overlaps({100, 100}));
}

TEST(Outages, OfACrashAreOverWhenTheHostStarts) {
  System run;
  run.fault("crash", "a", "5s");                     // 1
  run.add(EventKind::host_crashed, "a");             // 2
  run.add(EventKind::host_started, "a", "", "", 2);  // 3
  run.fault("stop", "a", "7s");                      // 4
  const HistoryIndex index(run.history());
  const Outages& outages = outages_of(index);
  ASSERT_EQ(outages.faults.size(), 2U);
  EXPECT_EQ(outages.faults[0].span.to, 3U);
  EXPECT_TRUE(outages.faults[1].span.overlaps({100, 100}));
}

TEST(Outages, KnowTheEndsOfALink) {
  EXPECT_TRUE(strikes_link("a|b", "b", "a"));
  EXPECT_TRUE(strikes_link("a>b", "b", "a"));
  EXPECT_TRUE(strikes_link("a|*", "c", "a"));
  EXPECT_FALSE(strikes_link("a|*", "c", "b"));
  EXPECT_FALSE(strikes_link("a", "a", "b"));
  EXPECT_TRUE(strikes_host("a>b", "b"));
  EXPECT_TRUE(strikes_host("a", "a"));
  EXPECT_FALSE(strikes_host("a|*", "b"));
}

}  // namespace
}  // namespace orrery
