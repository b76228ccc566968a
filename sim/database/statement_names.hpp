#pragma once

#include <string>

#include "sim/database/analyzer.hpp"

namespace orrery::sim::database {

/// "CREATE PUBLICATION" of a node that the parser calls create_publication_stmt.
[[nodiscard]] std::string statement_name(const Node& node);
/// The command tag of a statement that a read-only transaction refuses. Throws 0A000 if it is not supported anyway.
[[nodiscard]] std::string writing_command(const Node& node);

}  // namespace orrery::sim::database
