#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/controls.hpp"

namespace orrery {

/// The hosts that faults may be aimed at.
struct FaultHosts {
  std::vector<std::string> services;   // "user-1", …
  std::vector<std::string> databases;  // "user_db", …
  std::string broker;                  // empty: there is none
  std::vector<std::string> file_stores;
  std::string cache;                   // empty: there is none
  std::vector<std::string> replicated;  // of the databases: those that have a standby
  bool serializable = false;            // the services use SERIALIZABLE, so that such a failure has occasions
  bool listens = false;                 // the services LISTEN, so that such a connection can break
};

/// What strikes one run.
struct DrawnFaults {
  FaultRates rates;                // decisions; the world draws where they strike
  std::vector<Fault> episodes;     // addressed by time, in order of time
  std::vector<FaultKind> kinds;    // what this run is meant to inject: a campaign in which one of them never happens
                                   //   did not test what it says
};

/// How much goes wrong.
struct FaultProfile {
  std::string_view name;
  std::string_view what;
};
[[nodiscard]] std::span<const FaultProfile> fault_profiles() noexcept;

/// Throws std::invalid_argument with one line that names the known profiles, unless `name` is one of them.
void require_fault_profile(std::string_view name);

/// The faults of a run whose faults-on phase lasts `during`. Built from RapidCheck's integers, choices and containers only,
/// which give the same on every compiler. Throws std::invalid_argument for an unknown profile.
[[nodiscard]] rc::Gen<DrawnFaults> faults_of(std::string_view profile, const FaultHosts& hosts, Duration during);

/// The faults that a seed has: a function of its arguments alone.
[[nodiscard]] DrawnFaults draw_faults(std::string_view profile, std::uint64_t seed, const FaultHosts& hosts,
                                      Duration during);

}  // namespace orrery
