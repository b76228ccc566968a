#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "scenarios/campaign.hpp"

namespace orrery {

/// The trace hash of each seed that ran to its end.
using Hashes = std::map<std::uint64_t, std::uint64_t>;

/// A seed that did not do the same twice.
struct Divergence {
  std::uint64_t seed = 0;
  std::uint64_t one_hash = 0;  // 0: it did not come to its end
  std::uint64_t other_hash = 0;
  bool located = false;  // two full recordings differed, too
  std::string before;    // the last event that both have
  std::string one;       // the first event that differs (see trace_line), or "(no more events)"
  std::string other;
};

struct VerifyOptions {
  CampaignOptions campaign;
  std::uint64_t explain = 3;  // for so many seeds the first event that differs is looked for
  /// The hashes of a second pass in a process that shares nothing with this one; without it, the second pass runs in
  /// workers of this one.
  std::function<Hashes()> second_pass;
};

struct VerifyResult {
  CampaignResult first;                 // the first pass, with its hashes
  std::vector<Divergence> divergences;  // by seed
  double wall_s = 0;
};

/// The first pass of a verification.
[[nodiscard]] CampaignResult verify_first_pass(const RunFunction& run, CampaignOptions options);
/// The second: other processes, the seeds in reverse, memory filled with another byte and handed out in another order.
[[nodiscard]] CampaignResult verify_second_pass(const RunFunction& run, CampaignOptions options);

/// Runs each seed twice, in different processes, orders and memory, and compares the trace hashes. Seeds that differ
/// are run again, recorded in full, until the first event that differs is found.
[[nodiscard]] VerifyResult verify(const RunFunction& run, const VerifyOptions& options);

}  // namespace orrery
