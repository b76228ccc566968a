#include "scenarios/plan_file.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/scenarios/toy.hpp"

namespace orrery {
namespace {

Catalog toys() {
  Catalog catalog;
  catalog.scenarios.push_back(toy::additions());
  return catalog;
}

RunResult violating_run() {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    RunRequest request;
    request.seed = seed;
    request.defect = "answers-first";
    RunResult result = run(toy::additions(), request);
    if (result.violated() != nullptr) return result;
  }
  ADD_FAILURE() << "no seed violates";
  return {};
}

const std::string& written() {
  static const std::string text = write_plan(toy::additions(), violating_run());
  return text;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "no " << from << " in\n" << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string refusal(const std::string& text) {
  try {
    (void)read_plan(text);
    return {};
  } catch (const MalformedPlan& error) {
    return error.what();
  }
}

TEST(PlanFile, IsReadBackAsItWasWritten) {
  const RunResult result = violating_run();
  const PlanFile file = read_plan(write_plan(toy::additions(), result));
  EXPECT_EQ(file.scenario, "additions");
  EXPECT_EQ(file.seed, result.seed);
  EXPECT_EQ(file.profile, "heavy");
  EXPECT_EQ(file.defect, "answers-first");
  EXPECT_EQ(file.build, build_identity());
  EXPECT_EQ(file.property, toy::kStored);
  EXPECT_FALSE(file.signature.empty());
  EXPECT_EQ(file.hash, result.hash);
  EXPECT_EQ(file.plan.operations, result.plan.operations);
  EXPECT_EQ(file.plan.faults, result.plan.faults);
  EXPECT_FALSE(file.edited);
}

TEST(PlanFile, HasALineForEachOperationAndFault) {
  EXPECT_NE(written().find("\n    {\"arguments\":{\"id\":\"add-1\"},\"at\":\""), std::string::npos) << written();
  EXPECT_TRUE(written().ends_with("\"\n}\n"));
}

TEST(PlanFile, RunsToTheSameHash) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    RunRequest request;
    request.seed = seed;
    request.profile = seed % 2 == 0 ? "swarm" : "heavy";
    const RunResult result = run(toy::additions(), request);
    const Replay again = replay(toys(), read_plan(write_plan(toy::additions(), result)));
    EXPECT_EQ(again.result.hash, result.hash) << "seed " << seed;
    EXPECT_EQ(again.stale, "");
    EXPECT_TRUE(again.result.unused.empty());
  }
}

TEST(PlanFile, RunsAsEdited) {
  const std::string calm = with(written(), "\"faults\": [", "\"faults\": [], \"operations_\": [");
  EXPECT_EQ(refusal(calm).substr(0, 29), "operations_: unknown member; ");

  // Laid out anew it is still the same file.
  const PlanFile same = read_plan(Json::parse(written()).dump(1));
  EXPECT_FALSE(same.edited);

  Json document = Json::parse(written());
  document["faults"] = Json::array({{{"kind", "drop"}, {"target", "client-1>counter-1"}, {"occasion", 99999}}});
  const PlanFile file = read_plan(document.dump());
  EXPECT_TRUE(file.edited);
  const Replay edited = replay(toys(), file);
  EXPECT_EQ(edited.stale, "") << "an edited file is not expected to give the hash that it was written with";
  EXPECT_EQ(edited.result.violated(), nullptr) << "without its faults the run holds";
  ASSERT_EQ(edited.result.unused.size(), 1U);
  EXPECT_EQ(to_string(edited.result.unused.front()), "drop client-1>counter-1, occasion 99999");
}

TEST(PlanFile, ThatNoLongerFitsIsStale) {
  const PlanFile file = read_plan(written());

  Catalog changed = toys();
  changed.scenarios[0].settles_within += 1s;  // the file says for how long it ran
  EXPECT_EQ(replay(changed, file).stale, "");

  changed.scenarios[0].topology.services[0].replicas += 1;
  EXPECT_NE(replay(changed, file).stale.find("the trace hash is "), std::string::npos);

  changed = toys();
  changed.scenarios[0].operations = {"put"};
  EXPECT_EQ(replay(changed, file).stale, "operations[0].name: additions has no operation \"add\"; known: put");

  changed = toys();
  changed.scenarios[0].topology.clients = 0;
  EXPECT_NE(replay(changed, file).stale.find("operations[0].client: there is no client \"client-"), std::string::npos);

  changed = toys();
  changed.scenarios[0].defects.erase(changed.scenarios[0].defects.begin());
  EXPECT_NE(replay(changed, file).stale.find("unknown defect \"answers-first\""), std::string::npos);

  EXPECT_EQ(replay(Catalog{}, file).stale, "scenario: there is no scenario \"additions\"");
}

TEST(PlanFile, ThatWasEditedAndDoesNotFitIsAnError) {
  Json document = Json::parse(written());
  document["operations"][1]["client"] = "client-7";
  const PlanFile file = read_plan(document.dump());
  try {
    (void)replay(toys(), file);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "operations[1].client: there is no client \"client-7\"");
  }
}

TEST(PlanFile, WrittenByHandNeedsNoHash) {
  const PlanFile file = read_plan(R"({"orrery_plan": 1, "scenario": "additions", "seed": 3,
    "operations": [{"at": "1s", "client": "client-1", "id": "a", "name": "add", "arguments": {"id": "a"}}],
    "faults": [{"kind": "crash", "target": "counter-1", "at": "900ms", "lasts": "5s"}]})");
  EXPECT_TRUE(file.edited);
  const Replay replayed = replay(toys(), file);
  EXPECT_EQ(replayed.result.violated(), nullptr);
  EXPECT_EQ(replayed.result.faults.at("crash"), 1);
}

TEST(PlanFile, ThatIsMalformedIsRefusedInOneLineWithThePath) {
  EXPECT_EQ(refusal("[]"), "this is no plan file: it has no member \"orrery_plan\"");
  EXPECT_EQ(refusal("{\"orrery_plan\": 2}"), "orrery_plan: format 2 is not known to this build, which reads 1");
  EXPECT_TRUE(refusal("{\"orrery_plan\": 1,").starts_with("parse error at line 1, column ")) << refusal("{\"orrery_plan\": 1,");
  EXPECT_EQ(refusal(with(written(), "\"seed\": ", "\"seed\": -")), "seed: expected a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(refusal(with(written(), "\"hash\": \"", "\"hash\": \"x")), "")
      << "an edited hash says nothing";
  EXPECT_EQ(refusal(R"({"orrery_plan": 1, "scenario": "s", "seed": 1, "operations": [], "faults": [], "seeds": 2})").substr(0, 22),
            "seeds: unknown member;");
  EXPECT_EQ(refusal(R"({"orrery_plan": 1, "scenario": "s", "seed": 1, "faults": []})"), "operations: is missing");
  EXPECT_EQ(refusal(R"({"orrery_plan": 1, "scenario": "s", "seed": 1, "operations": [{"at": "1"}], "faults": []})"),
            "operations[0].at: \"1\" is not a duration such as \"250ms\", \"30s\" or \"5m\"");
  EXPECT_EQ(refusal(R"({"orrery_plan": 1, "scenario": "s", "seed": 1, "operations": [], "faults": [{"kind": "crsh"}]})").substr(0, 38),
            "faults[0].kind: unknown fault \"crsh\"; ");
}

TEST(PlanFile, MayBeShorterThanItsScenario) {
  const std::string plan = R"({"orrery_plan": 1, "scenario": "additions", "seed": 1, "operations": [], "faults": [],
    "runs_for": "3s", "settles_within": "7s", "why": "because"})";
  const PlanFile file = read_plan(plan);
  const Scenario shorter = file.scenario_of(toy::additions());
  EXPECT_EQ(shorter.runs_for, Duration(3s));
  EXPECT_EQ(shorter.settles_within, Duration(7s));
  EXPECT_EQ(file.why, "because");
  EXPECT_EQ(refusal(with(plan, "3s", "0s")), "runs_for: is not positive");
  EXPECT_EQ(read_plan(written()).scenario_of(toy::additions()).runs_for, toy::additions().runs_for);
}

}  // namespace
}  // namespace orrery
