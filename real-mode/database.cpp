#include "real-mode/database.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "real-mode/pg_session.hpp"
#include "runtime/wait_queue.hpp"

namespace orrery::real {
namespace {

/// About what a COMMIT takes, so that breaking it within that time hits all of its stages.
constexpr Duration kWithinCommit = 1ms;

/// A connection that was in use so lately is taken without asking the system whether it has ended.
constexpr Duration kLookedAt = 1ms;

const char* begin_statement(Isolation isolation) {
  switch (isolation) {
    case Isolation::read_committed: return "BEGIN";
    case Isolation::repeatable_read: return "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case Isolation::serializable: return "BEGIN ISOLATION LEVEL SERIALIZABLE";
  }
  return "BEGIN";
}

}  // namespace

/// A connection taken from the pool; destroying it gives it back.
class DatabasePool::Lease {
 public:
  Lease(DatabasePool& pool, std::shared_ptr<PgSession> session) : pool_(&pool), session_(std::move(session)) {}
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (session_ != nullptr) pool_->give_back(std::move(session_));
  }
  [[nodiscard]] PgSession& operator*() const noexcept { return *session_; }
  [[nodiscard]] PgSession* operator->() const noexcept { return session_.get(); }

 private:
  DatabasePool* pool_;
  std::shared_ptr<PgSession> session_;
};

namespace {

std::shared_ptr<PgJob> script(std::string sql) { return std::make_shared<PgJob>(PgJob::Kind::statement, std::move(sql)); }

/// The ROLLBACK of a transaction that was dropped: the connection goes back to the pool when it is done.
Task<void> roll_back(DatabasePool& pool, DatabasePool::Lease lease) {
  std::shared_ptr<PgJob> job = script("ROLLBACK");
  try {
    Task<Rows> asking = pool.ask(*lease, std::move(job), Effect::did_not_happen);
    co_await std::move(asking);
  } catch (const DatabaseError&) {
    lease->sever();  // the server rolls back what it has lost
  }
}

/// Its BEGIN goes with the first statement, which saves a trip: until then the server knows nothing of it.
class RealTransaction final : public TransactionSession {
 public:
  RealTransaction(Loop& loop, DatabasePool& pool, DatabasePool::Lease lease, Isolation isolation)
      : loop_(loop), pool_(pool), lease_(std::move(lease)), begin_(begin_statement(isolation)) {}
  ~RealTransaction() override {
    if (!open_ || lease_->broken) return;
    if (lease_->busy) {
      lease_->sever();  // the statement that it waited for was cancelled
    } else if (begin_.empty()) {
      loop_.spawn("rollback", roll_back(pool_, std::move(lease_)));
    }
  }

  Task<Rows> exec(std::string sql, std::vector<SqlValue> parameters) override {
    CHECK(open_, "a statement in a transaction that has ended");
    return pool_.statement(*lease_, std::move(sql), std::move(parameters), Effect::did_not_happen, std::exchange(begin_, {}));
  }
  Task<void> commit() override {
    CHECK(open_, "a transaction is committed twice");
    open_ = false;
    if (!begin_.empty()) co_return;
    Task<void> committing = pool_.commit(*lease_);
    co_await std::move(committing);
  }
  Task<void> rollback() override {
    CHECK(open_, "a transaction that has ended is rolled back");
    open_ = false;
    if (!begin_.empty()) co_return;
    std::shared_ptr<PgJob> job = script("ROLLBACK");
    Task<Rows> asking = pool_.ask(*lease_, std::move(job), Effect::did_not_happen);
    co_await std::move(asking);
  }

 private:
  Loop& loop_;
  DatabasePool& pool_;
  DatabasePool::Lease lease_;
  std::string begin_;  // empty: sent
  bool open_ = true;
};

}  // namespace

DatabasePool::DatabasePool(Loop& loop, Random& random, Recorder& recorder, Mishaps& mishaps, std::string name,
                           PoolSettings settings)
    : loop_(loop),
      random_(random),
      recorder_(recorder),
      mishaps_(mishaps),
      name_(std::move(name)),
      link_(recorder.host() + ">" + name_),
      settings_(std::move(settings)) {}

DatabasePool::~DatabasePool() {
  for (std::shared_ptr<PgSession>& session : idle_) retire(std::move(session));
  idle_.clear();
  for (const std::shared_ptr<ListeningThread>& listener : listeners_) listener->stop();
  reap(true);
}

void DatabasePool::retire(std::shared_ptr<PgSession> session) {
  session->sever();
  --open_;
  retired_.push_back(std::move(session));
}

void DatabasePool::reap(bool all) {
  std::erase_if(listeners_, [all](const std::shared_ptr<ListeningThread>& listener) {
    if (!all && !listener->ended()) return false;
    listener->join();
    return true;
  });
  std::erase_if(retired_, [all](const std::shared_ptr<PgSession>& session) {
    if (!all && !session->ended()) return false;
    session->end();
    return true;
  });
}

void DatabasePool::give_back(std::shared_ptr<PgSession> session) {
  if (session->usable()) {
    session->idle_since = loop_.recent();
    idle_.push_back(std::move(session));
    // The first of them was used the longest time ago.
    while (open_ > settings_.least && loop_.recent() - idle_.front()->idle_since > settings_.idle_time) {
      retire(std::move(idle_.front()));
      idle_.erase(idle_.begin());
    }
  } else {
    retire(std::move(session));
  }
  reap(false);
  if (!queue_.empty()) queue_.front()->wake();
}

Task<DatabasePool::Lease> DatabasePool::acquire() {
  const Instant deadline = loop_.recent() + settings_.acquire_within;
  for (;;) {
    while (!idle_.empty()) {
      std::shared_ptr<PgSession> session = std::move(idle_.back());
      idle_.pop_back();
      // The loop has seen the end of a connection, but perhaps not one of just now.
      const bool fresh = loop_.recent() - session->idle_since < kLookedAt;
      if (session->usable() && (fresh || !session->is_stale())) co_return Lease(*this, std::move(session));
      retire(std::move(session));
    }
    if (open_ < settings_.most) {
      ++open_;
      const auto wants = settings_.may_be_standby ? PgLink::Wants::any_server : PgLink::Wants::primary;
      auto session = std::make_shared<PgSession>(loop_, settings_.connection, wants,
                                               settings_.session + "#" + std::to_string(++made_));
      Lease lease(*this, std::move(session));
      auto connecting = std::make_shared<PgJob>(PgJob::Kind::connect);
      Task<Rows> asking = ask(*lease, std::move(connecting), Effect::did_not_happen);
      co_await std::move(asking);
      co_return std::move(lease);
    }
    Waiter waiter(loop_);
    const InQueue in_queue(queue_, waiter);
    if (!co_await waiter.wait_until(deadline)) {
      throw DatabaseError(Effect::did_not_happen, "53300",
                          name_ + ": no connection of the pool became free within " + to_string(settings_.acquire_within));
    }
  }
}

Task<Rows> DatabasePool::ask(PgSession& session, std::shared_ptr<PgJob> job, Effect effect_if_lost) {
  if (session.broken) throw DatabaseError(Effect::did_not_happen, "08006", name_ + ": the connection is broken");
  Waiter waiter(loop_);
  const std::shared_ptr<PgJob> asked = std::move(job);
  const InPlace waiting(asked->waiter, waiter);
  session.submit(asked);
  const bool answered = co_await waiter.wait_until(loop_.recent() + settings_.answer_within);
  if (!answered) {
    session.sever();
    throw DatabaseError(effect_if_lost, "08006", name_ + ": no answer within " + to_string(settings_.answer_within));
  }
  if (asked->error) {
    const PgError& error = *asked->error;
    if (error.lost) session.sever();
    throw DatabaseError(error.lost ? effect_if_lost : Effect::did_not_happen, error.sqlstate,
                        name_ + ": " + error.what(), error.constraint);
  }
  co_return std::move(asked->rows);
}

Task<std::unique_ptr<Listening>> DatabasePool::listen(std::string channel) {
  reap(false);
  auto thread = std::make_shared<ListeningThread>(loop_, mishaps_, name_, settings_.connection,
                                                  settings_.session + "-listen", std::move(channel), link_);
  listeners_.push_back(thread);
  auto listening = std::make_unique<RealListening>(loop_, std::move(thread));
  Task<void> beginning = listening->begin(settings_.answer_within);
  co_await std::move(beginning);
  std::unique_ptr<Listening> given = std::move(listening);
  co_return std::move(given);
}

Task<Transaction> DatabasePool::begin(Isolation isolation) {
  Task<Lease> acquiring = acquire();
  Lease lease = co_await std::move(acquiring);
  co_return Transaction(std::make_unique<RealTransaction>(loop_, *this, std::move(lease), isolation));
}

Task<Rows> DatabasePool::run(std::string sql, std::vector<SqlValue> parameters) {
  Task<Lease> acquiring = acquire();
  Lease lease = co_await std::move(acquiring);
  if (!settings_.tells_session) {
    Task<Rows> asking = statement(*lease, std::move(sql), std::move(parameters), Effect::may_have_happened);
    co_return co_await std::move(asking);
  }
  // The same in two trips instead of one, so that the session can be told.
  std::optional<DatabaseError> failed;
  Rows rows;
  try {
    Task<Rows> asking = statement(*lease, std::move(sql), std::move(parameters), Effect::did_not_happen,
                                  begin_statement(Isolation::read_committed));
    rows = co_await std::move(asking);
  } catch (const DatabaseError& error) {
    failed = error;
  }
  std::shared_ptr<PgJob> ending = script(failed ? "ROLLBACK" : commit_text(*lease));
  if (failed && lease->broken) throw *failed;
  std::optional<DatabaseError> refused;
  try {
    Task<Rows> end = ask(*lease, std::move(ending), Effect::may_have_happened);
    co_await std::move(end);
  } catch (const DatabaseError& error) {
    refused = error;
  }
  if (refused) {
    Task<void> undoing = end_refused(*lease);
    co_await std::move(undoing);
  }
  if (failed) throw *failed;
  if (refused) throw *refused;
  co_return rows;
}

Task<Rows> DatabasePool::statement(PgSession& session, std::string sql, std::vector<SqlValue> parameters,
                                   Effect effect_if_lost, std::string begin) {
  const std::string& link = link_;
  bool reply_lost = false;
  if (mishaps_.strike(FaultKind::kill_session, link) != nullptr) {
    sql = "SELECT pg_terminate_backend(pg_backend_pid())";
    parameters.clear();
    effect_if_lost = Effect::did_not_happen;
  } else if (mishaps_.strike(FaultKind::deadlock, link) != nullptr) {
    sql = "DO $$ BEGIN RAISE EXCEPTION 'chosen as the victim of a deadlock' USING ERRCODE = '40P01'; END $$";
    parameters.clear();
  } else if (mishaps_.strike(FaultKind::break_statement, link) != nullptr) {
    if (random_.below(2) == 0) {
      session.sever();
      throw DatabaseError(effect_if_lost, "08006", name_ + ": the connection broke");
    }
    reply_lost = true;
  }
  auto job = std::make_shared<PgJob>(PgJob::Kind::statement, std::move(sql));
  job->begin = std::move(begin);
  job->parameters = std::move(parameters);
  Task<Rows> asking = ask(session, std::move(job), effect_if_lost);
  Rows rows = co_await std::move(asking);
  if (reply_lost) {
    session.sever();
    throw DatabaseError(effect_if_lost, "08006", name_ + ": the connection broke");
  }
  co_return rows;
}

std::string DatabasePool::commit_text(const PgSession& session) const {
  // The server answers the COMMIT of an aborted transaction without an error; a statement before it does not.
  if (!settings_.tells_session) return session.failed ? "SELECT 1; COMMIT" : "COMMIT";
  return "SELECT pg_logical_emit_message(true, 'orrery', '" + session.name +
         "') WHERE pg_current_xact_id_if_assigned() IS NOT NULL; COMMIT";
}

/// A COMMIT that the server refused may leave its aborted transaction open: it must not go back to the pool with it.
Task<void> DatabasePool::end_refused(PgSession& session) {
  if (session.broken) co_return;
  std::shared_ptr<PgJob> job = script("ROLLBACK");
  try {
    Task<Rows> asking = ask(session, std::move(job), Effect::did_not_happen);
    co_await std::move(asking);
  } catch (const DatabaseError&) {
    session.sever();  // the server rolls back what it has lost
  }
}

/// Breaks a connection while its COMMIT is under way: it may not have been sent, be at work, or be answered.
Task<void> DatabasePool::sever_soon(std::shared_ptr<PgSession> session, Duration after) {
  Waiter patience(loop_);
  co_await patience.wait_until(loop_.now() + after);
  session->sever();
}

Task<void> DatabasePool::commit(PgSession& session) {
  mishaps_.reached("before commit");
  const std::string& link = link_;
  if (mishaps_.strike(FaultKind::break_before_commit, link) != nullptr) {
    session.sever();
    recorder_.fact(EventKind::commit_unknown, name_, session.name);
    throw DatabaseError(Effect::may_have_happened, "08006", name_ + ": the connection broke at COMMIT");
  }
  const bool breaks = mishaps_.strike(FaultKind::break_during_commit, link) != nullptr;
  const bool reply_lost = !breaks && mishaps_.strike(FaultKind::break_after_commit, link) != nullptr;
  const bool was_broken = session.broken;
  std::optional<DatabaseError> failed;
  std::shared_ptr<PgJob> job = script(commit_text(session));
  if (breaks) loop_.spawn("break", sever_soon(session.shared_from_this(), random_.between(Duration::zero(), kWithinCommit)));
  try {
    Task<Rows> asking = ask(session, std::move(job), Effect::may_have_happened);
    co_await std::move(asking);
    if (reply_lost || breaks) {
      session.sever();
      throw DatabaseError(Effect::may_have_happened, "08006", name_ + ": the connection broke at COMMIT");
    }
  } catch (const DatabaseError& error) {
    const bool unknown = error.may_have_happened() && !was_broken;
    recorder_.fact(unknown ? EventKind::commit_unknown : EventKind::commit_failed, name_, session.name, 0, error.what());
    failed = error;
  }
  if (failed) {
    Task<void> ending = end_refused(session);
    co_await std::move(ending);
    throw *failed;
  }
  mishaps_.reached("after commit");
}

void migrate(const std::string& connection, const std::vector<std::string>& scripts) {
  PgLink link(connection, "orrery-migrate");
  // Any number that nobody else uses: "orrery" in ASCII. The lock goes with the session.
  (void)link.execute("SELECT pg_advisory_lock(122520842728057)", {});
  link.script(
      "CREATE TABLE IF NOT EXISTS orrery_migrations ("
      " number int PRIMARY KEY, script text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
  const Rows applied = link.execute("SELECT number, script FROM orrery_migrations ORDER BY number", {});
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    if (i < applied.size()) {
      if (applied[i]["script"].text() == scripts[i]) continue;
      throw std::runtime_error("migration " + std::to_string(i + 1) + " was applied with another text");
    }
    link.script("BEGIN");
    link.script(scripts[i]);
    (void)link.execute("INSERT INTO orrery_migrations (number, script) VALUES ($1, $2)", {i + 1, scripts[i]});
    link.script("COMMIT");
  }
}

}  // namespace orrery::real
