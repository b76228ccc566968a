#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/source.hpp"
#include "cli/verbs.hpp"
#include "properties/judge.hpp"
#include "properties/story.hpp"
#include "real-mode/config.hpp"
#include "real-mode/driver.hpp"
#include "real-mode/pg_link.hpp"
#include "scenarios/campaign_worker.hpp"
#include "scenarios/stage.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  std::string scenario;
  std::string config;
  std::string events;
  std::string seed = "1";
  std::string lasts;
  std::string settles;
};

/// What begins so late before the end may still be under way, and is not judged: no operation begins there.
constexpr Duration kQuietEnd = 40s;

Task<void> carry_out(const Scenario& scenario, real::Loop& loop, real::Node& client, Operation operation, Instant when) {
  Waiter waiter(loop);
  co_await waiter.wait_until(when);
  real::ClientNotes notes(client.recorder());
  Task<void> task = scenario.perform(client, notes, std::move(operation));
  co_await std::move(task);
}

int tell(const Scenario& scenario, const History& history) {
  const Screen screen;
  Table must, sometimes;
  const std::vector<Property> properties = properties_of(scenario);
  const std::vector<JudgedProperty> judged = judge(properties, history);
  const JudgedProperty* first = nullptr;
  for (const JudgedProperty& one : judged) {
    const std::string examined = std::to_string(one.verdict.examined);
    if (one.property->mode == Mode::sometimes) {
      sometimes.row({examined, one.property->name});
      continue;
    }
    must.row({one.verdict.holds ? "held" : "VIOLATED", to_string(one.property->mode), one.property->name, examined, "judged"});
    if (one.verdict.holds || first != nullptr) continue;
    first = &one;
    screen.line(fmt::format("{} \"{}\"", screen.bad("violated:"), screen.bold(one.property->name)));
    if (!one.verdict.violations.empty()) screen.text(story(one.verdict.violations.front(), history));
  }
  screen.line("  must hold");
  screen.text(must.text(4));
  screen.line("  happens sometimes");
  screen.text(sometimes.text(4));
  const auto sent = history.of(EventKind::operation_ended).size();
  screen.line(fmt::format("  {} events, {} answers to clients", history.events().size(), sent));
  if (first == nullptr) {
    screen.line(fmt::format("{} {}: everything held", screen.good("held"), scenario.name));
    return kHeld;
  }
  screen.line(fmt::format("{} {}: \"{}\"", screen.bad("VIOLATED"), scenario.name, first->property->name));
  return kViolated;
}

int drive(const Session& session, const Arguments& arguments) {
  Scenario scenario = find_scenario(session.catalog, arguments.scenario);
  if (!arguments.lasts.empty()) scenario.runs_for = parse_positive_duration(arguments.lasts, "--for");
  if (!arguments.settles.empty()) scenario.settles_within = parse_positive_duration(arguments.settles, "--settle");
  real::NodeSettings settings;
  try {
    settings = real::read_config(read_file(arguments.config), "driver");
  } catch (const std::invalid_argument& error) {
    throw UsageError(fmt::format("drive: \"{}\": {}", arguments.config, error.what()));
  }
  settings.events = arguments.events;
  for (const Topology::ServiceSpec& service : scenario.topology.services) {
    if (!settings.peers.contains(service.name)) {
      throw UsageError(fmt::format("drive: \"{}\": peers.{}: is missing", arguments.config, service.name));
    }
  }
  Plan plan = draw_plan(scenario, "none", parse_seed(arguments.seed)).plan;
  const Duration asks_for =
      scenario.runs_for + std::max<Duration>(scenario.settles_within - kQuietEnd, Duration::zero());
  std::erase_if(plan.operations, [&](const Operation& operation) { return operation.at >= asks_for; });

  const Interrupts interrupts;
  real::Loop loop;
  std::string failed;
  loop.on_failure([&](std::string_view task, const std::string& what) { failed = fmt::format("{}: {}", task, what); });
  try {
    real::Driver driver(loop, settings, scenario.topology.clients);
    driver.begin();
    for (Operation& operation : plan.operations) {
      real::Node* client = driver.client(operation.client);
      if (client == nullptr) throw UsageError("there is no client \"" + operation.client + "\"");
      const Instant when = driver.began() + operation.at;
      loop.spawn("operation", carry_out(scenario, loop, *client, std::move(operation), when));
    }
    const auto stopped = [&] { return Interrupts::caught() != 0 || !failed.empty(); };
    loop.run(stopped, driver.began() + scenario.runs_for);
    driver.enter_phase("healed");
    loop.run(stopped, driver.began() + scenario.runs_for + scenario.settles_within);
    if (Interrupts::caught() != 0) return kInterrupted + Interrupts::caught();
    if (!failed.empty()) throw std::runtime_error("a client failed: " + failed);
    driver.enter_phase("end");
    const History history = driver.gather();
    return tell(scenario, history);
  } catch (const real::PgError& error) {
    throw std::runtime_error(error.what());
  }
}

}  // namespace

Action add_drive(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("SCENARIO", arguments->scenario, "A scenario")->required();
  app.add_option("--config", arguments->config, "Where the system is (JSON, as of serve: peers, databases, broker)")
      ->required()
      ->type_name("FILE");
  app.add_option("--events", arguments->events, "The folder in which its processes write what happens: serve --events")
      ->required()
      ->type_name("FOLDER");
  app.add_option("--seed", arguments->seed, "Which workload is drawn; 1 if not given")->type_name("N");
  app.add_option("--for", arguments->lasts, "How long it is asked; without it as long as the scenario says")->type_name("TIME");
  app.add_option("--settle", arguments->settles, "How long everything may take to settle afterwards")->type_name("TIME");
  return [arguments, &session] { return drive(session, *arguments); };
}

}  // namespace orrery::cli
