#pragma once

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

/// The event store over HTTP. All functions throw EventsUnavailable.
class EventClient {
 public:
  explicit EventClient(Context& context) : context_(context), budget_(context.clock, RetryBudget::Limits()) {}

  /// As EventStore::append. Asks again with the same ids until there is an answer, or the deadline comes: then it may have
  /// happened.
  Task<Appended> append(std::string aggregate_type, std::string aggregate_id, std::int64_t expected_version,
                        std::vector<NewEvent> events, Instant deadline);
  /// All events of an aggregate, in order.
  Task<std::vector<StoredEvent>> stream(std::string aggregate_type, std::string aggregate_id, Instant deadline);
  /// A page of all events, by position. Asks once: its callers come again.
  Task<std::vector<StoredEvent>> feed(std::int64_t after, std::int64_t limit);
  /// The same as a function, for projections.
  [[nodiscard]] ReadFeed reader();

 private:
  Task<Response> ask(Request request, Instant deadline);
  Task<std::vector<StoredEvent>> page(Request request, Instant deadline, bool& more);

  Context& context_;
  RetryBudget budget_;
};

}  // namespace orrery::services
