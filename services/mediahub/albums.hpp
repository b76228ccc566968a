#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/context.hpp"
#include "services/mediahub/album_state.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/patterns/idempotency.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

/// What is done to albums. Each command reads the album's events, decides, and appends at the version that it read; if
/// somebody was faster it decides anew. There is no other state: a crash leaves an event or none.
///
/// Answers are a status and a JSON body. All functions throw EventsUnavailable, after which a command may have happened: it
/// can be asked again.
class Albums {
 public:
  /// `snapshot_every`: events that are read before a snapshot is kept, so that a default album, which only grows, is not read whole
  /// for ever.
  Albums(Context& context, std::int64_t most_media, std::int64_t snapshot_every, const Twin& twin);

  /// 201 {id, position}; the same again for the same id.
  Task<Answer> create(std::string id, std::string owner, std::string name, Instant deadline);
  /// 200; 404; 409 the default album stays.
  Task<Answer> remove(std::string id, std::string owner, Instant deadline);
  /// 200, also if it is in; 404; 409 the album is full.
  Task<Answer> add(std::string id, std::string owner, std::string media_id, std::string event_id, Instant deadline);
  /// 200, also if it is not in; 404.
  Task<Answer> take_out(std::string id, std::string owner, std::string media_id, std::string event_id, Instant deadline);

  /// A saga's step: into the owner's default album, which is made if there is none. 200; 409 the album is full, or the saga
  /// was compensated before this request came.
  Task<Answer> add_to_default(std::string owner, std::string media_id, std::string saga_id, Instant deadline);
  /// Its compensation: takes the medium out if the saga put it in, and in any case leaves a fence, so that an addition that
  /// is still under way is refused. 200.
  Task<Answer> compensate(std::string owner, std::string media_id, std::string saga_id, Instant deadline);

 private:
  Task<AlbumState> load(const std::string& id, Instant deadline);
  Task<Appended> append(const std::string& id, const AlbumState& state, std::vector<NewEvent> events, Instant deadline);

  EventClient events_;
  std::int64_t most_media_;
  std::int64_t snapshot_every_;
  Twin twin_;
};

}  // namespace orrery::services
