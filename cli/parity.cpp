#include <algorithm>
#include <filesystem>
#include <fstream>
#include <list>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/verbs.hpp"
#include "real-mode/child.hpp"
#include "real-mode/temporary_folder.hpp"
#include "scenarios/campaign_worker.hpp"
#include "scenarios/plan_file.hpp"

namespace orrery::cli {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string scenario;
  std::vector<std::string> plans;
  std::string jobs = "2";
  std::string json;
  bool correct = false;
};

/// What a world made of a plan.
struct Outcome {
  std::vector<std::string> violated;
  std::vector<std::string> not_done;  // faults that it cannot do, or that found no place
  std::string failed;                 // not empty: it could not be run
};

struct Trial {
  std::string path;
  PlanFile file;
  std::string expected;  // the property that is to find the defect; empty: the plan is to hold
  Outcome simulated;
  Outcome real;
  real::Child process;
  std::optional<real::TemporaryFolder> folder;
};

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw UsageError(fmt::format("parity: \"{}\" cannot be read, or is empty", path));
  return text.str();
}

class ParityVerb {
 public:
  ParityVerb(const Session& session, const Arguments& arguments)
      : arguments_(arguments), scenario_(find_scenario(session.catalog, arguments.scenario)),
        json_(arguments.json, "--json"), screen_(arguments.json == "-" ? stderr : stdout), jobs_(parse_jobs(arguments.jobs)) {}

  int go() {
    const Interrupts interrupts;
    read_plans();
    screen_.line(fmt::format("{}: {} in simulation and in real mode{}", screen_.bold(scenario_.name),
                             count_text(trials_.size(), "plan"),
                             arguments_.correct ? ", against the correct services" : ""));
    for (Trial& trial : trials_) simulate(trial);
    screen_.line(fmt::format("  {:<12}  {:<12}  {:<32}  {}", "simulation", "real mode", "plan", "property"));
    const int signal = run_real();
    if (signal != 0) {
      screen_.line(screen_.odd("INTERRUPTED"));
      return kInterrupted + signal;
    }
    return conclude();
  }

 private:
  void read_plans() {
    std::vector<std::string> paths = arguments_.plans;
    if (paths.empty()) {
      const fs::path folder = fs::path("scenarios") / "plans" / scenario_.name;
      std::error_code none;
      for (const auto& entry : fs::directory_iterator(folder, none)) {
        if (entry.path().extension() == ".json") paths.push_back(entry.path().string());
      }
      if (paths.empty()) {
        throw UsageError(fmt::format("parity: which plans? There are none in {}; give plan files", folder.string()));
      }
      std::ranges::sort(paths);
    }
    for (const std::string& path : paths) {
      Trial& trial = trials_.emplace_back();
      trial.path = path;
      try {
        trial.file = read_plan(read_text(path));
      } catch (const UsageError&) {
        throw;
      } catch (const std::exception& error) {
        throw UsageError(fmt::format("\"{}\": {}", path, error.what()));
      }
      if (trial.file.scenario != scenario_.name) {
        throw UsageError(fmt::format("\"{}\" is a plan of {}, not of {}", path, trial.file.scenario, scenario_.name));
      }
      require_defect_of(scenario_, trial.file.defect);
      if (arguments_.correct) trial.file.defect.clear();
      const auto defect = std::ranges::find(scenario_.defects, trial.file.defect, &Defect::name);
      if (defect != scenario_.defects.end()) trial.expected = defect->violates;
    }
  }

  void simulate(Trial& trial) {
    RunRequest request = trial.file.request();
    const RunResult result = orrery::run(trial.file.scenario_of(scenario_), request);
    trial.simulated.failed = result.stuck;
    for (const JudgedProperty& one : result.judged) {
      if (!one.verdict.holds) trial.simulated.violated.push_back(one.property->name);
    }
    for (const Fault& fault : result.unused) trial.simulated.not_done.push_back(to_string(fault) + ": it found no place");
  }

  /// Each as a process of this program, so many at a time. 0, or the signal that interrupted it.
  int run_real() {
    auto next = trials_.begin();
    std::list<Trial*> running;
    while (next != trials_.end() || !running.empty()) {
      if (const int signal = Interrupts::caught(); signal != 0) {
        for (Trial* trial : running) {
          trial->process.signal(SIGTERM);
          trial->process.wait(30s);
        }
        return signal;
      }
      while (next != trials_.end() && running.size() < jobs_) {
        start(*next);
        running.push_back(&*next++);
      }
      std::erase_if(running, [&](Trial* trial) {
        if (trial->process.running()) return false;
        finish(*trial);
        return true;
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return 0;
  }

  void start(Trial& trial) {
    trial.folder.emplace("orrery-parity");
    std::vector<std::string> words = {fs::read_symlink("/proc/self/exe").string(), "real", scenario_.name, "--plan", trial.path,
                                      "--json", trial.folder->path() + "/verdict"};
    if (arguments_.correct) words.emplace_back("--correct");
    real::Child::Options options;
    options.output = trial.folder->path() + "/output";
    trial.process = real::Child(std::move(words), options);
  }

  void finish(Trial& trial) {
    const int status = trial.process.poll().value_or(0);
    const Json verdict = [&] {
      std::ifstream file(trial.folder->path() + "/verdict");
      return Json::parse(file, nullptr, false);
    }();
    if (!WIFEXITED(status) || WEXITSTATUS(status) > kViolated || !verdict.is_object()) {
      std::ifstream output(trial.folder->path() + "/output");
      std::string line, last;
      while (std::getline(output, line)) last = line.empty() ? last : line;
      trial.real.failed = real::describe_end(status) + ": " + last;
    } else {
      for (const Json& one : verdict["violated"]) trial.real.violated.push_back(one["property"].get<std::string>());
      for (const Json& one : verdict["not_done"]) trial.real.not_done.push_back(one.get<std::string>());
    }
    trial.folder.reset();
    print(trial);
  }

  [[nodiscard]] static bool as_expected(const Trial& trial, const Outcome& outcome) {
    if (!outcome.failed.empty()) return false;
    if (trial.expected.empty()) return outcome.violated.empty();
    return std::ranges::find(outcome.violated, trial.expected) != outcome.violated.end();
  }
  /// A fault is missing, so that nothing can be expected.
  [[nodiscard]] static bool impossible(const Trial& trial) {
    return !as_expected(trial, trial.real) && !trial.real.not_done.empty();
  }

  [[nodiscard]] static std::string in_words(const Trial& trial, const Outcome& outcome) {
    if (!outcome.failed.empty()) return "FAILED";
    if (as_expected(trial, outcome)) return trial.expected.empty() ? "held" : "violated";
    if (outcome.violated.empty()) return outcome.not_done.empty() ? "HELD" : "not possible";
    return trial.expected.empty() ? "VIOLATED" : "ANOTHER";
  }

  void print(const Trial& trial) const {
    screen_.line(fmt::format("  {:<12}  {:<12}  {:<32}  {}", in_words(trial, trial.simulated), in_words(trial, trial.real),
                             fs::path(trial.path).stem().string(), trial.expected.empty() ? "all" : trial.expected));
    explain("simulation", trial, trial.simulated);
    explain("real mode", trial, trial.real);
  }

  void explain(const char* world, const Trial& trial, const Outcome& outcome) const {
    if (as_expected(trial, outcome)) return;
    if (!outcome.failed.empty()) screen_.line(fmt::format("      {}: {}", world, outcome.failed));
    for (const std::string& property : outcome.violated) {
      screen_.line(fmt::format("      {}: violated was \"{}\"", world, property));
    }
    for (const std::string& what : outcome.not_done) screen_.line(fmt::format("      {}: {}", world, what));
  }

  int conclude() {
    std::size_t same = 0;
    std::size_t out_of_reach = 0;
    auto plans = nlohmann::ordered_json::array();
    for (const Trial& trial : trials_) {
      const bool simulated = as_expected(trial, trial.simulated);
      const bool real = as_expected(trial, trial.real);
      if (simulated && real) ++same;
      if (simulated && impossible(trial)) ++out_of_reach;
      plans.push_back({{"plan", trial.path},
                       {"defect", trial.file.defect},
                       {"expected", trial.expected},
                       {"simulation", {{"as_expected", simulated}, {"violated", trial.simulated.violated}}},
                       {"real", {{"as_expected", real}, {"violated", trial.real.violated},
                                 {"not_done", trial.real.not_done}, {"failed", trial.real.failed}}}});
    }
    nlohmann::ordered_json json;
    json["scenario"] = scenario_.name;
    json["same"] = same;
    json["impossible"] = out_of_reach;
    json["plans"] = std::move(plans);
    json_.write(json_text(json));
    const bool good = same + out_of_reach == trials_.size();
    screen_.line(fmt::format("{} {}: {} of {} came out alike{}", good ? screen_.good("parity") : screen_.bad("NO PARITY"),
                             scenario_.name, same, count_text(trials_.size(), "plan"),
                             out_of_reach == 0 ? "" : fmt::format(", {} cannot be done in real mode", out_of_reach)));
    return good ? kHeld : kViolated;
  }

  const Arguments& arguments_;
  const Scenario& scenario_;
  OutputFile json_;
  Screen screen_;
  unsigned jobs_;
  std::list<Trial> trials_;
};

}  // namespace

Action add_parity(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SCENARIO", arguments->scenario, "A scenario")->required();
  app.add_option("PLAN", arguments->plans, "Plan files; without any those in scenarios/plans/SCENARIO");
  app.add_option("--jobs", arguments->jobs, "How many test beds at a time; 2 if not given")->type_name("N");
  app.add_flag("--correct", arguments->correct, "Runs the correct services under the plans instead of their twins");
  app.add_option("--json", arguments->json, "Writes the comparison as JSON; - is stdout")->type_name("FILE");
  return [arguments, &session] { return ParityVerb(session, *arguments).go(); };
}

}  // namespace orrery::cli
