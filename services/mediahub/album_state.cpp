#include "services/mediahub/album_state.hpp"

#include "services/mediahub/events.hpp"
#include "services/mediahub/support.hpp"
#include "services/patterns/digest.hpp"

namespace orrery::services {

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

Json AlbumState::to_json() const {
  return Json{{"exists", exists}, {"default", is_default}, {"owner", owner},      {"name", name},
              {"media", media},   {"added_by", added_by},  {"fenced", fenced}};
}

AlbumState AlbumState::from(const Snapshot& snapshot) {
  AlbumState state;
  state.version = snapshot.version;
  state.exists = snapshot.state.at("exists").get<bool>();
  state.is_default = snapshot.state.at("default").get<bool>();
  state.owner = snapshot.state.at("owner").get<std::string>();
  state.name = snapshot.state.at("name").get<std::string>();
  state.media = snapshot.state.at("media").get<std::set<std::string>>();
  state.added_by = snapshot.state.at("added_by").get<std::set<std::string>>();
  state.fenced = snapshot.state.at("fenced").get<std::set<std::string>>();
  return state;
}

std::string default_album_of(const std::string& owner) { return uuid_of_name("default album of " + owner); }

}  // namespace orrery::services
