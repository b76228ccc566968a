#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "real-mode/private_postgres.hpp"

namespace orrery::testing {

/// What a script of SQL for psql came to on a simulated and on a real server.
struct Replay {
  struct Difference {
    std::size_t line = 0;
    std::string sql;
    std::string simulated;
    std::string real;
  };
  std::uint64_t same = 0;
  std::uint64_t errors = 0;   // of the same ones
  std::uint64_t refused = 0;  // by the simulated server, and so not run on the real one
  std::uint64_t follow = 0;   // differ, and name what a statement before them names that was refused or that differed
  std::uint64_t hangs = 0;    // still running after a minute of virtual time, with nobody to wait for
  std::map<std::string, std::uint64_t> refusals;  // how often each construct
  std::vector<Difference> differences;
  std::vector<Difference> following;
};

/// Runs a script's statements one after the other on both, in an empty database with default settings, and compares what
/// each gives; where a statement has no ORDER BY, the order of its rows is left open. Lines that are commands of psql are
/// left out; COPY … FROM STDIN gets the lines that follow it, up to `\.`.
[[nodiscard]] Replay replay(std::string_view script, const real::PrivatePostgres& server);

}  // namespace orrery::testing
