#include "real-mode/places.hpp"

#include <signal.h>
#include <unistd.h>

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

bool Mishaps::drawn(std::uint32_t per_million) {
  return per_million > 0 && random_ != nullptr && random_->below(1'000'000) < per_million && loop_.now() < rates_until_;
}

void Mishaps::die(const Fault& fault) {
  recorder_.fact(EventKind::fault_injected, to_string(fault.kind), address_of(fault), 0, to_string(fault));
  // A kill that nothing can soften; the test bed sees it and starts the host again.
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

void Mishaps::reached(std::string_view point) {
  const Fiber* fiber = loop_.current_fiber();
  if (fiber == nullptr || (faults_.empty() && rates_.crash_at_place.per_million == 0)) return;
  const std::string place = recorder_.host() + "/" + std::string(fiber->name()) + " " + std::string(point);
  std::uint64_t ordinal = 0;
  for (const Fault& fault : faults_) {
    if (fault.place != place) continue;
    if (ordinal == 0) ordinal = count(place);
    if (fault.ordinal == ordinal) die(fault);
  }
  if (!drawn(rates_.crash_at_place.per_million)) return;
  Fault crash;
  crash.kind = FaultKind::crash;
  crash.target = recorder_.host();
  crash.place = place;
  crash.ordinal = ordinal != 0 ? ordinal : count(place);
  crash.lasts = random_->between(rates_.crash_at_place.lasts_low, rates_.crash_at_place.lasts_high);
  die(crash);
}

const Fault* Mishaps::strike(FaultKind kind, std::string_view target) {
  const Fault* strikes = nullptr;
  std::uint64_t ordinal = 0;
  for (const Fault& fault : faults_) {
    if (fault.kind != kind || fault.target != target) continue;
    if (ordinal == 0) ordinal = count(occasion_name(kind, target));
    if (fault.ordinal == ordinal) strikes = &fault;
  }
  if (strikes == nullptr && drawn(rates_[kind].per_million)) {
    drawn_ = Fault();
    drawn_.kind = kind;
    drawn_.target = target;
    drawn_.ordinal = ordinal != 0 ? ordinal : count(occasion_name(kind, target));
    strikes = &drawn_;
  }
  if (strikes != nullptr) {
    recorder_.fact(EventKind::fault_injected, to_string(kind), address_of(*strikes), 0, to_string(*strikes));
  }
  return strikes;
}

}  // namespace orrery::real
