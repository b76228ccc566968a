#include "cli/source.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/input.hpp"
#include "cli/report.hpp"

namespace orrery::cli {
namespace {

RunSource from_seed(const Session& session, const std::string& verb, const SourceArguments& arguments) {
  RunSource source;
  source.scenario = &find_scenario(session.catalog, arguments.what);
  if (arguments.seed.empty()) {
    throw UsageError(fmt::format("{} {}: which seed? Write --seed N, or give a plan file", verb, arguments.what));
  }
  require_profile(arguments.faults);
  require_defect_of(*source.scenario, arguments.defect);
  source.request.seed = parse_seed(arguments.seed);
  source.request.profile = arguments.faults.empty() ? source.scenario->profile : arguments.faults;
  source.request.defect = arguments.defect.empty() ? source.scenario->defect : arguments.defect;
  source.run = [scenario = source.scenario](const RunRequest& request) { return orrery::run(*scenario, request); };
  // "PROGRAM replay ARGUMENTS": what follows the verb is the same for every verb.
  source.arguments = command_for("", *source.scenario, source.request.profile, source.request.defect, source.request.seed)
                         .substr(std::string(" replay ").size());
  return source;
}

RunSource from_file(const Session& session, const std::string& verb, const SourceArguments& arguments) {
  if (!std::filesystem::exists(arguments.what)) {
    std::vector<std::string> known;
    for (const Scenario& scenario : session.catalog.scenarios) known.push_back(scenario.name);
    throw UsageError("no such file, and " + unknown("scenario", arguments.what, known));
  }
  if (!arguments.faults.empty() || !arguments.defect.empty()) {
    throw UsageError(verb + ": a plan file says which faults and which defect; --faults and --defect go with --seed");
  }
  auto file = std::make_shared<PlanFile>();
  const std::string text = read_file(arguments.what);
  try {
    *file = read_plan(text);
  } catch (const std::exception& error) {
    throw UsageError(fmt::format("\"{}\": {}", arguments.what, error.what()));
  }
  RunSource source;
  source.timed = std::make_shared<const Scenario>(file->scenario_of(find_scenario(session.catalog, file->scenario)));
  source.scenario = source.timed.get();
  source.request.seed = file->seed;
  source.request.profile = file->profile;
  source.request.defect = file->defect;
  source.file = arguments.what;
  source.edited = file->edited;
  source.arguments = arguments.what;
  source.run = [&catalog = session.catalog, file, stale = source.stale](const RunRequest& request) {
    Replay replayed = orrery::replay(catalog, *file, true, request.until);
    *stale = std::move(replayed.stale);
    return std::move(replayed.result);
  };
  return source;
}

}  // namespace

void SourceArguments::add_to(CLI::App& app, const char* what_help, const char* type_name) {
  app.add_option("WHAT", what, what_help)->required()->type_name(type_name);
  app.add_option("--seed", seed, "The seed")->type_name("N");
  app.add_option("--faults", faults, "The fault profile; without it the scenario's")->type_name("PROFILE");
  app.add_option("--defect", defect, "Runs this broken twin instead of the correct services")->type_name("NAME");
}

std::string RunSource::words() const {
  return fmt::format("seed {}, faults {}, {}", request.seed, request.profile,
                     request.defect.empty() ? "no defect" : "defect " + request.defect);
}

RunSource find_source(const Session& session, const std::string& verb, const SourceArguments& arguments) {
  const bool by_file = arguments.seed.empty() && session.catalog.find(arguments.what) == nullptr;
  return by_file ? from_file(session, verb, arguments) : from_seed(session, verb, arguments);
}

std::string read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw UsageError(fmt::format("\"{}\": is a directory, not a file", path));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw UsageError(fmt::format("\"{}\": cannot be read, or is empty", path));
  return text.str();
}

}  // namespace orrery::cli
