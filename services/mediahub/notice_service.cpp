#include "services/mediahub/notice_service.hpp"

#include <algorithm>

#include "services/mediahub/events.hpp"
#include "services/patterns/digest.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr int kDecisions = 16;

constexpr std::string_view kInsert =
    "INSERT INTO notices (id, owner, media_id, saga_id, text, position) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (id) DO NOTHING";
constexpr std::string_view kList =
    "SELECT n.id, n.media_id, n.text, n.position, r.notice_id IS NOT NULL AS was_read FROM notices n"
    " LEFT JOIN notice_reads r ON r.notice_id = n.id WHERE n.owner = $1 AND (NOT $2 OR r.notice_id IS NULL)"
    " ORDER BY n.position DESC LIMIT 100";
constexpr std::string_view kMarkRead =
    "INSERT INTO notice_reads (notice_id) SELECT id FROM notices WHERE id = $1 AND owner = $2"
    " ON CONFLICT (notice_id) DO UPDATE SET notice_id = excluded.notice_id RETURNING notice_id";

Response nobody() { return refuse(401, "unauthorized", "Who asks is not known"); }

}  // namespace

NoticeService::NoticeService(Context& context) : NoticeService(context, Settings(context.config, context.service)) {}

NoticeService::NoticeService(Context& context, Settings settings)
    : context_(context),
      twin_(settings.text("defect", "")),
      callers_(context.clock, settings),
      request_limit_(settings.duration("request_limit", 4s)),
      db_(context.database("notice_db")),
      events_(context),
      projection_(
          context, db_, "notices", events_.reader(),
          [this](Transaction& tx, StoredEvent event) { return apply(tx, std::move(event)); },
          [this](Transaction& tx) { return clear(tx); },
          FeedSettings::read(settings.section("projection"), FeedSettings()), twin_) {
  settings.refuse_unknown();
  context.http.on("POST /notifications", [this](Request request) { return send(std::move(request)); });
  context.http.on("GET /notifications", [this](Request request) { return list(std::move(request)); });
  context.http.on("PUT /notifications/{id}/read", [this](Request request) { return mark_read(std::move(request)); });
  context.http.on("GET /healthz", healthy);
  projection_.start();
}

Task<Response> NoticeService::send(Request request) {
  const std::optional<Json> body = object_of(request.body);
  const std::string owner = body ? text_of(*body, "owner") : std::string();
  const std::string saga_id = body ? text_of(*body, "saga_id") : std::string();
  if (owner.empty() || !is_id(saga_id)) co_return refuse(400, "invalid", "expected {owner, media_id, saga_id, text}");
  const Json data{{"owner", owner},
                  {"media_id", text_of(*body, "media_id")},
                  {"saga_id", saga_id},
                  {"text", text_of(*body, "text")}};
  const std::string user = uuid_of_name("user " + owner);
  // twin: notice-under-a-new-id. A repeated request is a new notice.
  const std::string id = twin_.is("notice-under-a-new-id") ? context_.random.uuid() : uuid_of_name("notice of " + saga_id);
  const Instant deadline = std::min(request.deadline, context_.clock.now() + request_limit_);
  try {
    for (int decision = 1; decision <= kDecisions; ++decision) {
      std::vector<NewEvent> events;
      events.emplace_back(id, std::string(kNotificationSent), data);
      const std::int64_t expected = versions_[user];
      const Appended appended =
          co_await events_.append(std::string(kUser), user, expected, std::move(events), deadline);
      versions_[user] = std::max(versions_[user], appended.version);
      if (appended.result != Appended::Result::conflict) {
        co_return json_response(200, Json{{"id", id}, {"position", appended.position}});
      }
    }
  } catch (const EventsUnavailable& failure) {
    context_.telemetry.log(Level::warning, "notice not sent", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Task<Response> NoticeService::list(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const bool unread = request.query("unread").value_or("false") == "true";
  try {
    const Rows rows = co_await db_.exec(kList, *owner, unread);
    Json notices = Json::array();
    for (const Row row : rows) {
      notices.push_back(Json{{"id", row["id"].text()},
                             {"media_id", row["media_id"].text()},
                             {"text", row["text"].text()},
                             {"read", row["was_read"].boolean()}});
    }
    co_return json_response(200, Json{{"notifications", notices}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

Task<Response> NoticeService::mark_read(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::string id(request.parameter("id"));
  if (!is_id(id)) co_return refuse(400, "invalid", "id: expected a UUID");
  try {
    const Rows rows = co_await db_.exec(kMarkRead, id, *owner);
    if (rows.empty()) co_return refuse(404, "no-such-notification", "There is no such notification");
    co_return json_response(200, Json{{"id", id}, {"read", true}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

Task<void> NoticeService::apply(Transaction& tx, StoredEvent event) {
  if (event.type != kNotificationSent) co_return;
  co_await tx.exec(kInsert, event.id, text_of(event.data, "owner"), text_of(event.data, "media_id"),
                   text_of(event.data, "saga_id"), text_of(event.data, "text"), event.position);
}

Task<void> NoticeService::clear(Transaction& tx) { co_await tx.exec("DELETE FROM notices"); }

}  // namespace orrery::services
