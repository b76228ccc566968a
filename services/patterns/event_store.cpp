#include "services/patterns/event_store.hpp"

#include "runtime/check.hpp"

namespace orrery::services {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE events (
  position       bigint PRIMARY KEY,       -- in commit order, without gaps
  id             uuid NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   uuid NOT NULL,
  version        bigint NOT NULL CHECK (version > 0),
  event_type     text NOT NULL,
  data           jsonb NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT events_once UNIQUE (id),
  CONSTRAINT events_in_order UNIQUE (aggregate_type, aggregate_id, version)
);
CREATE INDEX events_by_type ON events (event_type, position);

CREATE TABLE event_head (
  single   boolean PRIMARY KEY DEFAULT true CHECK (single),
  position bigint NOT NULL                 -- of the newest event; locked by an append until it has committed
);
INSERT INTO event_head (position) VALUES (0);
CREATE SEQUENCE event_positions;

CREATE TABLE snapshots (
  aggregate_type text NOT NULL,
  aggregate_id   uuid NOT NULL,
  version        bigint NOT NULL,
  state          jsonb NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id)
);
)sql";

constexpr std::string_view kLimitLockWait = "SET LOCAL lock_timeout = '2s'";

constexpr std::string_view kLook =
    "SELECT (SELECT max(version) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2) AS version,"
    " (SELECT max(version) FROM events WHERE id = $3 AND aggregate_type = $1 AND aggregate_id = $2) AS known_version,"
    " (SELECT max(position) FROM events WHERE id = $3) AS known_position";

constexpr std::string_view kTakePositions =
    "UPDATE event_head SET position = position + $1 WHERE single RETURNING position AS last";
// twin: in-flight-lower-id-skipped. The numbers are taken now and appear at the commit.
constexpr std::string_view kTakeFromSequence = "SELECT nextval('event_positions') AS last";

// twin: watermark-stalled. The transaction's own id is the number: those who are older may still come.
constexpr std::string_view kTakeTransactionId = "SELECT pg_current_xact_id()::text::bigint * 1000 AS last";
// … so a reader waits until none of them runs any more, whoever's it is and whatever it does.
constexpr std::string_view kFeedIsFinished =
    " AND position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint * 1000";

constexpr std::string_view kInsert =
    "INSERT INTO events (position, id, aggregate_type, aggregate_id, version, event_type, data)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)";

#define ORRERY_EVENT_COLUMNS                                              \
  "position, id, aggregate_type, aggregate_id, version, event_type, data," \
  " (extract(epoch FROM created_at) * 1000000)::bigint AS created_us"

constexpr std::string_view kStream = "SELECT " ORRERY_EVENT_COLUMNS
                                     " FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND version > $3"
                                     " ORDER BY version LIMIT $4";
constexpr std::string_view kFeed = "SELECT " ORRERY_EVENT_COLUMNS " FROM events WHERE position > $1";
constexpr std::string_view kFeedIsOfType = " AND event_type = $3";
constexpr std::string_view kFeedInOrder = " ORDER BY position LIMIT $2";

#undef ORRERY_EVENT_COLUMNS

constexpr std::string_view kSaveSnapshot =
    "INSERT INTO snapshots (aggregate_type, aggregate_id, version, state) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET version = excluded.version, state = excluded.state"
    " WHERE snapshots.version < excluded.version";
constexpr std::string_view kSnapshot =
    "SELECT version, state FROM snapshots WHERE aggregate_type = $1 AND aggregate_id = $2";

std::vector<StoredEvent> events_of(const Rows& rows) {
  std::vector<StoredEvent> events;
  events.reserve(rows.size());
  for (const Row row : rows) {
    StoredEvent& event = events.emplace_back();
    event.position = row["position"].integer();
    event.id = row["id"].text();
    event.aggregate_type = row["aggregate_type"].text();
    event.aggregate_id = row["aggregate_id"].text();
    event.version = row["version"].integer();
    event.type = row["event_type"].text();
    event.data = Json::parse(row["data"].text());
    event.created_at = to_rfc3339(SystemTime(std::chrono::microseconds(row["created_us"].integer())));
  }
  return events;
}

}  // namespace

std::string event_store_schema(const Twin&) { return kTables; }

Json StoredEvent::to_json() const {
  return Json{{"id", id},     {"aggregate_id", aggregate_id}, {"aggregate_type", aggregate_type}, {"event_type", type},
              {"data", data}, {"version", version},           {"created_at", created_at},         {"position", position}};
}

std::optional<StoredEvent> StoredEvent::parse(const Json& envelope) {
  const auto text = [&envelope](const char* name, std::string& into) {
    const auto member = envelope.find(name);
    if (member == envelope.end() || !member->is_string()) return false;
    into = member->get<std::string>();
    return true;
  };
  const auto number = [&envelope](const char* name, std::int64_t& into) {
    const auto member = envelope.find(name);
    if (member == envelope.end() || !member->is_number_integer()) return false;
    into = member->get<std::int64_t>();
    return true;
  };
  StoredEvent event;
  if (!envelope.is_object() || !text("id", event.id) || !text("aggregate_id", event.aggregate_id) ||
      !text("aggregate_type", event.aggregate_type) || !text("event_type", event.type) ||
      !text("created_at", event.created_at) || !number("version", event.version) ||
      !number("position", event.position) || !envelope.contains("data")) {
    return std::nullopt;
  }
  event.data = envelope["data"];
  return event;
}

Task<Appended> EventStore::append(std::string aggregate_type, std::string aggregate_id, std::int64_t expected_version,
                                  std::vector<NewEvent> events) {
  CHECK(!events.empty(), "an append has events");
  for (int attempt = 1;; ++attempt) {
    try {
      Appended appended = co_await append_once(aggregate_type, aggregate_id, expected_version, events);
      co_return appended;
    } catch (const DatabaseError& error) {
      // Somebody was faster: with this version, or with these events. The next look says which.
      if (!error.is_unique_violation() || attempt == 3) throw;
    }
  }
}

Task<Appended> EventStore::append_once(const std::string& aggregate_type, const std::string& aggregate_id,
                                       std::int64_t expected_version, const std::vector<NewEvent>& events) {
  Transaction tx = co_await db_.begin();
  co_await tx.exec(kLimitLockWait);
  // The last event tells whether it was this decision: earlier ones (the creation of what it needs) may be shared.
  const Rows looked = co_await tx.exec(kLook, aggregate_type, aggregate_id, events.back().id);
  const Row look = looked[0];
  Appended appended;
  appended.version = look["version"].is_null() ? 0 : look["version"].integer();
  if (!look["known_version"].is_null()) {
    appended.result = Appended::Result::known;
    appended.version = look["known_version"].integer();
    appended.position = look["known_position"].integer();
    co_return appended;
  }
  // twin: max-plus-one-version. Appends after whatever is there, however old the decision is.
  if (appended.version != expected_version && !twin_.is("max-plus-one-version")) {
    appended.result = Appended::Result::conflict;
    co_return appended;
  }
  const auto count = static_cast<std::int64_t>(events.size());
  std::int64_t position = 0;
  if (twin_.is("watermark-stalled")) {
    const Rows taken = co_await tx.exec(kTakeTransactionId);
    position = taken[0]["last"].integer();
  } else if (!twin_.is("in-flight-lower-id-skipped")) {
    const Rows taken = co_await tx.exec(kTakePositions, count);
    position = taken[0]["last"].integer() - count;
  }
  for (const NewEvent& event : events) {
    ++position;
    if (twin_.is("in-flight-lower-id-skipped")) {
      const Rows taken = co_await tx.exec(kTakeFromSequence);
      position = taken[0]["last"].integer();
    }
    ++appended.version;
    co_await tx.exec(kInsert, position, event.id, aggregate_type, aggregate_id, appended.version, event.type,
                     event.data.dump());
  }
  appended.position = position;
  co_await tx.commit();
  co_return appended;
}

Task<std::vector<StoredEvent>> EventStore::stream(std::string aggregate_type, std::string aggregate_id,
                                                  std::int64_t after, std::int64_t limit) {
  const Rows rows = co_await db_.exec(kStream, aggregate_type, aggregate_id, after, limit);
  co_return events_of(rows);
}

Task<std::vector<StoredEvent>> EventStore::feed(std::int64_t after, std::int64_t limit, std::string type) {
  std::string sql(kFeed);
  if (twin_.is("watermark-stalled")) sql += kFeedIsFinished;
  if (!type.empty()) sql += kFeedIsOfType;
  sql += kFeedInOrder;
  Rows rows;
  if (type.empty()) {
    rows = co_await db_.exec(sql, after, limit);
  } else {
    rows = co_await db_.exec(sql, after, limit, type);
  }
  co_return events_of(rows);
}

Task<void> EventStore::save_snapshot(std::string aggregate_type, std::string aggregate_id, std::int64_t version,
                                     Json state) {
  co_await db_.exec(kSaveSnapshot, aggregate_type, aggregate_id, version, state.dump());
}

Task<std::optional<Snapshot>> EventStore::snapshot(std::string aggregate_type, std::string aggregate_id) {
  const Rows rows = co_await db_.exec(kSnapshot, aggregate_type, aggregate_id);
  if (rows.empty()) co_return std::nullopt;
  Snapshot snapshot;
  snapshot.version = rows[0]["version"].integer();
  snapshot.state = Json::parse(rows[0]["state"].text());
  co_return snapshot;
}

}  // namespace orrery::services
