#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/coverage.hpp"
#include "cli/input.hpp"
#include "cli/picture.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"
#include "scenarios/plan_file.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  std::vector<std::string> scenarios;
  std::string seeds = "1..200";
  std::string jobs;
  std::string faults;
  std::string defect;
  std::string shard;
  std::string time_limit;
  std::string json;
  std::string junit;
  std::string out;
  std::string hashes;
  std::string graph_coverage;
};

/// Told in full are so many kinds of violation; of the others only what is wrong.
constexpr std::size_t kTold = 5;

class Run {
 public:
  Run(const Session& session, const Arguments& arguments)
      : session_(session),
        arguments_(arguments),
        scenarios_(chosen()),
        seeds_(parse_seeds(arguments.seeds)),
        json_(arguments.json, "--json"),
        junit_(arguments.junit, "--junit"),
        hashes_(arguments.hashes, "--hashes"),
        coverage_(coverage_file(arguments.graph_coverage)),
        screen_(arguments.json == "-" || arguments.junit == "-" || arguments.hashes == "-" ? stderr : stdout) {
    options_.seeds = seeds_;
    if (!arguments.jobs.empty()) options_.jobs = parse_jobs(arguments.jobs);
    if (!arguments.shard.empty()) {
      const Shard shard = parse_shard(arguments.shard);
      options_.shard = shard.number;
      options_.shards = shard.of;
    }
    if (!arguments.time_limit.empty()) time_limit_ = parse_positive_duration(arguments.time_limit, "--time-limit");
    require_profile(arguments.faults);
    if (!arguments.out.empty()) require_directory(arguments.out, "--out");
    options_.keep_hashes = hashes_.wanted();
  }

  int go() {
    const Interrupts interrupts;
    const Duration began = wall_now();
    std::string hashes;
    for (std::size_t i = 0; i < scenarios_.size() && Interrupts::caught() == 0; ++i) {
      if (time_limit_.count() != 0) {
        // What is left is shared among the scenarios that are left.
        options_.time_limit = std::max<Duration>((time_limit_ - (wall_now() - began)) / (scenarios_.size() - i), 1ms);
      }
      ScenarioReport& report = reports_.emplace_back();
      run_scenario(*scenarios_[i], report);
      if (hashes_.wanted()) hashes += hash_lines(*report.scenario, report.profile, report.defect, report.result.hashes);
    }
    json_.write(json_report(reports_, session_.program));
    junit_.write(junit_report(reports_));
    hashes_.write(hashes);
    write_coverage();
    if (const int signal = Interrupts::caught(); signal != 0) return kInterrupted + signal;
    if (!deterministic_) return kNotDeterministic;
    return std::ranges::all_of(reports_, [](const ScenarioReport& report) { return report.result.held(); }) ? kHeld
                                                                                                            : kViolated;
  }

 private:
  static std::unique_ptr<PictureFile> coverage_file(const std::string& path) {
    if (path.empty()) return nullptr;
    return std::make_unique<PictureFile>("run", path, std::vector<std::string>{".svg", ".png"}, "--graph-coverage");
  }

  /// A graph is there only if something went through it.
  void write_coverage() {
    if (coverage_ == nullptr) return;
    coverage_->write(viz::coverage_svg(ways_, fmt::format("{} of {}", to_string(seeds_), coverage_of_)));
    screen_.line(fmt::format("wrote {}", coverage_->path()));
  }

  /// A defect belongs to a scenario: without a named scenario those run that have it.
  [[nodiscard]] std::vector<const Scenario*> chosen() const {
    std::vector<const Scenario*> scenarios = find_scenarios(session_.catalog, arguments_.scenarios);
    if (arguments_.defect.empty()) return scenarios;
    if (!arguments_.scenarios.empty() || scenarios.size() == 1) {
      for (const Scenario* scenario : scenarios) require_defect_of(*scenario, arguments_.defect);
      return scenarios;
    }
    std::vector<std::string> known;
    std::erase_if(scenarios, [&](const Scenario* scenario) {
      for (const Defect& defect : scenario->defects) known.push_back(defect.name);
      return std::ranges::find(scenario->defects, arguments_.defect, &Defect::name) == scenario->defects.end();
    });
    if (scenarios.empty()) throw UsageError(unknown("defect", arguments_.defect, known));
    return scenarios;
  }

  void run_scenario(const Scenario& scenario, ScenarioReport& report) {
    report.scenario = &scenario;
    report.seeds = seeds_;
    report.profile = arguments_.faults.empty() ? scenario.profile : arguments_.faults;
    report.defect = arguments_.defect.empty() ? scenario.defect : arguments_.defect;
    options_.request = RunRequest();
    options_.request.profile = report.profile;
    options_.request.defect = report.defect;
    const unsigned jobs = options_.jobs == 0 ? usable_cores() : options_.jobs;
    screen_.line(screen_.bold(scenario.name) + ": " + scenario.claim);
    screen_.line(fmt::format("  seeds {}{}, faults {}, {}, {}{}", to_string(seeds_),
                             options_.shards > 1 ? fmt::format(" (shard {}/{})", options_.shard, options_.shards) : "",
                             report.profile, report.defect.empty() ? "no defect" : "defect " + report.defect,
                             count_text(jobs, "job"),
                             time_limit_.count() != 0 ? ", at most " + to_string(time_limit_) : ""));
    const RunFunction run = [&](const RunRequest& request) { return orrery::run(scenario, request); };
    {
      ProgressLine progress(scenario.name);
      options_.on_progress = [&](const CampaignProgress& now) { progress.show(now); };
      report.result = campaign(coverage_ == nullptr ? run : counting_ways(run), options_);
      if (coverage_ != nullptr) {
        for (auto& [name, counts] : take_ways(report.result).graphs) ways_.graphs[name] = std::move(counts);
        coverage_of_ += (coverage_of_.empty() ? "" : ", ") + scenario.name +
                        (report.defect.empty() ? "" : " with defect " + report.defect);
      }
    }
    screen_.line();
    report.groups = group(report.result.findings, scenario);
    tell(run, report);
    write_plans(run, report);
    print_tables(screen_, report);
    screen_.line(last_line(screen_, report, session_.program));
    if (&scenario != scenarios_.back()) screen_.line();
  }

  [[nodiscard]] RetellOptions retelling(const ScenarioReport& report, std::uint64_t seed) const {
    RetellOptions options;
    options.request = options_.request;
    options.request.seed = seed;
    options.limits = options_.limits;
    if (!arguments_.out.empty()) {
      options.note = [scenario = report.scenario](const RunResult& result) { return write_plan(*scenario, result); };
    }
    return options;
  }

  void tell(const RunFunction& run, ScenarioReport& report) {
    std::size_t told = 0;
    std::unique_ptr<Retelling> last;
    std::uint64_t last_seed = 0;
    for (FindingGroup& group : report.groups) {
      const Finding& first = *group.first;
      group.command = command_for(session_.program, *report.scenario, report.profile, report.defect, first.seed);
      if (first.kind == Finding::Kind::violated && told < kTold && Interrupts::caught() == 0) {
        if (last == nullptr || last_seed != first.seed) {
          last = std::make_unique<Retelling>(retell(run, retelling(report, first.seed)));
          last_seed = first.seed;
          check_same(first, *last);
        }
        for (const Retelling::Chapter& chapter : last->chapters) {
          if (chapter.property == first.property) group.story = chapter.story;
        }
      }
      if (told++ == kTold && report.groups.size() > kTold + 1) {
        screen_.line(screen_.dim("of the other kinds of violation only what is wrong:"));
      }
      if (told <= kTold) {
        print_group(screen_, group);
      } else {
        screen_.line(fmt::format("  seed {}: {}: {}", first.seed, first.property, first.what));
        if (told == report.groups.size()) screen_.line();
      }
    }
  }

  /// A violating seed is run again for its story: a difference would show here.
  void check_same(const Finding& finding, const Retelling& retelling) {
    if (retelling.interrupted || (retelling.ended && retelling.record.hash == finding.hash)) return;
    deterministic_ = false;
    screen_.line(fmt::format("{} seed {} did not do the same when it was run again ({}): {} verify --seeds {}",
                             screen_.bad("NOT DETERMINISTIC:"), finding.seed,
                             retelling.ended ? "another trace hash" : retelling.death.what, session_.program,
                             finding.seed));
  }

  void write_plans(const RunFunction& run, const ScenarioReport& report) {
    if (arguments_.out.empty()) return;
    std::vector<std::uint64_t> seeds;
    for (const Finding& finding : report.result.findings) {
      if (finding.kind != Finding::Kind::died && (seeds.empty() || seeds.back() != finding.seed))
        seeds.push_back(finding.seed);
    }
    std::size_t written = 0;
    for (const std::uint64_t seed : seeds) {
      const Retelling retelling = retell(run, this->retelling(report, seed));
      if (Interrupts::caught() != 0) break;
      if (!retelling.ended) continue;  // a stuck task leaves no result
      std::string name = fmt::format("{}-{}", report.scenario->name, seed);
      if (!report.defect.empty()) name += "-" + report.defect;
      OutputFile file((std::filesystem::path(arguments_.out) / (name + ".json")).string(), "--out");
      file.write(retelling.note);
      ++written;
    }
    if (written > 0) {
      screen_.line(fmt::format("  {} in {}; {} replay FILE runs one again", count_text(written, "plan file"),
                               arguments_.out, session_.program));
      screen_.line();
    }
  }

  const Session& session_;
  const Arguments& arguments_;
  std::vector<const Scenario*> scenarios_;
  SeedRange seeds_;
  OutputFile json_;
  OutputFile junit_;
  OutputFile hashes_;
  std::unique_ptr<PictureFile> coverage_;
  viz::GraphCoverage ways_;
  std::string coverage_of_;
  Screen screen_;
  CampaignOptions options_;
  Duration time_limit_{0};
  std::vector<ScenarioReport> reports_;
  bool deterministic_ = true;
};

}  // namespace

Action add_run(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SCENARIO", arguments->scenarios, "Which scenarios; none: all");
  app.add_option("--seeds", arguments->seeds, "The seeds A..B, or one seed (1..200 without it)")->type_name("A..B");
  app.add_option("--jobs", arguments->jobs, "Worker processes; without it one for each core")->type_name("N");
  app.add_option("--faults", arguments->faults, "The fault profile: none, light, heavy, swarm (see list)")
      ->type_name("PROFILE");
  app.add_option("--defect", arguments->defect, "Runs this broken twin instead of the correct services")
      ->type_name("NAME");
  app.add_option("--shard", arguments->shard, "Only the K-th of N parts of the seeds")->type_name("K/N");
  app.add_option("--time-limit", arguments->time_limit, "Begins no new seed after this time: 30s, 5m")
      ->type_name("TIME");
  app.add_option("--json", arguments->json, "Writes the result as JSON")->type_name("FILE");
  app.add_option("--junit", arguments->junit, "Writes the result as JUnit XML, a test case a property")
      ->type_name("FILE");
  app.add_option("--out", arguments->out, "Writes each violating run as a plan file")->type_name("DIR");
  app.add_option("--hashes", arguments->hashes, "Writes the trace hash of each seed")->type_name("FILE");
  app.add_option("--graph-coverage", arguments->graph_coverage,
                 "Draws the declared states of the scenario's sagas with how often each way was taken: .svg or .png")
      ->type_name("FILE");
  return [arguments, &session] { return Run(session, *arguments).go(); };
}

}  // namespace orrery::cli
