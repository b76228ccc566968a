#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/database/engine.hpp"
#include "sim/database_options.hpp"
#include "sim/database_pooler.hpp"
#include "sim/database_replication.hpp"
#include "sim/database_wal.hpp"
#include "sim/kernel.hpp"
#include "sim/network.hpp"

namespace orrery::sim {

class DatabaseClient;
class Directory;

using ConnectionId = std::uint64_t;

/// What goes wrong with a statement on its way, decided by the client's side when it is sent.
enum class Mishap : std::uint8_t {
  none,
  reply_lost,         // executed, but the connection breaks before the answer
  session_killed,     // the server ends the session instead (57P01)
  deadlock_victim,    // the server rolls back and answers 40P01
  dies_in_commit,     // the session ends in the middle of COMMIT, done or not
};

/// One statement on its way to the server.
struct StatementJob {
  std::string sql;
  std::vector<SqlValue> parameters;
  Mishap mishap = Mishap::none;
  bool done_before_death = false;  // of dies_in_commit
};

/// What comes back.
struct StatementReply {
  Rows rows;
  std::string command_tag;
  bool failed = false;
  bool fatal = false;  // the session is over
  database::SqlError error;
};

/// A PostgreSQL server on a host of its own. The engine's committed rows outlive a crash; sessions do not. Which acknowledged
/// commits a crash or a failover takes back is said by WriteAheadLog and Replication; each that is gone is in the history.
///
/// A name stands for a role: after a failover the primary's name leads to what was the standby.
class DatabaseServer final : public database::Environment {
 public:
  DatabaseServer(Directory& directory, std::string name, DatabaseOptions options);
  /// The hot standby of `primary`, whose engine it reads.
  DatabaseServer(Directory& directory, std::string name, DatabaseServer& primary);
  ~DatabaseServer();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] database::Engine& engine() noexcept { return *engine_; }
  [[nodiscard]] Host& host() noexcept { return *host_; }
  void attach(Host& host) noexcept { host_ = &host; }
  /// Runs a script of DDL before the world starts. Throws database::SqlError.
  void load(std::string_view schema);
  /// Recovers and listens.
  [[nodiscard]] std::unique_ptr<Machine> boot(Host& host);
  /// What a new transaction on this server would see.
  [[nodiscard]] Rows query(std::string_view sql);

  // ---- faults; what lasts is counted, so that several may overlap ----
  /// Each statement takes this much longer; added up over calls.
  void slow(Duration extra) noexcept { extra_ += extra; }
  void set_read_only(bool begins);
  void set_disk_full(bool begins);
  /// No more connections than this, the smallest of those that are in force.
  void limit_connections(std::size_t most, bool begins);
  /// Somebody else's session has a transaction open that has its id and does nothing, until it ends or the server does.
  void hold_transaction(bool begins);
  /// From here on it has a standby. Both hosts are attached.
  void replicate_to(DatabaseServer& standby);
  [[nodiscard]] bool is_standby() const noexcept { return primary_ != nullptr; }
  [[nodiscard]] DatabaseServer* standby() const noexcept { return standby_; }
  [[nodiscard]] Replication* replication() const noexcept { return replication_.get(); }
  /// The standby is to take its place: to be called when both are about to crash. `planned`: it has received everything. Gives
  /// why it is not done; empty: it is.
  [[nodiscard]] std::string promote_standby(bool planned);

  // ---- for its log and its pooler ----
  /// The place of the last commit that a crash would leave.
  [[nodiscard]] std::uint64_t flushed() { return wal_.flushed(engine_->last_commit()); }
  [[nodiscard]] std::unique_ptr<database::Session> open_session(std::string session_name);

  /// The number of the next statement, or COMMIT, that `client` sends here: the occasions of faults. It counts on over
  /// restarts of the client.
  [[nodiscard]] std::uint64_t next_statement(const Host& client) { return ++occasions_[client.id].statements; }
  [[nodiscard]] std::uint64_t next_commit(const Host& client) { return ++occasions_[client.id].commits; }
  [[nodiscard]] std::uint64_t next_notification(const Host& client) { return ++occasions_[client.id].notifications; }

  // ---- the wire: called by packets that arrive at the server ----
  /// `listens`: what is notified is sent to the client, and no pooler stands between.
  void connect(ConnectionId connection, Host& client, std::string session_name, bool listens);
  void submit(ConnectionId connection, StatementJob job);
  /// The client has closed the connection, or is gone.
  void disconnect(ConnectionId connection);

  // ---- database::Environment ----
  [[nodiscard]] Executor& executor() noexcept override;
  [[nodiscard]] SystemTime system_time() const noexcept override;
  [[nodiscard]] std::uint64_t draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept override;
  void chose(database::OpenChoice choice, std::string_view session, std::uint64_t seed) override;

 private:
  friend class DatabaseMachine;
  struct Session;
  Task<void> serve(ConnectionId connection, Host& client, std::string session_name, bool listens);
  Task<StatementReply> execute(Session& session, StatementJob& job);
  /// Notes that the session's transaction is rolled back, if there is one.
  void rolls_back(const Session& session);
  void note_rollback(const Session& session);
  void reply(Session& session, StatementReply reply);
  void notify(Session& session);
  void refuse(ConnectionId connection, Host& client, std::string_view sqlstate, std::string_view message);
  void committed(database::CommittedTransaction transaction);
  void crashed();
  void tell_lost(std::vector<database::LostTransaction> lost);
  /// Whether a SERIALIZABLE transaction of the client fails without need now.
  [[nodiscard]] bool doubts(const Host& client);

  Directory& directory_;
  std::string name_;
  std::uint64_t entity_;
  Host* host_ = nullptr;
  DatabaseOptions options_;
  Duration extra_{0};
  int read_only_ = 0;
  int disk_full_ = 0;
  std::vector<std::size_t> limits_;
  int held_ = 0;
  std::shared_ptr<database::Engine> engine_;  // a standby's is its primary's
  WriteAheadLog wal_;
  DatabaseServer* primary_ = nullptr;  // of a standby
  DatabaseServer* standby_ = nullptr;  // of a primary
  std::unique_ptr<Replication> replication_;
  std::optional<std::uint64_t> survives_;  // of the server that is down: its last commit that will be there again
  bool was_promoted_ = false;
  Pooler pooler_{*this};
  struct Occasions {
    std::uint64_t statements = 0;
    std::uint64_t commits = 0;
    std::uint64_t doubts = 0;
    std::uint64_t notifications = 0;
  };
  std::map<std::uint32_t, Occasions> occasions_;
  std::map<ConnectionId, Session*> sessions_;  // of the machine that runs now
  std::unique_ptr<database::Session> holder_;  // likewise: of the transaction that somebody else has open
};

}  // namespace orrery::sim
