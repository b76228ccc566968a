#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/sql.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// What happened. The comment says what the fields of an Event mean for the kind; a field that is not named is empty.
/// Facts are kept in every run, because properties read them; traces are kept only when a run is recorded in full. Both
/// enter the trace hash.
enum class EventKind : std::uint8_t {
  // ---- facts ----
  phase,                 // subject: "faults" (the run begins), "healed" (faults are off), "end"
  host_started,          // number: incarnation, from 1
  host_crashed,          // text: why
  host_stopped,          // asked to stop, and did
  host_paused,
  host_resumed,
  operation_invoked,     // a client of the workload begins. subject: operation ("create user"), key: operation id, text: JSON
  operation_ended,       // subject, key as invoked. number: HTTP status, 0 without an answer. text: body, or why there is none
  request_sent,          // HTTP client. subject: "mail POST /send", key: request id, text: body,
                         //   detail: traceparent of its span
  request_received,      // HTTP server begins to handle it. subject: "mail POST /send", key: request id,
                         //   text: body, detail: traceparent of its span
  request_answered,      // HTTP server has answered. subject, key as received; number: status
  request_ended,         // HTTP client. subject, key as sent. number: status, 0 without an answer. text: "refused",
                         //   "timed out", "reply lost" without an answer
  transaction_committed, // at the database server, in commit order. subject: database, key: session, number: transaction id,
                         //   changes: the rows
  commit_unknown,        // at the client: the answer to COMMIT was lost. subject: database, key: session
  commit_failed,         // at the client: COMMIT was refused, or never sent. subject: database, key: session, text: why
  publish_started,       // publisher. subject: topic, key: message id, text: body, detail: traceparent of its span
  message_stored,        // broker made it durable. subject: topic, key: message id, number: offset, text: body,
                         //   detail: ordering key
  publish_confirmed,     // publisher heard so. subject: topic, key: message id
  publish_failed,        // publisher. subject: topic, key: message id, text: why
  message_delivered,     // consumer's handler begins. subject: "topic/group", key: message id, number: attempt, text: body,
                         //   detail: ordering key
  message_acknowledged,  // consumer sent its acknowledgement. subject: "topic/group", key: message id, number: attempt
  message_refused,       // consumer refused. subject: "topic/group", key: message id, number: attempt, text: why
  message_settled,       // broker recorded the acknowledgement. subject: "topic/group", key: message id
  message_dead_lettered, // broker gave up. subject: "topic/group", key: message id, number: deliveries, text: body
  fault_injected,        // subject: kind, key: address, text: in words
  fault_healed,          // subject: kind, key: address
  service_failed,        // an exception left a service's task. subject: fiber, text: what()
  log,                   // subject: level, text: message, detail: fields as JSON
  // ---- traces ----
  fiber_started,         // subject: fiber
  fiber_ended,           // subject: fiber
  fiber_woken,           // subject: fiber
  message_sent,          // network. subject: "from>to", text: what it carries, number: ordinal on the link
  message_arrived,       // network. as sent
  message_dropped,       // network. as sent; detail: why
  transaction_begun,     // at the client. subject: database, key: session
  statement,             // at the server. subject: database, key: session, text: SQL
  statement_failed,      // at the server. subject: database, key: session, text: SQLSTATE and message
  transaction_ended,     // at the server, rolled back. subject: database, key: session
  place_reached,         // an address where a fault may strike. subject: place, number: ordinal
  // ---- trace and facts that came later: trace hashes count by a kind's number, so they stand at the end ----
  file_written,          // a file store has it, whole and durably. subject: store, key: path, number: bytes, text: their hash
  file_removed,          // a file store has it no more. subject: store, key: path
  choice_made,           // at the database server: what SQL leaves open was decided. subject: database, key: session,
                         //   text: "row order", "lock order" or "plan", detail: the number that decided. No fact
  transaction_lost,      // at the database server, when it is back: a commit is gone. subject: database, key: the session that
                         //   had committed, number: transaction id, changes: those that undo it
  count_,                // how many kinds there are
};
[[nodiscard]] const char* to_string(EventKind kind) noexcept;
[[nodiscard]] constexpr bool is_fact(EventKind kind) noexcept {
  return kind < EventKind::fiber_started || (kind > EventKind::place_reached && kind != EventKind::choice_made);
}

enum class RowOperation : std::uint8_t { insert, update, remove };

/// One row that a committed transaction changed.
struct RowChange {
  std::string table;  // without the database: "outbox_events"
  RowOperation operation = RowOperation::insert;
  std::shared_ptr<const RowShape> shape;
  std::vector<SqlValue> before;  // empty on insert
  std::vector<SqlValue> after;   // empty on remove

  [[nodiscard]] Row old_row() const { return {*shape, before.data()}; }
  [[nodiscard]] Row new_row() const { return {*shape, after.data()}; }
};

using EventId = std::uint64_t;  // counts every event of a run from 1, recorded or not; 0: none

struct Event {
  EventId id = 0;
  EventId cause = 0;  // the event that led to this one; 0: the run's beginning
  Instant at{};
  EventKind kind = EventKind::phase;
  std::string host;
  std::string subject;
  std::string key;
  std::int64_t number = 0;
  std::string text;
  std::string detail;
  std::vector<RowChange> changes;
};

/// What a run left behind, in the order in which it happened. In one process that order is total; across hosts of real
/// mode a property relies on causes.
class History {
 public:
  [[nodiscard]] const std::vector<Event>& events() const noexcept { return events_; }
  void add(Event event) { events_.push_back(std::move(event)); }
  void clear() { events_.clear(); }

  /// One committed row change and the commit it was part of.
  struct Change {
    const Event* commit;
    const RowChange* row;
  };
  /// All committed changes of a table, in commit order: `committed("user_db.outbox_events")`. Where commits were lost, the
  /// changes that undo them stand there, of an event transaction_lost.
  [[nodiscard]] std::vector<Change> committed(std::string_view database_and_table) const;
  /// All events of a kind; with a subject only those.
  [[nodiscard]] std::vector<const Event*> of(EventKind kind) const;
  [[nodiscard]] std::vector<const Event*> of(EventKind kind, std::string_view subject) const;
  /// The event with this id; null if it was not kept.
  [[nodiscard]] const Event* find(EventId id) const noexcept;
  /// When the faults were taken away; Instant::max() if they were not.
  [[nodiscard]] Instant healed_at() const noexcept;

 private:
  std::vector<Event> events_;
};

}  // namespace orrery
