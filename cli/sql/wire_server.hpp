#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::cli::sql {

/// A port from 0 (a free one) to 65535. Throws UsageError.
[[nodiscard]] std::uint16_t parse_port(std::string_view text);

/// Serves PostgreSQL's protocol 3 on 127.0.0.1 until SIGINT or SIGTERM: many sessions over one simulated database, whose
/// virtual time follows the wall clock. Prints the port once it listens. Returns the exit status: 0. Throws SetupError if
/// it cannot listen. Everything in the database is gone when it ends.
[[nodiscard]] int serve(std::uint16_t port, std::uint64_t seed, bool natural_order);

}  // namespace orrery::cli::sql
