#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "scenarios/stage.hpp"
#include "scenarios/testing.hpp"
#include "tests/scenarios/toy.hpp"

namespace orrery {
namespace {

RunRequest request(std::uint64_t seed, const char* profile = "heavy") {
  RunRequest request;
  request.seed = seed;
  request.profile = profile;
  return request;
}

RunRequest replay_of(const RunResult& result) {
  RunRequest request;
  request.seed = result.seed;
  request.plan = result.plan;
  return request;
}

TEST(Run, GivesTheSameWhateverRanBefore) {
  const Scenario scenario = toy::additions();
  std::vector<std::uint64_t> upwards;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) upwards.push_back(run(scenario, request(seed)).hash);
  for (std::uint64_t seed = 20; seed >= 1; --seed) {
    EXPECT_EQ(run(scenario, request(seed, "heavy")).hash, upwards[seed - 1]) << "seed " << seed;
    (void)run(scenario.with_defect("answers-first"), request(seed + 100, "swarm"));
  }
  EXPECT_EQ(std::set(upwards.begin(), upwards.end()).size(), upwards.size()) << "seeds differ from each other";
}

TEST(Run, HasTheSameHashWithAndWithoutFullRecording) {
  const Scenario scenario = toy::additions();
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RunRequest full = request(seed);
    full.full = true;
    const RunResult recorded = run(scenario, full);
    const RunResult plain = run(scenario, request(seed));
    EXPECT_EQ(recorded.hash, plain.hash);
    EXPECT_EQ(recorded.events, plain.events);
    EXPECT_GT(recorded.history.events().size(), plain.history.events().size());
  }
}

TEST(Run, AMaterialisedPlanReplaysToTheSameHash) {
  const Scenario scenario = toy::additions();
  for (const char* profile : {"light", "heavy", "swarm"}) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      SCOPED_TRACE(std::string(profile) + " seed " + std::to_string(seed));
      const RunResult first = run(scenario, request(seed, profile));
      const RunResult again = run(scenario, replay_of(first));
      EXPECT_EQ(again.hash, first.hash);
      EXPECT_EQ(again.plan.faults, first.plan.faults);
      EXPECT_TRUE(again.unused.empty()) << to_string(again.unused.front());
    }
  }
}

/// The facts about one message, without what a fault elsewhere may change: ids of events and causes.
std::vector<std::string> deeds_of(const History& history, const std::string& host) {
  std::vector<std::string> deeds;
  for (const Event& event : history.events()) {
    if (event.host != host || event.kind == EventKind::fault_injected) continue;
    deeds.push_back(to_string(event.at.time_since_epoch()) + " " + to_string(event.kind) + " " + event.subject + " " + event.key);
  }
  return deeds;
}

TEST(Run, TakingAFaultAwayShiftsNoOtherDecision) {
  const Scenario scenario = toy::additions();
  int looked_at = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const RunResult first = run(scenario, request(seed));
    if (first.plan.faults.empty()) continue;
    // Without its last fault the run is the same up to there.
    RunRequest less = replay_of(first);
    less.plan->faults.pop_back();
    const RunResult again = run(scenario, less);
    std::size_t same = 0;
    const auto& before = first.history.events();
    const auto& after = again.history.events();
    while (same < std::min(before.size(), after.size()) && before[same].kind == after[same].kind &&
           before[same].at == after[same].at && before[same].text == after[same].text) {
      ++same;
    }
    const auto last = std::find_if(before.rbegin(), before.rend(), [](const Event& e) { return e.kind == EventKind::fault_injected; });
    EXPECT_GE(same, static_cast<std::size_t>(before.rend() - last) - 1) << "seed " << seed;
    ++looked_at;
  }
  EXPECT_GT(looked_at, 20);
}

TEST(Run, TakingAnOperationAwayLeavesOtherClientsAlone) {
  const Scenario scenario = toy::additions();
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const RunResult whole = run(scenario, request(seed, "none"));
    RunRequest less = replay_of(whole);
    std::erase_if(less.plan->operations, [](const Operation& one) { return one.client == "client-1"; });
    const RunResult half = run(scenario, less);
    EXPECT_TRUE(deeds_of(half.history, "client-1").size() < deeds_of(whole.history, "client-1").size());
    // Which replica is asked, under which request id: the same as before.
    const auto asked = [](const RunResult& result) {
      std::set<std::string> requests;
      for (const Event* sent : result.history.of(EventKind::request_sent)) {
        if (sent->host == "client-2") requests.insert(to_string(sent->at.time_since_epoch()) + sent->key + sent->text);
      }
      return requests;
    };
    EXPECT_EQ(asked(half), asked(whole));
  }
}

TEST(Run, CountsTheFaultsThatWereAskedForAlsoThoseThatNeverStruck) {
  const RunResult none = run(toy::additions(), request(1, "none"));
  EXPECT_TRUE(none.faults.empty());
  const RunResult heavy = run(toy::additions(), request(1));
  EXPECT_TRUE(heavy.faults.contains("lose_ack"));
  EXPECT_FALSE(heavy.faults.contains("break_after_commit")) << "there is no database";
  std::int64_t sum = 0;
  for (const auto& [kind, count] : heavy.faults) sum += count;
  EXPECT_EQ(sum, static_cast<std::int64_t>(heavy.plan.faults.size()));
}

TEST(Run, StopsEarlyAndJudgesNothing) {
  RunRequest early = request(3);
  early.until = Instant(7s);
  const RunResult result = run(toy::additions(), early);
  EXPECT_EQ(result.simulated, 7s);
  EXPECT_TRUE(result.judged.empty());
  EXPECT_EQ(result.violated(), nullptr);
  early.until = Instant(20s);
  EXPECT_EQ(run(toy::additions(), early).simulated, 20s);
}

TEST(Run, AnUnknownDefectOrProfileIsAnsweredWithTheKnownOnes) {
  const auto refusal = [](const RunRequest& request) {
    try {
      (void)run(toy::additions(), request);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  RunRequest wrong = request(1);
  wrong.defect = "answer-first";
  EXPECT_EQ(refusal(wrong), "unknown defect \"answer-first\" of additions; known: answers-first, throws, spins, leaks");
  EXPECT_EQ(refusal(request(1, "lite")), "unknown fault profile \"lite\"; known: none, light, heavy, swarm");
  EXPECT_THROW((void)toy::additions().with_defect("x"), std::invalid_argument);
  EXPECT_THROW((void)toy::additions().with_profile("x"), std::invalid_argument);
}

TEST(Run, APlanThatDoesNotFitIsRefusedWithItsPlace) {
  const auto refusal = [](const std::function<void(Plan&)>& spoil) {
    RunRequest request = replay_of(run(toy::additions(), orrery::RunRequest{}));
    spoil(*request.plan);
    try {
      (void)run(toy::additions(), request);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal([](Plan& plan) { plan.operations[2].name = "subtract"; }),
            "operations[2].name: additions has no operation \"subtract\"; known: add");
  EXPECT_EQ(refusal([](Plan& plan) { plan.operations[1].client = "client-9"; }),
            "operations[1].client: there is no client \"client-9\"");
  EXPECT_EQ(refusal([](Plan& plan) { plan.operations[1].id = plan.operations[0].id; }),
            "operations[1].id: \"add-1\" is the id of an earlier operation, too");
  EXPECT_EQ(refusal([](Plan& plan) {
              plan.faults.resize(1);
              plan.faults[0] = Fault();
              plan.faults[0].target = "counter-3";
              plan.faults[0].at = 1s;
            }),
            "faults[0]: crash counter-3 at 1s: there is no host \"counter-3\"");
}

TEST(Run, FaultsThatFoundNoPlaceAreReported) {
  RunRequest edited = replay_of(run(toy::additions(), request(1, "none")));
  Fault never;
  never.kind = FaultKind::drop;
  never.target = "client-1>counter-1";
  never.ordinal = 100'000;
  Fault late;
  late.target = "counter-1";
  late.at = 16s;  // after the faults' phase
  edited.plan->faults = {never, late};
  const RunResult result = run(toy::additions(), edited);
  EXPECT_EQ(result.unused, (std::vector{never, late}));
  EXPECT_EQ(result.faults.at("drop"), 0);
}

TEST(Run, AServiceThatThrowsIsAViolationWithItsTask) {
  const RunResult result = run(toy::additions().with_defect("throws"), request(1, "none"));
  ASSERT_NE(result.violated(), nullptr);
  EXPECT_EQ(result.violated()->property->name, "no service task ends by an exception");
  const std::string what = result.violated()->verdict.violations.front().what;
  EXPECT_NE(what.find("heartbeat"), std::string::npos) << what;
  EXPECT_NE(what.find("the counter has had enough"), std::string::npos) << what;
}

TEST(Run, AServiceThatNeverLetsTimePassIsNamed) {
  const RunResult result = run(toy::additions().with_defect("spins"), request(1, "none"));
  EXPECT_NE(result.stuck.find("virtual time stands still at 5"), std::string::npos) << result.stuck;
  EXPECT_NE(result.stuck.find("/heartbeat"), std::string::npos) << result.stuck;
  EXPECT_TRUE(result.judged.empty());
}

TEST(Run, AServiceThatLeaksATaskIsAViolation) {
  Scenario leaking = toy::additions().with_defect("leaks");
  RunRequest crashing = replay_of(run(toy::additions(), request(1, "none")));
  Fault crash;
  crash.target = "counter-1";
  crash.at = 8s;
  crash.lasts = 1s;
  crashing.plan->faults = {crash};
  const RunResult result = run(leaking, crashing);
  ASSERT_NE(result.violated(), nullptr);
  EXPECT_NE(result.violated()->verdict.violations.front().what.find("live on"), std::string::npos)
      << result.violated()->verdict.violations.front().what;
}

TEST(ManySeeds, TheToyHoldsAndItsTwinDoesNot) {
  EXPECT_HOLDS(toy::additions(), seeds(1, 50));
  EXPECT_HOLDS(toy::additions().with_profile("swarm"), seeds(1, 50));
  EXPECT_VIOLATES(toy::additions().with_defect("answers-first"), toy::kStored, seeds(1, 100));
}

TEST(ManySeeds, AFailureShowsTheStoryAndTheCommandThatRunsItAgain) {
  const SeedsVerdict verdict = holds_on(toy::additions().with_defect("answers-first").with_profile("swarm"), seeds(1, 100));
  ASSERT_FALSE(verdict.as_expected);
  EXPECT_NE(verdict.why.find("additions with the defect \"answers-first\" under \"swarm\" faults does not hold on seed "),
            std::string::npos)
      << verdict.why;
  EXPECT_NE(verdict.why.find("eventually \"every addition that was accepted is stored\": What was answered"), std::string::npos)
      << verdict.why;
  EXPECT_NE(verdict.why.find("=>"), std::string::npos) << verdict.why;
  EXPECT_NE(verdict.why.find("Run it again: ./orrery replay additions --seed "), std::string::npos) << verdict.why;
  EXPECT_NE(verdict.why.find(" --faults swarm --defect answers-first\n"), std::string::npos) << verdict.why;
}

TEST(ManySeeds, AnExpectedViolationThatDoesNotComeSaysWhatWasSeenInstead) {
  const SeedsVerdict held = violated_on(toy::additions(), toy::kStored, seeds(1, 2));
  EXPECT_FALSE(held.as_expected);
  EXPECT_NE(held.why.find("it violates nothing"), std::string::npos) << held.why;
  const SeedsVerdict other = violated_on(toy::additions().with_defect("throws"), toy::kStored, seeds(1, 2));
  EXPECT_NE(other.why.find("no service task ends by an exception, on 2 seeds"), std::string::npos) << other.why;
  const SeedsVerdict unknown = violated_on(toy::additions(), "no such thing", seeds(1, 2));
  EXPECT_NE(unknown.why.find("has no property \"no such thing\""), std::string::npos) << unknown.why;
}

}  // namespace
}  // namespace orrery
