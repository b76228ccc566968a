#include "services/notification/user_event.hpp"

#include "runtime/json.hpp"
#include "runtime/trace.hpp"

namespace orrery::services {
namespace {

std::string text_of(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) throw PoisonMessage(std::string("expected a string: ") + member);
  return found->get<std::string>();
}

}  // namespace

UserEvent UserEvent::parse(const Message& message) {
  const Json json = Json::parse(message.body, nullptr, false);
  if (json.is_discarded() || !json.is_object()) throw PoisonMessage("not a JSON object");
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer() || version->get<std::int64_t>() != 1) {
    throw PoisonMessage("not of version 1");
  }
  UserEvent event;
  event.event_id = text_of(json, "event_id");
  event.event_type = text_of(json, "event_type");
  if (event.event_id != message.id) throw PoisonMessage("the event's id is not the message's");
  if (event.mail_template().empty()) return event;

  const auto payload = json.find("payload");
  if (payload == json.end() || !payload->is_object()) throw PoisonMessage("expected an object: payload");
  event.user_id = text_of(*payload, "user_id");
  event.email = text_of(*payload, "email");
  event.name = text_of(*payload, "name");
  const auto traceparent = message.attributes.find(std::string(kTraceparent));
  if (traceparent != message.attributes.end() && parse_traceparent(traceparent->second)) {
    event.traceparent = traceparent->second;
  }
  return event;
}

std::string_view UserEvent::mail_template() const noexcept {
  if (event_type == "user.created") return "welcome";
  if (event_type == "user.updated") return "profile-changed";
  return {};
}

}  // namespace orrery::services
