#include "services/user/events.hpp"

#include <chrono>
#include <cstdio>

namespace orrery::services {
namespace {

std::string hex64(std::uint64_t bits) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         text.find_first_not_of('0') != std::string_view::npos;
}

/// The trace id of "00-<32 hex>-<16 hex>-<2 hex>"; empty if it is not one.
std::string_view trace_id_of(std::string_view traceparent) {
  if (traceparent.size() != 55 || !traceparent.starts_with("00-") || traceparent[35] != '-' || traceparent[52] != '-')
    return {};
  const std::string_view id = traceparent.substr(3, 32);
  return is_hex(id) && is_hex(traceparent.substr(36, 16)) ? id : std::string_view{};
}

}  // namespace

OutboxEvent user_event(std::string_view type, const User& user, std::string_view traceparent, Random& random) {
  OutboxEvent event;
  event.event_id = random.uuid();
  event.aggregate_id = user.id;
  event.aggregate_version = user.version;
  event.event_type = type;
  event.occurred_at = to_rfc3339(SystemTime(std::chrono::microseconds(user.updated_us)));

  std::string trace_id(trace_id_of(traceparent));
  if (trace_id.empty()) {
    trace_id = hex64(random.next());
    trace_id += hex64(random.next() | 1);
  }
  const std::string span_id = hex64(random.next() | 1);
  event.body = Json{{"event_id", event.event_id},
                    {"event_type", event.event_type},
                    {"version", event.version},
                    {"occurred_at", event.occurred_at},
                    {"producer", "user-service"},
                    {"payload", {{"user_id", user.id}, {"email", user.email}, {"name", user.name}}},
                    {"trace", {{"trace_id", trace_id}, {"span_id", span_id}}}};
  return event;
}

}  // namespace orrery::services
