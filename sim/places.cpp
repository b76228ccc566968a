#include "sim/places.hpp"

namespace orrery::sim {

bool Places::reached(Host& host, std::string_view point) {
  SimFiber* fiber = kernel_.current_fiber();
  if (fiber == nullptr || &fiber->host != &host) return false;
  Place& place = places_[mix(mix(host.entity, entity_of(fiber->name())), entity_of(point))];
  if (place.name.empty()) {
    place.name = host.name + "/" + std::string(fiber->name()) + " " + std::string(point);
    place.entity = entity_of(place.name);
  }
  ++place.ordinal;
  kernel_.recorder().tick(EventKind::place_reached, place.entity, place.ordinal);
  if (kernel_.recorder().full()) {
    kernel_.recorder().describe(EventKind::place_reached, host.name, place.name, {},
                                static_cast<std::int64_t>(place.ordinal), {});
  }
  const Fault* fault = decisions_.at_place(host.name, place.name, place.entity, place.ordinal, may_pause_at(point));
  if (fault == nullptr || !begin_) return false;
  const Fault strikes = *fault;
  begin_(strikes);
  const bool halts =
      strikes.kind == FaultKind::crash || strikes.kind == FaultKind::stop || strikes.kind == FaultKind::pause;
  return halts && strikes.target == host.name;
}

Task<void> Places::halt(Host& host) {
  if (!host.paused()) co_await Kernel::never();
  co_await host.sleep(Duration::zero());
}

}  // namespace orrery::sim
