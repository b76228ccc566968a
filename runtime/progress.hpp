#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/time.hpp"

namespace orrery {

/// What a world is at, for a watchdog that looks from a signal handler: nothing here allocates or locks.
class Watched {
 public:
  /// Counts what the world carried out; it stands still while a service does not give control back.
  [[nodiscard]] virtual std::uint64_t steps() const noexcept = 0;
  [[nodiscard]] virtual Instant watched_now() const noexcept = 0;
  /// Writes the task that runs, "user-1/relay", into `size` bytes and ends it with a zero. False: no task runs.
  virtual bool running_task(char* into, std::size_t size) const noexcept = 0;

 protected:
  ~Watched() = default;
};

/// The world that runs in this process, null without one: for the watchdog of a campaign's worker, and nobody else.
inline std::atomic<const Watched*> watched{nullptr};

}  // namespace orrery
