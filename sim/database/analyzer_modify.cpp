#include <algorithm>

#include "sim/database/analyzer.hpp"
#include "sim/database/join_rules.hpp"

namespace orrery::sim::database {

RangeEntry Analyzer::target_entry(Table& table, const PgQuery__RangeVar& range, std::uint32_t slot) {
  RangeEntry entry;
  entry.table = &table;
  entry.slot = slot;
  entry.schema = table.schema;
  for (const Column& column : table.columns) {
    entry.columns.push_back(column.name);
    entry.types.push_back(column.type);
  }
  apply_alias(entry, range.alias, range.relname, range.location);
  entry.merged.resize(entry.columns.size());
  return entry;
}

std::unique_ptr<FromNode> Analyzer::target_node(const ModifyPlan& plan) {
  auto node = std::make_unique<FromNode>();
  node->kind = FromNode::Kind::table;
  node->slot = plan.slot;
  node->slots = SlotSet{1} << plan.slot;
  node->table = plan.table;
  return node;
}

ExprPtr Analyzer::default_of(const Table& table, std::uint32_t column) {
  const Column& each = table.columns[column];
  if (each.sequence != nullptr && each.default_value == nullptr) {
    auto next = std::make_shared<Expr>();
    next->kind = ExprKind::engine_call;
    next->engine_function = EngineFunction::nextval;
    next->flags = 1;  // the sequence is given by its address
    next->constant = Value::integer(std::bit_cast<std::int64_t>(each.sequence));
    next->type = Type::int8;
    return next;
  }
  return each.default_value;
}

ExprPtr Analyzer::coerce_for_column(ExprPtr value, const Column& column, std::int32_t position) {
  const TypeRef from = value->type;
  const std::int32_t own_position = value->position;
  ExprPtr result = try_coerce(std::move(value), column.type, CastContext::assignment);
  if (result == nullptr) {
    fail("42804",
         "column " + in_quotes(column.name) + " is of type " + type_name(column.type) + " but expression is of type " +
             type_name(from),
         own_position != 0 ? own_position : position, {}, "You will need to rewrite or cast the expression.");
  }
  return result;
}

std::vector<std::uint32_t> Analyzer::insert_targets(Nodes columns, const Table& table) {
  std::vector<std::uint32_t> targets;
  for (const Node* node : columns) {
    const PgQuery__ResTarget& target = *node->res_target;
    if (target.n_indirection > 0) fail_unsupported("INSERT into a part of a column", position_of(target.location));
    const auto column = table.column(target.name);
    if (!column) {
      fail("42703", "column " + in_quotes(target.name) + " of relation " + in_quotes(table.name) + " does not exist",
           position_of(target.location));
    }
    if (std::find(targets.begin(), targets.end(), *column) != targets.end()) {
      fail("42701", "column " + in_quotes(target.name) + " specified more than once", position_of(target.location));
    }
    targets.push_back(*column);
  }
  if (columns.empty()) {
    for (std::uint32_t i = 0; i < table.columns.size(); ++i) targets.push_back(i);
  }
  return targets;
}

void Analyzer::check_insert_count(Nodes columns, std::size_t targets, std::size_t given, std::int32_t position) {
  if (given > targets) fail("42601", "INSERT has more expressions than target columns", position);
  if (!columns.empty() && given < targets) {
    fail("42601", "INSERT has more target columns than expressions", position_of(columns[given]->res_target->location));
  }
}

void refuse_value_of(const Column& column, bool overrides) {
  if (column.is_generated) {
    fail("428C9", "cannot insert a non-DEFAULT value into column " + in_quotes(column.name), 0,
         "Column " + in_quotes(column.name) + " is a generated column.");
  }
  if (column.identity == Identity::always && !overrides) {
    fail("428C9", "cannot insert a non-DEFAULT value into column " + in_quotes(column.name), 0,
         "Column " + in_quotes(column.name) + " is an identity column defined as GENERATED ALWAYS.",
         "Use OVERRIDING SYSTEM VALUE to override.");
  }
}

std::unique_ptr<ModifyPlan> Analyzer::insert(const PgQuery__InsertStmt& stmt, Level& level) {
  auto plan = std::make_unique<ModifyPlan>();
  add_ctes(stmt.with_clause, level);
  Table& table = naming_.changed_table(*stmt.relation);
  use_table(table, LockMode::row_exclusive);
  plan->operation = RowWrite::insert;
  plan->table = &table;
  plan->slot = new_slot();
  plan->source_slot = new_slot();

  const Nodes named(stmt.cols, stmt.n_cols);
  const std::vector<std::uint32_t> targets = insert_targets(named, table);
  const bool overrides_system = stmt.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE;
  const bool overrides_user = stmt.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE;
  plan->columns.resize(table.columns.size());
  const auto check_count = [&](std::size_t given, std::int32_t position) { check_insert_count(named, targets.size(), given, position); };
  const auto check_identity = [&](std::uint32_t column) {
    refuse_value_of(table.columns[column], overrides_system || overrides_user);
  };
  std::size_t width = 0;
  const bool has_values = stmt.select_stmt != nullptr && stmt.select_stmt->select_stmt->n_values_lists > 0;
  if (has_values) {
    const PgQuery__SelectStmt& values = *stmt.select_stmt->select_stmt;
    if (values.with_clause != nullptr) add_ctes(values.with_clause, level);
    if (values.n_sort_clause > 0 || values.limit_count != nullptr || values.limit_offset != nullptr) {
      fail_unsupported("ORDER BY or LIMIT of VALUES in INSERT");
    }
    auto source = std::make_shared<QueryPlan>();
    Level inner;
    inner.outer = &level;
    inner.clause = Clause::values;
    const bool saw = std::exchange(level.sees_entries, false);
    width = values.values_lists[0]->list->n_items;
    // All values are looked at by themselves before any is brought to the type of its column.
    std::vector<std::vector<ExprPtr>> given;
    for (const Node* node : Nodes(values.values_lists, values.n_values_lists)) {
      const PgQuery__List& list = *node->list;
      if (list.n_items != width) fail("42601", "VALUES lists must all be the same length");
      auto& row = given.emplace_back();
      for (const Node* item : Nodes(list.items, list.n_items)) {
        row.push_back(item->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT ? nullptr : expression(*item, inner));
      }
    }
    for (const Node* node : Nodes(values.values_lists, values.n_values_lists)) {
      const PgQuery__List& list = *node->list;
      check_count(list.n_items, 0);
      std::vector<ExprPtr>& own = given[source->values.size()];
      auto& row = source->values.emplace_back();
      for (std::size_t i = 0; i < list.n_items; ++i) {
        const Node& item = *list.items[i];
        const Column& column = table.columns[targets[i]];
        ExprPtr value;
        if (item.node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT) {
          value = default_of(table, targets[i]);
          has_effect_call_ = has_effect_call_ || (value != nullptr && is_volatile(*value));
          if (value == nullptr) {
            auto null = std::make_shared<Expr>();
            null->type = column.type;
            value = std::move(null);
          }
        } else {
          check_identity(targets[i]);
          if (overrides_user && column.identity != Identity::none) {
            value = default_of(table, targets[i]);
          } else {
            value = coerce_for_column(std::move(own[i]), column, 0);
          }
        }
        row.push_back(std::move(value));
      }
    }
    level.sees_entries = saw;
    source->visible = static_cast<std::uint32_t>(width);
    for (std::size_t i = 0; i < width; ++i) source->types.push_back(table.columns[targets[i]].type);
    source->names.resize(width);
    plan->source = std::move(source);
  } else if (stmt.select_stmt != nullptr) {
    std::vector<TypeRef> types;
    for (const std::uint32_t target : targets) types.push_back(table.columns[target].type);
    std::shared_ptr<QueryPlan> source = select(*stmt.select_stmt->select_stmt, &level, types);
    width = source->visible;
    check_count(width, width > targets.size() && targets.size() < source->outputs.size() ? source->outputs[targets.size()]->position : 0);
    if (!source->marks.empty()) source = run_first(std::move(source));
    plan->source = std::move(source);
    for (std::size_t i = 0; i < width; ++i) check_identity(targets[i]);
  }
  for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
    const auto place = std::find(targets.begin(), targets.end(), i);
    const auto index = static_cast<std::size_t>(place - targets.begin());
    if (place == targets.end() || index >= width) {
      plan->columns[i] = default_of(table, i);
      if (plan->columns[i] != nullptr) plan->columns[i] = coerce_for_column(plan->columns[i], table.columns[i], 0);
      continue;
    }
    auto column = std::make_shared<Expr>();
    column->kind = ExprKind::column;
    column->type = plan->source->types[index];
    column->slot = plan->source_slot;
    column->column = static_cast<std::uint32_t>(index);
    ExprPtr value = column;
    if (!has_values) {
      if (overrides_user && table.columns[i].identity != Identity::none) {
        value = default_of(table, i);
      }
      const std::int32_t position = index < plan->source->outputs.size() ? plan->source->outputs[index]->position : 0;
      value = coerce_for_column(std::move(value), table.columns[i], position);
    } else if (!column->type.same(table.columns[i].type) || table.columns[i].identity != Identity::none) {
      value = coerce_for_column(std::move(value), table.columns[i], 0);
    }
    plan->columns[i] = std::move(value);
  }
  Level target;
  target.outer = &level;
  target.entries.push_back(target_entry(table, *stmt.relation, plan->slot));
  if (stmt.on_conflict_clause != nullptr) on_conflict(*stmt.on_conflict_clause, target, *plan);
  target.clause = Clause::returning;
  std::erase_if(target.entries, [](const RangeEntry& entry) { return entry.only_qualified; });
  returning(Nodes(stmt.returning_list, stmt.n_returning_list), target, *plan);
  return plan;
}

namespace {

/// x > 1 proves x > 0: two bounds of one value (predtest.c, operator_predicate_proof).
bool bound_implies(const Expr& wanted, const Expr& given) {
  const bool are_integers = wanted.kind == ExprKind::compare_integers;
  if ((!are_integers && wanted.kind != ExprKind::compare) || given.kind != wanted.kind || wanted.compare_by != given.compare_by) return false;
  if (wanted.args[1]->kind != ExprKind::constant || given.args[1]->kind != ExprKind::constant) return false;
  if (wanted.args[1]->constant.is_null() || given.args[1]->constant.is_null() || !same_expression(*wanted.args[0], *given.args[0])) return false;
  const Value& from = given.args[1]->constant;
  const Value& to = wanted.args[1]->constant;
  const int order = are_integers ? (from.integer() < to.integer() ? -1 : from.integer() > to.integer() ? 1 : 0) : given.compare_by(from, to);
  switch (given.comparison) {
    case Comparison::equal:
      return holds(wanted.comparison, order);
    case Comparison::greater:
      return (wanted.comparison == Comparison::greater || wanted.comparison == Comparison::greater_equal || wanted.comparison == Comparison::not_equal) && order >= 0;
    case Comparison::greater_equal:
      return (wanted.comparison == Comparison::greater_equal && order >= 0) ||
             ((wanted.comparison == Comparison::greater || wanted.comparison == Comparison::not_equal) && order > 0);
    case Comparison::less:
      return (wanted.comparison == Comparison::less || wanted.comparison == Comparison::less_equal || wanted.comparison == Comparison::not_equal) && order <= 0;
    case Comparison::less_equal:
      return (wanted.comparison == Comparison::less_equal && order <= 0) ||
             ((wanted.comparison == Comparison::less || wanted.comparison == Comparison::not_equal) && order < 0);
    default:
      return false;
  }
}

bool bounds_imply(const ExprPtr& predicate, const std::vector<ExprPtr>& conditions) {
  std::vector<ExprPtr> parts;
  split_conjunction(predicate, parts);
  return std::all_of(parts.begin(), parts.end(), [&](const ExprPtr& part) {
    return is_implied(*part, conditions, 0, 0) ||
           std::any_of(conditions.begin(), conditions.end(), [&](const ExprPtr& condition) { return bound_implies(*part, *condition); });
  });
}

}  // namespace

void Analyzer::infer_arbiters(const PgQuery__InferClause& infer, ModifyPlan& plan) {
  Table& table = *plan.table;
  if (infer.conname[0] != '\0') {
    for (const auto& index : table.indexes) {
      if (index->name == infer.conname && !index->is_dropped && index->is_constraint) {
        plan.arbiters.push_back(index.get());
        return;
      }
    }
    fail("42704", "constraint " + in_quotes(infer.conname) + " for table " + in_quotes(table.name) + " does not exist");
  }
  std::vector<ExprPtr> keys;
  for (const Node* node : Nodes(infer.index_elems, infer.n_index_elems)) {
    const PgQuery__IndexElem& element = *node->index_elem;
    if (element.n_collation > 0 || element.n_opclass > 0) fail_unsupported("COLLATE or operator class in ON CONFLICT");
    if (element.name[0] != '\0') {
      const auto column = table.column(element.name);
      if (!column) fail("42703", "column " + in_quotes(element.name) + " does not exist");
      auto expr = std::make_shared<Expr>();
      expr->kind = ExprKind::column;
      expr->column = *column;
      expr->type = table.columns[*column].type;
      keys.push_back(std::move(expr));
    } else {
      keys.push_back(row_expression(table, *element.expr));
    }
  }
  std::vector<ExprPtr> conditions;
  if (infer.where_clause != nullptr) {
    split_conjunction(row_condition(table, *infer.where_clause, Clause::index_predicate), conditions);
  }
  for (const auto& index : table.indexes) {
    if (!index->is_unique || index->is_dropped) continue;
    // The same set of keys, in any order.
    std::vector<ExprPtr> own;
    for (const KeyElement& element : index->elements) {
      if (element.column < 0) {
        own.push_back(element.expression);
        continue;
      }
      auto expr = std::make_shared<Expr>();
      expr->kind = ExprKind::column;
      expr->column = static_cast<std::uint32_t>(element.column);
      expr->type = table.columns[expr->column].type;
      own.push_back(std::move(expr));
    }
    const auto covers = [](const std::vector<ExprPtr>& all, const std::vector<ExprPtr>& some) {
      return std::all_of(some.begin(), some.end(), [&](const ExprPtr& each) {
        return std::any_of(all.begin(), all.end(), [&](const ExprPtr& other) { return same_expression(*each, *other); });
      });
    };
    if (!covers(own, keys) || !covers(keys, own)) continue;
    if (index->predicate != nullptr && !bounds_imply(index->predicate, conditions)) continue;
    plan.arbiters.push_back(index.get());
  }
  if (plan.arbiters.empty()) {
    fail("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification");
  }
}

void Analyzer::on_conflict(const PgQuery__OnConflictClause& clause, Level& level, ModifyPlan& plan) {
  const bool updates = clause.action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE;
  plan.conflict = updates ? ConflictAction::update : ConflictAction::nothing;
  if (clause.infer != nullptr) {
    infer_arbiters(*clause.infer, plan);
  } else if (updates) {
    fail("42601", "ON CONFLICT DO UPDATE requires inference specification or constraint name", position_of(clause.location), {},
         "For example, ON CONFLICT (column_name).");
  }
  if (!updates) return;
  plan.excluded_slot = new_slot();
  RangeEntry excluded = level.entries.front();
  excluded.name = "excluded";
  excluded.schema.clear();
  excluded.slot = plan.excluded_slot;
  excluded.only_qualified = true;
  level.entries.push_back(std::move(excluded));
  const bool was_late = std::exchange(is_late_, true);
  level.clause = Clause::set;
  assignments(Nodes(clause.target_list, clause.n_target_list), level, plan);
  level.clause = Clause::conflict_where;
  if (clause.where_clause != nullptr) {
    split_conjunction(condition(*clause.where_clause, level, "WHERE"), plan.conflict_where);
  }
  is_late_ = was_late;
}

/// The node that gives a column of SET its value.
const Node& Analyzer::node_of_value(const PgQuery__ResTarget& target) {
  if (target.n_indirection > 0) fail_unsupported("assignment to a part of a column", position_of(target.location));
  if (target.val->node_case != PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF) return *target.val;
  const PgQuery__MultiAssignRef& multi = *target.val->multi_assign_ref;
  if (multi.source->node_case != PG_QUERY__NODE__NODE_ROW_EXPR) {
    fail_unsupported("SET (…) = (SELECT …)", position_of(target.location));
  }
  const PgQuery__RowExpr& row = *multi.source->row_expr;
  if (static_cast<std::int32_t>(row.n_args) != multi.ncolumns) {
    fail("42601", "number of columns does not match number of values", position_of(row.location));
  }
  return *row.args[multi.colno - 1];
}

ExprPtr Analyzer::default_value(const Table& table, std::uint32_t column) {
  ExprPtr value = default_of(table, column);
  if (value != nullptr) return coerce_for_column(std::move(value), table.columns[column], 0);
  auto null = std::make_shared<Expr>();
  null->type = table.columns[column].type;
  return null;
}

/// In the order in which PostgreSQL finds mistakes: inside of the values, of columns and types, of columns that may not be set.
void Analyzer::assignments(Nodes targets, Level& level, ModifyPlan& plan) {
  const Table& table = *plan.table;
  std::vector<ExprPtr> values;  // null: DEFAULT
  for (const Node* node : targets) {
    const PgQuery__ResTarget& target = *node->res_target;
    const Node& given = node_of_value(target);
    const auto column = table.column(target.name);
    if (given.node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT) {
      values.emplace_back();
    } else if (given.node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR && column && table.columns[*column].type.is_array) {
      values.push_back(array_expression(*given.a_array_expr, level, TypeRef()));
    } else {
      values.push_back(expression(given, level));
    }
  }
  std::vector<bool> is_default;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const PgQuery__ResTarget& target = *targets.begin()[i]->res_target;
    const auto column = table.column(target.name);
    if (!column) {
      fail("42703", "column " + in_quotes(target.name) + " of relation " + in_quotes(table.name) + " does not exist",
           position_of(target.location));
    }
    is_default.push_back(values[i] == nullptr);
    ExprPtr value = values[i] == nullptr ? default_value(table, *column) : coerce_for_column(std::move(values[i]), table.columns[*column], 0);
    plan.assigned.push_back(*column);
    plan.assignments.push_back({*column, std::move(value)});
  }
  for (std::size_t i = 0; i < plan.assigned.size(); ++i) {
    const Column& target = table.columns[plan.assigned[i]];
    if (std::find(plan.assigned.begin(), plan.assigned.begin() + static_cast<std::ptrdiff_t>(i), plan.assigned[i]) !=
        plan.assigned.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail("42601", "multiple assignments to same column " + in_quotes(target.name), position_of(targets.begin()[i]->res_target->location));
    }
  }
  for (std::size_t i = 0; i < plan.assigned.size(); ++i) {
    const Column& target = table.columns[plan.assigned[i]];
    if (is_default[i] || (!target.is_generated && target.identity != Identity::always)) continue;
    fail("428C9", "column " + in_quotes(target.name) + " can only be updated to DEFAULT", 0,
         "Column " + in_quotes(target.name) +
             (target.is_generated ? " is a generated column." : " is an identity column defined as GENERATED ALWAYS."));
  }
  for (const std::uint32_t column : table.generated_columns()) {
    if (std::find(plan.assigned.begin(), plan.assigned.end(), column) == plan.assigned.end()) plan.assigned.push_back(column);
  }
  std::uint64_t assigned = 0;
  for (const std::uint32_t column : plan.assigned) assigned |= Index::column_bit(column);
  // A column that any unique index without expressions and condition has may be what a foreign key refers to.
  for (const auto& index : table.indexes) {
    if (!index->is_dropped && (index->columns_used & assigned) != 0) plan.may_change_entries = true;
    if (!index->is_unique || index->is_dropped || index->predicate != nullptr) continue;
    const bool is_plain = std::all_of(index->elements.begin(), index->elements.end(),
                                      [](const KeyElement& element) { return element.column >= 0; });
    if (!is_plain) continue;
    for (const KeyElement& element : index->elements) {
      for (const std::uint32_t column : plan.assigned) {
        if (column == static_cast<std::uint32_t>(element.column)) plan.may_change_key = true;
      }
    }
  }
}

void Analyzer::returning(Nodes targets, Level& level, ModifyPlan& plan) {
  if (targets.empty()) return;
  level.clause = Clause::returning;
  const bool was_late = std::exchange(is_late_, true);
  target_list(targets, level, plan.returning, plan.names);
  is_late_ = was_late;
  for (ExprPtr& output : plan.returning) {
    output = resolve_unknown(std::move(output));
    plan.types.push_back(output->type);
  }
}

std::unique_ptr<ModifyPlan> Analyzer::update(const PgQuery__UpdateStmt& stmt, Level& outer) {
  auto plan = std::make_unique<ModifyPlan>();
  Level level;
  if (outer.outer != nullptr) level.outer = &outer;  // in WITH; else it is the top level itself
  add_ctes(stmt.with_clause, level);
  Table& table = naming_.changed_table(*stmt.relation);
  use_table(table, LockMode::row_exclusive);
  plan->operation = RowWrite::update;
  plan->table = &table;
  plan->slot = new_slot();
  level.entries.push_back(target_entry(table, *stmt.relation, plan->slot));
  std::vector<std::unique_ptr<FromNode>> items;
  items.push_back(target_node(*plan));
  for (const Node* item : Nodes(stmt.from_clause, stmt.n_from_clause)) items.push_back(from_item(*item, level));
  level.clause = Clause::set;
  assignments(Nodes(stmt.target_list, stmt.n_target_list), level, *plan);
  level.clause = Clause::where;
  if (stmt.where_clause != nullptr) split_conjunction(condition(*stmt.where_clause, level, "WHERE"), plan->conditions);
  returning(Nodes(stmt.returning_list, stmt.n_returning_list), level, *plan);
  for (const RangeEntry& entry : level.entries) plan->slots.push_back(entry.slot);
  bool is_ordered = false;
  plan->from = plan_from(std::move(items), plan->conditions, {}, is_ordered);
  return plan;
}

std::unique_ptr<ModifyPlan> Analyzer::remove(const PgQuery__DeleteStmt& stmt, Level& outer) {
  auto plan = std::make_unique<ModifyPlan>();
  Level level;
  if (outer.outer != nullptr) level.outer = &outer;  // in WITH; else it is the top level itself
  add_ctes(stmt.with_clause, level);
  Table& table = naming_.changed_table(*stmt.relation);
  use_table(table, LockMode::row_exclusive);
  plan->operation = RowWrite::remove;
  plan->table = &table;
  plan->slot = new_slot();
  level.entries.push_back(target_entry(table, *stmt.relation, plan->slot));
  std::vector<std::unique_ptr<FromNode>> items;
  items.push_back(target_node(*plan));
  for (const Node* item : Nodes(stmt.using_clause, stmt.n_using_clause)) items.push_back(from_item(*item, level));
  level.clause = Clause::where;
  if (stmt.where_clause != nullptr) split_conjunction(condition(*stmt.where_clause, level, "WHERE"), plan->conditions);
  returning(Nodes(stmt.returning_list, stmt.n_returning_list), level, *plan);
  for (const RangeEntry& entry : level.entries) plan->slots.push_back(entry.slot);
  bool is_ordered = false;
  plan->from = plan_from(std::move(items), plan->conditions, {}, is_ordered);
  return plan;
}

}  // namespace orrery::sim::database
