#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/controls.hpp"

namespace orrery {

/// Carries a plan out through the controls of a world: arms what is addressed by place or occasion, and begins what is
/// addressed by time at its time.
class Nemesis {
 public:
  /// Calls `action` when the run is so old; `fault` is what for. Calls of one run may come in any order, and what they
  /// agree on must not depend on how many there are: taking a fault away must not shift another.
  using At = std::function<void(Duration since_begin, const Fault& fault, std::function<void()> action)>;

  Nemesis(Controls& controls, At at) : controls_(controls), at_(std::move(at)) {}

  /// For each fault that this world cannot do: which, and why, in words for the user.
  [[nodiscard]] std::vector<std::string> unsupported(const std::vector<Fault>& faults) const;

  /// Sets the rates, arms and schedules. Faults that the world does not support are passed over: ask before. A later call adds
  /// its faults to those of the earlier ones, and its rates take their place.
  void begin(const FaultRates& rates, std::vector<Fault> faults);

  /// Ends the faults; what was scheduled for later does not begin any more.
  void heal();

  /// Faults addressed by time that did not begin, because the run was healed before.
  [[nodiscard]] std::vector<Fault> not_begun() const;

 private:
  Controls& controls_;
  At at_;
  struct Timed {
    Fault fault;
    bool begun = false;
  };
  std::deque<Timed> timed_;  // scheduled actions point into it
  bool healed_ = false;
};

}  // namespace orrery
