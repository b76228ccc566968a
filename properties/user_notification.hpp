#pragma once

#include <vector>

#include "properties/property.hpp"

namespace orrery {

/// Everything that must hold of the user/notification system (000): S1–S12, O1, liveness, and what must happen
/// sometimes.
[[nodiscard]] std::vector<Property> user_notification_properties();

}  // namespace orrery
