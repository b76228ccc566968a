#include "properties/sometimes.hpp"

#include <gtest/gtest.h>

#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::System;

KeyedRequests requests() {
  KeyedRequests keyed;
  keyed.kind = [](int status, std::string_view) {
    if (status == 201) return AnswerKind::created;
    if (status == 409) return AnswerKind::refused;
    return status == 422 ? AnswerKind::key_used : AnswerKind::later;
  };
  return keyed;
}

std::int64_t count(const Predicate& predicate, const System& run) {
  return predicate(HistoryIndex(run.history())).count;
}

TEST(Sometimes, AMessageIsDeliveredAgain) {
  const Predicate again = message_is_delivered_again("user.events", "notification");
  System run;
  run.deliver("ada");
  run.deliver("bob");
  EXPECT_EQ(count(again, run), 0);
  const EventId second = run.deliver("ada", 1, 2);
  EXPECT_EQ(count(again, run), 1);
  EXPECT_EQ(again(HistoryIndex(run.history())).first, second);
}

TEST(Sometimes, AMessageComesAfterItsAcknowledgement) {
  const Predicate after = message_comes_after_its_acknowledgement("user.events", "notification");
  System run;
  run.deliver("ada");
  run.deliver("ada", 1, 2);
  run.acknowledge("ada");
  EXPECT_EQ(count(after, run), 0);
  run.deliver("ada", 1, 3);
  EXPECT_EQ(count(after, run), 1);
}

TEST(Sometimes, TwoConsumersHaveOneMessage) {
  const Predicate both = two_consumers_have_one_message("user.events", "notification");
  System run;
  run.deliver("ada", 1, 1, "notification-1");
  run.deliver("ada", 1, 2, "notification-1");  // one host alone
  run.acknowledge("ada", 1, "notification-1");
  run.deliver("ada", 1, 3, "notification-2");  // the other has finished
  run.add(EventKind::host_crashed, "notification-2");
  run.deliver("ada", 1, 4, "notification-1");  // the other is dead
  EXPECT_EQ(count(both, run), 0);
  run.deliver("ada", 1, 5, "notification-2");
  EXPECT_EQ(count(both, run), 1);
}

TEST(Sometimes, ACommitOfUnknownOutcomeHadHappenedOrNot) {
  System run;
  run.create("ada");  // an earlier commit of the session
  run.fault("break_before_commit", "user-1>user_db", "user-1>user_db #2");
  run.add(EventKind::commit_unknown, "user-1", "user_db", "user-1#1");
  run.fault("break_after_commit", "user-1>user_db", "user-1>user_db #3");
  run.put_user("bob");
  run.commit("user_db", "user-1#7");
  run.add(EventKind::commit_unknown, "user-1", "user_db", "user-1#7");
  run.add(EventKind::commit_unknown, "user-2", "user_db", "user-2#1");  // by no fault that struck the COMMIT
  EXPECT_EQ(count(commit_answer_is_lost("user_db"), run), 3);
  EXPECT_EQ(count(unknown_commit_turns_out("user_db", true), run), 1);
  EXPECT_EQ(count(unknown_commit_turns_out("user_db", false), run), 1);
}

TEST(Sometimes, AFailedPublishWasStored) {
  const Predicate stored = failed_publish_was_stored("user.events");
  System run;
  run.store("ada");
  run.confirm("ada");
  run.add(EventKind::publish_started, "user-1", "user.events", "ada/1");
  run.add(EventKind::publish_failed, "user-1", "user.events", "ada/1", 0, "timed out");  // not stored this time
  EXPECT_EQ(count(stored, run), 0);
  run.store("ada");
  run.add(EventKind::publish_failed, "user-1", "user.events", "ada/1", 0, "timed out");
  EXPECT_EQ(count(stored, run), 1);
  EXPECT_EQ(count(message_is_published_again("user.events"), run), 1);
}

TEST(Sometimes, AHostDiesAtAPlace) {
  System run;
  run.fault("crash", "user-1", "12s");
  run.fault("crash", "user-1", "user-1/POST /users before commit #3");
  EXPECT_EQ(count(host_dies_at("before commit"), run), 1);
}

TEST(Sometimes, AHostDiesWithARequest) {
  const Predicate dies = host_dies_with_a_request();
  System run;
  run.add(EventKind::host_started, "mail-1", "", "", 1);
  run.accept(1);
  run.add(EventKind::host_crashed, "mail-1");  // had answered
  run.add(EventKind::host_started, "mail-1", "", "", 2);
  EXPECT_EQ(count(dies, run), 0);
  run.add(EventKind::request_received, "mail-1", "mail POST /messages", "2.1", 0, "{}");
  run.add(EventKind::host_crashed, "user-1");  // another host
  EXPECT_EQ(count(dies, run), 0);
  run.add(EventKind::host_crashed, "mail-1");
  run.add(EventKind::host_started, "mail-1", "", "", 3);
  run.add(EventKind::host_crashed, "mail-1");  // the request died with an earlier life
  EXPECT_EQ(count(dies, run), 1);
}

TEST(Sometimes, ALeaseIsTakenOver) {
  const Predicate taken = lease_is_taken_over("notification_db.notification_jobs", "id", "claim_token", "claimed_by");
  System run;
  run.commit_job("ada", 1);
  run.claim(1);
  run.mark_job(1, "queued");  // given back
  run.claim(1, 2);
  EXPECT_EQ(count(taken, run), 0);
  run.claim(1, 3, "notification-2");
  EXPECT_EQ(count(taken, run), 1);
}

TEST(Sometimes, TwoRequestsRace) {
  const Predicate race = requests_race_for_one_value(requests());
  System run;
  run.ask("create user", "1", System::sign_up_text("k1", "ada"));
  run.ask("create user", "2", System::sign_up_text("k2", "ada"));
  run.told("create user", "1", 201, R"({"id":"ada"})");
  run.ask("create user", "3", System::sign_up_text("k3", "ada"));
  run.told("create user", "3", 409, "{}");  // came too late to race
  EXPECT_EQ(count(race, run), 0);
  run.told("create user", "2", 409, "{}");
  EXPECT_EQ(count(race, run), 1);
}

TEST(Sometimes, ARetryGetsTheStoredAnswerAndAKeyIsRefused) {
  System run;
  for (const char* id : {"1", "2"}) {
    run.ask("create user", id, System::sign_up_text("k1", "ada"));
    EXPECT_EQ(count(retry_gets_the_stored_answer(requests()), run), 0);
    run.told("create user", id, 201, R"({"id":"ada"})");
  }
  EXPECT_EQ(count(retry_gets_the_stored_answer(requests()), run), 1);
  run.ask("create user", "3", System::sign_up_text("k1", "ada", "Other"));
  run.told("create user", "3", 422, "{}");
  EXPECT_EQ(count(key_is_refused(requests()), run), 1);
}

TEST(Sometimes, ASendSucceedsUnheard) {
  const Predicate unheard = send_succeeds_without_an_answer(Provider());
  System run;
  run.send(1);
  run.accept(1);
  run.hear(1);
  run.send(2);
  run.hear(2, 1, 0, "timed out");  // never arrived
  EXPECT_EQ(count(unheard, run), 0);
  run.send(3);
  run.accept(3);
  run.hear(3, 1, 0, "reply lost");
  run.send(4);
  run.accept(4);  // its sender died
  EXPECT_EQ(count(unheard, run), 2);
}

TEST(Sometimes, NeverViolatesARun) {
  const Property property = sometimes("never", "", happens(EventKind::host_crashed));
  System run;
  EXPECT_TRUE(property.check(run.history()).holds);
  EXPECT_EQ(property.check(run.history()).examined, 0);
  EXPECT_EQ(property.check(run.history()).witness, 0U);
  const EventId crash = run.add(EventKind::host_crashed, "user-1");
  EXPECT_EQ(property.check(run.history()).examined, 1);
  EXPECT_EQ(property.check(run.history()).witness, crash);
}

}  // namespace
}  // namespace orrery
