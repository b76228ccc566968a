// The plans in scenarios/plans: each finds its twin in simulation, and the correct services hold under it. tests/cli/real.sh
// runs them in real mode, too.
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

TEST(Plans, FindTheirTwinsInSimulation) {
  const Catalog catalog = built_in_catalog();
  const Scenario& scenario = *catalog.find("user-notification");
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

TEST(Plans, DoNoHarmToTheCorrectServicesInSimulation) {
  const Catalog catalog = built_in_catalog();
  const Scenario& scenario = *catalog.find("user-notification");
  for (const Named& plan : plans_of(scenario)) {
    SCOPED_TRACE(plan.name);
    RunRequest request = plan.file.request();
    request.defect.clear();
    const RunResult result = run(plan.file.scenario_of(scenario), request);
    EXPECT_EQ(violated_by(scenario, result, ""), "");
  }
}

}  // namespace
}  // namespace orrery
