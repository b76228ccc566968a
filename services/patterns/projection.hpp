#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/context.hpp"
#include "services/patterns/event_store.hpp"
#include "services/patterns/retry.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {

/// Reads a page of events after a position. Throws a Failure if it cannot.
using ReadFeed = std::function<Task<std::vector<StoredEvent>>(std::int64_t after, std::int64_t limit)>;

struct FeedSettings {
  Duration poll = 2s;
  std::int64_t batch = 50;
  Backoff backoff{200ms, 5s};  // while the feed or the database is away

  [[nodiscard]] static FeedSettings read(Settings settings, FeedSettings standard);
};

/// A read model that follows an event feed (CQRS), in one database with its checkpoint.
///
/// A page of events and the checkpoint behind it are one transaction, and the checkpoint is compared and locked first: so
/// each event takes effect exactly once, in order, whichever replica applies it. A crash leaves the page applied or not; a
/// replica that was paused with an old page finds the checkpoint moved and drops it. An event that cannot be applied stops
/// the projection there, visibly, rather than being left out.
class Projection {
 public:
  using Apply = std::function<Task<void>(Transaction& tx, StoredEvent event)>;
  using Clear = std::function<Task<void>(Transaction& tx)>;

  Projection(Context& context, Database& db, std::string name, ReadFeed read, Apply apply, Clear clear,
             FeedSettings settings, const Twin& twin);

  /// Follows the feed until the service is asked to stop.
  void start();

  /// Empties the read model and goes back to the beginning, in one transaction; the events are applied anew from there.
  /// Throws DatabaseError.
  Task<void> rebuild();

  /// Read your writes: a transaction (REPEATABLE READ) to read the model in, whose snapshot has everything up to the position.
  /// Helps the projection along until then; none if it has not come so far at the deadline. The position is looked up in the same
  /// snapshot: between two statements a rebuild could empty the model. Throws DatabaseError, or what reading the feed throws.
  Task<Transaction> read_at(std::int64_t position, Instant deadline);

 private:
  Task<void> run();
  /// Applies one page. Returns how many events it had. Throws Failure.
  Task<std::int64_t> round();
  Task<std::int64_t> checkpoint();
  Task<void> apply_page(std::int64_t from, const std::vector<StoredEvent>& page);
  Task<void> apply_skipping(const std::vector<StoredEvent>& page);

  Context& context_;
  Database& db_;
  std::string name_;
  ReadFeed read_;
  Apply apply_;
  Clear clear_;
  FeedSettings settings_;
  Twin twin_;
};

/// Takes in every event of a feed at least once, in order, with a handler that takes a repetition for what it is (an
/// idempotent consumer). The checkpoint follows behind the work, never before it; replicas share it, each at its own pace.
class Follower {
 public:
  /// Returning takes the event in; throwing a Failure asks for it again.
  using Handle = std::function<Task<void>(StoredEvent event)>;

  Follower(Context& context, Database& db, std::string name, ReadFeed read, Handle handle, FeedSettings settings,
           const Twin& twin);
  void start();

 private:
  Task<void> run();
  Task<std::int64_t> round();

  Context& context_;
  Database& db_;
  std::string name_;
  ReadFeed read_;
  Handle handle_;
  FeedSettings settings_;
  Twin twin_;
};

/// The table feed_checkpoints. Statements end with ';'.
extern const char* const kCheckpointSchema;

}  // namespace orrery::services
