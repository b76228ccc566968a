#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/json.hpp"
#include "runtime/task.hpp"
#include "services/patterns/retry.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

// Sagas (Garcia-Molina, Salem, "Sagas", SIGMOD 1987) run by an orchestrator (Richardson, "Microservices Patterns", ch. 4):
// a row of local transactions in several services, and for each one that undoes it. This header declares them;
// saga_machine.hpp decides, saga_store.hpp keeps, and saga_runner.hpp carries out.

/// What an action or a compensation is asked to do. Whoever carries it out must take the same call more than once for one:
/// `saga_id` and `step` name the work, `attempt` only counts.
class SagaCall {
 public:
  SagaCall() = default;

  std::string saga_id;
  std::string business_key;
  std::string step;
  std::int64_t attempt = 1;
  Json input;  // what the saga was started with
};

/// How a call ended.
enum class StepResult {
  done,       // durable at the participant: the step has succeeded, or the compensation has
  requested,  // taken; a signal will tell. Without one the call is repeated after `resend_after`
  refused,    // durable at the participant: it has not happened and never will. Of a compensation: it failed
  failed,     // not, or nobody knows: the call is repeated
};

class StepOutcome {
 public:
  StepOutcome() = default;
  explicit StepOutcome(StepResult result, std::string detail = {}) : result(result), detail(std::move(detail)) {}

  StepResult result = StepResult::failed;
  std::string detail;
};

using SagaAction = std::function<Task<StepOutcome>(SagaCall)>;

/// One step. A compensation is run for each step that was begun, also if nobody knows whether it happened: so it must leave a
/// step undone that has not happened yet, and must refuse it if it comes later (a fence at the participant).
class SagaStep {
 public:
  SagaStep(std::string name, SagaAction action, SagaAction compensation = nullptr)
      : name(std::move(name)), action(std::move(action)), compensation(std::move(compensation)) {}

  std::string name;
  SagaAction action;
  SagaAction compensation;  // null: nothing to undo
  Backoff backoff{500ms, 10s};
  Duration resend_after = 8s;
  std::int64_t max_attempts = 8;  // up to the pivot: then it counts as timed out. Behind it, and of compensations: it is
                                  // escalated, and goes on
  Duration deadline = 40s;        // from the first attempt, on the database's clock; not behind the pivot
  bool pivot = false;             // once it is known to be done the saga only goes forward
};

/// A saga: its steps in order. At most one is the pivot.
class SagaDeclaration {
 public:
  /// CHECKs that there are steps with names of their own, and at most one pivot.
  SagaDeclaration(std::string name, std::vector<SagaStep> steps);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::vector<SagaStep>& steps() const noexcept { return steps_; }
  /// The place of the pivot; the number of steps if there is none.
  [[nodiscard]] std::size_t pivot() const noexcept { return pivot_; }
  /// The place of a step; the number of steps if there is none of that name.
  [[nodiscard]] std::size_t place_of(std::string_view step) const noexcept;

  /// The declared graph as data, for pictures: {saga, steps: [{name, compensation, pivot, deadline_ms, max_attempts}], nodes:
  /// [{id, kind}], edges: [{from, to, on}]}. A node is "start", a step's name, "undo <step>", "completed" or "compensated".
  [[nodiscard]] Json graph() const;

 private:
  std::string name_;
  std::vector<SagaStep> steps_;
  std::size_t pivot_;
};

/// The tables saga_declarations, sagas, saga_steps and saga_signals. Statements end with ';'.
[[nodiscard]] std::string saga_schema(const Twin& twin);

}  // namespace orrery::services
