#include "scenarios/simulation.hpp"

#include <gtest/gtest.h>

#include "scenarios/user_notification.hpp"
#include "tests/scenarios/toy.hpp"

namespace orrery {
namespace {

Request add(const char* id) { return Request("POST", "/add", id); }

std::size_t stored(Simulation& world) { return world.history().of(EventKind::message_stored).size(); }

TEST(Simulation, NothingHappensButWhatTheTestAsksFor) {
  Simulation world(toy::additions());
  world.run_for(1min);
  EXPECT_EQ(world.now(), 1min);
  EXPECT_TRUE(world.history().of(EventKind::operation_invoked).empty());
  EXPECT_TRUE(world.history().of(EventKind::fault_injected).empty());
  EXPECT_EQ(world.call("counter", add("one")).status, 200);
  EXPECT_EQ(stored(world), 1U);
}

TEST(Simulation, IsTheSameForTheSameStepsAndAnotherForAnotherSeed) {
  const auto hash = [](std::uint64_t seed) {
    Simulation world(toy::additions(), seed);
    for (int i = 0; i < 5; ++i) (void)world.call("counter", add("x"));
    world.crash("counter-1");
    world.run_for(3s);
    world.heal();
    world.run_for(3s);
    return world.world().recorder().hash();
  };
  EXPECT_EQ(hash(7), hash(7));
  EXPECT_NE(hash(7), hash(8));
}

TEST(Simulation, ACallGivesTheAnswerOrThrowsWhyThereIsNone) {
  Simulation world(toy::additions());
  EXPECT_EQ(world.call("counter", Request("POST", "/nowhere")).status, 404);
  world.crash("counter-1");
  world.crash("counter-2");
  try {
    (void)world.call("counter", add("one"));
    FAIL();
  } catch (const CallFailed& failed) {
    EXPECT_EQ(failed.reason(), CallFailed::Reason::refused);
  }
  world.restart("counter-1");
  world.restart("counter-2");
  world.partition("client-1", "counter-1");
  world.partition("client-1", "counter-2");
  const Duration before = world.now();
  EXPECT_THROW((void)world.call("counter", add("one"), 2s), CallFailed);
  EXPECT_EQ(world.now() - before, 2s) << "a call into a partition hangs until its deadline";
  EXPECT_EQ(world.call("counter", add("two"), 2s, "client-2").status, 200);
  world.heal();
  EXPECT_EQ(world.call("counter", add("three")).status, 200);
}

TEST(Simulation, CallsCanBeUnderWaySideBySide) {
  Simulation world(toy::additions());
  world.pause("broker");
  const Simulation::Call first = world.start_call("counter", add("one"), 5s, "client-1");
  const Simulation::Call second = world.start_call("counter", add("two"), 5s, "client-2");
  world.run_for(1s);
  EXPECT_FALSE(first.ended());
  EXPECT_FALSE(second.ended());
  world.resume("broker");
  world.run_for(1s);
  EXPECT_EQ(first.response().status, 200);
  EXPECT_EQ(second.response().status, 200);
}

TEST(Simulation, RunsUntilAPlaceIsReached) {
  Simulation world(toy::additions());
  const Simulation::Call call = world.start_call("counter", add("one"));
  ASSERT_TRUE(world.run_until("client-1/call before call"));
  EXPECT_EQ(world.now(), 0s);
  EXPECT_FALSE(call.ended());
  ASSERT_TRUE(world.run_until("client-1/call after call"));
  EXPECT_TRUE(call.ended());
  EXPECT_FALSE(world.run_until("client-1/call after call", 1, 10s)) << "it was reached before, not again";
}

TEST(Simulation, AHostCanDieAtAPlaceAndStartAgain) {
  Simulation world(toy::additions());
  world.crash_at("client-1", "client-1/call after call", 1, 2s);
  const Simulation::Call call = world.start_call("counter", add("one"));
  world.run_for(1s);
  EXPECT_FALSE(world.is_up("client-1"));
  EXPECT_FALSE(call.ended()) << "who is dead hears nothing";
  EXPECT_EQ(stored(world), 1U) << "but what it asked for was done";
  world.run_for(2s);
  EXPECT_TRUE(world.is_up("client-1"));
}

TEST(Simulation, AHostCanStandStillAtAPlaceAndGoOnThere) {
  Simulation world(toy::additions());
  Fault pause;
  pause.kind = FaultKind::pause;
  pause.target = "counter-1";
  pause.place = "counter-1/POST /add before answer";
  pause.ordinal = 1;
  pause.lasts = 3s;
  world.inject(pause);
  pause.target = "counter-2";  // whichever is asked
  pause.place = "counter-2/POST /add before answer";
  world.inject(pause);
  const Simulation::Call call = world.start_call("counter", add("one"));
  world.run_for(2s);
  ASSERT_EQ(world.history().of(EventKind::fault_injected, "pause").size(), 1U);
  EXPECT_EQ(stored(world), 1U) << "it was done before";
  EXPECT_TRUE(world.history().of(EventKind::request_answered).empty()) << "not a step further";
  EXPECT_FALSE(call.ended());
  world.run_for(2s);
  EXPECT_TRUE(call.ended());
  EXPECT_EQ(world.history().of(EventKind::request_answered).size(), 1U);
}

TEST(Simulation, ComesToRestWhenOnlyIdleLoopsAreLeft) {
  Simulation world(toy::additions());
  EXPECT_TRUE(world.run_until_at_rest());
  world.perform("client-2", "add", Json{{"id", "one"}});
  EXPECT_TRUE(world.run_until_at_rest());
  EXPECT_EQ(world.history().of(EventKind::message_settled).size(), 1U) << "the ledger is done with it";

  // A delivery that nobody can take is not rest.
  world.crash("ledger-1");
  (void)world.call("counter", add("two"));
  EXPECT_FALSE(world.run_until_at_rest(30s, 3min));
  world.heal();
  EXPECT_TRUE(world.run_until_at_rest());
  EXPECT_EQ(world.history().of(EventKind::message_settled).size(), 2U);
}

TEST(Simulation, PlaysWhatARunPlays) {
  const Scenario scenario = toy::additions().with_profile("swarm");
  RunRequest request;
  request.seed = 5;
  const RunResult result = run(scenario, request);
  Simulation world(scenario, 5);
  world.play();
  world.run_for(scenario.runs_for);
  world.settle();
  EXPECT_EQ(world.world().recorder().hash(), result.hash);
  EXPECT_EQ(world.judge().size(), result.judged.size());
}

TEST(Simulation, JudgesWhatHappenedByHand) {
  Simulation world(toy::additions().with_defect("answers-first"));
  world.crash("broker");
  world.perform("client-1", "add", Json{{"id", "lost"}});
  world.run_for(1s);
  world.settle();
  bool lost = false;
  for (const JudgedProperty& judged : world.judge()) lost = lost || (judged.property->name == toy::kStored && !judged.verdict.holds);
  EXPECT_TRUE(lost);
}

// ---- the user/notification system, by hand ----

Request sign_up(const char* email) {
  return Request("POST", "/users", Json{{"email", email}, {"name", "Ada"}}.dump());
}

TEST(SimulatedUserNotification, OneSignUpIsOneMail) {
  Simulation world(user_notification());
  const Response created = world.call("user", sign_up("ada@example.org"));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(world.rows("user_db", "SELECT id FROM users").size(), 1U);
  ASSERT_TRUE(world.run_until_at_rest());
  const Rows jobs = world.rows("notification_db", "SELECT destination, status FROM notification_jobs");
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0]["destination"].text(), "ada@example.org");
  EXPECT_EQ(jobs[0]["status"].text(), "sent");
}

TEST(SimulatedUserNotification, ARelayThatDiesBetweenPublishAndMarkPublishesAgainAndStillOneMailIsSent) {
  Simulation world(user_notification());
  world.crash_at("user-1", "user-1/outbox-relay after publish");
  world.crash_at("user-2", "user-2/outbox-relay after publish");
  ASSERT_EQ(world.call("user", sign_up("ada@example.org")).status, 201);
  ASSERT_TRUE(world.run_until_at_rest());
  EXPECT_GE(world.history().of(EventKind::message_stored, "user.events").size(), 2U);
  EXPECT_EQ(world.rows("notification_db", "SELECT id FROM notification_jobs").size(), 1U);
  world.settle();
  for (const JudgedProperty& judged : world.judge()) EXPECT_TRUE(judged.verdict.holds) << judged.property->name;
}

}  // namespace
}  // namespace orrery
