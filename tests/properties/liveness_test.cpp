#include "properties/liveness.hpp"

#include <gtest/gtest.h>

#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

Verdict succeed(const System& run) { return requests_succeed(10s, 30s)(run.history()); }
Verdict rest(const System& run) {
  AtRest at_rest;
  at_rest.rows = {{"user_db.outbox_events", "event_id", "status", {"pending"}},
                  {"notification_db.notification_jobs", "id", "status", {"queued", "sending"}}};
  at_rest.topic = "user.events";
  at_rest.group = "notification";
  return nothing_stays_pending(at_rest)(run.history());
}

/// A run with a fault at 1 s that is healed at 60 s.
System healed() {
  System run;
  run.at(1s).fault("crash", "user-1");
  run.at(60s).healed();
  return run;
}

void ask(System& run, Duration at, const std::string& id, std::int64_t status) {
  run.at(at).ask("list users", id, "{}");
  run.told("list users", id, status, status == 0 ? "timed out" : "{}");
}

TEST(Requests, SucceedOnceFaultsAreHealed) {
  System run = healed();
  ask(run, 70s, "1", 200);
  ask(run, 71s, "2", 409);  // an answer, if not the one hoped for
  EXPECT_EQ(shapes(succeed(run)), "");
  EXPECT_EQ(succeed(run).examined, 2);
}

TEST(Requests, MayFailBefore) {
  System run = healed();
  ask(run, 5s, "1", 503);
  ask(run, 69s, "2", 0);  // within the grace
  EXPECT_EQ(succeed(run).examined, 0);
}

TEST(Requests, MayNotFailAfterwards) {
  for (const std::int64_t status : {503, 500, 429, 408, 0}) {
    System run = healed();
    ask(run, 71s, "1", status);
    EXPECT_EQ(shapes(succeed(run)), "list users " + std::to_string(status));
  }
}

TEST(Requests, MustEnd) {
  System run = healed();
  run.at(71s).ask("list users", "1", "{}");
  run.at(80s).add(EventKind::phase, "", "end");
  EXPECT_EQ(succeed(run).examined, 0);  // may still be under way
  run.at(110s).add(EventKind::phase, "", "end");
  EXPECT_EQ(shapes(succeed(run)), "list users never ended");
}

TEST(Requests, MayNeverFailWithoutAnyFault) {
  System run;
  ask(run, 1s, "1", 503);
  EXPECT_EQ(shapes(succeed(run)), "list users 503");
}

TEST(Requests, MayFailAroundACrashThatSomebodyElseCaused) {
  System run;
  run.at(5s).add(EventKind::host_crashed, "user-1", "");
  ask(run, 6s, "1", 503);
  run.at(60s).healed();
  EXPECT_EQ(succeed(run).examined, 0);
  ask(run, 71s, "2", 503);
  EXPECT_EQ(shapes(succeed(run)), "list users 503");
}

TEST(Requests, AreNotJudgedIfFaultsAreNeverHealed) {
  System run;
  run.at(1s).fault("crash", "user-1");
  ask(run, 100s, "1", 503);
  EXPECT_EQ(succeed(run).examined, 0);
}

Verdict fast(const System& run) { return answer_time_p95_is_within(10s, 300ms, 20)(run.history()); }

TEST(Answers, ComeInTime) {
  System run = healed();
  for (int i = 0; i < 20; ++i) {
    run.at(71s).ask("list users", std::to_string(i), "{}");
    run.at(i == 0 ? 75s : 71300ms).told("list users", std::to_string(i), 200, "{}");
  }
  EXPECT_EQ(shapes(fast(run)), "");  // one in twenty may be slow
  EXPECT_EQ(fast(run).examined, 20);
  run.at(80s).ask("list users", "slow", "{}");
  run.at(81s).told("list users", "slow", 200, "{}");
  EXPECT_EQ(shapes(fast(run)), "too slow");
}

TEST(Answers, AreNotTimedDuringFaultsOrIfTheyAreFew) {
  System run = healed();
  for (int i = 0; i < 20; ++i) {
    run.at(i == 0 ? 61s : 71s).ask("list users", std::to_string(i), "{}");
    run.at(75s).told("list users", std::to_string(i), 200, "{}");
  }
  EXPECT_EQ(fast(run).examined, 0);
}

TEST(Rest, ComesWhenAllIsDone) {
  System run;
  run.all_of("ada", 1, "k1");
  run.at(100s).add(EventKind::phase, "", "end");
  EXPECT_EQ(shapes(rest(run)), "");
  EXPECT_EQ(rest(run).examined, 5);  // event, job, message, operation, request
}

TEST(Rest, DoesNotComeToRowsThatWait) {
  System run;
  run.create("ada");
  run.commit_job("bob", 1);
  EXPECT_EQ(shapes(rest(run)), "outbox_events pending, notification_jobs queued");
  run.drop("notification_jobs", "1");
  run.commit("notification_db", "notification-1#1");
  EXPECT_EQ(shapes(rest(run)), "outbox_events pending");
}

TEST(Rest, DoesNotComeToAMessageThatIsNotSettledAsOftenAsStored) {
  System run;
  run.create("ada");
  run.publish("ada");
  EXPECT_EQ(shapes(rest(run)), "message");
  run.acknowledge("ada");
  EXPECT_EQ(shapes(rest(run)), "");
  run.store("ada");
  EXPECT_EQ(shapes(rest(run)), "message");
  run.add(EventKind::message_dead_lettered, "broker", "user.events/notification", "ada/1", 20);
  EXPECT_EQ(shapes(rest(run)), "");
  run.store("ada");
  run.add(EventKind::message_settled, "broker", "user.events/other-group", "ada/1");
  EXPECT_EQ(shapes(rest(run)), "message");
}

TEST(Rest, DoesNotComeToRequestsThatNeverEnd) {
  System run;
  run.at(1s).ask("list users", "1", "{}");
  run.send(1);
  run.at(20s).add(EventKind::phase, "", "end");
  EXPECT_EQ(shapes(rest(run)), "");  // they may still be under way
  run.at(40s).add(EventKind::phase, "", "end");
  EXPECT_EQ(shapes(rest(run)), "operation, request");
}

TEST(Rest, ComesToRequestsOfADeadHost) {
  System run;
  run.at(1s).send(1);
  run.add(EventKind::host_crashed, "notification-1");
  run.at(40s).add(EventKind::phase, "", "end");
  EXPECT_EQ(shapes(rest(run)), "");
}

TEST(Tasks, DoNotFail) {
  System run;
  run.add(EventKind::host_started, "user-1", "", "", 1);
  EXPECT_EQ(shapes(no_task_fails()(run.history())), "");
  EXPECT_EQ(no_task_fails()(run.history()).examined, 1);
  run.add(EventKind::service_failed, "user-1", "user GET /users/3f2a77c1-0000", "", 0, "bad cast");
  run.add(EventKind::service_failed, "user-1", "outbox-relay", "", 0, "bad cast");
  run.add(EventKind::request_answered, "user-1", "user POST /users", "r", 503);
  run.add(EventKind::request_answered, "user-1", "user PUT /users/3f2a77c1-0000", "r", 500);
  EXPECT_EQ(shapes(no_task_fails()(run.history())), "user GET /users/*, outbox-relay, user PUT /users/* 500");
}

}  // namespace
}  // namespace orrery
