#include "services/mediahub/event_service.hpp"

#include <charconv>
#include <limits>

#include "services/patterns/problem.hpp"
#include "services/patterns/retry.hpp"

namespace orrery::services {
namespace {

constexpr std::int64_t kPage = 200;

std::optional<std::int64_t> number(const std::optional<std::string>& text, std::int64_t otherwise, std::int64_t low,
                                   std::int64_t high) {
  if (!text) return otherwise;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < low || value > high) return std::nullopt;
  return value;
}

Response invalid(std::string_view detail) { return refuse(400, "invalid", "The request is not valid", detail); }

Json page(const std::vector<StoredEvent>& events, std::int64_t limit, std::int64_t next) {
  Json list = Json::array();
  for (const StoredEvent& event : events) list.push_back(event.to_json());
  const bool more = static_cast<std::int64_t>(events.size()) == limit;
  return Json{{"events", list}, {"next", more ? Json(next) : Json()}};
}

}  // namespace

EventService::EventService(Context& context) : EventService(context, Settings(context.config, context.service)) {}

EventService::EventService(Context& context, Settings settings)
    : context_(context), store_(context.database("event_db"), Twin(settings.text("defect", ""))) {
  settings.refuse_unknown();
  context.http.on("POST /events", [this](Request request) { return append(std::move(request)); });
  context.http.on("GET /events", [this](Request request) { return feed(std::move(request)); });
  context.http.on("GET /events/{type}/{id}", [this](Request request) { return stream(std::move(request)); });
  context.http.on("POST /snapshots/{type}/{id}", [this](Request request) { return keep(std::move(request)); });
  context.http.on("GET /healthz", healthy);
}

Task<Response> EventService::append(Request request) {
  const std::optional<Json> body = object_of(request.body);
  if (!body) co_return invalid("expected an object");
  std::string type = text_of(*body, "aggregate_type");
  std::string id = text_of(*body, "aggregate_id");
  const Json expected = body->value("expected_version", Json());
  const Json list = body->value("events", Json());
  if (type.empty() || !is_id(id)) co_return invalid("aggregate_type, aggregate_id: expected a type and a UUID");
  if (!expected.is_number_integer() || expected.get<std::int64_t>() < 0) {
    co_return invalid("expected_version: expected an integer from 0 on");
  }
  if (!list.is_array() || list.empty() || list.size() > 100) co_return invalid("events: expected 1 to 100");
  std::vector<NewEvent> events;
  for (const Json& one : list) {
    NewEvent event(text_of(one, "id"), text_of(one, "event_type"), one.value("data", Json()));
    if (!is_id(event.id) || event.type.empty() || !event.data.is_object()) {
      co_return invalid("events: expected {id, event_type, data}");
    }
    events.push_back(std::move(event));
  }
  try {
    const Appended appended =
        co_await store_.append(std::move(type), std::move(id), expected.get<std::int64_t>(), std::move(events));
    const int status = appended.result == Appended::Result::stored  ? 201
                       : appended.result == Appended::Result::known ? 200
                                                                    : 409;
    co_return json_response(status, Json{{"version", appended.version}, {"position", appended.position}});
  } catch (const DatabaseError& error) {
    co_return failed(error);
  }
}

Task<Response> EventService::feed(Request request) {
  const auto after = number(request.query("after"), 0, 0, std::numeric_limits<std::int64_t>::max());
  const auto limit = number(request.query("limit"), kPage, 1, kPage);
  if (!after || !limit) co_return invalid("after, limit: expected integers, limit in 1..200");
  try {
    const std::vector<StoredEvent> events = co_await store_.feed(*after, *limit, request.query("type").value_or(""));
    co_return json_response(200, page(events, *limit, events.empty() ? *after : events.back().position));
  } catch (const DatabaseError& error) {
    co_return failed(error);
  }
}

Task<Response> EventService::stream(Request request) {
  std::optional<std::int64_t> after = number(request.query("after"), 0, 0, std::numeric_limits<std::int64_t>::max());
  std::string type(request.parameter("type"));
  std::string id(request.parameter("id"));
  const std::string from = request.query("from").value_or("");
  if (!after || !is_id(id) || (!from.empty() && from != "snapshot")) {
    co_return invalid("expected /events/{type}/{UUID}?after={version}, or ?from=snapshot");
  }
  try {
    Json answer;
    if (!from.empty()) {
      const std::optional<Snapshot> snapshot = co_await store_.snapshot(type, id);
      answer["snapshot"] = snapshot ? Json{{"version", snapshot->version}, {"state", snapshot->state}} : Json();
      if (snapshot) after = snapshot->version;
    }
    const std::vector<StoredEvent> events = co_await store_.stream(std::move(type), std::move(id), *after, kPage);
    answer.update(page(events, kPage, events.empty() ? *after : events.back().version));
    co_return json_response(200, answer);
  } catch (const DatabaseError& error) {
    co_return failed(error);
  }
}

Task<Response> EventService::keep(Request request) {
  const std::optional<Json> body = object_of(request.body);
  std::string type(request.parameter("type"));
  std::string id(request.parameter("id"));
  const std::int64_t version = body && body->contains("version") && (*body)["version"].is_number_integer()
                                   ? (*body)["version"].get<std::int64_t>()
                                   : 0;
  if (version < 1 || !is_id(id) || !body->contains("state")) co_return invalid("expected {version: from 1 on, state}");
  try {
    Json state = (*body)["state"];
    co_await store_.save_snapshot(std::move(type), std::move(id), version, std::move(state));
    co_return json_response(200, Json{{"version", version}});
  } catch (const DatabaseError& error) {
    co_return failed(error);
  }
}

Response EventService::failed(const DatabaseError& error) {
  context_.telemetry.count("eventstore_database_errors_total");
  if (!is_transient(error) && error.sqlstate() != "55P03") {
    context_.telemetry.log(Level::error, "unexpected database error",
                           Json{{"sqlstate", error.sqlstate()}, {"error", error.what()}});
    throw error;
  }
  return unavailable();
}

}  // namespace orrery::services
