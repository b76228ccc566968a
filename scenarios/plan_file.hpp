#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "faults/json_fields.hpp"
#include "scenarios/scenario.hpp"

namespace orrery {

/// A run, written down: who asks what, which faults strike where, and what came of it. JSON, made to be read and edited:
///
///   {"orrery_plan": 1, "scenario": "user-notification", "seed": 17, "profile": "heavy", "defect": "dual-write",
///    "build": "orrery 0.1.0", "property": "…", "signature": "…", "hash": "90ab…", "runs_for": "60s", "settles_within": "75s",
///    "operations": [{"at": "1.5s", "client": "client-1", "id": "op-1", "name": "sign up", "arguments": {…}}, …],
///    "faults": [{"at": "12.5s", "kind": "crash", "lasts": "2s", "target": "user-1"}, …],
///    "checksum": "…"}
///
/// One that is written by hand needs "orrery_plan", "scenario", "seed", "operations" and "faults". It may say "runs_for" and
/// "settles_within" if it does not need as long as its scenario, and "why" for its reader.
struct PlanFile {
  std::string scenario;
  std::uint64_t seed = 0;
  std::string profile;    // that the faults were drawn from; they are explicit here
  std::string defect;
  std::string build;      // that wrote it
  std::string property;   // the first that was violated; empty: the run held
  std::string signature;
  std::uint64_t hash = 0;
  Plan plan;
  std::optional<Duration> runs_for;        // instead of the scenario's
  std::optional<Duration> settles_within;
  std::string why;
  bool edited = false;    // it was changed since it was written: the checksum says so

  /// What runs it again, in `scenario_of` its scenario.
  [[nodiscard]] RunRequest request() const;
  /// With the file's times in the place of the scenario's.
  [[nodiscard]] Scenario scenario_of(const Scenario& scenario) const;
};

/// Of this program.
[[nodiscard]] std::string build_identity();

/// An operation as a plan file holds it.
[[nodiscard]] Json to_json(const Operation& operation);
/// Reads it. Throws MalformedPlan.
[[nodiscard]] Operation operation_from_json(const Json& json, const std::string& path);

/// The text of a plan file for a run; ends in a newline.
[[nodiscard]] std::string write_plan(const Scenario& scenario, const RunResult& result);

/// Throws MalformedPlan, whose one line says where in the document what is wrong: "faults[3].kind: unknown fault …".
[[nodiscard]] PlanFile read_plan(std::string_view text);

/// A plan file that was run again.
struct Replay {
  RunResult result;
  /// Not empty: the file was not edited, but it no longer says what happens; what differs, in one line. `result` is of the run
  /// all the same, unless the plan does not fit the scenario at all.
  std::string stale;
};

/// Runs a plan file. Throws std::invalid_argument, in one line, for an unknown scenario, and for an edited file that does
/// not fit its scenario (the same in a file that was not edited is *stale*).
[[nodiscard]] Replay replay(const Catalog& catalog, const PlanFile& file, bool full = true,
                            Instant until = Instant::max());

/// What `Replay::stale` says about a complete run of the file; empty: it is the same run, or the file was edited.
[[nodiscard]] std::string staleness(const PlanFile& file, const RunResult& result);

}  // namespace orrery
