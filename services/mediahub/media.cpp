#include "services/mediahub/media.hpp"

#include "services/mediahub/events.hpp"
#include "services/mediahub/image.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/digest.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr int kDecisions = 8;  // somebody else was faster each time: give up, be asked again

Answer answer(int status, std::string_view name, std::string_view title, std::string_view detail = {}) {
  return Answer(status, problem(status, name, title, detail));
}
Answer no_such_media() { return answer(404, "no-such-media", "There is no such medium"); }
Answer is_gone() { return answer(409, "media-gone", "The medium is gone", "It was deleted or disabled."); }
Answer busy() { return answer(503, "unavailable", "Not available now", "Others were faster. Ask again."); }

}  // namespace

MediaSettings MediaSettings::read(Settings settings) {
  MediaSettings media;
  media.thumbnail_px = static_cast<int>(settings.integer("thumbnail_px", media.thumbnail_px, 1, 2000));
  media.max_bytes = settings.integer("max_bytes", media.max_bytes, 1);
  settings.refuse_unknown();
  return media;
}

Media::Media(Context& context, MediaSettings settings, const Twin& twin)
    : context_(context), files_(context.files("media_files")), events_(context), settings_(settings), twin_(twin) {}

Task<MediaState> Media::load(const std::string& id, Instant deadline) {
  const std::vector<StoredEvent> events = co_await events_.stream(std::string(kMedia), id, deadline);
  co_return MediaState::of(events);
}

Task<Appended> Media::append(const std::string& id, const MediaState& state, std::string event_id, std::string_view type,
                             Json data, Instant deadline) {
  std::vector<NewEvent> events;
  events.emplace_back(std::move(event_id), std::string(type), std::move(data));
  Appended appended = co_await events_.append(std::string(kMedia), id, state.version, std::move(events), deadline);
  co_return appended;
}

Task<Answer> Media::upload(Upload upload, Instant deadline) {
  const std::string digest = hex(sha256(upload.bytes));
  const std::string path = upload_path(upload.media_id, digest);
  const Json data{{"owner", upload.owner},
                  {"filename", upload.filename},
                  {"content_type", upload.content_type},
                  {"size", static_cast<std::int64_t>(upload.bytes.size())},
                  {"file", path},
                  {"sha256", digest}};
  MediaState fresh;
  co_await files_.write(path, std::move(upload.bytes));
  Appended appended;
  try {
    appended = co_await append(upload.media_id, fresh, uuid_of_name("uploaded " + upload.media_id + digest), kMediaUploaded,
                               data, deadline);
  } catch (const EventsUnavailable& failed) {
    if (!twin_.is("dual-write")) throw;
    // twin: dual-write. The file is there, which is what counts; the event is only logged.
    context_.telemetry.log(Level::error, "event not stored", Json{{"media_id", upload.media_id}, {"error", failed.what()}});
  }
  if (appended.result != Appended::Result::conflict) {
    co_return Answer(201, Json{{"id", upload.media_id}, {"position", appended.position}});
  }
  const MediaState there = co_await load(upload.media_id, deadline);
  if (there.status == MediaStatus::none || there.owner != upload.owner || there.sha256 != digest) {
    if (there.sha256 != digest) (void)co_await files_.remove(path);  // no event will ever name it
    co_return there.sha256.empty() ? is_gone()
                                   : answer(422, "key-used", "The Idempotency-Key was used for another upload");
  }
  if (there.is_gone()) (void)co_await files_.remove(path);  // this late repetition has just brought it back
  co_return Answer(201, Json{{"id", upload.media_id}, {"position", 0}});
}

Task<Answer> Media::process(std::string id, std::string saga_id, Instant deadline) {
  std::optional<std::string> bytes;
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const MediaState state = co_await load(id, deadline);
    if (state.status == MediaStatus::none) co_return no_such_media();
    // twin: compensate-while-forward-runs. Once begun, it is ended, whatever has become of the medium.
    const bool regardless = twin_.is("compensate-while-forward-runs") && bytes.has_value();
    if (state.is_gone() && !regardless) co_return is_gone();
    if (state.status == MediaStatus::processed) co_return Answer(200, Json{{"thumbnail", state.thumbnail}});
    if (state.status == MediaStatus::failed) {
      co_return answer(422, "not-an-image", "No thumbnail can be made", state.reason);
    }
    if (!regardless) bytes = co_await files_.read(state.file);
    if (!bytes) {
      // Somebody has ended the medium between the two reads, or the store has lost what it had acknowledged.
      const MediaState later = co_await load(id, deadline);
      if (later.is_gone()) co_return is_gone();
      Answer failed = co_await processing_failed(id, later, saga_id, "the uploaded file is missing", deadline);
      co_return failed;
    }
    std::string small;
    std::string why;
    try {
      small = thumbnail_of(*bytes, settings_.thumbnail_px);
    } catch (const BadImage& bad) {
      why = bad.what();
    }
    if (!why.empty()) {
      Answer failed = co_await processing_failed(id, state, saga_id, why, deadline);
      co_return failed;
    }
    const std::string path = thumbnail_path(id);
    co_await files_.write(path, std::move(small));
    const Json data{{"owner", state.owner}, {"thumbnail", path}, {"saga_id", saga_id}};
    const Appended appended =
        co_await append(id, state, uuid_of_name("processed " + id + saga_id), kMediaProcessed, data, deadline);
    if (appended.result != Appended::Result::conflict) co_return Answer(200, Json{{"thumbnail", path}});
    const MediaState later = co_await load(id, deadline);
    if (later.is_gone() && !twin_.is("compensate-while-forward-runs")) (void)co_await files_.remove(path);
  }
  co_return busy();
}

Task<Answer> Media::processing_failed(std::string id, MediaState state, std::string saga_id, std::string why,
                                      Instant deadline) {
  const Json data{{"owner", state.owner}, {"reason", why}, {"saga_id", saga_id}};
  const Appended appended =
      co_await append(id, state, uuid_of_name("failed " + id + saga_id), kMediaProcessingFailed, data, deadline);
  if (appended.result == Appended::Result::conflict) co_return busy();
  co_return answer(422, "not-an-image", "No thumbnail can be made", why);
}

Task<Answer> Media::compensate(std::string id, std::string saga_id, std::string reason, Instant deadline) {
  // twin: no-op-compensation. Looks for the medium under the saga's id, finds nothing to do, and says so.
  if (twin_.is("no-op-compensation")) id = saga_id;
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const MediaState state = co_await load(id, deadline);
    if (state.status == MediaStatus::none) co_return Answer(200, Json{{"status", "none"}});
    if (!state.is_gone()) {
      const Json data{{"owner", state.owner}, {"reason", reason}, {"saga_id", saga_id}};
      const Appended appended =
          co_await append(id, state, uuid_of_name("compensated " + id + saga_id), kMediaCompensated, data, deadline);
      if (appended.result == Appended::Result::conflict) continue;
    }
    co_await remove_files(id, state);
    co_return Answer(200, Json{{"status", "compensated"}});
  }
  co_return busy();
}

Task<Answer> Media::remove(std::string id, std::string owner, Instant deadline) {
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const MediaState state = co_await load(id, deadline);
    if (state.status == MediaStatus::none || state.status == MediaStatus::compensated || state.owner != owner) {
      co_return no_such_media();
    }
    std::int64_t position = 0;
    if (state.status != MediaStatus::deleted) {
      const Json data{{"owner", owner}};
      const Appended appended = co_await append(id, state, uuid_of_name("deleted " + id), kMediaDeleted, data, deadline);
      if (appended.result == Appended::Result::conflict) continue;
      position = appended.position;
    }
    co_await remove_files(id, state);
    co_return Answer(200, Json{{"id", id}, {"position", position}});
  }
  co_return busy();
}

Task<std::optional<std::string>> Media::thumbnail(std::string id, std::string owner, Instant deadline) {
  const MediaState state = co_await load(id, deadline);
  if (state.status != MediaStatus::processed || state.owner != owner) co_return std::nullopt;
  std::optional<std::string> bytes = co_await files_.read(state.thumbnail);
  co_return bytes;
}

Task<void> Media::remove_files(const std::string& id, const MediaState& state) {
  if (!state.file.empty()) (void)co_await files_.remove(state.file);
  (void)co_await files_.remove(thumbnail_path(id));  // also one that no event names yet
}

}  // namespace orrery::services
