#include "services/user/connect.hpp"

#include <utility>

#include "services/user/validation.hpp"

namespace orrery::services {
namespace {

int http_status(std::string_view code) {
  static constexpr std::pair<std::string_view, int> kStatuses[] = {
      {"invalid_argument", 400}, {"failed_precondition", 400}, {"not_found", 404}, {"already_exists", 409},
      {"aborted", 409},          {"unimplemented", 501},       {"unavailable", 503}};
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

/// RFC 4648, section 5, padded or not; nothing if it is malformed.
std::optional<std::string> from_base64url(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
  }
  return bytes;
}

ConnectCall refuse(Response response) {
  ConnectCall call;
  call.refused = std::move(response);
  return call;
}

}  // namespace

ConnectCall connect_call(const Request& request) {
  ConnectCall call;
  if (request.method != "GET") {
    const std::string_view type = request.headers.get("Content-Type");
    if (!type.empty() && type.substr(0, type.find(';')) != "application/json") return refuse(Response(415));
    call.message = request.body;
    return call;
  }
  if (request.query("encoding") != "json") return refuse(Response(415));
  if (request.query("compression").value_or("identity") != "identity") {
    return refuse(connect_error("unimplemented", "compression: only identity is known"));
  }
  std::optional<std::string> message = request.query("message");
  if (!message) return refuse(connect_error("invalid_argument", "message: is missing"));
  if (request.query("base64") == "1") message = from_base64url(*message);
  if (!message) return refuse(connect_error("invalid_argument", "message: is not base64"));
  call.message = std::move(*message);
  return call;
}

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
