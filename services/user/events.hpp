#pragma once

#include <string>
#include <string_view>

#include "runtime/random.hpp"
#include "services/patterns/outbox.hpp"

namespace orrery::services {

inline constexpr std::string_view kUserTopic = "user.events";
inline constexpr std::string_view kUserCreated = "user.created";
inline constexpr std::string_view kUserUpdated = "user.updated";

class User {
 public:
  User() = default;

  std::string id;
  std::string email;
  std::string name;
  std::int64_t version = 1;
  std::int64_t created_us = 0;  // microseconds since 1970, on the database's clock
  std::int64_t updated_us = 0;
};

/// Event {event_id, event_type, version: 1, occurred_at, producer, payload {user_id, email, name}, trace {trace_id,
/// span_id}} that says that the user became what it is now. The trace is that of the request's `traceparent` (W3C Trace
/// Context), at its span, if it is well formed; otherwise a new one begins.
[[nodiscard]] OutboxEvent user_event(std::string_view type, const User& user, std::string_view traceparent,
                                     Random& random);

}  // namespace orrery::services
