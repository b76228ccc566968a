#include "services/patterns/saga_machine.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace orrery::services {
namespace {

using Kind = SagaMove::Kind;

Task<StepOutcome> nothing(SagaCall) { co_return StepOutcome(StepResult::done); }

/// Steps "0", "1", …; `pivot` is the number of steps if there is none. All but those behind the pivot can be undone.
SagaDeclaration saga_of(std::size_t count, std::size_t pivot) {
  std::vector<SagaStep> steps;
  for (std::size_t i = 0; i < count; ++i) {
    steps.emplace_back(std::to_string(i), nothing, i > pivot ? SagaAction() : SagaAction(nothing));
    steps.back().pivot = i == pivot;
    steps.back().max_attempts = 3;
  }
  return SagaDeclaration("test", std::move(steps));
}

std::vector<StepRecord> records(std::initializer_list<StepState> states) {
  std::vector<StepRecord> steps;
  for (const StepState state : states) steps.emplace_back().state = state;
  return steps;
}

TEST(SagaMachine, GoesForwardStepByStep) {
  const SagaDeclaration saga = saga_of(2, 2);
  EXPECT_EQ(next_move(saga, SagaState::running, records({StepState::pending, StepState::pending})).step, 0U);
  const SagaMove second = next_move(saga, SagaState::running, records({StepState::done, StepState::pending}));
  EXPECT_EQ(second.kind, Kind::attempt);
  EXPECT_EQ(second.step, 1U);
  const SagaMove end = next_move(saga, SagaState::running, records({StepState::done, StepState::done}));
  EXPECT_EQ(end.kind, Kind::end);
  EXPECT_EQ(end.ended, SagaState::completed);
}

TEST(SagaMachine, BelievesWhatWasSaidBeforeTheClock) {
  const SagaDeclaration saga = saga_of(1, 1);
  std::vector<StepRecord> steps = records({StepState::awaiting});
  steps[0].late = true;
  EXPECT_EQ(next_move(saga, SagaState::running, steps).kind, Kind::give_up);
  steps[0].said_done = true;
  EXPECT_EQ(next_move(saga, SagaState::running, steps).kind, Kind::succeed);
}

TEST(SagaMachine, TurnsRoundWhenAStepIsRefusedOrItsTimeOrAttemptsRunOut) {
  const SagaDeclaration saga = saga_of(1, 1);
  std::vector<StepRecord> refused = records({StepState::awaiting});
  refused[0].said_refused = true;
  EXPECT_EQ(next_move(saga, SagaState::running, refused).as, StepState::refused);
  std::vector<StepRecord> tried = records({StepState::running});
  tried[0].attempts = 2;
  EXPECT_EQ(next_move(saga, SagaState::running, tried).kind, Kind::attempt);
  tried[0].attempts = 3;
  EXPECT_EQ(next_move(saga, SagaState::running, tried).as, StepState::timed_out);
}

TEST(SagaMachine, OnlyGoesForwardBehindThePivot) {
  const SagaDeclaration saga = saga_of(2, 0);
  std::vector<StepRecord> steps = records({StepState::done, StepState::running});
  steps[1].late = true;
  steps[1].attempts = 100;
  steps[1].said_refused = true;
  EXPECT_EQ(next_move(saga, SagaState::running, steps).kind, Kind::attempt);
}

TEST(SagaMachine, UndoesInReverseWhatWasBegunAlsoTheStepThatFailed) {
  const SagaDeclaration saga = saga_of(3, 3);
  std::vector<StepRecord> steps = records({StepState::done, StepState::timed_out, StepState::pending});
  EXPECT_EQ(next_move(saga, SagaState::compensating, steps).step, 1U);
  steps[1].state = StepState::compensated;
  EXPECT_EQ(next_move(saga, SagaState::compensating, steps).step, 0U);
  steps[0].state = StepState::compensated;
  EXPECT_EQ(next_move(saga, SagaState::compensating, steps).ended, SagaState::compensated);
}

TEST(SagaDeclaration, IsAGraphWhoseEveryNodeCanBeReached) {
  const bool holds = rc::check("each node but the start has an edge to it", [] {
    const auto count = static_cast<std::size_t>(*rc::gen::inRange(1, 8));
    const auto pivot = static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(count) + 1));
    const Json graph = saga_of(count, pivot).graph();
    for (const Json& node : graph.at("nodes")) {
      if (node.at("kind") == "start") continue;
      bool reached = false;
      for (const Json& edge : graph.at("edges")) reached = reached || edge.at("to") == node.at("id");
      RC_ASSERT(reached);
    }
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace orrery::services
