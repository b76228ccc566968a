#include <algorithm>

#include "sim/database/analyzer.hpp"
#include "sim/database/catalogs/objects.hpp"
#include "sim/database/knows_nothing.hpp"

namespace orrery::sim::database {
namespace {

std::optional<Comparison> comparison_of(std::string_view name) {
  if (name == "=") return Comparison::equal;
  if (name == "<>" || name == "!=") return Comparison::not_equal;
  if (name == "<") return Comparison::less;
  if (name == "<=") return Comparison::less_equal;
  if (name == ">") return Comparison::greater;
  if (name == ">=") return Comparison::greater_equal;
  return std::nullopt;
}

bool is_integer(TypeRef type) {
  return type.is(Type::int2) || type.is(Type::int4) || type.is(Type::int8);
}

/// Types whose comparison is one of plain 64-bit numbers.
bool compares_as_integer(TypeRef type) {
  return is_integer(type) || type.is(Type::timestamptz) || type.is(Type::timestamp) || type.is(Type::date) ||
         type.is(Type::boolean);
}

bool compares_as_bytes(TypeRef type) {
  return type.is(Type::text) || type.is(Type::varchar) || type.is(Type::uuid) || type.is(Type::bytea);
}

std::string operator_name(Nodes names) {
  if (names.size() > 1 && std::string_view(names[0]->string->sval) != "pg_catalog") {
    fail_unsupported("operators of other schemas");
  }
  return names.back()->string->sval;
}

class WithoutConstants final : public KnowsNothing<EvalContext> {};

}  // namespace

ExprPtr Analyzer::local(std::uint32_t place, TypeRef type) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::local;
  expr->column = place;
  expr->type = type;
  return expr;
}

/// Computes what is constant. What fails is left for run time, where PostgreSQL reports it too.
ExprPtr Analyzer::fold(ExprPtr expr) {
  if (keeps_form_) return expr;
  const bool all_constant = std::all_of(expr->args.begin(), expr->args.end(), [](const ExprPtr& arg) {
    return arg != nullptr && arg->kind == ExprKind::constant;
  });
  if (!all_constant) return expr;
  auto result = std::make_shared<Expr>();
  result->type = expr->type;
  result->position = expr->position;
  try {
    const WithoutConstants context;
    if (expr->kind == ExprKind::cast && !is_stable_cast(expr->cast->from, expr->cast->to)) {
      result->constant = (*expr->cast)(expr->args[0]->constant, &context);
      return result;
    }
    if (expr->kind == ExprKind::array && !expr->negated) {
      std::vector<Value> elements;
      for (const ExprPtr& arg : expr->args) elements.push_back(arg->constant);
      result->constant = make_array(expr->type.element(), std::move(elements));
      return result;
    }
    if (expr->kind == ExprKind::call && expr->function->volatility == Volatility::immutable &&
        expr->function->kind == FunctionKind::scalar) {
      std::vector<Value> arguments;
      for (const ExprPtr& arg : expr->args) arguments.push_back(arg->constant);
      const bool has_null = std::any_of(expr->args.begin(), expr->args.end(),
                                        [](const ExprPtr& arg) { return is_given_null(*arg, arg->constant); });
      if (!(has_null && expr->function->is_strict)) result->constant = expr->function->call(arguments, expr->site, context);
      return result;
    }
  } catch (const SqlError&) {
    return expr;
  } catch (const NotConstant&) {
    return expr;
  }
  return expr;
}

ExprPtr Analyzer::try_coerce(ExprPtr expr, TypeRef target, CastContext context) {
  if (expr->type.is_unknown()) {
    if (target.is_unknown()) return expr;
    if (is_open_parameter(*expr)) {
      set_parameter_type(*expr, target);
      return target.typmod < 0 ? expr : try_coerce(std::move(expr), target, context);
    }
    if (expr->kind == ExprKind::constant) {
      auto result = std::make_shared<Expr>();
      result->type = target;
      result->position = expr->position;
      if (expr->constant.is_null()) return result;
      const TypeRef input = context == CastContext::explicit_ && !keeps_form_ ? target : target.without_typmod();
      try {
        result->constant = is_object_name(target) ? object_named(naming_, target.base, expr->constant.bytes()) : input_text(input, expr->constant.bytes());
      } catch (SqlError& error) {
        if (error.position == 0) error.position = expr->position;
        throw;
      }
      if (input == target) return result;
      result->type = input;
      return try_coerce(std::move(result), target, context);
    }
  }
  const bool is_same = expr->type.same(target) && (target.typmod < 0 || target.typmod == expr->type.typmod);
  if (is_same) return expr;
  const std::optional<Cast> cast = find_cast(expr->type, target, context);
  if (!cast) return nullptr;
  auto result = std::make_shared<Expr>();
  result->type = target;
  result->position = expr->position;
  result->name = expr->name;
  if (cast->is_identity() && !keeps_form_) {
    *result = *expr;
    result->type = target;
    if (expr->kind == ExprKind::parameter) {  // its declared type stays what it is
      result->kind = ExprKind::cast;
      result->cast = cast;
      result->args = {std::move(expr)};
    }
    return result;
  }
  result->kind = ExprKind::cast;
  result->cast = cast;
  result->args.push_back(std::move(expr));
  return fold(std::move(result));
}

ExprPtr Analyzer::coerce(ExprPtr expr, TypeRef target, CastContext context) {
  const TypeRef from = expr->type;
  const std::int32_t position = expr->position;
  ExprPtr result = try_coerce(std::move(expr), target, context);
  if (result == nullptr) {
    fail(context == CastContext::assignment ? "42804" : "42846",
         "cannot cast type " + type_name(from) + " to " + type_name(target), position);
  }
  return result;
}

ExprPtr Analyzer::coerce_to_common(ExprPtr expr, TypeRef target, std::string_view construct) {
  const TypeRef from = expr->type;
  const std::int32_t position = expr->position;
  ExprPtr result = try_coerce(std::move(expr), target, CastContext::implicit);
  if (result == nullptr) {
    fail("42846", std::string(construct) + " could not convert type " + type_name(from) + " to " + type_name(target), position);
  }
  return result;
}

ExprPtr Analyzer::coerce_to_boolean(ExprPtr expr, std::string_view construct) {
  const TypeRef from = expr->type;
  const std::int32_t position = expr->position;
  if (expr->kind == ExprKind::call && expr->function->kind == FunctionKind::set_returning) {
    fail("42804", "argument of " + std::string(construct) + " must not return a set", position);
  }
  ExprPtr result = try_coerce(std::move(expr), TypeRef(Type::boolean), CastContext::assignment);
  if (result == nullptr || !(from.is(Type::boolean) || from.is_unknown())) {
    fail("42804", "argument of " + std::string(construct) + " must be type boolean, not type " + type_name(from), position);
  }
  return result;
}

ExprPtr Analyzer::resolve_unknown(ExprPtr expr) {
  if (!expr->type.is_unknown()) return expr;
  return coerce(std::move(expr), TypeRef(Type::text), CastContext::implicit);
}

ExprPtr Analyzer::make_operator(std::string_view name, ExprPtr left, ExprPtr right, std::int32_t position) {
  ResolvedCall call;
  try {
    call = resolve_operator(name, left == nullptr ? std::nullopt : std::optional(left->type), right->type);
  } catch (SqlError& error) {
    if (error.position == 0) error.position = position;
    throw;
  }
  std::vector<ExprPtr> args;
  if (left != nullptr) args.push_back(std::move(left));
  args.push_back(std::move(right));
  args = coerce_arguments(call, std::move(args));
  const auto comparison = comparison_of(name);
  if (comparison && args.size() == 2) {
    const TypeRef a = args[0]->type;
    const TypeRef b = args[1]->type;
    const bool both_integers = (is_integer(a) && is_integer(b)) || (a.same(b) && compares_as_integer(a));
    const bool is_equality = *comparison == Comparison::equal || *comparison == Comparison::not_equal;
    const CompareFunction compare = a.same(b) ? compare_function(a) : nullptr;
    if (both_integers || compare != nullptr) {
      auto result = std::make_shared<Expr>();
      result->kind = both_integers                                          ? ExprKind::compare_integers
                     : is_equality && compares_as_bytes(a) && a.same(b) ? ExprKind::compare_bytes_equal
                                                                          : ExprKind::compare;
      result->comparison = *comparison;
      result->compare_by = compare;
      result->type = Type::boolean;
      result->position = position;
      result->args = std::move(args);
      return result;
    }
  }
  auto result = std::make_shared<Expr>();
  result->kind = ExprKind::call;
  result->function = call.function;
  result->site = std::move(call.site);
  result->type = result->site.result;
  result->position = position;
  result->args = std::move(args);
  return fold(std::move(result));
}

ExprPtr Analyzer::make_row_comparison(std::string_view name, const PgQuery__RowExpr& left, const PgQuery__RowExpr& right,
                                      Level& level, std::int32_t position) {
  const auto comparison = comparison_of(name);
  if (!comparison && name.starts_with('~') && name.ends_with('~') && name.size() > 2) fail_unsupported("rows compared by " + std::string(name), position);
  if (!comparison) fail("0A000", "could not determine interpretation of row comparison operator " + std::string(name), position);
  if (left.n_args != right.n_args) fail("42601", "unequal number of entries in row expressions", position);
  if (left.n_args == 0) fail("0A000", "cannot compare rows of zero length", position);
  auto result = std::make_shared<Expr>();
  result->kind = ExprKind::row_compare;
  result->comparison = *comparison;
  result->type = Type::boolean;
  result->position = position;
  const bool is_equality = *comparison == Comparison::equal || *comparison == Comparison::not_equal;
  for (std::size_t i = 0; i < left.n_args; ++i) {
    ExprPtr a = expression(*left.args[i], level);
    ExprPtr b = expression(*right.args[i], level);
    ExprPtr ordered = make_operator(is_equality ? "=" : name, a, b, position);
    ExprPtr equal = is_equality ? ordered : nullptr;
    if (!is_equality) {
      // Operands may have got their types by now.
      equal = make_operator("=", ordered->args[0], ordered->args[1], position);
      // Before the last pair `<=` means `<` once the pair differs: keep the operator, equality was ruled out.
    }
    result->args.push_back(std::move(equal));
    result->args.push_back(std::move(ordered));
  }
  if (*comparison == Comparison::equal) {
    // An AND of equalities: indexes can use each of them.
    std::vector<ExprPtr> parts;
    for (std::size_t i = 0; i < result->args.size(); i += 2) parts.push_back(result->args[i]);
    return make_and(std::move(parts));
  }
  return result;
}

ExprPtr Analyzer::operator_expression(const PgQuery__AExpr& expr, Level& level) {
  const std::int32_t position = position_of(expr.location);
  const std::string name = operator_name(Nodes(expr.name, expr.n_name));
  switch (expr.kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP: {
      if (expr.lexpr != nullptr && expr.lexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR &&
          expr.rexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        return make_row_comparison(name, *expr.lexpr->row_expr, *expr.rexpr->row_expr, level, position);
      }
      if (expr.lexpr != nullptr && expr.lexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR &&
          expr.rexpr->node_case == PG_QUERY__NODE__NODE_SUB_LINK) {
        fail_unsupported("comparison of a row with a subquery", position);
      }
      ExprPtr left = expression_or_null(expr.lexpr, level);
      ExprPtr right = expression(*expr.rexpr, level);
      return make_operator(name, std::move(left), std::move(right), position);
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
      return any_array(expr, level);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
      return in_list(expr, level);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT: {
      ExprPtr left = expression(*expr.lexpr, level);
      ExprPtr right = expression(*expr.rexpr, level);
      if (left->type.is(Type::record) || right->type.is(Type::record)) {
        fail_unsupported("IS DISTINCT FROM of rows", position);
      }
      const ExprPtr equal = make_operator("=", std::move(left), std::move(right), position);
      auto result = std::make_shared<Expr>();
      result->kind = ExprKind::distinct;
      result->negated = expr.kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT;
      result->type = Type::boolean;
      result->position = position;
      result->column = new_locals(2);
      auto over_locals = std::make_shared<Expr>(*equal);
      result->args = {equal->kind == ExprKind::constant ? nullptr : equal->args[0],
                      equal->kind == ExprKind::constant ? nullptr : equal->args[1], nullptr};
      if (equal->kind == ExprKind::constant) {  // two constants: decided already
        if (equal->constant.is_null()) fail_unsupported("IS DISTINCT FROM of constants", position);
        result = std::make_shared<Expr>(*equal);
        result->constant = Value::boolean(equal->constant.boolean() == (expr.kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT));
        return result;
      }
      over_locals->args = {local(result->column, equal->args[0]->type), local(result->column + 1, equal->args[1]->type)};
      result->args[2] = std::move(over_locals);
      return result;
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: {
      ExprPtr left = expression(*expr.lexpr, level);
      ExprPtr right = expression(*expr.rexpr, level);
      auto result = std::make_shared<Expr>();
      result->kind = ExprKind::nullif;
      result->position = position;
      result->column = new_locals(2);
      const ResolvedCall call = resolve_operator("=", left->type, right->type);
      std::vector<ExprPtr> args = coerce_arguments(call, {left, right});
      result->args = {args[0], make_operator("=", local(result->column, args[0]->type), local(result->column + 1, args[1]->type), position),
                      args[1]};
      result->type = args[0]->type;
      return result;
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: {
      ExprPtr left = expression(*expr.lexpr, level);
      ExprPtr right = expression(*expr.rexpr, level);
      return make_operator(name, std::move(left), std::move(right), position);
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
      fail_unsupported("SIMILAR TO", position);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN: {
      const PgQuery__List& bounds = *expr.rexpr->list;
      const ExprPtr value = expression(*expr.lexpr, level);
      ExprPtr low = make_operator(">=", value, expression(*bounds.items[0], level), position);
      const ExprPtr again = is_open_parameter(*value) ? value : expression(*expr.lexpr, level);
      ExprPtr high = make_operator("<=", again, expression(*bounds.items[1], level), position);
      ExprPtr both = make_and({std::move(low), std::move(high)});
      return expr.kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN ? both : make_not(std::move(both));
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
      fail_unsupported("BETWEEN SYMMETRIC", position);
    default:
      fail_unsupported("this operator", position);
  }
}

ExprPtr Analyzer::in_list(const PgQuery__AExpr& expr, Level& level) {
  const std::int32_t position = position_of(expr.location);
  const bool negated = operator_name(Nodes(expr.name, expr.n_name)) == "<>";
  const PgQuery__List& list = *expr.rexpr->list;
  if (expr.lexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
    auto any = std::make_shared<Expr>();
    any->kind = ExprKind::or_;
    any->type = Type::boolean;
    for (const Node* item : Nodes(list.items, list.n_items)) {
      if (item->node_case != PG_QUERY__NODE__NODE_ROW_EXPR) fail_unsupported("IN of rows and other values", position);
      any->args.push_back(make_row_comparison("=", *expr.lexpr->row_expr, *item->row_expr, level, position));
    }
    return negated ? make_not(std::move(any)) : ExprPtr(any);
  }
  ExprPtr value = expression(*expr.lexpr, level);
  std::vector<ExprPtr> items;
  std::vector<TypeRef> types{value->type};
  for (const Node* item : Nodes(list.items, list.n_items)) {
    items.push_back(expression(*item, level));
    types.push_back(items.back()->type);
  }
  std::optional<TypeRef> type;
  try {
    type = common_type(types, "IN");
  } catch (const SqlError&) {
    type.reset();  // each item is compared by its own operator
  }
  const bool has_order = type && equal_function(*type) != nullptr && !type->is(Type::record);
  if (has_order && items.size() > 1) {
    auto result = std::make_shared<Expr>();
    result->kind = ExprKind::in_list;
    result->negated = negated;
    result->type = Type::boolean;
    result->position = position;
    result->equal_by = equal_function(*type);
    value = try_coerce(std::move(value), *type, CastContext::implicit);
    bool fits = value != nullptr;
    if (fits) result->args.push_back(value);
    for (ExprPtr& item : items) {
      ExprPtr coerced = fits ? try_coerce(item, *type, CastContext::implicit) : nullptr;
      fits = fits && coerced != nullptr;
      if (fits) result->args.push_back(std::move(coerced));
    }
    if (fits) return result;
    value = expression(*expr.lexpr, level);
  }
  auto any = std::make_shared<Expr>();
  any->kind = negated ? ExprKind::and_ : ExprKind::or_;
  any->type = Type::boolean;
  any->position = position;
  for (ExprPtr& item : items) any->args.push_back(make_operator(negated ? "<>" : "=", value, std::move(item), position));
  if (any->args.size() == 1) return any->args.front();
  return any;
}

ExprPtr Analyzer::any_array(const PgQuery__AExpr& expr, Level& level) {
  const std::int32_t position = position_of(expr.location);
  const std::string name = operator_name(Nodes(expr.name, expr.n_name));
  ExprPtr value = expression(*expr.lexpr, level);
  ExprPtr array = expression(*expr.rexpr, level);
  if (array->type.is_unknown()) {
    // A literal or parameter: an array of the other side's type.
    const TypeRef element = value->type.is_unknown() ? TypeRef(Type::text) : value->type.without_typmod();
    array = coerce(std::move(array), element.array(), CastContext::implicit);
  }
  if (!array->type.is_array) fail("42809", "op ANY/ALL (array) requires array on right side", position);
  auto result = std::make_shared<Expr>();
  result->kind = ExprKind::any_array;
  result->negated = expr.kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL;
  result->comparison = comparison_of(name).value_or(Comparison::not_equal);
  result->type = Type::boolean;
  result->position = position;
  result->column = new_locals(2);
  const TypeRef element = array->type.element();
  ResolvedCall call;
  try {
    call = resolve_operator(name, value->type, element);
  } catch (SqlError& error) {
    if (error.position == 0) error.position = position;
    throw;
  }
  if (!call.site.result.is(Type::boolean)) fail("42809", "op ANY/ALL (array) requires operator to yield boolean", position);
  value = coerce(std::move(value), call.site.arguments[0].is_unknown() ? element : call.site.arguments[0], CastContext::implicit);
  const TypeRef wanted = call.site.arguments[1];
  if (!wanted.is_unknown() && !wanted.is_array && !element.same(wanted) && !is_polymorphic(wanted.base)) {
    array = coerce(std::move(array), wanted.array(), CastContext::implicit);
  }
  const TypeRef value_type = value->type;
  const TypeRef element_type = array->type.element();
  ExprPtr comparison = make_operator(name, local(result->column, value_type), local(result->column + 1, element_type), position);
  if (value_type.same(element_type) || (is_integer(value_type) && is_integer(element_type))) {
    result->equal_by = equal_function(value_type);
  }
  result->args = {std::move(value), std::move(array), std::move(comparison)};
  return result;
}

ExprPtr Analyzer::in_subquery(const PgQuery__SubLink& link, Level& level) {
  const std::int32_t position = position_of(link.location);
  const bool is_all = link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK;
  const std::string name = link.n_oper_name == 0 ? "=" : operator_name(Nodes(link.oper_name, link.n_oper_name));
  std::vector<ExprPtr> left;
  if (link.testexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
    const PgQuery__RowExpr& row = *link.testexpr->row_expr;
    if (name != "=") fail_unsupported("comparison of rows with a subquery by " + name, position);
    for (const Node* arg : Nodes(row.args, row.n_args)) left.push_back(expression(*arg, level));
  } else {
    left.push_back(expression(*link.testexpr, level));
  }
  std::shared_ptr<QueryPlan> query = select(*link.subselect->select_stmt, &level);
  if (query->visible < left.size()) fail("42601", "subquery has too few columns", position);
  if (query->visible > left.size()) fail("42601", "subquery has too many columns", position);
  if (!query->marks.empty()) {
    const bool may_run_again = !is_all && name == "=" && query->limit != nullptr;
    query = run_first(std::move(query));
    plan_->steps.back().may_run_again = may_run_again;
  }
  auto result = std::make_shared<Expr>();
  result->kind = ExprKind::in_subquery;
  result->negated = is_all;
  result->type = Type::boolean;
  result->position = position;
  result->column = new_locals(2);
  std::vector<ExprPtr> comparisons;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const TypeRef right_type = query->types[i];
    ResolvedCall call;
    try {
      call = resolve_operator(name, left[i]->type, right_type);
    } catch (SqlError& error) {
      if (error.position == 0) error.position = position;
      throw;
    }
    if (left[i]->type.is_unknown()) left[i] = coerce(std::move(left[i]), call.site.arguments[0], CastContext::implicit);
    const TypeRef left_type = left[i]->type;
    comparisons.push_back(make_operator(name, local(result->column, left_type), local(result->column + 1, right_type), position));
    const bool hashes_alike = left_type.same(right_type) || (is_integer(left_type) && is_integer(right_type));
    if (left.size() == 1 && name == "=" && hashes_alike && !is_all) result->equal_by = equal_function(left_type);
  }
  result->args = std::move(left);
  for (ExprPtr& comparison : comparisons) result->args.push_back(std::move(comparison));
  result->cache = plan_->caches++;
  result->query = std::move(query);
  return result;
}

}  // namespace orrery::sim::database
