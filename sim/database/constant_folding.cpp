#include "sim/database/constant_folding.hpp"

#include <algorithm>
#include <utility>

#include "sim/database/execution.hpp"
#include "sim/database/knows_nothing.hpp"

namespace orrery::sim::database {
namespace {

/// Knows neither time nor settings nor rows.
class ConstantExecution final : public KnowsNothing<Execution> {
 public:
  explicit ConstantExecution(std::size_t count) { locals.resize(count); }
};

bool is_constant(const ExprPtr& expr) { return expr->kind == ExprKind::constant; }
bool is_constant_null(const ExprPtr& expr) { return is_constant(expr) && expr->truth != kLeftOut && expr->constant.is_null(); }

ExprPtr constant_like(const Expr& expr, Value value) {
  auto result = std::make_shared<Expr>();
  result->type = expr.type;
  result->position = expr.position;
  result->constant = std::move(value);
  return result;
}

/// NULL if any argument is.
bool is_strict(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::compare:
    case ExprKind::compare_integers:
    case ExprKind::compare_bytes_equal:
    case ExprKind::cast:
    case ExprKind::not_:
      return true;
    case ExprKind::call:
      return expr.function->is_strict && expr.function->kind == FunctionKind::scalar;
    default:
      return false;
  }
}

/// Can be computed once all arguments but those over locals are constants.
bool may_be_computed(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::call:
      if (expr.function->kind != FunctionKind::scalar) return false;
      // `text || any` is written in SQL: what counts is how its other operand turns into text.
      if (expr.function->name == "||" && expr.function->volatility == Volatility::stable) {
        return std::none_of(expr.args.begin(), expr.args.end(), [](const ExprPtr& arg) { return is_stable_cast(arg->type, TypeRef(Type::text)); });
      }
      return expr.function->volatility == Volatility::immutable;
    case ExprKind::cast:
      return !is_stable_cast(expr.cast->from, expr.cast->to);
    case ExprKind::compare:
    case ExprKind::compare_integers:
    case ExprKind::compare_bytes_equal:
    case ExprKind::not_:
    case ExprKind::distinct:
    case ExprKind::is_null:
    case ExprKind::is_boolean:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::nullif:
    case ExprKind::array:
    case ExprKind::any_array:
    case ExprKind::in_list:
    case ExprKind::subscript:
      return true;
    default:
      return false;
  }
}

/// An argument that is a comparison over the expression's own locals.
bool is_over_locals(const Expr& expr, std::size_t argument) {
  switch (expr.kind) {
    case ExprKind::distinct:
    case ExprKind::any_array:
      return argument == 2;
    case ExprKind::nullif:
      return argument == 1;
    default:
      return false;
  }
}

class Folder {
 public:
  explicit Folder(std::size_t locals) : execution_(locals) {}

  void query(QueryPlan& plan) {
    if (std::find(seen_.begin(), seen_.end(), &plan) != seen_.end()) return;
    seen_.push_back(&plan);
    all(plan.outputs);
    for (AggregateCall& call : plan.aggregates) {
      all(call.arguments);
      conditions(call.filter);
      all(call.order);
    }
    for (WindowCall& call : plan.windows) {
      all(call.arguments);
      conditions(call.filter);
      all(call.partition);
      all(call.order);
    }
    all(plan.set_functions);
    all(plan.group_keys);
    conditions(plan.conditions);
    if (plan.from != nullptr) from(*plan.from);
    conditions(plan.having);
    one(plan.limit);
    one(plan.offset);
    for (auto& row : plan.values) all(row);
    for (const auto& part : {plan.left, plan.right, plan.recursive_term}) sub(part);
  }

  void modify(ModifyPlan& plan) {
    all(plan.columns);
    for (Assignment& assignment : plan.assignments) one(assignment.value);
    all(plan.returning);
    conditions(plan.conditions);
    conditions(plan.conflict_where);
    for (MergeAction& action : plan.merge) {
      conditions(action.conditions);
      if (action.write != nullptr) modify(*action.write);
    }
    if (plan.from != nullptr) from(*plan.from);
    sub(plan.source);
  }

 private:
  /// The plan is still being made, by the one who calls: nobody else sees it change.
  void sub(const std::shared_ptr<const QueryPlan>& plan) {
    if (plan != nullptr) query(const_cast<QueryPlan&>(*plan));  // NOLINT
  }
  void one(ExprPtr& expr) {
    if (expr != nullptr) expr = fold(expr);
  }
  void all(std::vector<ExprPtr>& exprs) {
    for (ExprPtr& expr : exprs) one(expr);
  }
  void conditions(std::vector<ExprPtr>& list) {
    all(list);
    std::erase_if(list, [](const ExprPtr& each) { return is_constant(each) && !each->constant.is_null() && each->constant.boolean(); });
  }

  void from(FromNode& node) {
    conditions(node.conditions);
    all(node.functions);
    sub(node.query);
    if (node.left != nullptr) from(*node.left);
    if (node.right != nullptr) from(*node.right);
  }

  ExprPtr fold(const ExprPtr& expr) {
    sub(expr->query);
    if (expr->args.empty()) return compute(expr);
    switch (expr->kind) {
      case ExprKind::and_:
        return connective(*expr, false);
      case ExprKind::or_:
        return connective(*expr, true);
      case ExprKind::case_:
        return case_expression(*expr);
      case ExprKind::coalesce:
        return coalesce(*expr);
      default:
        break;
    }
    auto copy = std::make_shared<Expr>(*expr);
    for (std::size_t i = 0; i < copy->args.size(); ++i) {
      if (!is_over_locals(*copy, i)) one(copy->args[i]);
    }
    // NULLIF(NULL, y) is NULL, NULLIF(x, NULL) is x.
    if (copy->kind == ExprKind::nullif && (is_constant_null(copy->args[0]) || is_constant_null(copy->args[2]))) return copy->args[0];
    if (is_strict(*copy) && std::any_of(copy->args.begin(), copy->args.end(), is_constant_null)) return constant_like(*copy, Value());
    return compute(copy);
  }

  ExprPtr compute(const ExprPtr& expr) {
    if (!may_be_computed(*expr)) return expr;
    for (std::size_t i = 0; i < expr->args.size(); ++i) {
      if (!is_over_locals(*expr, i) && !is_constant(expr->args[i])) return expr;
    }
    try {
      Value scratch;
      return constant_like(*expr, evaluate(*expr, execution_, scratch));
    } catch (const NotConstant&) {
      return expr;
    }
  }

  /// AND ends with false, OR with true.
  ExprPtr connective(const Expr& expr, bool end) {
    auto copy = std::make_shared<Expr>(expr);
    copy->args.clear();
    bool has_null = false;
    for (const ExprPtr& arg : expr.args) {
      ExprPtr part = fold(arg);
      if (!is_constant(part)) {
        copy->args.push_back(std::move(part));
      } else if (part->constant.is_null()) {
        has_null = true;
      } else if (part->constant.boolean() == end) {
        return constant_like(expr, Value::boolean(end));
      }
    }
    if (copy->args.empty()) return constant_like(expr, has_null ? Value() : Value::boolean(!end));
    if (has_null) copy->args.push_back(constant_like(expr, Value()));
    if (copy->args.size() == 1) return copy->args.front();
    return copy;
  }

  ExprPtr case_expression(const Expr& expr) {
    auto copy = std::make_shared<Expr>(expr);
    copy->args.clear();
    std::size_t i = 0;
    const Expr* operand = nullptr;
    if (expr.truth == 1) {
      copy->args.push_back(fold(expr.args[i++]));
      if (is_constant(copy->args.front())) operand = copy->args.front().get();
    }
    const std::size_t first = i;
    for (; i + 1 < expr.args.size(); i += 2) {
      ExprPtr condition = fold(operand == nullptr ? expr.args[i] : with_operand(expr.args[i], expr.column, *operand));
      if (!is_constant(condition)) {
        copy->args.push_back(std::move(condition));
        copy->args.push_back(fold(expr.args[i + 1]));
        continue;
      }
      if (condition->constant.is_null() || !condition->constant.boolean()) continue;
      ExprPtr result = fold(expr.args[i + 1]);
      if (copy->args.size() == first) return result;
      copy->args.push_back(std::move(result));
      return copy;
    }
    ExprPtr otherwise = expr.args.back() == nullptr ? nullptr : fold(expr.args.back());
    if (copy->args.size() == first) return otherwise == nullptr ? constant_like(expr, Value()) : otherwise;
    copy->args.push_back(std::move(otherwise));
    return copy;
  }

  /// The condition of a CASE with the constant operand in it.
  ExprPtr with_operand(const ExprPtr& expr, std::uint32_t place, const Expr& operand) {
    if (expr == nullptr) return expr;
    if (expr->kind == ExprKind::local && expr->column == place) {
      auto constant = std::make_shared<Expr>(operand);
      constant->type = expr->type;
      return constant;
    }
    if (expr->args.empty()) return expr;
    auto copy = std::make_shared<Expr>(*expr);
    for (ExprPtr& arg : copy->args) arg = with_operand(arg, place, operand);
    return copy;
  }

  ExprPtr coalesce(const Expr& expr) {
    auto copy = std::make_shared<Expr>(expr);
    copy->args.clear();
    for (const ExprPtr& arg : expr.args) {
      ExprPtr part = fold(arg);
      if (is_constant(part)) {
        if (part->constant.is_null()) continue;
        if (copy->args.empty()) return part;
        copy->args.push_back(std::move(part));
        break;
      }
      copy->args.push_back(std::move(part));
    }
    if (copy->args.empty()) return constant_like(expr, Value());
    return copy;
  }

  ConstantExecution execution_;
  std::vector<const QueryPlan*> seen_;
};

}  // namespace

void fold_constants(StatementPlan& plan) {
  Folder folder(plan.locals);
  for (Step& step : plan.steps) {
    if (step.query != nullptr) folder.query(const_cast<QueryPlan&>(*step.query));  // NOLINT: it is being made
    if (step.modify != nullptr) folder.modify(*step.modify);
  }
  if (plan.query != nullptr) folder.query(const_cast<QueryPlan&>(*plan.query));  // NOLINT
  if (plan.modify != nullptr) folder.modify(*plan.modify);
}

}  // namespace orrery::sim::database
