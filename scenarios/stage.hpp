#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faults/nemesis.hpp"
#include "faults/profiles.hpp"
#include "scenarios/scenario.hpp"
#include "sim/world.hpp"

namespace orrery {

/// The hosts of a topology that faults may be aimed at.
[[nodiscard]] FaultHosts fault_hosts(const Topology& topology);

/// The workload and the faults of a seed, before it runs.
struct DrawnPlan {
  Plan plan;
  std::vector<FaultKind> kinds;  // what the profile is meant to inject
};
/// Throws std::invalid_argument for an unknown profile.
[[nodiscard]] DrawnPlan draw_plan(const Scenario& scenario, std::string_view profile, std::uint64_t seed);

/// The scenario's properties, and what must hold of every scenario, whether or not it says so: no task of a service fails.
[[nodiscard]] std::vector<Property> properties_of(const Scenario& scenario);

/// Throws std::invalid_argument, which names the known ones, if `defect` is neither empty nor one of the scenario's.
void require_defect(const Scenario& scenario, std::string_view defect);

/// A scenario's topology in a simulated world of its own, with clients that carry a plan's operations out and a nemesis
/// that carries its faults out. It shares nothing with other stages: runs in any order, or side by side, give the same.
class Stage {
 public:
  /// Builds the world and starts it; nothing has happened yet.
  Stage(const Scenario& scenario, std::string_view defect, std::uint64_t seed, bool full);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Throws std::invalid_argument, with the place in the plan, for operations and faults that do not fit the scenario: names
  /// that it does not have.
  void require_fit(const Plan& plan);

  /// The faults-on phase begins: operations and faults of the plan come at their times.
  void begin(const Plan& plan);
  /// More of them, whose times have not passed.
  void add(const std::vector<Operation>& operations);
  void add(const FaultRates& rates, const std::vector<Fault>& faults);
  void heal();
  /// The run is over.
  void end();

  [[nodiscard]] sim::World& world() noexcept { return world_; }
  [[nodiscard]] const Scenario& scenario() const noexcept { return scenario_; }
  [[nodiscard]] bool healed() const noexcept { return healed_; }
  /// Faults of the plan that found no place to strike.
  [[nodiscard]] std::vector<Fault> unused() const;

 private:
  void perform(const Operation& operation);
  void post(Duration at, std::uint64_t identity, std::function<void()> action);

  Scenario scenario_;  // a copy: a stage may outlive what it was made from
  sim::World world_;
  Nemesis nemesis_;
  bool healed_ = false;
};

}  // namespace orrery
