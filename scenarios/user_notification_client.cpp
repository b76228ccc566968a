// What the clients of the scenario "user-notification" do.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "scenarios/patience.hpp"
#include "scenarios/user_notification.hpp"

namespace orrery {
namespace {

constexpr Duration kPatience = 4s;  // of one attempt

/// Asking again makes sense: nothing final was said.
bool asks_for_another_try(const Response& response) {
  if (response.status != 409) return is_passing(response.status);
  return response.headers.has("Retry-After") || response.body.find("\"aborted\"") != std::string::npos;
}

std::string text_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& object, const char* name, std::int64_t otherwise) {
  const auto member = object.find(name);
  return member != object.end() && member->is_number_integer() ? member->get<std::int64_t>() : otherwise;
}

Request json_request(const char* method, const std::string& target, const Json& body) {
  Request request(method, target, body.dump());
  request.headers.set("Content-Type", "application/json");
  return request;
}

/// One client at one operation.
class Client {
 public:
  Client(Context& context, OperationLog& log, Operation operation)
      : context_(context), log_(log), operation_(std::move(operation)) {}

  Task<void> sign_up() {
    const Json& arguments = operation_.arguments;
    const bool over_connect = text_of(arguments, "protocol") == "connect";
    Json body{{"email", text_of(arguments, "email")}, {"name", text_of(arguments, "name")}};
    Request request = json_request("POST", over_connect ? "/user.v1.UserService/CreateUser" : "/users", body);
    if (arguments.contains("body")) request.body = text_of(arguments, "body");
    const std::string key = text_of(arguments, "idempotency_key");
    if (!key.empty()) request.headers.set("Idempotency-Key", key);
    request.headers.set("traceparent", traceparent());
    body["idempotency_key"] = key;

    const Response created = co_await persistently("create user", body.dump(), std::move(request));
    if (!created.ok()) co_return;
    const std::string id = text_of(Json::parse(created.body, nullptr, false), "id");
    const auto steps = arguments.find("then");
    if (id.empty() || steps == arguments.end()) co_return;
    for (const Json& step : *steps) {
      const Duration pause = parse_duration(text_of(step, "after")).value_or(Duration::zero());
      co_await context_.clock.sleep(pause);
      const std::string name = text_of(step, "name");
      if (name.empty()) {
        co_await read(id, over_connect);
      } else {
        co_await rename(id, name);
      }
    }
  }

  Task<void> list() {
    const std::int64_t limit = number_of(operation_.arguments, "limit", 20);
    const std::int64_t pages = number_of(operation_.arguments, "pages", 1);
    const bool by_cursor = text_of(operation_.arguments, "by") == "cursor";
    std::string after;
    std::string last;
    for (std::int64_t page = 0; page < pages; ++page) {
      Json arguments{{"limit", limit}};
      std::string target = "/users?limit=" + std::to_string(limit);
      if (by_cursor && !after.empty()) {
        arguments["after"] = after;
        target += "&after=" + percent_encode(after);
      } else if (page > 0) {
        arguments["offset"] = page * limit;
        target += "&offset=" + std::to_string(page * limit);
      }
      Request request("GET", target);
      const Response listed = co_await persistently("list users", arguments.dump(), std::move(request));
      if (!listed.ok()) break;
      const Json body = Json::parse(listed.body, nullptr, false);
      const auto users = body.find("users");
      if (users == body.end() || users->empty()) break;
      last = text_of(users->back(), "id");
      after = text_of(body, "next");
      if (after.empty()) break;
    }
    if (!last.empty()) co_await read(last, false);
  }

 private:
  Task<void> rename(std::string id, std::string name) {
    const std::string arguments = Json{{"id", id}, {"name", name}}.dump();
    Request request = json_request("PUT", "/users/" + id, Json{{"name", name}});
    request.headers.set("traceparent", traceparent());
    co_await persistently("rename user", arguments, std::move(request));
  }

  Task<void> read(std::string id, bool over_connect) {
    const Json arguments{{"id", id}};
    Request request("GET", "/users/" + id);
    if (over_connect) request = json_request("POST", "/user.v1.UserService/GetUser", arguments);
    co_await persistently("get user", arguments.dump(), std::move(request));
  }

  /// Asks until there is a final answer, or patience ends; gives the last answer, with status 0 if there was none.
  Task<Response> persistently(std::string name, std::string arguments, Request request) {
    const auto ask = [this, &name, &arguments, &request] { return once(name, arguments, request); };
    Task<Response> asking = ask_persistently(context_, ask, asks_for_another_try);
    Response response = co_await std::move(asking);
    co_return response;
  }

  Task<Response> once(std::string name, std::string arguments, Request request) {
    const std::string key = operation_.id + "." + std::to_string(++attempts_);
    log_.invoked(name, key, arguments);
    std::string why;
    try {
      Response response = co_await context_.http.call("user", std::move(request), kPatience);
      log_.ended(name, key, response.status, response.body);
      co_return response;
    } catch (const CallFailed& failed) {
      why = failed.what();
    }
    log_.ended(name, key, 0, why);
    co_return Response(0, why);
  }

  std::string traceparent() {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string text = "00-";
    for (int digit = 0; digit < 48; ++digit) {
      if (digit == 32) text += '-';
      text += kHex[context_.random.below(16)];
    }
    return text + "-01";
  }

  Context& context_;
  OperationLog& log_;
  Operation operation_;
  int attempts_ = 0;
};

}  // namespace

Task<void> perform_as_client(Context& context, OperationLog& log, Operation operation) {
  const bool lists = operation.name == "list users";
  CHECK(lists || operation.name == "sign up", "an operation that the scenario does not have");
  Client client(context, log, std::move(operation));
  if (lists) {
    co_await client.list();
  } else {
    co_await client.sign_up();
  }
}

}  // namespace orrery
