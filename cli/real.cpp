#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/source.hpp"
#include "cli/verbs.hpp"
#include "faults/nemesis.hpp"
#include "properties/story.hpp"
#include "real-mode/pg_link.hpp"
#include "real-mode/testbed.hpp"
#include "scenarios/campaign_worker.hpp"
#include "scenarios/history_file.hpp"
#include "scenarios/plan_file.hpp"
#include "scenarios/stage.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  std::string scenario;
  std::string postgres;
  std::string plan;
  std::string seed = "1";
  std::string faults;
  std::string defect;
  std::string lasts;
  std::string settles;
  std::string json;
  bool correct = false;
  std::string history;
};

/// What begins so late before the end may still be under way, and is not judged: no operation begins there.
constexpr Duration kQuietEnd = 40s;
constexpr std::size_t kTold = 3;

class RealVerb {
 public:
  RealVerb(const Session& session, const Arguments& arguments)
      : session_(session), arguments_(arguments), json_(arguments.json, "--json"), history_(arguments.history, "--history"),
        screen_(arguments.json == "-" ? stderr : stdout) {}

  int go() {
    const Interrupts interrupts;
    choose();
    print_head();
    real::Loop loop;
    std::vector<std::string> failed_clients;
    loop.on_failure([&](std::string_view task, const std::string& what) {
      failed_clients.push_back(fmt::format("{}: {}", task, what));
    });
    try {
      real::TestBed bed(loop, bed_settings());
      const int signal = run(loop, bed);
      if (signal != 0) return kInterrupted + signal;
      if (!failed_clients.empty()) throw std::runtime_error("a client failed: " + failed_clients.front());
      return judge_and_tell(bed);
    } catch (const real::PgError& error) {
      throw std::runtime_error(error.what());
    }
  }

 private:
  void choose() {
    scenario_ = find_scenario(session_.catalog, arguments_.scenario);
    defect_ = arguments_.defect.empty() ? scenario_.defect : arguments_.defect;
    profile_ = arguments_.faults.empty() ? scenario_.profile : arguments_.faults;
    require_profile(profile_);
    seed_ = parse_seed(arguments_.seed);
    if (!arguments_.plan.empty()) {
      if (!arguments_.faults.empty()) throw UsageError("real: a plan file says which faults; --faults goes with --seed");
      PlanFile file;
      try {
        file = read_plan(read_file(arguments_.plan));
      } catch (const UsageError&) {
        throw;
      } catch (const std::exception& error) {
        throw UsageError(fmt::format("\"{}\": {}", arguments_.plan, error.what()));
      }
      if (file.scenario != scenario_.name) {
        throw UsageError(fmt::format("\"{}\" is a plan of {}, not of {}", arguments_.plan, file.scenario, scenario_.name));
      }
      scenario_ = file.scenario_of(scenario_);
      plan_ = std::move(file.plan);
      seed_ = file.seed;
      profile_ = file.profile;
      if (arguments_.defect.empty() && !arguments_.correct) defect_ = file.defect;
    } else {
      plan_ = draw_plan(scenario_, profile_, seed_).plan;
    }
    require_defect_of(scenario_, defect_);
    if (!arguments_.lasts.empty()) scenario_.runs_for = parse_positive_duration(arguments_.lasts, "--for");
    if (!arguments_.settles.empty()) scenario_.settles_within = parse_positive_duration(arguments_.settles, "--settle");
    // What was drawn is drawn for the scenario's own times. A plan file is carried out as it is.
    if (arguments_.plan.empty()) {
      const Duration asks_for =
          scenario_.runs_for + std::max<Duration>(scenario_.settles_within - kQuietEnd, Duration::zero());
      std::erase_if(plan_.operations, [&](const Operation& operation) { return operation.at >= asks_for; });
    }
    std::erase_if(plan_.faults,
                  [&](const Fault& fault) { return fault.ordinal == 0 && fault.at >= scenario_.runs_for; });
  }

  [[nodiscard]] real::BedSettings bed_settings() const {
    real::BedSettings settings;
    for (const Topology::DatabaseSpec& database : scenario_.topology.databases) {
      settings.databases.push_back({database.name, database.schema_of ? database.schema_of(defect_) : database.schema,
                                    database.settings, database.has_standby});
    }
    for (const Topology::ServiceSpec& service : scenario_.topology.services) {
      Json config = service.config;
      if (!defect_.empty()) config["defect"] = defect_;
      settings.services.push_back({service.name, service.replicas, std::move(config)});
    }
    settings.file_stores = scenario_.topology.file_stores;
    for (const Fault& fault : plan_.faults) {
      if (fault.kind == FaultKind::disk_full) settings.small_disks.push_back(fault.target);
    }
    settings.cache = scenario_.topology.cache;
    settings.clients = scenario_.topology.clients;
    settings.program = std::filesystem::read_symlink("/proc/self/exe").string();
    settings.postgres = arguments_.postgres;
    settings.faults_for = scenario_.runs_for;
    return settings;
  }

  void print_head() const {
    screen_.line(screen_.bold(scenario_.name) + ": " + scenario_.claim);
    screen_.line(fmt::format("  real mode, seed {}, faults {}, {}, {} of faults, {} to settle", seed_,
                             arguments_.plan.empty() ? profile_ : arguments_.plan,
                             defect_.empty() ? "no defect" : "defect " + defect_, to_string(scenario_.runs_for),
                             to_string(scenario_.settles_within)));
  }

  /// 0, or the signal that interrupted it.
  int run(real::Loop& loop, real::TestBed& bed) {
    struct Scheduled {
      Duration at;
      std::function<void()> action;
    };
    std::vector<Scheduled> scheduled;
    Nemesis nemesis(bed, [&](Duration at, const Fault&, std::function<void()> action) {
      scheduled.push_back({at, std::move(action)});
    });
    not_done_ = nemesis.unsupported(plan_.faults);
    tell_unsupported(not_done_);
    nemesis.begin(plan_.rates, plan_.faults);
    bed.start();
    if (const int signal = Interrupts::caught(); signal != 0) return signal;
    for (const Operation& operation : plan_.operations) {
      if (!bed.has_client(operation.client)) throw UsageError("there is no client \"" + operation.client + "\"");
    }
    bed.begin();
    for (Scheduled& one : scheduled) {
      loop.spawn("nemesis", later(loop, bed.began() + one.at, std::move(one.action)));
    }
    for (const Operation& operation : plan_.operations) {
      loop.spawn("operation", perform(loop, bed, operation));
    }
    const auto stopped = [&] { return Interrupts::caught() != 0 || !bed.broken().empty(); };
    loop.run(stopped, bed.began() + scenario_.runs_for);
    if (!stopped()) {
      nemesis.heal();
      loop.run(stopped, bed.began() + scenario_.runs_for + scenario_.settles_within);
    }
    if (!bed.broken().empty()) throw std::runtime_error(bed.broken());
    if (const int signal = Interrupts::caught(); signal != 0) {
      screen_.line(fmt::format("{} {}: nothing was judged", screen_.odd("INTERRUPTED"), scenario_.name));
      return signal;
    }
    bed.enter_phase("end");
    return 0;
  }

  static Task<void> later(real::Loop& loop, Instant when, std::function<void()> action) {
    Waiter waiter(loop);
    co_await waiter.wait_until(when);
    action();
  }

  Task<void> perform(real::Loop& loop, real::TestBed& bed, Operation operation) {
    Waiter waiter(loop);
    co_await waiter.wait_until(bed.began() + operation.at);
    real::Node& client = bed.client(operation.client);
    real::ClientNotes notes(client.recorder());
    Task<void> task = scenario_.perform(client, notes, std::move(operation));
    co_await std::move(task);
  }

  void tell_unsupported(const std::vector<std::string>& reasons) const {
    constexpr std::size_t kShown = 5;
    for (std::size_t i = 0; i < reasons.size() && i < kShown; ++i) screen_.line("  not done: " + reasons[i]);
    if (reasons.size() > kShown) screen_.line(fmt::format("  not done: {} more faults", reasons.size() - kShown));
  }

  int judge_and_tell(real::TestBed& bed) {
    const History history = bed.gather();
    const std::vector<JudgedProperty> judged = judge(properties_of(scenario_), history);
    std::map<std::string, std::int64_t> struck;
    for (const Fault& fault : bed.struck()) ++struck[std::string(to_string(fault.kind))];

    Table must, sometimes, faults;
    const JudgedProperty* first = nullptr;
    std::size_t told = 0;
    for (const JudgedProperty& one : judged) {
      const Verdict& verdict = one.verdict;
      const std::string examined = grouped(static_cast<std::uint64_t>(verdict.examined));
      if (one.property->mode == Mode::sometimes) {
        sometimes.row({examined, one.property->name + (verdict.examined == 0 ? "   <- not in this run" : "")});
        continue;
      }
      must.row({verdict.holds ? "held" : "VIOLATED", to_string(one.property->mode), one.property->name, examined, "judged"});
      if (verdict.holds) continue;
      if (first == nullptr) first = &one;
      if (told++ >= kTold || verdict.violations.empty()) continue;
      screen_.line(fmt::format("{} \"{}\"", screen_.bad("violated:"), screen_.bold(one.property->name)));
      screen_.line("  what must hold: " + one.property->claim);
      screen_.text(story(verdict.violations.front(), history));
      screen_.line();
    }
    for (const auto& [kind, times] : struck) faults.row({grouped(static_cast<std::uint64_t>(times)), kind});
    screen_.line("  " + screen_.bold("must hold"));
    screen_.text(must.text(4));
    screen_.line("  " + screen_.bold("happens sometimes"));
    screen_.text(sometimes.text(4));
    screen_.line("  " + screen_.bold("faults that struck"));
    screen_.text(faults.text(4));
    screen_.line(fmt::format("  {} events", grouped(history.events().size())));

    write_json(judged, struck, history.events().size());
    if (history_.wanted()) {
      HistoryFile file{scenario_.name, seed_, profile_, defect_, history};
      history_.write(write_history(file));
      screen_.line(fmt::format("  history in {}; {} timeline FILE --out x.svg draws it", history_.path(), session_.program));
    }
    std::string command = fmt::format("{} real {} ", session_.program, scenario_.name);
    command += arguments_.plan.empty() ? fmt::format("--seed {}", seed_) : "--plan " + arguments_.plan;
    if (!arguments_.faults.empty()) command += " --faults " + profile_;
    if (!arguments_.lasts.empty()) command += " --for " + arguments_.lasts;
    if (!arguments_.settles.empty()) command += " --settle " + arguments_.settles;
    if (arguments_.correct) command += " --correct";
    else if (!defect_.empty()) command += " --defect " + defect_;
    if (first != nullptr) {
      screen_.line(fmt::format("{} {}: \"{}\": {}", screen_.bad("VIOLATED"), scenario_.name, first->property->name, command));
      return kViolated;
    }
    screen_.line(fmt::format("{} {}: everything held (real mode, seed {}): {}", screen_.good("held"), scenario_.name, seed_,
                             command));
    return kHeld;
  }

  void write_json(const std::vector<JudgedProperty>& judged, const std::map<std::string, std::int64_t>& struck,
                  std::size_t events) {
    nlohmann::ordered_json json;
    json["scenario"] = scenario_.name;
    json["world"] = "real";
    json["seed"] = seed_;
    json["events"] = events;
    json["violated"] = nlohmann::ordered_json::array();
    json["sometimes"] = nlohmann::ordered_json::object();
    bool held = true;
    for (const JudgedProperty& one : judged) {
      if (one.property->mode == Mode::sometimes) json["sometimes"][one.property->name] = one.verdict.examined;
      if (one.verdict.holds) continue;
      held = false;
      json["violated"].push_back({{"property", one.property->name},
                                  {"what", one.verdict.violations.empty() ? "" : one.verdict.violations.front().what}});
    }
    json["held"] = held;
    json["faults"] = struck;
    json["not_done"] = not_done_;
    json_.write(json_text(json));
  }

  const Session& session_;
  const Arguments& arguments_;
  OutputFile json_;
  OutputFile history_;
  Screen screen_;
  Scenario scenario_;
  std::string defect_;
  std::string profile_;
  std::uint64_t seed_ = 1;
  Plan plan_;
  std::vector<std::string> not_done_;  // faults of the plan that real mode cannot do
};

}  // namespace

Action add_real(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SCENARIO", arguments->scenario, "A scenario")->required();
  app.add_option("--postgres", arguments->postgres,
                 "A PostgreSQL server (URL or \"host=… user=…\") instead of a private one; needs a superuser and "
                 "wal_level=logical")
      ->type_name("URL");
  app.add_option("--plan", arguments->plan, "A plan file, of a simulation or written by hand")->type_name("FILE");
  app.add_option("--seed", arguments->seed, "Which workload and faults are drawn; 1 if not given")->type_name("N");
  app.add_option("--faults", arguments->faults, "The fault profile; without it the scenario's")->type_name("PROFILE");
  app.add_option("--defect", arguments->defect, "Runs this broken twin instead of the correct services")
      ->type_name("NAME");
  app.add_flag("--correct", arguments->correct, "Runs the correct services, whatever twin the plan file is of");
  app.add_option("--for", arguments->lasts, "How long there are faults; without it as long as the scenario says")
      ->type_name("TIME");
  app.add_option("--settle", arguments->settles, "How long everything may take to settle afterwards")->type_name("TIME");
  app.add_option("--json", arguments->json, "Writes the verdict as JSON; - is stdout")->type_name("FILE");
  app.add_option("--history", arguments->history, "Writes what happened as JSON lines, for timeline, graph and report")->type_name("FILE");
  return [arguments, &session] { return RealVerb(session, *arguments).go(); };
}

}  // namespace orrery::cli
