#include "services/mediahub/event_client.hpp"

#include <algorithm>

#include "services/mediahub/support.hpp"

namespace orrery::services {
namespace {

constexpr Duration kPatience = 1500ms;  // of one attempt
const RetryPolicy kRetry{Backoff{50ms, 800ms}, 8};

/// True: there are more.
bool add_events(const Json& answer, std::vector<StoredEvent>& events) {
  for (const Json& envelope : answer["events"]) {
    std::optional<StoredEvent> event = StoredEvent::parse(envelope);
    CHECK(event.has_value(), envelope.dump());
    events.push_back(std::move(*event));
  }
  return !answer["events"].empty() && !answer["next"].is_null();
}

}  // namespace

Task<Appended> EventClient::append(std::string aggregate_type, std::string aggregate_id, std::int64_t expected_version,
                                   std::vector<NewEvent> events, Instant deadline) {
  Json list = Json::array();
  for (NewEvent& event : events) {
    list.push_back(Json{{"id", event.id}, {"event_type", event.type}, {"data", std::move(event.data)}});
  }
  const Json body{{"aggregate_type", aggregate_type},
                  {"aggregate_id", aggregate_id},
                  {"expected_version", expected_version},
                  {"events", list}};
  Request request("POST", "/events", body.dump());
  request.headers.set("Content-Type", "application/json");
  const Response response = co_await ask(std::move(request), deadline);
  const std::optional<Json> answer = object_of(response.body);
  CHECK(answer && (response.ok() || response.status == 409), response.body);
  Appended appended;
  appended.result = response.status == 201   ? Appended::Result::stored
                    : response.status == 200 ? Appended::Result::known
                                             : Appended::Result::conflict;
  appended.version = answer->value("version", std::int64_t{0});
  appended.position = answer->value("position", std::int64_t{0});
  co_return appended;
}

Task<std::vector<StoredEvent>> EventClient::stream(std::string aggregate_type, std::string aggregate_id, Instant deadline) {
  std::vector<StoredEvent> all;
  for (bool more = true; more;) {
    const std::int64_t after = all.empty() ? 0 : all.back().version;
    Request request("GET", "/events/" + aggregate_type + "/" + aggregate_id + "?after=" + std::to_string(after));
    const Json answer = co_await page(std::move(request), deadline);
    more = add_events(answer, all);
  }
  co_return all;
}

Task<AggregateStory> EventClient::story(std::string aggregate_type, std::string aggregate_id, Instant deadline) {
  AggregateStory story;
  const std::string path = "/events/" + aggregate_type + "/" + aggregate_id;
  std::string query = "?from=snapshot";
  for (bool more = true; more;) {
    Request request("GET", path + query);
    const Json answer = co_await page(std::move(request), deadline);
    if (answer.contains("snapshot") && answer["snapshot"].is_object()) {
      Snapshot snapshot;
      snapshot.version = answer["snapshot"].value("version", std::int64_t{0});
      snapshot.state = answer["snapshot"].value("state", Json());
      story.snapshot = std::move(snapshot);
    }
    more = add_events(answer, story.events);
    if (more) query = "?after=" + std::to_string(story.events.back().version);
  }
  co_return story;
}

Task<void> EventClient::keep(std::string aggregate_type, std::string aggregate_id, std::int64_t version, Json state) {
  const Json body{{"version", version}, {"state", std::move(state)}};
  Request request("POST", "/snapshots/" + aggregate_type + "/" + aggregate_id, body.dump());
  request.headers.set("Content-Type", "application/json");
  bool kept = false;
  try {
    const Response response = co_await context_.http.call("media-events", std::move(request), kPatience);
    kept = response.ok();
  } catch (const CallFailed&) {
    kept = false;
  }
  if (!kept) context_.telemetry.count("snapshots_not_kept_total");
}

Task<std::vector<StoredEvent>> EventClient::feed(std::int64_t after, std::int64_t limit) {
  Request request("GET", "/events?after=" + std::to_string(after) + "&limit=" + std::to_string(limit));
  const Json answer = co_await page(std::move(request), context_.clock.now() + kPatience);
  std::vector<StoredEvent> events;
  add_events(answer, events);
  co_return events;
}

ReadFeed EventClient::reader() {
  return [this](std::int64_t after, std::int64_t limit) { return feed(after, limit); };
}

Task<Json> EventClient::page(Request request, Instant deadline) {
  const Response response = co_await ask(std::move(request), deadline);
  const std::optional<Json> answer = object_of(response.body);
  CHECK(response.ok() && answer && answer->contains("events"), response.body);
  co_return *answer;
}

Task<Response> EventClient::ask(Request request, Instant deadline) {
  Retry retry(context_, kRetry, &budget_, deadline);
  while (true) {
    const Duration left = std::min<Duration>(kPatience, deadline - context_.clock.now());
    if (left > Duration::zero()) {
      try {
        Request again = request;
        Response response = co_await context_.http.call("media-events", std::move(again), left);
        if (response.status < 500 && response.status != 429) co_return response;
      } catch (const CallFailed& failed) {
        context_.telemetry.count(failed.may_have_happened() ? "event_calls_unanswered_total" : "event_calls_refused_total");
      }
    }
    const bool more = co_await retry.again();
    if (!more) throw EventsUnavailable(Effect::may_have_happened, "the event store gave no answer");
  }
}

}  // namespace orrery::services
