#include "scenarios/shrink.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "scenarios/shrink_trials.hpp"

namespace orrery {
namespace {

/// A fault that is addressed by the ordinal of an occasion or of a place.
bool counts_occasions(const Fault& fault) { return fault.ordinal > 0; }

template <class T>
std::vector<T> without(const std::vector<T>& items, std::size_t first, std::size_t count) {
  std::vector<T> kept(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(first));
  kept.insert(kept.end(), items.begin() + static_cast<std::ptrdiff_t>(std::min(items.size(), first + count)), items.end());
  return kept;
}

Duration rounded(Duration time, Duration unit) { return (time + unit / 2) / unit * unit; }

class Shrinking {
 public:
  Shrinking(ShrinkTrials& trials, const ShrinkOptions& options, Plan plan)
      : trials_(trials), options_(options), plan_(std::move(plan)) {}

  /// True: neither list can get shorter by one.
  bool go() {
    bool is_minimal = false;
    try_single_faults();
    while (!is_minimal && !trials_.is_over()) {
      bool changed = drop_faults();
      changed = drop_operations() || changed;
      changed = simplify_operations() || changed;
      is_minimal = !changed && thorough_ && !trials_.is_over();
      thorough_ = thorough_ || !changed;
    }
    tidy();
    return is_minimal;
  }

  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  [[nodiscard]] ShrinkProgress progress() const { return {plan_.operations.size(), plan_.faults.size(), trials_.runs()}; }

 private:
  /// Takes the first candidate that still fails. False: none does.
  bool take(std::vector<Plan> candidates) {
    const std::optional<std::size_t> failing = trials_.first_failing(candidates);
    if (!failing) return false;
    plan_ = std::move(candidates[*failing]);
    if (options_.on_progress) options_.on_progress(progress());
    return true;
  }

  /// Leaves chunks of a list away, smaller and smaller ones. `candidates_at(first, count)`: the plans to try without that chunk.
  template <class Size, class Candidates>
  bool drop(const Size& size, const Candidates& candidates_at) {
    bool changed = false;
    for (std::size_t chunk = size(); chunk > 0 && !trials_.is_over(); chunk = chunk == 1 ? 0 : (chunk + 1) / 2) {
      // From the end: what comes later has fewer consequences, and takes no ordinals away from what came before.
      std::size_t end = size();
      while (end > 0 && !trials_.is_over()) {
        const std::size_t first = end > chunk ? end - chunk : 0;
        changed = take(candidates_at(first, end - first)) || changed;
        end = first;
      }
    }
    return changed;
  }

  /// Most failures need no fault or one: with that and all operations the rest goes fast, and ends in a smaller plan than leaving
  /// faults away one by one does, which may keep several that only belong together.
  void try_single_faults() {
    std::vector<Plan> candidates(plan_.faults.size() + 1, plan_);
    for (Plan& candidate : candidates) candidate.faults.clear();
    for (std::size_t i = 0; i < plan_.faults.size(); ++i) candidates[i + 1].faults.push_back(plan_.faults[i]);
    if (plan_.faults.size() > 1) take(std::move(candidates));
  }

  bool drop_faults() {
    return drop([this] { return plan_.faults.size(); },
                [this](std::size_t first, std::size_t count) {
                  Plan candidate = plan_;
                  candidate.faults = without(plan_.faults, first, count);
                  if (count > 1 || !thorough_) return std::vector<Plan>{candidate};
                  return with_other_ordinals(std::move(candidate), kBack, kOn);
                });
  }

  bool drop_operations() {
    return drop([this] { return plan_.operations.size(); },
                [this](std::size_t first, std::size_t count) {
                  Plan candidate = plan_;
                  candidate.operations = without(plan_.operations, first, count);
                  return with_other_ordinals(std::move(candidate), std::min<std::uint64_t>(count * kBack, kMostBack), 0);
                });
  }

  bool simplify_operations() {
    bool changed = false;
    if (!options_.simpler) return changed;
    for (std::size_t i = 0; i < plan_.operations.size(); ++i) {
      bool again = true;
      while (again && !trials_.is_over()) {
        again = false;
        for (Operation& simpler : options_.simpler(plan_.operations[i])) {
          Plan candidate = plan_;
          candidate.operations[i] = std::move(simpler);
          again = take(with_other_ordinals(std::move(candidate), kBack, 0));
          if (again) break;
        }
        changed = changed || again;
      }
    }
    return changed;
  }

  // How far the ordinal of an occasion is looked for: about as many as one operation makes, before and behind; further before
  // if more operations were taken away.
  static constexpr std::uint64_t kBack = 6;
  static constexpr std::uint64_t kMostBack = 48;
  static constexpr std::uint64_t kOn = 6;

  /// The plan itself, and the plan with each counted occasion earlier or later: with less around it, it has another ordinal.
  static std::vector<Plan> with_other_ordinals(Plan plan, std::uint64_t back, std::uint64_t on) {
    std::vector<Plan> candidates{plan};
    const auto add = [&](std::size_t fault, std::uint64_t ordinal) {
      candidates.push_back(plan);
      candidates.back().faults[fault].ordinal = ordinal;
    };
    for (std::size_t i = 0; i < plan.faults.size(); ++i) {
      if (!counts_occasions(plan.faults[i])) continue;
      const std::uint64_t ordinal = plan.faults[i].ordinal;
      for (std::uint64_t by = 1; by <= back && by < ordinal; ++by) add(i, ordinal - by);
      for (std::uint64_t by = 1; by <= on; ++by) add(i, ordinal + by);
    }
    return candidates;
  }

  /// Makes what is left easy to read: no waiting before it and within it, round numbers.
  void tidy() {
    close_gaps();
    for (const Duration unit : {Duration(1s), Duration(100ms), Duration(10ms), Duration(1ms)}) {
      Plan candidate = plan_;
      for (Operation& operation : candidate.operations) operation.at = rounded(operation.at, unit);
      for (Fault& fault : candidate.faults) {
        if (fault.at >= Duration::zero()) fault.at = rounded(fault.at, unit);
        if (fault.lasts > unit) fault.lasts = rounded(fault.lasts, unit);
      }
      if (take({candidate})) break;
    }
  }

  /// Moves everything from one time on earlier, so that nothing is further than a second behind what comes before it.
  void close_gaps() {
    constexpr Duration kStart = 200ms;
    constexpr Duration kGap = 1s;
    for (std::size_t i = 0; i < times().size() && !trials_.is_over(); ++i) {
      const std::vector<Duration> at = times();
      const Duration wanted = i == 0 ? kStart : at[i - 1] + kGap;
      if (at[i] <= wanted) continue;
      Plan candidate = plan_;
      const Duration earlier = at[i] - wanted;
      for (Operation& operation : candidate.operations) {
        if (operation.at >= at[i]) operation.at -= earlier;
      }
      for (Fault& fault : candidate.faults) {
        if (fault.at >= at[i]) fault.at -= earlier;
      }
      take({candidate});
    }
  }

  /// When something of the plan happens, each time once, in order.
  [[nodiscard]] std::vector<Duration> times() const {
    std::vector<Duration> at;
    for (const Operation& operation : plan_.operations) at.push_back(operation.at);
    for (const Fault& fault : plan_.faults) {
      if (fault.at >= Duration::zero()) at.push_back(fault.at);
    }
    std::ranges::sort(at);
    at.erase(std::unique(at.begin(), at.end()), at.end());
    return at;
  }

  ShrinkTrials& trials_;
  const ShrinkOptions& options_;
  Plan plan_;
  bool thorough_ = false;  // other ordinals are tried for faults when one of them goes: worth it when few are left
};

}  // namespace

Shrunk shrink(const RunFunction& run, const RunRequest& request, const ShrinkOptions& options) {
  ShrinkTrials trials(run, request, options);
  Plan plan = trials.first_run();
  Shrunk shrunk;
  shrunk.property = trials.property();
  shrunk.signature = trials.signature();
  // What was drawn, written down, must fail as well: then it says all that matters.
  const bool repeats = trials.first_failing({plan}).has_value();
  Shrinking shrinking(trials, options, std::move(plan));
  shrunk.from = shrinking.progress();
  if (repeats) shrunk.is_minimal = shrinking.go();
  shrunk.interrupted = Interrupts::caught();
  if (!repeats && !trials.is_over()) throw NothingToShrink("the run does not fail again when its plan is written down");
  shrunk.to = shrinking.progress();
  shrunk.request = request;
  shrunk.request.plan = shrinking.plan();
  return shrunk;
}

}  // namespace orrery
