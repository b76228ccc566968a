#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include "scenarios/campaign.hpp"

namespace orrery {

/// How a shrinking stands, told after each step forward.
struct ShrinkProgress {
  std::size_t operations = 0;
  std::size_t faults = 0;
  std::uint64_t runs = 0;
};

struct ShrinkOptions {
  std::string property;       // the violation to keep; empty: the first of the run
  Duration time_limit = 60s;  // wall time; what is smallest by then is the answer
  unsigned jobs = 0;          // processes; 0: as many as there are cores. The answer does not depend on it
  RunLimits limits;           // of one run
  std::function<std::vector<Operation>(const Operation&)> simpler;  // Scenario::simpler
  std::function<void(const ShrinkProgress&)> on_progress;
};

/// What a violating run was shrunk to.
struct Shrunk {
  RunRequest request;   // the smallest run: its plan is explicit
  std::string property;
  std::string signature;
  ShrinkProgress from;  // the sizes of the run as it was given
  ShrinkProgress to;
  bool is_minimal = false;  // nothing more can be left away: neither one operation nor one fault
  int interrupted = 0;      // by this signal; the smallest so far is there all the same
};

/// There is nothing to shrink: the run holds, or has no such violation, or does not come to its end. One line.
class NothingToShrink : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Leaves operations and faults of a violating run away as long as the same property is violated with the same signature:
/// delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) on the explicit lists of
/// the run, first faults, then operations, until neither gets shorter. Decisions do not shift when others are taken away
/// (decision 0002), but the ordinal of an occasion does ("the 17th commit of user-1" becomes its 3rd when operations go): so
/// for a fault that is addressed by one, other ordinals are tried, too. At the end operations are made simpler, and times are
/// moved together and rounded. Why not the tree of the generator that drew the workload: decision 0008.
///
/// Every trial is a process of its own. The same request gives the same answer, unless the time limit ends it. Throws
/// NothingToShrink; std::invalid_argument if the run refuses its request; SetupError.
[[nodiscard]] Shrunk shrink(const RunFunction& run, const RunRequest& request, const ShrinkOptions& options);

}  // namespace orrery
