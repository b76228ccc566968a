#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::fragile {

/// A service that logs ten ticks, each with a value that the seed decides. Its defects break the process
/// ("null-pointer", "failed-check" on some seeds, "endless-loop" on some seeds) or let something into the run that is
/// not the seed's: "wall-clock", "random-device", "pointer-order", "unordered-pointers", "uninitialised-heap",
/// "uninitialised-frame".
[[nodiscard]] Scenario ticks();

}  // namespace orrery::fragile
