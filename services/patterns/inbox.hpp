#pragma once

#include <string>
#include <utility>

#include "runtime/database.hpp"

namespace orrery::services {

/// The idempotent consumer (Richardson, "Microservices Patterns", 3.3.6): the ids of the messages that a consumer has
/// processed, in the table `processed_messages`, written in the same transaction as what the message led to.
///
/// A message therefore has its effect exactly once, however often, wherever and in how many copies at the same time it
/// is delivered. A crash before the commit leaves neither effect nor id, so that the next delivery does the work; one
/// after it leaves both, so that the next delivery only acknowledges. Ids are kept for ever: forgetting them is only
/// sound once the broker cannot deliver a message any more, and nothing tells the consumer when that is.
class Inbox {
 public:
  explicit Inbox(std::string consumer) : consumer_(std::move(consumer)) {}

  /// Notes the message in the caller's transaction. False: it was processed before, durably; there is nothing to do.
  /// Waits for another transaction that has the same message in work. Throws DatabaseError.
  Task<bool> is_new(Transaction& tx, std::string message_id) const {
    const Rows noted = co_await tx.exec(
        "INSERT INTO processed_messages (consumer, message_id) VALUES ($1, $2) ON CONFLICT (consumer, message_id) DO "
        "NOTHING"
        " RETURNING message_id",
        consumer_, message_id);
    co_return !noted.empty();
  }

  [[nodiscard]] const std::string& consumer() const noexcept { return consumer_; }

 private:
  std::string consumer_;
};

}  // namespace orrery::services
