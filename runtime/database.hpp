#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/sql.hpp"
#include "runtime/task.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// The name by which the hot standby of a database is reached, if it has one: `context.database(standby_of("user_db"))`. It is
/// read-only (25006), and shows a state of the database that is consistent and somewhat old.
[[nodiscard]] inline std::string standby_of(std::string_view database) { return std::string(database) + "_standby"; }

enum class Isolation { read_committed, repeatable_read, serializable };

/// One connection taken from the pool, in a transaction: what a world implements.
class TransactionSession {
 public:
  virtual ~TransactionSession() = default;
  virtual Task<Rows> exec(std::string sql, std::vector<SqlValue> parameters) = 0;
  virtual Task<void> commit() = 0;
  virtual Task<void> rollback() = 0;
};

/// An open transaction. Destroying it without commit rolls it back and returns the connection to the pool.
class Transaction {
 public:
  Transaction() = default;
  explicit Transaction(std::unique_ptr<TransactionSession> session) : session_(std::move(session)) {}

  /// Runs one statement; `$1`… take the parameters. Throws DatabaseError. After an error the transaction is aborted
  /// (25P02 for what follows) unless a savepoint is rolled back to. Named locals for parameters that own memory and are
  /// aggregates: see the g++ 12 hazards.
  template <class... P>
  Task<Rows> exec(std::string_view sql, P&&... parameters) {
    std::vector<SqlValue> values;
    values.reserve(sizeof...(P));
    (values.emplace_back(std::forward<P>(parameters)), ...);
    return session_->exec(std::string(sql), std::move(values));
  }

  /// After it returns, the changes are durable. Throws DatabaseError: `did_not_happen` when the server refused (40001,
  /// a deferred constraint), `may_have_happened` when the connection broke before the answer came. A crash while it
  /// runs leaves either all changes or none. COMMIT of an aborted transaction throws 25P02 (the server would answer
  /// ROLLBACK without an error; here nothing is swallowed).
  Task<void> commit() { return session_->commit(); }
  Task<void> rollback() { return session_->rollback(); }
  [[nodiscard]] explicit operator bool() const noexcept { return session_ != nullptr; }

 private:
  std::unique_ptr<TransactionSession> session_;
};

/// A subscription to the notifications of one channel (LISTEN), on a connection of its own, beside the pool. Destroying it
/// closes the connection. PostgreSQL stores nothing for a listener that is not there: whoever relies on a notification also
/// looks at the tables, when he begins to listen and now and then.
class Listening {
 public:
  virtual ~Listening() = default;
  /// The payload of the next notification, oldest first; nothing, if none came within `at_most`. Throws DatabaseError
  /// (08006, `did_not_happen`) when the connection is lost, which a silent one is found to be within 25 s: there may have been
  /// notifications that nobody heard. Listen again, then look. One task at a time.
  virtual Task<std::optional<std::string>> next(Duration at_most) = 0;
};

/// A service's own database: a pool of connections (5..20, idle limit 60 s).
class Database {
 public:
  /// Takes a connection (waits for one up to the pool's acquire time-out, then 53300) and begins.
  virtual Task<Transaction> begin(Isolation isolation = Isolation::read_committed) = 0;

  /// When it returns, every notification of a transaction that commits from then on will come, until the connection is lost. A
  /// pooler in transaction mode is passed by. Throws DatabaseError: the connection could not be made (08001, 53300), or the
  /// server refuses (a standby, a channel's name of 64 bytes and more).
  virtual Task<std::unique_ptr<Listening>> listen(std::string channel) = 0;

  /// One statement in a transaction of its own. A connection that breaks after it was sent is `may_have_happened`,
  /// also for reads (where it does not matter).
  template <class... P>
  Task<Rows> exec(std::string_view sql, P&&... parameters) {
    std::vector<SqlValue> values;
    values.reserve(sizeof...(P));
    (values.emplace_back(std::forward<P>(parameters)), ...);
    return run(std::string(sql), std::move(values));
  }

 protected:
  virtual Task<Rows> run(std::string sql, std::vector<SqlValue> parameters) = 0;
  ~Database() = default;
};

}  // namespace orrery
