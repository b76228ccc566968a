#pragma once

#include <string>
#include <vector>

#include "properties/judge.hpp"
#include "runtime/history.hpp"

namespace orrery::viz {

/// A run, as the pictures see it.
struct RunView {
  std::string name;     // "user-notification, seed 1, faults heavy, defect dual-write"
  std::string command;  // what draws it again, or runs it again; may be empty
  const History& history;
  const std::vector<JudgedProperty>& judged;  // empty: nothing was judged
  std::string stuck;                          // not empty: the run could not go on, and why

  /// The first violated property; null if there is none.
  [[nodiscard]] const JudgedProperty* violated() const noexcept {
    for (const JudgedProperty& one : judged) {
      if (!one.verdict.holds && !one.verdict.violations.empty()) return &one;
    }
    return nullptr;
  }
};

}  // namespace orrery::viz
