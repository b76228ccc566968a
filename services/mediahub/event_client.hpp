#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/context.hpp"
#include "services/patterns/event_store.hpp"
#include "services/patterns/projection.hpp"
#include "services/patterns/retry.hpp"

namespace orrery::services {

/// The event store gave no answer, however often it was asked.
class EventsUnavailable : public Failure {
 public:
  using Failure::Failure;
};

/// What is known of an aggregate: a snapshot, if there is one, and all events after it.
class AggregateStory {
 public:
  AggregateStory() = default;

  std::optional<Snapshot> snapshot;
  std::vector<StoredEvent> events;
};

/// The event store over HTTP. Functions throw EventsUnavailable unless they say otherwise.
class EventClient {
 public:
  explicit EventClient(Context& context) : context_(context), budget_(context.clock, RetryBudget::Limits()) {}

  /// As EventStore::append. Asks again with the same ids until there is an answer, or the deadline comes: then it may have
  /// happened.
  Task<Appended> append(std::string aggregate_type, std::string aggregate_id, std::int64_t expected_version,
                        std::vector<NewEvent> events, Instant deadline);
  /// All events of an aggregate, in order.
  Task<std::vector<StoredEvent>> stream(std::string aggregate_type, std::string aggregate_id, Instant deadline);
  /// An aggregate from its last snapshot on.
  Task<AggregateStory> story(std::string aggregate_type, std::string aggregate_id, Instant deadline);
  /// Asks once to keep a snapshot. Throws nothing: the next reader reads more events, and asks again.
  Task<void> keep(std::string aggregate_type, std::string aggregate_id, std::int64_t version, Json state);
  /// A page of all events, by position. Asks once: its callers come again.
  Task<std::vector<StoredEvent>> feed(std::int64_t after, std::int64_t limit);
  /// The same as a function, for projections.
  [[nodiscard]] ReadFeed reader();

 private:
  Task<Response> ask(Request request, Instant deadline);
  /// The answer to a request for events; `next` is null after the last ones.
  Task<Json> page(Request request, Instant deadline);

  Context& context_;
  RetryBudget budget_;
};

}  // namespace orrery::services
