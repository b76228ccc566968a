#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/patterns/event_store.hpp"

namespace orrery::services {

enum class MediaStatus { none, uploaded, processed, failed, deleted, compensated };
[[nodiscard]] const char* to_string(MediaStatus status) noexcept;

/// A medium as the sum of its events. Deleted and compensated are final: no event leads out of them.
class MediaState {
 public:
  MediaState() = default;
  [[nodiscard]] static MediaState of(const std::vector<StoredEvent>& events);
  void apply(const StoredEvent& event);

  [[nodiscard]] bool is_gone() const noexcept {
    return status == MediaStatus::deleted || status == MediaStatus::compensated;
  }

  std::int64_t version = 0;
  MediaStatus status = MediaStatus::none;
  std::string owner, filename, content_type, sha256;
  std::int64_t size = 0;
  std::string file;       // where the upload is kept; never taken back from here, though it may be gone
  std::string thumbnail;  // likewise; empty before it is processed
  std::string reason;     // of a failure or compensation
};

/// Where a medium's files are. The upload's name has its content in it: what another upload with the same id leaves behind can
/// be told from it.
[[nodiscard]] std::string upload_path(const std::string& media_id, const std::string& sha256);
[[nodiscard]] std::string thumbnail_path(const std::string& media_id);
/// The medium whose file this is; empty if it is none of ours.
[[nodiscard]] std::string media_of_path(std::string_view path);

}  // namespace orrery::services
