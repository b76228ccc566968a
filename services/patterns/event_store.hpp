#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/database.hpp"
#include "runtime/json.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

/// An event that is to be appended. Its id names the decision that led to it: who is not sure whether an append happened
/// asks again with the same id.
class NewEvent {
 public:
  NewEvent() = default;
  NewEvent(std::string id, std::string type, Json data)
      : id(std::move(id)), type(std::move(type)), data(std::move(data)) {}

  std::string id;  // uuid
  std::string type;
  Json data;
};

class StoredEvent {
 public:
  StoredEvent() = default;

  std::int64_t position = 0;  // among all events, from 1
  std::string id;
  std::string aggregate_type;
  std::string aggregate_id;
  std::int64_t version = 0;  // within its aggregate: 1, 2, 3, …
  std::string type;
  Json data;
  std::string created_at;  // RFC 3339

  /// The envelope {id, aggregate_id, aggregate_type, event_type, data, version, created_at, position}.
  [[nodiscard]] Json to_json() const;
  /// nullopt if it is no envelope.
  [[nodiscard]] static std::optional<StoredEvent> parse(const Json& envelope);
};

/// What came of an append.
class Appended {
 public:
  enum class Result {
    stored,     // all of the events, durably
    known,      // they had been stored before, by an earlier attempt
    conflict,   // none: the aggregate is not at the expected version
  };
  Result result = Result::stored;
  std::int64_t version = 0;   // of the aggregate now, or of the last of the known events
  std::int64_t position = 0;  // of the last of the events; 0 of a conflict
};

/// State of an aggregate at a version, so that not all of its events need to be read.
class Snapshot {
 public:
  Snapshot() = default;

  std::int64_t version = 0;
  Json state;
};

/// An event store (Young, "CQRS Documents", 2010; Vernon, "Implementing Domain-Driven Design", app. A) in the tables of
/// `event_store_schema`.
///
/// An append names the version at which its decision was made; the unique key (aggregate, version) lets one of two decisions
/// at the same version through. The global position is taken from one row that an append locks until it has committed:
/// so positions appear in their order and without gaps, and a reader that goes on after the last position it saw misses
/// nothing. (A sequence would give numbers at INSERT that appear at COMMIT: a reader would pass by those still in flight. To
/// wait for the oldest running transaction instead would let any idle writer of the database hold all readers up.) The
/// price is one append at a time; the row is taken last, so what is serialized is a round trip and the commit.
///
/// All functions throw DatabaseError. After an unknown COMMIT the same append says what became of it.
class EventStore {
 public:
  EventStore(Database& db, Twin twin) : db_(db), twin_(std::move(twin)) {}

  /// All of the events or none, as versions expected_version + 1, + 2, … The id of the last one names the append.
  Task<Appended> append(std::string aggregate_type, std::string aggregate_id, std::int64_t expected_version,
                        std::vector<NewEvent> events);

  /// The events of an aggregate after a version, in order, at most `limit`.
  Task<std::vector<StoredEvent>> stream(std::string aggregate_type, std::string aggregate_id, std::int64_t after,
                                        std::int64_t limit);
  /// All events after a position, in order, at most `limit`; of one type only if `type` is not empty.
  Task<std::vector<StoredEvent>> feed(std::int64_t after, std::int64_t limit, std::string type = {});

  /// Keeps a snapshot, unless there is one of a later version. It is only ever a short cut: to lose one loses nothing.
  Task<void> save_snapshot(std::string aggregate_type, std::string aggregate_id, std::int64_t version, Json state);
  Task<std::optional<Snapshot>> snapshot(std::string aggregate_type, std::string aggregate_id);

 private:
  Task<Appended> append_once(const std::string& aggregate_type, const std::string& aggregate_id,
                             std::int64_t expected_version, const std::vector<NewEvent>& events);

  Database& db_;
  Twin twin_;
};

/// The tables events, event_head and snapshots. Statements end with ';'.
[[nodiscard]] std::string event_store_schema(const Twin& twin);

}  // namespace orrery::services
