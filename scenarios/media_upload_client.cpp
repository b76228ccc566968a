// What the clients of the scenario "media-upload" do.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "scenarios/media_upload.hpp"
#include "scenarios/patience.hpp"
#include "services/mediahub/image.hpp"
#include "services/patterns/digest.hpp"

namespace orrery {
namespace {

constexpr Duration kPatience = 6s;  // of one attempt

std::string text_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

int number_of(const Json& object, const char* name, int otherwise) {
  const auto member = object.find(name);
  return member != object.end() && member->is_number_integer() ? member->get<int>() : otherwise;
}

/// The picture that an operation describes: the same bytes whenever it is asked for.
std::string picture(const Json& image) {
  const std::string type = text_of(image, "type");
  const std::string damage = text_of(image, "damage");
  if (damage == "text") return "This is not a picture, whatever its name is.";
  std::string bytes = services::plain_image(type, std::clamp(number_of(image, "width", 8), 1, 64),
                                            std::clamp(number_of(image, "height", 8), 1, 64), number_of(image, "colour", 1));
  if (damage == "cut") bytes.resize(bytes.size() * 2 / 5);
  return bytes;
}

/// One client at one operation.
class MediaClient {
 public:
  MediaClient(Context& context, OperationLog& log, Operation operation)
      : context_(context), log_(log), operation_(std::move(operation)), user_(text_of(operation_.arguments, "user")),
        token_kind_(text_of(operation_.arguments, "token")) {}

  Task<void> upload() {
    const Json& arguments = operation_.arguments;
    const Json image = arguments.value("image", Json::object());
    std::string bytes = picture(image);
    std::string type = text_of(image, "type");
    if (text_of(image, "damage") == "header") type = type == "image/png" ? "image/jpeg" : "image/png";
    const std::string key = text_of(arguments, "key");
    Json noted = about();
    noted["idempotency_key"] = key;
    noted["sha256"] = services::hex(services::sha256(bytes));
    Request request("POST", "/media?filename=" + percent_encode(text_of(arguments, "filename")), std::move(bytes));
    request.headers.set("Content-Type", type);
    if (!key.empty()) request.headers.set("Idempotency-Key", key);
    const Response uploaded = co_await persistently("upload media", noted, std::move(request));
    if (!uploaded.ok()) co_return;
    const Json answer = Json::parse(uploaded.body, nullptr, false);
    const std::string id = text_of(answer, "id");
    const std::string position = std::to_string(answer.value("position", 0));
    const std::string at_least = position == "0" ? std::string() : position;
    const auto steps = arguments.find("then");
    if (id.empty() || steps == arguments.end()) co_return;
    for (const Json& step : *steps) {
      co_await context_.clock.sleep(parse_duration(text_of(step, "after")).value_or(Duration::zero()));
      const std::string what = text_of(step, "do");
      if (what == "read") co_await read(id, at_least);
      if (what == "thumbnail") co_await about_medium("get thumbnail", "GET", id, "/thumbnail");
      if (what == "delete") co_await about_medium("delete media", "DELETE", id, "");
    }
  }

  Task<void> album() {
    const Json& arguments = operation_.arguments;
    Json noted = about();
    noted["name"] = text_of(arguments, "name");
    const Json body{{"name", text_of(arguments, "name")}};
    Request request("POST", "/albums", body.dump());
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Idempotency-Key", text_of(arguments, "key"));
    const Response created = co_await persistently("create album", noted, std::move(request));
    if (!created.ok()) co_return;
    const std::string album = text_of(Json::parse(created.body, nullptr, false), "id");
    const auto steps = arguments.find("then");
    if (album.empty() || steps == arguments.end()) co_return;
    std::string medium;
    int number = 0;
    for (const Json& step : *steps) {
      co_await context_.clock.sleep(parse_duration(text_of(step, "after")).value_or(Duration::zero()));
      const std::string what = text_of(step, "do");
      ++number;
      if (what == "add") {
        medium = co_await newest();
        if (medium.empty()) continue;
        Request add("POST", "/albums/" + album + "/media", "{\"media_id\":\"" + medium + "\"}");
        add.headers.set("Content-Type", "application/json");
        add.headers.set("Idempotency-Key", text_of(arguments, "key") + "." + std::to_string(number));
        co_await persistently("change album", about(), std::move(add));
      } else if (what == "take out" && !medium.empty()) {
        Request out("DELETE", "/albums/" + album + "/media/" + medium);
        out.headers.set("Idempotency-Key", text_of(arguments, "key") + "." + std::to_string(number));
        co_await persistently("change album", about(), std::move(out));
      } else if (what == "delete") {
        co_await persistently("change album", about(), Request("DELETE", "/albums/" + album));
      } else if (what == "read") {
        co_await persistently("look", about(), Request("GET", "/albums/" + album + "/media"));
      }
    }
  }

  Task<void> look() {
    const std::string at = text_of(operation_.arguments, "at");
    if (at == "media") {
      const std::string id = co_await newest();
      if (!id.empty()) co_await read(id, "");
    } else if (at == "search") {
      co_await persistently("list media", about(), Request("GET", "/media/search?q=cat"));
    } else if (at == "stats") {
      co_await persistently("look", about(), Request("GET", "/media/stats"));
    } else if (at == "notifications") {
      const Response listed = co_await persistently("look", about(), Request("GET", "/notifications?unread=true"));
      const Json answer = Json::parse(listed.body, nullptr, false);
      if (!listed.ok() || !answer.contains("notifications") || answer["notifications"].empty()) co_return;
      const std::string id = text_of(answer["notifications"].front(), "id");
      co_await persistently("look", about(), Request("PUT", "/notifications/" + id + "/read"));
    } else {
      co_await persistently("look", about(), Request("GET", at == "sagas" ? "/sagas" : "/albums"));
    }
  }

  Task<void> rebuild() {
    // An operator's request: it does not go through the gateway.
    log_.invoked("rebuild", operation_.id + ".1", "{}");
    std::string why;
    try {
      Request request("POST", "/rebuild");
      const Response response = co_await context_.http.call("media-query", std::move(request), kPatience);
      log_.ended("rebuild", operation_.id + ".1", response.status, response.body);
      co_return;
    } catch (const CallFailed& failed) {
      why = failed.what();
    }
    log_.ended("rebuild", operation_.id + ".1", 0, why);
  }

 private:
  [[nodiscard]] Json about() const { return Json{{"user", user_}, {"token", token_kind_}}; }

  Task<void> read(std::string id, std::string at_least) {
    Json noted = about();
    noted["id"] = id;
    Request request("GET", "/media/" + id);
    if (!at_least.empty()) {
      noted["at_least"] = at_least;
      request.headers.set("X-At-Least-Position", at_least);
    }
    co_await persistently("get media", noted, std::move(request));
  }

  Task<void> about_medium(std::string name, std::string method, std::string id, std::string more) {
    Json noted = about();
    noted["id"] = id;
    co_await persistently(std::move(name), noted, Request(std::move(method), "/media/" + id + more));
  }

  /// The id of the user's newest medium; empty if there is none.
  Task<std::string> newest() {
    const Response listed = co_await persistently("list media", about(), Request("GET", "/media?limit=3"));
    const Json answer = Json::parse(listed.body, nullptr, false);
    if (!listed.ok() || !answer.contains("media") || answer["media"].empty()) co_return std::string();
    co_return text_of(answer["media"].front(), "id");
  }

  /// Asks until there is a final answer, or patience ends; gives the last answer, with status 0 if there was none.
  Task<Response> persistently(std::string name, Json noted, Request request) {
    const std::string arguments = noted.dump();
    const auto ask = [this, &name, &arguments, &request] { return once(name, arguments, request); };
    const auto again = [](const Response& response) { return is_passing(response.status); };
    Task<Response> asking = ask_persistently(context_, ask, again);
    Response response = co_await std::move(asking);
    co_return response;
  }

  Task<Response> once(std::string name, std::string arguments, Request request) {
    const std::string key = operation_.id + "." + std::to_string(++attempts_);
    log_.invoked(name, key, arguments);
    std::string why;
    try {
      co_await log_in();
      if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
      // A client may say what it likes: the gateway does not listen.
      request.headers.set("X-User-ID", "somebody-else");
      Response response = co_await context_.http.call("media-gateway", std::move(request), kPatience);
      const bool is_text = response.headers.get("Content-Type").find("json") != std::string_view::npos;
      log_.ended(name, key, response.status, is_text ? response.body : std::string());
      co_return response;
    } catch (const CallFailed& failed) {
      why = failed.what();
    }
    log_.ended(name, key, 0, why);
    co_return Response(0, why);
  }

  Task<void> log_in() {
    if (!token_.empty() || token_kind_ == "none") co_return;
    Request request("POST", "/auth/dev-token", Json{{"user", user_}}.dump());
    const Response response = co_await context_.http.call("media-gateway", std::move(request), kPatience);
    const std::string token = text_of(Json::parse(response.body, nullptr, false), "token");
    if (token.empty()) throw CallFailed(CallFailed::Reason::refused, "no token");
    token_ = token;
    // The signature of another token's content: this one's, with its last character exchanged.
    if (token_kind_ == "forged") token_[token_.rfind('.') + 1] = token_[token_.rfind('.') + 1] == 'A' ? 'B' : 'A';
  }

  Context& context_;
  OperationLog& log_;
  Operation operation_;
  std::string user_;
  std::string token_kind_;
  std::string token_;
  int attempts_ = 0;
};

}  // namespace

Task<void> perform_on_mediahub(Context& context, OperationLog& log, Operation operation) {
  const std::string name = operation.name;
  MediaClient client(context, log, std::move(operation));
  if (name == "upload") {
    co_await client.upload();
  } else if (name == "album") {
    co_await client.album();
  } else if (name == "look") {
    co_await client.look();
  } else {
    CHECK(name == "rebuild", "an operation that the scenario does not have");
    co_await client.rebuild();
  }
}

}  // namespace orrery
