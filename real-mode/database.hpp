#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "real-mode/listening.hpp"
#include "real-mode/places.hpp"
#include "real-mode/recorder.hpp"
#include "runtime/database.hpp"

namespace orrery::real {

class PgSession;
struct PgJob;

struct PoolSettings {
  std::string connection;           // as libpq reads it: "host=… dbname=…" or postgresql://…
  std::size_t least = 5;            // idle connections that are kept whatever their age
  std::size_t most = 20;
  Duration idle_time = 60s;         // further ones are closed after it
  Duration acquire_within = 5s;     // then 53300
  Duration answer_within = 10s;     // then the connection is broken off: 08006
  std::string session = "service";  // names sessions: "user-1.2" gives "user-1.2#1", …
  /// Each transaction that writes says in the write-ahead log which session it was, so that the test bed can tell.
  bool tells_session = false;
  /// What is connected to may be a standby.
  bool may_be_standby = false;
};

/// A service's pool of connections to one PostgreSQL database. The loop's one thread waits for all of them.
class DatabasePool final : public Database {
 public:
  DatabasePool(Loop& loop, Random& random, Recorder& recorder, Mishaps& mishaps, std::string name, PoolSettings settings);
  /// Breaks what is still open and waits for the threads. All tasks that use it must be gone.
  ~DatabasePool();

  Task<Transaction> begin(Isolation isolation) override;
  Task<std::unique_ptr<Listening>> listen(std::string channel) override;

  [[nodiscard]] std::size_t open() const noexcept { return open_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  class Lease;
  /// One statement with what the plan does to it; `begin` goes before it.
  Task<Rows> statement(PgSession& session, std::string sql, std::vector<SqlValue> parameters, Effect effect_if_lost,
                       std::string begin = {});
  Task<void> commit(PgSession& session);
  Task<Rows> ask(PgSession& session, std::shared_ptr<PgJob> job, Effect effect_if_lost);
  void give_back(std::shared_ptr<PgSession> session);

 protected:
  Task<Rows> run(std::string sql, std::vector<SqlValue> parameters) override;

 private:
  Task<Lease> acquire();
  Task<void> end_refused(PgSession& session);
  Task<void> sever_soon(std::shared_ptr<PgSession> session, Duration after);
  void retire(std::shared_ptr<PgSession> session);
  void reap(bool all);
  [[nodiscard]] std::string commit_text(const PgSession& session) const;

  Loop& loop_;
  Random& random_;
  Recorder& recorder_;
  Mishaps& mishaps_;
  const std::string name_;
  const std::string link_;  // "client>database", the target of what strikes it
  const PoolSettings settings_;
  std::uint64_t made_ = 0;
  std::size_t open_ = 0;
  std::vector<std::shared_ptr<PgSession>> idle_;     // the last used last
  std::vector<std::shared_ptr<PgSession>> retired_;  // which may not have ended
  std::list<Waiter*> queue_;
  std::vector<std::shared_ptr<ListeningThread>> listeners_;
};

/// Applies numbered scripts to a database, in order, each once and in a transaction of its own, under an advisory lock, so
/// that replicas that start together do it once. Blocking: for the start of a process. Throws PgError; what was applied
/// before stays applied. A script that was applied with another text is refused with std::runtime_error.
void migrate(const std::string& connection, const std::vector<std::string>& scripts);

}  // namespace orrery::real
