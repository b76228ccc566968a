#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "scenarios/scenario.hpp"
#include "scenarios/stage.hpp"
#include "sim/kernel.hpp"

namespace orrery {
namespace {

/// Lets the whole run happen, or as much of it as is asked for. False: it was stopped early.
bool play(Stage& stage, const Plan& plan, Instant until) {
  const Scenario& scenario = stage.scenario();
  const Instant healing(scenario.runs_for);
  const Instant end(scenario.runs_for + scenario.settles_within);
  stage.begin(plan);
  stage.world().run_until(std::min(healing, until));
  if (until < healing) return false;
  stage.heal();
  stage.world().run_until(std::min(end, until));
  if (until < end) return false;
  stage.end();
  return true;
}

/// A crash or pause at a place is not the same as one at some time: it comes exactly between two effects.
constexpr std::string_view kCrashAtPlace = "crash_at_place";
constexpr std::string_view kPauseAtPlace = "pause_at_place";

std::string_view counted_as(const Fault& fault) {
  if (fault.kind == FaultKind::crash && !fault.place.empty()) return kCrashAtPlace;
  if (fault.kind == FaultKind::pause && !fault.place.empty()) return kPauseAtPlace;
  return to_string(fault.kind);
}

/// What was asked for and never struck is there with 0.
std::map<std::string, std::int64_t> count_faults(const std::vector<std::string_view>& asked,
                                                 const std::vector<Fault>& struck) {
  std::map<std::string, std::int64_t> counts;
  for (const std::string_view kind : asked) counts[std::string(kind)];
  for (const Fault& fault : struck) ++counts[std::string(counted_as(fault))];
  return counts;
}

}  // namespace

RunResult run(const Scenario& scenario, const RunRequest& request) {
  RunResult result;
  result.seed = request.seed;
  result.profile = request.profile.empty() ? scenario.profile : request.profile;
  result.defect = request.defect.empty() ? scenario.defect : request.defect;
  require_fault_profile(result.profile);
  require_defect(scenario, result.defect);

  Stage stage(scenario, result.defect, request.seed, request.full);
  std::vector<std::string_view> asked;
  if (request.plan) {
    result.plan = *request.plan;
    stage.require_fit(result.plan);
    for (const Fault& fault : result.plan.faults) asked.push_back(counted_as(fault));
  } else {
    DrawnPlan drawn = draw_plan(scenario, result.profile, request.seed);
    result.plan = std::move(drawn.plan);
    for (const FaultKind kind : drawn.kinds) asked.push_back(to_string(kind));
    if (result.plan.rates.crash_at_place.per_million > 0) asked.push_back(kCrashAtPlace);
    if (result.plan.rates.pause_at_place.per_million > 0) asked.push_back(kPauseAtPlace);
  }

  sim::World& world = stage.world();
  bool complete = false;
  try {
    complete = play(stage, result.plan, request.until);
  } catch (const sim::Stuck& stuck) {
    result.stuck = stuck.what();
  }

  result.hash = world.recorder().hash();
  result.events = world.recorder().events();
  result.messages = world.network().messages();
  result.simulated = world.kernel().now().time_since_epoch();
  result.faults = count_faults(asked, world.struck());
  if (request.plan) result.unused = stage.unused();
  result.plan.faults = world.struck();
  result.plan.rates = FaultRates{};
  result.history = world.recorder().take_history();
  if (!complete) return result;

  result.judged = judge(properties_of(scenario), result.history);
  for (const JudgedProperty& judged : result.judged) {
    if (judged.property->mode == Mode::sometimes) result.sometimes[judged.property->name] = judged.verdict.examined;
  }
  return result;
}

const JudgedProperty* RunResult::violated() const noexcept {
  const auto found = std::ranges::find_if(judged, [](const JudgedProperty& one) { return !one.verdict.holds; });
  return found == judged.end() ? nullptr : &*found;
}

const Scenario* Catalog::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(scenarios, name, &Scenario::name);
  return found == scenarios.end() ? nullptr : &*found;
}

std::string replay_command(const Scenario& scenario, const RunResult& result) {
  std::string command = "./orrery replay " + scenario.name + " --seed " + std::to_string(result.seed);
  if (result.profile != "heavy") command += " --faults " + result.profile;
  if (!result.defect.empty()) command += " --defect " + result.defect;
  return command;
}

Scenario Scenario::with_defect(std::string_view twin) const {
  require_defect(*this, twin);
  Scenario copy = *this;
  copy.defect = twin;
  return copy;
}

Scenario Scenario::with_profile(std::string_view faults) const {
  require_fault_profile(faults);
  Scenario copy = *this;
  copy.profile = faults;
  return copy;
}

}  // namespace orrery
