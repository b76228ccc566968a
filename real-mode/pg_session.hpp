#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "real-mode/loop.hpp"
#include "real-mode/pg_link.hpp"
#include "runtime/sql.hpp"

namespace orrery::real {

/// What a session is asked to do.
struct PgJob {
  enum class Kind { connect, statement };
  explicit PgJob(Kind kind, std::string sql = {}) : kind(kind), sql(std::move(sql)) {}

  const Kind kind;
  std::string begin;  // goes before a statement: the BEGIN of its transaction
  std::string sql;
  std::vector<SqlValue> parameters;
  // The answer:
  bool done = false;
  Rows rows;
  std::optional<PgError> error;
  Waiter* waiter = nullptr;  // null: nobody waits any more
};

/// A connection of the pool. The loop waits for its socket, so it has no thread, but for one while it connects: names are
/// resolved and sessions are set up by calls that block. For the loop's thread.
class PgSession : public std::enable_shared_from_this<PgSession> {
 public:
  PgSession(Loop& loop, std::string connection, PgLink::Wants wants, std::string name);
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;
  ~PgSession();

  /// The session must be idle; the first job is to connect. The job's waiter is woken when it is done, never in this call.
  void submit(std::shared_ptr<PgJob> job);
  /// Breaks the connection. A job that runs ends soon, with an error.
  void sever() noexcept;
  /// Idle, and not known to have ended.
  [[nodiscard]] bool usable() const noexcept { return !broken && !busy && link_ != nullptr; }
  /// While usable: the server has ended it, though the loop may not have seen that yet. Asks the system.
  [[nodiscard]] bool is_stale() const noexcept { return link_->is_stale(); }
  /// The connection is closed and nothing runs.
  [[nodiscard]] bool ended() const noexcept { return link_ == nullptr && !connecting_.joinable(); }
  /// Waits for a thread that still connects, and closes the connection.
  void end() noexcept;

  const std::string name;
  bool busy = false;
  bool broken = false;
  /// The last statement failed: if it was one of a transaction, that is aborted.
  bool failed = false;
  Instant idle_since{};

 private:
  struct Watch;
  void connect();
  void connected();
  void watch();
  void ready();
  void finish();
  void close() noexcept;

  Loop& loop_;
  const std::string connection_;
  const PgLink::Wants wants_;
  std::shared_ptr<PgJob> job_;
  std::unique_ptr<PgLink> made_;  // the connecting thread's, until it has posted that it is done
  std::unique_ptr<PgLink> link_;
  std::unique_ptr<Watch> watch_;  // of the link's socket
  std::thread connecting_;
};

}  // namespace orrery::real
