#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::numbers {

/// A service of two replicas that hands out numbers from a cache, which it trusts as nobody should: the world's cache is one for
/// both, and whatever makes it forget gives a number twice.
[[nodiscard]] Scenario numbers();

}  // namespace orrery::numbers
