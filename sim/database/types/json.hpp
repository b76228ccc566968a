#pragma once

#include <string_view>

namespace orrery::sim::database {

/// Throws 22P02 if the text is not JSON, as the input function of type json does.
void check_json(std::string_view text);

}  // namespace orrery::sim::database
