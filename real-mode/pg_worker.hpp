#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore.h>
#include <string>
#include <thread>
#include <vector>

#include "real-mode/loop.hpp"
#include "real-mode/pg_link.hpp"
#include "runtime/sql.hpp"

namespace orrery::real {

/// What a connection's thread is asked to do. The loop's thread and the connection's never touch it at the same time.
struct PgJob {
  enum class Kind { connect, statement, script };
  explicit PgJob(Kind kind, std::string sql = {}) : kind(kind), sql(std::move(sql)) {}

  const Kind kind;
  std::string begin;  // goes before a statement: the BEGIN of its transaction
  std::string sql;
  std::vector<SqlValue> parameters;
  // The answer:
  bool done = false;
  Rows rows;
  std::optional<PgError> error;
  Waiter* waiter = nullptr;  // the loop's thread only; null: nobody waits any more
};

/// A connection and its thread. The loop's thread calls everything but what is said to be for any.
class PgWorker : public std::enable_shared_from_this<PgWorker> {
 public:
  PgWorker(Loop& loop, std::string connection, PgLink::Wants wants, std::string session);
  PgWorker(const PgWorker&) = delete;
  PgWorker& operator=(const PgWorker&) = delete;
  ~PgWorker();

  /// Starts the thread; it keeps the worker alive until it ends.
  void start();
  /// The worker must be idle. The job's waiter is woken when it is done.
  void submit(std::shared_ptr<PgJob> job);
  /// Breaks the connection and ends the thread, whatever it does.
  void sever() noexcept;
  /// Idle, and the server has not ended it.
  [[nodiscard]] bool usable() noexcept;
  /// The thread has nothing left to do but to end.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  void join();

  const std::string session;
  bool busy = false;
  bool broken = false;
  /// The last statement failed: if it was one of a transaction, that is aborted.
  bool failed = false;
  Instant idle_since{};

 private:
  void work();
  void carry_out(PgJob& job);
  void connect();
  void finished(PgJob& job);

  Loop& loop_;
  const std::string connection_;
  const PgLink::Wants wants_;
  /// Posted for a job and for the end. A condition variable would cost two more system calls a statement.
  sem_t wake_{};
  std::shared_ptr<PgJob> job_;  // handed over by wake_
  std::atomic<bool> quit_{false};
  std::mutex link_mutex_;          // who wants to shut the link must know that it is there
  std::unique_ptr<PgLink> link_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace orrery::real
