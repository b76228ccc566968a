#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"
#include "cli/screen.hpp"
#include "cli/source.hpp"
#include "cli/verbs.hpp"
#include "scenarios/campaign_retell.hpp"
#include "scenarios/plan_file.hpp"
#include "scenarios/shrink.hpp"

namespace orrery::cli {
namespace {

struct Arguments {
  SourceArguments source;
  std::string property;
  std::string out;
  std::string time_limit = "60s";
  std::string jobs;
};

std::string sizes(const ShrinkProgress& progress) {
  return fmt::format("{} and {}", count_text(progress.operations, "operation"), count_text(progress.faults, "fault"));
}

void print_plan(const Screen& screen, const Plan& plan) {
  for (const Operation& operation : plan.operations) {
    screen.line(fmt::format("  {:>8}  {} {}  {}", to_string(operation.at), operation.client, operation.name,
                            operation.arguments.dump()));
  }
  for (const Fault& fault : plan.faults) screen.line("  " + screen.odd("fault") + "     " + to_string(fault));
}

int act(const Session& session, const Arguments& arguments) {
  const RunSource source = find_source(session, "shrink", arguments.source);
  ShrinkOptions options;
  options.property = arguments.property;
  options.simpler = source.scenario->simpler;
  options.time_limit = parse_positive_duration(arguments.time_limit, "--time-limit");
  if (!arguments.jobs.empty()) options.jobs = parse_jobs(arguments.jobs);
  std::string path = arguments.out;
  if (path.empty()) {
    path = fmt::format("{}-{}{}{}-shrunk.json", source.scenario->name, source.request.seed,
                       source.request.defect.empty() ? "" : "-", source.request.defect);
  }
  OutputFile file(path, "--out");
  const Screen screen(path == "-" ? stderr : stdout);
  screen.line(fmt::format("{}{}: {}", source.file.empty() ? "" : source.file + ": ", screen.bold(source.scenario->name),
                          source.words()));

  const Interrupts interrupts;
  // A trial's plan takes the place of the file's.
  const RunFunction run = [&](const RunRequest& request) {
    return request.plan ? orrery::run(*source.scenario, request) : source.run(request);
  };
  Shrunk shrunk;
  try {
    shrunk = shrink(run, source.request, options);
  } catch (const NothingToShrink& nothing) {
    if (Interrupts::caught() != 0) return kInterrupted + Interrupts::caught();
    throw UsageError(fmt::format("shrink {}: {}", source.arguments, nothing.what()));
  }

  RetellOptions telling;
  telling.request = shrunk.request;
  telling.limits = options.limits;
  telling.note = [&](const RunResult& result) { return write_plan(*source.scenario, result); };
  const Retelling retelling = retell(run, telling);
  if (!retelling.ended) {
    if (retelling.interrupted) return kInterrupted + Interrupts::caught();
    throw std::runtime_error("shrink: the smallest run does not end: " + retelling.death.what);
  }
  file.write(retelling.note);

  screen.line(fmt::format("  from {} to {} in {}{}", sizes(shrunk.from), sizes(shrunk.to), count_text(shrunk.to.runs, "run"),
                          shrunk.is_minimal ? "" : ": not the smallest yet, more time may find a smaller one"));
  print_plan(screen, *shrunk.request.plan);
  screen.line();
  for (const Retelling::Chapter& chapter : retelling.chapters) {
    if (chapter.property != shrunk.property) continue;
    screen.line(fmt::format("{} \"{}\"", screen.bad("violated:"), screen.bold(chapter.property)));
    if (!chapter.claim.empty()) screen.line("  what must hold: " + chapter.claim);
    screen.text(chapter.story);
    screen.line();
  }
  screen.line(fmt::format("{} {}: \"{}\": {} replay {}", screen.bad("VIOLATED"), source.scenario->name, shrunk.property,
                          session.program, path));
  return shrunk.interrupted != 0 ? kInterrupted + shrunk.interrupted : kViolated;
}

}  // namespace

Action add_shrink(CLI::App& app, const Session& session) {
  auto arguments = std::make_shared<Arguments>();
  arguments->source.add_to(app, "A scenario (with --seed), or a plan file that run wrote", "SCENARIO|FILE");
  app.add_option("--property", arguments->property, "The violation to keep; without it the first of the run")->type_name("NAME");
  app.add_option("--out", arguments->out, "Where the smallest plan goes; - is stdout; without it SCENARIO-SEED-shrunk.json")
      ->type_name("FILE");
  app.add_option("--time-limit", arguments->time_limit, "What is smallest by then is the answer (60s)")->type_name("TIME");
  app.add_option("--jobs", arguments->jobs, "Processes; as many as there are cores")->type_name("N");
  return [arguments, &session] { return act(session, *arguments); };
}

}  // namespace orrery::cli
