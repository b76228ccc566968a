#include "sim/database/found_rows.hpp"

#include "sim/database/errors.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

/// A walk over the whole table looks at a page's rows all at once (heapgetpage), and one whose order is drawn at all of them.
bool finds_by_index(const FromNode& node, std::uint32_t slot) {
  if (node.kind == FromNode::Kind::join) return finds_by_index(*node.left, slot) || finds_by_index(*node.right, slot);
  return node.slot == slot && node.access.index != nullptr;
}

}  // namespace

RowFinder::RowFinder(const ModifyPlan& plan, Execution& execution)
    : plan_(plan), execution_(execution), first_draw_(execution.order_draws),
      stops_(execution.session->transaction.isolation == Isolation::serializable && execution.order_seed == 0 &&
             finds_by_index(*plan.from, plan.slot)) {}

/// Somebody else is changing or locking the target's row.
bool RowFinder::is_held_up() const {
  const Slot& target = execution_.slots[plan_.slot];
  return target.row != nullptr && is_busy(*execution_.session, *plan_.table->heap, target.version, RowLock::update, false);
}

bool RowFinder::find() {
  // A snapshot gives the same rows in the same order each time.
  const std::size_t known = rows_.rows;
  std::size_t seen = 0;
  execution_.order_draws = first_draw_;
  is_complete_ = true;
  auto keep = [&]() -> bool {
    if (++seen <= known) return true;
    rows_.keep(plan_.slots, execution_);
    if (!stops_ || !is_held_up()) return true;
    is_complete_ = false;
    return false;
  };
  try {
    if (all_true(plan_.conditions, execution_)) scan(*plan_.from, execution_, keep);
  } catch (const EvaluationWait& wait) {
    rows_.cut_back_to(known);
    awaited_ = wait;
    is_complete_ = false;
    return false;
  } catch (const SqlError&) {
    failure_ = std::current_exception();
  }
  return true;
}

}  // namespace orrery::sim::database
