#include "services/mediahub/event_client.hpp"

#include <algorithm>

#include "services/mediahub/support.hpp"

namespace orrery::services {
namespace {

constexpr Duration kPatience = 1500ms;  // of one attempt
const RetryPolicy kRetry{Backoff{50ms, 800ms}, 8};

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
  bool more = true;
  while (more) {
    const std::int64_t after = all.empty() ? 0 : all.back().version;
    Request request("GET", "/events/" + aggregate_type + "/" + aggregate_id + "?after=" + std::to_string(after));
    std::vector<StoredEvent> next = co_await page(std::move(request), deadline, more);
    std::ranges::move(next, std::back_inserter(all));
  }
  co_return all;
}

Task<std::vector<StoredEvent>> EventClient::feed(std::int64_t after, std::int64_t limit) {
  Request request("GET", "/events?after=" + std::to_string(after) + "&limit=" + std::to_string(limit));
  bool more = false;
  std::vector<StoredEvent> events = co_await page(std::move(request), context_.clock.now() + kPatience, more);
  co_return events;
}

ReadFeed EventClient::reader() {
  return [this](std::int64_t after, std::int64_t limit) { return feed(after, limit); };
}

Task<std::vector<StoredEvent>> EventClient::page(Request request, Instant deadline, bool& more) {
  const Response response = co_await ask(std::move(request), deadline);
  const std::optional<Json> answer = object_of(response.body);
  CHECK(response.ok() && answer && answer->contains("events"), response.body);
  std::vector<StoredEvent> events;
  for (const Json& envelope : (*answer)["events"]) {
    std::optional<StoredEvent> event = StoredEvent::parse(envelope);
    CHECK(event.has_value(), envelope.dump());
    events.push_back(std::move(*event));
  }
  more = !events.empty() && !(*answer)["next"].is_null();
  co_return events;
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
