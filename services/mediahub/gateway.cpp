#include "services/mediahub/gateway.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "services/patterns/digest.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr std::int64_t kStateLasts_s = 600;

/// The routes that are open to the outside, and whose they are.
constexpr std::pair<std::string_view, std::string_view> kRoutes[] = {
    {"POST /media", "media-command"},
    {"DELETE /media/{id}", "media-command"},
    {"GET /media/{id}/thumbnail", "media-command"},
    {"GET /media", "media-query"},
    {"GET /media/search", "media-query"},
    {"GET /media/stats", "media-query"},
    {"GET /media/{id}", "media-query"},
    {"POST /albums", "media-album"},
    {"GET /albums", "media-album"},
    {"GET /albums/{id}", "media-album"},
    {"DELETE /albums/{id}", "media-album"},
    {"GET /albums/{id}/media", "media-album"},
    {"POST /albums/{id}/media", "media-album"},
    {"DELETE /albums/{id}/media/{media_id}", "media-album"},
    {"GET /notifications", "media-notification"},
    {"PUT /notifications/{id}/read", "media-notification"},
    {"GET /sagas", "media-saga"},
    {"GET /sagas/{id}", "media-saga"},
};
/// In development only: events are everybody's.
constexpr std::string_view kDevRoutes[] = {"GET /events", "GET /events/{type}/{id}"};

std::set<std::string, std::less<>> words(std::string_view text) {
  std::set<std::string, std::less<>> all;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (space != 0) all.emplace(text.substr(0, space));
    if (space == std::string_view::npos) break;
    text.remove_prefix(space + 1);
  }
  return all;
}

std::int64_t unix_seconds(SystemTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// The value of a cookie (RFC 6265, section 5.4); empty if it was not sent.
std::string_view cookie(const Request& request, std::string_view name) {
  std::string_view all = request.headers.get("Cookie");
  while (!all.empty()) {
    const std::size_t end = all.find(';');
    std::string_view one = all.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) return one.substr(name.size() + 1);
    if (end == std::string_view::npos) break;
    all.remove_prefix(end + 1);
  }
  return {};
}

bool is_user_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Gateway::Gateway(Context& context) : Gateway(context, Settings(context.config, context.service)) {}

Gateway::Gateway(Context& context, Settings settings)
    : context_(context),
      secret_(settings.text("state_secret", "orrery-development-state")),
      callers_(context.clock, settings),
      dev_(settings.flag("dev", true)),
      call_timeout_(settings.duration("call_timeout", 5s)),
      token_lasts_(settings.duration("token_lasts", std::chrono::hours(12))),
      origins_(words(settings.text("origins", "http://localhost:3000"))),
      redirects_(words(settings.text("redirect_uris", "http://localhost:3000/"))) {
  settings.refuse_unknown();
  Http& http = context.http;
  for (const auto& [route, service] : kRoutes) pass(route, std::string(service));
  if (dev_) {
    for (const std::string_view route : kDevRoutes) pass(route, "media-events");
  }
  http.on("POST /auth/dev-token", [this](Request request) { return dev_token(std::move(request)); });
  http.on("GET /auth/{provider}", [this](Request request) { return begin_login(std::move(request)); });
  http.on("GET /auth/{provider}/callback", [this](Request request) { return end_login(std::move(request)); });
  for (const std::string_view route : {"OPTIONS /{a}", "OPTIONS /{a}/{b}", "OPTIONS /{a}/{b}/{c}", "OPTIONS /{a}/{b}/{c}/{d}"}) {
    http.on(route, [this](Request request) { return preflight(std::move(request)); });
  }
  http.on("GET /healthz", healthy);
}

void Gateway::pass(std::string_view route, std::string service) {
  context_.http.on(route, [this, service = std::move(service)](Request request) {
    return forward(service, std::move(request));
  });
}

Task<Response> Gateway::forward(std::string service, Request request) {
  const std::optional<Json> claims =
      callers_.signer().verify(bearer_token(request.headers.get("Authorization")), context_.clock.system_now());
  if (!claims) {
    Response refused = refuse(401, "unauthorized", "A valid token is needed");
    refused.headers.set("WWW-Authenticate", "Bearer");
    allow_origin(request, refused);
    co_return refused;
  }
  Request passed(request.method, request.target, std::move(request.body));
  for (const char* name : {"Authorization", "Content-Type", "Idempotency-Key", "X-At-Least-Position", "traceparent"}) {
    if (request.headers.has(name)) passed.headers.set(name, std::string(request.headers.get(name)));
  }
  passed.headers.set("X-User-ID", text_of(*claims, "sub"));
  passed.deadline = request.deadline;
  Response response;
  try {
    response = co_await context_.http.call(service, std::move(passed), call_timeout_);
  } catch (const CallFailed& failed) {
    const int status = failed.may_have_happened() ? 504 : 503;
    response = json_response(status, problem(status, "unavailable", "Not available now", "Ask again."), 1);
  }
  allow_origin(request, response);
  co_return response;
}

Response Gateway::token_for(const std::string& user) const {
  const std::string token = callers_.signer().sign(user, context_.clock.system_now(), token_lasts_);
  return json_response(200, Json{{"token", token}});
}

Task<Response> Gateway::dev_token(Request request) {
  if (!dev_) co_return refuse(404, "not-found", "There is no such page");
  const std::optional<Json> body = object_of(request.body);
  const std::string user = body ? text_of(*body, "user") : std::string();
  if (!is_user_name(user)) co_return refuse(400, "invalid", "expected {user}, of letters, digits, '-', '_' and '.'");
  Response response = token_for(user);
  allow_origin(request, response);
  co_return response;
}

std::string Gateway::state_for(std::string_view nonce, std::int64_t at_s) const {
  std::string state(nonce);
  state.append(".").append(std::to_string(at_s));
  const std::string signature = base64url(hmac_sha256(secret_, state));
  return state.append(".").append(signature);
}

Task<Response> Gateway::begin_login(Request request) {
  const std::string provider(request.parameter("provider"));
  if (provider != "github" && provider != "google") co_return refuse(404, "no-such-provider", "There is no such provider");
  const std::string redirect = request.query("redirect_uri").value_or("");
  // Compared as a whole: a prefix would let other sites in (RFC 9700, section 2.1).
  if (!redirects_.contains(redirect)) co_return refuse(400, "redirect-uri", "This redirect_uri is not registered");
  const std::string nonce = context_.random.uuid();
  const std::string state = state_for(nonce, unix_seconds(context_.clock.system_now()));
  Response response(302);
  response.headers.set("Location", "https://" + provider + ".example/authorize?response_type=code&state=" +
                                       percent_encode(state) + "&redirect_uri=" + percent_encode(redirect));
  response.headers.set("Set-Cookie", "login=" + nonce + "; HttpOnly; SameSite=Lax; Path=/auth");
  co_return response;
}

Task<Response> Gateway::end_login(Request request) {
  const std::string state = request.query("state").value_or("");
  const std::string code = request.query("code").value_or("");
  const std::size_t first = state.find('.');
  const std::size_t last = state.rfind('.');
  const Response refused = refuse(400, "state", "The login was not begun here");
  if (first == std::string::npos || first == last) co_return refused;
  const std::string nonce = state.substr(0, first);
  std::int64_t at_s = 0;
  const auto [end, error] = std::from_chars(state.data() + first + 1, state.data() + last, at_s);
  if (error != std::errc{} || end != state.data() + last) co_return refused;
  if (!equal_in_constant_time(state, state_for(nonce, at_s))) co_return refused;
  if (!equal_in_constant_time(nonce, cookie(request, "login"))) co_return refused;
  const std::int64_t age_s = unix_seconds(context_.clock.system_now()) - at_s;
  if (age_s > kStateLasts_s || age_s < -kStateLasts_s) co_return refused;
  if (!code.starts_with("user:") || !is_user_name(std::string_view(code).substr(5))) {
    co_return refuse(400, "code", "The provider does not know this code");
  }
  Response response = token_for(code.substr(5));
  response.headers.set("Set-Cookie", "login=; Max-Age=0; Path=/auth");
  co_return response;
}

Task<Response> Gateway::preflight(Request request) {
  Response response(204);
  allow_origin(request, response);
  if (response.headers.has("Access-Control-Allow-Origin")) {
    response.headers.set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
    response.headers.set("Access-Control-Allow-Headers",
                         "Authorization, Content-Type, Idempotency-Key, X-At-Least-Position");
    response.headers.set("Access-Control-Max-Age", "600");
  }
  co_return response;
}

void Gateway::allow_origin(const Request& request, Response& response) const {
  const std::string_view origin = request.headers.get("Origin");
  if (origin.empty() || !origins_.contains(origin)) return;
  response.headers.set("Access-Control-Allow-Origin", std::string(origin));
  response.headers.set("Vary", "Origin");
}

}  // namespace orrery::services
