#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  std::vector<std::string> names;
  std::string seeds = "1..500";
  std::string jobs;
  std::string faults;
  std::string json;
};

/// A property may be named by the first word of its name: "S3" for "S3 an event is published at least once".
bool is_property(const std::string& name, const std::string& meant) {
  return name == meant || name.starts_with(meant + " ") || name.starts_with(meant + ":");
}

struct Tried {
  const Defect* defect = nullptr;
  std::uint64_t seeds = 0;  // until it was found, or all
  std::vector<Finding> findings;
  bool expected = false;  // among them is the property that was to find it
  [[nodiscard]] bool found() const { return !findings.empty(); }
  /// The one to name: the expected property's if it is there.
  const Finding* shown = nullptr;
};

class Defects {
 public:
  Defects(const Session& session, const Arguments& arguments)
      : session_(session),
        arguments_(arguments),
        json_(arguments.json, "--json"),
        screen_(arguments.json == "-" ? stderr : stdout) {
    options_.seeds = parse_seeds(arguments.seeds);
    if (!arguments.jobs.empty()) options_.jobs = parse_jobs(arguments.jobs);
    require_profile(arguments.faults);
    require_names();
  }

  int go() {
    const Interrupts interrupts;
    auto all = nlohmann::ordered_json::array();
    bool good = true;
    for (const Scenario& scenario : session_.catalog.scenarios) {
      if (std::ranges::none_of(scenario.defects, [&](const Defect& defect) { return is_wanted(defect); })) continue;
      good = carry_out(scenario, all) && good;
      if (Interrupts::caught() != 0) break;
    }
    json_.write(json_text(all.size() == 1 ? all.front() : all));
    if (const int signal = Interrupts::caught(); signal != 0) {
      screen_.line(screen_.odd("INTERRUPTED"));
      return kInterrupted + signal;
    }
    return good ? kHeld : kViolated;
  }

 private:
  void require_names() const {
    std::vector<std::string> known;
    for (const Scenario& scenario : session_.catalog.scenarios) {
      for (const Defect& defect : scenario.defects) known.push_back(defect.name);
    }
    if (known.empty()) throw UsageError("this program has no defects");
    for (const std::string& name : arguments_.names) {
      if (std::ranges::find(known, name) == known.end()) throw UsageError(unknown("defect", name, known));
    }
  }

  [[nodiscard]] bool is_wanted(const Defect& defect) const {
    return arguments_.names.empty() || std::ranges::find(arguments_.names, defect.name) != arguments_.names.end();
  }

  CampaignResult run_twin(const Scenario& scenario, const std::string& defect, bool stop_at_first) {
    CampaignOptions options = options_;
    options.request.profile = profile_of(scenario);
    options.request.defect = defect;
    options.stop_at_first = stop_at_first;
    ProgressLine progress(defect.empty() ? "the correct twin" : defect);
    options.on_progress = [&](const CampaignProgress& now) { progress.show(now); };
    return campaign([&](const RunRequest& request) { return orrery::run(scenario, request); }, options);
  }

  [[nodiscard]] std::string profile_of(const Scenario& scenario) const {
    return arguments_.faults.empty() ? scenario.profile : arguments_.faults;
  }

  bool carry_out(const Scenario& scenario, nlohmann::ordered_json& all) {
    screen_.line(fmt::format("{}: broken twins on seeds {}, faults {}", screen_.bold(scenario.name),
                             to_string(options_.seeds), profile_of(scenario)));
    std::size_t width = 0;
    for (const Defect& defect : scenario.defects) width = std::max(width, defect.name.size());
    std::vector<Tried> tried;
    for (const Defect& defect : scenario.defects) {
      if (!is_wanted(defect)) continue;
      CampaignResult result = run_twin(scenario, defect.name, true);
      if (result.interrupted != 0) break;
      tried.push_back(judge(defect, std::move(result)));
      print(scenario, tried.back(), width);
    }
    CampaignResult correct;
    if (Interrupts::caught() == 0) correct = run_twin(scenario, "", false);
    const auto found = static_cast<std::size_t>(std::ranges::count_if(tried, &Tried::found));
    const bool interrupted = Interrupts::caught() != 0;
    const bool held = !interrupted && correct.held();
    if (correct.seeds > 0) {
      const bool is_clean = correct.findings.empty() && (interrupted || held);
      screen_.line(fmt::format("  {}  {:<{}}  on {}{}", is_clean ? screen_.good("held     ") : screen_.bad("VIOLATED "),
                               "the correct twin", width, count_text(correct.seeds, "seed"), interrupted ? ", then interrupted" : ""));
      for (const FindingGroup& group : group(correct.findings, scenario)) {
        screen_.line(fmt::format("      {}: {}: {}", group.first->property, group.first->what,
                                 command_for(session_.program, scenario, profile_of(scenario), "", group.first->seed)));
      }
      if (!interrupted && correct.missing_counts()) {
        for (const std::string& missing : correct.missing()) screen_.line("      " + missing);
      }
    }
    all.push_back(json_of(scenario, tried, correct, held));
    const bool good = held && found == tried.size();
    const char* const verdict = held                        ? "holds"
                                : !correct.findings.empty() ? "does not hold"
                                : interrupted               ? "was not run to its end"
                                                            : "does not hold";
    const std::string word = good ? screen_.good("found") : interrupted && found == tried.size() ? screen_.odd("NOT ENDED") : screen_.bad("MISSED");
    screen_.line(fmt::format("{} {}: {} of {} twins found, the correct one {}", word, scenario.name, found, tried.size(), verdict));
    return good;
  }

  Tried judge(const Defect& defect, CampaignResult result) const {
    Tried tried;
    tried.defect = &defect;
    tried.seeds = result.seeds;
    tried.findings = std::move(result.findings);
    for (const Finding& finding : tried.findings) {
      if (tried.expected || !is_property(finding.property, defect.violates)) continue;
      tried.expected = true;
      tried.shown = &finding;
    }
    if (tried.shown == nullptr && tried.found()) tried.shown = &tried.findings.front();
    return tried;
  }

  void print(const Scenario& scenario, const Tried& tried, std::size_t width) const {
    const std::string& name = tried.defect->name;
    if (!tried.found()) {
      screen_.line(fmt::format("  {}  {:<{}}  in {}: expected \"{}\"", screen_.bad("NOT FOUND"), name, width,
                               count_text(tried.seeds, "seed"), tried.defect->violates));
      return;
    }
    const std::string by = tried.expected ? "" : screen_.odd(fmt::format(" (expected \"{}\")", tried.defect->violates));
    screen_.line(fmt::format("  {}  {:<{}}  after {:>9}  by \"{}\"{}", screen_.good("found    "), name, width,
                             count_text(tried.seeds, "seed"), tried.shown->property, by));
    screen_.line(screen_.dim(fmt::format(
        "             {}", command_for(session_.program, scenario, profile_of(scenario), name, tried.shown->seed))));
  }

  [[nodiscard]] nlohmann::ordered_json json_of(const Scenario& scenario, const std::vector<Tried>& tried,
                                               const CampaignResult& correct, bool held) const {
    using Ordered = nlohmann::ordered_json;
    Ordered json;
    json["scenario"] = scenario.name;
    json["seeds"] = options_.seeds.count();
    json["defects"] = Ordered::array();
    for (const Tried& one : tried) {
      Ordered entry;
      entry["name"] = one.defect->name;
      entry["number"] = one.defect->number;
      entry["mistake"] = one.defect->mistake;
      entry["found"] = one.found();
      entry["after_seeds"] = one.seeds;
      entry["expected_property"] = one.defect->violates;
      entry["as_expected"] = one.expected;
      if (one.found()) {
        entry["property"] = one.shown->property;
        entry["signature"] = one.shown->signature;
        entry["seed"] = one.shown->seed;
        entry["hash"] = hash_text(one.shown->hash);
        entry["command"] =
            command_for(session_.program, scenario, profile_of(scenario), one.defect->name, one.shown->seed);
      }
      json["defects"].push_back(std::move(entry));
    }
    Ordered violated = Ordered::array();
    for (const Finding& finding : correct.findings) {
      violated.push_back({{"seed", finding.seed}, {"property", finding.property}, {"signature", finding.signature}});
    }
    json["correct"] = {{"held", held}, {"ended", correct.interrupted == 0}, {"seeds", correct.seeds}, {"violated", violated}};
    return json;
  }

  const Session& session_;
  const Arguments& arguments_;
  OutputFile json_;
  Screen screen_;
  CampaignOptions options_;
};

}  // namespace

Action add_defects(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("NAME", arguments->names, "Which defects; none: all");
  app.add_option("--seeds", arguments->seeds,
                 "The seeds A..B (1..500 without it); a twin's first violation ends its part")
      ->type_name("A..B");
  app.add_option("--jobs", arguments->jobs, "Worker processes; without it one for each core")->type_name("N");
  app.add_option("--faults", arguments->faults, "The fault profile; without it the scenario's")->type_name("PROFILE");
  app.add_option("--json", arguments->json, "Writes the result as JSON")->type_name("FILE");
  return [arguments, &session] { return Defects(session, *arguments).go(); };
}

}  // namespace orrery::cli
