#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "properties/history_index.hpp"
#include "runtime/history.hpp"

namespace orrery {

/// When a property must hold.
enum class Mode : std::uint8_t {
  always,      // in every state of the run
  eventually,  // at the end of the settled phase: faults are healed, the bound is the scenario's
  sometimes,   // it must happen now and then, or the others held only because nothing happened
};
[[nodiscard]] const char* to_string(Mode mode) noexcept;

/// One way in which a property did not hold.
struct Violation {
  /// One sentence with the concrete ids: "user 3f2a… was acknowledged with 201 but is not in users".
  std::string what;
  /// The events that prove it, in order.
  std::vector<EventId> evidence;
  /// The property and the shape of the violation, without ids and times: the same on every seed. Groups findings.
  std::string signature;
};

/// What a check found.
struct Verdict {
  bool holds = true;
  /// The first ones, earliest first; see `violated` for how many there were.
  std::vector<Violation> violations;
  std::int64_t violated = 0;
  /// How many things were judged; 0: it held vacuously. Of a `sometimes`: how often it happened.
  std::int64_t examined = 0;
  /// Of a `sometimes`: where it happened first; 0: it did not.
  EventId witness = 0;
};

/// A pure function of a history. A callable that takes a `const History&` fits too.
using Check = std::function<Verdict(const HistoryIndex&)>;

/// What must hold of a run. `check(history)` judges a complete run; a `sometimes` always holds of a single run: its
/// count is summed over a campaign, which fails if it stays 0.
struct Property {
  std::string name;
  Mode mode = Mode::always;
  std::string claim;  // in words, for the report
  Check check;
};

[[nodiscard]] Property always(std::string name, std::string claim, Check check);
[[nodiscard]] Property eventually(std::string name, std::string claim, Check check);

/// How often something happened, and where first.
struct Occurrences {
  std::int64_t count = 0;
  EventId first = 0;

  void add(EventId event) {
    if (count++ == 0) first = event;
  }
};
using Predicate = std::function<Occurrences(const HistoryIndex&)>;
[[nodiscard]] Property sometimes(std::string name, std::string claim, Predicate happened);

/// Collects what a check finds.
class Findings {
 public:
  /// One more thing was judged.
  void examine(std::int64_t things = 1) { examined_ += things; }
  /// `shape`: what kind of violation, without ids and times; it becomes the end of the signature.
  void violate(std::string_view shape, std::string what, std::vector<EventId> evidence);
  [[nodiscard]] std::size_t count() const noexcept { return violations_.size(); }
  /// The verdict; violations are in the order of the moment at which they were complete.
  [[nodiscard]] Verdict verdict() &&;

  /// So many violations are kept.
  static constexpr std::size_t kKept = 16;

 private:
  std::int64_t examined_ = 0;
  std::vector<Violation> violations_;
};

/// How ids are written in sentences and stories: the first 8 characters of what is long and all hexadecimal, "3f2a77c1"
/// of a uuid; what is not stays as it is, up to 40 characters.
[[nodiscard]] std::string short_id(std::string_view id);

}  // namespace orrery
