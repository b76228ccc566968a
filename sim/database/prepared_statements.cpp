#include <algorithm>

#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"
#include "sim/database/utility.hpp"

// PREPARE, EXECUTE, DEALLOCATE and DISCARD (manual, part VI). Prepared statements belong to the session: no rollback takes
// them away.

namespace orrery::sim::database {
namespace {

bool is_same_result(const StatementPlan& left, const StatementPlan& right) {
  return left.types.size() == right.types.size() && left.shape->columns == right.shape->columns &&
         std::equal(left.types.begin(), left.types.end(), right.types.begin());
}

}  // namespace

bool SessionImpl::is_about_prepared(const Node& node) noexcept {
  return node.node_case == PG_QUERY__NODE__NODE_PREPARE_STMT || node.node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT ||
         node.node_case == PG_QUERY__NODE__NODE_DEALLOCATE_STMT;
}

Task<> SessionImpl::prepare_statement(std::shared_ptr<CompiledText> text, const PgQuery__PrepareStmt& stmt) {
  if (!Analyzer::is_query(*stmt.query)) fail_unsupported("PREPARE of this statement");
  PreparedStatement made;
  made.text = std::make_shared<CompiledText>();
  made.text->text = text->text;
  made.text->owner = text;
  for (const Node* type : Nodes(stmt.argtypes, stmt.n_argtypes)) made.text->declared.push_back(naming.type(*type->type_name));
  CompiledStatement statement;
  statement.node = stmt.query;
  statement.is_query = true;
  made.text->statements.push_back(std::move(statement));
  Task<std::shared_ptr<const StatementPlan>> planning = plan_when_free(made.text, 0);
  try {
    made.first_plan = co_await std::move(planning);
  } catch (const SqlError&) {
    // PREPARE only analyses: what cannot be computed is told by EXECUTE. It fails again if that was not the reason.
    try {
      made.first_plan = Analyzer(naming).leaves_constants().statement(*stmt.query, made.text->declared);
    } catch (const SqlError&) {
    }
    if (made.first_plan == nullptr) throw;
  }
  if (!prepared.emplace(stmt.name, std::move(made)).second) {
    fail("42P05", "prepared statement " + in_quotes(stmt.name) + " already exists");
  }
}

Task<> SessionImpl::execute_prepared(const PgQuery__ExecuteStmt& stmt, StatementResult& result) {
  const auto found = prepared.find(std::string_view(stmt.name));
  if (found == prepared.end()) fail("26000", "prepared statement " + in_quotes(stmt.name) + " does not exist");
  const PreparedStatement statement = found->second;  // it may be deallocated while this one waits
  Task<std::shared_ptr<const StatementPlan>> planning = plan_when_free(statement.text, 0);
  const std::shared_ptr<const StatementPlan> plan = co_await std::move(planning);
  if (stmt.n_params != plan->parameters.size()) {
    fail("42601", "wrong number of parameters for prepared statement " + in_quotes(stmt.name), 0,
         "Expected " + std::to_string(plan->parameters.size()) + " parameters but got " + std::to_string(stmt.n_params) + ".");
  }
  if (!is_same_result(*statement.first_plan, *plan)) fail("0A000", "cached plan must not change result type");
  std::vector<SqlValue> parameters;
  if (stmt.n_params > 0) {
    const std::shared_ptr<const StatementPlan> arguments = Analyzer(naming).execute_arguments(stmt, plan->parameters);
    const std::span<const SqlValue> none;
    StatementResult values;
    co_await run_plan(arguments, none, values);
    for (std::size_t i = 0; i < stmt.n_params; ++i) parameters.push_back(values.rows[0][i]);
  }
  std::shared_ptr<const StatementPlan> ready;
  if (prepare_now(*statement.text, 0, ready)) {
    co_await run_plan(ready, parameters, result);
  } else {
    co_await run_statement(statement.text, 0, parameters, result);
  }
}

Task<> SessionImpl::run_about_prepared(std::shared_ptr<CompiledText> text, const Node& node, StatementResult& result) {
  if (node.node_case == PG_QUERY__NODE__NODE_PREPARE_STMT) {
    co_await prepare_statement(text, *node.prepare_stmt);
    result.command_tag = "PREPARE";
    co_return;
  }
  if (node.node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT) {
    co_await execute_prepared(*node.execute_stmt, result);
    co_return;
  }
  const std::string_view name = node.deallocate_stmt->name;
  if (name.empty()) {
    prepared.clear();
    result.command_tag = "DEALLOCATE ALL";
    co_return;
  }
  const auto found = prepared.find(name);
  if (found == prepared.end()) fail("26000", "prepared statement " + in_quotes(name) + " does not exist");
  prepared.erase(found);
  result.command_tag = "DEALLOCATE";
}

std::string SessionImpl::discard(const PgQuery__DiscardStmt& stmt) {
  const auto forget_sequences = [this] {
    sequence_values.clear();
    last_sequence = nullptr;
  };
  switch (stmt.target) {
    case PG_QUERY__DISCARD_MODE__DISCARD_PLANS:
      return "DISCARD PLANS";  // plans are made anew whenever they must be
    case PG_QUERY__DISCARD_MODE__DISCARD_TEMP:
      return "DISCARD TEMP";
    case PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES:
      forget_sequences();
      return "DISCARD SEQUENCES";
    default:
      break;
  }
  if (transaction.is_explicit) fail("25001", "DISCARD ALL cannot run inside a transaction block");
  settings.reset_all();
  apply_search_path();
  prepared.clear();
  cursors.clear();
  forget_sequences();
  transaction.listen_changes.push_back({"", false});
  for (std::size_t i = transaction.held.size(); i-- > 0;) {
    const HeldLock held = transaction.held[i];
    if (held.level == 0) engine.locks.release(transaction, *held.lock, held.mode, 0);
  }
  return "DISCARD ALL";
}

std::unique_ptr<StatementPlan> Analyzer::execute_arguments(const PgQuery__ExecuteStmt& stmt, std::span<const TypeRef> types) {
  auto query = std::make_shared<QueryPlan>();
  Level level;
  level.plan = query.get();
  level.clause = Clause::execute;
  auto shape = std::make_shared<RowShape>();
  for (std::size_t i = 0; i < stmt.n_params; ++i) {
    ExprPtr value = expression(*stmt.params[i], level);
    const TypeRef from = value->type;
    const std::int32_t position = value->position;
    ExprPtr argument = try_coerce(std::move(value), types[i], CastContext::assignment);
    if (argument == nullptr) {
      fail("42804", "parameter $" + std::to_string(i + 1) + " of type " + type_name(from) + " cannot be coerced to the expected type " + type_name(types[i]),
           position, {}, "You will need to rewrite or cast the expression.");
    }
    query->outputs.push_back(std::move(argument));
    query->names.push_back("$" + std::to_string(i + 1));
  }
  if (query->is_grouped) fail("42803", "aggregate functions are not allowed in EXECUTE parameters");
  if (!query->windows.empty()) fail("42P20", "window functions are not allowed in EXECUTE parameters");
  if (query->has_set_functions) fail("0A000", "set-returning functions are not allowed in EXECUTE parameters");
  query->visible = static_cast<std::uint32_t>(query->outputs.size());
  std::vector<ExprPtr> conditions;
  query->from = plan_from({}, conditions, {}, query->is_sorted_by_access);
  set_types(*query);
  shape->columns = query->names;
  plan_->types = query->types;
  plan_->shape = std::move(shape);
  plan_->query = std::move(query);
  finish_parameters();
  return std::move(plan_);
}

}  // namespace orrery::sim::database
