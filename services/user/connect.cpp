#include "services/user/connect.hpp"

#include <utility>

#include "services/user/validation.hpp"

namespace orrery::services {
namespace {

int http_status(std::string_view code) {
  static constexpr std::pair<std::string_view, int> kStatuses[] = {
      {"invalid_argument", 400}, {"failed_precondition", 400}, {"not_found", 404}, {"already_exists", 409},
      {"aborted", 409},          {"unavailable", 503}};
  for (const auto& [name, status] : kStatuses) {
    if (name == code) return status;
  }
  return 500;
}

std::string_view code_of(const Answer& answer) {
  switch (answer.status) {
    case 400:
      return "invalid_argument";
    case 404:
      return "not_found";
    case 409:
      return answer.retry_after_s < 0 ? "already_exists" : "aborted";
    case 422:
      return "failed_precondition";
    case 503:
      return "unavailable";
    default:
      return "unknown";
  }
}

Response json(int status, const Json& body) {
  Response response(status, body.dump());
  response.headers.set("Content-Type", "application/json");
  return response;
}

}  // namespace

Response connect_error(std::string_view code, std::string_view message) {
  return json(http_status(code), Json{{"code", code}, {"message", message}});
}

Response connect_response(const Answer& answer) {
  if (answer.status < 300) return json(200, answer.body);
  return connect_error(code_of(answer), text_member(answer.body, "detail"));
}

std::string text_member(const Json& message, std::string_view name) {
  const auto member = message.find(name);
  return member != message.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::optional<std::int64_t> integer_member(const Json& message, std::string_view name, std::int64_t standard,
                                           std::int64_t low, std::int64_t high) {
  const auto member = message.find(name);
  if (member == message.end()) return standard;
  if (member->is_string()) return parse_integer(member->get_ref<const std::string&>(), low, high);
  if (!member->is_number_integer()) return std::nullopt;
  const auto number = member->get<std::int64_t>();
  if (number < low || number > high) return std::nullopt;
  return number;
}

}  // namespace orrery::services
