#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "sim/database/engine.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

class DatabaseServer;

/// A connection pooler in transaction mode in front of the server, as PgBouncer with pool_mode = transaction: a client has a
/// session for as long as a transaction lasts, and then perhaps another one. What it leaves in a session (SET, LISTEN,
/// session-level advisory locks) stays there, and meets whoever gets the session next.
class Pooler {
 public:
  static constexpr std::size_t kSessions = 20;  // PgBouncer's default_pool_size

  explicit Pooler(DatabaseServer& server) : server_(server) {}

  /// A session; waits until one is free.
  Task<std::unique_ptr<database::Session>> take(Host& host);
  void give_back(std::unique_ptr<database::Session> session);
  /// A session ended with its client, in the middle of a transaction.
  void ended();
  /// The server is gone, and its sessions with it.
  void clear();

 private:
  DatabaseServer& server_;
  std::vector<std::unique_ptr<database::Session>> idle_;
  std::size_t open_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t taken_ = 0;
  std::list<Waiter*> queue_;
};

}  // namespace orrery::sim
