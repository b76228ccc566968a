// MERGE: what transformMergeStmt of PostgreSQL 15 makes of it, in its order of finding mistakes.
#include <algorithm>
#include <array>

#include "sim/database/analyzer.hpp"

namespace orrery::sim::database {
namespace {

/// A WHEN after one of its kind without a condition can never come to be.
void refuse_unreachable(Nodes clauses) {
  std::array<bool, 2> is_terminal{};
  for (const Node* node : clauses) {
    const PgQuery__MergeWhenClause& clause = *node->merge_when_clause;
    bool& terminal = is_terminal[clause.matched ? 0 : 1];
    if (terminal) fail("42601", "unreachable WHEN clause specified after unconditional WHEN clause");
    terminal = clause.condition == nullptr;
  }
}

}  // namespace

Table& Analyzer::merge_target(const PgQuery__RangeVar& range) {
  const CatalogEntry& entry = naming_.relation(range);
  const char* kind = entry.kind == CatalogEntry::Kind::view       ? "views"
                     : entry.kind == CatalogEntry::Kind::sequence ? "sequences"
                                                                  : nullptr;
  if (kind == nullptr) return naming_.changed_table(range);
  fail("0A000", "cannot execute MERGE on relation " + in_quotes(range.relname), 0,
       std::string("This operation is not supported for ") + kind + ".");
}

std::unique_ptr<ModifyPlan> Analyzer::merge(const PgQuery__MergeStmt& stmt) {
  auto plan = std::make_unique<ModifyPlan>();
  Level level;
  if (stmt.with_clause != nullptr && stmt.with_clause->recursive) {
    fail("42601", "WITH RECURSIVE is not supported for MERGE statement");
  }
  add_ctes(stmt.with_clause, level);
  const Nodes clauses(stmt.merge_when_clauses, stmt.n_merge_when_clauses);
  refuse_unreachable(clauses);
  Table& table = merge_target(*stmt.relation);
  use_table(table, LockMode::row_exclusive);
  plan->operation = RowWrite::update;
  plan->table = &table;
  plan->slot = new_slot();
  level.entries.push_back(target_entry(table, *stmt.relation, plan->slot));
  level.entries.front().is_hidden = true;  // from the source
  std::unique_ptr<FromNode> source = from_item(*stmt.source_relation, level);
  for (std::size_t i = 1; i < level.entries.size(); ++i) {
    const std::string& name = level.entries.front().name;
    if (level.entries[i].name != name || level.entries[i].is_hidden) continue;
    if (stmt.source_relation->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) fail_unsupported("MERGE with the target's name in a join of the source");
    fail("42712", "name " + in_quotes(name) + " specified more than once", 0,
         "The name is used both as MERGE target table and data source.");
  }
  level.entries.front().is_hidden = false;
  level.clause = Clause::join_on;
  std::vector<ExprPtr> on;
  split_conjunction(condition(*stmt.join_condition, level, "JOIN/ON"), on);
  bool inserts = false;
  is_late_ = true;
  for (const Node* node : clauses) {
    plan->merge.push_back(merge_action(*node->merge_when_clause, *plan, level));
    const ModifyPlan* write = plan->merge.back().write.get();
    if (write == nullptr) continue;
    inserts = inserts || write->operation == RowWrite::insert;
    plan->may_change_key = plan->may_change_key || write->may_change_key;
  }
  is_late_ = false;
  for (const RangeEntry& entry : level.entries) plan->slots.push_back(entry.slot);

  std::unique_ptr<FromNode> target = target_node(*plan);
  std::vector<std::unique_ptr<FromNode>> items;
  if (inserts) {
    auto join = std::make_unique<FromNode>();
    join->kind = FromNode::Kind::join;
    join->join = FromNode::Join::left;
    join->slots = source->slots | target->slots;
    join->left = std::move(source);
    join->right = std::move(target);
    join->conditions = std::move(on);
    items.push_back(std::move(join));
  } else {
    items.push_back(std::move(source));
    items.push_back(std::move(target));
    plan->conditions = std::move(on);
  }
  bool is_ordered = false;
  plan->from = plan_from(std::move(items), plan->conditions, {}, is_ordered);
  return plan;
}

MergeAction Analyzer::merge_action(const PgQuery__MergeWhenClause& clause, const ModifyPlan& plan, Level& level) {
  MergeAction action;
  action.is_matched = clause.matched;
  level.entries.front().is_hidden = !clause.matched;
  level.clause = Clause::merge_when;
  if (clause.condition != nullptr) split_conjunction(condition(*clause.condition, level, "WHEN"), action.conditions);
  if (clause.command_type == PG_QUERY__CMD_TYPE__CMD_NOTHING) return action;
  action.write = std::make_unique<ModifyPlan>();
  ModifyPlan& write = *action.write;
  write.table = plan.table;
  write.slot = plan.slot;
  switch (clause.command_type) {
    case PG_QUERY__CMD_TYPE__CMD_INSERT:
      write.operation = RowWrite::insert;
      merge_insert(clause, level, write);
      break;
    case PG_QUERY__CMD_TYPE__CMD_UPDATE:
      write.operation = RowWrite::update;
      level.clause = Clause::set;
      assignments(Nodes(clause.target_list, clause.n_target_list), level, write);
      break;
    case PG_QUERY__CMD_TYPE__CMD_DELETE:
      write.operation = RowWrite::remove;
      break;
    default:
      fail_unsupported("this action of MERGE");
  }
  return action;
}

void Analyzer::merge_insert(const PgQuery__MergeWhenClause& clause, Level& level, ModifyPlan& insert) {
  const Table& table = *insert.table;
  const Nodes named(clause.target_list, clause.n_target_list);
  const Nodes given(clause.values, clause.n_values);
  const std::vector<std::uint32_t> targets = insert_targets(named, table);
  const bool overrides_user = clause.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE;
  const bool overrides = overrides_user || clause.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE;
  insert.columns.resize(table.columns.size());
  level.clause = Clause::values;
  std::vector<ExprPtr> values;  // null: DEFAULT
  for (const Node* item : given) {
    values.push_back(item->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT ? nullptr : expression(*item, level));
  }
  if (!given.empty()) {
    const bool has_more = values.size() > targets.size() && values[targets.size()] != nullptr;
    check_insert_count(named, targets.size(), values.size(), has_more ? values[targets.size()]->position : 0);
  }
  std::vector<bool> is_given(table.columns.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == nullptr) continue;
    is_given[targets[i]] = true;
    insert.columns[targets[i]] = coerce_for_column(std::move(values[i]), table.columns[targets[i]], 0);
  }
  for (std::uint32_t i = 0; i < table.columns.size(); ++i) {
    if (is_given[i]) refuse_value_of(table.columns[i], overrides);
    const bool is_overridden = overrides_user && table.columns[i].identity != Identity::none;
    if (is_given[i] && !is_overridden) continue;
    insert.columns[i] = default_of(table, i);
    if (insert.columns[i] != nullptr) insert.columns[i] = coerce_for_column(insert.columns[i], table.columns[i], 0);
  }
}

}  // namespace orrery::sim::database
