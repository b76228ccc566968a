#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sql.hpp"
#include "runtime/task.hpp"
#include "sim/database/environment.hpp"
#include "sim/database/types/type.hpp"

namespace orrery::sim::database {

/// An error as PostgreSQL reports it.
struct SqlError {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  std::string constraint;
  std::int32_t position = 0;  // 1-based character in the statement; 0: none
  std::string context;        // where it happened: "COPY t, line 2"
};

enum class RowOperation : std::uint8_t { insert, update, remove };

/// One row that a committed transaction changed: what logical decoding of a real server would give.
struct RowChange {
  std::string_view table;  // lives as long as the engine
  RowOperation operation;
  std::shared_ptr<const RowShape> shape;
  std::vector<SqlValue> before;  // empty on insert
  std::vector<SqlValue> after;   // empty on remove
};

struct CommittedTransaction {
  std::uint64_t transaction_id;
  std::uint64_t place = 0;      // in the commit order
  bool is_asynchronous = false;  // with synchronous_commit off
  std::vector<RowChange> changes;  // in the order in which they were made
};

/// A transaction that had committed, until a crash or a failover took it back.
struct LostTransaction {
  std::uint64_t transaction_id;
  std::string session;
  std::vector<RowChange> changes;  // that undo it, so that the last one made comes first
};

/// What NOTIFY sent to a session that listens.
struct Notification {
  std::string channel;
  std::string payload;
  std::int32_t process_id = 0;  // of the session that sent it, see Session::process_id
};

enum class TransactionStatus : std::uint8_t { idle, in_transaction, failed };

/// A NOTICE or WARNING beside a statement's result.
struct SqlNotice {
  std::string severity;
  std::string sqlstate;
  std::string message;
};

struct StatementResult {
  Rows rows;
  std::string command_tag;  // "INSERT 0 1"
  /// The columns' types. Null: the statement gives no rows (as opposed to a SELECT that found none).
  std::shared_ptr<const std::vector<TypeRef>> types;
  std::vector<SqlNotice> notices;  // those that client_min_messages lets through
};

/// What a statement takes and gives, without running it.
struct StatementDescription {
  std::vector<TypeRef> parameters;
  bool gives_rows = false;
  std::vector<std::string> columns;
  std::vector<TypeRef> types;
  bool is_empty = false;  // a text without a statement in it
};

struct ColumnDescription {
  std::string name;
  TypeRef type;
  bool not_null = false;
  std::string default_text;  // as SQL; empty: none
};

/// A key, index or constraint, each as the words that follow its name in psql's \d.
struct NamedDefinition {
  std::string name;
  std::string definition;
};

/// A table, index or sequence of the catalog.
struct RelationDescription {
  enum class Kind : std::uint8_t { table, index, sequence, view };
  std::string schema;
  std::string name;
  Kind kind = Kind::table;
  std::string table;  // of an index
  std::vector<ColumnDescription> columns;
  std::vector<NamedDefinition> indexes;
  std::vector<NamedDefinition> checks;
  std::vector<NamedDefinition> foreign_keys;
  std::vector<NamedDefinition> referenced_by;  // the name is "TABLE … CONSTRAINT …"'s table and constraint
};

/// The client's side of COPY … FROM STDIN and TO STDOUT. Columns are only counted: they are text, all of them.
class CopyStream {
 public:
  virtual ~CopyStream() = default;
  /// Rows are wanted from now on.
  virtual void begin_input(std::size_t columns) = 0;
  /// The next bytes, cut anywhere; nothing: that was all. Throws SqlError: what the client gives up with.
  virtual Task<std::optional<std::string>> read() = 0;
  virtual void begin_output(std::size_t columns) = 0;
  /// One line, with its end.
  virtual void write(std::string_view line) = 0;
  virtual void end_output() = 0;
};

struct EngineOptions {
  /// Rows come in an order of the seed where SQL leaves it open, and statements on several rows lock them in such an
  /// order. Off: always as they lie in the heap or the index, as an idle PostgreSQL mostly gives them.
  bool shuffles_open_order = true;
  /// Each kind of that on its own: the order of rows that are only read, and the order in which they are locked or changed.
  bool shuffles_row_order = true;
  bool shuffles_lock_order = true;
  /// UPDATE and DELETE … WHERE x IN (SELECT … LIMIT n FOR UPDATE) now and then run the subquery again, as a nested loop does:
  /// they change more than n rows.
  bool chooses_plans = true;
  /// What follows from how rows lie is as in PostgreSQL with small tables: new versions go to the end of the heap, and a query
  /// that sorts all it finds reads the heap from its start. It says which of several mistakes is found first.
  bool lies_like_small_tables = false;
  /// Commits with synchronous_commit off can be lost (see Engine::lose_after) until somebody settles them.
  bool loses_asynchronous_commits = false;
};

class EngineImpl;
class SessionImpl;

/// One client's session. Statements run one after the other; a statement that must wait for a lock suspends its task.
/// Destroying the session (or the task of its running statement) rolls back its open transaction and frees its locks.
class Session {
 public:
  explicit Session(std::unique_ptr<SessionImpl> impl);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs one statement (or several, separated by `;`, when there are no parameters: the last result is given).
  /// Throws SqlError. SQL outside of what is supported is sqlstate 0A000 with the construct and its position; such a
  /// statement never has an effect. The text is read when the task starts; what `parameters` is a view of outlives the task.
  Task<StatementResult> execute(std::string_view sql, std::span<const SqlValue> parameters = {});
  /// Several statements as one text, as the simple query protocol sends them: one implicit transaction; each result is
  /// given when its statement is done. `each` outlives the task. Throws as `execute`.
  Task<> execute_each(std::string_view sql, const std::function<void(StatementResult)>& each);
  /// The same with declared types of the first parameters (unknown: to be inferred), as Parse gives them.
  Task<StatementResult> execute(std::string_view sql, std::span<const SqlValue> parameters,
                                std::span<const TypeRef> declared);
  /// The same for one step of a pipeline of the extended protocol: outside of a transaction block its transaction stays open,
  /// and the next steps belong to it, until `sync`. An error rolls it back.
  Task<StatementResult> execute_step(std::string_view sql, std::span<const SqlValue> parameters,
                                     std::span<const TypeRef> declared);
  /// Commits the transaction of the steps before. Throws SqlError: what a COMMIT finds; then it is rolled back.
  Task<> sync();
  /// Throws SqlError: 42601 for a wrong text or several statements, what analysis finds, 25P02 in a failed transaction.
  [[nodiscard]] StatementDescription describe(std::string_view sql, std::span<const TypeRef> declared = {});
  /// Makes the running statement, if it waits (for a lock, or in pg_sleep), fail with 57014 soon. Otherwise nothing.
  void cancel();
  /// What COPY reads from and writes to, which outlives the session. Without one COPY is refused.
  void copy_through(CopyStream& stream) noexcept;
  /// A setting as SHOW prints it; empty: there is none of this name.
  [[nodiscard]] std::string setting(std::string_view name) const;
  /// Changes a setting of the session, as a start-up packet does. Throws as SET.
  void set(std::string_view name, std::string_view value);
  [[nodiscard]] TransactionStatus status() const noexcept;
  /// Tells sessions apart, as pg_backend_pid() does.
  [[nodiscard]] std::int32_t process_id() const noexcept;
  /// Takes the notifications that have arrived, oldest first. Empty while a transaction is open: they are held until it
  /// ends. A server sends them after each statement, and whenever `on_notification` says that there are some.
  [[nodiscard]] std::vector<Notification> take_notifications();
  /// `ready` is called when notifications can be taken that could not be before: another session committed while this one
  /// was idle, or this one's transaction ended. It runs inside of that session's statement, so it only wakes somebody: it
  /// must neither run a statement nor destroy a session.
  void on_notification(std::function<void()> ready);
  /// For how long the client of a session that is idle right now may say nothing before the server must end the session;
  /// `sqlstate` and `message` are what it then says. Zero: for ever. The settings idle_in_transaction_session_timeout
  /// (25P03) and idle_session_timeout (57P05).
  struct IdleLimit {
    Duration after{};
    std::string_view sqlstate;
    std::string_view message;
  };
  [[nodiscard]] IdleLimit idle_limit() const;
  /// Makes it a session of a hot standby: read-only, and its snapshots see what was committed up to the place in the commit
  /// order that `replayed` gives.
  void follow(std::function<std::uint64_t()> replayed);
  /// Asked before each commit and each change of a SERIALIZABLE transaction that runs beside another one: true lets it fail
  /// with 40001, as PostgreSQL's predicate locks do that cover a whole page (manual, 13.2.3).
  void on_doubt(std::function<bool()> fails);
  /// True if the statement that `execute` is running waits for another session.
  [[nodiscard]] bool is_waiting() const noexcept;

 private:
  std::unique_ptr<SessionImpl> impl_;
};

/// An in-memory multi-version database with PostgreSQL 15's semantics: catalog, heap, indexes, locks, sequences.
class Engine {
 public:
  Engine(std::string name, Environment& environment, EngineOptions options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] std::unique_ptr<Session> connect(std::string session_name);
  /// Parses and compiles without running: so that a service's SQL is refused when it starts, not when it is first used.
  /// Throws SqlError.
  void prepare(std::string_view sql);
  /// Called at each commit that changed rows, in commit order, before the committing statement returns.
  void on_commit(std::function<void(CommittedTransaction&&)> observer);
  /// All sessions but those of a standby must be gone. Forgets what was not committed, as recovery after a server crash
  /// does. Sequences may skip ahead (up to 32 values), as PostgreSQL's do, because they are logged in advance.
  void recover();

  // ---- commits that can be lost ----
  /// From now on commits can be taken back, until `settle` says that they are safe. Those that changed the catalog are safe
  /// at once, as are all before them.
  void keep_commits();
  /// What was committed up to this place in the commit order is safe.
  void settle(std::uint64_t place);
  [[nodiscard]] std::uint64_t settled() const noexcept;
  /// The place of the last commit that changed the catalog: no standby sees an older state.
  [[nodiscard]] std::uint64_t last_catalog_change() const noexcept;
  /// The place of the last commit.
  [[nodiscard]] std::uint64_t last_commit() const noexcept;
  /// What a snapshot of this place sees is kept, for a standby that reads it; UINT64_MAX: nothing more than sessions need.
  void hold(std::uint64_t place) noexcept;
  /// As `recover`, but takes back what was committed after this place, newest first. Sequences go back with it to what was
  /// logged then, so that values may come twice. Safe commits stay.
  std::vector<LostTransaction> lose_after(std::uint64_t place);

  // ---- what is wrong with the server ----
  /// Transactions begin read-only, as with default_transaction_read_only set for all: 25006.
  void set_read_only(bool on) noexcept;
  /// A row version that needs another page fails with 53100; some find room in the pages that there are.
  void set_disk_full(bool on) noexcept;
  /// What is committed in the catalog, by schema and name.
  [[nodiscard]] std::vector<RelationDescription> relations() const;
  /// The rows that a new transaction would see, for tests and checkers: runs a read-only statement outside of any
  /// session, without waiting.
  [[nodiscard]] Rows query(std::string_view sql, std::span<const SqlValue> parameters = {});

 private:
  std::unique_ptr<EngineImpl> impl_;
};

}  // namespace orrery::sim::database
