#include "services/mediahub/album_service.hpp"

#include <algorithm>

#include "services/mediahub/events.hpp"
#include "services/patterns/digest.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr std::string_view kCreate =
    "INSERT INTO albums (id, owner, name, is_default, version) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
constexpr std::string_view kTouch = "UPDATE albums SET version = $2 WHERE id = $1 AND version < $2 RETURNING id";
constexpr std::string_view kAdd =
    "INSERT INTO album_media (album_id, media_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

Response nobody() { return refuse(401, "unauthorized", "Who asks is not known"); }
Response no_such_album() { return refuse(404, "no-such-album", "There is no such album"); }

Json json_of(const Row& row) {
  return Json{{"id", row["id"].text()}, {"name", row["name"].text()}, {"default", row["is_default"].boolean()},
              {"version", row["version"].integer()}};
}

}  // namespace

AlbumService::AlbumService(Context& context) : AlbumService(context, Settings(context.config, context.service)) {}

AlbumService::AlbumService(Context& context, Settings settings)
    : context_(context),
      twin_(settings.text("defect", "")),
      callers_(context.clock, settings),
      request_limit_(settings.duration("request_limit", 4s)),
      db_(context.database("album_db")),
      events_(context),
      albums_(context, settings.integer("most_media", 10'000, 1), settings.integer("snapshot_every", 32, 1), twin_),
      projection_(
          context, db_, "albums", events_.reader(),
          [this](Transaction& tx, StoredEvent event) { return apply(tx, std::move(event)); },
          [this](Transaction& tx) { return clear(tx); },
          FeedSettings::read(settings.section("projection"), FeedSettings()), twin_) {
  settings.refuse_unknown();
  Http& http = context.http;
  http.on("POST /albums", [this](Request request) { return create(std::move(request)); });
  http.on("GET /albums", [this](Request request) { return list(std::move(request)); });
  http.on("GET /albums/{id}", [this](Request request) { return get(std::move(request)); });
  http.on("DELETE /albums/{id}", [this](Request request) { return remove(std::move(request)); });
  http.on("GET /albums/{id}/media", [this](Request request) { return list_media(std::move(request)); });
  http.on("POST /albums/{id}/media", [this](Request request) { return add(std::move(request)); });
  http.on("DELETE /albums/{id}/media/{media_id}", [this](Request request) { return take_out(std::move(request)); });
  http.on("POST /default-album/add", [this](Request request) { return add_to_default(std::move(request)); });
  http.on("POST /default-album/compensate", [this](Request request) { return compensate(std::move(request)); });
  http.on("GET /healthz", healthy);
  projection_.start();
}

Task<void> AlbumService::apply(Transaction& tx, StoredEvent event) {
  if (event.aggregate_type != kAlbum) co_return;
  const std::string media_id = text_of(event.data, "media_id");
  if (event.type == kAlbumCreated) {
    co_await tx.exec(kCreate, event.aggregate_id, text_of(event.data, "owner"), text_of(event.data, "name"),
                     event.data.value("default", false), event.version);
    co_return;
  }
  const Rows newer = co_await tx.exec(kTouch, event.aggregate_id, event.version);
  if (newer.empty()) co_return;
  if (event.type == kMediaAddedToAlbum) {
    co_await tx.exec(kAdd, event.aggregate_id, media_id);
  } else if (event.type == kMediaRemovedFromAlbum) {
    co_await tx.exec("DELETE FROM album_media WHERE album_id = $1 AND media_id = $2", event.aggregate_id, media_id);
  } else if (event.type == kAlbumDeleted) {
    co_await tx.exec("DELETE FROM album_media WHERE album_id = $1", event.aggregate_id);
    co_await tx.exec("DELETE FROM albums WHERE id = $1", event.aggregate_id);
  }
}

Task<void> AlbumService::clear(Transaction& tx) {
  co_await tx.exec("DELETE FROM album_media");
  co_await tx.exec("DELETE FROM albums");
}

Task<Response> AlbumService::answered(Task<Answer> command) {
  try {
    const Answer answer = co_await std::move(command);
    co_return json_response(answer.status, answer.body, answer.status == 503 ? 1 : -1);
  } catch (const EventsUnavailable& failure) {
    context_.telemetry.log(Level::warning, "album not changed", Json{{"error", failure.what()}});
  }
  co_return unavailable();
}

Task<Response> AlbumService::create(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::optional<Json> body = object_of(request.body);
  std::string name = body ? text_of(*body, "name") : std::string();
  if (name.empty() || name.size() > 200) co_return refuse(400, "invalid", "expected {name}, 1 to 200 bytes");
  const std::string key(request.headers.get("Idempotency-Key"));
  std::string id = key.empty() ? context_.random.uuid() : uuid_of_name("album " + *owner + " " + key);
  Response response = co_await answered(albums_.create(std::move(id), *owner, std::move(name), deadline_of(request)));
  co_return response;
}

Task<Response> AlbumService::remove(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  std::string id(request.parameter("id"));
  if (!is_id(id)) co_return no_such_album();
  Response response = co_await answered(albums_.remove(std::move(id), *owner, deadline_of(request)));
  co_return response;
}

Task<Response> AlbumService::add(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::optional<Json> body = object_of(request.body);
  std::string id(request.parameter("id"));
  std::string media_id = body ? text_of(*body, "media_id") : std::string();
  if (!is_id(id)) co_return no_such_album();
  if (!is_id(media_id)) co_return refuse(400, "invalid", "expected {media_id}");
  std::string event_id = event_id_of(request, "add");
  Response response = co_await answered(
      albums_.add(std::move(id), *owner, std::move(media_id), std::move(event_id), deadline_of(request)));
  co_return response;
}

Task<Response> AlbumService::take_out(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  std::string id(request.parameter("id"));
  std::string media_id(request.parameter("media_id"));
  if (!is_id(id) || !is_id(media_id)) co_return no_such_album();
  std::string event_id = event_id_of(request, "take out");
  Response response = co_await answered(
      albums_.take_out(std::move(id), *owner, std::move(media_id), std::move(event_id), deadline_of(request)));
  co_return response;
}

Task<Response> AlbumService::add_to_default(Request request) {
  const std::optional<Json> body = object_of(request.body);
  if (!body) co_return refuse(400, "invalid", "expected {owner, media_id, saga_id}");
  // twin: compensation-leaves-no-fence. That the caller has given up does not end the work.
  const bool goes_on = twin_.is("compensation-leaves-no-fence");
  const Instant deadline = goes_on ? context_.clock.now() + 60s : deadline_of(request);
  Response response = co_await answered(albums_.add_to_default(text_of(*body, "owner"), text_of(*body, "media_id"),
                                                               text_of(*body, "saga_id"), deadline));
  co_return response;
}

Task<Response> AlbumService::compensate(Request request) {
  const std::optional<Json> body = object_of(request.body);
  if (!body) co_return refuse(400, "invalid", "expected {owner, media_id, saga_id}");
  Response response = co_await answered(albums_.compensate(text_of(*body, "owner"), text_of(*body, "media_id"),
                                                           text_of(*body, "saga_id"), deadline_of(request)));
  co_return response;
}

Task<Response> AlbumService::list(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  try {
    const Rows rows =
        co_await db_.exec("SELECT id, name, is_default, version FROM albums WHERE owner = $1 ORDER BY name, id", *owner);
    Json albums = Json::array();
    for (const Row row : rows) albums.push_back(json_of(row));
    co_return json_response(200, Json{{"albums", albums}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

Task<Response> AlbumService::get(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::string id(request.parameter("id"));
  if (!is_id(id)) co_return no_such_album();
  try {
    const Rows rows =
        co_await db_.exec("SELECT id, name, is_default, version FROM albums WHERE id = $1 AND owner = $2", id, *owner);
    if (rows.empty()) co_return no_such_album();
    co_return json_response(200, json_of(rows[0]));
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

Task<Response> AlbumService::list_media(Request request) {
  const std::optional<std::string> owner = callers_.owner_of(request);
  if (!owner) co_return nobody();
  const std::string id(request.parameter("id"));
  if (!is_id(id)) co_return no_such_album();
  try {
    const Rows album = co_await db_.exec("SELECT id FROM albums WHERE id = $1 AND owner = $2", id, *owner);
    if (album.empty()) co_return no_such_album();
    const Rows rows = co_await db_.exec("SELECT media_id FROM album_media WHERE album_id = $1 ORDER BY media_id", id);
    Json media = Json::array();
    for (const Row row : rows) media.push_back(row["media_id"].text());
    co_return json_response(200, Json{{"media", media}});
  } catch (const DatabaseError& error) {
    if (!is_transient(error)) throw;
  }
  co_return unavailable();
}

Instant AlbumService::deadline_of(const Request& request) const {
  return std::min(request.deadline, context_.clock.now() + request_limit_);
}

std::string AlbumService::event_id_of(const Request& request, std::string_view what) {
  const std::string key(request.headers.get("Idempotency-Key"));
  if (key.empty()) return context_.random.uuid();
  std::string name(what);
  name.append(" ").append(request.headers.get("X-User-ID")).append(" ").append(request.path()).append(" ").append(key);
  return uuid_of_name(name);
}

}  // namespace orrery::services
