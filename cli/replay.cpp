#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"
#include "scenarios/campaign_retell.hpp"
#include "scenarios/plan_file.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  std::string what;
  std::string seed;
  std::string faults;
  std::string defect;
  std::string until;
  std::string trace;
};

std::string read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw UsageError(fmt::format("\"{}\": is a directory, not a plan file", path));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw UsageError(fmt::format("\"{}\": cannot be read, or is empty", path));
  return text.str();
}

/// "crash 4, drop 12".
std::string summary_of(const std::map<std::string, std::int64_t>& faults) {
  std::string text;
  for (const auto& [kind, times] : faults) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind, times);
  return text.empty() ? "none" : text;
}

class ReplayVerb {
 public:
  ReplayVerb(const Session& session, const Arguments& arguments)
      : session_(session),
        arguments_(arguments),
        trace_(arguments.trace, "--trace"),
        screen_(arguments.trace == "-" ? stderr : stdout) {
    if (!arguments.until.empty()) options_.request.until = Instant(parse_positive_duration(arguments.until, "--until"));
    options_.trace = trace_.wanted();
  }

  int go() {
    const Interrupts interrupts;
    if (arguments_.seed.empty() && session_.catalog.find(arguments_.what) == nullptr) {
      from_file();
    } else {
      from_seed();
    }
    const Retelling retelling = retell(run_, options_);
    if (retelling.interrupted) return kInterrupted + Interrupts::caught();
    if (!retelling.ended) return died(retelling.death);
    trace_.write(retelling.trace);
    return tell(retelling);
  }

 private:
  void from_seed() {
    scenario_ = &find_scenario(session_.catalog, arguments_.what);
    if (arguments_.seed.empty()) {
      throw UsageError(fmt::format("replay {}: which seed? Write --seed N, or give a plan file", arguments_.what));
    }
    require_profile(arguments_.faults);
    require_defect_of(*scenario_, arguments_.defect);
    options_.request.seed = parse_seed(arguments_.seed);
    options_.request.profile = arguments_.faults.empty() ? scenario_->profile : arguments_.faults;
    options_.request.defect = arguments_.defect.empty() ? scenario_->defect : arguments_.defect;
    run_ = [scenario = scenario_](const RunRequest& request) { return orrery::run(*scenario, request); };
    command_ = command_for(session_.program, *scenario_, options_.request.profile, options_.request.defect,
                           options_.request.seed);
    print_head("");
  }

  void from_file() {
    if (!std::filesystem::exists(arguments_.what)) {
      std::vector<std::string> known;
      for (const Scenario& scenario : session_.catalog.scenarios) known.push_back(scenario.name);
      throw UsageError("no such file, and " + unknown("scenario", arguments_.what, known));
    }
    if (!arguments_.faults.empty() || !arguments_.defect.empty()) {
      throw UsageError("replay: a plan file says which faults and which defect; --faults and --defect go with --seed");
    }
    try {
      file_ = read_plan(read_file(arguments_.what));
    } catch (const UsageError&) {
      throw;
    } catch (const std::exception& error) {
      throw UsageError(fmt::format("\"{}\": {}", arguments_.what, error.what()));
    }
    scenario_ = &find_scenario(session_.catalog, file_.scenario);
    options_.request.seed = file_.seed;
    options_.request.profile = file_.profile;
    options_.request.defect = file_.defect;
    // Both are called in the process that runs it.
    const auto stale = std::make_shared<std::string>();
    run_ = [this, stale](const RunRequest& request) {
      Replay replayed = orrery::replay(session_.catalog, file_, true, request.until);
      *stale = std::move(replayed.stale);
      return std::move(replayed.result);
    };
    options_.note = [stale](const RunResult&) { return *stale; };
    command_ = fmt::format("{} replay {}", session_.program, arguments_.what);
    print_head(fmt::format("{}{}: ", arguments_.what, file_.edited ? " (edited)" : ""));
  }

  void print_head(const std::string& source) const {
    const RunRequest& request = options_.request;
    screen_.line(
        fmt::format("{}{}: seed {}, faults {}, {}{}", source, screen_.bold(scenario_->name), request.seed,
                    request.profile, request.defect.empty() ? "no defect" : "defect " + request.defect,
                    request.until == Instant::max() ? "" : ", until " + to_string(request.until.time_since_epoch())));
  }

  int died(const Finding& death) const {
    FindingGroup group;
    group.first = &death;
    group.seeds = {death.seed};
    group.command = command_;
    screen_.line();
    print_group(screen_, group);
    screen_.line(fmt::format("{} {}: \"{}\": {}", screen_.bad("VIOLATED"), scenario_->name, death.property, command_));
    return kViolated;
  }

  int tell(const Retelling& retelling) const {
    const SeedRecord& record = retelling.record;
    if (record.events == 0 && !retelling.note.empty()) {
      throw UsageError(fmt::format("\"{}\" is stale: {}", arguments_.what, retelling.note));
    }
    screen_.line(fmt::format("  {}, {} events, {} messages, {} of virtual time",
                             count_text(retelling.operations, "operation"), grouped(record.events),
                             grouped(record.messages), to_string(record.simulated)));
    screen_.line(fmt::format("  faults that struck: {}", summary_of(record.faults)));
    if (!retelling.unused.empty()) {
      screen_.line(
          fmt::format("  {} of the plan found no place to strike:", count_text(retelling.unused.size(), "fault")));
      for (const std::string& fault : retelling.unused) screen_.line("    " + fault);
    }
    if (trace_.wanted() && trace_.path() != "-") {
      screen_.line(fmt::format("  trace: {} lines in {}",
                               grouped(static_cast<std::uint64_t>(std::ranges::count(retelling.trace, '\n'))),
                               trace_.path()));
    }
    screen_.line();
    for (const Retelling::Chapter& chapter : retelling.chapters) {
      screen_.line(fmt::format("{} \"{}\"", screen_.bad("violated:"), screen_.bold(chapter.property)));
      if (!chapter.claim.empty()) screen_.line("  what must hold: " + chapter.claim);
      screen_.text(chapter.story);
      if (chapter.violated > 1)
        screen_.line(fmt::format("  and {} of this property",
                                 count_text(static_cast<std::uint64_t>(chapter.violated - 1), "more violation")));
      screen_.line();
    }
    if (!record.stuck.empty()) {
      screen_.line(fmt::format("{} {}", screen_.bad("violated:"), screen_.bold(kEveryRunEnds)));
      screen_.line("  what is wrong: " + record.stuck);
      screen_.line();
    }
    if (!retelling.note.empty()) {
      screen_.line(fmt::format("{} {}: {}", screen_.odd("STALE"), arguments_.what, retelling.note));
    }
    screen_.line("hash " + hash_text(record.hash));
    if (!retelling.chapters.empty() || !record.stuck.empty()) {
      const std::string& property = retelling.chapters.empty() ? kEveryRunEnds : retelling.chapters.front().property;
      screen_.line(fmt::format("{} {}: \"{}\": {}", screen_.bad("VIOLATED"), scenario_->name, property, command_));
      return kViolated;
    }
    if (options_.request.until != Instant::max() && record.judged.empty()) {
      screen_.line(fmt::format("stopped {}: nothing was judged", scenario_->name));
      return kHeld;
    }
    if (!retelling.note.empty()) {
      throw UsageError(fmt::format("\"{}\" is stale: it no longer does what it says; see above", arguments_.what));
    }
    screen_.line(fmt::format("{} {}: {}", screen_.good("held"), scenario_->name, command_));
    return kHeld;
  }

  const Session& session_;
  const Arguments& arguments_;
  OutputFile trace_;
  Screen screen_;
  const Scenario* scenario_ = nullptr;
  PlanFile file_;
  RunFunction run_;
  RetellOptions options_;
  std::string command_;
};

}  // namespace

Action add_replay(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("WHAT", arguments->what, "A scenario (with --seed), or a plan file that run wrote")
      ->required()
      ->type_name("SCENARIO|FILE");
  app.add_option("--seed", arguments->seed, "The seed")->type_name("N");
  app.add_option("--faults", arguments->faults, "The fault profile; without it the scenario's")->type_name("PROFILE");
  app.add_option("--defect", arguments->defect, "Runs this broken twin instead of the correct services")
      ->type_name("NAME");
  app.add_option("--until", arguments->until, "Stops at this virtual time and judges nothing: 12.5s")
      ->type_name("TIME");
  app.add_option("--trace", arguments->trace, "Writes every event, a line each; - is stdout")->type_name("FILE");
  return [arguments, &session] { return ReplayVerb(session, *arguments).go(); };
}

}  // namespace orrery::cli
