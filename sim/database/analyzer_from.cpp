#include <utility>
#include <algorithm>

#include "sim/database/analyzer.hpp"
#include "sim/database/catalogs/relations.hpp"
#include "sim/database/parser.hpp"

namespace orrery::sim::database {

void Analyzer::apply_alias(RangeEntry& entry, const PgQuery__Alias* alias, const char* fallback, std::int32_t location) {
  entry.name = fallback;
  if (alias == nullptr) return;
  entry.name = alias->aliasname;
  entry.schema.clear();
  if (alias->n_colnames > entry.columns.size()) {
    fail("42P10", "table " + in_quotes(entry.name) + " has " + std::to_string(entry.columns.size()) +
                      " columns available but " + std::to_string(alias->n_colnames) + " columns specified",
         position_of(location));
  }
  for (std::size_t i = 0; i < alias->n_colnames; ++i) entry.columns[i] = alias->colnames[i]->string->sval;
}

void Analyzer::add_entry(Level& level, RangeEntry entry, std::int32_t location) {
  for (const RangeEntry& other : level.entries) {
    if (other.name == entry.name && other.schema == entry.schema && !entry.name.empty() && !other.is_hidden) {
      fail("42712", "table name " + in_quotes(entry.name) + " specified more than once", position_of(location));
    }
  }
  entry.merged.resize(entry.columns.size());
  level.entries.push_back(std::move(entry));
}

std::unique_ptr<FromNode> Analyzer::from_item(const Node& node, Level& level) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
      return from_table(*node.range_var, level);
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
      return from_subquery(*node.range_subselect, level);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
      return from_function(*node.range_function, level);
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
      return from_join(*node.join_expr, level);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
      fail_unsupported("TABLESAMPLE");
    default:
      fail_unsupported("this FROM item");
  }
}

std::unique_ptr<FromNode> Analyzer::from_table(const PgQuery__RangeVar& range, Level& level) {
  auto node = std::make_unique<FromNode>();
  RangeEntry entry;
  if (range.schemaname[0] == '\0') {
    if (const CteEntry* cte = find_cte(range.relname, level)) {
      read_stores_.push_back(cte->store);
      reads_with_late_ = reads_with_late_ || is_late_;
      node->kind = FromNode::Kind::store;
      node->slot = new_slot();
      node->slots = SlotSet{1} << node->slot;
      node->store = cte->store;
      node->query = cte->query;
      node->width = static_cast<std::uint32_t>(cte->columns.size());
      entry.columns = cte->columns;
      entry.types = cte->types;
      entry.slot = node->slot;
      apply_alias(entry, range.alias, range.relname, range.location);
      add_entry(level, std::move(entry), range.location);
      return node;
    }
  }
  if (const SystemRelation* system = find_system_relation(range.schemaname, range.relname)) return from_system(*system, range, level);
  const CatalogEntry& found = naming_.relation(range);
  if (found.kind == CatalogEntry::Kind::view) return from_view(*found.view, range, level);
  if (found.kind == CatalogEntry::Kind::sequence) fail_unsupported("reading a sequence as a table", position_of(range.location));
  if (found.kind == CatalogEntry::Kind::index) fail("42809", in_quotes(range.relname) + " is an index", position_of(range.location));
  Table& table = *found.table;
  use_table(table, LockMode::access_share);
  node->kind = FromNode::Kind::table;
  node->slot = new_slot();
  node->slots = SlotSet{1} << node->slot;
  node->table = &table;
  entry.table = &table;
  entry.slot = node->slot;
  entry.schema = table.schema;
  // A view's text knows the columns that there were when it was made.
  std::size_t width = table.columns.size();
  if (view_ != nullptr) {
    const auto known = std::find(view_->tables.begin(), view_->tables.end(), &table);
    if (known != view_->tables.end()) width = view_->widths[static_cast<std::size_t>(known - view_->tables.begin())];
  }
  for (std::size_t i = 0; i < width; ++i) {
    entry.columns.push_back(table.columns[i].name);
    entry.types.push_back(table.columns[i].type);
  }
  apply_alias(entry, range.alias, range.relname, range.location);
  add_entry(level, std::move(entry), range.location);
  return node;
}

std::unique_ptr<FromNode> Analyzer::from_stored(std::shared_ptr<const QueryPlan> query, RangeEntry& entry) {
  auto node = std::make_unique<FromNode>();
  node->kind = FromNode::Kind::store;
  node->slot = new_slot();
  node->slots = SlotSet{1} << node->slot;
  node->store = plan_->stores++;
  node->width = query->visible;
  node->query = std::move(query);
  entry.slot = node->slot;
  entry.is_subquery = true;
  return node;
}

std::unique_ptr<FromNode> Analyzer::from_view(const View& view, const PgQuery__RangeVar& range, Level& level) {
  use_other(view.lock, LockMode::access_share);
  const std::shared_ptr<const ParseTree> tree = parse(view.definition);
  Level isolated;  // a view's text sees nothing of the query around it
  isolated.sees_entries = false;
  if (++depth_ > 30) fail("42P17", "infinite recursion detected in rules for relation " + in_quotes(view.name));
  const View* const around = std::exchange(view_, &view);
  std::shared_ptr<QueryPlan> query = select(*tree->statement(0).select_stmt, &isolated);
  view_ = around;
  --depth_;
  if (!query->marks.empty()) fail_unsupported("FOR UPDATE in a view", position_of(range.location));
  CHECK(query->visible == view.columns.size(), "a view's text gives its columns");
  RangeEntry entry;
  entry.columns = view.columns;
  entry.types = query->types;
  std::unique_ptr<FromNode> node = from_stored(std::move(query), entry);
  apply_alias(entry, range.alias, range.relname, range.location);
  add_entry(level, std::move(entry), range.location);
  return node;
}

std::unique_ptr<FromNode> Analyzer::from_subquery(const PgQuery__RangeSubselect& range, Level& level) {
  const bool saw = std::exchange(level.sees_entries, range.lateral);
  std::shared_ptr<QueryPlan> query = select(*range.subquery->select_stmt, &level);
  level.sees_entries = saw;
  if (range.alias == nullptr) {
    fail("42601", "subquery in FROM must have an alias", 0, {}, "For example, FROM (SELECT ...) [AS] foo.");
  }
  auto node = std::make_unique<FromNode>();
  node->slot = new_slot();
  node->slots = SlotSet{1} << node->slot;
  node->width = query->visible;
  RangeEntry entry;
  entry.columns = query->names;
  entry.types = query->types;
  entry.slot = node->slot;
  entry.is_subquery = true;
  if (!query->marks.empty()) {
    node->kind = FromNode::Kind::store;
    node->store = add_step_for_locking(std::move(query));
  } else if (query->is_correlated) {
    node->kind = FromNode::Kind::query;
    node->needs = query->outer_slots;
    node->query = std::move(query);
  } else {
    node->kind = FromNode::Kind::store;
    node->store = plan_->stores++;
    node->query = std::move(query);
  }
  apply_alias(entry, range.alias, "", -1);
  add_entry(level, std::move(entry), -1);
  return node;
}

std::unique_ptr<FromNode> Analyzer::from_function(const PgQuery__RangeFunction& range, Level& level) {
  if (range.n_coldeflist > 0) fail_unsupported("column definition list of a function");
  auto node = std::make_unique<FromNode>();
  node->kind = FromNode::Kind::function;
  node->with_ordinality = range.ordinality;
  RangeEntry entry;
  std::string fallback;
  const bool saw = std::exchange(level.sees_entries, true);
  const Clause clause = std::exchange(level.clause, Clause::from_function);
  std::int32_t location = -1;
  for (const Node* item : Nodes(range.functions, range.n_functions)) {
    const PgQuery__List& list = *item->list;
    if (list.n_items > 1 && list.items[1]->node_case != PG_QUERY__NODE__NODE_LIST &&
        list.items[1]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
      fail_unsupported("column definition list of a function");
    }
    const Node& call = *list.items[0];
    if (call.node_case == PG_QUERY__NODE__NODE_FUNC_CALL) {
      const PgQuery__FuncCall& func = *call.func_call;
      location = func.location;
      fallback = func.funcname[func.n_funcname - 1]->string->sval;
      // unnest(a, b, …) in FROM is several functions side by side.
      if (fallback == "unnest" && func.n_args > 1) {
        for (std::size_t i = 0; i < func.n_args; ++i) {
          ExprPtr argument = expression(*func.args[i], level);
          const TypeRef type = argument->type;
          const ResolvedCall resolved = resolve_function("unnest", std::span<const TypeRef>(&type, 1));
          ExprPtr expr = resolved_call(resolved, {argument}, position_of(func.location));
          entry.columns.emplace_back("unnest");
          entry.types.push_back(expr->type);
          node->functions.push_back(std::move(expr));
          node->function_widths.push_back(1);
        }
        continue;
      }
    } else {
      fallback = output_name(&call);
    }
    ExprPtr expr = expression(call, level);
    if (expr->kind == ExprKind::call && expr->function->kind == FunctionKind::set_returning &&
        !expr->function->column_types.empty()) {
      const Function& function = *expr->function;
      for (std::size_t i = 0; i < function.column_types.size(); ++i) {
        entry.columns.emplace_back(function.column_names[i]);
        entry.types.push_back(function.column_types[i]);
      }
      node->function_widths.push_back(static_cast<std::uint32_t>(function.column_types.size()));
    } else {
      // A function with one column gives it its own name, or that of the alias.
      std::string name = fallback;
      if (range.n_functions == 1 && range.alias != nullptr) name = range.alias->aliasname;
      if (expr->kind == ExprKind::call && expr->function->column_names.size() == 1 && range.alias == nullptr) {
        name = expr->function->column_names[0];
      }
      entry.columns.push_back(name);
      entry.types.push_back(expr->type);
      node->function_widths.push_back(1);
    }
    node->functions.push_back(std::move(expr));
  }
  level.clause = clause;
  level.sees_entries = saw;
  if (range.ordinality) {
    entry.columns.emplace_back("ordinality");
    entry.types.emplace_back(Type::int8);
  }
  node->slot = new_slot();
  node->slots = SlotSet{1} << node->slot;
  node->width = static_cast<std::uint32_t>(entry.columns.size());
  for (const ExprPtr& function : node->functions) node->needs |= slots_of(*function);
  entry.slot = node->slot;
  apply_alias(entry, range.alias, fallback.c_str(), location);
  add_entry(level, std::move(entry), location);
  return node;
}

std::unique_ptr<FromNode> Analyzer::from_join(const PgQuery__JoinExpr& join, Level& level) {
  auto node = std::make_unique<FromNode>();
  node->kind = FromNode::Kind::join;
  bool swapped = false;
  switch (join.jointype) {
    case PG_QUERY__JOIN_TYPE__JOIN_INNER:
      break;
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
      node->join = FromNode::Join::left;
      break;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
      node->join = FromNode::Join::left;
      swapped = true;
      break;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL:
      node->join = FromNode::Join::full;
      break;
    default:
      fail_unsupported("this kind of join");
  }
  const std::size_t first_left = level.entries.size();
  node->left = from_item(*join.larg, level);
  const std::size_t first_right = level.entries.size();
  node->right = from_item(*join.rarg, level);
  const std::size_t end = level.entries.size();
  node->slots = node->left->slots | node->right->slots;
  std::vector<std::string> names;
  if (join.is_natural) {
    const auto columns_of_side = [&](std::size_t first, std::size_t last, SlotSet slots) {
      std::vector<std::string> columns;
      for (const MergedColumn& merged : level.merged) {
        if ((merged.slots & ~slots) == 0) columns.push_back(merged.name);
      }
      for (std::size_t i = first; i < last; ++i) {
        const RangeEntry& entry = level.entries[i];
        for (std::size_t c = 0; c < entry.columns.size(); ++c) {
          if (!entry.merged[c]) columns.push_back(entry.columns[c]);
        }
      }
      return columns;
    };
    const std::vector<std::string> right = columns_of_side(first_right, end, node->right->slots);
    for (std::string& name : columns_of_side(first_left, first_right, node->left->slots)) {
      const bool is_common = std::find(right.begin(), right.end(), name) != right.end();
      if (is_common && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
  }
  for (std::size_t i = 0; i < join.n_using_clause; ++i) names.emplace_back(join.using_clause[i]->string->sval);
  if (join.join_using_alias != nullptr) fail_unsupported("alias of JOIN USING");
  std::vector<ExprPtr> conditions;
  for (const std::string& name : names) {
    if (node->join == FromNode::Join::full) fail_unsupported("FULL JOIN with USING");
    ExprPtr sides[2];
    for (int side = 0; side < 2; ++side) {
      std::size_t matches = 0;
      for (std::size_t i = side == 0 ? first_left : first_right; i < (side == 0 ? first_right : end); ++i) {
        RangeEntry& entry = level.entries[i];
        for (std::size_t c = 0; c < entry.columns.size(); ++c) {
          if (entry.columns[c] != name || entry.merged[c]) continue;
          sides[side] = column_of(entry, static_cast<std::uint32_t>(c), -1);
          entry.merged[c] = true;
          ++matches;
        }
      }
      const SlotSet slots = side == 0 ? node->left->slots : node->right->slots;
      for (const MergedColumn& merged : level.merged) {
        if (merged.name != name || (merged.slots & ~slots) != 0) continue;
        sides[side] = merged.value;
        ++matches;
      }
      if (matches == 0) {
        fail("42703", "column " + in_quotes(name) + " specified in USING clause does not exist in " +
                          (side == 0 ? "left" : "right") + " table");
      }
      if (matches > 1) {
        fail("42702", "common column name " + in_quotes(name) + " appears more than once in " + (side == 0 ? "left" : "right") +
                          " table");
      }
    }
    conditions.push_back(make_operator("=", sides[0], sides[1], 0));
    std::erase_if(level.merged, [&](const MergedColumn& merged) { return merged.name == name && (merged.slots & ~node->slots) == 0; });
    level.merged.push_back({name, sides[swapped ? 1 : 0], node->slots});
  }
  if (join.quals != nullptr) {
    const Clause clause = std::exchange(level.clause, Clause::join_on);
    // Only the two sides of this join are in scope.
    std::vector<bool> hidden;
    for (std::size_t i = 0; i < first_left; ++i) {
      hidden.push_back(level.entries[i].is_hidden);
      level.entries[i].is_hidden = true;
    }
    ExprPtr on = condition(*join.quals, level, "JOIN/ON");
    for (std::size_t i = 0; i < first_left; ++i) level.entries[i].is_hidden = hidden[i];
    level.clause = clause;
    split_conjunction(on, conditions);
  }
  node->conditions = std::move(conditions);
  node->needs = (node->left->needs | node->right->needs) & ~node->slots;
  if (swapped) std::swap(node->left, node->right);
  if (join.alias != nullptr) fail_unsupported("alias of a join");
  return node;
}

}  // namespace orrery::sim::database
