#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/database/engine.hpp"
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

/// A PostgreSQL server on a host of its own. The engine's committed rows outlive a crash; sessions do not.
class DatabaseServer final : public database::Environment {
 public:
  DatabaseServer(Directory& directory, std::string name);
  ~DatabaseServer();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] database::Engine& engine() noexcept { return *engine_; }
  [[nodiscard]] Host& host() noexcept { return *host_; }
  void attach(Host& host) noexcept { host_ = &host; }
  /// Runs a script of DDL before the world starts. Throws database::SqlError.
  void load(std::string_view schema);
  /// Recovers and listens.
  [[nodiscard]] std::unique_ptr<Machine> boot(Host& host);
  /// Each statement takes this much longer; added up over calls.
  void slow(Duration extra) noexcept { extra_ += extra; }

  /// The number of the next statement, or COMMIT, that `client` sends here: the occasions of faults. It counts on over
  /// restarts of the client.
  [[nodiscard]] std::uint64_t next_statement(const Host& client) { return ++occasions_[client.id].statements; }
  [[nodiscard]] std::uint64_t next_commit(const Host& client) { return ++occasions_[client.id].commits; }

  // ---- the wire: called by packets that arrive at the server ----
  void connect(ConnectionId connection, Host& client, std::string session_name);
  void submit(ConnectionId connection, StatementJob job);
  /// The client has closed the connection, or is gone.
  void disconnect(ConnectionId connection);

  // ---- database::Environment ----
  [[nodiscard]] Executor& executor() noexcept override;
  [[nodiscard]] SystemTime system_time() const noexcept override;
  [[nodiscard]] std::uint64_t draw(std::uint32_t site, std::uint64_t entity, std::uint64_t ordinal) noexcept override;

 private:
  friend class DatabaseMachine;
  struct Session;
  Task<void> serve(ConnectionId connection, Host& client, std::string session_name);
  Task<StatementReply> execute(Session& session, StatementJob& job);
  void reply(Session& session, StatementReply reply);
  void committed(const database::CommittedTransaction& transaction);

  Directory& directory_;
  std::string name_;
  std::uint64_t entity_;
  Host* host_ = nullptr;
  Duration extra_{0};
  std::unique_ptr<database::Engine> engine_;
  struct Occasions {
    std::uint64_t statements = 0;
    std::uint64_t commits = 0;
  };
  std::map<std::uint32_t, Occasions> occasions_;
  std::map<ConnectionId, Session*> sessions_;  // of the machine that runs now
};

}  // namespace orrery::sim
