#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::cli {

/// The program: parses the command line, carries it out over the scenarios of `catalog`, and gives the exit status.
///
///   int main(int argc, char** argv) { return orrery::cli::run(argc, argv, my_catalog()); }
///
/// 0: everything held. 1: a property was violated, or a twin was not found. 2: wrong usage or unreadable input (one
/// line on stderr). 3: a run was not deterministic. 4: the world could not be set up. 130, 143, 129: interrupted by
/// SIGINT, SIGTERM, SIGHUP; what was found so far was printed, and no process is left.
[[nodiscard]] int run(int argc, char** argv, const Catalog& catalog);

enum ExitStatus : int {
  kHeld = 0,
  kViolated = 1,
  kWrongUsage = 2,
  kNotDeterministic = 3,
  kNoWorld = 4,
  kInterrupted = 128,  // plus the signal's number
};

}  // namespace orrery::cli
