#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/engine_functions.hpp"
#include "sim/database/engine_impl.hpp"
#include "sim/database/settings.hpp"

namespace orrery::sim::database {

/// What PREPARE made.
struct PreparedStatement {
  std::shared_ptr<CompiledText> text;
  std::shared_ptr<const StatementPlan> first_plan;  // whose result's types must not change
};

/// What DECLARE made. Its rows are computed at once; only where it stands moves.
struct Cursor {
  Rows rows;
  std::shared_ptr<const std::vector<TypeRef>> types;
  std::size_t position = 0;  // 0: before the first row; beyond the last: their number and one
  bool may_go_back = true;
  bool is_held = false;      // WITH HOLD: it stays when its transaction has committed
  std::size_t level = 0;     // how many levels its transaction had when it was declared; 0: it has committed
};

struct PlanRun;

/// One client's session: its transaction, settings, and the statement that runs.
class SessionImpl {
 public:
  SessionImpl(EngineImpl& the_engine, std::string the_name);
  ~SessionImpl();
  SessionImpl(const SessionImpl&) = delete;
  SessionImpl& operator=(const SessionImpl&) = delete;

  /// `sql` and `declared` are read when the task starts; the others outlive it. `each`: gets the results of all statements
  /// but the last. `is_step`: an implicit transaction stays open.
  Task<StatementResult> execute(std::string_view sql, std::span<const SqlValue> parameters, std::span<const TypeRef> declared = {},
                                const std::function<void(StatementResult)>* each = nullptr, bool is_step = false);
  Task<> sync();
  Task<> execute_each(std::string sql, const std::function<void(StatementResult)>& each);
  [[nodiscard]] StatementDescription describe(std::string_view sql, std::span<const TypeRef> declared);
  void cancel();
  /// A message beside the result of the running statement; `severity`: NOTICE or WARNING.
  void notice(std::string_view severity, std::string_view sqlstate, std::string message);
  [[nodiscard]] TransactionStatus status() const noexcept;

  EngineImpl& engine;
  std::string name;
  Transaction transaction;
  Settings settings;
  Naming naming;
  PlanCache* plans = nullptr;
  std::uint64_t statements = 0;
  std::uint64_t entity = 0;  // stable number of this session for the seed's decisions
  std::uint64_t random_draws = 0;
  std::int64_t last_sequence_value = 0;
  const Sequence* last_sequence = nullptr;
  std::map<std::uint32_t, std::int64_t> sequence_values;  // by sequence id, for currval
  std::map<std::string, PreparedStatement, std::less<>> prepared;
  std::map<std::string, Cursor, std::less<>> cursors;
  std::set<std::string, std::less<>> channels;  // that it listens to
  std::vector<Notification> inbox;
  std::function<void()> notification_ready;
  std::function<std::uint64_t()> replayed;  // of a standby's session: what it may see
  std::function<bool()> doubt;              // whether a serializable transaction fails without need
  std::vector<SqlNotice> notices;  // of the running statement
  Waiter* sleeper = nullptr;       // of pg_sleep
  CopyStream* copy_stream = nullptr;
  std::shared_ptr<CompiledText> shown_text;  // what it runs, or ran last
  bool is_running = false;
  bool snapshot_in_use = false;

  // --- transactions (session_transactions.cpp) ---
  void begin_if_needed();
  /// The id of the innermost savepoint (or the transaction), assigned now if there is none.
  Xid current_xid();
  void take_snapshot();
  /// Takes a snapshot of a SERIALIZABLE READ ONLY DEFERRABLE transaction, waiting until it is a safe one. Throws 57014.
  Task<> take_safe_snapshot();
  /// Throws what deferred constraints find.
  void commit();
  void roll_back();
  /// Undoes everything since the level began.
  void roll_back_level(std::size_t level);
  /// After an error: the innermost savepoint's work, or the whole transaction, is undone at once.
  void fail_transaction();
  void define_savepoint(std::string savepoint);
  void release_savepoint(const std::string& savepoint);
  void roll_back_to_savepoint(const std::string& savepoint);
  void apply_search_path();
  void report_commit(Xid xid, std::uint64_t place);
  /// Throws 40001 if the session's owner says that this serializable transaction fails, though nothing is wrong with it.
  void doubt_serializability(const char* during);
  /// Tells the session's owner if there are notifications to take now.
  void announce_notifications() {
    if (!inbox.empty() && !transaction.is_open && notification_ready) notification_ready();
  }

  /// The plan of a query, when no other transaction is changing what it names. `node` outlives the task.
  Task<std::shared_ptr<const StatementPlan>> plan_when_free(const Node& node);
  Task<std::shared_ptr<const StatementPlan>> plan_when_free(std::shared_ptr<CompiledText> text, std::size_t index);
  /// Runs a query that a utility statement contains, with the locks that it needs. `node` outlives the task. Throws SqlError.
  Task<> run_query_within(const Node& node, StatementResult& result);
  // --- cursors.cpp ---
  /// Throws 42P03, 25P01, and what the query throws.
  Task<> declare_cursor(const PgQuery__DeclareCursorStmt& stmt);
  /// FETCH and MOVE. Throws 34000, 55000.
  void fetch(const PgQuery__FetchStmt& stmt, StatementResult& result);
  /// CLOSE; without a name all. Throws 34000.
  void close_cursor(std::string_view cursor);
  /// The transaction has ended, or from `level` on was rolled back.
  void end_cursors(bool committed, std::size_t level);

  /// DISCARD. Gives the command tag. Throws 25001.
  std::string discard(const PgQuery__DiscardStmt& stmt);

  /// Waits for what could not be had at once; what was evaluated is then evaluated again.
  Task<> wait_for(EvaluationWait wait, Execution& execution);

 private:
  friend class StatementScope;
  [[nodiscard]] bool prepare_now(CompiledText& text, std::size_t index, std::shared_ptr<const StatementPlan>& plan);
  Task<> run_statement(const std::shared_ptr<CompiledText>& text, std::size_t index, std::span<const SqlValue> parameters,
                       StatementResult& result);
  /// Whether `run_at_once` can run the plan: it waits for nobody before its first row.
  [[nodiscard]] bool runs_at_once(const StatementPlan& plan) const noexcept;
  /// Runs it as far as nobody must be waited for. False: `finish_run` does the rest.
  [[nodiscard]] bool run_at_once(const std::shared_ptr<const StatementPlan>& shared, std::span<const SqlValue> parameters,
                                 std::optional<PlanRun>& run, StatementResult& result);
  /// `shared` and `run` live as long as the task.
  Task<> finish_run(const std::shared_ptr<const StatementPlan>& shared, PlanRun& run, StatementResult& result);
  void end_run(const std::shared_ptr<const StatementPlan>& shared, Tuplestore& rows, std::int64_t affected, StatementResult& result);
  Task<> run_plan(const std::shared_ptr<const StatementPlan>& shared, std::span<const SqlValue> parameters,
                  StatementResult& result);
  /// Snapshot, parameters, and the seed's choice of an order.
  void prepare_run(const StatementPlan& plan, std::span<const SqlValue> parameters, Execution& execution);
  [[nodiscard]] bool wants_safe_snapshot() const noexcept {
    return transaction.is_deferrable && transaction.is_read_only && transaction.isolation == Isolation::serializable;
  }
  Task<> run_waiting_select(const StatementPlan& plan, Execution& execution, Tuplestore& rows);
  // --- prepared_statements.cpp ---
  [[nodiscard]] static bool is_about_prepared(const Node& node) noexcept;
  Task<> run_about_prepared(std::shared_ptr<CompiledText> text, const Node& node, StatementResult& result);
  /// Throws 42P05, and what analysis finds.
  Task<> prepare_statement(std::shared_ptr<CompiledText> text, const PgQuery__PrepareStmt& stmt);
  /// Throws 26000, 42601, 42804, and what the statement throws.
  Task<> execute_prepared(const PgQuery__ExecuteStmt& stmt, StatementResult& result);
  Task<> sleep(Duration duration);
  void bind(const StatementPlan& plan, std::span<const SqlValue> parameters, Execution& execution);
  /// The seed's choice of a plan for x IN (SELECT … LIMIT n FOR UPDATE).
  [[nodiscard]] bool runs_subquery_again(const StatementPlan& plan);
  [[nodiscard]] bool lock_tables_now(const StatementPlan& plan);
  void tell_unsafe_label(SqlError& error) const;
  void undo_writes(std::size_t from);
  void end_serializable(bool committed);
};

}  // namespace orrery::sim::database
