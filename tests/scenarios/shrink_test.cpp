#include "scenarios/shrink.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/scenarios/fake_run.hpp"

namespace orrery {
namespace {

using testing::fake_result;
using testing::violated;

Operation operation(const std::string& id, Duration at) {
  Operation one;
  one.at = at;
  one.client = "client-1";
  one.id = id;
  one.name = "buy";
  one.arguments = Json{{"extras", 3}};
  return one;
}

Fault crash_of(const std::string& host, Duration at) {
  Fault fault;
  fault.kind = FaultKind::crash;
  fault.target = host;
  fault.at = at;
  fault.lasts = 1s;
  return fault;
}

Fault drop_at(std::uint64_t occasion) {
  Fault fault;
  fault.kind = FaultKind::drop;
  fault.target = "a>b";
  fault.ordinal = occasion;
  return fault;
}

bool asks(const Plan& plan, const std::string& id) {
  return std::ranges::any_of(plan.operations, [&](const Operation& one) { return one.id == id; });
}
bool crashes(const Plan& plan, const std::string& host) {
  return std::ranges::any_of(plan.faults, [&](const Fault& one) { return one.target == host; });
}

/// Fifty operations and faults each, in a plan that a seed is said to draw.
Plan large_plan() {
  Plan plan;
  for (int i = 0; i < 50; ++i) {
    plan.operations.push_back(operation("op-" + std::to_string(i), i * 1s + 137us));
    plan.faults.push_back(crash_of("host-" + std::to_string(i), i * 1s + 412us));
  }
  return plan;
}

/// A run whose plan fails if `fails` says so.
template <class Fails>
RunFunction run_of(Fails fails, const Plan& drawn) {
  return [fails, drawn](const RunRequest& request) {
    RunResult result = fake_result(request.seed);
    result.plan = request.plan.value_or(drawn);
    if (fails(result.plan)) result.judged.push_back(violated("S1 nothing is lost", "an order is lost", "order 7 is lost"));
    return result;
  };
}

ShrinkOptions options_with(unsigned jobs) {
  ShrinkOptions options;
  options.jobs = jobs;
  options.time_limit = 10min;
  return options;
}

TEST(Shrink, FindsTheTwoOperationsAndTheFaultThatBelongTogetherWhateverTheJobs) {
  const auto fails = [](const Plan& plan) { return asks(plan, "op-7") && asks(plan, "op-31") && crashes(plan, "host-12"); };
  for (const unsigned jobs : {1U, 2U, 5U}) {
    const Shrunk shrunk = shrink(run_of(fails, large_plan()), {}, options_with(jobs));
    ASSERT_TRUE(shrunk.request.plan);
    const Plan& plan = *shrunk.request.plan;
    EXPECT_TRUE(shrunk.is_minimal);
    EXPECT_EQ(shrunk.property, "S1 nothing is lost");
    EXPECT_EQ(shrunk.from.operations, 50U);
    EXPECT_EQ(shrunk.from.faults, 50U);
    ASSERT_EQ(plan.operations.size(), 2U);
    EXPECT_EQ(plan.operations[0].id, "op-7");
    EXPECT_EQ(plan.operations[1].id, "op-31");
    ASSERT_EQ(plan.faults.size(), 1U);
    EXPECT_EQ(plan.faults[0].target, "host-12");
    // Nothing waits: the first thing comes at once, the next within a second.
    EXPECT_LE(plan.operations[0].at, 1s);
    EXPECT_LE(plan.operations[1].at, 3s);
    EXPECT_EQ(plan.operations[0].at % 1s, 0s);
  }
}

TEST(Shrink, TakesAwayEveryFaultIfNoneIsNeeded) {
  const Shrunk shrunk = shrink(run_of([](const Plan& plan) { return asks(plan, "op-3"); }, large_plan()), {}, options_with(2));
  EXPECT_EQ(shrunk.to.operations, 1U);
  EXPECT_EQ(shrunk.to.faults, 0U);
}

TEST(Shrink, FollowsAnOccasionWhoseOrdinalShiftsWhenOperationsGo) {
  Plan drawn;
  for (int i = 0; i < 20; ++i) drawn.operations.push_back(operation("op-" + std::to_string(i), i * 1s));
  drawn.faults = {drop_at(2 * 15 + 1)};
  // Each operation makes two occasions; the first one of op-15 is the one that hurts.
  const auto fails = [](const Plan& plan) {
    const auto found = std::ranges::find(plan.operations, "op-15", &Operation::id);
    if (found == plan.operations.end()) return false;
    const auto before = static_cast<std::uint64_t>(found - plan.operations.begin());
    return std::ranges::any_of(plan.faults, [&](const Fault& fault) { return fault.ordinal == 2 * before + 1; });
  };
  const Shrunk shrunk = shrink(run_of(fails, drawn), {}, options_with(2));
  ASSERT_EQ(shrunk.to.operations, 1U);
  ASSERT_EQ(shrunk.to.faults, 1U);
  EXPECT_EQ(shrunk.request.plan->faults[0].ordinal, 1U);
}

TEST(Shrink, KeepsToTheSameFailureAndNotToAnother) {
  // Fewer operations fail, too, but in another way: with another property, or the same with another signature.
  const Plan drawn = large_plan();
  for (const bool other_property : {true, false}) {
    const RunFunction run = [&](const RunRequest& request) {
      RunResult result = fake_result(request.seed);
      result.plan = request.plan.value_or(drawn);
      if (asks(result.plan, "op-9")) {
        result.judged.push_back(violated("S1 nothing is lost", "an order is lost", "order 7 is lost"));
      } else {
        result.judged.push_back(other_property ? violated("S2 nothing is doubled", "an order is lost", "order 7 is lost")
                                               : violated("S1 nothing is lost", "another shape", "order 7 is late"));
      }
      return result;
    };
    const Shrunk shrunk = shrink(run, {}, options_with(2));
    ASSERT_EQ(shrunk.to.operations, 1U);
    EXPECT_EQ(shrunk.request.plan->operations[0].id, "op-9");
  }
}

TEST(Shrink, MakesOperationsSimplerAsLongAsTheyFail) {
  ShrinkOptions options = options_with(2);
  options.simpler = [](const Operation& one) {
    std::vector<Operation> simpler;
    const auto extras = one.arguments.at("extras").get<int>();
    if (extras > 0) {
      simpler.push_back(one);
      simpler.back().arguments["extras"] = extras - 1;
    }
    return simpler;
  };
  const auto fails = [](const Plan& plan) {
    return std::ranges::any_of(plan.operations,
                               [](const Operation& one) { return one.id == "op-4" && one.arguments.at("extras").get<int>() >= 1; });
  };
  const Shrunk shrunk = shrink(run_of(fails, large_plan()), {}, options);
  ASSERT_EQ(shrunk.to.operations, 1U);
  EXPECT_EQ(shrunk.request.plan->operations[0].arguments.at("extras"), 1);
}

TEST(Shrink, SurvivesARunThatDiesInATrial) {
  const auto fails = [](const Plan& plan) {
    if (!asks(plan, "op-8")) std::abort();
    return true;
  };
  const Shrunk shrunk = shrink(run_of(fails, large_plan()), {}, options_with(2));
  ASSERT_EQ(shrunk.to.operations, 1U);
  EXPECT_EQ(shrunk.request.plan->operations[0].id, "op-8");
}

TEST(Shrink, SaysWhyThereIsNothingToShrink) {
  const auto why = [](const RunFunction& run, const std::string& property) {
    ShrinkOptions options = options_with(2);
    options.property = property;
    try {
      (void)shrink(run, {}, options);
    } catch (const NothingToShrink& nothing) {
      return std::string(nothing.what());
    }
    return std::string("it was shrunk");
  };
  EXPECT_EQ(why(run_of([](const Plan&) { return false; }, large_plan()), ""), "the run holds");
  EXPECT_EQ(why(run_of([](const Plan&) { return true; }, large_plan()), "S9"), "the run does not violate \"S9\", but \"S1 nothing is lost\"");
  EXPECT_NE(why(run_of([](const Plan&) -> bool { std::abort(); }, large_plan()), "").find("does not come to its end"), std::string::npos);
}

TEST(Shrink, WithNoTimeLeftGivesThePlanThatItHas) {
  ShrinkOptions options = options_with(2);
  options.time_limit = 1ns;
  const Shrunk shrunk = shrink(run_of([](const Plan&) { return true; }, large_plan()), {}, options);
  EXPECT_FALSE(shrunk.is_minimal);
  EXPECT_EQ(shrunk.request.plan->operations.size(), 50U);
}

RC_GTEST_PROP(Shrink, LeavesNothingThatCouldGoAlone, ()) {
  // Fails with all of some operations and all of some faults: then just these are left.
  constexpr int kItems = 4;
  const auto chosen = rc::gen::map(rc::gen::inRange(0, 1 << kItems), [](int bits) {
    std::set<int> items;
    for (int i = 0; i < kItems; ++i) {
      if ((bits >> i & 1) != 0) items.insert(i);
    }
    return items;
  });
  const std::set<int> operations = *chosen;
  const std::set<int> faults = *chosen;
  Plan drawn;
  for (int i = 0; i < kItems; ++i) {
    drawn.operations.push_back(operation(std::to_string(i), i * 100ms));
    drawn.faults.push_back(crash_of(std::to_string(i), i * 100ms));
  }
  const auto fails = [&](const Plan& plan) {
    return std::ranges::all_of(operations, [&](int i) { return asks(plan, std::to_string(i)); }) &&
           std::ranges::all_of(faults, [&](int i) { return crashes(plan, std::to_string(i)); });
  };
  const Shrunk shrunk = shrink(run_of(fails, drawn), {}, options_with(1));
  RC_ASSERT(shrunk.is_minimal);
  RC_ASSERT(shrunk.to.operations == operations.size());
  RC_ASSERT(shrunk.to.faults == faults.size());
}

}  // namespace
}  // namespace orrery
