#include "sim/database/join_rules.hpp"

#include <algorithm>

#include "sim/database/analyzer.hpp"

namespace orrery::sim::database {

bool is_volatile(const Expr& expr) {
  bool found = false;
  for_each_expression(expr, [&](const Expr& each) {
    found = found || each.kind == ExprKind::engine_call ||
            (each.kind == ExprKind::call && each.function->volatility == Volatility::volatile_);
  });
  return found;
}

void hash_if_possible(FromNode& join) {
  FromNode& right = *join.right;
  const bool is_leaf = right.kind == FromNode::Kind::table || (right.kind == FromNode::Kind::store && right.query != nullptr);
  if (!is_leaf || join.left->slots == 0) return;
  const auto depends = [&](const ExprPtr& expr) { return expr != nullptr && (slots_of(*expr) & ~right.slots) != 0; };
  const auto has_query = [](const Expr& expr) {
    bool found = false;
    for_each_expression(expr, [&](const Expr& each) { found = found || each.query != nullptr; });
    return found;
  };
  const TableAccess& access = right.access;
  if (std::any_of(access.equal.begin(), access.equal.end(), depends) || depends(access.any) || depends(access.lower) ||
      depends(access.upper) || std::any_of(access.any_list.begin(), access.any_list.end(), depends)) {
    return;
  }
  std::vector<ExprPtr> own;
  std::vector<ExprPtr> joined;
  for (const ExprPtr& condition : right.conditions) {
    if (is_volatile(*condition)) return;
    (depends(condition) || has_query(*condition) ? joined : own).push_back(condition);
  }
  for (const std::vector<ExprPtr>* conditions : {&joined, &join.conditions}) {
    for (const ExprPtr& condition : *conditions) {
      const bool by_integer = condition->kind == ExprKind::compare_integers;
      const bool is_equality = (by_integer || condition->kind == ExprKind::compare_bytes_equal ||
                                condition->kind == ExprKind::compare) &&
                               condition->comparison == Comparison::equal;
      if (!is_equality || is_volatile(*condition) || has_query(*condition)) continue;
      for (const bool swapped : {false, true}) {
        const ExprPtr& here = condition->args[swapped ? 0 : 1];
        const ExprPtr& there = condition->args[swapped ? 1 : 0];
        if (slots_of(*here) != right.slots || (slots_of(*there) & right.slots) != 0) continue;
        if ((slots_of(*there) & join.left->slots) == 0) continue;
        const HashFunction hash = by_integer                        ? hash_function(TypeRef(Type::int8))
                                  : here->type.same(there->type) ? hash_function(here->type)
                                                                    : nullptr;
        if (hash == nullptr) continue;
        join.hash_left.push_back(there);
        join.hash_right.push_back(here);
        join.hashes.push_back(hash);
        break;
      }
    }
  }
  if (join.hash_left.empty()) return;
  right.conditions = std::move(own);
  join.conditions.insert(join.conditions.end(), joined.begin(), joined.end());
}

namespace {

/// Slots of columns that must not be NULL for the conditions to be true.
SlotSet slots_with_values(const std::vector<ExprPtr>& conditions) {
  SlotSet slots = 0;
  for (const ExprPtr& condition : conditions) {
    const bool is_strict = condition->kind == ExprKind::compare || condition->kind == ExprKind::compare_integers ||
                           condition->kind == ExprKind::compare_bytes_equal || condition->kind == ExprKind::in_list ||
                           (condition->kind == ExprKind::is_null && condition->negated);
    if (!is_strict) continue;
    for (const ExprPtr& arg : condition->args) {
      if (arg->kind == ExprKind::column) slots |= SlotSet{1} << arg->slot;
    }
  }
  return slots;
}

}  // namespace

SlotSet nullable_slots(const FromNode& node, SlotSet not_null) {
  if (node.kind != FromNode::Kind::join) return 0;
  if (node.join == FromNode::Join::full) return node.slots;
  if (node.join == FromNode::Join::inner) {
    not_null |= slots_with_values(node.conditions);
    for (const FromNode* side : {node.left.get(), node.right.get()}) {
      if (side->kind == FromNode::Kind::join) continue;
      not_null |= slots_with_values(side->conditions) | slots_with_values(side->access.implied);
    }
  }
  const bool is_outer = node.join == FromNode::Join::left && (node.right->slots & not_null) == 0;
  return nullable_slots(*node.left, not_null) | nullable_slots(*node.right, not_null) | (is_outer ? node.right->slots : 0);
}

}  // namespace orrery::sim::database
