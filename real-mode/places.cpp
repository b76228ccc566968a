#include "real-mode/places.hpp"

#include <utility>

namespace orrery::real {

std::string occasion_name(FaultKind kind, std::string_view target) {
  return std::string(to_string(kind)) + " " + std::string(target);
}

void Mishaps::arm(std::vector<Fault> faults, std::map<std::string, std::uint64_t, std::less<>> counts) {
  faults_ = std::move(faults);
  counts_ = std::move(counts);
}

void Mishaps::draw(const FaultRates& rates, Random& random, Instant until) {
  rates_ = rates;
  random_ = &random;
  rates_until_ = until;
}

std::uint64_t Mishaps::count(const std::string& name) {
  const std::uint64_t ordinal = ++counts_[name];
  recorder_.fact(EventKind::place_reached, name, {}, static_cast<std::int64_t>(ordinal));
  return ordinal;
}

std::uint64_t Mishaps::count(FaultKind kind, std::string_view target) {
  const std::string name = occasion_name(kind, target);
  // Its target is a group of consumers on several hosts.
  return kind == FaultKind::redeliver && share_ ? share_(name) : count(name);
}

bool Mishaps::drawn(std::uint32_t per_million) {
  return per_million > 0 && random_ != nullptr && random_->below(1'000'000) < per_million && loop_.now() < rates_until_;
}

void Mishaps::disarm() {
  faults_.clear();
  rates_ = FaultRates();
}

void Mishaps::reached(std::string_view point) {
  const Fiber* fiber = loop_.current_fiber();
  if (fiber == nullptr || !hold_ || !armed()) return;
  const std::string place = recorder_.host() + "/" + std::string(fiber->name()) + " " + std::string(point);
  std::uint64_t ordinal = 0;
  std::vector<Fault> here;
  for (const Fault& fault : faults_) {
    if (fault.place != place) continue;
    if (ordinal == 0) ordinal = count(place);
    if (fault.ordinal == ordinal) here.push_back(fault);
  }
  const bool crashes = drawn(rates_.crash_at_place.per_million);
  if (crashes || (may_pause_at(point) && drawn(rates_.pause_at_place.per_million))) {
    const FaultRates::Rate& rate = crashes ? rates_.crash_at_place : rates_.pause_at_place;
    Fault fault;
    fault.kind = crashes ? FaultKind::crash : FaultKind::pause;
    fault.target = recorder_.host();
    fault.place = place;
    fault.ordinal = ordinal != 0 ? ordinal : count(place);
    fault.lasts = random_->between(rate.lasts_low, rate.lasts_high);
    here.push_back(std::move(fault));
  }
  for (const Fault& fault : here) hold_(fault);
}

const Fault* Mishaps::strike(FaultKind kind, std::string_view target) {
  const Fault* strikes = nullptr;
  std::uint64_t ordinal = 0;
  for (const Fault& fault : faults_) {
    if (fault.kind != kind || fault.target != target) continue;
    if (ordinal == 0) ordinal = count(kind, target);
    if (fault.ordinal == ordinal) strikes = &fault;
  }
  if (strikes == nullptr && drawn(rates_[kind].per_million)) {
    drawn_ = Fault();
    drawn_.kind = kind;
    drawn_.target = target;
    const FaultRates::Rate& rate = rates_[kind];
    const auto spread = static_cast<std::uint64_t>(rate.amount_high - rate.amount_low + 1);
    drawn_.amount = rate.amount_low + static_cast<std::int64_t>(random_->below(spread));
    drawn_.ordinal = ordinal != 0 ? ordinal : count(kind, target);
    strikes = &drawn_;
  }
  if (strikes != nullptr) {
    recorder_.fact(EventKind::fault_injected, to_string(kind), address_of(*strikes), 0, to_string(*strikes));
  }
  return strikes;
}

}  // namespace orrery::real
