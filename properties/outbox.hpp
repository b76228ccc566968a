#pragma once

#include <string>
#include <utility>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

// The transactional outbox: a service writes its rows and the events about them in one transaction, and a relay
// publishes the events afterwards, at least once and in order. (C. Richardson, Microservices Patterns, 2018,
// section 3.3; https://microservices.io/patterns/data/transactional-outbox.html)

/// Where the outbox is, and what its columns are called. Messages carry the event's id as their id.
struct OutboxTable {
  std::string table = "user_db.outbox_events";
  std::string event_id = "event_id";
  std::string aggregate_id = "aggregate_id";
  std::string aggregate_version = "aggregate_version";
  std::string event_type = "event_type";
  std::string payload = "payload";
  std::string status = "status";
  std::string published = "published";  // the value of `status`
  std::string topic = "user.events";
};

/// The rows that the events are about.
struct AggregateTable {
  std::string name = "user";  // in sentences
  std::string table = "user_db.users";
  std::string id = "id";
  std::string version = "version";            // 1 when it is inserted, one more with every change
  std::string created_type = "user.created";  // the event of its insertion
};

/// In every committed state each aggregate has exactly one event of its creation, and each such event its aggregate.
/// Removing an event's row after it was published is housekeeping and changes nothing; removing it earlier loses it.
/// Judged: after each commit, the aggregates that it touched, by row or by event.
/// Broken by: writing the event in a second transaction (dual write), not at all, or outside of the aggregate's
/// rollback.
[[nodiscard]] Check aggregates_match_their_creation(const OutboxTable& outbox, const AggregateTable& aggregates);

/// In every committed state the events of an aggregate have exactly the versions 1 to the aggregate's version, once
/// each. Judged: after each commit, the aggregates that it touched. Broken by: a change without an event, a version
/// computed in memory (MAX + 1), the same change made twice.
[[nodiscard]] Check every_change_has_its_event(const OutboxTable& outbox, const AggregateTable& aggregates);

/// An event says what its aggregate was at the event's version: each of `says` names a member of the payload (or of the
/// payload's member "payload") and the aggregate's column that it must equal.
/// Judged: each event whose aggregate has that version in the same commit; the checks above speak of the others.
/// Broken by: an event built from what was read before the change, or from the request.
using Sayings = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Check events_say_what_aggregates_were(const OutboxTable& outbox, const AggregateTable& aggregates,
                                                    const Sayings& says);

/// When an event's row is committed as published for the first time, the broker has stored its message, and has told a
/// publisher so.
/// Judged: each row that was ever committed as published.
/// Broken by: marking before publishing, marking a batch of which a part failed, swallowing the publisher's error.
[[nodiscard]] Check published_means_stored(const OutboxTable& outbox);

/// Each message of the topic is an event that had been committed when the broker stored it, and it says what the row
/// says: the body, or its member "payload", is the row's payload (the same bytes, or equal JSON).
/// Judged: each stored message.
/// Broken by: publishing inside of the transaction or beside the outbox (a rollback leaves a phantom).
[[nodiscard]] Check messages_are_committed_events(const OutboxTable& outbox);

/// The first time that each event of an aggregate is stored follows the aggregate's versions, from 1 and without gaps;
/// all with the aggregate's id as ordering key, so that the broker keeps the order. Storing an event once more, later,
/// is no violation: publishing is at least once.
/// Judged: each event that was stored.
/// Broken by: relays that take batches side by side (SKIP LOCKED), ids that become visible out of order, a failed event
/// that is passed over, publishing in parallel.
[[nodiscard]] Check events_are_stored_in_order(const OutboxTable& outbox);

/// At the end each event is committed as published (or its row was removed after it was).
/// Judged: each event that was ever committed.
/// Broken by: giving up after n attempts, a cursor that passes a gap, a claim that is never taken over.
[[nodiscard]] Check every_event_is_published(const OutboxTable& outbox);

/// Of the events that were not yet published when the faults were taken away, or came afterwards, 95 % were committed
/// as published within `bound` of max(their commit, the end of faults). Nearest rank; an event that never was counts as
/// waiting until the end. Judged: those events. Without an end of faults: all.
/// Broken by: a relay that stands still behind a long transaction, a convoy behind a slow broker, endless backoff.
[[nodiscard]] Check publish_lag_p95_is_within(const OutboxTable& outbox, Duration bound);

}  // namespace orrery
