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

std::uint64_t Mishaps::count(const std::string& name) {
  const std::uint64_t ordinal = ++counts_[name];
  recorder_.fact(EventKind::place_reached, name, {}, static_cast<std::int64_t>(ordinal));
  return ordinal;
}

void Mishaps::reached(std::string_view point) {
  if (faults_.empty()) return;
  const Fiber* fiber = loop_.current_fiber();
  if (fiber == nullptr) return;
  const std::string place = recorder_.host() + "/" + std::string(fiber->name()) + " " + std::string(point);
  bool counted = false;
  std::uint64_t ordinal = 0;
  for (const Fault& fault : faults_) {
    if (fault.place != place) continue;
    if (!counted) ordinal = count(place);
    counted = true;
    if (fault.ordinal != ordinal) continue;
    recorder_.fact(EventKind::fault_injected, to_string(fault.kind), address_of(fault), 0, to_string(fault));
    // The place names this host, so nobody else is meant: a crash here is a kill that nothing can soften.
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
  }
}

const Fault* Mishaps::strike(FaultKind kind, std::string_view target) {
  const Fault* strikes = nullptr;
  std::uint64_t ordinal = 0;
  for (const Fault& fault : faults_) {
    if (fault.kind != kind || fault.target != target) continue;
    if (ordinal == 0) ordinal = count(occasion_name(kind, target));
    if (fault.ordinal == ordinal) strikes = &fault;
  }
  if (strikes != nullptr) {
    recorder_.fact(EventKind::fault_injected, to_string(kind), address_of(*strikes), 0, to_string(*strikes));
  }
  return strikes;
}

}  // namespace orrery::real
