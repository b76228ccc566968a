#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"
#include "scenarios/verify.hpp"

namespace orrery::cli {
namespace {

/// Set in the process that makes the second pass: the descriptor that it writes "scenario seed hash" lines to.
constexpr const char* kSecondPass = "ORRERY_VERIFY_SECOND_PASS";

struct Arguments {
  std::vector<std::string> scenarios;
  std::string seeds = "1..50";
  std::string jobs;
  std::string faults;
  std::string defect;
  std::string hashes;
};

/// Becomes this program anew, with the same arguments, other addresses (ASLR) and an allocator that is set up
/// differently.
[[noreturn]] void become_second_pass(int fd) {
  const itimerval off{};
  ::setitimer(ITIMER_VIRTUAL, &off, nullptr);  // it would outlive exec, but not its handler
  const int kept = ::dup(fd);                  // without close-on-exec
  ::setenv(kSecondPass, std::to_string(kept).c_str(), 1);
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
  const char* asan = std::getenv("ASAN_OPTIONS");
  ::setenv("ASAN_OPTIONS",
           (std::string(asan != nullptr ? asan : "") +
            ":malloc_fill_byte=84:max_malloc_fill_size=65536:quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
               .c_str(),
           1);
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  std::istringstream parts(line);
  for (std::string word; std::getline(parts, word, '\0');) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv("/proc/self/exe", arguments.data());
  throw SetupError("the second pass cannot be started");
}

class Verify {
 public:
  Verify(const Session& session, const Arguments& arguments)
      : session_(session), arguments_(arguments), scenarios_(find_scenarios(session.catalog, arguments.scenarios)) {
    options_.seeds = parse_seeds(arguments.seeds);
    if (!arguments.jobs.empty()) options_.jobs = parse_jobs(arguments.jobs);
    require_profile(arguments.faults);
    for (const Scenario* scenario : scenarios_) require_defect_of(*scenario, arguments.defect);
  }

  int go() {
    if (const char* fd = std::getenv(kSecondPass)) return second_pass(std::atoi(fd));
    OutputFile hashes(arguments_.hashes, "--hashes");
    const Screen screen(arguments_.hashes == "-" ? stderr : stdout);
    const Interrupts interrupts;
    std::string lines;
    bool same = true;
    bool alive = true;
    for (std::size_t i = 0; i < scenarios_.size() && Interrupts::caught() == 0; ++i) {
      const Scenario& scenario = *scenarios_[i];
      const CampaignOptions options = options_for(scenario);
      screen.line(fmt::format("{}: seeds {}, faults {}, {}; each twice", screen.bold(scenario.name),
                              to_string(options.seeds), options.request.profile,
                              options.request.defect.empty() ? "no defect" : "defect " + options.request.defect));
      VerifyOptions verify_options;
      verify_options.campaign = options;
      ProgressLine progress(scenario.name);
      verify_options.campaign.on_progress = [&](const CampaignProgress& now) { progress.show(now); };
      verify_options.second_pass = [&] {
        progress.clear();
        return second_hashes(scenario);
      };
      const VerifyResult result =
          verify([&](const RunRequest& request) { return orrery::run(scenario, request); }, verify_options);
      progress.clear();
      if (result.first.interrupted != 0) break;
      lines += hash_lines(scenario, options.request.profile, options.request.defect, result.first.hashes);
      same = print(screen, scenario, options, result) && same;
      for (const Finding& finding : result.first.findings) alive = alive && finding.kind != Finding::Kind::died;
    }
    hashes.write(lines);
    if (const int signal = Interrupts::caught(); signal != 0) {
      screen.line(screen.odd("INTERRUPTED"));
      return kInterrupted + signal;
    }
    return !same ? kNotDeterministic : alive ? kHeld : kViolated;
  }

 private:
  [[nodiscard]] CampaignOptions options_for(const Scenario& scenario) const {
    CampaignOptions options = options_;
    options.request.profile = arguments_.faults.empty() ? scenario.profile : arguments_.faults;
    options.request.defect = arguments_.defect.empty() ? scenario.defect : arguments_.defect;
    return options;
  }

  /// In the second process: for every scenario, on one pipe.
  int second_pass(int fd) {
    for (const Scenario* scenario : scenarios_) {
      const CampaignResult result = verify_second_pass(
          [&](const RunRequest& request) { return orrery::run(*scenario, request); }, options_for(*scenario));
      std::string lines;
      for (const auto& [seed, hash] : result.hashes) lines += fmt::format("{} {} {}\n", scenario->name, seed, hash);
      std::string_view left = lines;
      while (!left.empty()) {
        const ssize_t written = ::write(fd, left.data(), left.size());
        if (written <= 0) return kNoWorld;
        left.remove_prefix(static_cast<std::size_t>(written));
      }
      if (result.interrupted != 0) return kInterrupted + result.interrupted;
    }
    return kHeld;
  }

  /// The second process is started when the first hashes are asked for, and works on all scenarios.
  const Hashes& second_hashes(const Scenario& scenario) {
    if (!second_ran_) {
      second_ran_ = true;
      Worker worker([](WorkerSide& side) { become_second_pass(side.pipe()); }, RunLimits{});
      while (!worker.ended() && Interrupts::caught() == 0) wait_for_workers({&worker}, 200ms);
      if (worker.ended() && !worker.succeeded()) {
        throw SetupError("the second pass failed: " + worker.why() + "\n" + worker.output());
      }
      std::istringstream lines(worker.received());
      std::string name;
      std::uint64_t seed = 0;
      std::uint64_t hash = 0;
      while (lines >> name >> seed >> hash) second_[name][seed] = hash;
    }
    return second_[scenario.name];
  }

  bool print(const Screen& screen, const Scenario& scenario, const CampaignOptions& options,
             const VerifyResult& result) const {
    for (const Divergence& divergence : result.divergences) {
      const auto hash = [](std::uint64_t value) { return value == 0 ? std::string("no end") : hash_text(value); };
      screen.line(fmt::format("{} seed {}: {} in one process, {} in another", screen.bad("differs:"), divergence.seed,
                              hash(divergence.one_hash), hash(divergence.other_hash)));
      if (!divergence.located) continue;
      screen.line("  the first event that differs, in one and in the other:");
      screen.line("    " + divergence.one);
      screen.line("    " + divergence.other);
      if (!divergence.before.empty()) screen.line("  the last that both have:\n    " + divergence.before);
    }
    for (const Finding& finding : result.first.findings) {
      if (finding.kind != Finding::Kind::died) continue;
      screen.line(fmt::format("{} seed {}: {}", screen.bad("died:"), finding.seed, finding.what));
    }
    const std::string seeds = count_text(result.first.hashes.size(), "seed");
    if (result.divergences.empty()) {
      screen.line(fmt::format("{} {}: {} did the same twice, in other processes, orders and memory ({})",
                              screen.good("deterministic"), scenario.name, seeds, seconds_text(result.wall_s)));
      return true;
    }
    const std::uint64_t seed = result.divergences.front().seed;
    std::string command = fmt::format("{} verify {} --seeds {}", session_.program, scenario.name, seed);
    if (options.request.profile != scenario.profile) command += " --faults " + options.request.profile;
    if (!options.request.defect.empty()) command += " --defect " + options.request.defect;
    screen.line(fmt::format("{} {}: {} of {} differ: {}", screen.bad("NOT DETERMINISTIC"), scenario.name,
                            result.divergences.size(), seeds, command));
    return false;
  }

  const Session& session_;
  const Arguments& arguments_;
  std::vector<const Scenario*> scenarios_;
  CampaignOptions options_;
  bool second_ran_ = false;
  std::map<std::string, Hashes> second_;
};

}  // namespace

Action add_verify(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SCENARIO", arguments->scenarios, "Which scenarios; none: all");
  app.add_option("--seeds", arguments->seeds, "The seeds A..B, or one seed (1..50 without it)")->type_name("A..B");
  app.add_option("--jobs", arguments->jobs, "Worker processes; without it one for each core")->type_name("N");
  app.add_option("--faults", arguments->faults, "The fault profile; without it the scenario's")->type_name("PROFILE");
  app.add_option("--defect", arguments->defect, "Runs this broken twin instead of the correct services")
      ->type_name("NAME");
  app.add_option("--hashes", arguments->hashes, "Writes the trace hash of each seed")->type_name("FILE");
  return [arguments, &session] { return Verify(session, *arguments).go(); };
}

}  // namespace orrery::cli
