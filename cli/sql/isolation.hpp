#pragma once

#include <string>
#include <string_view>

namespace orrery::cli::sql {

/// Runs a spec of PostgreSQL's isolation tests (src/test/isolation/README there) on the simulated engine and gives what
/// `isolationtester` prints. Rows come in their natural order. Throws std::invalid_argument, in one line, for a text that
/// is no such spec.
[[nodiscard]] std::string run_isolation_spec(std::string_view spec);

}  // namespace orrery::cli::sql
