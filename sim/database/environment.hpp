#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/executor.hpp"
#include "runtime/time.hpp"

namespace orrery::sim::database {

/// What SQL leaves open, and a real server decides by its plan and by how its rows happen to lie.
enum class OpenChoice : std::uint8_t {
  row_order,   // in which order rows come where nothing asks for one
  lock_order,  // in which order a statement locks or changes its rows
  plan,        // that a subquery which locks rows is run again for further rows
};
[[nodiscard]] constexpr std::string_view to_string(OpenChoice choice) noexcept {
  return choice == OpenChoice::row_order ? "row order" : choice == OpenChoice::lock_order ? "lock order" : "plan";
}

/// What the engine needs of the world it runs in. The engine itself knows no network, no hosts and no faults.
class Environment {
 public:
  /// Suspends and resumes sessions that wait (row locks, unique checks, time-outs).
  [[nodiscard]] virtual Executor& executor() noexcept = 0;
  /// The server's wall clock; `now()` and `clock_timestamp()` come from it.
  [[nodiscard]] virtual SystemTime system_time() const noexcept = 0;
  /// A decision of the seed: the same (site, entity, ordinal) always gives the same 64 uniform bits.
  [[nodiscard]] virtual std::uint64_t draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept = 0;
  /// Told once a statement that the seed decided something that SQL leaves open; `seed` is the number it was decided by.
  virtual void chose(OpenChoice choice, std::string_view session, std::uint64_t seed) {
    (void)choice;
    (void)session;
    (void)seed;
  }

 protected:
  ~Environment() = default;
};

}  // namespace orrery::sim::database
