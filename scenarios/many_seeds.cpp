#include "scenarios/many_seeds.hpp"

#include <algorithm>
#include <map>

#include "properties/story.hpp"
#include "scenarios/stage.hpp"

namespace orrery {
namespace {

std::string title(const Scenario& scenario) {
  std::string text = scenario.name;
  if (!scenario.defect.empty()) text += " with the defect \"" + scenario.defect + "\"";
  return text + " under \"" + scenario.profile + "\" faults";
}

std::string tell(const Scenario& scenario, const RunResult& result) {
  std::string text = title(scenario) + " does not hold on seed " + std::to_string(result.seed) + ".\n";
  if (!result.stuck.empty()) {
    text += "The run cannot go on: " + result.stuck + "\n";
  } else {
    const JudgedProperty& violated = *result.violated();
    text += std::string(to_string(violated.property->mode)) + " \"" + violated.property->name + "\": " +
            violated.property->claim + "\n" + story(violated.verdict.violations.front(), result.history);
    if (violated.verdict.violated > 1) {
      text += "and " + std::to_string(violated.verdict.violated - 1) + " more of this property\n";
    }
  }
  return text + "Run it again: " + replay_command(scenario, result) + "\n";
}

}  // namespace

SeedsVerdict holds_on(const Scenario& scenario, Seeds seeds) {
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    RunRequest request;
    request.seed = seed;
    const RunResult result = run(scenario, request);
    if (!result.stuck.empty() || result.violated() != nullptr) return {false, tell(scenario, result)};
  }
  return {true, {}};
}

SeedsVerdict replays_on(const Scenario& scenario, Seeds seeds) {
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    RunRequest request;
    request.seed = seed;
    request.profile = seed % 2 == 0 ? "heavy" : "swarm";
    const RunResult first = run(scenario, request);
    RunRequest again = request;
    again.plan = first.plan;
    const RunResult second = run(scenario, again);
    std::string why;
    if (!second.unused.empty()) {
      why = "finds no place for " + to_string(second.unused.front());
    } else if (second.plan.faults != first.plan.faults) {
      why = "has other faults strike";
    } else if (second.hash != first.hash) {
      why = "has another trace hash";
    }
    if (!why.empty()) {
      return {false, title(scenario.with_profile(request.profile)) + " " + why + " when seed " + std::to_string(seed) +
                         " is run again from its plan.\n"};
    }
  }
  return {true, {}};
}

SeedsVerdict violated_on(const Scenario& scenario, std::string_view property, Seeds seeds) {
  const std::vector<Property> properties = properties_of(scenario);
  if (std::ranges::find(properties, property, &Property::name) == properties.end()) {
    return {false, scenario.name + " has no property \"" + std::string(property) + "\"\n"};
  }
  std::map<std::string, std::uint64_t> others;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    RunRequest request;
    request.seed = seed;
    const RunResult result = run(scenario, request);
    if (!result.stuck.empty()) ++others["(stuck: " + result.stuck + ")"];
    for (const JudgedProperty& judged : result.judged) {
      if (judged.verdict.holds) continue;
      if (judged.property->name == property) return {true, {}};
      ++others[judged.property->name];
    }
  }
  std::string text = title(scenario) + " does not violate \"" + std::string(property) + "\" on seeds " +
                     std::to_string(seeds.first) + ".." + std::to_string(seeds.last);
  text += others.empty() ? "; it violates nothing.\n" : "; it violates:\n";
  for (const auto& [name, count] : others) text += "  " + name + ", on " + std::to_string(count) + " seeds\n";
  return {false, text};
}

}  // namespace orrery
