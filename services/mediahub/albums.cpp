#include "services/mediahub/albums.hpp"

#include "services/mediahub/events.hpp"
#include "services/patterns/digest.hpp"
#include "services/patterns/problem.hpp"

namespace orrery::services {
namespace {

constexpr int kDecisions = 8;  // somebody else was faster each time: give up, be asked again

Answer answer(int status, std::string_view name, std::string_view title) {
  return Answer(status, problem(status, name, title, ""));
}
Answer no_such_album() { return answer(404, "no-such-album", "There is no such album"); }
Answer full() { return answer(409, "album-full", "The album is full"); }
Answer busy() { return answer(503, "unavailable", "Others were faster. Ask again"); }
Answer done(const std::string& id, std::int64_t position) { return Answer(200, Json{{"id", id}, {"position", position}}); }

std::vector<NewEvent> one(std::string id, std::string_view type, Json data) {
  std::vector<NewEvent> events;
  events.emplace_back(std::move(id), std::string(type), std::move(data));
  return events;
}

NewEvent created_default(const std::string& album, const std::string& owner) {
  Json data{{"owner", owner}, {"name", "All media"}, {"default", true}};
  return NewEvent(uuid_of_name("created " + album), std::string(kAlbumCreated), std::move(data));
}

}  // namespace

Albums::Albums(Context& context, std::int64_t most_media, std::int64_t snapshot_every, const Twin& twin)
    : events_(context), most_media_(most_media), snapshot_every_(snapshot_every), twin_(twin) {}

Task<AlbumState> Albums::load(const std::string& id, Instant deadline) {
  const AggregateStory story = co_await events_.story(std::string(kAlbum), id, deadline);
  AlbumState state;
  if (story.snapshot) state = AlbumState::from(*story.snapshot);
  for (const StoredEvent& event : story.events) state.apply(event);
  if (static_cast<std::int64_t>(story.events.size()) >= snapshot_every_) {
    Json kept = state.to_json();
    co_await events_.keep(std::string(kAlbum), id, state.version, std::move(kept));
  }
  co_return state;
}

Task<Appended> Albums::append(const std::string& id, const AlbumState& state, std::vector<NewEvent> events,
                              Instant deadline) {
  Appended appended = co_await events_.append(std::string(kAlbum), id, state.version, std::move(events), deadline);
  co_return appended;
}

Task<Answer> Albums::create(std::string id, std::string owner, std::string name, Instant deadline) {
  const AlbumState fresh;
  Json data{{"owner", owner}, {"name", name}, {"default", false}};
  std::vector<NewEvent> events = one(uuid_of_name("created " + id), kAlbumCreated, std::move(data));
  const Appended appended = co_await append(id, fresh, std::move(events), deadline);
  CHECK(appended.result != Appended::Result::conflict, "an album's first event has the id of its creation");
  co_return Answer(201, Json{{"id", id}, {"position", appended.position}});
}

Task<Answer> Albums::remove(std::string id, std::string owner, Instant deadline) {
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const AlbumState state = co_await load(id, deadline);
    if (state.version == 0 || state.owner != owner) co_return no_such_album();
    if (state.is_default) co_return answer(409, "default-album", "The default album stays");
    if (!state.exists) co_return done(id, 0);
    Json data{{"owner", owner}};
    std::vector<NewEvent> events = one(uuid_of_name("deleted " + id), kAlbumDeleted, std::move(data));
    const Appended appended = co_await append(id, state, std::move(events), deadline);
    if (appended.result != Appended::Result::conflict) co_return done(id, appended.position);
  }
  co_return busy();
}

Task<Answer> Albums::add(std::string id, std::string owner, std::string media_id, std::string event_id, Instant deadline) {
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const AlbumState state = co_await load(id, deadline);
    if (!state.exists || state.owner != owner) co_return no_such_album();
    if (state.media.contains(media_id)) co_return done(id, 0);
    if (static_cast<std::int64_t>(state.media.size()) >= most_media_) co_return full();
    Json data{{"owner", owner}, {"media_id", media_id}, {"saga_id", ""}};
    std::vector<NewEvent> events = one(event_id, kMediaAddedToAlbum, std::move(data));
    const Appended appended = co_await append(id, state, std::move(events), deadline);
    if (appended.result != Appended::Result::conflict) co_return done(id, appended.position);
  }
  co_return busy();
}

Task<Answer> Albums::take_out(std::string id, std::string owner, std::string media_id, std::string event_id,
                              Instant deadline) {
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const AlbumState state = co_await load(id, deadline);
    if (!state.exists || state.owner != owner) co_return no_such_album();
    if (!state.media.contains(media_id)) co_return done(id, 0);
    Json data{{"owner", owner}, {"media_id", media_id}, {"saga_id", ""}, {"compensation", false}};
    std::vector<NewEvent> events = one(event_id, kMediaRemovedFromAlbum, std::move(data));
    const Appended appended = co_await append(id, state, std::move(events), deadline);
    if (appended.result != Appended::Result::conflict) co_return done(id, appended.position);
  }
  co_return busy();
}

Task<Answer> Albums::add_to_default(std::string owner, std::string media_id, std::string saga_id, Instant deadline) {
  const std::string id = default_album_of(owner);
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const AlbumState state = co_await load(id, deadline);
    if (state.fenced.contains(saga_id)) co_return answer(409, "compensated", "The saga was compensated");
    if (state.added_by.contains(saga_id)) co_return done(id, 0);
    if (static_cast<std::int64_t>(state.media.size()) >= most_media_) co_return full();
    std::vector<NewEvent> events;
    if (!state.exists) events.push_back(created_default(id, owner));
    Json data{{"owner", owner}, {"media_id", media_id}, {"saga_id", saga_id}};
    events.emplace_back(uuid_of_name("added " + id + saga_id), std::string(kMediaAddedToAlbum), std::move(data));
    const Appended appended = co_await append(id, state, std::move(events), deadline);
    if (appended.result != Appended::Result::conflict) co_return done(id, appended.position);
  }
  co_return busy();
}

Task<Answer> Albums::compensate(std::string owner, std::string media_id, std::string saga_id, Instant deadline) {
  const std::string id = default_album_of(owner);
  for (int decision = 1; decision <= kDecisions; ++decision) {
    const AlbumState state = co_await load(id, deadline);
    if (state.fenced.contains(saga_id)) co_return done(id, 0);
    if (!state.added_by.contains(saga_id)) {
      // twin: empty-rollback-loops. What was never done cannot be undone: an error.
      if (twin_.is("empty-rollback-loops")) co_return answer(404, "not-added", "The medium is not in the album");
      // twin: compensation-leaves-no-fence. Nothing to undo, nothing to do: what is on its way still comes.
      if (twin_.is("compensation-leaves-no-fence")) co_return done(id, 0);
    }
    std::vector<NewEvent> events;
    if (!state.exists) events.push_back(created_default(id, owner));  // something that the fence can stand in
    Json data{{"owner", owner}, {"media_id", media_id}, {"saga_id", saga_id}, {"compensation", true}};
    events.emplace_back(uuid_of_name("removed " + id + saga_id), std::string(kMediaRemovedFromAlbum), std::move(data));
    const Appended appended = co_await append(id, state, std::move(events), deadline);
    if (appended.result != Appended::Result::conflict) co_return done(id, appended.position);
  }
  co_return busy();
}

}  // namespace orrery::services
