#pragma once

#include <nlohmann/json.hpp>

namespace orrery {

/// Object members keep the order of their names, so that equal values print equal bytes.
using Json = nlohmann::json;

}  // namespace orrery
