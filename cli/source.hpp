#pragma once

#include <memory>
#include <string>

#include "cli/verbs.hpp"
#include "scenarios/campaign.hpp"
#include "scenarios/plan_file.hpp"

namespace orrery::cli {

/// How a verb names one run: a scenario and a seed, or a file.
struct SourceArguments {
  std::string what;
  std::string seed;
  std::string faults;
  std::string defect;

  /// WHAT, --seed, --faults and --defect.
  void add_to(CLI::App& app, const char* what_help, const char* type_name);
};

/// The run that was named, ready to run.
struct RunSource {
  const Scenario* scenario = nullptr;
  std::shared_ptr<const Scenario> timed;  // what `scenario` points to if a file says other times than the catalog's
  RunRequest request;
  RunFunction run;
  /// What is stale about the plan file, if there is one, after `run` was called in the same process.
  std::shared_ptr<std::string> stale = std::make_shared<std::string>();
  std::string file;       // empty: named by a seed
  bool edited = false;    // the file was changed since it was written
  std::string arguments;  // "user-notification --seed 1 --defect dual-write", "failures/x.json"

  /// "seed 1, faults heavy, defect dual-write".
  [[nodiscard]] std::string words() const;
};

/// Throws UsageError in the name of the verb.
[[nodiscard]] RunSource find_source(const Session& session, const std::string& verb, const SourceArguments& arguments);

/// The contents of a file. Throws UsageError.
[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace orrery::cli
