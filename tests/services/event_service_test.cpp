// The event store over HTTP: what a reader of one aggregate is told.
#include "services/mediahub/event_service.hpp"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "scenarios/simulation.hpp"
#include "services/mediahub/album_state.hpp"
#include "services/mediahub/events.hpp"
#include "services/patterns/digest.hpp"
#include "services/patterns/event_store.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {
namespace {

constexpr const char* kId = "0d3b7a52-1111-4222-8333-444455556666";

Topology event_store() {
  Topology topology;
  Topology::DatabaseSpec events;
  events.name = "event_db";
  events.schema = event_store_schema(Twin());
  topology.databases.push_back(std::move(events));
  Topology::ServiceSpec service;
  service.name = "media-events";
  service.factory = make_service<EventService>();
  service.config = Json::object();
  topology.services.push_back(std::move(service));
  topology.broker = false;
  return topology;
}

void append(Simulation& world, int version) {
  const Json event{{"id", uuid_of_name("event " + std::to_string(version))}, {"event_type", "Counted"}, {"data", Json{{"n", version}}}};
  const Json body{{"aggregate_type", "Album"}, {"aggregate_id", kId}, {"expected_version", version - 1}, {"events", Json::array({event})}};
  ASSERT_EQ(world.call("media-events", Request("POST", "/events", body.dump())).status, 201);
}

int keep(Simulation& world, const Json& body) {
  return world.call("media-events", Request("POST", std::string("/snapshots/Album/") + kId, body.dump())).status;
}

Json told(Simulation& world, const std::string& query) {
  const Response response = world.call("media-events", Request("GET", std::string("/events/Album/") + kId + query));
  EXPECT_EQ(response.status, 200);
  return Json::parse(response.body);
}

TEST(EventService, TellsAnAggregateFromItsSnapshotOn) {
  Simulation world(event_store());
  for (int version = 1; version <= 3; ++version) append(world, version);
  EXPECT_TRUE(told(world, "?from=snapshot")["snapshot"].is_null());
  EXPECT_EQ(told(world, "?from=snapshot")["events"].size(), 3U);
  EXPECT_EQ(keep(world, Json{{"version", 2}, {"state", Json{{"sum", 3}}}}), 200);
  const Json answer = told(world, "?from=snapshot");
  EXPECT_EQ(answer["snapshot"], (Json{{"version", 2}, {"state", Json{{"sum", 3}}}}));
  ASSERT_EQ(answer["events"].size(), 1U);
  EXPECT_EQ(answer["events"][0]["version"], 3);
  EXPECT_EQ(told(world, "")["events"].size(), 3U) << "without a snapshot for who does not ask for one";
}

TEST(EventService, KeepsTheLatestSnapshotWhateverComesLate) {
  Simulation world(event_store());
  append(world, 1);
  EXPECT_EQ(keep(world, Json{{"version", 9}, {"state", "new"}}), 200);
  EXPECT_EQ(keep(world, Json{{"version", 4}, {"state", "old"}}), 200);
  EXPECT_EQ(told(world, "?from=snapshot")["snapshot"]["state"], "new");
}

TEST(EventService, RefusesASnapshotThatIsNone) {
  Simulation world(event_store());
  EXPECT_EQ(keep(world, Json{{"version", 0}, {"state", 1}}), 400);
  EXPECT_EQ(keep(world, Json{{"version", 1}}), 400);
  EXPECT_EQ(keep(world, Json::array()), 400);
  EXPECT_EQ(world.call("media-events", Request("GET", std::string("/events/Album/") + kId + "?from=nowhere")).status, 400);
}

RC_GTEST_PROP(AlbumState, IsTheSameFromASnapshotAndFromAllEvents, ()) {
  const auto kinds = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
  const auto cut = *rc::gen::inRange<std::size_t>(0, kinds.size() + 1);
  AlbumState whole;
  AlbumState resumed;
  std::int64_t version = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    StoredEvent event;
    event.version = ++version;
    const std::string_view types[] = {kAlbumCreated, kAlbumDeleted, kMediaAddedToAlbum, kMediaRemovedFromAlbum};
    event.type = types[kinds[i]];
    const std::string number = std::to_string(*rc::gen::inRange(0, 4));
    event.data = Json{{"owner", "ada"}, {"name", "n" + number}, {"default", true}, {"media_id", "m" + number}, {"saga_id", "s" + number}};
    whole.apply(event);
    resumed.apply(event);
    if (i + 1 == cut) {
      Snapshot snapshot;
      snapshot.version = resumed.version;
      snapshot.state = Json::parse(resumed.to_json().dump());
      resumed = AlbumState::from(snapshot);
    }
  }
  RC_ASSERT(resumed.version == whole.version);
  RC_ASSERT(resumed.to_json() == whole.to_json());
}

}  // namespace
}  // namespace orrery::services
