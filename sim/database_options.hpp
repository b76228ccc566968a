#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "sim/database/engine.hpp"

namespace orrery::sim {

/// What a database is besides its schema.
struct DatabaseOptions {
  /// Settings of every session, as ALTER DATABASE … SET gives them: {"synchronous_commit", "off"}.
  std::vector<std::pair<std::string, std::string>> settings;
  /// A hot standby stands beside it on a host "<name>_standby": see sim/database_replication.hpp.
  bool has_standby = false;
  /// Clients reach it through a pooler in transaction mode: see sim/database_pooler.hpp.
  bool is_pooled = false;
  std::size_t max_connections = 100;
  /// What SQL leaves open is decided by the seed; each kind can be switched off.
  database::EngineOptions engine;
};

}  // namespace orrery::sim
