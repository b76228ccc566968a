#pragma once

#include <source_location>
#include <string_view>

namespace orrery {

/// Prints `file:line: function: CHECK(condition) failed: note` on stderr and aborts. A failed check is a bug in the
/// program, never something that the outside world did; a campaign reports it as a finding with its seed.
[[noreturn]] void check_failed(const char* condition, std::string_view note, std::source_location where);

}  // namespace orrery

/// Always on, in release builds too. `CHECK(x)` or `CHECK(x, "why it must hold")`.
#define CHECK(condition, ...)                                                                                \
  (static_cast<bool>(condition)                                                                              \
       ? void(0)                                                                                             \
       : ::orrery::check_failed(#condition, std::string_view{__VA_ARGS__}, std::source_location::current()))
