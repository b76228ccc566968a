#pragma once

#include "runtime/context.hpp"
#include "services/mediahub/albums.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/projection.hpp"

namespace orrery::services {

/// Albums: commands on the event store, and a read model of them in "album_db".
///   POST /albums {name}, GET /albums, GET /albums/{id}, DELETE /albums/{id}
///   GET /albums/{id}/media, POST /albums/{id}/media {media_id}, DELETE /albums/{id}/media/{media_id}
///   POST /default-album/add, POST /default-album/compensate {owner, media_id, saga_id}: internal
class AlbumService : public Service {
 public:
  explicit AlbumService(Context& context);

 private:
  AlbumService(Context& context, Settings settings);
  Task<Response> create(Request request);
  Task<Response> list(Request request);
  Task<Response> get(Request request);
  Task<Response> remove(Request request);
  Task<Response> list_media(Request request);
  Task<Response> add(Request request);
  Task<Response> take_out(Request request);
  Task<Response> add_to_default(Request request);
  Task<Response> compensate(Request request);
  Task<void> apply(Transaction& tx, StoredEvent event);
  Task<void> clear(Transaction& tx);
  Task<Response> answered(Task<Answer> command);
  [[nodiscard]] Instant deadline_of(const Request& request) const;
  [[nodiscard]] std::string event_id_of(const Request& request, std::string_view what);

  Context& context_;
  Twin twin_;
  Callers callers_;
  Duration request_limit_;
  Database& db_;
  EventClient events_;
  Albums albums_;
  Projection projection_;
};

}  // namespace orrery::services
