#pragma once

#include "runtime/context.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/projection.hpp"

namespace orrery::services {

/// The query side of media, a read model in "query_db":
///   GET /media?limit=&after=      {media, next}, newest first; GET /media/search?q= by filename; GET /media/{id}
///   GET /media/stats              {media, bytes} of the owner: what is there now
///   POST /rebuild                 internal: the read model anew from the events
/// "X-At-Least-Position: N" (the `position` of a command's answer) gives an answer that has seen that command, or 503.
class MediaQuery : public Service {
 public:
  explicit MediaQuery(Context& context);

 private:
  MediaQuery(Context& context, Settings settings);
  Task<Response> list(Request request);
  Task<Response> search(Request request);
  Task<Response> stats(Request request);
  Task<Response> get(Request request);
  Task<Response> rebuild(Request request);
  Task<void> apply(Transaction& tx, StoredEvent event);
  Task<void> clear(Transaction& tx);
  /// Nothing: what the request must see is not here in time.
  template <class... P>
  Task<std::optional<Rows>> query(const Request& request, std::string_view sql, P... parameters);
  [[nodiscard]] Response failed(const Failure& failure);

  Context& context_;
  Twin twin_;
  Callers callers_;
  Duration request_limit_;
  Database& db_;
  EventClient events_;
  Projection projection_;
};

}  // namespace orrery::services
