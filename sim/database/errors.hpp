#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/database/engine.hpp"

namespace orrery::sim::database {

/// Throws an error as PostgreSQL words it. `position`: 1-based byte in the statement's text, 0: none.
[[noreturn]] void fail(std::string_view sqlstate, std::string message, std::int32_t position = 0, std::string detail = {},
                       std::string hint = {});

/// Throws 23xxx: the violated constraint's name goes with it.
[[noreturn]] void fail_constraint(std::string_view sqlstate, std::string message, std::string detail,
                                  std::string constraint);

/// Throws 0A000: valid SQL that the simulated database does not run.
[[noreturn]] void fail_unsupported(std::string_view construct, std::int32_t position = 0);

/// `"name"`, as messages quote identifiers.
[[nodiscard]] std::string in_quotes(std::string_view name);

/// Turns a parse tree's location (0-based byte, -1: none) into a position.
[[nodiscard]] constexpr std::int32_t position_of(std::int32_t location) noexcept { return location < 0 ? 0 : location + 1; }

}  // namespace orrery::sim::database
