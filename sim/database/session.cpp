#include <algorithm>
#include <utility>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/modify.hpp"
#include "sim/database/session_impl.hpp"
#include "sim/database/utility.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::uint32_t kOrderSite = 0xdb000002;
constexpr std::uint32_t kPlanSite = 0xdb000004;

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return mix_hash(hash);
}

bool ends_failed_transaction(const Node& node) {
  if (node.node_case != PG_QUERY__NODE__NODE_TRANSACTION_STMT) return false;
  switch (node.transaction_stmt->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
      return true;
    default:
      return false;
  }
}

void set_tag(StatementResult& result, std::string_view verb, std::int64_t rows) {
  result.command_tag = verb;
  if (rows < 10) {
    result.command_tag.push_back(static_cast<char>('0' + rows));
  } else {
    result.command_tag += std::to_string(rows);
  }
}

/// The command as PostgreSQL names it: after the first of its lock clauses.
const char* locking_verb(const StatementPlan& plan) {
  if (plan.query == nullptr || plan.query->marks.empty()) return "SELECT";
  switch (plan.query->marks.front().mode) {
    case RowLock::key_share:
      return "SELECT FOR KEY SHARE";
    case RowLock::share:
      return "SELECT FOR SHARE";
    case RowLock::no_key_update:
      return "SELECT FOR NO KEY UPDATE";
    default:
      return "SELECT FOR UPDATE";
  }
}

void set_result(const std::shared_ptr<const StatementPlan>& shared, Tuplestore& rows, std::int64_t affected,
                StatementResult& result) {
  const StatementPlan& plan = *shared;
  if (plan.query != nullptr || !plan.types.empty()) {
    result.types = std::shared_ptr<const std::vector<TypeRef>>(shared, &plan.types);
  }
  std::vector<SqlValue> cells;
  if (!rows.cells.empty()) cells.reserve(rows.cells.size());
  const std::size_t width = plan.types.size();
  for (std::size_t begin = 0; width > 0 && begin < rows.cells.size(); begin += width) {
    for (std::size_t i = 0; i < width; ++i) append_sql_value(rows.cells[begin + i], plan.types[i], cells);
  }
  result.rows = Rows(plan.shape, std::move(cells), affected);
}

}  // namespace

/// While a statement runs. If its coroutine is destroyed in the middle (the client is gone, the server crashed), the
/// transaction is rolled back.
class StatementScope {
 public:
  explicit StatementScope(SessionImpl& session) : session_(session) {
    CHECK(!session.is_running, "a session runs one statement at a time");
    session.is_running = true;
  }
  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;
  ~StatementScope() {
    session_.is_running = false;
    session_.sleeper = nullptr;
    session_.snapshot_in_use = false;
    if (!finished_) session_.roll_back();
  }
  void finish() noexcept { finished_ = true; }

 private:
  SessionImpl& session_;
  bool finished_ = false;
};

/// Gives the execution back when the statement ends in whatever way. Whoever runs the plan keeps it alive.
class ExecutionLease {
 public:
  ExecutionLease(EngineImpl& engine, SessionImpl& session, const StatementPlan& plan)
      : engine_(engine), execution_(engine.take_execution(session)) {
    execution_->start(plan, session);
  }
  ExecutionLease(const ExecutionLease&) = delete;
  ExecutionLease& operator=(const ExecutionLease&) = delete;
  ~ExecutionLease() {
    execution_->finish();
    engine_.give_back(std::move(execution_));
  }
  [[nodiscard]] Execution& get() { return *execution_; }

 private:
  EngineImpl& engine_;
  std::unique_ptr<Execution> execution_;
};

/// A plan under way.
struct PlanRun {
  PlanRun(EngineImpl& engine, SessionImpl& session, const StatementPlan& plan) : lease(engine, session, plan) {}

  ExecutionLease lease;
  std::size_t first_write = 0;
  Modification modification;
};

SessionImpl::SessionImpl(EngineImpl& the_engine, std::string the_name) : engine(the_engine), name(std::move(the_name)) {
  std::uint32_t slot = 0;
  while (slot < engine.sessions.size() && engine.sessions[slot] != nullptr) ++slot;
  if (slot == engine.sessions.size()) engine.sessions.push_back(nullptr);
  engine.sessions[slot] = this;
  transaction.slot = slot;
  transaction.process_id = static_cast<std::int32_t>(1000 + slot);
  engine.locks.set_owner(slot, &transaction);
  entity = stable_hash(name);
  naming.catalog = &engine.catalog;
  naming.slot = slot;
  apply_search_path();
}

SessionImpl::~SessionImpl() {
  CHECK(!is_running, "a session is destroyed after its running statement");
  roll_back();
  engine.locks.release_from(transaction, 0);
  engine.locks.set_owner(transaction.slot, nullptr);
  engine.sessions[transaction.slot] = nullptr;
}

TransactionStatus SessionImpl::status() const noexcept {
  if (!transaction.is_open || !transaction.is_explicit) return TransactionStatus::idle;
  return transaction.has_failed ? TransactionStatus::failed : TransactionStatus::in_transaction;
}

void SessionImpl::apply_search_path() {
  std::vector<std::string> path{"pg_catalog"};
  const std::string text = *settings.show("search_path");
  std::string word;
  bool in_quotes = false;
  const auto add = [&] {
    if (!word.empty() && word != "$user") path.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      add();
    } else if (c != ' ' || in_quotes) {
      word.push_back(c);
    }
  }
  add();
  path.erase(path.begin());  // nothing is made in pg_catalog
  if (plans == nullptr || path != naming.search_path) {
    naming.search_path = path;
    plans = &engine.plans_for(path);
  }
}

void SessionImpl::notice(std::string_view severity, std::string_view sqlstate, std::string message) {
  const std::string least = *settings.show("client_min_messages");
  if (least == "error" || (least == "warning" && severity == "NOTICE")) return;
  notices.push_back({std::string(severity), std::string(sqlstate), std::move(message)});
}

Task<StatementResult> SessionImpl::execute(std::string_view sql, std::span<const SqlValue> parameters,
                                           std::span<const TypeRef> declared,
                                           const std::function<void(StatementResult)>* each, bool is_step) {
  StatementScope scope(*this);
  StatementResult result;
  notices.clear();
  Transaction& txn = transaction;
  txn.statement_time = timestamptz_value(engine.environment.system_time()).integer();
  txn.limits.lock_timeout = Duration::zero();
  txn.limits.is_cancelled = false;
  std::shared_ptr<CompiledText>& text = shown_text;
  std::shared_ptr<const StatementPlan> plan;
  std::optional<PlanRun> run;
  try {
    const std::shared_ptr<CompiledText>* const known = declared.empty() ? plans->find(sql) : nullptr;
    if (known == nullptr) {
      text = nullptr;
      text = engine.compile(sql, *plans, declared);
    } else if (text != *known) {
      text = *known;
    }
    if (text->statements.size() > 1 && !parameters.empty()) {
      fail("42601", "cannot insert multiple commands into a prepared statement");
    }
    const Duration limit = settings.of_statement().statement_timeout;
    txn.limits.statement_deadline =
        limit == Duration::zero() ? Instant::max() : engine.locks.executor().now() + limit;
    for (std::size_t i = 0; i < text->statements.size(); ++i) {
      if (i > 0 && each != nullptr) (*each)(std::move(result));
      if (i > 0) result = StatementResult{};
      if (prepare_now(*text, i, plan)) {
        if (runs_at_once(*plan)) {
          if (!run_at_once(plan, parameters, run, result)) co_await finish_run(plan, *run, result);
          run.reset();
        } else {
          co_await run_plan(plan, parameters, result);
        }
      } else {
        co_await run_statement(text, i, parameters, result);
      }
      if (!notices.empty()) result.notices = std::exchange(notices, {});
    }
    if (txn.is_open && !txn.is_explicit && !is_step) {
      if (!txn.deferral.checks.empty()) co_await check_deferred(*this);
      commit();
    }
  } catch (SqlError& error) {
    run.reset();
    if (error.sqlstate == "22P02" && !txn.new_labels.empty()) tell_unsafe_label(error);
    snapshot_in_use = false;
    fail_transaction();
    scope.finish();
    throw;
  } catch (const EvaluationWait&) {
    run.reset();
    snapshot_in_use = false;
    fail_transaction();
    scope.finish();
    fail_unsupported("waiting for an advisory lock or pg_sleep in this place");
  }
  scope.finish();
  co_return result;
}

Task<> SessionImpl::sync() {
  Transaction& txn = transaction;
  if (!txn.is_open || txn.is_explicit) co_return;
  StatementScope scope(*this);
  try {
    if (!txn.deferral.checks.empty()) co_await check_deferred(*this);
    commit();
  } catch (const SqlError&) {
    fail_transaction();
    scope.finish();
    throw;
  }
  scope.finish();
}

/// A label is in its type only when the transaction that adds it has committed. In that one it is known, but not to be used.
void SessionImpl::tell_unsafe_label(SqlError& error) const {
  for (const auto& [type, label] : transaction.new_labels) {
    if (error.message != "invalid input value for enum " + type->name + ": " + in_quotes(label->text)) continue;
    error.sqlstate = "55P04";
    error.message = "unsafe use of new value " + in_quotes(label->text) + " of enum type " + type->name;
    error.hint = "New enum values must be committed before they can be used.";
    return;
  }
}

/// What comes before every statement. True: it is a query whose tables are locked, and `plan` is what to run.
bool SessionImpl::prepare_now(CompiledText& text, std::size_t index, std::shared_ptr<const StatementPlan>& plan) {
  const CompiledStatement& statement = text.statements[index];
  Transaction& txn = transaction;
  ++statements;
  if (txn.is_open && txn.has_failed && !ends_failed_transaction(*statement.node)) {
    fail("25P02", "current transaction is aborted, commands ignored until end of transaction block");
  }
  const StatementSettings& limits = settings.of_statement();
  txn.limits.lock_timeout = limits.lock_timeout;
  txn.limits.deadlock_timeout = limits.deadlock_timeout;
  if (statement.node->node_case == PG_QUERY__NODE__NODE_TRANSACTION_STMT) return false;
  begin_if_needed();
  if (!statement.is_query) return false;
  // Parse analysis of a query takes a snapshot, before tables are locked: under the higher levels it is the transaction's.
  if (txn.isolation != Isolation::read_committed && !wants_safe_snapshot()) take_snapshot();
  if (txn.ddl.empty() && statement.plan != nullptr && statement.catalog_version == engine.catalog.version) {
    plan = statement.plan;
  } else {
    try {
      plan = engine.plan_of(text, index, naming, !txn.ddl.empty(), true);
    } catch (const TableBusy&) {
      return false;
    }
  }
  return lock_tables_now(*plan);
}

/// A statement that `prepare_now` could not make ready. `text` lives as long as the task.
Task<> SessionImpl::run_statement(const std::shared_ptr<CompiledText>& text, std::size_t index,
                                  std::span<const SqlValue> parameters, StatementResult& result) {
  const CompiledStatement& statement = text->statements[index];
  Transaction& txn = transaction;
  if (statement.node->node_case == PG_QUERY__NODE__NODE_TRANSACTION_STMT) {
    result.command_tag = co_await run_transaction_statement(*this, *statement.node->transaction_stmt);
    co_return;
  }
  if (is_about_prepared(*statement.node)) {
    co_await run_about_prepared(text, *statement.node, result);
    co_return;
  }
  if (!statement.is_query) {
    if (txn.isolation != Isolation::read_committed && utility_takes_snapshot(*statement.node)) take_snapshot();
    co_await run_utility(*this, *statement.node, result);
    ++txn.command;
    co_return;
  }
  std::shared_ptr<const StatementPlan> plan;
  std::uint64_t version = 0;
  do {  // again if the tables were changed meanwhile
    version = engine.catalog.version;
    Task<std::shared_ptr<const StatementPlan>> planning = plan_when_free(text, index);
    plan = co_await std::move(planning);
    for (const auto& [table, mode] : plan->tables) {
      Lock& lock = table->lock;
      if ((lock.held_by(txn) & mask_of(mode)) != 0) continue;
      co_await engine.locks.acquire(txn, lock, mode, txn.level());
    }
    for (const auto& [lock, mode] : plan->other_locks) {
      if ((lock->held_by(txn) & mask_of(mode)) == 0) co_await engine.locks.acquire(txn, *lock, mode, txn.level());
    }
  } while (engine.catalog.version != version);
  co_await run_plan(plan, parameters, result);
}

Task<std::shared_ptr<const StatementPlan>> SessionImpl::plan_when_free(const Node& node) {
  std::shared_ptr<const StatementPlan> plan;
  while (plan == nullptr) {
    TableBusy busy{nullptr, LockMode::none};
    try {
      plan = Analyzer(naming).minds_changes().sorts_small_tables(engine.options.lies_like_small_tables).statement(node);
    } catch (const TableBusy& found) {
      busy = found;
    }
    if (busy.lock != nullptr) co_await engine.locks.acquire(transaction, *busy.lock, busy.mode, transaction.level());
  }
  co_return plan;
}

Task<std::shared_ptr<const StatementPlan>> SessionImpl::plan_when_free(std::shared_ptr<CompiledText> text, std::size_t index) {
  std::shared_ptr<const StatementPlan> plan;
  while (plan == nullptr) {
    TableBusy busy{nullptr, LockMode::none};
    try {
      plan = engine.plan_of(*text, index, naming, !transaction.ddl.empty(), true);
    } catch (const TableBusy& found) {
      busy = found;
    }
    if (busy.lock != nullptr) co_await engine.locks.acquire(transaction, *busy.lock, busy.mode, transaction.level());
  }
  co_return plan;
}

Task<> SessionImpl::run_query_within(const Node& node, StatementResult& result) {
  std::shared_ptr<const StatementPlan> plan;
  std::uint64_t version = 0;
  do {
    version = engine.catalog.version;
    Task<std::shared_ptr<const StatementPlan>> planning = plan_when_free(node);
    plan = co_await std::move(planning);
    for (const auto& [table, mode] : plan->tables) {
      if ((table->lock.held_by(transaction) & mask_of(mode)) != 0) continue;
      co_await engine.locks.acquire(transaction, table->lock, mode, transaction.level());
    }
    for (const auto& [lock, mode] : plan->other_locks) {
      if ((lock->held_by(transaction) & mask_of(mode)) == 0) co_await engine.locks.acquire(transaction, *lock, mode, transaction.level());
    }
  } while (engine.catalog.version != version);
  const std::span<const SqlValue> none;
  co_await run_plan(plan, none, result);
}

bool SessionImpl::lock_tables_now(const StatementPlan& plan) {
  for (const auto& [table, mode] : plan.tables) {
    Lock& lock = table->lock;
    if (!lock.is_free() && (lock.held_by(transaction) & mask_of(mode)) != 0) continue;
    if (!engine.locks.try_acquire(transaction, lock, mode, transaction.level())) return false;
  }
  for (const auto& [lock, mode] : plan.other_locks) {
    if ((lock->held_by(transaction) & mask_of(mode)) != 0) continue;
    if (!engine.locks.try_acquire(transaction, *lock, mode, transaction.level())) return false;
  }
  return true;
}

void SessionImpl::bind(const StatementPlan& plan, std::span<const SqlValue> parameters, Execution& execution) {
  if (parameters.size() != plan.parameters.size()) {
    fail("08P01", "bind message supplies " + std::to_string(parameters.size()) +
                      " parameters, but prepared statement \"\" requires " + std::to_string(plan.parameters.size()));
  }
  execution.parameters.reserve(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    execution.parameters.push_back(from_sql_value(parameters[i], plan.parameters[i], &execution));
  }
}

/// A SELECT without row locks: it waits for what its calls and sub-statements wait for. Then it runs again from its start, which is
/// right as long as it does nothing else that cannot be done twice: the analyzer sees to that.
Task<> SessionImpl::run_waiting_select(const StatementPlan& plan, Execution& execution, Tuplestore& rows) {
  while (true) {
    std::optional<EvaluationWait> waits_for;
    try {
      rows.clear();
      fill_store(*plan.query, execution, rows);
    } catch (const EvaluationWait& wait) {
      waits_for = wait;
    }
    if (!waits_for) co_return;
    co_await wait_for(*waits_for, execution);
  }
}

Task<> SessionImpl::wait_for(EvaluationWait wait, Execution& execution) {
  if (wait.step != nullptr) {
    co_await run_step(*wait.step, execution);
    co_return;
  }
  if (wait.sleep > Duration::zero()) {
    co_await sleep(wait.sleep);
    execution.slept = true;
    execution.granted = execution.acquired;
    co_return;
  }
  Lock& lock = engine.locks.advisory_lock(wait.tag);
  const std::uint32_t level = wait.of_session ? 0 : transaction.level();
  co_await engine.locks.acquire(transaction, lock, wait.mode, level);
  execution.acquired.push_back(wait.tag);
  execution.granted = execution.acquired;
}

Task<> SessionImpl::sleep(Duration duration) {
  Waiter waiter(engine.locks.executor());
  const Instant now = engine.locks.executor().now();
  const Instant end = std::min(now + duration, transaction.limits.statement_deadline);
  sleeper = &waiter;
  const bool woken = co_await waiter.wait_until(end);
  (void)woken;
  sleeper = nullptr;
  if (transaction.limits.is_cancelled) fail("57014", "canceling statement due to user request");
  if (engine.locks.executor().now() >= transaction.limits.statement_deadline) {
    fail("57014", "canceling statement due to statement timeout");
  }
}

bool SessionImpl::runs_subquery_again(const StatementPlan& plan) {
  const bool is_open = plan.steps.size() == 1 && plan.steps[0].may_run_again && plan.modify->operation != RowWrite::insert &&
                       plan.modify->merge.empty();
  if (!is_open || !engine.options.shuffles_open_order || !engine.options.chooses_plans) return false;
  const std::uint64_t drawn = engine.environment.draw(kPlanSite, entity, statements);
  if (drawn % 4 != 0) return false;
  engine.environment.chose(OpenChoice::plan, name, drawn);
  return true;
}

bool SessionImpl::runs_at_once(const StatementPlan& plan) const noexcept {
  if (!plan.steps.empty() || (!transaction.has_snapshot && wants_safe_snapshot())) return false;
  if (plan.modify != nullptr) return !transaction.is_read_only;
  return plan.query->marks.empty() && !plan.has_waiting_call && !plan.writes;
}

void SessionImpl::prepare_run(const StatementPlan& plan, std::span<const SqlValue> parameters, Execution& execution) {
  take_snapshot();
  snapshot_in_use = true;
  execution.snapshot = transaction.snapshot;
  bind(plan, parameters, execution);
  if (plan.writes) doubt_serializability("write");
  const EngineOptions& options = engine.options;
  if (options.shuffles_open_order && (plan.writes ? options.shuffles_lock_order : options.shuffles_row_order)) {
    const std::uint64_t drawn = engine.environment.draw(kOrderSite, entity, statements);
    execution.order_seed = drawn == 0 ? 0 : drawn | 1U;  // 0: as they lie
  }
}

bool SessionImpl::run_at_once(const std::shared_ptr<const StatementPlan>& shared, std::span<const SqlValue> parameters,
                              std::optional<PlanRun>& run, StatementResult& result) {
  const StatementPlan& plan = *shared;
  run.emplace(engine, *this, plan);
  Execution& execution = run->lease.get();
  prepare_run(plan, parameters, execution);
  Tuplestore& rows = execution.result;
  if (plan.query != nullptr) {
    fill_store(*plan.query, execution, rows);
    end_run(shared, rows, static_cast<std::int64_t>(rows.rows), result);
    return true;
  }
  run->first_write = transaction.writes.size();
  run->modification = modify_now(*plan.modify, execution, rows);
  if (run->modification.rest || leaves_checks(transaction, run->first_write)) return false;
  end_run(shared, rows, run->modification.rows, result);
  return true;
}

Task<> SessionImpl::finish_run(const std::shared_ptr<const StatementPlan>& shared, PlanRun& run, StatementResult& result) {
  std::int64_t affected = run.modification.rows;
  if (run.modification.rest) affected = co_await std::move(run.modification.rest);
  if (leaves_checks(transaction, run.first_write)) co_await check_after_statement(*this, run.first_write);
  end_run(shared, run.lease.get().result, affected, result);
}

/// What comes after every plan.
void SessionImpl::end_run(const std::shared_ptr<const StatementPlan>& shared, Tuplestore& rows, std::int64_t affected,
                          StatementResult& result) {
  set_tag(result, shared->tag, affected);
  set_result(shared, rows, affected, result);
  snapshot_in_use = false;
  if (shared->writes) ++transaction.command;
}

/// `shared` lives as long as the task.
Task<> SessionImpl::run_plan(const std::shared_ptr<const StatementPlan>& shared, std::span<const SqlValue> parameters,
                             StatementResult& result) {
  const StatementPlan* plan = shared.get();
  Transaction& txn = transaction;
  if (plan->writes && txn.is_read_only) {
    const char* verb = plan->modify == nullptr                       ? locking_verb(*plan)
                       : !plan->modify->merge.empty()                ? "MERGE"
                       : plan->modify->operation == RowWrite::insert ? "INSERT"
                       : plan->modify->operation == RowWrite::update ? "UPDATE"
                                                                     : "DELETE";
    fail("25006", std::string("cannot execute ") + verb + " in a read-only transaction");
  }
  ExecutionLease lease(engine, *this, *plan);
  Execution& execution = lease.get();
  if (wants_safe_snapshot() && !txn.has_snapshot) co_await take_safe_snapshot();
  prepare_run(*plan, parameters, execution);
  const std::size_t first_write = txn.writes.size();
  const bool has_steps = !plan->steps.empty();
  if (has_steps) co_await run_steps_before(*plan, execution);
  Tuplestore& rows = execution.result;
  std::int64_t affected = 0;
  if (plan->query != nullptr) {
    if (!plan->query->marks.empty()) {
      co_await run_locking_query(*plan->query, execution, rows);
    } else if (plan->has_waiting_call || has_steps) {
      co_await run_waiting_select(*plan, execution, rows);
    } else {
      fill_store(*plan->query, execution, rows);
    }
    affected = static_cast<std::int64_t>(rows.rows);
  } else {
    affected = co_await run_modify(*plan->modify, execution, rows);
    if (affected > 0 && runs_subquery_again(*plan)) {
      // What this command has changed is passed over by the subquery, so that its LIMIT reaches further rows.
      std::int64_t more = 0;
      do {
        execution.forget_subqueries();
        co_await run_steps_before(*plan, execution);
        more = co_await run_modify(*plan->modify, execution, rows);
        affected += more;
      } while (more > 0);
    }
  }
  if (has_steps) co_await run_steps_after(*plan, execution);
  if (leaves_checks(txn, first_write)) co_await check_after_statement(*this, first_write);
  end_run(shared, rows, affected, result);
}

}  // namespace orrery::sim::database
