#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/context.hpp"
#include "services/patterns/lease.hpp"
#include "services/patterns/retry.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

/// One event as it goes into the outbox. Not an aggregate: see the g++ 12 hazards in docs/decisions/0001-task.md.
class OutboxEvent {
 public:
  OutboxEvent() = default;

  std::string event_id;                // uuid; becomes the broker's message id
  std::string aggregate_id;            // uuid; becomes the ordering key
  std::int64_t aggregate_version = 1;  // 1, 2, 3, … within the aggregate, without gaps
  std::string event_type;
  std::int64_t version = 1;  // of the event's schema
  std::string occurred_at;   // RFC 3339
  Json body;                 // what will be published
};

/// The transactional outbox (Richardson, "Microservices Patterns", 3.3.7): an event is stored in the same transaction
/// as the change it tells of, in the table `outbox_events` of services/user/schema.cpp, and published afterwards by a
/// relay. Either both are committed or none: no event is lost, none is invented.
class Outbox {
 public:
  Outbox(Context& context, std::string topic, Twin twin)
      : context_(context), topic_(std::move(topic)), twin_(std::move(twin)) {}

  /// Adds the event to the caller's transaction: it will be published if and only if that commits. Returns the body as
  /// stored: every publish carries exactly these bytes. Throws DatabaseError.
  Task<std::string> put(Transaction& tx, const OutboxEvent& event);

  /// Publishes around the outbox, for broken twins. False: it failed, which is only logged.
  Task<bool> publish_directly(const OutboxEvent& event, std::string body);

 private:
  Context& context_;
  std::string topic_;
  Twin twin_;
};

struct RelaySettings {
  Duration poll = 500ms;       // between rounds that found little
  std::int64_t batch = 10;     // rows claimed at once
  Duration lease = 10s;        // of a claim, on the database's clock
  Duration margin = 2s;        // a publish is not begun when less of the lease is left
  Backoff backoff{200ms, 5s};  // of a row that could not be published, and of the loop while the database is away
  std::int64_t max_body = 256 * 1024;  // a longer event can never be published: it is parked as `failed`

  Duration report_every = 10s;  // of the backlog, to the metrics

  [[nodiscard]] static RelaySettings read(Settings settings);
};

/// Publishes what stands in the outbox, at least once, in the order of `aggregate_version` within each aggregate.
///
/// One runs on every replica. A round claims due rows with an owner, a fencing token and a lease on the database's
/// clock; only the head of each aggregate (no earlier row that is not `published`) can be claimed, so that the order is
/// kept by the rows themselves, whoever relays. A row becomes `published` by an update that is fenced with the token,
/// and only after the broker confirmed. What is polled is the status and never "ids above the last one": ids are taken
/// at INSERT but rows appear at COMMIT, so a cursor would pass by rows that were still in flight.
///
/// A crash, a pause or a lost answer anywhere leaves a row `pending` under a lease; when it is over another round
/// publishes it again, with the same id and bytes. Failures are retried for ever with capped backoff; only an event
/// that can never be published becomes `failed`, with a reason; it holds up its aggregate until `replay`.
class OutboxRelay {
 public:
  OutboxRelay(Context& context, Database& db, std::string topic, RelaySettings settings, const Twin& twin);

  /// Starts relaying, until the service is asked to stop.
  void start();

  enum class Replay { done, unknown_event, not_failed };
  /// Makes a `failed` row due again.
  Task<Replay> replay(std::string event_id);

 private:
  class Claimed {
   public:
    Claimed() = default;

    std::int64_t seq_id = 0;
    std::int64_t token = 0;
    std::int64_t attempts = 0;
    std::string event_type;
    Message message;
  };
  Task<void> run();
  /// Tells the metrics how much is waiting, and how long, now and then. Throws DatabaseError.
  Task<void> report();
  /// One claimed batch. Returns how many rows it had. Throws DatabaseError.
  Task<std::int64_t> round();
  Task<void> relay(const Claimed& row);
  Task<void> relay_apart(Claimed row);

  Context& context_;
  Database& db_;
  std::string topic_;
  RelaySettings settings_;
  Twin twin_;
  std::string claim_;  // the statement
  Instant next_report_;
};

}  // namespace orrery::services
