#pragma once

#include <string>
#include <string_view>

namespace orrery::sim::database::testing {

/// Runs a spec of PostgreSQL's isolation tests (src/test/isolation/README there) on the simulated engine and gives what
/// `isolationtester` prints.
[[nodiscard]] std::string run_isolation_spec(std::string_view spec);

}  // namespace orrery::sim::database::testing
