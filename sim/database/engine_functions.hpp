#pragma once

#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// Functions that work on the engine's or the session's state: sequences, notifications, advisory locks, settings.
[[nodiscard]] Value call_engine_function(const Expr& expr, Execution& execution);

/// Which engine function is meant; nothing: none of them.
struct EngineFunctionEntry {
  std::string_view name;
  EngineFunction function;
  std::uint32_t flags;  // of advisory locks, see engine_functions.cpp
  std::vector<TypeRef> arguments;
  TypeRef result;
  bool is_strict = true;
};
[[nodiscard]] const EngineFunctionEntry* find_engine_function(std::string_view name, std::size_t arguments);

}  // namespace orrery::sim::database
