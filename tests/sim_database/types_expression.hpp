#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::sim::database::testing {

/// Evaluates `SELECT <expressions>` with nothing but the type library: literals, casts, operators, functions, ARRAY[…],
/// AND, OR, NOT, IS NULL; set-returning functions in the select list; aggregates over `FROM f(…) AS x [(column, …)]`,
/// and rows of such a FROM. The answer reads as `psql -At` with \pset null NULL prints it: rows end lines, `|` between
/// columns. An error is "ERROR 22012: division by zero" with "\nDETAIL: …" and "\nHINT: …" if there are any.
///
/// now() is 2024-01-02 03:04:05.1+00.
[[nodiscard]] std::string evaluate(std::string_view expressions);

/// One expectation, as it was taken from a PostgreSQL 15 server.
struct Expectation {
  const char* expression;
  const char* result;
};

/// Checks each of a table of expectations.
void expect_results(const Expectation* begin, const Expectation* end);
template <std::size_t size>
void expect_results(const Expectation (&table)[size]) {
  expect_results(table, table + size);
}

}  // namespace orrery::sim::database::testing
