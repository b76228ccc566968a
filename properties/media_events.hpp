#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "properties/history_index.hpp"
#include "runtime/json.hpp"

namespace orrery {

/// One event of MediaHub's event store, as it was committed.
struct MediaEvent {
  const Event* commit = nullptr;
  std::int64_t position = 0;
  std::int64_t version = 0;
  std::string id, aggregate_type, aggregate_id, type;
  Json data;
  std::string owner, saga_id, media_id;  // of `data`
};

/// All of them, in commit order, and by what they are about. Shared by all checks of a run.
struct MediaEvents {
  std::vector<MediaEvent> all;
  std::map<std::string, std::vector<const MediaEvent*>, std::less<>> by_aggregate;  // "Media 5c0e…"
  std::map<std::string, std::vector<const MediaEvent*>, std::less<>> by_saga;
  std::map<std::string, const MediaEvent*, std::less<>> by_id;
  std::vector<History::Change> rewritten;  // updates and deletions: there should be none

  [[nodiscard]] const std::vector<const MediaEvent*>& of(std::string_view aggregate) const;
  [[nodiscard]] const std::vector<const MediaEvent*>& of_saga(std::string_view saga) const;
};
[[nodiscard]] const MediaEvents& media_events_of(const HistoryIndex& index);

/// What the events say of a medium.
struct MediaFold {
  std::string owner, filename, content_type, status, file, thumbnail;
  std::int64_t size = 0;
  std::int64_t version = 0;
  std::int64_t position = 0;  // of the first event
  EventId said = 0;           // the commit of the last event

  [[nodiscard]] bool is_gone() const { return status == "deleted" || status == "compensated"; }
};
/// By id. Media without an upload (fences only) have an empty status.
[[nodiscard]] const std::map<std::string, MediaFold>& media_folds_of(const HistoryIndex& index);

/// What the events say of an album.
struct AlbumFold {
  std::string owner, name;
  bool exists = false;
  bool is_default = false;
  std::int64_t version = 0;
  EventId said = 0;  // the commit of the last event
  std::set<std::string> media;
};
[[nodiscard]] const std::map<std::string, AlbumFold>& album_folds_of(const HistoryIndex& index);

}  // namespace orrery
