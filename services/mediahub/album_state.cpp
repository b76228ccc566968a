#include "services/mediahub/album_state.hpp"

#include "services/mediahub/events.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/digest.hpp"

namespace orrery::services {

AlbumState AlbumState::of(const std::vector<StoredEvent>& events) {
  AlbumState state;
  for (const StoredEvent& event : events) state.apply(event);
  return state;
}

void AlbumState::apply(const StoredEvent& event) {
  version = event.version;
  const std::string saga_id = text_of(event.data, "saga_id");
  if (event.type == kAlbumCreated) {
    exists = true;
    owner = text_of(event.data, "owner");
    name = text_of(event.data, "name");
    is_default = event.data.value("default", false);
  } else if (event.type == kAlbumDeleted) {
    exists = false;
    media.clear();
  } else if (event.type == kMediaAddedToAlbum) {
    media.insert(text_of(event.data, "media_id"));
    if (!saga_id.empty()) added_by.insert(saga_id);
  } else if (event.type == kMediaRemovedFromAlbum) {
    media.erase(text_of(event.data, "media_id"));
    if (!saga_id.empty()) fenced.insert(saga_id);
  }
}

std::string default_album_of(const std::string& owner) { return uuid_of_name("default album of " + owner); }

}  // namespace orrery::services
