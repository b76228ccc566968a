#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "services/patterns/saga.hpp"

namespace orrery::services {

enum class SagaState : std::uint8_t { running, compensating, completed, compensated };
enum class StepState : std::uint8_t { pending, running, awaiting, done, refused, timed_out, compensating, compensated };

[[nodiscard]] std::string_view to_string(SagaState state) noexcept;
[[nodiscard]] std::string_view to_string(StepState state) noexcept;
/// CHECKs that the text is a state: it comes from a column with a constraint.
[[nodiscard]] SagaState saga_state(std::string_view text);
[[nodiscard]] StepState step_state(std::string_view text);

/// What is known of a step.
struct StepRecord {
  StepState state = StepState::pending;
  std::int64_t attempts = 0;
  std::int64_t undo_attempts = 0;
  bool late = false;  // its deadline has passed
  bool said_done = false;
  bool said_refused = false;
};

/// What is to be done next.
struct SagaMove {
  enum class Kind : std::uint8_t {
    attempt,  // call the action of `step`
    succeed,  // note that `step` is done
    give_up,  // note that `step` was refused or timed out: from here on the saga compensates
    undo,     // call the compensation of `step`
    end,      // completed, or compensated
  };
  Kind kind = Kind::end;
  std::size_t step = 0;
  StepState as = StepState::timed_out;  // of give_up
  SagaState ended = SagaState::completed;
};

/// The decision, a pure function of what is durable: whoever takes a saga over decides as its predecessor would have.
///
/// Forward, step by step. What a participant said counts before the clock does. A step that was refused, or whose time or
/// attempts have run out, turns the saga round, unless the pivot is behind it. Backward, the last step that was begun comes
/// first; steps that were never begun are left alone. A saga never turns round twice.
[[nodiscard]] SagaMove next_move(const SagaDeclaration& saga, SagaState state, std::span<const StepRecord> steps);

}  // namespace orrery::services
