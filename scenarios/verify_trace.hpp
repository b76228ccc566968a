#pragma once

#include <string>

#include "runtime/history.hpp"

namespace orrery {

/// One event in one line, with everything that it holds, in a form that stays the same from version to version:
///
///   #42 1.250000000s user-1 | statement | user_db | key=user-1/3 | number=7 | text=SELECT 1 | detail=… | cause=#41
///
/// Fields that are empty are left out; line ends and backslashes are written `\n`, `\r`, `\\`. Rows of a commit follow
/// as
/// `| insert users(id=…, email=…)`, `| update users(id=1, n=2 -> 3)`, `| delete users(id=…)`.
[[nodiscard]] std::string trace_line(const Event& event);

/// Every event of a history, a line each.
[[nodiscard]] std::string trace_lines(const History& history);

}  // namespace orrery
