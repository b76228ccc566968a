#pragma once

#include <string>
#include <string_view>

#include "sim/database/engine.hpp"

namespace orrery::sim::database {

[[noreturn]] inline void raise(std::string_view sqlstate, std::string message, std::string detail = {},
                               std::string hint = {}) {
  SqlError error;
  error.sqlstate = sqlstate;
  error.message = std::move(message);
  error.detail = std::move(detail);
  error.hint = std::move(hint);
  throw error;
}

/// 0A000: PostgreSQL can do it, the simulation cannot.
[[noreturn]] inline void raise_unsupported(const std::string& what) {
  raise("0A000", what + " is not supported by the simulated database");
}

/// 22P02 `invalid input syntax for type uuid: "x"`.
[[noreturn]] inline void raise_invalid_input(std::string_view type, std::string_view text) {
  raise("22P02", "invalid input syntax for type " + std::string(type) + ": \"" + std::string(text) + "\"");
}

}  // namespace orrery::sim::database
