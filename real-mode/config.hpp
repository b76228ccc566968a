#pragma once

#include <string>
#include <string_view>

#include "real-mode/node.hpp"

namespace orrery::real {

/// Reads the configuration of one process of `service`: JSON, in whose strings ${NAME} is the environment's NAME ("$${" is
/// a "${" of itself).
///
///   {"host": "user-1", "listen": "127.0.0.1:8080", "peers": {"mail": ["127.0.0.1:8081"]},
///    "databases": {"user_db": "host=/run/postgresql dbname=user_db"}, "broker": "host=/run/postgresql dbname=broker",
///    "files": {"media": "/var/lib/media"}, "cache": "127.0.0.1:6379", "traces": "127.0.0.1:4318",
///    "pool": {"least": 5, "most": 20, "idle": "60s"}, "log": "info", "drain": "10s", "settings": {…the service's own…}}
///
/// Throws std::invalid_argument, in one line that begins with the path, for an unknown key, a bad value, or a variable that
/// is not set: `databases.user_db: the environment has no PGHOST`.
[[nodiscard]] NodeSettings read_config(std::string_view text, const std::string& service);

/// A fault as it is told to a process, and back. Throws std::invalid_argument, which begins with `path`.
[[nodiscard]] Json fault_json(const Fault& fault);
[[nodiscard]] Fault fault_of(const Json& json, const std::string& path);

/// What the test bed adds to a configuration, under "testbed".
[[nodiscard]] Json testbed_json(const NodeSettings& settings);

}  // namespace orrery::real
