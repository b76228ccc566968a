#include "services/mediahub/media_query.hpp"

#include <algorithm>
#include <charconv>

#include "services/mediahub/events.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kInsert =
    "INSERT INTO media (id, owner, filename, content_type, size, status, version, position)"
    " VALUES ($1, $2, $3, $4, $5, 'uploaded', $6, $7) ON CONFLICT (id) DO NOTHING RETURNING id";
constexpr std::string_view kUpdate =
    "UPDATE media SET status = $2, thumbnail = coalesce(nullif($3, ''), thumbnail), version = $4";
constexpr std::string_view kIfNewer = " WHERE id = $1 AND version < $4 RETURNING owner, size";
// twin: no-version-guard. What comes is newer than what is there, is it not?
constexpr std::string_view kAnyway = " WHERE id = $1 RETURNING owner, size";
constexpr std::string_view kCount =
    "INSERT INTO owner_stats AS s (owner, media, bytes) VALUES ($1, $2, $3) ON CONFLICT (owner)"
    " DO UPDATE SET media = s.media + excluded.media, bytes = s.bytes + excluded.bytes";

#define ORRERY_MEDIA_COLUMNS "id, filename, content_type, size, status, thumbnail, version, position"
constexpr std::string_view kList = "SELECT " ORRERY_MEDIA_COLUMNS
                                   " FROM media WHERE owner = $1 AND position < $2 AND status NOT IN ('deleted', 'compensated')"
                                   " ORDER BY position DESC LIMIT $3";
constexpr std::string_view kSearch = "SELECT " ORRERY_MEDIA_COLUMNS
                                     " FROM media WHERE owner = $1 AND position(lower($2) in lower(filename)) > 0"
                                     " AND status NOT IN ('deleted', 'compensated') ORDER BY position DESC LIMIT 100";
constexpr std::string_view kGet = "SELECT " ORRERY_MEDIA_COLUMNS " FROM media WHERE id = $1 AND owner = $2";
#undef ORRERY_MEDIA_COLUMNS

Response nobody() { return refuse(401, "unauthorized", "Who asks is not known"); }

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

Json json_of(const Row& row) {
  return Json{{"id", row["id"].text()},
              {"filename", row["filename"].text()},
              {"content_type", row["content_type"].text()},
              {"size", row["size"].integer()},
              {"status", row["status"].text()},
              {"has_thumbnail", !row["thumbnail"].is_null()},
              {"version", row["version"].integer()}};
}

Json list_of(const Rows& rows) {
  Json media = Json::array();
  for (const Row row : rows) media.push_back(json_of(row));
  return media;
}

std::string_view status_after(std::string_view type) {
  if (type == kMediaProcessed) return "processed";
  if (type == kMediaProcessingFailed) return "failed";
  if (type == kMediaDeleted) return "deleted";
  if (type == kMediaCompensated) return "compensated";
  return {};
}

}  // namespace

MediaQuery::MediaQuery(Context& context) : MediaQuery(context, Settings(context.config, context.service)) {}

MediaQuery::MediaQuery(Context& context, Settings settings)
    : context_(context),
      twin_(settings.text("defect", "")),
      callers_(context.clock, settings),
      request_limit_(settings.duration("request_limit", 3s)),
      db_(context.database("query_db")),
      events_(context),
      projection_(
          context, db_, "media", events_.reader(),
          [this](Transaction& tx, StoredEvent event) { return apply(tx, std::move(event)); },
          [this](Transaction& tx) { return clear(tx); },
          FeedSettings::read(settings.section("projection"), FeedSettings()), twin_) {
  settings.refuse_unknown();
  context.http.on("GET /media", [this](Request request) { return list(std::move(request)); });
  context.http.on("GET /media/search", [this](Request request) { return search(std::move(request)); });
  context.http.on("GET /media/stats", [this](Request request) { return stats(std::move(request)); });
  context.http.on("GET /media/{id}", [this](Request request) { return get(std::move(request)); });
  context.http.on("POST /rebuild", [this](Request request) { return rebuild(std::move(request)); });
  context.http.on("GET /healthz", healthy);
  projection_.start();
}

Task<void> MediaQuery::apply(Transaction& tx, StoredEvent event) {
  if (event.aggregate_type != kMedia) co_return;
  // twin: checkpoint-not-atomic. The counters rely on each event coming once.
  const bool trusting = twin_.is("checkpoint-not-atomic");
  if (event.type == kMediaUploaded) {
    const std::string owner = text_of(event.data, "owner");
    const std::int64_t size = event.data.value("size", std::int64_t{0});
    const Rows inserted =
        co_await tx.exec(kInsert, event.aggregate_id, owner, text_of(event.data, "filename"),
                         text_of(event.data, "content_type"), size, event.version, event.position);
    if (!inserted.empty() || trusting) co_await tx.exec(kCount, owner, 1, size);
    co_return;
  }
  const std::string_view status = status_after(event.type);
  if (status.empty()) co_return;
  std::string sql(kUpdate);
  sql += twin_.is("no-version-guard") ? kAnyway : kIfNewer;
  const Rows updated =
      co_await tx.exec(sql, event.aggregate_id, status, text_of(event.data, "thumbnail"), event.version);
  if (updated.empty() || (status != "deleted" && status != "compensated")) co_return;
  co_await tx.exec(kCount, updated[0]["owner"].text(), -1, -updated[0]["size"].integer());
}

Task<void> MediaQuery::clear(Transaction& tx) {
  co_await tx.exec("DELETE FROM media");
  co_await tx.exec("DELETE FROM owner_stats");
}

template <class... P>
Task<std::optional<Rows>> MediaQuery::query(const Request& request, std::string_view sql, P... parameters) {
  const std::optional<std::int64_t> position = integer(request.headers.get("X-At-Least-Position"));
  if (!position) {
    Rows rows = co_await db_.exec(sql, std::move(parameters)...);
    co_return rows;
  }
  const Instant deadline = std::min(request.deadline, context_.clock.now() + request_limit_);
  Transaction tx = co_await projection_.read_at(*position, deadline);
  if (!tx) co_return std::nullopt;
  Rows rows = co_await tx.exec(sql, std::move(parameters)...);
  co_await tx.commit();
  co_return rows;
}

Response MediaQuery::failed(const Failure& failure) {
  context_.telemetry.log(Level::warning, "query failed", Json{{"error", failure.what()}});
  const auto* error = dynamic_cast<const DatabaseError*>(&failure);
  if (error != nullptr && !is_transient(*error)) throw *error;
  return unavailable();
}

Task<Response> MediaQuery::list(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::optional<std::int64_t> limit = integer(request.query("limit").value_or("20"));
  const std::optional<std::int64_t> after = integer(request.query("after").value_or("9223372036854775807"));
  if (!limit || *limit < 1 || *limit > 100 || !after) co_return refuse(400, "invalid", "limit: 1..100; after: a position");
  try {
    const std::optional<Rows> found = co_await query(request, kList, *owner, *after, *limit);
    if (!found) co_return unavailable();
    const Rows& rows = *found;
    const bool more = static_cast<std::int64_t>(rows.size()) == *limit;
    const Json next = more ? Json(rows[rows.size() - 1]["position"].integer()) : Json();
    co_return json_response(200, Json{{"media", list_of(rows)}, {"next", next}});
  } catch (const Failure& failure) {
    co_return failed(failure);
  }
}

Task<Response> MediaQuery::search(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::string text = request.query("q").value_or("");
  if (text.empty()) co_return refuse(400, "invalid", "q: expected a part of a filename");
  try {
    const std::optional<Rows> found = co_await query(request, kSearch, *owner, text);
    if (!found) co_return unavailable();
    const Rows& rows = *found;
    co_return json_response(200, Json{{"media", list_of(rows)}});
  } catch (const Failure& failure) {
    co_return failed(failure);
  }
}

Task<Response> MediaQuery::stats(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  try {
    const std::optional<Rows> found = co_await query(request, "SELECT media, bytes FROM owner_stats WHERE owner = $1", *owner);
    if (!found) co_return unavailable();
    const Rows& rows = *found;
    const std::int64_t media = rows.empty() ? 0 : rows[0]["media"].integer();
    const std::int64_t bytes = rows.empty() ? 0 : rows[0]["bytes"].integer();
    co_return json_response(200, Json{{"media", media}, {"bytes", bytes}});
  } catch (const Failure& failure) {
    co_return failed(failure);
  }
}

Task<Response> MediaQuery::get(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::string id(request.parameter("id"));
  if (!is_id(id)) co_return refuse(400, "invalid", "id: expected a UUID");
  try {
    const std::optional<Rows> found = co_await query(request, kGet, id, *owner);
    if (!found) co_return unavailable();
    const Rows& rows = *found;
    if (rows.empty()) co_return refuse(404, "no-such-media", "There is no such medium");
    co_return json_response(200, json_of(rows[0]));
  } catch (const Failure& failure) {
    co_return failed(failure);
  }
}

Task<Response> MediaQuery::rebuild(Request) {
  try {
    co_await projection_.rebuild();
    co_return json_response(202, Json{{"status", "rebuilding"}});
  } catch (const Failure& failure) {
    co_return failed(failure);
  }
}

}  // namespace orrery::services
