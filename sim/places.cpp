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
  const Fault* fault = decisions_.at_place(host.name, place.name, place.entity, place.ordinal);
  if (fault == nullptr || !begin_) return false;
  const Fault strikes = *fault;
  begin_(strikes);
  return (strikes.kind == FaultKind::crash || strikes.kind == FaultKind::stop) && strikes.target == host.name;
}

}  // namespace orrery::sim
