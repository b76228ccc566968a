#include "services/patterns/saga_machine.hpp"

#include <algorithm>
#include <array>

#include "runtime/check.hpp"

namespace orrery::services {
namespace {

constexpr std::array<std::string_view, 4> kSagaStates = {"running", "compensating", "completed", "compensated"};
constexpr std::array<std::string_view, 8> kStepStates = {"pending", "running",   "awaiting",     "done",
                                                         "refused", "timed_out", "compensating", "compensated"};

template <class State, std::size_t N>
State state_of(const std::array<std::string_view, N>& names, std::string_view text) {
  const auto found = std::ranges::find(names, text);
  CHECK(found != names.end(), text);
  return static_cast<State>(found - names.begin());
}

SagaMove move(SagaMove::Kind kind, std::size_t step) {
  SagaMove made;
  made.kind = kind;
  made.step = step;
  return made;
}

SagaMove forward(const SagaDeclaration& saga, std::span<const StepRecord> steps) {
  std::size_t step = 0;
  while (step < steps.size() && steps[step].state == StepState::done) ++step;
  SagaMove next = move(SagaMove::Kind::end, step);
  if (step == steps.size()) return next;
  const StepRecord& at = steps[step];
  if (at.said_done) return move(SagaMove::Kind::succeed, step);
  if (step <= saga.pivot()) {
    next.kind = SagaMove::Kind::give_up;
    if (at.said_refused) {
      next.as = StepState::refused;
      return next;
    }
    if (at.late || at.attempts >= saga.steps()[step].max_attempts) return next;
  }
  return move(SagaMove::Kind::attempt, step);
}

SagaMove backward(const SagaDeclaration& saga, std::span<const StepRecord> steps) {
  for (std::size_t step = steps.size(); step-- > 0;) {
    const StepState state = steps[step].state;
    if (state == StepState::pending || state == StepState::compensated) continue;
    if (saga.steps()[step].compensation != nullptr) return move(SagaMove::Kind::undo, step);
  }
  SagaMove end = move(SagaMove::Kind::end, 0);
  end.ended = SagaState::compensated;
  return end;
}

}  // namespace

std::string_view to_string(SagaState state) noexcept { return kSagaStates[static_cast<std::size_t>(state)]; }
std::string_view to_string(StepState state) noexcept { return kStepStates[static_cast<std::size_t>(state)]; }
SagaState saga_state(std::string_view text) { return state_of<SagaState>(kSagaStates, text); }
StepState step_state(std::string_view text) { return state_of<StepState>(kStepStates, text); }

SagaMove next_move(const SagaDeclaration& saga, SagaState state, std::span<const StepRecord> steps) {
  CHECK(steps.size() == saga.steps().size(), "a saga has the steps that it was started with");
  CHECK(state == SagaState::running || state == SagaState::compensating, "a saga that has ended does nothing");
  return state == SagaState::running ? forward(saga, steps) : backward(saga, steps);
}

}  // namespace orrery::services
