#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "properties/judge.hpp"
#include "properties/property.hpp"
#include "runtime/context.hpp"
#include "runtime/controls.hpp"
#include "runtime/history.hpp"
#include "runtime/operations.hpp"

namespace orrery {

/// What a scenario runs on: the same in both worlds.
struct Topology {
  struct DatabaseSpec {
    std::string name;
    std::string schema;
    /// Of broken twins that lack a constraint, given the defect; empty: all have `schema`.
    std::function<std::string(std::string_view defect)> schema_of;
    /// Settings of every session, as ALTER DATABASE … SET gives them: {"synchronous_commit", "off"}.
    std::vector<std::pair<std::string, std::string>> settings;
    /// It has a hot standby, which services reach by the name standby_of(name). In real mode with a server that was given, that
    /// name leads to the database itself, in read-only sessions: a standby that is never behind.
    bool has_standby = false;
    /// Clients reach it through a pooler in transaction mode. Real mode has none: there sessions stay with their clients.
    bool is_pooled = false;
  };
  struct ServiceSpec {
    std::string name;
    int replicas = 1;  // hosts "<name>-1", "<name>-2", …
    ServiceFactory factory;
    Json config = Json::object();
  };
  std::vector<DatabaseSpec> databases;
  std::vector<ServiceSpec> services;
  /// For people, such as a debug page: `serve` knows them, no run has them, and no fault is drawn for them.
  std::vector<ServiceSpec> pages;
  /// Its services use SERIALIZABLE: failures that come without need are expected to strike.
  bool serializable = false;
  /// The services LISTEN: `break_listening` has occasions.
  bool listens = false;
  bool broker = true;
  std::vector<std::string> file_stores;  // hosts of these names; a directory each in real mode
  bool cache = false;                    // a host "cache"
  int clients = 4;  // hosts "client-1", …
};

/// One thing that a client of the workload does, at a time: explicit, so that a plan file can hold it and a shrinker can
/// take it away.
struct Operation {
  Duration at{0};
  std::string client;
  std::string name;
  Json arguments = Json::object();
  std::string id;  // names it in the history; unique in a plan, and the same when others are taken away

  friend bool operator==(const Operation&, const Operation&) = default;
};

/// Everything that one run does, whole: who asks what, and which faults strike where.
struct Plan {
  std::vector<Operation> operations;
  std::vector<Fault> faults;
  FaultRates rates;  // all zero in a materialised plan: then `faults` says it all
};

/// A broken twin of the scenario's services.
struct Defect {
  std::string name;
  int number = 0;        // in the literature list of docs/defects.md; 0: not listed there
  std::string mistake;   // one sentence
  std::string violates;  // the property that is expected to find it
};

/// A system, what is asked of it, what strikes it and what must hold: one value.
struct Scenario {
  std::string name;
  std::string claim;
  Topology topology;
  /// Draws the workload of a seed; must be a function of the seed alone. RapidCheck generators inside.
  std::function<std::vector<Operation>(std::uint64_t seed)> draw_operations;
  /// The names of the operations that `perform` knows; a plan with another one does not fit any more.
  std::vector<std::string> operations;
  /// The operation in simpler forms, the simplest first, for shrinking; empty: it has none.
  std::function<std::vector<Operation>(const Operation&)> simpler;
  /// Carries one operation out on its client's host.
  std::function<Task<void>(Context&, OperationLog&, Operation)> perform;
  std::vector<Property> properties;
  std::vector<Defect> defects;
  Duration runs_for = std::chrono::seconds(60);       // faults on: nothing bad may happen
  Duration settles_within = std::chrono::seconds(60); // faults healed: everything good must happen

  /// What a run takes unless its request says otherwise.
  std::string profile = "heavy";
  std::string defect;

  /// This scenario with a broken twin in the place of its services. Throws std::invalid_argument, which names the known
  /// ones, if it has no such defect.
  [[nodiscard]] Scenario with_defect(std::string_view name) const;
  /// This scenario under another fault profile. Throws std::invalid_argument for an unknown one.
  [[nodiscard]] Scenario with_profile(std::string_view name) const;
};

/// What a seed is run with.
struct RunRequest {
  std::uint64_t seed = 1;
  std::string profile;              // a fault profile of faults/profiles.hpp; empty: the scenario's
  std::string defect;               // empty: the scenario's, which is usually none: the correct system
  bool full = false;                // record traces, too
  std::optional<Plan> plan;         // instead of drawing one; the seed still decides latencies and the like
  Instant until = Instant::max();   // stop early and judge nothing
};

/// What one run gave.
struct RunResult {
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  std::uint64_t messages = 0;
  Duration simulated{0};
  std::vector<JudgedProperty> judged;
  std::string stuck;                           // not empty: the run could not go on, and why
  /// By kind, crashes and pauses at a place apart from others: how often it struck. What was asked for and did not strike is 0.
  std::map<std::string, std::int64_t> faults;
  std::map<std::string, std::int64_t> sometimes;
  Plan plan;                                   // materialised: replaying it gives the same hash
  std::vector<Fault> unused;                   // faults of a given plan that found no place to strike
  std::string profile;                         // what the run was made with
  std::string defect;
  History history;

  /// The first violated property; null if the run held.
  [[nodiscard]] const JudgedProperty* violated() const noexcept;
};

/// Runs one seed of a scenario in a simulated world of its own. Throws nothing that a service does: that is in the result.
/// Throws std::invalid_argument, in one line for the user, for an unknown profile or defect or a plan that does not fit.
[[nodiscard]] RunResult run(const Scenario& scenario, const RunRequest& request);

/// The words that run this again from a shell: "./orrery replay user-notification --seed 17 --defect dual-write".
[[nodiscard]] std::string replay_command(const Scenario& scenario, const RunResult& result);

/// What a program knows by name. No static registration: what is not listed is not there.
struct Catalog {
  std::vector<Scenario> scenarios;
  [[nodiscard]] const Scenario* find(std::string_view name) const noexcept;
};

/// The scenarios of this repository.
[[nodiscard]] Catalog built_in_catalog();

}  // namespace orrery
