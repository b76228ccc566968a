#include <algorithm>

#include "sim/database/locks.hpp"
#include "sim/database/transaction.hpp"

// PostgreSQL's deadlock detector (src/backend/storage/lmgr/README, "Deadlock Detection Algorithm"): a waiter has hard
// edges to holders of conflicting locks and soft edges to conflicting waiters before it in the queue. A cycle with a
// soft edge can be resolved by letting the waiter pass that other one; such reversals are tried recursively.

namespace orrery::sim::database {
namespace {

/// `waiter` should pass `blocker` in the queue of `lock`.
struct Reversal {
  LockWait* waiter;
  LockWait* blocker;
  Lock* lock;
};

class Detector {
 public:
  explicit Detector(Transaction& start) : start_(start) {}

  /// False: no order of the queues avoids the deadlock.
  bool resolve() {
    std::vector<Reversal> cycle;
    const Outcome outcome = test(cycle);
    if (outcome == Outcome::no_cycle) return true;
    if (outcome == Outcome::hard || chosen_.size() > kMaxReversals) return false;
    for (const Reversal& reversal : cycle) {
      chosen_.push_back(reversal);
      if (resolve()) return true;
      chosen_.pop_back();
    }
    return false;
  }

  std::vector<Lock*> locks;
  std::vector<std::vector<LockWait*>> orders;  // of `locks`
  std::vector<const LockWait*> path;           // the cycle that was found last

 private:
  static constexpr std::size_t kMaxReversals = 16;
  enum class Outcome { no_cycle, soft, hard };

  Outcome test(std::vector<Reversal>& cycle) {
    if (!apply_reversals()) return Outcome::hard;
    bool found = false;
    for (const Reversal& reversal : chosen_) {
      for (Transaction* member : {&reversal.waiter->owner, &reversal.blocker->owner}) {
        if (!find_cycle(*member, cycle)) continue;
        if (cycle.empty()) return Outcome::hard;
        found = true;
      }
    }
    std::vector<Reversal> own;
    if (find_cycle(start_, own)) {
      cycle = own;
      if (cycle.empty()) return Outcome::hard;
      found = true;
    }
    return found ? Outcome::soft : Outcome::no_cycle;
  }

  /// Sorts the queues so that the chosen reversals hold and all else stays as far as it can. False: they contradict.
  bool apply_reversals() {
    locks.clear();
    orders.clear();
    for (const Reversal& reversal : chosen_) {
      if (std::find(locks.begin(), locks.end(), reversal.lock) != locks.end()) continue;
      std::vector<LockWait*> rest = reversal.lock->queue();
      std::vector<LockWait*> sorted;
      // From the back: the last waiter that none of the others must come behind of.
      while (!rest.empty()) {
        std::size_t pick = rest.size();
        while (pick-- > 0) {
          const bool must_precede = std::any_of(chosen_.begin(), chosen_.end(), [&](const Reversal& other) {
            return other.lock == reversal.lock && other.waiter == rest[pick] &&
                   std::find(rest.begin(), rest.end(), other.blocker) != rest.end();
          });
          if (!must_precede) break;
        }
        if (pick >= rest.size()) return false;
        sorted.push_back(rest[pick]);
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(pick));
      }
      std::reverse(sorted.begin(), sorted.end());
      locks.push_back(reversal.lock);
      orders.push_back(std::move(sorted));
    }
    return true;
  }

  [[nodiscard]] const std::vector<LockWait*>& queue_of(const Lock& lock) const {
    for (std::size_t i = 0; i < locks.size(); ++i) {
      if (locks[i] == &lock) return orders[i];
    }
    return lock.queue();
  }

  /// A cycle through `from`? `soft`: its soft edges.
  bool find_cycle(Transaction& from, std::vector<Reversal>& soft) {
    visited_.clear();
    trail_.clear();
    soft.clear();
    target_ = &from;
    return visit(from, soft);
  }

  bool visit(Transaction& node, std::vector<Reversal>& soft) {
    if (std::find(visited_.begin(), visited_.end(), &node) != visited_.end()) {
      if (&node != target_) return false;
      path = trail_;
      return true;
    }
    visited_.push_back(&node);
    LockWait* wait = node.waiting;
    if (wait == nullptr || wait->granted) return false;
    trail_.push_back(wait);
    if (wait->lock == nullptr) {
      if (visit(*wait->awaited, soft)) return true;
    } else {
      const LockMask conflicting = conflicting_modes(wait->mode);
      for (const LockHolder& holder : wait->lock->holders()) {
        if (holder.owner == &node || (holder.modes & conflicting) == 0) continue;
        if (visit(*holder.owner, soft)) return true;
      }
      for (LockWait* other : queue_of(*wait->lock)) {
        if (other == wait) break;
        if ((mask_of(other->mode) & conflicting) == 0 || &other->owner == &node) continue;
        if (visit(other->owner, soft)) {
          soft.push_back({wait, other, wait->lock});
          return true;
        }
      }
    }
    trail_.pop_back();
    return false;
  }

  Transaction& start_;
  std::vector<Reversal> chosen_;
  std::vector<const Transaction*> visited_;
  std::vector<const LockWait*> trail_;
  const Transaction* target_ = nullptr;
};

}  // namespace

DeadlockVerdict check_deadlock(Transaction& start, std::vector<std::vector<LockWait*>>& new_orders) {
  Detector detector(start);
  DeadlockVerdict verdict;
  verdict.is_deadlock = !detector.resolve();
  if (verdict.is_deadlock) {
    verdict.cycle = detector.path;
  } else {
    verdict.reordered = detector.locks;
    new_orders = detector.orders;
  }
  return verdict;
}

}  // namespace orrery::sim::database
