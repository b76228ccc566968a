#include "sim/database_server.hpp"

#include <algorithm>
#include <utility>

#include "sim/database_wire.hpp"
#include "sim/directory.hpp"

namespace orrery::sim {

/// One session's memory: it lives in the frame of the fiber that serves it.
struct DatabaseServer::Session {
  Session(DatabaseServer& server, ConnectionId connection, Host& client, const std::string& name, bool listens)
      : server(server),
        connection(connection),
        client(client),
        listens(listens),
        is_pooled(server.options_.is_pooled && !listens),
        waiter(server.host_->executor()) {
    if (!is_pooled) adopt(server.open_session(name));
    if (listens) engine->on_notification([this] { waiter.wake(); });
    server.sessions_[connection] = this;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    const auto found = server.sessions_.find(connection);
    if (found != server.sessions_.end() && found->second == this) server.sessions_.erase(found);
    if (is_pooled && engine != nullptr && server.host_->alive()) server.pooler_.ended();
  }
  void adopt(std::unique_ptr<database::Session> session) {
    engine = std::move(session);
    engine->on_doubt([this] { return server.doubts(client); });
  }

  DatabaseServer& server;
  ConnectionId connection;
  Host& client;
  const bool listens;
  const bool is_pooled;
  bool closing = false;
  Instant stream = Instant::min();  // replies arrive in order
  bool aborted_by_fault = false;  // a fault rolled the transaction back; the client does not know yet
  std::uint64_t statements = 0;
  std::deque<StatementJob> queue;
  Waiter waiter;
  std::unique_ptr<database::Session> engine;  // null: between two transactions at a pooler
};

/// A running server. What it knows of sessions is gone with it.
class DatabaseMachine final : public Machine {
 public:
  explicit DatabaseMachine(DatabaseServer& server) : server_(server) {}
  ~DatabaseMachine() override { server_.crashed(); }

 private:
  DatabaseServer& server_;
};

DatabaseServer::DatabaseServer(Directory& directory, std::string name, DatabaseOptions options)
    : directory_(directory),
      name_(std::move(name)),
      entity_(entity_of(name_)),
      options_(std::move(options)),
      wal_(directory.kernel, entity_) {
  options_.engine.loses_asynchronous_commits = true;
  engine_ = std::make_shared<database::Engine>(name_, *this, options_.engine);
  engine_->on_commit([this](database::CommittedTransaction&& transaction) { committed(std::move(transaction)); });
}

DatabaseServer::DatabaseServer(Directory& directory, std::string name, DatabaseServer& primary)
    : directory_(directory),
      name_(std::move(name)),
      entity_(entity_of(name_)),
      options_(primary.options_),
      engine_(primary.engine_),
      wal_(directory.kernel, entity_),
      primary_(&primary) {}

DatabaseServer::~DatabaseServer() = default;

void DatabaseServer::load(std::string_view schema) {
  const std::unique_ptr<database::Session> session = engine_->connect("schema");
  const Task<database::StatementResult> loading = session->execute(schema);
  loading.start();
  CHECK(loading.done(), "a schema waits for nobody");
  loading.result();
}

std::unique_ptr<Machine> DatabaseServer::boot(Host& host) {
  if (host.incarnation() > 1 && primary_ == nullptr) {
    tell_lost(engine_->lose_after(survives_.value_or(engine_->last_commit())));
    survives_.reset();
    wal_.clear();
    const bool is_promoted = std::exchange(was_promoted_, false);
    if (is_promoted) replication_->promoted(engine_->last_commit());
    if (is_promoted || replication_ == nullptr) engine_->settle(engine_->last_commit());
  }
  return std::make_unique<DatabaseMachine>(*this);
}

void DatabaseServer::crashed() {
  sessions_.clear();
  holder_.reset();
  pooler_.clear();
  if (primary_ == nullptr && !survives_) survives_ = flushed();
}

std::string DatabaseServer::promote_standby(bool planned) {
  if (standby_ == nullptr) return "it has no standby";
  std::string why_not = replication_->why_not_promoted();
  if (!why_not.empty()) return why_not;
  survives_ = planned ? engine_->last_commit() : replication_->received();
  was_promoted_ = true;
  return {};
}

void DatabaseServer::replicate_to(DatabaseServer& standby) {
  standby_ = &standby;
  engine_->keep_commits();
  replication_ = std::make_unique<Replication>(directory_, *this, standby);
}

void DatabaseServer::set_read_only(bool begins) {
  read_only_ += begins ? 1 : -1;
  engine_->set_read_only(read_only_ > 0);
}

void DatabaseServer::set_disk_full(bool begins) {
  disk_full_ += begins ? 1 : -1;
  engine_->set_disk_full(disk_full_ > 0);
}

void DatabaseServer::limit_connections(std::size_t most, bool begins) {
  if (begins) {
    limits_.push_back(most);
  } else if (const auto found = std::ranges::find(limits_, most); found != limits_.end()) {
    limits_.erase(found);
  }
}

void DatabaseServer::hold_transaction(bool begins) {
  held_ += begins ? 1 : -1;
  if (held_ == 0) holder_.reset();
  if (!begins || held_ > 1 || !host_->alive()) return;
  holder_ = open_session("somebody else");
  for (const char* statement : {"BEGIN", "SELECT pg_current_xact_id()"}) {
    const Task<database::StatementResult> running = holder_->execute(statement);
    running.start();
    CHECK(running.done(), "who takes a transaction's id waits for nobody");
    static_cast<void>(running.result());
  }
}

std::unique_ptr<database::Session> DatabaseServer::open_session(std::string session_name) {
  std::unique_ptr<database::Session> session = engine_->connect(std::move(session_name));
  for (const auto& [setting, value] : options_.settings) session->set(setting, value);
  if (primary_ != nullptr) session->follow([replication = primary_->replication()] { return replication->replayed(); });
  return session;
}

Rows DatabaseServer::query(std::string_view sql) {
  if (primary_ == nullptr) return engine_->query(sql);
  const std::unique_ptr<database::Session> session = open_session("query");
  const Task<database::StatementResult> running = session->execute(sql);
  running.start();
  CHECK(running.done(), "a query from outside waits for nobody");
  return running.result().rows;
}

bool DatabaseServer::doubts(const Host& client) {
  const std::string_view link = directory_.network.link_name(client, *host_);
  const std::uint64_t entity = directory_.network.link_entity(client, *host_);
  return directory_.decisions.strike(FaultKind::serialization_failure, link, entity, ++occasions_[client.id].doubts) != nullptr;
}

void DatabaseServer::chose(database::OpenChoice choice, std::string_view session, std::uint64_t seed) {
  if (directory_.kernel.current_fiber() == nullptr) return;  // somebody looks from outside
  Recorder& recorder = directory_.kernel.recorder();
  recorder.tick(EventKind::choice_made, entity_ + static_cast<std::uint64_t>(choice), seed);
  if (!recorder.full()) return;
  recorder.describe(EventKind::choice_made, name_, name_, session, 0, database::to_string(choice), std::to_string(seed));
}

Executor& DatabaseServer::executor() noexcept { return directory_.kernel; }

SystemTime DatabaseServer::system_time() const noexcept {
  return host_ != nullptr ? host_->system_now() : directory_.kernel.true_time();
}

std::uint64_t DatabaseServer::draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept {
  return decide(directory_.kernel.seed(), 2000 + site, entity_ ^ entity, ordinal);
}

void DatabaseServer::refuse(ConnectionId connection, Host& client, std::string_view sqlstate, std::string_view message) {
  StatementReply refusal;
  refusal.failed = refusal.fatal = true;
  refusal.error.sqlstate = sqlstate;
  refusal.error.message = message;
  directory_.network.send(*host_, client, make_reply_packet(directory_, *this, connection, std::move(refusal)));
}

void DatabaseServer::connect(ConnectionId connection, Host& client, std::string session_name, bool listens) {
  std::size_t most = options_.max_connections;
  for (const std::size_t limit : limits_) most = std::min(most, limit);
  if (sessions_.size() >= most) {
    refuse(connection, client, "53300", "sorry, too many clients already");
    return;
  }
  const std::string_view name = directory_.kernel.intern(session_name);
  host_->spawn(name, serve(connection, client, std::move(session_name), listens), mix(host_->entity ^ host_->incarnation(), entity_of(name)));
}

void DatabaseServer::submit(ConnectionId connection, StatementJob job) {
  const auto found = sessions_.find(connection);
  if (found == sessions_.end() || found->second->closing) return;  // the reset is on its way
  found->second->queue.push_back(std::move(job));
  found->second->waiter.wake();
}

void DatabaseServer::disconnect(ConnectionId connection) {
  const auto found = sessions_.find(connection);
  if (found == sessions_.end()) return;
  found->second->closing = true;
  found->second->waiter.wake();
}

void DatabaseServer::reply(Session& session, StatementReply reply) {
  auto packet = make_reply_packet(directory_, *this, session.connection, std::move(reply));
  directory_.network.send(*host_, session.client, std::move(packet), session.stream);
}

void DatabaseServer::notify(Session& session) {
  if (!session.listens) return;
  for (database::Notification& each : session.engine->take_notifications()) {
    auto packet = make_notification_packet(directory_, *this, session.connection, std::move(each.payload));
    directory_.network.send(*host_, session.client, std::move(packet), session.stream);
  }
}

Task<void> DatabaseServer::serve(ConnectionId connection, Host& client, std::string session_name, bool listens) {
  Session session(*this, connection, client, session_name, listens);
  reply(session, StatementReply());
  for (;;) {
    while (session.queue.empty() && !session.closing) {
      notify(session);
      const auto limit = session.engine != nullptr ? session.engine->idle_limit() : database::Session::IdleLimit();
      if (limit.after == Duration::zero()) {
        co_await session.waiter.wait();
        continue;
      }
      const bool woken = co_await session.waiter.wait_until(host_->kernel().now() + limit.after);
      if (woken) continue;
      // The server's last words go unread: a client of libpq finds its connection broken.
      rolls_back(session);
      reset_client(directory_, *host_, client, connection);
      co_return;
    }
    if (session.closing) {
      rolls_back(session);
      co_return;
    }
    StatementJob job = std::move(session.queue.front());
    session.queue.pop_front();
    ++session.statements;
    const std::uint64_t cost = directory_.kernel.draw(Site::statement_cost, entity_of(session_name), session.statements);
    co_await host_->sleep(30us + Duration(below(cost, 120'000)) + extra_);

    if (job.mishap == Mishap::session_killed || (job.mishap == Mishap::dies_in_commit && !job.done_before_death)) {
      StatementReply over;
      over.failed = over.fatal = true;
      over.error.sqlstate = "57P01";
      over.error.message = "terminating connection due to administrator command";
      rolls_back(session);
      // A session that dies within COMMIT says nothing any more: the client sees the connection break.
      if (job.mishap == Mishap::session_killed) {
        reply(session, std::move(over));
      } else {
        reset_client(directory_, *host_, client, connection);
      }
      co_return;
    }
    if (session.engine == nullptr) {
      Task<std::unique_ptr<database::Session>> taking = pooler_.take(*host_);
      session.adopt(co_await std::move(taking));
    }
    Task<StatementReply> executing = execute(session, job);
    StatementReply answer = co_await std::move(executing);
    if (session.is_pooled && session.engine->status() == database::TransactionStatus::idle) {
      session.engine->on_doubt(nullptr);
      pooler_.give_back(std::move(session.engine));
    }
    if (job.mishap == Mishap::reply_lost || job.mishap == Mishap::dies_in_commit) {
      reset_client(directory_, *host_, client, connection);
      co_return;
    }
    reply(session, std::move(answer));
  }
}

void DatabaseServer::rolls_back(const Session& session) {
  const bool is_open = session.engine != nullptr && session.engine->status() != database::TransactionStatus::idle;
  if (is_open) note_rollback(session);
}

void DatabaseServer::note_rollback(const Session& session) {
  Recorder& recorder = directory_.kernel.recorder();
  recorder.tick(EventKind::transaction_ended, entity_, session.connection);
  if (recorder.full()) {
    recorder.describe(EventKind::transaction_ended, name_, name_, host_->kernel().current_fiber()->name(), 0, {});
  }
}

Task<StatementReply> DatabaseServer::execute(Session& session, StatementJob& job) {
  Recorder& recorder = directory_.kernel.recorder();
  recorder.tick(EventKind::statement, entity_, session.connection);
  if (recorder.full()) recorder.describe(EventKind::statement, name_, name_, host_->kernel().current_fiber()->name(), 0, job.sql);
  StatementReply answer;
  const bool ends = job.sql == "COMMIT" || job.sql == "ROLLBACK";
  if (session.aborted_by_fault && !ends) {
    answer.failed = true;
    answer.error.sqlstate = "25P02";
    answer.error.message = "current transaction is aborted, commands ignored until end of transaction block";
    co_return answer;
  }
  if (session.aborted_by_fault) {
    // The transaction is gone already; COMMIT answers as for any aborted one.
    session.aborted_by_fault = false;
    answer.command_tag = "ROLLBACK";
    co_return answer;
  }
  if (job.mishap == Mishap::deadlock_victim) {
    if (session.engine->status() != database::TransactionStatus::idle) {
      rolls_back(session);
      Task<database::StatementResult> undo = session.engine->execute("ROLLBACK");
      co_await std::move(undo);
      session.aborted_by_fault = true;
    }
    answer.failed = true;
    answer.error.sqlstate = "40P01";
    answer.error.message = "deadlock detected";
    co_return answer;
  }
  // COMMIT of a transaction that failed rolls it back too.
  const bool has_failed = session.engine->status() == database::TransactionStatus::failed;
  if (job.sql == "ROLLBACK" || (ends && has_failed)) rolls_back(session);
  const bool commits = job.sql == "COMMIT" && session.engine->status() == database::TransactionStatus::in_transaction;
  try {
    Task<database::StatementResult> running = session.engine->execute(job.sql, job.parameters);
    database::StatementResult result = co_await std::move(running);
    answer.rows = std::move(result.rows);
    answer.command_tag = std::move(result.command_tag);
  } catch (const database::SqlError& error) {
    answer.failed = true;
    answer.error = error;
    if (commits) note_rollback(session);
    recorder.tick(EventKind::statement_failed, entity_, session.connection);
    if (recorder.full()) {
      recorder.describe(EventKind::statement_failed, name_, name_, host_->kernel().current_fiber()->name(), 0,
                        error.sqlstate + " " + error.message);
    }
  }
  co_return answer;
}

namespace {

std::vector<RowChange> recorded(std::vector<database::RowChange> made) {
  std::vector<RowChange> changes;
  changes.reserve(made.size());
  for (database::RowChange& change : made) {
    changes.push_back({std::string(change.table), static_cast<RowOperation>(change.operation), std::move(change.shape),
                       std::move(change.before), std::move(change.after)});
  }
  return changes;
}

}  // namespace

void DatabaseServer::tell_lost(std::vector<database::LostTransaction> lost) {
  for (database::LostTransaction& transaction : lost) {
    directory_.kernel.recorder().commit(name_, name_, transaction.session, transaction.transaction_id,
                                        recorded(std::move(transaction.changes)), EventKind::transaction_lost);
  }
}

void DatabaseServer::committed(database::CommittedTransaction transaction) {
  wal_.committed(transaction.place, transaction.is_asynchronous);
  if (replication_ != nullptr) {
    replication_->committed();
    engine_->settle(replication_->received());
    engine_->hold(replication_->replayed());
  } else if (transaction.is_asynchronous) {
    engine_->settle(flushed());
  } else {
    engine_->settle(transaction.place);
  }
  if (transaction.changes.empty()) return;
  std::vector<RowChange> changes = recorded(std::move(transaction.changes));
  SimFiber* fiber = directory_.kernel.current_fiber();
  directory_.kernel.recorder().commit(name_, name_, fiber != nullptr ? fiber->name() : "", transaction.transaction_id,
                                      std::move(changes));
}

}  // namespace orrery::sim
