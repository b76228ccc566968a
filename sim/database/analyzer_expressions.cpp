#include <algorithm>
#include <charconv>
#include <cstdint>

#include "sim/database/analyzer.hpp"
#include "sim/database/make_expr.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::uint32_t kMaxExpressionDepth = 1000;

class Depth {
 public:
  explicit Depth(std::uint32_t& depth) : depth_(depth) {
    if (++depth_ > kMaxExpressionDepth) {
      --depth_;
      fail("54001", "stack depth limit exceeded");
    }
  }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;
  ~Depth() { --depth_; }

 private:
  std::uint32_t& depth_;
};

}  // namespace

ExprPtr Analyzer::expression_or_null(const Node* node, Level& level) {
  return node == nullptr ? nullptr : expression(*node, level);
}

ExprPtr Analyzer::expression(const Node& node, Level& level) {
  const Depth guard(depth_);
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
      return constant(*node.a_const);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
      return column_reference(*node.column_ref, level);
    case PG_QUERY__NODE__NODE_PARAM_REF:
      return parameter(*node.param_ref);
    case PG_QUERY__NODE__NODE_A_EXPR:
      return operator_expression(*node.a_expr, level);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
      return boolean_expression(*node.bool_expr, level);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
      return function_call(*node.func_call, level);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
      return type_cast(*node.type_cast, level);
    case PG_QUERY__NODE__NODE_SUB_LINK:
      return sublink(*node.sub_link, level);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
      return case_expression(*node.case_expr, level);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: {
      const PgQuery__CoalesceExpr& coalesce = *node.coalesce_expr;
      std::vector<ExprPtr> args;
      for (const Node* arg : Nodes(coalesce.args, coalesce.n_args)) args.push_back(expression(*arg, level));
      return common(std::move(args), ExprKind::coalesce, "COALESCE", position_of(coalesce.location));
    }
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
      const PgQuery__MinMaxExpr& extreme = *node.min_max_expr;
      const bool greatest = extreme.op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
      std::vector<ExprPtr> args;
      for (const Node* arg : Nodes(extreme.args, extreme.n_args)) args.push_back(expression(*arg, level));
      return common(std::move(args), greatest ? ExprKind::greatest : ExprKind::least, greatest ? "GREATEST" : "LEAST",
                    position_of(extreme.location));
    }
    case PG_QUERY__NODE__NODE_NULL_TEST:
      return null_test(*node.null_test, level);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
      return boolean_test(*node.boolean_test, level);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      return sql_value_function(*node.sqlvalue_function);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return array_expression(*node.a_array_expr, level, TypeRef());
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      return row_expression(*node.row_expr, level);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
      return indirection(*node.a_indirection, level);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: {
      const PgQuery__CollateClause& collate = *node.collate_clause;
      const std::string_view name = collate.collname[collate.n_collname - 1]->string->sval;
      // Text compares byte by byte, as under this one.
      if (name != "C" && name != "default") fail_unsupported("COLLATE " + in_quotes(name), position_of(collate.location));
      ExprPtr operand = expression(*collate.arg, level);
      if (!operand->type.is_unknown() && category_of(operand->type.element()) != TypeCategory::string) {
        fail("42804", "collations are not supported by type " + type_name(operand->type), position_of(collate.location));
      }
      if (!keeps_form_) return operand;
      if (operand->type.is_unknown()) fail_unsupported("COLLATE of a literal that is read back", position_of(collate.location));
      auto collated = make_expr(ExprKind::collated, operand->type, collate.location);
      collated->name = name;
      collated->args.push_back(std::move(operand));
      return collated;
    }
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
      fail("42601", "DEFAULT is not allowed in this context", position_of(node.set_to_default->location));
    case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
      fail_unsupported("WHERE CURRENT OF");
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
      fail_unsupported("GROUPING");
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE:
      fail_unsupported("XML");
    case PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF:
      fail_unsupported("UPDATE … SET (…) = (SELECT …)");
    default:
      fail_unsupported("this expression");
  }
}

ExprPtr Analyzer::condition(const Node& node, Level& level, std::string_view construct) {
  return coerce_to_boolean(expression(node, level), construct);
}

ExprPtr Analyzer::constant(const PgQuery__AConst& constant) {
  auto expr = make_expr(ExprKind::constant, TypeRef(), constant.location);
  if (constant.isnull) return expr;
  switch (constant.val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      expr->type = Type::int4;
      expr->constant = Value::integer(constant.ival->ival);
      return expr;
    case PG_QUERY__A__CONST__VAL_FVAL: {
      const std::string_view text = constant.fval->fval;
      // The grammar has put the minus of a number into it, so that -2147483648 is an integer.
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool is_integer = error == std::errc{} && end == text.data() + text.size();
      expr->type = !is_integer                                     ? Type::numeric
                   : number >= INT32_MIN && number <= INT32_MAX ? Type::int4
                                                                   : Type::int8;
      expr->constant = input_text(expr->type, text);
      return expr;
    }
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      expr->type = Type::boolean;
      expr->constant = Value::boolean(constant.boolval->boolval);
      return expr;
    case PG_QUERY__A__CONST__VAL_SVAL:
      expr->constant = Value::bytes(constant.sval->sval);
      return expr;
    case PG_QUERY__A__CONST__VAL_BSVAL:
      fail_unsupported("bit strings", position_of(constant.location));
    default:
      return expr;  // an integer zero is sent without its value
  }
}

ExprPtr Analyzer::parameter(const PgQuery__ParamRef& ref) {
  if (ref.number <= 0 || ref.number > 1000) {
    fail("42P02", "there is no parameter $" + std::to_string(ref.number), position_of(ref.location));
  }
  const auto index = static_cast<std::uint32_t>(ref.number - 1);
  if (plan_->parameters.size() <= index) plan_->parameters.resize(index + 1);
  auto expr = make_expr(ExprKind::parameter, plan_->parameters[index], ref.location);
  expr->column = index;
  parameter_uses_.push_back(expr);
  return expr;
}

bool Analyzer::is_open_parameter(const Expr& expr) const {
  return expr.kind == ExprKind::parameter && expr.type.is_unknown();
}

void Analyzer::set_parameter_type(const Expr& parameter, TypeRef type) {
  type = type.without_typmod();
  TypeRef& decided = plan_->parameters[parameter.column];
  if (decided.is_unknown()) {
    decided = type;
  } else if (!decided.same(type)) {
    fail("42P08", "inconsistent types deduced for parameter $" + std::to_string(parameter.column + 1), parameter.position,
         type_name(decided) + " versus " + type_name(type));
  }
  for (const auto& use : parameter_uses_) {
    if (use.get() == &parameter) use->type = type;
  }
}

ExprPtr Analyzer::type_cast(const PgQuery__TypeCast& cast, Level& level) {
  const TypeRef target = naming_.type(*cast.type_name);
  ExprPtr arg;
  if (cast.arg->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR && target.is_array) {
    arg = array_expression(*cast.arg->a_array_expr, level, target.element().without_typmod());
  } else {
    arg = expression(*cast.arg, level);
  }
  const TypeRef from = arg->type;
  ExprPtr result = try_coerce(std::move(arg), target, CastContext::explicit_);
  if (result == nullptr) {
    refuse_unsimulated_cast(from, target);
    fail("42846", "cannot cast type " + type_name(from) + " to " + type_name(target), position_of(cast.location));
  }
  return result;
}

ExprPtr Analyzer::boolean_expression(const PgQuery__BoolExpr& expr, Level& level) {
  const char* construct = expr.boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR  ? "AND"
                          : expr.boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? "OR"
                                                                             : "NOT";
  std::vector<ExprPtr> args;
  for (const Node* arg : Nodes(expr.args, expr.n_args)) args.push_back(condition(*arg, level, construct));
  if (expr.boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR) return make_not(std::move(args.front()));
  if (expr.boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) return make_and(std::move(args));
  auto result = make_expr(ExprKind::or_, TypeRef(Type::boolean), expr.location);
  result->args = std::move(args);
  return result;
}

ExprPtr Analyzer::make_and(std::vector<ExprPtr> args) {
  if (args.size() == 1) return std::move(args.front());
  auto result = make_expr(ExprKind::and_, TypeRef(Type::boolean), -1);
  result->args = std::move(args);
  return result;
}

ExprPtr Analyzer::make_not(ExprPtr arg) {
  auto result = make_expr(ExprKind::not_, TypeRef(Type::boolean), -1);
  result->args.push_back(std::move(arg));
  return result;
}

ExprPtr Analyzer::case_expression(const PgQuery__CaseExpr& expr, Level& level) {
  auto result = make_expr(ExprKind::case_, TypeRef(), expr.location);
  std::vector<ExprPtr> conditions;
  std::vector<ExprPtr> results;
  ExprPtr operand;
  if (expr.arg != nullptr) {
    operand = resolve_unknown(expression(*expr.arg, level));
    result->truth = 1;
    result->column = new_locals(1);
  }
  for (const Node* node : Nodes(expr.args, expr.n_args)) {
    const PgQuery__CaseWhen& when = *node->case_when;
    if (operand != nullptr) {
      ExprPtr value = expression(*when.expr, level);
      conditions.push_back(make_operator("=", local(result->column, operand->type), std::move(value), position_of(when.location)));
    } else {
      conditions.push_back(condition(*when.expr, level, "CASE/WHEN"));
    }
    results.push_back(expression(*when.result, level));
  }
  if (expr.defresult != nullptr) results.push_back(expression(*expr.defresult, level));
  // PostgreSQL looks at ELSE first when it chooses the type.
  std::vector<TypeRef> types;
  if (expr.defresult != nullptr) types.push_back(results.back()->type);
  for (std::size_t i = 0; i < conditions.size(); ++i) types.push_back(results[i]->type);
  result->type = common_type(types, "CASE");
  if (expr.defresult != nullptr) results.back() = coerce_to_common(std::move(results.back()), result->type, "CASE/ELSE");
  for (std::size_t i = 0; i < conditions.size(); ++i) results[i] = coerce_to_common(std::move(results[i]), result->type, "CASE/WHEN");
  if (operand != nullptr) result->args.push_back(std::move(operand));
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    result->args.push_back(std::move(conditions[i]));
    result->args.push_back(std::move(results[i]));
  }
  result->args.push_back(expr.defresult != nullptr ? std::move(results.back()) : nullptr);
  return result;
}

ExprPtr Analyzer::common(std::vector<ExprPtr> args, ExprKind kind, std::string_view construct, std::int32_t position) {
  std::vector<TypeRef> types;
  for (const ExprPtr& arg : args) types.push_back(arg->type);
  auto result = make_expr(kind, TypeRef(), -1);
  result->position = position;
  try {
    result->type = common_type(types, construct);
  } catch (SqlError& error) {
    if (error.position == 0) error.position = position;
    throw;
  }
  for (ExprPtr& arg : args) result->args.push_back(coerce_to_common(std::move(arg), result->type, construct));
  if (kind == ExprKind::greatest || kind == ExprKind::least) {
    result->compare_by = compare_function(result->type);
    if (result->compare_by == nullptr) {
      fail("42883", "could not identify a comparison function for type " + type_name(result->type), position);
    }
  }
  return result;
}

ExprPtr Analyzer::null_test(const PgQuery__NullTest& test, Level& level) {
  auto result = make_expr(ExprKind::is_null, TypeRef(Type::boolean), test.location);
  ExprPtr arg = expression(*test.arg, level);
  result->truth = arg->type.is(Type::record) ? 1 : 0;
  result->negated = test.nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
  result->args.push_back(std::move(arg));
  return result;
}

ExprPtr Analyzer::boolean_test(const PgQuery__BooleanTest& test, Level& level) {
  auto result = make_expr(ExprKind::is_boolean, TypeRef(Type::boolean), test.location);
  const char* construct = "IS TRUE";
  switch (test.booltesttype) {
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE:
      result->negated = true;
      [[fallthrough]];
    case PG_QUERY__BOOL_TEST_TYPE__IS_TRUE:
      result->truth = 1;
      break;
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE:
      result->negated = true;
      [[fallthrough]];
    case PG_QUERY__BOOL_TEST_TYPE__IS_FALSE:
      construct = "IS FALSE";
      break;
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN:
      result->negated = true;
      [[fallthrough]];
    default:
      result->truth = -1;
      construct = "IS UNKNOWN";
      break;
  }
  result->args.push_back(condition(*test.arg, level, construct));
  return result;
}

ExprPtr Analyzer::array_expression(const PgQuery__AArrayExpr& array, Level& level, TypeRef element) {
  auto result = make_expr(ExprKind::array, TypeRef(), array.location);
  std::vector<ExprPtr> args;
  std::vector<TypeRef> types;
  for (const Node* node : Nodes(array.elements, array.n_elements)) {
    if (node->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR) {
      args.push_back(array_expression(*node->a_array_expr, level, element));
    } else {
      args.push_back(expression(*node, level));
    }
    types.push_back(args.back()->type);
  }
  if (args.empty() && element.is_unknown()) {
    fail("42P18", "cannot determine type of empty array", position_of(array.location), {},
         "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
  }
  const bool is_nested = !types.empty() && types.front().is_array;
  TypeRef type = element;
  if (is_nested) {
    type = types.front();
  } else if (element.is_unknown()) {
    type = common_type(types, "ARRAY");
  }
  for (ExprPtr& arg : args) {
    result->args.push_back(element.is_unknown() ? coerce_to_common(std::move(arg), type, "ARRAY")
                                                : coerce(std::move(arg), type, CastContext::explicit_));
  }
  result->negated = is_nested;
  result->type = is_nested ? type : type.array();
  const bool is_constant = std::all_of(result->args.begin(), result->args.end(),
                                       [](const ExprPtr& arg) { return arg->kind == ExprKind::constant; });
  return is_constant ? fold(result) : result;
}

ExprPtr Analyzer::row_expression(const PgQuery__RowExpr& row, Level& level) {
  auto result = make_expr(ExprKind::row, TypeRef(Type::record), row.location);
  auto shape = std::make_shared<RecordShape>();
  for (const Node* arg : Nodes(row.args, row.n_args)) {
    result->args.push_back(resolve_unknown(expression(*arg, level)));
    shape->names.push_back("f" + std::to_string(result->args.size()));
    shape->types.push_back(result->args.back()->type);
  }
  result->shape = std::move(shape);
  return result;
}

ExprPtr Analyzer::indirection(const PgQuery__AIndirection& node, Level& level) {
  ExprPtr value = expression(*node.arg, level);
  bool is_subscripting = false;
  for (const Node* step : Nodes(node.indirection, node.n_indirection)) {
    if (step->node_case != PG_QUERY__NODE__NODE_A_INDICES) fail_unsupported("a field of a composite value");
    const PgQuery__AIndices& indices = *step->a_indices;
    if (indices.is_slice) fail_unsupported("array slices");
    if (!value->type.is_array && !is_subscripting) {
      if (value->type.is(Type::jsonb)) {
        // A path of one step, of which the number of an array's element is a text, too.
        ExprPtr key = resolve_unknown(expression(*indices.uidx, level));
        const TypeRef key_type = key->type;
        if (!key_type.is(Type::text) && !key_type.is(Type::int4) && !key_type.is(Type::int2)) fail_unsupported("a jsonb subscript of type " + type_name(key_type));
        auto path = make_expr(ExprKind::array, TypeRef(Type::text).array(), -1);
        path->args.push_back(coerce(std::move(key), TypeRef(Type::text), CastContext::explicit_));
        value = make_operator("#>", std::move(value), fold(std::move(path)), 0);
        continue;
      }
      fail("42804", "cannot subscript type " + type_name(value->type) + " because it does not support subscripting");
    }
    auto subscript = make_expr(ExprKind::subscript, value->type.element(), -1);
    ExprPtr place = try_coerce(expression(*indices.uidx, level), TypeRef(Type::int4), CastContext::assignment);
    if (place == nullptr) fail("42804", "array subscript must have type integer");
    if (is_subscripting) {  // one more dimension of the same array
      if (value->args.size() > 6) fail("54000", "number of array dimensions (" + std::to_string(value->args.size()) + ") exceeds the maximum allowed (6)");
      subscript->args = value->args;
      subscript->type = value->type;
    } else {
      subscript->args.push_back(std::move(value));
    }
    subscript->args.push_back(std::move(place));
    value = std::move(subscript);
    is_subscripting = true;
  }
  return value;
}

ExprPtr Analyzer::sublink(const PgQuery__SubLink& link, Level& level) {
  if (level.clause == Clause::execute) fail("0A000", "cannot use subquery in EXECUTE parameter", position_of(link.location));
  if (level.clause == Clause::check || level.clause == Clause::default_ || level.clause == Clause::index ||
      level.clause == Clause::index_predicate || level.clause == Clause::generation) {
    const char* where = level.clause == Clause::check      ? "check constraint"
                        : level.clause == Clause::generation ? "column generation expression"
                        : level.clause == Clause::default_ ? "DEFAULT expression"
                        : level.clause == Clause::index    ? "index expression"
                                                           : "index predicate";
    fail("0A000", std::string("cannot use subquery in ") + where, position_of(link.location));
  }
  if (link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK ||
      link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK) {
    return in_subquery(link, level);
  }
  std::shared_ptr<QueryPlan> query = select(*link.subselect->select_stmt, &level);
  auto result = make_expr(ExprKind::exists, TypeRef(Type::boolean), link.location);
  switch (link.sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
      break;
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
      if (query->visible != 1) fail("42601", "subquery must return only one column", position_of(link.location));
      if (link.sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) {
        result->kind = ExprKind::scalar_subquery;
        result->type = query->types[0];
      } else {
        result->kind = ExprKind::array_subquery;
        if (query->types[0].is_array) fail_unsupported("ARRAY(SELECT …) of arrays", position_of(link.location));
        result->type = query->types[0].array();
      }
      break;
    default:
      fail_unsupported("this kind of subquery", position_of(link.location));
  }
  if (!query->marks.empty()) query = run_first(std::move(query));
  result->query = std::move(query);
  result->cache = plan_->caches++;
  return result;
}

namespace {

/// A stand-in with the spelling as its name.
ExprPtr written_as(const PgQuery__SQLValueFunction& function) {
  const auto named = [](TypeRef type, std::string name) {
    auto expr = make_expr(ExprKind::local, type, -1);
    expr->name = std::move(name);
    return expr;
  };
  const std::string decimals = "(" + std::to_string(function.typmod) + ")";
  switch (function.op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
      return named(TypeRef(Type::date), "CURRENT_DATE");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
      return named(TypeRef(Type::timestamptz), "CURRENT_TIMESTAMP");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
      return named(TypeRef(Type::timestamptz, function.typmod), "CURRENT_TIMESTAMP" + decimals);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
      return named(TypeRef(Type::time), "LOCALTIME");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
      return named(TypeRef(Type::timestamp), "LOCALTIMESTAMP");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
      return named(TypeRef(Type::timestamp, function.typmod), "LOCALTIMESTAMP" + decimals);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
      return named(TypeRef(Type::name), "CURRENT_ROLE");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
      return named(TypeRef(Type::name), "CURRENT_USER");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
      return named(TypeRef(Type::name), "USER");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
      return named(TypeRef(Type::name), "SESSION_USER");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
      return named(TypeRef(Type::name), "CURRENT_CATALOG");
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
      return named(TypeRef(Type::name), "CURRENT_SCHEMA");
    default:
      fail_unsupported("this function");
  }
}

}  // namespace

ExprPtr Analyzer::sql_value_function(const PgQuery__SQLValueFunction& function) {
  const auto call = [&](std::string_view name, TypeRef target, std::int32_t typmod) -> ExprPtr {
    const ResolvedCall resolved = resolve_function(name, {});
    ExprPtr value = resolved_call(resolved, {}, position_of(function.location));
    if (!value->type.same(target)) value = coerce(std::move(value), target, CastContext::explicit_);
    if (typmod < 0) return value;
    target.typmod = typmod;
    return coerce(std::move(value), target, CastContext::explicit_);
  };
  if (keeps_form_) return written_as(function);
  switch (function.op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
      return call("now", TypeRef(Type::timestamptz), -1);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N:
      return call("now", TypeRef(Type::timestamptz), function.typmod);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
      return call("now", TypeRef(Type::timestamp), -1);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N:
      return call("now", TypeRef(Type::timestamp), function.typmod);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
      return call("now", TypeRef(Type::date), -1);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
      return call("now", TypeRef(Type::time), -1);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG: {
      auto expr = make_expr(ExprKind::engine_call, TypeRef(Type::name), function.location);
      expr->engine_function = function.op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA
                                  ? EngineFunction::current_schema
                              : function.op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG
                                  ? EngineFunction::current_database
                                  : EngineFunction::current_user;
      return expr;
    }
    default:
      fail_unsupported("CURRENT_TIME", position_of(function.location));
  }
}

}  // namespace orrery::sim::database
