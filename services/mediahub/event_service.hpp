#pragma once

#include "runtime/context.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/event_store.hpp"

namespace orrery::services {

/// The event store as a service, on "event_db":
///   POST /events  {aggregate_type, aggregate_id, expected_version, events: [{id, event_type, data}]}
///     201 stored, 200 stored before, 409 another version: {version, position}; 503 ask again with the same ids
///   GET /events?after=&limit=&type=    by global position: {events, next}
///   GET /events/{type}/{id}?after=     of one aggregate, by version: {events, next}
///   GET /events/{type}/{id}?from=snapshot   {snapshot: {version, state} or null, events: those after it, next}
///   POST /snapshots/{type}/{id}  {version, state}
///     200 there is a snapshot of this version or of a later one
class EventService : public Service {
 public:
  explicit EventService(Context& context);

 private:
  EventService(Context& context, Settings settings);
  Task<Response> append(Request request);
  Task<Response> feed(Request request);
  Task<Response> stream(Request request);
  Task<Response> keep(Request request);
  [[nodiscard]] Response failed(const DatabaseError& error);

  Context& context_;
  EventStore store_;
};

}  // namespace orrery::services
