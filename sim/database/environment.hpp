#pragma once

#include <cstdint>

#include "runtime/executor.hpp"
#include "runtime/time.hpp"

namespace orrery::sim::database {

/// What the engine needs of the world it runs in. The engine itself knows no network, no hosts and no faults.
class Environment {
 public:
  /// Suspends and resumes sessions that wait (row locks, unique checks, time-outs).
  [[nodiscard]] virtual Executor& executor() noexcept = 0;
  /// The server's wall clock; `now()` and `clock_timestamp()` come from it.
  [[nodiscard]] virtual SystemTime system_time() const noexcept = 0;
  /// A decision of the seed: the same (site, entity, ordinal) always gives the same 64 uniform bits.
  [[nodiscard]] virtual std::uint64_t draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept = 0;

 protected:
  ~Environment() = default;
};

}  // namespace orrery::sim::database
