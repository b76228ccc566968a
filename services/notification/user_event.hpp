#pragma once

#include <string>
#include <string_view>

#include "runtime/broker.hpp"

namespace orrery::services {

/// A message that is not an event of user.events as this consumer knows it. Throwing it refuses the message; after its
/// last delivery the broker puts it aside, where an operator sees it.
class PoisonMessage : public Failure {
 public:
  explicit PoisonMessage(const std::string& why) : Failure(Effect::did_not_happen, "poison message: " + why) {}
};

/// What the notification service reads of an event of the topic user.events.
class UserEvent {
 public:
  UserEvent() = default;

  /// Throws PoisonMessage: not JSON, another version, a member missing or of another type, an id that is not the
  /// message's.
  [[nodiscard]] static UserEvent parse(const Message& message);

  /// The template of the mail that this event asks for; empty for event types that ask for none (knowingly ignored).
  [[nodiscard]] std::string_view mail_template() const noexcept;

  std::string event_id;
  std::string event_type;
  std::string user_id;
  std::string email;
  std::string name;
  std::string traceparent;  // of the message; empty: it has none
};

}  // namespace orrery::services
