#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/database.hpp"
#include "sim/database_server.hpp"

namespace orrery::sim {

class Directory;

/// A service's connection to a database server, as its side knows it.
class Connection {
 public:
  enum class Use : std::uint8_t { statements, listening };
  Connection(Host& client, Directory& directory, DatabaseServer& server, std::uint64_t ordinal, Use use = Use::statements);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// One trip to the server and back. Throws DatabaseError: 53300 if it lets no more clients in.
  Task<void> open();
  /// Sends a job and waits for its reply, 10 s at most. Throws DatabaseError with `effect_if_lost` when the connection
  /// breaks or the time is over, else what the server answered.
  Task<Rows> ask(StatementJob job, Effect effect_if_lost);
  /// Sends a job whose answer nobody reads: the ROLLBACK of a transaction that was dropped.
  void tell(StatementJob job);
  /// The payload of a notification that has come, the oldest first.
  [[nodiscard]] std::optional<std::string> take_notification();
  /// Waits until a notification has come, or the connection is broken; `until` at most.
  Task<void> await_notification(Instant until);
  /// Breaks it from this side.
  void sever();
  [[nodiscard]] bool usable() const noexcept { return !broken_ && !waiting_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] const std::string& session() const noexcept { return session_; }
  [[nodiscard]] Host& client() const noexcept { return client_; }
  [[nodiscard]] DatabaseServer& server() const noexcept { return server_; }

  // ---- the wire: called by packets that arrive at the client ----
  void replied(StatementReply reply);
  void notified(std::string payload);
  void reset();

 private:
  Task<StatementReply> await_reply(Effect effect_if_lost);
  void send(StatementJob job);
  [[nodiscard]] DatabaseError lost(Effect effect, const char* what) const;

  Host& client_;
  Directory& directory_;
  DatabaseServer& server_;
  std::uint32_t incarnation_;  // of the client, when the connection was made
  ConnectionId id_;
  std::string session_;  // "user-1#3"
  bool broken_ = false;
  bool waiting_ = false;
  bool opened_ = false;
  std::uint32_t unread_ = 0;  // replies to jobs that were told, not asked
  Instant stream_ = Instant::min();
  Waiter* waiter_ = nullptr;
  bool has_reply_ = false;
  StatementReply reply_;
  Use use_;
  std::deque<std::string> notifications_;
  Waiter* hearing_ = nullptr;  // the task that awaits a notification
};

/// A service's pool of connections to one database.
class DatabaseClient final : public Database {
 public:
  static constexpr std::size_t kConnections = 10;

  DatabaseClient(Host& host, Directory& directory, DatabaseServer& server);
  ~DatabaseClient();

  Task<Transaction> begin(Isolation isolation) override;
  Task<std::unique_ptr<Listening>> listen(std::string channel) override;

  /// A connection taken from the pool; destroying it gives it back.
  class Lease {
   public:
    Lease() = default;
    Lease(DatabaseClient& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] Connection& operator*() const noexcept { return *connection_; }
    [[nodiscard]] Connection* operator->() const noexcept { return connection_.get(); }

   private:
    DatabaseClient* pool_ = nullptr;
    std::unique_ptr<Connection> connection_;
  };

  /// Sends one statement with what the seed does to it.
  Task<Rows> statement(Connection& connection, std::string sql, std::vector<SqlValue> parameters, Effect effect_if_lost);
  /// Sends COMMIT with what the seed does to it.
  Task<void> commit(Connection& connection);

 protected:
  Task<Rows> run(std::string sql, std::vector<SqlValue> parameters) override;

 private:
  Task<Lease> acquire();
  void give_back(std::unique_ptr<Connection> connection);

  Host& host_;
  Directory& directory_;
  DatabaseServer& server_;
  std::uint64_t connections_made_ = 0;
  std::size_t open_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::list<Waiter*> queue_;
};

}  // namespace orrery::sim
