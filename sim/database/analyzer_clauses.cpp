#include <algorithm>

#include "sim/database/analyzer.hpp"

namespace orrery::sim::database {

SortKey Analyzer::sort_key(const PgQuery__SortBy& by, std::uint32_t output, const Expr& expr) {
  SortKey key;
  key.output = output;
  key.compare = compare_function(expr.type);
  if (key.compare == nullptr) {
    fail("42883", "could not identify an ordering operator for type " + type_name(expr.type), expr.position, {},
         "Use an explicit ordering operator or modify the query.");
  }
  switch (by.sortby_dir) {
    case PG_QUERY__SORT_BY_DIR__SORTBY_DESC:
      key.descending = true;
      break;
    case PG_QUERY__SORT_BY_DIR__SORTBY_USING:
      fail_unsupported("ORDER BY … USING", position_of(by.location));
    default:
      break;
  }
  key.nulls_first = by.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                        ? key.descending
                        : by.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
  return key;
}

/// An output that ORDER BY, GROUP BY or DISTINCT ON names (SQL-92: by name or number) or an expression of its own, which
/// becomes a hidden output (SQL-99).
std::uint32_t Analyzer::output_for_key(const Node& node, Level& level, QueryPlan& plan, std::string_view construct) {
  const bool has_outputs = !plan.outputs.empty() || plan.operation == SetOperation::none;
  if (node.node_case == PG_QUERY__NODE__NODE_COLUMN_REF && node.column_ref->n_fields == 1 &&
      node.column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING) {
    const std::string_view name = node.column_ref->fields[0]->string->sval;
    // For GROUP BY a column of the input goes before an output's name.
    bool is_input = false;
    if (construct == "GROUP BY" && level.plan != nullptr) {
      try {
        is_input = find_column(name, -1, level) != nullptr;
      } catch (const SqlError&) {
        is_input = true;
      }
    }
    if (!is_input) {
      std::optional<std::uint32_t> found;
      for (std::uint32_t i = 0; i < plan.visible; ++i) {
        if (plan.names[i] != name) continue;
        if (found.has_value() &&
            !(has_outputs && same_expression(*plan.outputs[*found], *plan.outputs[i]))) {
          fail("42702", std::string(construct) + " " + in_quotes(name) + " is ambiguous", position_of(node.column_ref->location));
        }
        if (!found) found = i;
      }
      if (found) return *found;
    }
  }
  if (node.node_case == PG_QUERY__NODE__NODE_A_CONST) {
    const PgQuery__AConst& constant = *node.a_const;
    if (constant.val_case != PG_QUERY__A__CONST__VAL_IVAL) {
      fail("42601", "non-integer constant in " + std::string(construct), position_of(constant.location));
    }
    const std::int32_t place = constant.ival->ival;
    if (place < 1 || place > static_cast<std::int32_t>(plan.visible)) {
      fail("42P10", std::string(construct) + " position " + std::to_string(place) + " is not in select list",
           position_of(constant.location));
    }
    return static_cast<std::uint32_t>(place - 1);
  }
  if (plan.operation != SetOperation::none || !plan.values.empty()) {
    if (!plan.values.empty()) fail_unsupported("ORDER BY of an expression over VALUES");
    fail("0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", 0,
         "Only result column names can be used, not expressions or functions.",
         "Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
  }
  ExprPtr expr = resolve_unknown(expression(node, level));
  for (std::uint32_t i = 0; i < plan.outputs.size(); ++i) {
    if (same_expression(*plan.outputs[i], *expr)) return i;
  }
  plan.outputs.push_back(std::move(expr));
  return static_cast<std::uint32_t>(plan.outputs.size() - 1);
}

void Analyzer::group_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan) {
  level.clause = Clause::group_by;
  for (const Node* node : Nodes(stmt.group_clause, stmt.n_group_clause)) {
    if (node->node_case == PG_QUERY__NODE__NODE_GROUPING_SET) {
      const PgQuery__GroupingSet& set = *node->grouping_set;
      if (set.kind != PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY) {
        fail_unsupported("GROUPING SETS, ROLLUP and CUBE", position_of(set.location));
      }
      plan.is_grouped = true;
      continue;
    }
    const std::size_t outputs = plan.outputs.size();
    const std::uint32_t place = output_for_key(*node, level, plan, "GROUP BY");
    ExprPtr key = plan.outputs[place];
    if (plan.outputs.size() > outputs) plan.outputs.pop_back();  // not needed as an output
    for_each_expression(*key, [&](const Expr& each) {
      if (each.kind == ExprKind::column && each.slot == plan.aggregate_slot && !plan.aggregates.empty()) {
        fail("42803", "aggregate functions are not allowed in GROUP BY", key->position);
      }
    });
    if (hash_function(key->type) == nullptr) {
      fail("42883", "could not identify an equality operator for type " + type_name(key->type), key->position);
    }
    plan.group_keys.push_back(std::move(key));
    plan.is_grouped = true;
  }
}

void Analyzer::sort_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan) {
  level.clause = Clause::order_by;
  for (const Node* node : Nodes(stmt.sort_clause, stmt.n_sort_clause)) {
    const PgQuery__SortBy& by = *node->sort_by;
    const std::uint32_t place = output_for_key(*by.node, level, plan, "ORDER BY");
    if (place < plan.outputs.size()) {
      plan.sort.push_back(sort_key(by, place, *plan.outputs[place]));
    } else {
      Expr typed;
      typed.type = plan.types[place];
      plan.sort.push_back(sort_key(by, place, typed));
    }
  }
}

void Analyzer::distinct_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan) {
  if (stmt.n_distinct_clause == 0) return;
  const auto check_type = [&](std::uint32_t place) {
    const Expr& output = *plan.outputs[place];
    if (hash_function(output.type) == nullptr) {
      fail("42883", "could not identify an equality operator for type " + type_name(output.type), output.position);
    }
  };
  const bool is_plain = stmt.distinct_clause[0]->node_case == PG_QUERY__NODE__NODE__NOT_SET;
  if (is_plain) {
    plan.is_distinct = true;
    for (std::uint32_t i = 0; i < plan.visible; ++i) check_type(i);
    for (const SortKey& key : plan.sort) {
      if (key.output >= plan.visible) {
        fail("42P10", "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
             plan.outputs[key.output]->position);
      }
    }
    return;
  }
  for (const Node* node : Nodes(stmt.distinct_clause, stmt.n_distinct_clause)) {
    const std::uint32_t place = output_for_key(*node, level, plan, "DISTINCT ON");
    check_type(place);
    plan.distinct_on.push_back(place);
  }
  // The first sort keys must be the DISTINCT ON expressions; without ORDER BY they are sorted by.
  for (std::size_t i = 0; i < plan.distinct_on.size() && i < plan.sort.size(); ++i) {
    const auto& on = plan.distinct_on;
    if (std::find(on.begin(), on.end(), plan.sort[i].output) == on.end()) {
      fail("42P10", "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
           plan.outputs[plan.distinct_on[i]]->position);
    }
  }
  for (const std::uint32_t place : plan.distinct_on) {
    const bool sorted = std::any_of(plan.sort.begin(), plan.sort.end(), [&](const SortKey& key) { return key.output == place; });
    if (sorted) continue;
    SortKey key;
    key.output = place;
    key.compare = compare_function(plan.outputs[place]->type);
    if (key.compare == nullptr) fail_unsupported("DISTINCT ON of type " + type_name(plan.outputs[place]->type));
    plan.sort.push_back(key);
  }
}

void Analyzer::locking_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan) {
  for (const Node* node : Nodes(stmt.locking_clause, stmt.n_locking_clause)) {
    const PgQuery__LockingClause& clause = *node->locking_clause;
    RowMark mark;
    const char* name = "FOR UPDATE";
    switch (clause.strength) {
      case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE:
        mark.mode = RowLock::key_share;
        name = "FOR KEY SHARE";
        break;
      case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE:
        mark.mode = RowLock::share;
        name = "FOR SHARE";
        break;
      case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE:
        mark.mode = RowLock::no_key_update;
        name = "FOR NO KEY UPDATE";
        break;
      default:
        break;
    }
    if (clause.wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip) mark.policy = WaitPolicy::skip;
    if (clause.wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitError) mark.policy = WaitPolicy::error;
    const std::string verb(name);
    if (plan.is_distinct || !plan.distinct_on.empty()) fail("0A000", verb + " is not allowed with DISTINCT clause");
    if (!plan.group_keys.empty()) fail("0A000", verb + " is not allowed with GROUP BY clause");
    if (!plan.having.empty()) fail("0A000", verb + " is not allowed with HAVING clause");
    if (!plan.aggregates.empty() || plan.is_grouped) fail("0A000", verb + " is not allowed with aggregate functions");
    if (!plan.windows.empty()) fail("0A000", verb + " is not allowed with window functions");
    if (plan.has_set_functions) {
      fail("0A000", verb + " is not allowed with set-returning functions in the target list");
    }
    const auto add = [&](const RangeEntry& entry) {
      use_table(*entry.table, LockMode::row_share);
      for (RowMark& other : plan.marks) {
        if (other.slot != entry.slot) continue;
        other.mode = std::max(other.mode, mark.mode);
        other.policy = std::max(other.policy, mark.policy);
        return;
      }
      RowMark own = mark;
      own.slot = entry.slot;
      own.table = entry.table;
      plan.marks.push_back(own);
    };
    if (clause.n_locked_rels == 0) {
      for (const RangeEntry& entry : level.entries) {
        if (entry.is_subquery) fail_unsupported(verb + " of a subquery or view in FROM");
        if (entry.table != nullptr) add(entry);  // rows of WITH queries are not locked
      }
      continue;
    }
    for (const Node* rel : Nodes(clause.locked_rels, clause.n_locked_rels)) {
      const PgQuery__RangeVar& range = *rel->range_var;
      if (range.schemaname[0] != '\0') {
        fail("42601", verb + " must specify unqualified relation names", position_of(range.location));
      }
      const auto found = std::find_if(level.entries.begin(), level.entries.end(),
                                      [&](const RangeEntry& entry) { return entry.name == range.relname; });
      if (found == level.entries.end()) {
        fail("42P01", "relation " + in_quotes(range.relname) + " in " + verb + " clause not found in FROM clause",
             position_of(range.location));
      }
      if (found->table == nullptr) fail_unsupported(verb + " of a subquery, function or WITH query", position_of(range.location));
      add(*found);
    }
  }
}

void Analyzer::check_grouping(const QueryPlan& plan, const Level& level) {
  for (const ExprPtr& output : plan.outputs) check_grouped(*output, plan, level, false);
  for (const ExprPtr& having : plan.having) check_grouped(*having, plan, level, false);
}

void Analyzer::check_grouped(const Expr& expr, const QueryPlan& plan, const Level& level, bool inside_subquery) {
  for (const ExprPtr& key : plan.group_keys) {
    if (same_expression(*key, expr)) return;
  }
  const bool reads_row = expr.kind == ExprKind::column || expr.kind == ExprKind::system_column || expr.kind == ExprKind::whole_row;
  if (reads_row) {
    const auto entry = std::find_if(level.entries.begin(), level.entries.end(),
                                    [&](const RangeEntry& each) { return each.slot == expr.slot; });
    if (entry == level.entries.end()) return;  // an aggregate's result, or an outer query's column
    // Columns depend on the primary key, if all of it is grouped by.
    if (entry->table != nullptr) {
      if (const Index* primary = entry->table->primary_key(); primary != nullptr && !primary->is_deferrable) {
        const bool covered = std::all_of(primary->elements.begin(), primary->elements.end(), [&](const KeyElement& element) {
          return std::any_of(plan.group_keys.begin(), plan.group_keys.end(), [&](const ExprPtr& key) {
            return key->kind == ExprKind::column && key->slot == expr.slot &&
                   key->column == static_cast<std::uint32_t>(element.column);
          });
        });
        if (covered) return;
      }
    }
    const std::string name = entry->name + "." + expr.name;
    if (inside_subquery) {
      fail("42803", "subquery uses ungrouped column " + in_quotes(name) + " from outer query", expr.position);
    }
    fail("42803", "column " + in_quotes(name) + " must appear in the GROUP BY clause or be used in an aggregate function",
         expr.position);
  }
  for (const ExprPtr& arg : expr.args) {
    if (arg != nullptr) check_grouped(*arg, plan, level, inside_subquery);
  }
  if (expr.query != nullptr && (expr.query->outer_slots != 0)) {
    for (const RangeEntry& entry : level.entries) {
      if ((expr.query->outer_slots >> entry.slot & 1U) == 0) continue;
      const bool grouped = std::any_of(plan.group_keys.begin(), plan.group_keys.end(), [&](const ExprPtr& key) {
        return key->kind == ExprKind::column && key->slot == entry.slot;
      });
      if (!grouped) fail("42803", "subquery uses ungrouped column from outer query", expr.position);
    }
  }
}

}  // namespace orrery::sim::database
