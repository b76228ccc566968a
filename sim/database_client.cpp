#include "sim/database_client.hpp"

#include <algorithm>
#include <utility>

#include "runtime/wait_queue.hpp"
#include "sim/database_wire.hpp"
#include "sim/directory.hpp"

namespace orrery::sim {
namespace {

/// How long a client waits for an answer, and for a free connection of its pool.
constexpr Duration kAnswerWithin = 10s;
constexpr Duration kConnectionWithin = 5s;

const char* begin_statement(Isolation isolation) {
  switch (isolation) {
    case Isolation::read_committed: return "BEGIN";
    case Isolation::repeatable_read: return "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case Isolation::serializable: return "BEGIN ISOLATION LEVEL SERIALIZABLE";
  }
  return "BEGIN";
}

/// A transaction on a connection of the pool.
class SimTransaction final : public TransactionSession {
 public:
  SimTransaction(DatabaseClient& database, DatabaseClient::Lease lease)
      : database_(database), lease_(std::move(lease)) {}
  ~SimTransaction() override {
    if (open_ && !lease_->broken()) {
      if (lease_->usable()) {
        StatementJob undo;
        undo.sql = "ROLLBACK";
        lease_->tell(std::move(undo));
      } else {
        lease_->sever();  // the statement that it waited for was cancelled
      }
    }
  }

  Task<Rows> exec(std::string sql, std::vector<SqlValue> parameters) override {
    CHECK(open_, "a statement in a transaction that has ended");
    return database_.statement(*lease_, std::move(sql), std::move(parameters), Effect::did_not_happen);
  }
  Task<void> commit() override {
    CHECK(open_, "a transaction is committed twice");
    open_ = false;
    return database_.commit(*lease_);
  }
  Task<void> rollback() override {
    CHECK(open_, "a transaction that has ended is rolled back");
    open_ = false;
    StatementJob undo;
    undo.sql = "ROLLBACK";
    Task<Rows> asking = lease_->ask(std::move(undo), Effect::did_not_happen);
    co_await std::move(asking);
  }

 private:
  DatabaseClient& database_;
  DatabaseClient::Lease lease_;
  bool open_ = true;
};

/// How long a listener hears nothing before it asks whether its connection is still there.
constexpr Duration kListensQuietly = 15s;

/// LISTEN on a connection of its own.
class SimListening final : public Listening {
 public:
  SimListening(Directory& directory, std::unique_ptr<Connection> connection)
      : directory_(directory), connection_(std::move(connection)), last_heard_(directory.kernel.now()) {}

  Task<std::optional<std::string>> next(Duration at_most) override {
    const Instant deadline = directory_.kernel.now() + at_most;
    for (;;) {
      std::optional<std::string> payload = connection_->take_notification();
      if (payload) {
        last_heard_ = directory_.kernel.now();
        co_return std::move(payload);
      }
      if (connection_->broken()) {
        throw DatabaseError(Effect::did_not_happen, "08006", connection_->server().name() + ": the connection that listens is lost");
      }
      if (directory_.kernel.now() >= last_heard_ + kListensQuietly) {
        StatementJob probe;
        probe.sql = "SELECT 1";
        Task<Rows> asking = connection_->ask(std::move(probe), Effect::did_not_happen);
        co_await std::move(asking);
        last_heard_ = directory_.kernel.now();
        continue;
      }
      if (directory_.kernel.now() >= deadline) co_return std::nullopt;
      Task<void> hearing = connection_->await_notification(std::min(deadline, last_heard_ + kListensQuietly));
      co_await std::move(hearing);
    }
  }

 private:
  Directory& directory_;
  std::unique_ptr<Connection> connection_;
  Instant last_heard_;
};

std::string in_double_quotes(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

Connection::Connection(Host& client, Directory& directory, DatabaseServer& server, std::uint64_t ordinal, Use use)
    : client_(client),
      directory_(directory),
      server_(server),
      incarnation_(client.incarnation()),
      id_(directory.connections.add(*this)),
      session_(client.name + "." + std::to_string(incarnation_) + "#" + std::to_string(ordinal)),
      use_(use) {}

Connection::~Connection() {
  directory_.connections.remove(id_);
  // Also when the process died: its operating system closes its sockets.
  if (opened_ && !broken_) reset_server(directory_, client_, server_, id_);
}

DatabaseError Connection::lost(Effect effect, const char* what) const {
  return {effect, opened_ ? "08006" : "08001", server_.name() + ": " + what};
}

Task<void> Connection::open() {
  auto packet = make_connect_packet(directory_, server_, id_, session_, use_ == Use::listening);
  directory_.network.send(client_, server_.host(), std::move(packet), stream_);
  Task<StatementReply> waiting = await_reply(Effect::did_not_happen);
  const StatementReply reply = co_await std::move(waiting);
  if (reply.failed) {
    broken_ = true;
    throw DatabaseError(Effect::did_not_happen, reply.error.sqlstate, server_.name() + ": " + reply.error.message);
  }
  opened_ = true;
}

void Connection::send(StatementJob job) {
  auto packet = make_statement_packet(directory_, server_, id_, std::move(job));
  directory_.network.send(client_, server_.host(), std::move(packet), stream_);
}

Task<StatementReply> Connection::await_reply(Effect effect_if_lost) {
  Waiter waiter(directory_.kernel);
  const InPlace waiting(waiter_, waiter);
  waiting_ = true;
  has_reply_ = false;
  if (!broken_ && !co_await waiter.wait_until(directory_.kernel.now() + kAnswerWithin)) {
    sever();
    throw lost(effect_if_lost, "no answer within 10s");
  }
  if (!has_reply_) throw lost(effect_if_lost, "the connection broke");
  waiting_ = false;
  co_return std::move(reply_);
}

Task<Rows> Connection::ask(StatementJob job, Effect effect_if_lost) {
  if (broken_) throw lost(Effect::did_not_happen, "the connection is broken");
  const bool commits = job.sql == "COMMIT";
  send(std::move(job));
  Task<StatementReply> waiting = await_reply(effect_if_lost);
  StatementReply reply = co_await std::move(waiting);
  if (reply.fatal) broken_ = true;
  if (reply.failed) {
    throw DatabaseError(reply.fatal ? effect_if_lost : Effect::did_not_happen, reply.error.sqlstate,
                        reply.error.message, reply.error.constraint);
  }
  if (commits && reply.command_tag != "COMMIT") {
    throw DatabaseError(Effect::did_not_happen, "25P02", "COMMIT of an aborted transaction: it was rolled back");
  }
  co_return std::move(reply.rows);
}

void Connection::tell(StatementJob job) {
  ++unread_;
  send(std::move(job));
}

void Connection::sever() {
  if (broken_) return;
  broken_ = true;
  reset_server(directory_, client_, server_, id_);
  if (waiter_ != nullptr) waiter_->wake();
  if (hearing_ != nullptr) hearing_->wake();
}

void Connection::replied(StatementReply reply) {
  if (broken_) return;
  if (unread_ > 0) {
    --unread_;
    if (reply.fatal) broken_ = true;
    return;
  }
  has_reply_ = true;
  reply_ = std::move(reply);
  if (waiter_ != nullptr) waiter_->wake();
}

void Connection::notified(std::string payload) {
  if (broken_) return;
  const std::string_view link = directory_.network.link_name(client_, server_.host());
  const std::uint64_t entity = directory_.network.link_entity(client_, server_.host());
  const std::uint64_t occasion = server_.next_notification(client_);
  if (directory_.decisions.strike(FaultKind::break_listening, link, entity, occasion) != nullptr) {
    sever();
    return;
  }
  notifications_.push_back(std::move(payload));
  if (hearing_ != nullptr) hearing_->wake();
}

std::optional<std::string> Connection::take_notification() {
  if (notifications_.empty()) return std::nullopt;
  std::optional<std::string> oldest = std::move(notifications_.front());
  notifications_.pop_front();
  return oldest;
}

Task<void> Connection::await_notification(Instant until) {
  Waiter waiter(directory_.kernel);
  const InPlace hearing(hearing_, waiter);
  if (notifications_.empty() && !broken_) co_await waiter.wait_until(until);
}

void Connection::reset() {
  if (broken_) return;
  broken_ = true;
  if (waiter_ != nullptr) waiter_->wake();
  if (hearing_ != nullptr) hearing_->wake();
}

DatabaseClient::DatabaseClient(Host& host, Directory& directory, DatabaseServer& server)
    : host_(host), directory_(directory), server_(server) {}

DatabaseClient::~DatabaseClient() = default;

DatabaseClient::Lease::~Lease() {
  if (connection_ != nullptr) pool_->give_back(std::move(connection_));
}

void DatabaseClient::give_back(std::unique_ptr<Connection> connection) {
  if (connection->usable()) {
    idle_.push_back(std::move(connection));
  } else {
    connection->sever();
    --open_;
  }
  if (!queue_.empty()) queue_.front()->wake();
}

Task<DatabaseClient::Lease> DatabaseClient::acquire() {
  const Instant deadline = host_.now() + kConnectionWithin;
  for (;;) {
    std::erase_if(idle_, [&](const auto& connection) {
      if (connection->usable()) return false;
      --open_;
      return true;
    });
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      co_return Lease(*this, std::move(connection));
    }
    if (open_ < kConnections) {
      ++open_;
      Lease lease(*this, std::make_unique<Connection>(host_, directory_, server_, ++connections_made_));
      Task<void> opening = lease->open();
      co_await std::move(opening);
      co_return std::move(lease);
    }
    Waiter waiter(directory_.kernel);
    const InQueue in_queue(queue_, waiter);
    if (!co_await waiter.wait_until(deadline)) {
      throw DatabaseError(Effect::did_not_happen, "53300", server_.name() + ": no connection of the pool became free within 5s");
    }
  }
}

Task<std::unique_ptr<Listening>> DatabaseClient::listen(std::string channel) {
  auto connection = std::make_unique<Connection>(host_, directory_, server_, ++connections_made_, Connection::Use::listening);
  Task<void> opening = connection->open();
  co_await std::move(opening);
  StatementJob job;
  job.sql = "LISTEN " + in_double_quotes(channel);
  Task<Rows> asking = connection->ask(std::move(job), Effect::did_not_happen);
  co_await std::move(asking);
  std::unique_ptr<Listening> listening = std::make_unique<SimListening>(directory_, std::move(connection));
  co_return std::move(listening);
}

Task<Transaction> DatabaseClient::begin(Isolation isolation) {
  Task<Lease> acquiring = acquire();
  Lease lease = co_await std::move(acquiring);
  Task<Rows> beginning = statement(*lease, begin_statement(isolation), {}, Effect::did_not_happen);
  co_await std::move(beginning);
  Recorder& recorder = directory_.kernel.recorder();
  recorder.tick(EventKind::transaction_begun, host_.entity, entity_of(lease->session()));
  if (recorder.full()) {
    recorder.describe(EventKind::transaction_begun, host_.name, server_.name(), lease->session(), 0, {});
  }
  co_return Transaction(std::make_unique<SimTransaction>(*this, std::move(lease)));
}

Task<Rows> DatabaseClient::run(std::string sql, std::vector<SqlValue> parameters) {
  Task<Lease> acquiring = acquire();
  Lease lease = co_await std::move(acquiring);
  Task<Rows> asking = statement(*lease, std::move(sql), std::move(parameters), Effect::may_have_happened);
  co_return co_await std::move(asking);
}

Task<Rows> DatabaseClient::statement(Connection& connection, std::string sql, std::vector<SqlValue> parameters,
                                     Effect effect_if_lost) {
  const std::string_view link = directory_.network.link_name(host_, server_.host());
  const std::uint64_t entity = directory_.network.link_entity(host_, server_.host());
  const std::uint64_t occasion = server_.next_statement(host_);
  Decisions& decisions = directory_.decisions;
  StatementJob job;
  job.sql = std::move(sql);
  job.parameters = std::move(parameters);
  if (decisions.strike(FaultKind::kill_session, link, entity, occasion) != nullptr) {
    job.mishap = Mishap::session_killed;
    effect_if_lost = Effect::did_not_happen;
  } else if (decisions.strike(FaultKind::deadlock, link, entity, occasion) != nullptr) {
    job.mishap = Mishap::deadlock_victim;
  } else if (decisions.strike(FaultKind::break_statement, link, entity, occasion) != nullptr) {
    if (below(directory_.kernel.draw(Site::break_point, entity, occasion), 2) == 0) {
      connection.sever();
      throw DatabaseError(effect_if_lost, "08006", server_.name() + ": the connection broke");
    }
    job.mishap = Mishap::reply_lost;
  }
  Task<Rows> asking = connection.ask(std::move(job), effect_if_lost);
  co_return co_await std::move(asking);
}

Task<void> DatabaseClient::commit(Connection& connection) {
  if (directory_.places.reached(host_, "before commit")) co_await Places::halt(host_);
  const std::string_view link = directory_.network.link_name(host_, server_.host());
  const std::uint64_t entity = directory_.network.link_entity(host_, server_.host());
  const std::uint64_t occasion = server_.next_commit(host_);
  Decisions& decisions = directory_.decisions;
  Recorder& recorder = directory_.kernel.recorder();
  StatementJob job;
  job.sql = "COMMIT";
  if (decisions.strike(FaultKind::break_before_commit, link, entity, occasion) != nullptr) {
    connection.sever();
    recorder.fact(EventKind::commit_unknown, host_.name, server_.name(), connection.session());
    throw DatabaseError(Effect::may_have_happened, "08006", server_.name() + ": the connection broke at COMMIT");
  }
  if (decisions.strike(FaultKind::break_during_commit, link, entity, occasion) != nullptr) {
    job.mishap = Mishap::dies_in_commit;
    job.done_before_death = below(directory_.kernel.draw(Site::break_point, entity, occasion), 2) == 0;
  } else if (decisions.strike(FaultKind::break_after_commit, link, entity, occasion) != nullptr) {
    job.mishap = Mishap::reply_lost;
  }
  // A connection known to be broken cannot have carried the COMMIT.
  const bool was_broken = connection.broken();
  try {
    Task<Rows> asking = connection.ask(std::move(job), Effect::may_have_happened);
    co_await std::move(asking);
  } catch (const DatabaseError& error) {
    const EventKind kind = error.may_have_happened() && !was_broken ? EventKind::commit_unknown : EventKind::commit_failed;
    recorder.fact(kind, host_.name, server_.name(), connection.session(), 0, error.what());
    throw;
  }
  if (directory_.places.reached(host_, "after commit")) co_await Places::halt(host_);
}

}  // namespace orrery::sim
