#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::toy {

/// A small system without a database: clients add to a counter ("POST /add"), which publishes each addition; a ledger
/// receives them. An addition that was answered with 200 is stored by the broker.
///
/// Defects: "answers-first" (answers 200 without waiting for the broker), "throws" (an exception leaves a task),
/// "spins" (a task goes round without waiting), "leaks" (a task is kept outside of the host's objects).
[[nodiscard]] Scenario additions();

inline constexpr const char* kStored = "every addition that was accepted is stored";

}  // namespace orrery::toy
