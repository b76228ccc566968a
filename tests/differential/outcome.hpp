#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "cli/sql/wire_types.hpp"
#include "cli/sql/world.hpp"

// What a statement came to, in words that are the same for a simulated and a real server.

namespace orrery::testing {

/// "ERROR 23505: message", the detail in a line of its own; or the command tag, then "column:type|…" and a line for each row.
[[nodiscard]] std::string outcome_of(const PGresult& result);
/// The same of the last statement of a text that is done. `numbers` gives types their numbers in pg_type.
[[nodiscard]] std::string outcome_of(cli::sql::SqlClient& client, cli::sql::TypeNumbers& numbers);

/// True of an outcome that says that the simulated database does not have a construct.
[[nodiscard]] bool is_refusal(const std::string& outcome);
/// The rows in an order of their own: for what lies as it happens to lie.
[[nodiscard]] std::string in_any_order(const std::string& outcome);

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// Connects, or throws std::runtime_error. Notices are dropped.
[[nodiscard]] Connection connect_to(const std::string& connection);
/// Runs one or more statements and gives the last one's outcome.
std::string run_on(PGconn& connection, const std::string& sql);

}  // namespace orrery::testing
