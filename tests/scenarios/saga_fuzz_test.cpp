#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "scenarios/testing.hpp"
#include "tests/scenarios/saga_fuzz.hpp"

namespace orrery {
namespace {

using testing::drawn_steps;
using testing::fuzzed_saga;

TEST(FuzzedSaga, IsWholeWhateverItsStepsAre) {
  const std::uint64_t sagas = std::getenv("ORRERY_LONG") != nullptr ? 2000 : 60;
  for (std::uint64_t number = 1; number <= sagas; ++number) {
    const Scenario scenario = fuzzed_saga(number).with_profile(number % 2 == 0 ? "heavy" : "swarm");
    EXPECT_HOLDS(scenario, seeds(number, number)) << "saga " << number << ": " << drawn_steps(number).dump();
  }
}

TEST(FuzzedSaga, DrawsAllKindsOfSagas) {
  std::size_t shortest = 99;
  std::size_t longest = 0;
  int with_pivot = 0;
  int without = 0;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    const Json steps = drawn_steps(number);
    shortest = std::min(shortest, steps.size());
    longest = std::max(longest, steps.size());
    const bool pivot = std::ranges::any_of(steps, [](const Json& step) { return step.at("pivot").get<bool>(); });
    ++(pivot ? with_pivot : without);
  }
  EXPECT_EQ(shortest, 1U);
  EXPECT_EQ(longest, 6U);
  EXPECT_GT(with_pivot, 20);
  EXPECT_GT(without, 10);
}

/// A mistake in each mechanism is found on some of the sagas.
class FuzzedSagaMistakes : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FuzzedSagaMistakes, AreFound) {
  const Defect defect = fuzzed_saga(1).defects.at(GetParam());
  for (std::uint64_t number = 1; number <= 120; ++number) {
    RunRequest request;
    request.seed = number;
    const RunResult result = run(fuzzed_saga(number).with_defect(defect.name), request);
    const bool found = std::ranges::any_of(result.judged, [&defect](const JudgedProperty& one) {
      return !one.verdict.holds && one.property->name == defect.violates;
    });
    if (found) return;
  }
  FAIL() << defect.name << " was not found by \"" << defect.violates << "\"";
}

std::string mistake_name(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = fuzzed_saga(1).defects.at(info.param).name;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, FuzzedSagaMistakes, ::testing::Range<std::size_t>(0, 10), mistake_name);

}  // namespace
}  // namespace orrery
