#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/controls.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

/// Decides which occasions a fault strikes: by rate from the seed, or because exactly this occasion was armed. What
/// struck is kept as the explicit faults that repeat it.
class Decisions {
 public:
  explicit Decisions(Kernel& kernel) : kernel_(kernel) {}

  void set_rates(const FaultRates& rates);
  /// Adds explicit faults: decisions by occasion, episodes by place.
  void arm(const std::vector<Fault>& faults);
  /// Nothing strikes any more.
  void disarm();

  /// False: nothing of this kind can strike now, and occasions need not be prepared.
  [[nodiscard]] bool may_strike(FaultKind kind) const noexcept { return can_strike_[static_cast<std::size_t>(kind)]; }
  /// The fault that strikes the `ordinal`-th occasion (from 1) of `kind` at `target`, or null. It is recorded. `entity`
  /// is `entity_of(target)`, which the caller keeps. Cheap when nothing of that kind can strike.
  [[nodiscard]] const Fault* strike(FaultKind kind, std::string_view target, std::uint64_t entity,
                                    std::uint64_t ordinal) {
    return can_strike_[static_cast<std::size_t>(kind)] ? look(kind, target, entity, ordinal) : nullptr;
  }
  /// Reports that a place was reached for the `ordinal`-th time; gives the episode that is to begin there, or null.
  /// `host` is the target of a crash or, where it `may_pause`, a pause that is drawn by rate.
  [[nodiscard]] const Fault* at_place(std::string_view host, std::string_view place, std::uint64_t entity,
                                      std::uint64_t ordinal, bool may_pause);

  /// Notes an episode that was addressed by time, when it begins.
  void note(const Fault& fault);
  [[nodiscard]] const std::vector<Fault>& struck() const noexcept { return struck_; }
  /// Armed faults whose occasion or place never came.
  [[nodiscard]] std::vector<Fault> unused() const;

 private:
  struct Armed {
    std::uint64_t entity;
    std::uint64_t ordinal;
    Fault fault;
    bool used = false;
  };
  const Fault* look(FaultKind kind, std::string_view target, std::uint64_t entity, std::uint64_t ordinal);
  Armed* find(FaultKind kind, bool by_place, std::uint64_t entity, std::uint64_t ordinal) noexcept;
  [[nodiscard]] bool hits(std::uint32_t per_million, FaultKind kind, std::uint64_t entity, std::uint64_t ordinal) const;
  const Fault* struck_now(Fault fault);

  Kernel& kernel_;
  FaultRates rates_;
  std::array<bool, static_cast<std::size_t>(FaultKind::count_)> can_strike_{};
  bool places_matter_ = false;
  bool off_ = false;
  std::vector<Armed> armed_;  // a plan has few of them
  std::vector<Fault> struck_;
  Fault latest_;
};

}  // namespace orrery::sim
