#include "services/user/events.hpp"

#include <chrono>

#include "runtime/trace.hpp"

namespace orrery::services {

OutboxEvent user_event(std::string_view type, const User& user, std::string_view traceparent, Random& random) {
  OutboxEvent event;
  event.event_id = random.uuid();
  event.aggregate_id = user.id;
  event.aggregate_version = user.version;
  event.event_type = type;
  event.occurred_at = to_rfc3339(SystemTime(std::chrono::microseconds(user.updated_us)));

  TraceContext trace = parse_traceparent(traceparent).value_or(TraceContext());
  if (!trace.valid()) {
    trace.trace_high = random.next();
    trace.trace_low = random.next() | 1;
    trace.span = random.next() | 1;
  }
  event.body = Json{{"event_id", event.event_id},
                    {"event_type", event.event_type},
                    {"version", event.version},
                    {"occurred_at", event.occurred_at},
                    {"producer", "user-service"},
                    {"payload", {{"user_id", user.id}, {"email", user.email}, {"name", user.name}}},
                    {"trace", {{"trace_id", trace.trace_id()}, {"span_id", trace.span_id()}}}};
  return event;
}

}  // namespace orrery::services
