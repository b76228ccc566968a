#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/campaign.hpp"

namespace orrery {

/// A run told again, from a process of its own.
struct Retelling {
  bool ended = false;        // false: the process died or was stuck; `death` says how
  bool interrupted = false;  // false `ended`: by a signal to this process
  Finding death;
  SeedRecord record;
  struct Chapter {
    std::string property;
    std::string claim;  // the property in words
    std::string what;
    std::int64_t violated = 0;
    std::string story;
  };
  std::vector<Chapter> chapters;    // one for each violated property
  std::vector<std::string> struck;  // the faults, in words, in order
  std::vector<std::string> unused;  // faults of a given plan that found no place
  std::uint64_t operations = 0;
  std::string note;   // what `RetellOptions::note` made of the result
  std::string trace;  // every event, a line each, if asked for
  double cpu_s = 0;
};

struct RetellOptions {
  RunRequest request;  // recorded in full in any case
  RunLimits limits;
  bool trace = false;
  /// Called with the result in the process that ran it: a plan file, for example.
  std::function<std::string(const RunResult&)> note;
};

/// Runs the seed once more, recorded in full, and tells it. Throws std::invalid_argument if the run refuses its
/// request.
[[nodiscard]] Retelling retell(const RunFunction& run, const RetellOptions& options);

/// What a dead process is as a finding.
[[nodiscard]] Finding death_of(std::uint64_t seed, bool stuck, std::string why, std::string output);

}  // namespace orrery
