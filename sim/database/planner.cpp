#include <algorithm>
#include <bit>

#include "sim/database/analyzer.hpp"
#include "sim/database/join_rules.hpp"

// Rules instead of statistics: an equality on a whole unique key is best, then partial indexes whose condition the query
// implies, then longer prefixes of equalities, then ranges; an index that gives the wanted order saves the sort. The
// choice depends on the text and the catalog alone, so that it never changes in the course of a run.

namespace orrery::sim::database {

SlotSet slots_of(const Expr& expr) {
  SlotSet slots = 0;
  for_each_expression(expr, [&](const Expr& each) {
    if (each.kind == ExprKind::column || each.kind == ExprKind::system_column || each.kind == ExprKind::whole_row) {
      slots |= SlotSet{1} << each.slot;
    }
    if (each.query != nullptr) slots |= each.query->outer_slots;
  });
  return slots;
}

void split_conjunction(const ExprPtr& condition, std::vector<ExprPtr>& parts) {
  if (condition->kind == ExprKind::and_) {
    for (const ExprPtr& arg : condition->args) split_conjunction(arg, parts);
  } else {
    parts.push_back(condition);
  }
}

namespace {

/// `x = 'a'` or `x IN ('a', 'b')` implies `x IN ('a', 'b', 'c')`.
bool list_implies(const Expr& condition, const Expr& conjunct, std::uint32_t condition_slot, std::uint32_t conjunct_slot) {
  const bool is_list = condition.kind == ExprKind::in_list && !condition.negated;
  if (!is_list) return false;
  std::vector<const Expr*> given;
  if (conjunct.kind == ExprKind::in_list && !conjunct.negated) {
    for (std::size_t i = 1; i < conjunct.args.size(); ++i) given.push_back(conjunct.args[i].get());
  } else if ((conjunct.kind == ExprKind::compare || conjunct.kind == ExprKind::compare_integers ||
              conjunct.kind == ExprKind::compare_bytes_equal) &&
             conjunct.comparison == Comparison::equal) {
    given.push_back(conjunct.args[1].get());
  } else {
    return false;
  }
  if (!same_expression(*condition.args[0], *conjunct.args[0], condition_slot, conjunct_slot)) return false;
  return std::all_of(given.begin(), given.end(), [&](const Expr* value) {
    return value->kind == ExprKind::constant &&
           std::any_of(condition.args.begin() + 1, condition.args.end(),
                       [&](const ExprPtr& each) { return same_expression(*each, *value); });
  });
}

/// A strict comparison of the expression implies that it is not NULL.
bool implies_not_null(const Expr& tested, const Expr& conjunct, std::uint32_t condition_slot, std::uint32_t conjunct_slot) {
  switch (conjunct.kind) {
    case ExprKind::compare:
    case ExprKind::compare_integers:
    case ExprKind::compare_bytes_equal:
      return std::any_of(conjunct.args.begin(), conjunct.args.end(), [&](const ExprPtr& arg) {
        return same_expression(tested, *arg, condition_slot, conjunct_slot);
      });
    case ExprKind::in_list:
    case ExprKind::any_array:
      return same_expression(tested, *conjunct.args[0], condition_slot, conjunct_slot);
    default:
      return false;
  }
}

}  // namespace

bool is_implied(const Expr& condition, const std::vector<ExprPtr>& conjuncts, std::uint32_t condition_slot,
                std::uint32_t conjunct_slot) {
  if (condition.kind == ExprKind::and_) {
    return std::all_of(condition.args.begin(), condition.args.end(), [&](const ExprPtr& part) {
      return is_implied(*part, conjuncts, condition_slot, conjunct_slot);
    });
  }
  return std::any_of(conjuncts.begin(), conjuncts.end(), [&](const ExprPtr& conjunct) {
    return same_expression(condition, *conjunct, condition_slot, conjunct_slot) ||
           list_implies(condition, *conjunct, condition_slot, conjunct_slot) ||
           (condition.kind == ExprKind::is_null && condition.negated && condition.truth == 0 &&
            implies_not_null(*condition.args[0], *conjunct, condition_slot, conjunct_slot));
  });
}

namespace {

Comparison mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::less:
      return Comparison::greater;
    case Comparison::less_equal:
      return Comparison::greater_equal;
    case Comparison::greater:
      return Comparison::less;
    case Comparison::greater_equal:
      return Comparison::less_equal;
    default:
      return comparison;
  }
}

/// `key comparison value` found in a condition.
struct KeyCondition {
  Comparison comparison;
  ExprPtr value;
};

class AccessChooser {
 public:
  AccessChooser(const FromNode& node, const std::vector<ExprPtr>& conditions, SlotSet bound, const WantedOrder* order)
      : node_(node), conditions_(conditions), bound_(bound), order_(order) {}

  /// Estimated rows: only compared with each other.
  double choose(TableAccess& best) {
    double best_rows = kHeapRows;
    best = TableAccess{};
    if (order_ != nullptr && order_->keys.empty() && order_->has_limit) best_rows = kHeapRows;
    for (const auto& index : node_.table->indexes) {
      if (index->is_dropped || index->creator != 0) continue;
      TableAccess access;
      const double rows = try_index(*index, access);
      if (rows < best_rows) {
        best_rows = rows;
        best = std::move(access);
      }
    }
    return best_rows;
  }

 private:
  static constexpr double kHeapRows = 1000;

  /// The key's value as the condition compares it; the comparison must use the key's own order.
  bool matches_key(const Expr& side, const Index& index, std::size_t place) const {
    const KeyElement& element = index.elements[place];
    if (element.column >= 0) {
      return side.kind == ExprKind::column && side.slot == node_.slot &&
             side.column == static_cast<std::uint32_t>(element.column);
    }
    return same_expression(*element.expression, side, 0, node_.slot);
  }

  bool is_bound(const Expr& expr) const {
    const SlotSet level = all_slots_;
    return (slots_of(expr) & (level | SlotSet{1} << node_.slot) & ~bound_) == 0;
  }

  std::optional<KeyCondition> key_condition(const Expr& condition, const Index& index, std::size_t place) const {
    const CompareFunction key_order = index.tree->columns()[place].compare;
    const bool by_integer = condition.kind == ExprKind::compare_integers;
    const bool by_bytes = condition.kind == ExprKind::compare_bytes_equal;
    if (!by_integer && !by_bytes && condition.kind != ExprKind::compare) return std::nullopt;
    if (condition.comparison == Comparison::not_equal) return std::nullopt;
    if (condition.kind == ExprKind::compare && condition.compare_by != key_order) return std::nullopt;
    for (const bool swapped : {false, true}) {
      const ExprPtr& key = condition.args[swapped ? 1 : 0];
      const ExprPtr& value = condition.args[swapped ? 0 : 1];
      if (!matches_key(*key, index, place) || !is_bound(*value)) continue;
      return KeyCondition{swapped ? mirrored(condition.comparison) : condition.comparison, value};
    }
    return std::nullopt;
  }

  double try_index(Index& index, TableAccess& access) {
    if (index.predicate != nullptr && !is_implied(*index.predicate, conditions_, 0, node_.slot)) return 1e9;
    double rows = kHeapRows;
    std::vector<bool> used(conditions_.size());
    access.index = &index;
    if (index.predicate != nullptr) rows /= 20;
    std::size_t place = 0;
    const std::size_t columns = index.elements.size();
    for (; place < columns; ++place) {
      bool found = false;
      for (std::size_t i = 0; i < conditions_.size() && !found; ++i) {
        const auto key = key_condition(*conditions_[i], index, place);
        if (!key || key->comparison != Comparison::equal) continue;
        access.equal.push_back(key->value);
        used[i] = true;
        found = true;
      }
      if (!found) break;
      rows /= 8;
    }
    bool is_useful = place > 0 || index.predicate != nullptr;
    if (place == columns && index.is_unique) rows = 1;
    if (place < columns) {
      if (try_any(index, place, access, used)) {
        rows /= 6;
        if (place + 1 == columns && index.is_unique) rows = 4;
        is_useful = true;
      } else if (try_range(index, place, access, used)) {
        rows /= 3;
        is_useful = true;
      }
    }
    if (gives_order(index, place, access)) {
      access.is_ordered = true;
      if (order_->has_limit) rows /= 10;
      rows *= 0.9;
      is_useful = true;
    }
    if (!is_useful) return 1e9;
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used[i]) access.implied.push_back(conditions_[i]);
    }
    return rows;
  }

  bool try_any(const Index& index, std::size_t place, TableAccess& access, std::vector<bool>& used) const {
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      const Expr& condition = *conditions_[i];
      if (condition.negated || condition.args.empty()) continue;
      const bool is_list = condition.kind == ExprKind::in_list;
      const bool is_array = condition.kind == ExprKind::any_array && condition.comparison == Comparison::equal &&
                            condition.equal_by != nullptr;
      const bool is_query = condition.kind == ExprKind::in_subquery && condition.equal_by != nullptr &&
                            condition.args.size() == 2 && !condition.query->is_correlated;
      if (!is_list && !is_array && !is_query) continue;
      if (!matches_key(*condition.args[0], index, place)) continue;
      if (is_list) {
        if (!std::all_of(condition.args.begin() + 1, condition.args.end(),
                         [&](const ExprPtr& arg) { return is_bound(*arg); })) {
          continue;
        }
        access.any_list.assign(condition.args.begin() + 1, condition.args.end());
      } else if (is_array) {
        if (!is_bound(*condition.args[1])) continue;
        access.any = condition.args[1];
      } else {
        access.any = conditions_[i];
      }
      used[i] = true;
      return true;
    }
    return false;
  }

  bool try_range(const Index& index, std::size_t place, TableAccess& access, std::vector<bool>& used) const {
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      const Expr* condition = conditions_[i].get();
      bool is_row = false;
      if (condition->kind == ExprKind::row_compare && condition->comparison != Comparison::equal &&
          condition->comparison != Comparison::not_equal) {
        condition = condition->args[1].get();  // the first pair's own comparison bounds the whole
        is_row = true;
      }
      const auto key = key_condition(*condition, index, place);
      if (!key || key->comparison == Comparison::equal) continue;
      const bool is_lower = key->comparison == Comparison::greater || key->comparison == Comparison::greater_equal;
      ExprPtr& bound = is_lower ? access.lower : access.upper;
      if (bound != nullptr) continue;
      bound = key->value;
      const bool inclusive =
          is_row || key->comparison == Comparison::less_equal || key->comparison == Comparison::greater_equal;
      (is_lower ? access.lower_inclusive : access.upper_inclusive) = inclusive;
      if (!is_row) used[i] = true;
    }
    return access.lower != nullptr || access.upper != nullptr;
  }

  /// Do the index's columns after `equal` equalities give the wanted order, forwards or backwards?
  bool gives_order(const Index& index, std::size_t equal, TableAccess& access) const {
    if (order_ == nullptr || order_->keys.empty()) return false;
    if (access.any != nullptr || !access.any_list.empty()) return false;
    std::optional<bool> backward;
    std::size_t place = equal;
    for (const auto& [expr, key] : order_->keys) {
      // A column that is fixed by an equality is in any order.
      bool is_fixed = false;
      for (std::size_t i = 0; i < equal; ++i) is_fixed = is_fixed || matches_key(*expr, index, i);
      if (is_fixed) continue;
      if (place >= index.elements.size() || !matches_key(*expr, index, place)) return false;
      const KeyColumn& column = index.tree->columns()[place];
      const bool reversed = column.descending != key.descending;
      if ((column.nulls_first != key.nulls_first) != reversed) {
        // A NOT NULL column has no NULLs to place.
        const KeyElement& element = index.elements[place];
        const bool not_null =
            element.column >= 0 && node_.table->columns[static_cast<std::size_t>(element.column)].not_null;
        if (!not_null) return false;
      }
      if (backward.has_value() && *backward != reversed) return false;
      backward = reversed;
      ++place;
      if (index.is_unique && !index.is_deferrable && place == index.elements.size()) break;  // what follows cannot matter
    }
    access.is_backward = backward.value_or(false);
    return true;
  }

 public:
  SlotSet all_slots_ = 0;

 private:
  const FromNode& node_;
  const std::vector<ExprPtr>& conditions_;
  SlotSet bound_;
  const WantedOrder* order_;
};

class JoinPlanner {
 public:
  JoinPlanner(std::vector<std::unique_ptr<FromNode>> items, std::vector<ExprPtr>& conditions, SlotSet bound)
      : conditions_(conditions), bound_(bound) {
    for (auto& item : items) flatten(std::move(item));
    for (const auto& item : items_) all_ |= item->slots;
  }

  std::unique_ptr<FromNode> run(const WantedOrder* order, bool& is_ordered) {
    is_ordered = false;
    std::unique_ptr<FromNode> tree;
    if (items_.empty()) return std::make_unique<FromNode>();
    while (!items_.empty()) {
      std::size_t best = items_.size();
      double best_rows = 0;
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if ((items_[i]->needs & all_ & ~bound_) != 0) continue;
        const double rows = estimate(*items_[i], tree == nullptr ? order : nullptr);
        if (best == items_.size() || rows < best_rows) {
          best = i;
          best_rows = rows;
        }
      }
      CHECK(best < items_.size(), "LATERAL items refer to items before them");
      std::unique_ptr<FromNode> node = std::move(items_[best]);
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(best));
      place(*node, tree == nullptr ? order : nullptr);
      bound_ |= node->slots;
      if (tree == nullptr) {
        const FromNode* driving = node.get();
        while (driving->kind == FromNode::Kind::join && driving->join == FromNode::Join::left) driving = driving->left.get();
        is_ordered = driving->kind == FromNode::Kind::table && driving->access.is_ordered;
        tree = std::move(node);
        continue;
      }
      auto join = std::make_unique<FromNode>();
      join->kind = FromNode::Kind::join;
      join->slots = tree->slots | node->slots;
      join->left = std::move(tree);
      join->right = std::move(node);
      hash_if_possible(*join);
      tree = std::move(join);
    }
    return tree;
  }

 private:
  void flatten(std::unique_ptr<FromNode> node) {
    if (node->kind == FromNode::Kind::join && node->join == FromNode::Join::inner) {
      for (const ExprPtr& condition : node->conditions) conditions_.push_back(condition);
      flatten(std::move(node->left));
      flatten(std::move(node->right));
      return;
    }
    items_.push_back(std::move(node));
  }

  /// Conditions that can be judged once this node's slots are known.
  std::vector<ExprPtr> applicable(SlotSet slots) const {
    std::vector<ExprPtr> result;
    for (const ExprPtr& condition : conditions_) {
      const SlotSet used = slots_of(*condition);
      if ((used & slots) != 0 && (used & all_ & ~(bound_ | slots)) == 0) result.push_back(condition);
    }
    return result;
  }

  double estimate(const FromNode& node, const WantedOrder* order) const {
    switch (node.kind) {
      case FromNode::Kind::table: {
        TableAccess access;
        const std::vector<ExprPtr> conditions = applicable(node.slots);
        AccessChooser chooser(node, conditions, bound_, order);
        chooser.all_slots_ = all_;
        return chooser.choose(access);
      }
      case FromNode::Kind::join:
        return node.join == FromNode::Join::full ? 2000 : estimate(*node.left, order) * 2;
      case FromNode::Kind::function:
        return 30;
      default:
        return 40;
    }
  }

  void place(FromNode& node, const WantedOrder* order) {
    std::vector<ExprPtr> own = applicable(node.slots);
    std::erase_if(conditions_, [&](const ExprPtr& each) { return std::find(own.begin(), own.end(), each) != own.end(); });
    place_with(node, std::move(own), order);
  }

  /// Subqueries are judged after simple comparisons.
  static void sort_by_cost(std::vector<ExprPtr>& conditions) {
    std::vector<ExprPtr> with_query;
    std::vector<ExprPtr> simple;
    for (ExprPtr& condition : conditions) {
      bool has_query = false;
      for_each_expression(*condition, [&](const Expr& each) { has_query = has_query || each.query != nullptr; });
      (has_query ? with_query : simple).push_back(std::move(condition));
    }
    conditions = std::move(simple);
    conditions.insert(conditions.end(), with_query.begin(), with_query.end());
  }

  void place_with(FromNode& node, std::vector<ExprPtr> own, const WantedOrder* order) {
    sort_by_cost(own);
    if (node.kind == FromNode::Kind::table) {
      AccessChooser chooser(node, own, bound_, order);
      chooser.all_slots_ = all_;
      chooser.choose(node.access);
      for (const ExprPtr& condition : own) {
        const auto& implied = node.access.implied;
        if (std::find(implied.begin(), implied.end(), condition) == implied.end()) node.conditions.push_back(condition);
      }
      return;
    }
    if (node.kind != FromNode::Kind::join) {
      for (const ExprPtr& condition : own) node.conditions.push_back(condition);
      return;
    }
    place_outer_join(node, std::move(own), order);
  }

  /// LEFT JOIN: conditions from outside go into the left side if they concern only that; those of ON go to the right
  /// side. FULL JOIN: everything is judged where it was written.
  void place_outer_join(FromNode& node, std::vector<ExprPtr> outside, const WantedOrder* order) {
    const bool is_left = node.join == FromNode::Join::left;
    std::vector<ExprPtr> for_left;
    std::vector<ExprPtr> above;
    for (const ExprPtr& condition : outside) {
      const bool only_left = is_left && (slots_of(*condition) & node.right->slots) == 0;
      (only_left ? for_left : above).push_back(condition);
    }
    std::vector<ExprPtr> on = std::move(node.conditions);
    node.conditions.clear();
    bool ignored = false;
    std::vector<std::unique_ptr<FromNode>> left_items;
    left_items.push_back(std::move(node.left));
    node.left = JoinPlanner(std::move(left_items), for_left, bound_).run(order, ignored);
    // What is left over does not depend on the left side's slots: judge it there all the same.
    for (const ExprPtr& condition : for_left) node.left->conditions.push_back(condition);
    std::vector<ExprPtr> for_right;
    for (const ExprPtr& condition : on) {
      const bool has_right = (slots_of(*condition) & node.right->slots) != 0;
      (is_left && has_right ? for_right : node.conditions).push_back(condition);
    }
    std::vector<std::unique_ptr<FromNode>> right_items;
    right_items.push_back(std::move(node.right));
    const SlotSet right_bound = is_left ? bound_ | node.left->slots : bound_;
    node.right = JoinPlanner(std::move(right_items), for_right, right_bound).run(nullptr, ignored);
    for (const ExprPtr& condition : for_right) node.conditions.push_back(condition);
    if (is_left) hash_if_possible(node);
    if (above.empty()) return;
    // Conditions on the nullable side hold for the joined row: judge them in a join with nothing.
    auto inner = std::make_unique<FromNode>(std::move(node));
    node = FromNode{};
    node.kind = FromNode::Kind::join;
    node.slots = inner->slots;
    node.left = std::move(inner);
    node.right = std::make_unique<FromNode>();
    node.conditions = std::move(above);
  }

  std::vector<std::unique_ptr<FromNode>> items_;
  std::vector<ExprPtr>& conditions_;
  SlotSet bound_;
  SlotSet all_ = 0;
};

}  // namespace

std::unique_ptr<FromNode> plan_from(std::vector<std::unique_ptr<FromNode>> items, std::vector<ExprPtr>& conditions,
                                    const WantedOrder& order, bool& is_ordered) {
  std::unique_ptr<FromNode> tree = JoinPlanner(std::move(items), conditions, 0).run(&order, is_ordered);
  // What is volatile is judged for each row, even if it reads none of its columns.
  std::vector<ExprPtr> once;
  for (ExprPtr& condition : conditions) {
    (is_volatile(*condition) ? tree->conditions : once).push_back(std::move(condition));
  }
  conditions = std::move(once);
  return tree;
}

}  // namespace orrery::sim::database
