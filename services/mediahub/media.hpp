#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/context.hpp"
#include "runtime/files.hpp"
#include "services/mediahub/event_client.hpp"
#include "services/mediahub/media_state.hpp"
#include "services/patterns/idempotency.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

struct MediaSettings {
  int thumbnail_px = 200;
  std::int64_t max_bytes = 50 * 1024 * 1024;

  [[nodiscard]] static MediaSettings read(Settings settings);
};

/// An upload as it was asked for, found to be sound.
class Upload {
 public:
  Upload() = default;

  std::string media_id;
  std::string owner, filename, content_type, bytes;
};

/// What is done to media: each command reads the medium's events, decides, does what has to be there before, and appends at
/// the version it read; if somebody was faster it decides anew. The event is the fact: a file is written before the event
/// that names it, and removed after the event that ends it. Events out of which none leads (deleted, compensated) are the
/// fence: what is still under way finds the version taken and the medium gone, and takes its file away again.
///
/// A crash in between leaves a file that no event names, or that an ended medium left behind: `sweep` takes it away.
/// Answers are a status and a JSON body; 503 may have happened and can be asked again.
class Media {
 public:
  Media(Context& context, MediaSettings settings, const Twin& twin);

  /// 201 {id, position}: file and event are durable; the same again for the same id and content. 409: the id is another's
  /// upload, or was given up meanwhile.
  Task<Answer> upload(Upload upload, Instant deadline);
  /// Makes the thumbnail. 200: there is one. 422: there cannot be, for ever (MediaProcessingFailed). 409: the medium is gone.
  Task<Answer> process(std::string id, std::string saga_id, Instant deadline);
  /// Disables the medium and takes its files away, whatever has become of it. 200, also for one that does not exist.
  Task<Answer> compensate(std::string id, std::string saga_id, std::string reason, Instant deadline);
  /// 204; 404 also if it is somebody else's.
  Task<Answer> remove(std::string id, std::string owner, Instant deadline);
  /// The thumbnail's bytes; nullopt: there is none for this owner. Throws EventsUnavailable, FilesFailed.
  Task<std::optional<std::string>> thumbnail(std::string id, std::string owner, Instant deadline);

 private:
  Task<MediaState> load(const std::string& id, Instant deadline);
  Task<Appended> append(const std::string& id, const MediaState& state, std::string event_id, std::string_view type, Json data,
                        Instant deadline);
  Task<Answer> processing_failed(std::string id, MediaState state, std::string saga_id, std::string why, Instant deadline);
  /// Takes away what is there of a medium that is gone. Throws FilesFailed.
  Task<void> remove_files(const std::string& id, const MediaState& state);

  Context& context_;
  Files& files_;
  EventClient events_;
  MediaSettings settings_;
  Twin twin_;
};

}  // namespace orrery::services
