#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "services/patterns/event_store.hpp"

namespace orrery::services {

/// An album as the sum of its events.
class AlbumState {
 public:
  AlbumState() = default;
  void apply(const StoredEvent& event);
  /// As a snapshot keeps it, without the version.
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] static AlbumState from(const Snapshot& snapshot);

  std::int64_t version = 0;
  bool exists = false;  // created and not deleted
  bool is_default = false;
  std::string owner, name;
  std::set<std::string> media;
  std::set<std::string> added_by;  // sagas that have added their medium
  std::set<std::string> fenced;    // sagas that were compensated: they add nothing any more
};

/// The one default album of an owner: its id follows from the owner, so that there cannot be two.
[[nodiscard]] std::string default_album_of(const std::string& owner);

}  // namespace orrery::services
