// What happened in a test bed, put together from what its processes wrote and what the server committed.
#include <filesystem>
#include <utility>

#include "real-mode/gathering.hpp"
#include "real-mode/testbed.hpp"

namespace orrery::real {

History TestBed::gather() {
  ending_ = true;
  const Instant end = loop_.now();
  for (const auto& replica : replicas_) replica->process = Child();  // killed
  std::vector<Event> events = events_;
  for (const auto& replica : replicas_) {
    if (!std::filesystem::exists(replica->events)) continue;
    for (Event& event : read_events(replica->events)) {
      if (event.kind == EventKind::fault_injected) {
        if (const auto kind = fault_kind(event.subject)) {
          Fault fault;
          fault.kind = *kind;
          fault.target = event.text.substr(event.subject.size() + 1);
          fault.target = fault.target.substr(0, fault.target.find_first_of(" ,"));
          event.host = fault.target;
          struck_.push_back(std::move(fault));
        }
      }
      events.push_back(std::move(event));
    }
  }
  for (const auto& server : replaced_) server->start();  // only to be asked what it had committed
  const Beginning beginning{began_, wall_offset_};
  add_committed(captures_, beginning, events);
  return in_order(std::move(events), beginning, end);
}

}  // namespace orrery::real
