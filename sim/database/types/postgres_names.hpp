#pragma once

#include <string_view>
#include <vector>

namespace orrery::sim::database {

// What PostgreSQL 15's own catalogs name. The simulated database refuses by name (0A000) what it does not have of it, and
// says "does not exist" (42883, 42704) only of what a real server does not have either.

/// A list of argument types as pg_proc and pg_operator have it, in the words of pg_type: "int4", "_text", "anyrange".
struct PostgresSignature {
  std::vector<std::string_view> types;  // "-": the left side of a prefix operator
  std::size_t defaults = 0;             // how many of the last ones may be left out
  bool is_variadic = false;             // the last is an array of what repeats
};

/// Empty: PostgreSQL has no such function. Aggregates and window functions are functions, too.
[[nodiscard]] std::vector<PostgresSignature> postgres_functions(std::string_view name);
/// Empty: PostgreSQL has no such operator.
[[nodiscard]] std::vector<PostgresSignature> postgres_operators(std::string_view name);
/// Of one base type to another, in the words of pg_type.
[[nodiscard]] bool postgres_has_cast(std::string_view from, std::string_view to);
/// The same, of those that need not be written.
[[nodiscard]] bool postgres_has_implicit_cast(std::string_view from, std::string_view to);
[[nodiscard]] bool postgres_has_type(std::string_view name);
struct PostgresCategory {
  char letter = 'U';  // pg_type.typcategory
  bool is_preferred = false;
};
/// Of a type in the words of pg_type, "_int4" too.
[[nodiscard]] PostgresCategory postgres_category(std::string_view type);
/// `name` in small letters.
[[nodiscard]] bool postgres_has_setting(std::string_view name);
/// An abbreviation of a time zone, in small letters: "pst".
[[nodiscard]] bool postgres_has_zone(std::string_view name);

}  // namespace orrery::sim::database
