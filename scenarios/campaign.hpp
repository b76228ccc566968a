#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/campaign_wire.hpp"
#include "scenarios/campaign_worker.hpp"
#include "scenarios/scenario.hpp"

namespace orrery {

/// One seed in, one result out: `run` with its scenario bound, or a test's stand-in.
using RunFunction = std::function<RunResult(const RunRequest&)>;

/// Seeds from `first` to `last`, both included.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 200;
  [[nodiscard]] std::uint64_t count() const noexcept { return last - first + 1; }
};
/// "7" or "1..200".
[[nodiscard]] std::string to_string(const SeedRange& seeds);

/// How a campaign stands, told about ten times a second.
struct CampaignProgress {
  std::uint64_t done = 0;
  std::uint64_t planned = 0;
  std::uint64_t bad = 0;  // seeds with a finding
  Duration simulated{0};
  Duration wall{0};
};

struct CampaignOptions {
  SeedRange seeds;
  unsigned shard = 1;  // of `shards`: every shards-th seed
  unsigned shards = 1;
  unsigned jobs = 0;           // worker processes; 0: as many as there are cores
  RunRequest request;          // `seed` is filled in
  Duration time_limit{0};      // no new seed after that; 0: none
  RunLimits limits;            // of one run
  bool stop_at_first = false;  // the lowest seed with a finding ends it; later ones do not count
  bool reversed = false;       // the highest seed first
  bool keep_hashes = false;
  std::function<void()> in_worker;                     // called in each worker before its first run
  std::function<void(std::uint64_t seed)> before_run;  // called in the worker before each run
  std::function<void(const CampaignProgress&)> on_progress;
};

/// What went wrong with a seed. A seed that violates two properties gives two findings.
struct Finding {
  enum class Kind : std::uint8_t { violated, stuck, died };
  Kind kind = Kind::violated;
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;  // 0 if the run did not end
  std::string property;    // of stuck and died: "every run comes to its end", "no process dies"
  std::string signature;   // groups findings: the same on every seed
  std::string what;        // one sentence
  std::string output;      // died: what the worker wrote last
};
inline constexpr const char* kEveryRunEnds = "every run comes to its end";
inline constexpr const char* kNoProcessDies = "no process dies";

/// How a property fared over all seeds.
struct PropertyTally {
  std::string name;
  Mode mode = Mode::always;
  std::uint64_t runs = 0;      // judged
  std::uint64_t violated = 0;  // runs
  std::int64_t examined = 0;   // things judged; of a `sometimes`: how often it happened
};

struct CampaignResult {
  std::uint64_t planned = 0;
  std::uint64_t seeds = 0;                // that were run to a result, a death included
  std::uint64_t bad = 0;                  // of them, with a finding
  std::vector<Finding> findings;          // by seed
  std::vector<PropertyTally> properties;  // in the scenario's order
  std::map<std::string, std::int64_t> faults;
  std::map<std::string, std::int64_t> sometimes;
  std::uint64_t events = 0;
  std::uint64_t messages = 0;
  Duration simulated{0};
  double cpu_s = 0;  // of all workers
  double wall_s = 0;
  int interrupted = 0;  // by this signal
  bool out_of_time = false;
  std::map<std::uint64_t, std::uint64_t> hashes;  // by seed, if they were to be kept

  /// Nothing was violated, stuck or dead, and nothing of `missing` counts.
  [[nodiscard]] bool held() const { return findings.empty() && !missing_counts(); }
  /// What was to happen and never did: a `sometimes`, a configured fault. One line each.
  [[nodiscard]] std::vector<std::string> missing() const;
  /// What never happened fails a campaign of 100 seeds and more; a smaller one only reports it.
  [[nodiscard]] bool missing_counts() const;
  static constexpr std::uint64_t kEnoughSeeds = 100;
};

/// Runs the seeds in forked workers. The result depends on the seeds alone, not on jobs, order or speed (but for the
/// two times). A worker that dies or is stuck is a finding; another takes over the rest. Returns early, without a
/// process left behind, on SIGINT, SIGTERM or SIGHUP. Throws std::invalid_argument if a run refuses its request,
/// SetupError if no worker can be started.
[[nodiscard]] CampaignResult campaign(const RunFunction& run, const CampaignOptions& options);

}  // namespace orrery
