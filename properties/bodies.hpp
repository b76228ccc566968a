#pragma once

#include <string>
#include <string_view>

#include "runtime/json.hpp"

namespace orrery {

/// The JSON value of a body; discarded (`is_discarded()`) if it is none.
[[nodiscard]] Json parse_body(std::string_view body);
/// A member as text: a string's characters, other values as JSON prints them. Empty if it is absent, or this no object.
[[nodiscard]] std::string member_text(const Json& object, const char* name);

}  // namespace orrery
