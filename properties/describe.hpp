#pragma once

#include <string>
#include <string_view>

#include "runtime/history.hpp"

namespace orrery {

/// One event in words, without its time and host: "stores message 5c0e77a1 of user.events at offset 3". One line.
[[nodiscard]] std::string describe(const Event& event);

/// Who does it: the event's host; for a commit the host whose session it is; nobody for a fault of a link.
[[nodiscard]] std::string_view actor_of(const Event& event);

/// The text with every id in it shortened (see short_id), and cut after `most` bytes; line breaks become spaces.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

}  // namespace orrery
