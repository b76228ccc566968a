// The plans in scenarios/plans: each finds its twin in simulation, and the correct services hold under it. tests/cli/real.sh
// and real_media.sh run them in real mode, too.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios/plan_file.hpp"

namespace orrery {
namespace {

namespace fs = std::filesystem;

struct Named {
  std::string name;
  PlanFile file;
};

std::vector<Named> plans_of(const Scenario& scenario) {
  const char* source = std::getenv("ORRERY_SOURCE");
  EXPECT_NE(source, nullptr) << "ORRERY_SOURCE names the source tree; ctest sets it";
  std::vector<Named> plans;
  if (source == nullptr) return plans;
  for (const auto& entry : fs::directory_iterator(fs::path(source) / "scenarios" / "plans" / scenario.name)) {
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    plans.push_back({entry.path().stem().string(), read_plan(text.str())});
  }
  std::ranges::sort(plans, {}, &Named::name);
  return plans;
}

std::string violated_by(const Scenario& scenario, const RunResult& result, const std::string& expected) {
  std::string first;
  for (const JudgedProperty& one : result.judged) {
    if (one.verdict.holds) continue;
    if (one.property->name == expected) return expected;
    if (first.empty()) first = one.property->name;
  }
  return result.judged.empty() ? scenario.name + " was not judged" : first;
}

/// The scenarios that have plans for all of their twins.
class Plans : public testing::TestWithParam<const char*> {
 protected:
  const Catalog catalog_ = built_in_catalog();
  const Scenario& scenario_ = *catalog_.find(GetParam());
};

TEST_P(Plans, FindTheirTwinsInSimulation) {
  const Scenario& scenario = scenario_;
  std::set<std::string> found;
  for (const Named& plan : plans_of(scenario)) {
    SCOPED_TRACE(plan.name);
    EXPECT_EQ(plan.name, plan.file.defect);
    EXPECT_FALSE(plan.file.why.empty());
    const auto defect = std::ranges::find(scenario.defects, plan.file.defect, &Defect::name);
    ASSERT_NE(defect, scenario.defects.end());
    const RunResult result = run(plan.file.scenario_of(scenario), plan.file.request());
    EXPECT_EQ(violated_by(scenario, result, defect->violates), defect->violates);
    found.insert(plan.name);
  }
  for (const Defect& defect : scenario.defects) EXPECT_TRUE(found.contains(defect.name)) << "no plan for " << defect.name;
}

TEST_P(Plans, DoNoHarmToTheCorrectServicesInSimulation) {
  const Scenario& scenario = scenario_;
  for (const Named& plan : plans_of(scenario)) {
    SCOPED_TRACE(plan.name);
    RunRequest request = plan.file.request();
    request.defect.clear();
    const RunResult result = run(plan.file.scenario_of(scenario), request);
    EXPECT_EQ(violated_by(scenario, result, ""), "");
  }
}

INSTANTIATE_TEST_SUITE_P(OfEach, Plans, testing::Values("user-notification", "media-upload"), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace orrery
