#include "services/user/user_service.hpp"

#include <algorithm>
#include <utility>

#include "services/patterns/problem.hpp"
#include "services/user/connect.hpp"

namespace orrery::services {
namespace {

Response refuse(int status, std::string_view name, std::string_view title, std::string_view detail) {
  return json_response(status, problem(status, name, title, detail));
}
Response invalid(std::string_view detail) { return refuse(400, "invalid", "The request is not valid", detail); }
Response to_response(const Answer& answer) { return json_response(answer.status, answer.body, answer.retry_after_s); }

/// A refusal if the body is too long or declared as something else than JSON.
std::optional<Response> unreadable(const Request& request) {
  if (request.body.size() > kMaxRequestBody) {
    return refuse(413, "too-large", "The body is too large", "The body is longer than 64 KiB.");
  }
  const std::string_view type = request.headers.get("Content-Type");
  if (!type.empty() && !type.starts_with("application/json")) {
    return refuse(415, "media-type", "The media type is not supported", "Send application/json.");
  }
  return std::nullopt;
}

}  // namespace

UserService::UserService(Context& context) : UserService(context, Settings(context.config, context.service)) {}

UserService::UserService(Context& context, Settings settings)
    : context_(context),
      twin_(settings.text("defect", "")),
      request_limit_(settings.duration("request_limit", 5s)),
      users_(context, UsersSettings::read(settings.section("users")), twin_),
      relay_(context, context.database("user_db"), std::string(kUserTopic),
             RelaySettings::read(settings.section("relay")), twin_) {
  settings.refuse_unknown();
  Http& http = context.http;
  http.on("POST /users", [this](Request request) { return post_user(std::move(request)); });
  http.on("GET /users/{id}", [this](Request request) { return get_user(std::move(request)); });
  http.on("PUT /users/{id}", [this](Request request) { return put_user(std::move(request)); });
  http.on("GET /users", [this](Request request) { return list_users(std::move(request)); });
  http.on("POST /outbox/{event_id}/replay", [this](Request request) { return replay_event(std::move(request)); });
  http.on("GET /healthz", healthy);
  http.on("POST /user.v1.UserService/CreateUser",
          [this](Request request) { return connect_create_user(std::move(request)); });
  for (const char* method : {"POST", "GET"}) {  // these two have no side effects
    http.on(std::string(method) + " /user.v1.UserService/GetUser",
            [this](Request request) { return connect_get_user(std::move(request)); });
    http.on(std::string(method) + " /user.v1.UserService/ListUsers",
            [this](Request request) { return connect_list_users(std::move(request)); });
  }
  if (!twin_.is("dual-write")) relay_.start();  // twin: dual-write
}

Task<Response> UserService::post_user(Request request) {
  if (std::optional<Response> refused = unreadable(request)) co_return std::move(*refused);
  const Checked<NewUser> user = parse_new_user(request.body);
  if (!user) co_return invalid(user.why());
  std::string key(request.headers.get("Idempotency-Key"));
  if (request.headers.has("Idempotency-Key") && !is_idempotency_key(key)) {
    co_return invalid("Idempotency-Key: expected 1 to 255 visible ASCII characters");
  }
  std::string traceparent(request.headers.get("traceparent"));
  const Answer answer = co_await users_.create(*user, std::move(key), std::move(traceparent), deadline_of(request));
  Response response = to_response(answer);
  if (answer.status == 201) response.headers.set("Location", "/users/" + answer.body["id"].get<std::string>());
  co_return response;
}

Task<Response> UserService::get_user(Request request) {
  std::string id(request.parameter("id"));
  if (!is_uuid(id)) co_return invalid("id: expected a UUID");
  const Answer answer = co_await users_.get(std::move(id), deadline_of(request));
  co_return to_response(answer);
}

Task<Response> UserService::put_user(Request request) {
  std::string id(request.parameter("id"));
  if (!is_uuid(id)) co_return invalid("id: expected a UUID");
  if (std::optional<Response> refused = unreadable(request)) co_return std::move(*refused);
  const Checked<std::string> name = parse_new_name(request.body);
  if (!name) co_return invalid(name.why());
  std::string traceparent(request.headers.get("traceparent"));
  const Answer answer = co_await users_.rename(std::move(id), *name, std::move(traceparent), deadline_of(request));
  co_return to_response(answer);
}

Task<Response> UserService::list_users(Request request) {
  const std::optional<std::int64_t> limit = parse_integer(request.query("limit").value_or("20"), 1, 100);
  if (!limit) co_return invalid("limit: expected an integer in 1..100");
  const std::optional<std::int64_t> offset = parse_integer(request.query("offset").value_or("0"), 0, 1'000'000);
  if (!offset) co_return invalid("offset: expected an integer in 0..1000000");
  std::optional<Cursor> after;
  if (const std::optional<std::string> text = request.query("after")) {
    after = Cursor::decode(*text);
    if (!after) co_return invalid("after: not a cursor of this list");
    if (*offset != 0) co_return invalid("after and offset exclude each other");
  }
  const Answer answer = co_await users_.list(*limit, *offset, std::move(after), deadline_of(request));
  co_return to_response(answer);
}

Task<Response> UserService::replay_event(Request request) {
  std::string id(request.parameter("event_id"));
  if (!is_uuid(id)) co_return invalid("event_id: expected a UUID");
  try {
    const OutboxRelay::Replay replay = co_await relay_.replay(std::move(id));
    if (replay == OutboxRelay::Replay::unknown_event)
      co_return refuse(404, "no-such-event", "There is no such event", "");
    if (replay == OutboxRelay::Replay::not_failed) {
      co_return refuse(409, "not-failed", "The event has not failed", "Only failed events are replayed.");
    }
    co_return json_response(202, Json{{"status", "pending"}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return json_response(503, problem(503, "unavailable", "Not available now", "Ask again."), 1);
}

/// Says that the process runs. Whether the database can be reached is seen in the answers and the metrics: a replica
/// that is restarted because its database is away helps nobody.
Task<Response> UserService::connect_create_user(Request request) {
  ConnectCall call = connect_call(request);
  if (call.refused) co_return std::move(*call.refused);
  const Checked<NewUser> user = parse_new_user(call.message);
  if (!user) co_return connect_error("invalid_argument", user.why());
  std::string key(request.headers.get("Idempotency-Key"));
  if (request.headers.has("Idempotency-Key") && !is_idempotency_key(key)) {
    co_return connect_error("invalid_argument", "Idempotency-Key: expected 1 to 255 visible ASCII characters");
  }
  std::string traceparent(request.headers.get("traceparent"));
  const Answer answer = co_await users_.create(*user, std::move(key), std::move(traceparent), deadline_of(request));
  co_return connect_response(answer);
}

Task<Response> UserService::connect_get_user(Request request) {
  ConnectCall call = connect_call(request);
  if (call.refused) co_return std::move(*call.refused);
  const Checked<Json> message = parse_object(call.message, "id");
  if (!message) co_return connect_error("invalid_argument", message.why());
  std::string id = text_member(*message, "id");
  if (!is_uuid(id)) co_return connect_error("invalid_argument", "id: expected a UUID");
  Answer answer = co_await users_.get(std::move(id), deadline_of(request));
  if (answer.status == 200) answer.body = Json{{"user", std::move(answer.body)}};
  co_return connect_response(answer);
}

Task<Response> UserService::connect_list_users(Request request) {
  ConnectCall call = connect_call(request);
  if (call.refused) co_return std::move(*call.refused);
  const Checked<Json> message = parse_object(call.message, "limit", "offset");
  if (!message) co_return connect_error("invalid_argument", message.why());
  const std::optional<std::int64_t> limit = integer_member(*message, "limit", 20, 1, 100);
  if (!limit) co_return connect_error("invalid_argument", "limit: expected an integer in 1..100");
  const std::optional<std::int64_t> offset = integer_member(*message, "offset", 0, 0, 1'000'000);
  if (!offset) co_return connect_error("invalid_argument", "offset: expected an integer in 0..1000000");
  std::optional<Cursor> none;
  const Answer answer = co_await users_.list(*limit, *offset, std::move(none), deadline_of(request));
  co_return connect_response(answer);
}

Instant UserService::deadline_of(const Request& request) const noexcept {
  return std::min(request.deadline, context_.clock.now() + request_limit_);
}

}  // namespace orrery::services
