#include "properties/media_events.hpp"

#include "properties/bodies.hpp"
#include "properties/rows.hpp"

namespace orrery {
namespace {

const std::vector<const MediaEvent*> kNone;

MediaEvents collect(const HistoryIndex& index) {
  MediaEvents events;
  for (const History::Change& change : index.committed("event_db.events")) {
    if (change.row->operation != RowOperation::insert) {
      events.rewritten.push_back(change);
      continue;
    }
    const Row row = change.row->new_row();
    MediaEvent& event = events.all.emplace_back();
    event.commit = change.commit;
    event.position = row["position"].integer();
    event.version = row["version"].integer();
    event.id = cell(row, "id");
    event.aggregate_type = cell(row, "aggregate_type");
    event.aggregate_id = cell(row, "aggregate_id");
    event.type = cell(row, "event_type");
    event.data = parse_body(cell(row, "data"));
    event.owner = member_text(event.data, "owner");
    event.saga_id = member_text(event.data, "saga_id");
    event.media_id = event.aggregate_type == "Media" ? event.aggregate_id : member_text(event.data, "media_id");
  }
  for (const MediaEvent& event : events.all) {  // only now: the vector does not move any more
    events.by_aggregate[event.aggregate_type + " " + event.aggregate_id].push_back(&event);
    if (!event.saga_id.empty()) events.by_saga[event.saga_id].push_back(&event);
    events.by_id.emplace(event.id, &event);
  }
  return events;
}

std::map<std::string, MediaFold> fold_media(const HistoryIndex& index) {
  std::map<std::string, MediaFold> folds;
  for (const MediaEvent& event : media_events_of(index).all) {
    if (event.aggregate_type != "Media") continue;
    MediaFold& fold = folds[event.aggregate_id];
    fold.version = event.version;
    fold.said = event.commit->id;
    if (event.type == "MediaUploaded") {
      fold.owner = event.owner;
      fold.filename = member_text(event.data, "filename");
      fold.content_type = member_text(event.data, "content_type");
      fold.file = member_text(event.data, "file");
      fold.size = event.data.value("size", std::int64_t{0});
      fold.position = event.position;
      fold.status = "uploaded";
    } else if (fold.status.empty()) {
      continue;  // a fence where no upload is
    } else if (event.type == "MediaProcessed") {
      fold.status = "processed";
      fold.thumbnail = member_text(event.data, "thumbnail");
    } else if (event.type == "MediaProcessingFailed") {
      fold.status = "failed";
    } else if (event.type == "MediaDeleted") {
      fold.status = "deleted";
    } else if (event.type == "MediaCompensated") {
      fold.status = "compensated";
    }
  }
  return folds;
}

std::map<std::string, AlbumFold> fold_albums(const HistoryIndex& index) {
  std::map<std::string, AlbumFold> folds;
  for (const MediaEvent& event : media_events_of(index).all) {
    if (event.aggregate_type != "Album") continue;
    AlbumFold& fold = folds[event.aggregate_id];
    fold.version = event.version;
    fold.said = event.commit->id;
    if (event.type == "AlbumCreated") {
      fold.exists = true;
      fold.owner = event.owner;
      fold.name = member_text(event.data, "name");
      fold.is_default = member_text(event.data, "default") == "true";
    } else if (event.type == "AlbumDeleted") {
      fold.exists = false;
      fold.media.clear();
    } else if (event.type == "MediaAddedToAlbum") {
      fold.media.insert(event.media_id);
    } else if (event.type == "MediaRemovedFromAlbum") {
      fold.media.erase(event.media_id);
    }
  }
  return folds;
}

}  // namespace

const std::vector<const MediaEvent*>& MediaEvents::of(std::string_view aggregate) const {
  const auto found = by_aggregate.find(aggregate);
  return found == by_aggregate.end() ? kNone : found->second;
}

const std::vector<const MediaEvent*>& MediaEvents::of_saga(std::string_view saga) const {
  const auto found = by_saga.find(saga);
  return found == by_saga.end() ? kNone : found->second;
}

const MediaEvents& media_events_of(const HistoryIndex& index) {
  // Moving a vector keeps its elements where they are, and with them what points at them.
  return index.shared<MediaEvents>("mediahub events", collect);
}

const std::map<std::string, MediaFold>& media_folds_of(const HistoryIndex& index) {
  return index.shared<std::map<std::string, MediaFold>>("mediahub media", fold_media);
}

const std::map<std::string, AlbumFold>& album_folds_of(const HistoryIndex& index) {
  return index.shared<std::map<std::string, AlbumFold>>("mediahub albums", fold_albums);
}

}  // namespace orrery
