#include "services/mediahub/media_state.hpp"

#include "services/mediahub/events.hpp"
#include "services/mediahub/support.hpp"

namespace orrery::services {

const char* to_string(MediaStatus status) noexcept {
  switch (status) {
    case MediaStatus::none:
      return "none";
    case MediaStatus::uploaded:
      return "uploaded";
    case MediaStatus::processed:
      return "processed";
    case MediaStatus::failed:
      return "failed";
    case MediaStatus::deleted:
      return "deleted";
    case MediaStatus::compensated:
      return "compensated";
  }
  return "?";
}

MediaState MediaState::of(const std::vector<StoredEvent>& events) {
  MediaState state;
  for (const StoredEvent& event : events) state.apply(event);
  return state;
}

void MediaState::apply(const StoredEvent& event) {
  version = event.version;
  if (owner.empty()) owner = text_of(event.data, "owner");
  if (event.type == kMediaUploaded) {
    status = MediaStatus::uploaded;
    filename = text_of(event.data, "filename");
    content_type = text_of(event.data, "content_type");
    sha256 = text_of(event.data, "sha256");
    size = event.data.value("size", std::int64_t{0});
    file = text_of(event.data, "file");
  } else if (event.type == kMediaProcessed) {
    status = MediaStatus::processed;
    thumbnail = text_of(event.data, "thumbnail");
  } else if (event.type == kMediaProcessingFailed) {
    status = MediaStatus::failed;
    reason = text_of(event.data, "reason");
  } else if (event.type == kMediaDeleted) {
    status = MediaStatus::deleted;
  } else if (event.type == kMediaCompensated) {
    status = MediaStatus::compensated;
    reason = text_of(event.data, "reason");
  }
}

std::string upload_path(const std::string& media_id, const std::string& sha256) {
  return "uploads/" + media_id + "/" + sha256.substr(0, 16);
}
std::string thumbnail_path(const std::string& media_id) { return "thumbnails/" + media_id + "/thumbnail"; }

std::string media_of_path(std::string_view path) {
  for (const std::string_view folder : {"uploads/", "thumbnails/"}) {
    if (!path.starts_with(folder)) continue;
    path.remove_prefix(folder.size());
    const std::string_view id = path.substr(0, path.find('/'));
    return is_id(id) ? std::string(id) : std::string();
  }
  return {};
}

}  // namespace orrery::services
