#include "sim/database/analyzer.hpp"
#include "sim/database/transaction.hpp"

#include <algorithm>

#include "sim/database/constant_folding.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/make_expr.hpp"

namespace orrery::sim::database {

const PgQuery__IntoClause* Analyzer::into_of(const PgQuery__SelectStmt& select) noexcept {
  const PgQuery__SelectStmt* leftmost = &select;
  while (leftmost->larg != nullptr) leftmost = leftmost->larg;
  return leftmost->into_clause;
}

bool Analyzer::is_query(const Node& node) noexcept {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
      return into_of(*node.select_stmt) == nullptr;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
      return true;
    default:
      return false;
  }
}

std::uint32_t Analyzer::new_slot() {
  if (plan_->slots >= 64) fail_unsupported("a statement with more than 60 tables and subqueries");
  return plan_->slots++;
}

std::uint32_t Analyzer::new_locals(std::uint32_t count) {
  const std::uint32_t first = plan_->locals;
  plan_->locals += count;
  return first;
}

void Analyzer::use_table(Table& table, LockMode mode) {
  throw_if_busy(table.lock, mode);
  for (auto& [used, held] : plan_->tables) {
    if (used == &table && held == mode) return;
  }
  plan_->tables.emplace_back(&table, mode);
}

void Analyzer::use_other(const std::shared_ptr<Lock>& lock, LockMode mode) {
  throw_if_busy(*lock, mode);
  for (const auto& [used, held] : plan_->other_locks) {
    if (used == lock && held == mode) return;
  }
  plan_->other_locks.emplace_back(lock, mode);
}

void Analyzer::throw_if_busy(Lock& lock, LockMode mode) const {
  if (!minds_changes_) return;
  for (const LockHolder& holder : lock.holders()) {
    const bool may_change = (holder.modes & mask_of(LockMode::access_exclusive)) != 0;
    if (may_change && holder.owner->slot != naming_.slot) throw TableBusy{&lock, mode};
  }
}

namespace {

std::string_view tag_of(const StatementPlan& plan) noexcept {
  if (plan.query != nullptr) return "SELECT ";
  if (!plan.modify->merge.empty()) return "MERGE ";
  switch (plan.modify->operation) {
    case RowWrite::insert:
      return "INSERT 0 ";
    case RowWrite::update:
      return "UPDATE ";
    case RowWrite::remove:
      return "DELETE ";
  }
  return {};
}

/// INSERT … VALUES of one row of constants and parameters: its columns take them as they are. No one sees the difference, for
/// these neither fail nor have effects.
void spare_source(ModifyPlan& plan) {
  plan.reads_source = plan.source != nullptr;
  if (!plan.reads_source || plan.source->values.size() != 1) return;
  const std::vector<ExprPtr>& row = plan.source->values.front();
  const auto is_at_hand = [](const ExprPtr& expr) { return expr->kind == ExprKind::constant || expr->kind == ExprKind::parameter; };
  const auto is_of_source = [&plan](const ExprPtr& expr) { return expr->kind == ExprKind::column && expr->slot == plan.source_slot; };
  if (!std::all_of(row.begin(), row.end(), is_at_hand)) return;
  std::vector<ExprPtr> columns = plan.columns;
  for (ExprPtr& column : columns) {
    if (column == nullptr) continue;
    bool reads_otherwise = false;
    for_each_expression(*column, [&](const Expr& expr) {
      reads_otherwise = reads_otherwise || (&expr != column.get() && expr.kind == ExprKind::column && expr.slot == plan.source_slot);
    });
    if (reads_otherwise) return;
    if (is_of_source(column)) column = row[column->column];
  }
  plan.columns = std::move(columns);
  plan.reads_source = false;
}

}  // namespace

std::unique_ptr<StatementPlan> Analyzer::statement(const Node& node, std::span<const TypeRef> declared) {
  plan_->parameters.assign(declared.begin(), declared.end());
  Level top;
  top.sees_entries = false;
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT: {
      std::shared_ptr<QueryPlan> query = select(*node.select_stmt, nullptr);
      if (!query->marks.empty()) plan_->writes = true;
      plan_->types = query->types;
      auto shape = std::make_shared<RowShape>();
      shape->columns = query->names;
      plan_->shape = std::move(shape);
      plan_->query = std::move(query);
      break;
    }
    case PG_QUERY__NODE__NODE_INSERT_STMT:
      plan_->modify = insert(*node.insert_stmt, top);
      break;
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
      plan_->modify = update(*node.update_stmt, top);
      break;
    case PG_QUERY__NODE__NODE_DELETE_STMT:
      plan_->modify = remove(*node.delete_stmt, top);
      break;
    case PG_QUERY__NODE__NODE_MERGE_STMT:
      plan_->modify = merge(*node.merge_stmt);
      break;
    default:
      CHECK(false, "only queries are analysed as statements");
  }
  if (plan_->modify != nullptr) {
    plan_->writes = true;
    plan_->types = plan_->modify->types;
    auto shape = std::make_shared<RowShape>();
    shape->columns = plan_->modify->names;
    plan_->shape = std::move(shape);
  }
  if (!plan_->steps.empty()) plan_->writes = true;
  // A statement that waits in a call reads again from its start.
  if (plan_->has_waiting_call && has_effect_call_) {
    fail_unsupported("a statement that may wait in a function and also calls nextval, setval, set_config or an unlock");
  }
  // A SELECT of WITH that nobody reads is not even planned (SS_process_ctes).
  std::erase_if(plan_->steps, [this](const Step& step) {
    return step.is_run_when_read && step.query != nullptr && std::find(read_stores_.begin(), read_stores_.end(), step.store) == read_stores_.end();
  });
  // What reads a sub-statement's rows is evaluated again when these are there: where that cannot be, they are there before.
  if (reads_with_late_ || (!read_stores_.empty() && (has_effect_call_ || has_lock_call_))) {
    for (Step& step : plan_->steps) step.is_run_when_read = false;
  }
  finish_parameters();
  if (!leaves_constants_) fold_constants(*plan_);
  for (Step& step : plan_->steps) {
    if (step.modify != nullptr) spare_source(*step.modify);
  }
  if (plan_->modify != nullptr) spare_source(*plan_->modify);
  plan_->tag = tag_of(*plan_);
  return std::move(plan_);
}

void Analyzer::finish_parameters() {
  for (const auto& use : parameter_uses_) {
    const TypeRef decided = plan_->parameters[use->column];
    if (decided.is_unknown()) {
      fail("42P18", "could not determine data type of parameter $" + std::to_string(use->column + 1));
    }
    // A use that nothing gave a type, although another use got one: PostgreSQL looks at each on its own.
    if (use->type.is_unknown()) {
      fail("42P08", "could not determine data type of parameter $" + std::to_string(use->column + 1), use->position);
    }
  }
  for (std::size_t i = 0; i < plan_->parameters.size(); ++i) {
    if (plan_->parameters[i].is_unknown()) {
      fail("42P18", "could not determine data type of parameter $" + std::to_string(i + 1));
    }
  }
}

void Analyzer::add_ctes(const PgQuery__WithClause* with, Level& level) {
  if (with == nullptr) return;
  for (const Node* node : Nodes(with->ctes, with->n_ctes)) {
    const PgQuery__CommonTableExpr& cte = *node->common_table_expr;
    for (const CteEntry& other : level.ctes) {
      if (other.name == cte.ctename) {
        fail("42712", "WITH query name " + in_quotes(cte.ctename) + " specified more than once", position_of(cte.location));
      }
    }
    add_cte(cte, with->recursive, level);
  }
}

const CteEntry* Analyzer::find_cte(std::string_view name, const Level& level) const {
  for (const Level* each = &level; each != nullptr; each = each->outer) {
    for (const CteEntry& cte : each->ctes) {
      if (cte.name == name) return &cte;
    }
  }
  return nullptr;
}

void Analyzer::add_cte(const PgQuery__CommonTableExpr& cte, bool recursive, Level& level) {
  if (cte.search_clause != nullptr) fail_unsupported("SEARCH clause", position_of(cte.location));
  if (cte.cycle_clause != nullptr) fail_unsupported("CYCLE clause", position_of(cte.location));
  CteEntry entry;
  entry.name = cte.ctename;
  entry.store = plan_->stores++;
  const Node& body = *cte.ctequery;
  if (body.node_case == PG_QUERY__NODE__NODE_MERGE_STMT) fail("0A000", "MERGE not supported in WITH query", position_of(cte.location));
  if (recursive && add_recursive_cte(cte, level, entry)) {
    level.ctes.push_back(std::move(entry));
    return;
  }
  // The body sees the CTEs before it and outer queries, but not the rows of the query that it belongs to.
  Level inner;
  inner.outer = &level;
  inner.sees_entries = false;
  const bool saw = std::exchange(level.sees_entries, false);
  if (body.node_case == PG_QUERY__NODE__NODE_SELECT_STMT) {
    std::shared_ptr<QueryPlan> query = select(*body.select_stmt, &level);
    if (query->is_correlated) fail_unsupported("WITH query that refers to an outer query", position_of(cte.location));
    entry.columns = query->names;
    entry.types = query->types;
    if (!query->marks.empty()) {
      Step step;
      step.store = entry.store;
      step.is_run_when_read = true;
      step.query = std::move(query);
      plan_->steps.push_back(std::move(step));
    } else {
      entry.query = std::move(query);
    }
  } else {
    if (level.outer != nullptr) {
      fail("0A000", "WITH clause containing a data-modifying statement must be at the top level", position_of(cte.location));
    }
    Step step;
    step.store = entry.store;
    step.is_run_when_read = true;
    switch (body.node_case) {
      case PG_QUERY__NODE__NODE_INSERT_STMT:
        step.modify = insert(*body.insert_stmt, inner);
        break;
      case PG_QUERY__NODE__NODE_UPDATE_STMT:
        step.modify = update(*body.update_stmt, inner);
        break;
      case PG_QUERY__NODE__NODE_DELETE_STMT:
        step.modify = remove(*body.delete_stmt, inner);
        break;
      default:
        fail_unsupported("statement in WITH", position_of(cte.location));
    }
    entry.columns = step.modify->names;
    entry.types = step.modify->types;
    plan_->steps.push_back(std::move(step));
  }
  level.sees_entries = saw;
  if (cte.n_aliascolnames > entry.columns.size()) {
    fail("42P10", "WITH query " + in_quotes(cte.ctename) + " has " + std::to_string(entry.columns.size()) +
                      " columns available but " + std::to_string(cte.n_aliascolnames) + " columns specified",
         position_of(cte.location));
  }
  for (std::size_t i = 0; i < cte.n_aliascolnames; ++i) entry.columns[i] = cte.aliascolnames[i]->string->sval;
  level.ctes.push_back(std::move(entry));
}

bool Analyzer::add_recursive_cte(const PgQuery__CommonTableExpr& cte, Level& level, CteEntry& entry) {
  const Node& body = *cte.ctequery;
  if (body.node_case != PG_QUERY__NODE__NODE_SELECT_STMT) return false;
  const PgQuery__SelectStmt& stmt = *body.select_stmt;
  if (stmt.op != PG_QUERY__SET_OPERATION__SETOP_UNION) return false;
  if (stmt.n_sort_clause > 0 || stmt.limit_count != nullptr || stmt.limit_offset != nullptr ||
      stmt.n_locking_clause > 0 || stmt.with_clause != nullptr) {
    fail_unsupported("ORDER BY, LIMIT, FOR UPDATE or WITH in a recursive query", position_of(cte.location));
  }
  const bool saw = std::exchange(level.sees_entries, false);
  auto query = std::make_shared<QueryPlan>();
  std::shared_ptr<QueryPlan> start = select(*stmt.larg, &level);
  entry.columns = start->names;
  entry.types = start->types;
  for (std::size_t i = 0; i < cte.n_aliascolnames && i < entry.columns.size(); ++i) {
    entry.columns[i] = cte.aliascolnames[i]->string->sval;
  }
  // Within the recursive term the name means the rows of the round before.
  CteEntry working = entry;
  working.store = plan_->stores++;
  level.ctes.push_back(working);
  std::shared_ptr<QueryPlan> term = select(*stmt.rarg, &level, entry.types);
  level.ctes.pop_back();
  level.sees_entries = saw;
  if (term->types.size() != entry.types.size()) {
    fail("42601", "each UNION query must have the same number of columns");
  }
  for (std::size_t i = 0; i < entry.types.size(); ++i) {
    if (term->types[i].same(entry.types[i])) continue;
    fail("42804", "recursive query " + in_quotes(cte.ctename) + " column " + std::to_string(i + 1) + " has type " +
                      type_name(entry.types[i]) + " in non-recursive term but type " + type_name(term->types[i]) +
                      " overall");
  }
  if (start->is_correlated || term->is_correlated) {
    fail_unsupported("recursive query that refers to an outer query", position_of(cte.location));
  }
  query->operation = SetOperation::union_;
  query->all = stmt.all;
  query->names = entry.columns;
  query->types = entry.types;
  query->visible = static_cast<std::uint32_t>(entry.types.size());
  query->left = std::move(start);
  query->recursive_term = std::move(term);
  query->recursive_store = working.store;
  entry.query = std::move(query);
  return true;
}

/// A subquery with FOR UPDATE outside of WITH: it is run before the statement. Returns its store.
std::uint32_t Analyzer::add_step_for_locking(std::shared_ptr<QueryPlan> query) {
  if (query->is_correlated) fail_unsupported("FOR UPDATE in a subquery that refers to an outer query");
  Step step;
  step.store = plan_->stores++;
  step.query = std::move(query);
  plan_->steps.push_back(std::move(step));
  return plan_->steps.back().store;
}

std::shared_ptr<QueryPlan> Analyzer::run_first(std::shared_ptr<QueryPlan> query) {
  auto reader = std::make_shared<QueryPlan>();
  reader->visible = query->visible;
  reader->types = query->types;
  reader->names = query->names;
  auto from = std::make_unique<FromNode>();
  from->kind = FromNode::Kind::store;
  from->slot = new_slot();
  from->slots = SlotSet{1} << from->slot;
  reader->slots.push_back(from->slot);
  for (std::uint32_t i = 0; i < query->visible; ++i) {
    auto column = make_expr(ExprKind::column, query->types[i], -1);
    column->slot = from->slot;
    column->column = i;
    reader->outputs.push_back(std::move(column));
  }
  from->store = add_step_for_locking(std::move(query));
  reader->from = std::move(from);
  return reader;
}

void Analyzer::limit_locals() const {
  if (plan_->locals > kMaxConstraintLocals) fail_unsupported("so many ANY, CASE and NULLIF in one constraint");
}

namespace {

/// A level that sees one row of the table.
Level level_of(Table& table, Clause clause) {
  Level level;
  level.clause = clause;
  RangeEntry entry;
  entry.name = table.name;
  entry.table = &table;
  for (const Column& column : table.columns) {
    entry.columns.push_back(column.name);
    entry.types.push_back(column.type);
  }
  level.entries.push_back(std::move(entry));
  return level;
}

}  // namespace

ExprPtr Analyzer::row_condition(Table& table, const Node& node, Clause clause) {
  Level level = level_of(table, clause);
  ExprPtr result = condition(node, level, clause == Clause::check ? "CHECK" : "WHERE");
  limit_locals();
  return result;
}

ExprPtr Analyzer::row_expression(Table& table, const Node& node) {
  Level level = level_of(table, Clause::index);
  ExprPtr result = resolve_unknown(expression(node, level));
  limit_locals();
  return result;
}

namespace {

/// `text || any` is written in SQL, and looked through: it is stable only if its other operand's way into text is.
bool is_concatenation(const Expr& call) {
  return call.function->name == "||" && call.function->volatility == Volatility::stable &&
         std::none_of(call.args.begin(), call.args.end(), [](const ExprPtr& arg) { return is_stable_cast(arg->type, TypeRef(Type::text)); });
}

}  // namespace

ExprPtr Analyzer::generation_expression(Table& table, const Node& node, const Column& column) {
  Level level = level_of(table, Clause::generation);
  ExprPtr value = expression(node, level);
  // As cookDefault: the way into the column's type is not looked at.
  for_each_expression(*value, [&](const Expr& each) {
    if (each.kind == ExprKind::system_column && each.system != SystemColumn::tableoid) {
      fail("42P10", "cannot use system column " + in_quotes(each.name) + " in column generation expression", each.position);
    }
    if (each.kind == ExprKind::whole_row) {
      fail("42P17", "cannot use whole-row variable in column generation expression", 0,
           "This would cause the generated column to depend on its own value.");
    }
    if (each.kind == ExprKind::column && table.columns[each.column].is_generated) {
      fail("42P17", "cannot use generated column " + in_quotes(table.columns[each.column].name) + " in column generation expression",
           each.position, "A generated column cannot reference another generated column.");
    }
    if (each.kind == ExprKind::engine_call ||
        (each.kind == ExprKind::cast && is_stable_cast(each.cast->from, each.cast->to)) ||
        (each.kind == ExprKind::call && each.function->volatility != Volatility::immutable && !is_concatenation(each))) {
      fail("42P17", "generation expression is not immutable");
    }
  });
  const std::int32_t position = value->position;
  const TypeRef from = value->type;
  ExprPtr result = try_coerce(std::move(value), column.type, CastContext::assignment);
  if (result == nullptr) {
    fail("42804",
         "column " + in_quotes(column.name) + " is of type " + type_name(column.type) + " but default expression is of type " +
             type_name(from),
         position, {}, "You will need to rewrite or cast the expression.");
  }
  limit_locals();
  return result;
}

ExprPtr Analyzer::default_expression(const Node& node, TypeRef type, std::string_view column) {
  Level level;
  level.clause = Clause::default_;
  ExprPtr value = expression(node, level);
  const std::int32_t position = value->position;
  const TypeRef from = value->type;
  ExprPtr result = try_coerce(value, type, CastContext::assignment);
  if (result == nullptr) {
    fail("42804",
         "column " + in_quotes(column) + " is of type " + type_name(type) + " but default expression is of type " +
             type_name(from),
         position, {}, "You will need to rewrite or cast the expression.");
  }
  limit_locals();
  return result;
}

ExprPtr Analyzer::constant_expression(const Node& node) {
  Level level;
  level.clause = Clause::default_;
  return resolve_unknown(expression(node, level));
}

}  // namespace orrery::sim::database
