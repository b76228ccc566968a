#include "sim/decisions.hpp"

#include <algorithm>

namespace orrery::sim {
namespace {

std::int64_t between(std::uint64_t bits, std::int64_t low, std::int64_t high) {
  return high <= low ? low : low + static_cast<std::int64_t>(below(bits, static_cast<std::uint64_t>(high - low) + 1));
}

}  // namespace

void Decisions::set_rates(const FaultRates& rates) {
  rates_ = rates;
  for (std::size_t kind = 0; kind < can_strike_.size(); ++kind) {
    can_strike_[kind] = can_strike_[kind] || rates_.decisions[kind].per_million > 0;
  }
  places_matter_ = places_matter_ || rates_.crash_at_place.per_million > 0 || rates_.pause_at_place.per_million > 0;
}

void Decisions::arm(const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    CHECK(fault.ordinal > 0, "a fault that is addressed by time cannot be armed");
    const bool by_place = !fault.place.empty();
    armed_.push_back({entity_of(by_place ? fault.place : fault.target), fault.ordinal, fault});
    if (by_place) {
      places_matter_ = true;
    } else {
      can_strike_[static_cast<std::size_t>(fault.kind)] = true;
    }
  }
}

void Decisions::disarm() {
  off_ = true;
  can_strike_.fill(false);
  places_matter_ = false;
}

Decisions::Armed* Decisions::find(FaultKind kind, bool by_place, std::uint64_t entity, std::uint64_t ordinal) noexcept {
  for (Armed& armed : armed_) {
    if (armed.entity == entity && armed.ordinal == ordinal && armed.fault.place.empty() != by_place &&
        (by_place || armed.fault.kind == kind)) {
      return &armed;
    }
  }
  return nullptr;
}

bool Decisions::hits(std::uint32_t per_million, FaultKind kind, std::uint64_t entity, std::uint64_t ordinal) const {
  return per_million > 0 && below(decide(kernel_.seed(), 1000 + static_cast<std::uint64_t>(kind), entity, ordinal),
                                  1'000'000) < per_million;
}

const Fault* Decisions::struck_now(Fault fault) {
  note(fault);
  latest_ = std::move(fault);
  return &latest_;
}

const Fault* Decisions::look(FaultKind kind, std::string_view target, std::uint64_t entity, std::uint64_t ordinal) {
  if (Armed* armed = find(kind, false, entity, ordinal)) {
    armed->used = true;
    return struck_now(armed->fault);
  }
  const FaultRates::Rate& rate = rates_[kind];
  if (!hits(rate.per_million, kind, entity, ordinal)) return nullptr;
  Fault fault;
  fault.kind = kind;
  fault.target = target;
  fault.ordinal = ordinal;
  const std::uint64_t which = entity + static_cast<std::uint64_t>(kind);
  fault.amount = between(kernel_.draw(Site::fault_amount, which, ordinal), rate.amount_low, rate.amount_high);
  fault.lasts = Duration(
      between(kernel_.draw(Site::fault_lasts, which, ordinal), rate.lasts_low.count(), rate.lasts_high.count()));
  return struck_now(std::move(fault));
}

const Fault* Decisions::at_place(std::string_view host, std::string_view place, std::uint64_t entity,
                                 std::uint64_t ordinal, bool may_pause) {
  if (!places_matter_) return nullptr;
  if (Armed* armed = find(FaultKind::crash, true, entity, ordinal)) {
    armed->used = true;
    return struck_now(armed->fault);
  }
  for (const FaultKind kind : {FaultKind::crash, FaultKind::pause}) {
    if (kind == FaultKind::pause && !may_pause) continue;
    const FaultRates::Rate& rate = kind == FaultKind::crash ? rates_.crash_at_place : rates_.pause_at_place;
    if (!hits(rate.per_million, kind, entity, ordinal)) continue;
    Fault fault;
    fault.kind = kind;
    fault.target = host;
    fault.place = place;
    fault.ordinal = ordinal;
    fault.lasts = Duration(
        between(kernel_.draw(Site::fault_lasts, entity, ordinal), rate.lasts_low.count(), rate.lasts_high.count()));
    return struck_now(std::move(fault));
  }
  return nullptr;
}

void Decisions::note(const Fault& fault) {
  struck_.push_back(fault);
  kernel_.recorder().fact(EventKind::fault_injected, fault.target, to_string(fault.kind), address_of(fault),
                          fault.amount, to_string(fault));
}

std::vector<Fault> Decisions::unused() const {
  std::vector<Fault> faults;
  for (const Armed& armed : armed_) {
    if (!armed.used) faults.push_back(armed.fault);
  }
  return faults;
}

}  // namespace orrery::sim
