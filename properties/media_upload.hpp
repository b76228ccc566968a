#pragma once

#include <vector>

#include "properties/property.hpp"

namespace orrery {

/// What must hold of MediaHub (001): S1 to S13 of its specification, liveness, and what must happen now and then.
[[nodiscard]] std::vector<Property> media_upload_properties();

}  // namespace orrery
