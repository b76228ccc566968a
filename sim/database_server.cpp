#include "sim/database_server.hpp"

#include <utility>

#include "sim/database_wire.hpp"
#include "sim/directory.hpp"

namespace orrery::sim {

/// One session's memory: it lives in the frame of the fiber that serves it.
struct DatabaseServer::Session {
  Session(DatabaseServer& server, ConnectionId connection, Host& client, const std::string& name)
      : server(server), connection(connection), client(client), waiter(server.host_->executor()), engine(server.engine_->connect(name)) {
    server.sessions_[connection] = this;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    const auto found = server.sessions_.find(connection);
    if (found != server.sessions_.end() && found->second == this) server.sessions_.erase(found);
  }

  DatabaseServer& server;
  ConnectionId connection;
  Host& client;
  bool closing = false;
  Instant stream = Instant::min();  // replies arrive in order
  bool aborted_by_fault = false;  // a fault rolled the transaction back; the client does not know yet
  std::uint64_t statements = 0;
  std::deque<StatementJob> queue;
  Waiter waiter;
  std::unique_ptr<database::Session> engine;
};

/// A running server. What it knows of sessions is gone with it.
class DatabaseMachine final : public Machine {
 public:
  explicit DatabaseMachine(DatabaseServer& server) : server_(server) {}
  ~DatabaseMachine() override { server_.sessions_.clear(); }

 private:
  DatabaseServer& server_;
};

DatabaseServer::DatabaseServer(Directory& directory, std::string name)
    : directory_(directory), name_(std::move(name)), entity_(entity_of(name_)) {
  engine_ = std::make_unique<database::Engine>(name_, *this);
  engine_->on_commit([this](const database::CommittedTransaction& transaction) { committed(transaction); });
}

DatabaseServer::~DatabaseServer() = default;

void DatabaseServer::load(std::string_view schema) {
  const std::unique_ptr<database::Session> session = engine_->connect("schema");
  const Task<database::StatementResult> loading = session->execute(schema);
  loading.start();
  CHECK(loading.done(), "a schema waits for nobody");
  loading.result();
}

std::unique_ptr<Machine> DatabaseServer::boot(Host& host) {
  if (host.incarnation() > 1) engine_->recover();
  return std::make_unique<DatabaseMachine>(*this);
}

Executor& DatabaseServer::executor() noexcept { return directory_.kernel; }

SystemTime DatabaseServer::system_time() const noexcept {
  return host_ != nullptr ? host_->system_now() : directory_.kernel.true_time();
}

std::uint64_t DatabaseServer::draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept {
  return decide(directory_.kernel.seed(), 2000 + site, entity_ ^ entity, ordinal);
}

void DatabaseServer::connect(ConnectionId connection, Host& client, std::string session_name) {
  const std::string_view name = directory_.kernel.intern(session_name);
  host_->spawn(name, serve(connection, client, std::move(session_name)), mix(host_->entity ^ host_->incarnation(), entity_of(name)));
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

Task<void> DatabaseServer::serve(ConnectionId connection, Host& client, std::string session_name) {
  Session session(*this, connection, client, session_name);
  reply(session, StatementReply());
  for (;;) {
    while (session.queue.empty() && !session.closing) {
      const auto limit = session.engine->idle_limit();
      if (limit.after == Duration::zero()) {
        co_await session.waiter.wait();
        continue;
      }
      const bool woken = co_await session.waiter.wait_until(host_->kernel().now() + limit.after);
      if (woken) continue;
      // The server's last words go unread: a client of libpq finds its connection broken.
      reset_client(directory_, *host_, client, connection);
      co_return;
    }
    if (session.closing) co_return;  // an open transaction is rolled back with the session
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
      // A session that dies within COMMIT says nothing any more: the client sees the connection break.
      if (job.mishap == Mishap::session_killed) {
        reply(session, std::move(over));
      } else {
        reset_client(directory_, *host_, client, connection);
      }
      co_return;
    }
    Task<StatementReply> executing = execute(session, job);
    StatementReply answer = co_await std::move(executing);
    if (job.mishap == Mishap::reply_lost || job.mishap == Mishap::dies_in_commit) {
      reset_client(directory_, *host_, client, connection);
      co_return;
    }
    reply(session, std::move(answer));
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
      Task<database::StatementResult> undo = session.engine->execute("ROLLBACK");
      co_await std::move(undo);
      session.aborted_by_fault = true;
    }
    answer.failed = true;
    answer.error.sqlstate = "40P01";
    answer.error.message = "deadlock detected";
    co_return answer;
  }
  try {
    Task<database::StatementResult> running = session.engine->execute(job.sql, job.parameters);
    database::StatementResult result = co_await std::move(running);
    answer.rows = std::move(result.rows);
    answer.command_tag = std::move(result.command_tag);
  } catch (const database::SqlError& error) {
    answer.failed = true;
    answer.error = error;
    recorder.tick(EventKind::statement_failed, entity_, session.connection);
    if (recorder.full()) {
      recorder.describe(EventKind::statement_failed, name_, name_, host_->kernel().current_fiber()->name(), 0,
                        error.sqlstate + " " + error.message);
    }
  }
  co_return answer;
}

void DatabaseServer::committed(const database::CommittedTransaction& transaction) {
  if (transaction.changes.empty()) return;
  std::vector<RowChange> changes;
  changes.reserve(transaction.changes.size());
  for (const database::RowChange& change : transaction.changes) {
    changes.push_back({std::string(change.table), static_cast<RowOperation>(change.operation), change.shape,
                       change.before, change.after});
  }
  SimFiber* fiber = directory_.kernel.current_fiber();
  directory_.kernel.recorder().commit(name_, name_, fiber != nullptr ? fiber->name() : "", transaction.transaction_id,
                                      std::move(changes));
}

}  // namespace orrery::sim
