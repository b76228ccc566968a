#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "scenarios/scenario.hpp"

namespace orrery {

/// Seeds from `first` to `last`, both included.
struct Seeds {
  std::uint64_t first;
  std::uint64_t last;
};
[[nodiscard]] constexpr Seeds seeds(std::uint64_t first, std::uint64_t last) noexcept { return {first, last}; }

/// What EXPECT_HOLDS and EXPECT_VIOLATES found.
struct SeedsVerdict {
  bool as_expected = false;
  std::string why;  // several lines for whoever reads the test's output
};

/// As expected if every property held on each of the seeds. Otherwise the first seed
/// that failed, with the property in words, the story of its violation, and the command that runs it again.
[[nodiscard]] SeedsVerdict holds_on(const Scenario& scenario, Seeds seeds);

/// As expected if each seed, run again from the plan that it was materialised into, gives the same trace hash and has the same
/// faults strike, each of them. Even seeds are run under "heavy" faults, odd ones under "swarm".
[[nodiscard]] SeedsVerdict replays_on(const Scenario& scenario, Seeds seeds);

/// As expected if the property of that name is violated on at least one of the seeds. Otherwise what was violated instead.
[[nodiscard]] SeedsVerdict violated_on(const Scenario& scenario, std::string_view property, Seeds seeds);

}  // namespace orrery
