#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "sim/database/plan.hpp"
#include "sim/database/transaction.hpp"
#include "sim/database/types/functions.hpp"

namespace orrery::sim::database {

class EngineImpl;
class SessionImpl;

/// What stands in one range table entry right now.
struct Slot {
  const Value* row = nullptr;
  VersionId version = kNoVersion;
};

/// Rows that were computed, cell after cell.
struct Tuplestore {
  std::vector<Value> cells;
  std::size_t width = 0;
  std::size_t rows = 0;
  bool is_filled = false;

  void clear() {
    cells.clear();
    rows = 0;
    is_filled = false;
  }
  [[nodiscard]] const Value* row(std::size_t index) const noexcept { return cells.data() + index * width; }
};

/// More nested conditions than this in one constraint, default or index expression are refused.
inline constexpr std::uint32_t kMaxConstraintLocals = 64;

/// The result of an uncorrelated subquery.
struct SubqueryCache {
  bool is_filled = false;
  bool has_null = false;
  Tuplestore rows;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_hash;  // sorted
};

/// The rows of a hash join's right side.
struct JoinTable {
  const FromNode* join = nullptr;
  std::vector<Slot> rows;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_hash;  // sorted; rows in the order in which they were read
};

/// Thrown by what is evaluated and has to wait: for an advisory lock, for a time (pg_sleep), or until a sub-statement of WITH has
/// given its rows. The statement waits, and evaluates again from a point at which it had done nothing.
struct EvaluationWait {
  LockTag tag;
  LockMode mode = LockMode::none;
  bool of_session = false;
  Duration sleep{};
  const Step* step = nullptr;
};

/// One run of a statement.
class Execution : public EvalContext {
 public:
  Execution(SessionImpl& the_session, EngineImpl& the_engine) : session(&the_session), engine(&the_engine) {}
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  virtual ~Execution() = default;

  /// Makes ready for a run of `plan`; keeps memory from the run before.
  void start(const StatementPlan& plan, SessionImpl& the_session);
  /// Drops the values of the run.
  void finish();
  /// Forgets what subqueries gave, so that they are run again.
  void forget_subqueries();

  SessionImpl* session = nullptr;
  EngineImpl* engine = nullptr;
  const StatementPlan* plan = nullptr;
  Snapshot snapshot;
  std::vector<Slot> slots;
  std::vector<Value> parameters;
  Tuplestore result;  // what the statement gives its client
  Tuplestore source;  // what an INSERT makes its rows of
  std::vector<Tuplestore> stores;
  std::vector<SubqueryCache> caches;
  std::vector<const Value*> locals;
  std::vector<std::unique_ptr<JoinTable>> joins;
  std::deque<Tuplestore> arena;  // rows that slots may point to until the end of the run
  std::uint64_t order_seed = 0;  // for what SQL leaves open; 0: natural order
  std::uint32_t order_draws = 0;
  bool told_order = false;  // the environment was told of the choice
  std::uint32_t depth = 0;
  std::vector<LockTag> acquired;  // advisory locks that this run has taken, by all its attempts
  std::vector<LockTag> granted;   // those of earlier attempts that this attempt has not come across yet
  bool slept = false;

  // EvalContext
  [[nodiscard]] std::int64_t transaction_time() const override;
  [[nodiscard]] std::int64_t statement_time() const override;
  [[nodiscard]] std::int64_t clock_time() const override;
  [[nodiscard]] std::uint64_t next_random() const override;
  [[nodiscard]] std::uint64_t current_transaction_id() const override;
  [[nodiscard]] std::uint64_t current_transaction_id_if_assigned() const override;
  [[nodiscard]] std::string current_snapshot() const override;
  [[nodiscard]] std::optional<std::string> setting(std::string_view name) const override;
  [[nodiscard]] Value object_named(Type type, std::string_view text) const override;
  [[nodiscard]] Value object_numbered(Type type, std::uint32_t oid) const override;

 protected:
  /// Of no session: for what is computed while a statement is planned.
  Execution() = default;
};

extern const Value kNull;

/// What `evaluate` is for all but the simplest expressions.
[[nodiscard]] const Value& compute(const Expr& expr, Execution& execution, Value& scratch);

/// The value of an expression: either something that lives elsewhere (a row, a constant) or `scratch`. Valid until
/// `scratch` or the slots change. Throws SqlError. Most expressions are columns, constants and parameters: they need no call.
[[nodiscard]] inline const Value& evaluate(const Expr& expr, Execution& execution, Value& scratch) {
  switch (expr.kind) {
    case ExprKind::constant:
      return expr.constant;
    case ExprKind::parameter:
      return execution.parameters[expr.column];
    case ExprKind::column: {
      const Value* row = execution.slots[expr.slot].row;
      return row == nullptr ? kNull : row[expr.column];
    }
    case ExprKind::local:
      return *execution.locals[expr.column];
    default:
      return compute(expr, execution, scratch);
  }
}
/// The same as a value of its own.
[[nodiscard]] inline Value value_of(const Expr& expr, Execution& execution) {
  Value local;
  const Value& value = evaluate(expr, execution, local);
  if (&value == &local) return local;
  return value;
}

/// True only if the value is TRUE.
[[nodiscard]] bool is_true(const Expr& expr, Execution& execution);
[[nodiscard]] inline bool all_true(const std::vector<ExprPtr>& conditions, Execution& execution) {
  for (const ExprPtr& condition : conditions) {
    if (!is_true(*condition, execution)) return false;
  }
  return true;
}

/// A reference to a callable; cheaper than std::function and never owning.
template <class Signature>
class FunctionRef;
template <class Result, class... Args>
class FunctionRef<Result(Args...)> {
 public:
  template <class Callable>
    requires(!std::is_same_v<std::remove_const_t<Callable>, FunctionRef>)
  FunctionRef(Callable& callable)  // NOLINT: meant to convert
      : object_(&callable), call_([](void* object, Args... args) -> Result {
          return (*static_cast<Callable*>(object))(args...);
        }) {}
  Result operator()(Args... args) const { return call_(object_, args...); }

 private:
  void* object_;
  Result (*call_)(void*, Args...);
};

/// Gets the visible (and hidden) outputs of a row, which it may move from; false: no more rows are wanted.
using RowSink = FunctionRef<bool(Value*)>;
/// Is called when the slots hold a row; false: no more rows are wanted.
using SlotSink = FunctionRef<bool()>;

/// Runs a FROM clause; returns false if the sink ended it.
bool scan(const FromNode& node, Execution& execution, SlotSink sink);
/// Judges all conditions of the FROM clause again for the rows that the slots hold (after one of them was replaced by a
/// newer version). Null-extends the inner side of LEFT JOINs that fit no longer.
[[nodiscard]] bool recheck(const FromNode& node, Execution& execution);

/// Runs a query that needs no waiting.
void run_query(const QueryPlan& query, Execution& execution, RowSink sink);
/// Makes the query's rows all that the store holds.
void fill_store(const QueryPlan& query, Execution& execution, Tuplestore& store);

/// LIMIT and OFFSET of this run. Throws 2201W, 2201X.
struct RowWindow {
  std::uint64_t offset = 0;
  std::uint64_t limit = UINT64_MAX;
};
[[nodiscard]] RowWindow row_window(const QueryPlan& query, Execution& execution);

/// Three-way order of two rows by sort keys.
[[nodiscard]] int compare_by_keys(const std::vector<SortKey>& keys, const Value* left, const Value* right);

}  // namespace orrery::sim::database
