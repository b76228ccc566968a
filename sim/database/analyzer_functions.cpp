#include <algorithm>

#include "sim/database/analyzer.hpp"
#include "sim/database/catalogs/objects.hpp"
#include "sim/database/catalogs/deparse.hpp"
#include "sim/database/engine_functions.hpp"

namespace orrery::sim::database {
namespace {

std::string_view clause_name(Clause clause) {
  switch (clause) {
    case Clause::where:
      return "WHERE";
    case Clause::join_on:
      return "JOIN conditions";
    case Clause::group_by:
      return "GROUP BY";
    case Clause::from_function:
      return "functions in FROM";
    case Clause::values:
      return "VALUES";
    case Clause::returning:
      return "RETURNING";
    case Clause::set:
      return "UPDATE";
    case Clause::check:
      return "check constraints";
    case Clause::generation:
      return "column generation expressions";
    case Clause::index:
      return "index expressions";
    case Clause::index_predicate:
      return "index predicates";
    case Clause::default_:
      return "DEFAULT expressions";
    case Clause::limit:
      return "LIMIT";
    case Clause::conflict_where:
      return "WHERE";
    case Clause::merge_when:
      return "MERGE WHEN conditions";
    default:
      return "";
  }
}

}  // namespace

void Analyzer::refuse_aggregate(const Level& level, std::string_view what, std::int32_t position) const {
  const std::string_view clause = clause_name(level.clause);
  if (!clause.empty()) {
    fail(what == "window functions" ? "42P20" : "42803",
         std::string(what) + " are not allowed in " + std::string(clause), position);
  }
  if (level.clause == Clause::aggregate) {
    if (what == "window functions") {
      fail("42803", "aggregate function calls cannot contain window function calls", position);
    }
    fail("42803", "aggregate function calls cannot be nested", position);
  }
}

std::vector<ExprPtr> Analyzer::coerce_arguments(const ResolvedCall& call, std::vector<ExprPtr> args) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    TypeRef target = call.site.arguments[i];
    if (target.is_unknown() || target.is(Type::any)) {
      if (args[i]->type.is_unknown() && !is_open_parameter(*args[i])) args[i] = resolve_unknown(std::move(args[i]));
      if (is_open_parameter(*args[i])) {
        fail("42P18", "could not determine data type of parameter $" + std::to_string(args[i]->column + 1), args[i]->position);
      }
      continue;
    }
    if (target.is(Type::record) && args[i]->type.is(Type::record)) continue;
    if (args[i]->type.same(target)) continue;
    args[i] = coerce(std::move(args[i]), target, CastContext::implicit);
  }
  return args;
}

ExprPtr Analyzer::resolved_call(const ResolvedCall& call, std::vector<ExprPtr> args, std::int32_t position) {
  args = coerce_arguments(call, std::move(args));
  // Arguments that were left out have defaults, which the function knows as NULL.
  while (args.size() < call.site.arguments.size()) {
    auto missing = std::make_shared<Expr>();
    missing->type = call.site.arguments[args.size()];
    missing->truth = kLeftOut;
    args.push_back(std::move(missing));
  }
  auto result = std::make_shared<Expr>();
  result->kind = ExprKind::call;
  result->function = call.function;
  result->site = call.site;
  result->type = call.site.result;
  result->position = position;
  result->args = std::move(args);
  return fold(std::move(result));
}

ExprPtr Analyzer::function_call(const PgQuery__FuncCall& call, Level& level) {
  const std::int32_t position = position_of(call.location);
  const Nodes names(call.funcname, call.n_funcname);
  const std::string name = names.back()->string->sval;
  if (names.size() > 1 && std::string_view(names[0]->string->sval) != "pg_catalog") {
    fail("42883", "function " + std::string(names[0]->string->sval) + "." + name + "() does not exist", position, {},
         "No function matches the given name and argument types. You might need to add explicit type casts.");
  }
  if (call.func_variadic) fail_unsupported("VARIADIC", position);
  if (call.over != nullptr) return window_call(call, level);
  if (const EngineFunctionEntry* entry = find_engine_function(name, call.n_args)) return engine_call(*entry, call, level);

  std::vector<ExprPtr> args;
  std::vector<std::string> argument_names;
  bool is_named = false;
  const Clause clause = level.clause;
  // Arguments of an aggregate may not hold another one; whether this is one shows only later.
  const std::size_t aggregates_before = level.plan != nullptr ? level.plan->aggregates.size() : 0;
  for (const Node* arg : Nodes(call.args, call.n_args)) {
    if (arg->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) {
      is_named = true;
      argument_names.emplace_back(arg->named_arg_expr->name);
      args.push_back(expression(*arg->named_arg_expr->arg, level));
    } else {
      argument_names.emplace_back();
      args.push_back(expression(*arg, level));
    }
  }
  if (clause == Clause::from_function) {
    for (const ExprPtr& arg : args) {
      for_each_expression(*arg, [](const Expr& part) {
        if (part.kind == ExprKind::call && part.function->kind == FunctionKind::set_returning) {
          fail("0A000", "set-returning functions must appear at top level of FROM", part.position);
        }
      });
    }
  }
  std::vector<ExprPtr> order;
  if (call.agg_within_group) {
    for (const Node* node : Nodes(call.agg_order, call.n_agg_order)) {
      order.push_back(expression(*node->sort_by->node, level));
      args.push_back(order.back());
    }
  }
  std::vector<TypeRef> types;
  for (const ExprPtr& arg : args) types.push_back(arg->type);
  // `substring(text from pattern for escape)` has a pattern of SQL; the types decide which call it is, and an unknown one
  // means a pattern.
  const auto may_be_text = [&](std::size_t i) { return types[i].is_unknown() || category_of(types[i]) == TypeCategory::string; };
  if (name == "substring" && args.size() == 3 && may_be_text(1) && may_be_text(2)) {
    fail_unsupported("substring with a pattern and an escape", position);
  }
  ResolvedCall resolved;
  try {
    if (!is_named) argument_names.clear();
    // One argument: the name of a type makes it a cast.
    if (args.size() == 1 && !function_exists(name)) {
      if (const auto type = type_by_name(name)) {
        if (*type == Type::regclass || *type == Type::regtype) fail_unsupported("function " + name, position);
        // A record is made a text by CAST only (func_get_detail).
        const bool is_record_text = args[0]->type.base == Type::record && category_of(TypeRef(*type)) == TypeCategory::string;
        ExprPtr cast = is_record_text ? nullptr : try_coerce(args[0], TypeRef(*type), CastContext::explicit_);
        if (cast != nullptr) return cast;
      }
    }
    resolved = resolve_function(name, types, argument_names);
  } catch (SqlError& error) {
    if (error.position == 0) error.position = position;
    throw;
  }
  const FunctionKind kind = resolved.function->kind;
  if (kind == FunctionKind::aggregate || kind == FunctionKind::ordered_set_aggregate) {
    if (level.plan != nullptr && level.plan->aggregates.size() != aggregates_before) {
      fail("42803", "aggregate function calls cannot be nested", position);
    }
    return aggregate_call(call, resolved, std::move(args), std::move(order), level);
  }
  if (call.agg_star) {
    fail("42809", name + "(*) specified, but " + name + " is not an aggregate function", position);
  }
  if (call.agg_distinct) fail("42809", "DISTINCT specified, but " + name + " is not an aggregate function", position);
  if (call.n_agg_order > 0) fail("42809", "ORDER BY specified, but " + name + " is not an aggregate function", position);
  if (call.agg_filter != nullptr) fail("42809", "FILTER specified, but " + name + " is not an aggregate function", position);
  if (is_named && !resolved.function->argument_names.empty()) {
    // Into the order of the declaration.
    std::vector<ExprPtr> placed(resolved.site.arguments.size());
    for (std::size_t i = 0; i < args.size(); ++i) {
      std::size_t place = i;
      if (!argument_names[i].empty()) {
        const auto& declared = resolved.function->argument_names;
        place = static_cast<std::size_t>(std::find(declared.begin(), declared.end(), argument_names[i]) - declared.begin());
      }
      placed[place] = std::move(args[i]);
    }
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (placed[i] != nullptr) continue;
      auto missing = std::make_shared<Expr>();
      missing->type = resolved.site.arguments[i];
      missing->truth = kLeftOut;
      placed[i] = std::move(missing);
    }
    args = std::move(placed);
  }
  ExprPtr result = resolved_call(resolved, std::move(args), position);
  if (keeps_form_ && call.funcformat == PG_QUERY__COERCION_FORM__COERCE_SQL_SYNTAX) {
    auto named = std::make_shared<Expr>(*result);
    named->name = kOwnSyntax;
    result = std::move(named);
  }
  if (kind == FunctionKind::set_returning && clause != Clause::from_function) {
    if (clause != Clause::select || level.plan == nullptr) {
      const std::string_view where = clause_name(clause);
      if (where.empty() || clause == Clause::group_by || clause == Clause::values) fail_unsupported("set-returning functions outside of FROM and the select list", position);
      fail("0A000", "set-returning functions are not allowed in " + std::string(where.empty() ? "this place" : where), position);
    }
    if (!result->function->column_types.empty() && result->function->column_types.size() > 1) {
      fail_unsupported("a function with several columns in the select list", position);
    }
    QueryPlan& plan = *level.plan;
    if (plan.has_set_functions && (slots_of(*result) >> plan.set_function_slot & 1U) != 0) fail_unsupported("nested set-returning functions", position);
    if (!plan.has_set_functions) {
      plan.has_set_functions = true;
      plan.set_function_slot = new_slot();
    }
    auto column = std::make_shared<Expr>();
    column->kind = ExprKind::column;
    column->type = result->type;
    column->slot = plan.set_function_slot;
    column->column = static_cast<std::uint32_t>(plan.set_functions.size());
    column->name = name;
    plan.set_functions.push_back(std::move(result));
    return column;
  }
  return result;
}

ExprPtr Analyzer::aggregate_call(const PgQuery__FuncCall& call, const ResolvedCall& resolved, std::vector<ExprPtr> args,
                                 std::vector<ExprPtr> order, Level& level) {
  const std::int32_t position = position_of(call.location);
  refuse_aggregate(level, "aggregate functions", position);
  if (level.plan == nullptr) refuse_aggregate(level, "aggregate functions", position);
  CHECK(level.plan != nullptr, "aggregates belong to queries");
  AggregateCall aggregate;
  aggregate.call = resolved;
  const bool is_ordered_set = resolved.function->kind == FunctionKind::ordered_set_aggregate;
  const std::string name(resolved.function->name);
  if (is_ordered_set && !call.agg_within_group) {
    fail("42809", "WITHIN GROUP is required for ordered-set aggregate " + name, position);
  }
  if (!is_ordered_set && call.agg_within_group) {
    fail("42809", name + " is not an ordered-set aggregate, so it cannot have WITHIN GROUP", position);
  }
  aggregate.arguments = coerce_arguments(resolved, std::move(args));
  aggregate.is_distinct = call.agg_distinct;
  const Clause clause = std::exchange(level.clause, Clause::aggregate);
  if (call.agg_filter != nullptr) aggregate.filter.push_back(condition(*call.agg_filter, level, "FILTER"));
  if (is_ordered_set) {
    const std::size_t direct = resolved.function->direct_arguments;
    order.assign(aggregate.arguments.begin() + static_cast<std::ptrdiff_t>(direct), aggregate.arguments.end());
  }
  for (std::size_t i = 0; i < call.n_agg_order; ++i) {
    const PgQuery__SortBy& by = *call.agg_order[i]->sort_by;
    if (!is_ordered_set) order.push_back(resolve_unknown(expression(*by.node, level)));
    aggregate.order_keys.push_back(sort_key(by, static_cast<std::uint32_t>(i), *order[i]));
  }
  level.clause = clause;
  aggregate.order = std::move(order);
  if (aggregate.is_distinct) {
    for (const ExprPtr& argument : aggregate.arguments) {
      if (equal_function(argument->type) == nullptr) {
        fail("42883", "could not identify an equality operator for type " + type_name(argument->type), position);
      }
      if (compare_function(argument->type) == nullptr) {
        fail("42883", "could not identify an ordering operator for type " + type_name(argument->type), position,
             "Aggregates with DISTINCT must be able to sort their inputs.");
      }
    }
    // DISTINCT sorts its input; the result's order shows in array_agg and string_agg.
    if (aggregate.order.empty() && !aggregate.arguments.empty()) {
      for (std::size_t i = 0; i < aggregate.arguments.size(); ++i) {
        SortKey key;
        key.output = static_cast<std::uint32_t>(i);
        key.compare = compare_function(aggregate.arguments[i]->type);
        if (key.compare == nullptr) continue;
        aggregate.order_keys.push_back(key);
      }
      aggregate.order = aggregate.arguments;
    }
  }
  QueryPlan& plan = *level.plan;
  // What only names columns of an outer query belongs to that one (manual, 4.2.7).
  SlotSet named = 0;
  for (const ExprPtr& argument : aggregate.arguments) named |= slots_of(*argument);
  for (const ExprPtr& filter : aggregate.filter) named |= slots_of(*filter);
  SlotSet own = 0;
  for (const RangeEntry& entry : level.entries) own |= SlotSet{1} << entry.slot;
  if (named != 0 && (named & level.outer_slots) == named && (named & own) == 0) fail_unsupported("an aggregate of an outer query's columns", position);
  plan.is_grouped = true;
  if (plan.aggregates.empty()) plan.aggregate_slot = new_slot();
  auto column = std::make_shared<Expr>();
  column->kind = ExprKind::column;
  column->type = resolved.site.result;
  column->slot = plan.aggregate_slot;
  column->column = static_cast<std::uint32_t>(plan.aggregates.size());
  column->position = position;
  column->name = name;
  plan.aggregates.push_back(std::move(aggregate));
  return column;
}

void Analyzer::window_definition(const PgQuery__WindowDef& window, Level& level, WindowCall& result) {
  const PgQuery__WindowDef* named = nullptr;
  const std::string_view reference = window.refname[0] != '\0' ? window.refname : window.name;
  if (!reference.empty()) {
    for (const auto& [name, definition] : level.named_windows) {
      if (name == reference) named = definition;
    }
    if (named == nullptr) {
      fail("42704", "window " + in_quotes(reference) + " does not exist", position_of(window.location));
    }
  }
  const auto add = [&](const PgQuery__WindowDef& definition) {
    for (const Node* node : Nodes(definition.partition_clause, definition.n_partition_clause)) {
      result.partition.push_back(resolve_unknown(expression(*node, level)));
      if (compare_function(result.partition.back()->type) == nullptr) {
        fail("42883", "could not identify an ordering operator for type " + type_name(result.partition.back()->type));
      }
    }
    for (const Node* node : Nodes(definition.order_clause, definition.n_order_clause)) {
      const PgQuery__SortBy& by = *node->sort_by;
      result.order.push_back(resolve_unknown(expression(*by.node, level)));
      result.order_keys.push_back(sort_key(by, static_cast<std::uint32_t>(result.order.size() - 1), *result.order.back()));
    }
  };
  if (named != nullptr) add(*named);
  add(window);
  // Frame options are bits of PostgreSQL's parsenodes.h.
  constexpr int kNonDefault = 0x00001;
  constexpr int kRows = 0x00004;
  constexpr int kBetween = 0x00010;
  constexpr int kStartUnboundedPreceding = 0x00020;
  constexpr int kEndUnboundedFollowing = 0x00100;
  constexpr int kEndCurrentRow = 0x00400;
  const PgQuery__WindowDef& framed = named != nullptr && (window.frame_options & kNonDefault) == 0 ? *named : window;
  const int options = framed.frame_options;
  if ((options & kNonDefault) != 0) {
    const bool from_start = (options & kStartUnboundedPreceding) != 0;
    const bool to_current = (options & kEndCurrentRow) != 0;
    const bool to_end = (options & kEndUnboundedFollowing) != 0;
    constexpr int kKnown = kNonDefault | 0x00002 | kRows | kBetween | kStartUnboundedPreceding | kEndUnboundedFollowing |
                           kEndCurrentRow;
    if (!from_start || (!to_current && !to_end) || (options & ~kKnown) != 0) {
      fail_unsupported("this window frame", position_of(window.location));
    }
    if (to_end) result.whole_partition = true;
    result.rows_frame = (options & kRows) != 0;
  }
  if (result.order.empty() && !result.rows_frame) result.whole_partition = true;
}

ExprPtr Analyzer::window_call(const PgQuery__FuncCall& call, Level& level) {
  const std::int32_t position = position_of(call.location);
  refuse_aggregate(level, "window functions", position);
  if (level.plan == nullptr || level.clause == Clause::having) {
    fail("42P20", "window functions are not allowed in HAVING", position);
  }
  if (level.clause == Clause::window) fail("42P20", "window function calls cannot be nested", position);
  if (level.clause == Clause::window_definition) {
    fail("42P20", "window functions are not allowed in window definitions", position);
  }
  if (call.agg_distinct) fail("0A000", "DISTINCT is not implemented for window functions", position);
  if (call.n_agg_order > 0) fail("0A000", "aggregate ORDER BY is not implemented for window functions", position);
  const std::string name = call.funcname[call.n_funcname - 1]->string->sval;
  WindowCall window;
  const Clause clause = std::exchange(level.clause, Clause::window);
  for (const Node* arg : Nodes(call.args, call.n_args)) window.arguments.push_back(expression(*arg, level));
  if (call.agg_filter != nullptr) window.filter.push_back(condition(*call.agg_filter, level, "FILTER"));
  level.clause = Clause::window_definition;
  window_definition(*call.over, level, window);
  level.clause = clause;
  TypeRef type(Type::int8);
  const std::size_t count = window.arguments.size();
  const auto take_value = [&] {
    window.arguments[0] = resolve_unknown(std::move(window.arguments[0]));
    type = window.arguments[0]->type;
  };
  using Kind = WindowCall::Kind;
  if (name == "row_number" && count == 0) {
    window.kind = Kind::row_number;
  } else if (name == "rank" && count == 0) {
    window.kind = Kind::rank;
  } else if (name == "dense_rank" && count == 0) {
    window.kind = Kind::dense_rank;
  } else if ((name == "lag" || name == "lead") && count >= 1 && count <= 3) {
    window.kind = name == "lag" ? Kind::lag : Kind::lead;
    take_value();
    if (count > 1) window.arguments[1] = coerce(std::move(window.arguments[1]), TypeRef(Type::int4), CastContext::implicit);
    if (count > 2) window.arguments[2] = coerce(std::move(window.arguments[2]), type, CastContext::implicit);
  } else if ((name == "first_value" || name == "last_value") && count == 1) {
    window.kind = name == "first_value" ? Kind::first_value : Kind::last_value;
    take_value();
  } else if (name == "ntile" && count == 1) {
    window.kind = Kind::ntile;
    window.arguments[0] = coerce(std::move(window.arguments[0]), TypeRef(Type::int4), CastContext::implicit);
    type = Type::int4;
  } else {
    std::vector<TypeRef> types;
    for (const ExprPtr& arg : window.arguments) types.push_back(arg->type);
    try {
      window.call = resolve_function(name, types);
    } catch (SqlError& error) {
      if (error.position == 0) error.position = position;
      throw;
    }
    if (window.call.function->kind != FunctionKind::aggregate) {
      fail("42809", "OVER specified, but " + name + " is not a window function nor an aggregate function", position);
    }
    window.arguments = coerce_arguments(window.call, std::move(window.arguments));
    type = window.call.site.result;
  }
  QueryPlan& plan = *level.plan;
  if (plan.windows.empty()) plan.window_slot = new_slot();
  auto column = std::make_shared<Expr>();
  column->kind = ExprKind::column;
  column->type = type;
  column->slot = plan.window_slot;
  column->column = static_cast<std::uint32_t>(plan.windows.size());
  column->position = position;
  column->name = name;
  plan.windows.push_back(std::move(window));
  return column;
}

ExprPtr Analyzer::engine_call(const EngineFunctionEntry& entry, const PgQuery__FuncCall& call, Level& level) {
  const std::int32_t position = position_of(call.location);
  if (level.clause == Clause::check || level.clause == Clause::index || level.clause == Clause::index_predicate) {
    fail("42P17", "functions in index expression must be marked IMMUTABLE", position);
  }
  auto result = std::make_shared<Expr>();
  result->kind = ExprKind::engine_call;
  result->engine_function = entry.function;
  result->flags = entry.flags;
  result->type = entry.result;
  result->position = position;
  result->name = entry.name;
  for (std::size_t i = 0; i < call.n_args; ++i) {
    if (call.args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) fail_unsupported("named arguments here", position);
    ExprPtr arg = expression(*call.args[i], level);
    const TypeRef from = arg->type;
    const bool takes_name = entry.arguments[i].is(Type::regclass);
    ExprPtr coerced = takes_name && (from.is(Type::regclass) || from.is(Type::text))
                          ? arg
                          : try_coerce(arg, takes_name ? TypeRef(Type::text) : entry.arguments[i], CastContext::implicit);
    if (coerced == nullptr) {
      fail("42883", "function " + std::string(entry.name) + "(" + type_name(from) + ") does not exist", position, {},
           "No function matches the given name and argument types. You might need to add explicit type casts.");
    }
    result->args.push_back(std::move(coerced));
  }
  if (entry.function == EngineFunction::advisory_lock && (entry.flags & 1U) == 0) plan_->has_waiting_call = true;
  if (entry.function == EngineFunction::pg_sleep) plan_->has_waiting_call = true;
  const bool is_of_sequence = entry.function == EngineFunction::nextval || entry.function == EngineFunction::currval || entry.function == EngineFunction::setval;
  if (is_of_sequence && result->args[0]->kind == ExprKind::constant && !result->args[0]->constant.is_null()) {
    const Expr& named = *result->args[0];
    Sequence& sequence = named.type.is(Type::regclass) ? sequence_numbered(naming_, oid_of(named.constant)) : naming_.sequence(named.constant.bytes());
    use_other(sequence.lock, LockMode::row_exclusive);
  }
  switch (entry.function) {
    case EngineFunction::nextval:
    case EngineFunction::setval:
    case EngineFunction::set_config:
    case EngineFunction::advisory_unlock:
    case EngineFunction::advisory_unlock_all:
      has_effect_call_ = true;
      break;
    case EngineFunction::advisory_lock:
      has_lock_call_ = true;
      break;
    default:
      break;
  }
  return result;
}

}  // namespace orrery::sim::database
