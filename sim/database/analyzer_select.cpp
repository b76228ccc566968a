#include <algorithm>
#include <bit>
#include <functional>
#include <map>

#include "sim/database/analyzer.hpp"

namespace orrery::sim::database {
namespace {

/// LIMIT so few that PostgreSQL walks an index in the wanted order instead of sorting a small table, of which it takes
/// about 400 rows for granted, and half of them behind a condition.
bool has_small_limit(const QueryPlan& plan, bool has_condition) {
  if (plan.limit == nullptr) return false;
  if (plan.limit->kind != ExprKind::constant) return true;
  return !plan.limit->constant.is_null() && plan.limit->constant.integer() < (has_condition ? 80 : 200);
}

}  // namespace

void Analyzer::refuse_unknown_select_parts(const PgQuery__SelectStmt& stmt) {
  if (stmt.into_clause != nullptr) {
    fail("42601", "SELECT ... INTO is not allowed here", position_of(stmt.into_clause->rel->location));
  }
  if (stmt.group_distinct) fail_unsupported("GROUP BY DISTINCT");
  if (stmt.limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) fail_unsupported("FETCH … WITH TIES");
}

std::shared_ptr<QueryPlan> Analyzer::select(const PgQuery__SelectStmt& stmt, Level* outer, std::span<const TypeRef> targets) {
  refuse_unknown_select_parts(stmt);
  if (++depth_ > 60) fail("54001", "stack depth limit exceeded");
  Level level;
  level.outer = outer;
  add_ctes(stmt.with_clause, level);
  std::shared_ptr<QueryPlan> plan;
  if (stmt.op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
    plan = set_operation(stmt, level, targets);
  } else if (stmt.n_values_lists > 0) {
    plan = values_select(stmt, level, targets);
  } else {
    plan = simple_select(stmt, level, targets);
  }
  --depth_;
  plan->outer_slots |= level.outer_slots;
  plan->is_correlated = plan->outer_slots != 0;
  return plan;
}

/// 2: a name of its own; 1: one that casts and CASE give, which a cast around it replaces; 0: none.
int Analyzer::name_strength(const Node* node) const {
  if (node == nullptr) return 0;
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_TYPE_CAST:
      return std::max(1, name_strength(node->type_cast->arg));
    case PG_QUERY__NODE__NODE_CASE_EXPR:
      return std::max(1, name_strength(node->case_expr->defresult));
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      return name_strength(node->collate_clause->arg);
    case PG_QUERY__NODE__NODE_A_INDIRECTION: {
      const PgQuery__AIndirection& indirection = *node->a_indirection;
      const Node& last = *indirection.indirection[indirection.n_indirection - 1];
      return last.node_case == PG_QUERY__NODE__NODE_STRING ? 2 : name_strength(indirection.arg);
    }
    default:
      return output_name(node) == "?column?" ? 0 : 2;
  }
}

std::string Analyzer::output_name(const Node* node) const {
  if (node == nullptr) return "?column?";
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF: {
      const PgQuery__ColumnRef& ref = *node->column_ref;
      const Node& last = *ref.fields[ref.n_fields - 1];
      return last.node_case == PG_QUERY__NODE__NODE_STRING ? last.string->sval : "?column?";
    }
    case PG_QUERY__NODE__NODE_FUNC_CALL: {
      const PgQuery__FuncCall& call = *node->func_call;
      return call.funcname[call.n_funcname - 1]->string->sval;
    }
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
      if (name_strength(node->type_cast->arg) == 2) return output_name(node->type_cast->arg);
      const PgQuery__TypeName& type = *node->type_cast->type_name;
      return type.names[type.n_names - 1]->string->sval;
    }
    case PG_QUERY__NODE__NODE_CASE_EXPR: {
      return name_strength(node->case_expr->defresult) == 2 ? output_name(node->case_expr->defresult) : "case";
    }
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
      return "coalesce";
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
      return node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return "array";
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      return "row";
    case PG_QUERY__NODE__NODE_A_EXPR:
      return node->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? "nullif" : "?column?";
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      return output_name(node->collate_clause->arg);
    case PG_QUERY__NODE__NODE_A_INDIRECTION: {
      const PgQuery__AIndirection& indirection = *node->a_indirection;
      const Node& last = *indirection.indirection[indirection.n_indirection - 1];
      if (last.node_case == PG_QUERY__NODE__NODE_STRING) return last.string->sval;
      return output_name(indirection.arg);
    }
    case PG_QUERY__NODE__NODE_SUB_LINK: {
      const PgQuery__SubLink& link = *node->sub_link;
      if (link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) return "exists";
      if (link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK) return "array";
      if (link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
        const PgQuery__SelectStmt& select = *link.subselect->select_stmt;
        if (select.n_target_list > 0) {
          const PgQuery__ResTarget& target = *select.target_list[0]->res_target;
          return target.name[0] != '\0' ? target.name : output_name(target.val);
        }
      }
      return "?column?";
    }
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      switch (node->sqlvalue_function->op) {
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
          return "current_date";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
          return "current_timestamp";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
          return "localtime";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
          return "localtimestamp";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
          return "current_user";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
          return "user";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
          return "session_user";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
          return "current_role";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
          return "current_catalog";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
          return "current_schema";
        default:
          return "?column?";
      }
    default:
      return "?column?";
  }
}

void Analyzer::expand_star(const PgQuery__ColumnRef& ref, Level& level, std::vector<ExprPtr>& outputs,
                           std::vector<std::string>& names) {
  const auto add_entry_columns = [&](const RangeEntry& entry, bool skips_merged) {
    for (std::size_t i = 0; i < entry.columns.size(); ++i) {
      if (skips_merged && !entry.merged.empty() && entry.merged[i]) continue;
      outputs.push_back(column_of(entry, static_cast<std::uint32_t>(i), ref.location));
      names.push_back(entry.columns[i]);
    }
  };
  if (ref.n_fields == 1) {
    if (level.entries.empty()) fail("42601", "SELECT * with no tables specified is not valid", position_of(ref.location));
    // A join's common columns stand before the others of its tables, those of the outermost join first.
    std::multimap<int, const MergedColumn*, std::greater<>> merged;
    for (const MergedColumn& each : level.merged) merged.emplace(std::popcount(each.slots), &each);
    for (const RangeEntry& entry : level.entries) {
      if (entry.only_qualified || entry.is_hidden) continue;
      for (auto& [size, each] : merged) {
        if (each == nullptr || (each->slots >> entry.slot & 1U) == 0) continue;
        outputs.push_back(each->value);
        names.push_back(each->name);
        each = nullptr;
      }
      add_entry_columns(entry, true);
    }
    return;
  }
  const std::string_view relation = ref.fields[ref.n_fields - 2]->string->sval;
  for (Level* each = &level; each != nullptr; each = each->outer) {
    for (const RangeEntry& entry : each->entries) {
      if (entry.name != relation || entry.is_hidden || !each->sees_entries) continue;
      note_outer(level, *each, entry.slot);
      add_entry_columns(entry, false);
      return;
    }
  }
  fail("42P01", "missing FROM-clause entry for table " + in_quotes(relation), position_of(ref.location));
}

void Analyzer::target_list(Nodes targets, Level& level, std::vector<ExprPtr>& outputs, std::vector<std::string>& names) {
  for (const Node* node : targets) {
    const PgQuery__ResTarget& target = *node->res_target;
    if (target.val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
      const PgQuery__ColumnRef& ref = *target.val->column_ref;
      if (ref.fields[ref.n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR) {
        expand_star(ref, level, outputs, names);
        continue;
      }
    }
    outputs.push_back(expression(*target.val, level));
    names.push_back(target.name[0] != '\0' ? target.name : output_name(target.val));
  }
}

std::shared_ptr<QueryPlan> Analyzer::simple_select(const PgQuery__SelectStmt& stmt, Level& level,
                                                   std::span<const TypeRef> targets) {
  auto plan = std::make_shared<QueryPlan>();
  level.plan = plan.get();
  const bool keeps_unknown = std::exchange(keeps_unknown_, false);
  std::vector<std::unique_ptr<FromNode>> items;
  for (const Node* item : Nodes(stmt.from_clause, stmt.n_from_clause)) items.push_back(from_item(*item, level));
  for (const Node* node : Nodes(stmt.window_clause, stmt.n_window_clause)) {
    level.named_windows.emplace_back(node->window_def->name, node->window_def);
  }
  std::vector<ExprPtr> conditions;
  level.clause = Clause::select;
  const bool was_late = std::exchange(is_late_, is_late_ || stmt.n_locking_clause > 0);
  target_list(Nodes(stmt.target_list, stmt.n_target_list), level, plan->outputs, plan->names);
  is_late_ = was_late;
  level.clause = Clause::where;
  if (stmt.where_clause != nullptr) split_conjunction(condition(*stmt.where_clause, level, "WHERE"), conditions);
  for (std::size_t i = 0; i < plan->outputs.size(); ++i) {
    if (!plan->outputs[i]->type.is_unknown()) continue;
    // INSERT … SELECT gives literals and parameters the type of their column.
    if (i < targets.size()) {
      plan->outputs[i] = coerce(std::move(plan->outputs[i]), targets[i].without_typmod(), CastContext::assignment);
    } else if (!keeps_unknown) {
      plan->outputs[i] = resolve_unknown(std::move(plan->outputs[i]));
    }
  }
  plan->visible = static_cast<std::uint32_t>(plan->outputs.size());
  group_clause(stmt, level, *plan);
  level.clause = Clause::having;
  if (stmt.having_clause != nullptr) {
    plan->is_grouped = true;
    split_conjunction(condition(*stmt.having_clause, level, "HAVING"), plan->having);
  }
  sort_clause(stmt, level, *plan);
  distinct_clause(stmt, level, *plan);
  limit_clause(stmt, level, *plan);
  if (plan->is_grouped) {
    if (!plan->windows.empty()) fail_unsupported("window functions together with GROUP BY or aggregates");
    if (plan->has_set_functions) fail_unsupported("set-returning functions together with GROUP BY or aggregates");
    check_grouping(*plan, level);
  }
  if (plan->has_set_functions && stmt.n_distinct_clause > 0 && stmt.distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
    fail_unsupported("set-returning functions together with DISTINCT ON");
  }
  if (plan->has_set_functions && !plan->windows.empty()) {
    fail_unsupported("set-returning functions together with window functions");
  }
  for (const RangeEntry& entry : level.entries) plan->slots.push_back(entry.slot);
  locking_clause(stmt, level, *plan);
  WantedOrder order;
  order.has_limit = plan->limit != nullptr;
  const bool sorts_all = sorts_small_tables_ && !has_small_limit(*plan, !conditions.empty());
  if (!plan->is_grouped && plan->windows.empty() && !plan->is_distinct && !plan->has_set_functions && !sorts_all) {
    for (const SortKey& key : plan->sort) order.keys.emplace_back(plan->outputs[key.output], key);
  }
  plan->from = plan_from(std::move(items), conditions, order, plan->is_sorted_by_access);
  plan->conditions = std::move(conditions);
  for (const RowMark& mark : plan->marks) {
    if ((nullable_slots(*plan->from, 0) >> mark.slot & 1U) == 0) continue;
    static constexpr const char* kVerbs[] = {"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};
    fail("0A000", std::string(kVerbs[static_cast<std::size_t>(mark.mode)]) +
                      " cannot be applied to the nullable side of an outer join");
  }
  set_types(*plan);
  return plan;
}

SelectParts Analyzer::parts_of(const PgQuery__SelectStmt& stmt, const View& view) {
  bool is_plain = stmt.op == PG_QUERY__SET_OPERATION__SETOP_NONE && stmt.n_values_lists == 0 && stmt.with_clause == nullptr &&
                  stmt.n_distinct_clause == 0 && stmt.n_group_clause == 0 && stmt.having_clause == nullptr &&
                  stmt.n_window_clause == 0 && stmt.n_sort_clause == 0 && stmt.limit_count == nullptr && stmt.limit_offset == nullptr;
  for (const Node* item : Nodes(stmt.from_clause, stmt.n_from_clause)) {
    is_plain = is_plain && item->node_case == PG_QUERY__NODE__NODE_RANGE_VAR;
  }
  QueryPlan plan;
  Level level;
  level.plan = &plan;
  SelectParts parts;
  if (is_plain) {
    const View* const around = std::exchange(view_, &view);
    for (const Node* item : Nodes(stmt.from_clause, stmt.n_from_clause)) static_cast<void>(from_item(*item, level));
    level.clause = Clause::select;
    std::vector<std::string> names;
    target_list(Nodes(stmt.target_list, stmt.n_target_list), level, parts.outputs, names);
    for (ExprPtr& output : parts.outputs) output = resolve_unknown(std::move(output));
    level.clause = Clause::where;
    if (stmt.where_clause != nullptr) parts.condition = condition(*stmt.where_clause, level, "WHERE");
    view_ = around;
  }
  if (!is_plain || !plan.aggregates.empty() || !plan.windows.empty() || plan.has_set_functions) {
    fail_unsupported("the text of a view with more than relations and WHERE");
  }
  parts.entries = std::move(level.entries);
  return parts;
}

void Analyzer::set_types(QueryPlan& plan) {
  plan.types.clear();
  for (std::uint32_t i = 0; i < plan.visible; ++i) plan.types.push_back(plan.outputs[i]->type);
}

std::shared_ptr<QueryPlan> Analyzer::values_select(const PgQuery__SelectStmt& stmt, Level& level,
                                                   std::span<const TypeRef> targets) {
  auto plan = std::make_shared<QueryPlan>();
  level.clause = Clause::values;
  if (stmt.n_locking_clause > 0) fail("0A000", "SELECT FOR UPDATE cannot be applied to VALUES");
  const std::size_t width = stmt.values_lists[0]->list->n_items;
  for (const Node* node : Nodes(stmt.values_lists, stmt.n_values_lists)) {
    const PgQuery__List& list = *node->list;
    if (list.n_items != width) fail("42601", "VALUES lists must all be the same length");
    auto& row = plan->values.emplace_back();
    for (const Node* item : Nodes(list.items, list.n_items)) row.push_back(expression(*item, level));
  }
  for (std::size_t column = 0; column < width; ++column) {
    std::vector<TypeRef> types;
    for (const auto& row : plan->values) types.push_back(row[column]->type);
    TypeRef type = common_type(types, "VALUES");
    const bool all_unknown = std::all_of(types.begin(), types.end(), [](TypeRef each) { return each.is_unknown(); });
    if (all_unknown && column < targets.size()) type = targets[column].without_typmod();
    for (auto& row : plan->values) row[column] = coerce_to_common(std::move(row[column]), type, "VALUES");
    plan->types.push_back(type);
    plan->names.push_back("column" + std::to_string(column + 1));
  }
  plan->visible = static_cast<std::uint32_t>(width);
  if (stmt.n_sort_clause > 0 || stmt.limit_count != nullptr || stmt.limit_offset != nullptr) {
    sort_clause(stmt, level, *plan);
    limit_clause(stmt, level, *plan);
  }
  return plan;
}

std::shared_ptr<QueryPlan> Analyzer::set_operation(const PgQuery__SelectStmt& stmt, Level& level,
                                                   std::span<const TypeRef> targets) {
  auto plan = std::make_shared<QueryPlan>();
  const char* name = stmt.op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? "UNION"
                     : stmt.op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? "INTERSECT"
                                                                           : "EXCEPT";
  if (stmt.n_locking_clause > 0) {
    static constexpr const char* kStrengths[] = {"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};
    const auto strength = static_cast<std::size_t>(stmt.locking_clause[0]->locking_clause->strength - PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE);
    fail("0A000", std::string(kStrengths[strength]) + " is not allowed with UNION/INTERSECT/EXCEPT");
  }
  const auto side = [&](const PgQuery__SelectStmt& query) {
    // A literal or NULL takes its type from the other side (manual, 10.5), unless its own side works with it.
    keeps_unknown_ = query.op == PG_QUERY__SET_OPERATION__SETOP_NONE && query.n_sort_clause == 0 && query.n_distinct_clause == 0 &&
                     query.n_group_clause == 0 && query.with_clause == nullptr;
    std::shared_ptr<QueryPlan> made = select(query, &level, targets);
    keeps_unknown_ = false;
    return made;
  };
  std::shared_ptr<QueryPlan> left = side(*stmt.larg);
  std::shared_ptr<QueryPlan> right = side(*stmt.rarg);
  if (!left->marks.empty() || !right->marks.empty()) fail_unsupported("FOR UPDATE inside of a set operation");
  if (left->visible != right->visible) {
    fail("42601", std::string("each ") + name + " query must have the same number of columns");
  }
  plan->visible = left->visible;
  plan->names = left->names;
  for (std::uint32_t i = 0; i < plan->visible; ++i) {
    const TypeRef types[] = {left->types[i], right->types[i]};
    const TypeRef type = common_type(types, name);
    plan->types.push_back(type);
    // A side with another type is wrapped: its outputs are cast.
    for (std::shared_ptr<QueryPlan>* side : {&left, &right}) {
      QueryPlan& query = **side;
      if (query.types[i].same(type)) continue;
      if (query.operation != SetOperation::none) fail_unsupported("nested set operations of different types");
      if (!query.values.empty()) {
        for (auto& row : query.values) row[i] = coerce_to_common(std::move(row[i]), type, name);
      } else {
        const bool sorts = std::any_of(query.sort.begin(), query.sort.end(), [&](const SortKey& key) { return key.output == i; });
        if (sorts) fail_unsupported("a set operation that casts a sorted column");
        query.outputs[i] = coerce_to_common(std::move(query.outputs[i]), type, name);
      }
      query.types[i] = type;
    }
    if (!stmt.all && hash_function(type) == nullptr) {
      fail("42883", "could not identify an equality operator for type " + type_name(type));
    }
  }
  plan->operation = stmt.op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? SetOperation::union_
                    : stmt.op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? SetOperation::intersect
                                                                          : SetOperation::except;
  plan->all = stmt.all;
  plan->outer_slots = left->outer_slots | right->outer_slots;
  plan->left = std::move(left);
  plan->right = std::move(right);
  sort_clause(stmt, level, *plan);
  limit_clause(stmt, level, *plan);
  return plan;
}

void Analyzer::limit_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan) {
  level.clause = Clause::limit;
  const auto count = [&](const Node* node, const char* construct) -> ExprPtr {
    if (node == nullptr) return nullptr;
    ExprPtr expr = expression(*node, level);
    const TypeRef from = expr->type;
    const std::int32_t position = expr->position;
    SlotSet own = 0;
    for (const RangeEntry& entry : level.entries) own |= SlotSet{1} << entry.slot;
    if ((slots_of(*expr) & own) != 0) {
      fail("42P10", std::string("argument of ") + construct + " must not contain variables", position);
    }
    ExprPtr result = try_coerce(std::move(expr), TypeRef(Type::int8), CastContext::assignment);
    if (result == nullptr) {
      fail("42804", std::string("argument of ") + construct + " must be type bigint, not type " + type_name(from), position);
    }
    return result;
  };
  const bool was_late = std::exchange(is_late_, is_late_ || stmt.n_locking_clause > 0);
  plan.limit = count(stmt.limit_count, "LIMIT");
  plan.offset = count(stmt.limit_offset, "OFFSET");
  is_late_ = was_late;
}

}  // namespace orrery::sim::database
