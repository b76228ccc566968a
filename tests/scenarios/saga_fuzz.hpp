#pragma once

#include <cstdint>
#include <string>

#include "scenarios/scenario.hpp"

namespace orrery::testing {

/// A saga that is drawn from a number: how many steps, which is the pivot, which have a compensation, which refuse for which
/// keys, how slow they are, how long they may take, how often they are tried. Two replicas run it on "saga_db"; its
/// participant keeps what was done in "effect_db". Properties: those of saga_checks.hpp, and that the effects of a saga that
/// has ended are all there or all gone.
///
/// Defects are planted in each mechanism of the orchestrator and its participant: see fuzzed_saga_defects in the .cpp file.
[[nodiscard]] Scenario fuzzed_saga(std::uint64_t number);

/// The drawn steps, for the messages of tests.
[[nodiscard]] Json drawn_steps(std::uint64_t number);

}  // namespace orrery::testing
