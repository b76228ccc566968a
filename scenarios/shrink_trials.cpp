#include "scenarios/shrink_trials.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "faults/plan_json.hpp"
#include "scenarios/campaign_worker.hpp"
#include "scenarios/plan_file.hpp"

namespace orrery {
namespace {

/// The first violation of the property; of any, if it is empty. Null: there is none.
const JudgedProperty* violated_in(const RunResult& result, const std::string& property) {
  if (property.empty()) return result.violated();
  const auto found = std::ranges::find_if(
      result.judged, [&](const JudgedProperty& one) { return !one.verdict.holds && one.property->name == property; });
  return found == result.judged.end() ? nullptr : &*found;
}

Json to_json(const Plan& plan) {
  Json operations = Json::array();
  for (const Operation& operation : plan.operations) operations.push_back(to_json(operation));
  return Json{{"operations", operations}, {"faults", to_json(plan.faults)}};
}

Plan plan_from(const Json& json) {
  Plan plan;
  for (const Json& operation : json.at("operations")) plan.operations.push_back(operation_from_json(operation, "operations"));
  plan.faults = faults_from_json(json.at("faults"), "faults");
  return plan;
}

}  // namespace

ShrinkTrials::ShrinkTrials(const RunFunction& run, const RunRequest& request, const ShrinkOptions& options)
    : run_(run),
      request_(request),
      options_(options),
      deadline_(wall_now() + options.time_limit),
      jobs_(options.jobs == 0 ? usable_cores() : options.jobs) {}

bool ShrinkTrials::is_over() const { return Interrupts::caught() != 0 || Instant(wall_now()) >= deadline_; }

RunRequest ShrinkTrials::with(const Plan& plan) const {
  RunRequest request = request_;
  request.full = false;
  request.plan = plan;
  return request;
}

Plan ShrinkTrials::first_run() {
  ++runs_;
  const ChildAnswer answer = in_child(request_.seed, options_.limits, [&] {
    const RunResult result = run_(request_);
    const JudgedProperty* violated = violated_in(result, options_.property);
    Json told{{"plan", to_json(result.plan)}, {"violated", violated != nullptr}};
    if (violated != nullptr) {
      told["property"] = violated->property->name;
      told["signature"] = violated->verdict.violations.front().signature;
    } else if (const JudgedProperty* other = result.violated()) {
      told["property"] = other->property->name;
    }
    return told.dump();
  });
  if (answer.refused) throw std::invalid_argument(answer.why);
  if (answer.interrupted) throw NothingToShrink("interrupted");
  if (!answer.good) throw NothingToShrink("the run does not come to its end (" + answer.why + "), so its plan is not known");
  const Json told = Json::parse(answer.text);
  if (!told.at("violated").get<bool>()) {
    if (!told.contains("property")) throw NothingToShrink("the run holds");
    throw NothingToShrink("the run does not violate \"" + options_.property + "\", but \"" +
                          told.at("property").get<std::string>() + "\"");
  }
  property_ = told.at("property").get<std::string>();
  signature_ = told.at("signature").get<std::string>();
  return plan_from(told.at("plan"));
}

bool ShrinkTrials::fails_alike(const RunResult& result) const {
  const JudgedProperty* violated = violated_in(result, property_);
  return violated != nullptr && std::ranges::any_of(violated->verdict.violations, [&](const Violation& violation) {
           return violation.signature == signature_;
         });
}

std::optional<std::size_t> ShrinkTrials::first_failing(const std::vector<Plan>& candidates) {
  struct Trial {
    std::size_t candidate;
    std::unique_ptr<Worker> worker;
  };
  std::vector<Trial> trials;  // that run, in the candidates' order
  std::size_t next = 0;
  std::optional<std::size_t> found;  // the first so far; only those before it still matter
  while (!is_over()) {
    while (trials.size() < jobs_ && next < candidates.size() && !found) {
      const Plan& plan = candidates[next];
      auto worker = std::make_unique<Worker>(
          [&](WorkerSide& side) {
            side.begin(request_.seed);
            const bool fails = fails_alike(run_(with(plan)));
            side.end();
            side.send(fails ? "1" : "0");
          },
          options_.limits);
      trials.push_back({next++, std::move(worker)});
      ++runs_;
    }
    if (trials.empty()) return found;
    std::vector<Worker*> running;
    for (const Trial& trial : trials) running.push_back(trial.worker.get());
    wait_for_workers(running, 200ms);
    std::erase_if(trials, [&](const Trial& trial) {
      if (found && trial.candidate > *found) return true;  // its destructor ends it
      if (!trial.worker->ended()) return false;
      if (trial.worker->was_refused()) return true;  // a plan that does not fit fails differently
      if (trial.worker->succeeded() && trial.worker->received() == "1") found = trial.candidate;
      return true;
    });
    if (found) std::erase_if(trials, [&](const Trial& trial) { return trial.candidate > *found; });
  }
  // Over: an answer is only right if all before it were heard.
  const bool is_first = found && std::ranges::none_of(trials, [&](const Trial& trial) { return trial.candidate < *found; });
  return is_first ? found : std::nullopt;
}

}  // namespace orrery
