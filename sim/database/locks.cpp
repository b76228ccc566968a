#include "sim/database/locks.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "sim/database/errors.hpp"
#include "sim/database/transaction.hpp"

namespace orrery::sim::database {
namespace {

constexpr LockMask bits(std::initializer_list<LockMode> modes) {
  LockMask mask = 0;
  for (const LockMode mode : modes) mask = static_cast<LockMask>(mask | mask_of(mode));
  return mask;
}

using enum LockMode;
// The manual's table 13.2.
constexpr std::array<LockMask, 9> kConflicts{
    LockMask{0},
    bits({access_exclusive}),
    bits({exclusive, access_exclusive}),
    bits({share, share_row_exclusive, exclusive, access_exclusive}),
    bits({share_update_exclusive, share, share_row_exclusive, exclusive, access_exclusive}),
    bits({row_exclusive, share_update_exclusive, share_row_exclusive, exclusive, access_exclusive}),
    bits({row_exclusive, share_update_exclusive, share, share_row_exclusive, exclusive, access_exclusive}),
    bits({row_share, row_exclusive, share_update_exclusive, share, share_row_exclusive, exclusive, access_exclusive}),
    bits({access_share, row_share, row_exclusive, share_update_exclusive, share, share_row_exclusive, exclusive,
          access_exclusive}),
};

std::string describe(const LockWait& wait) {
  if (wait.lock == nullptr) return "ShareLock on transaction " + std::to_string(wait.xid);
  const LockTag& tag = wait.lock->tag();
  std::string text = std::string(lock_mode_name(wait.mode)) + " on ";
  switch (tag.kind) {
    case LockTag::Kind::relation:
      return text + "relation " + std::to_string(tag.first) + " of database 5";
    case LockTag::Kind::tuple:
      return text + "tuple (" + std::to_string(tag.second / 100) + "," + std::to_string(tag.second % 100 + 1) +
             ") of relation " + std::to_string(tag.first) + " of database 5";
    case LockTag::Kind::advisory:
      return text + "advisory lock [5," + std::to_string(tag.form == 1 ? tag.first >> 32U : tag.first) + "," +
             std::to_string(tag.form == 1 ? tag.first & 0xffffffffU : tag.second) + "," + std::to_string(tag.form) + "]";
  }
  return text;
}

[[noreturn]] void fail_deadlock(const DeadlockVerdict& verdict) {
  std::string detail;
  for (std::size_t i = 0; i < verdict.cycle.size(); ++i) {
    const LockWait& wait = *verdict.cycle[i];
    const LockWait& next = *verdict.cycle[(i + 1) % verdict.cycle.size()];
    if (i > 0) detail += '\n';
    detail += "Process " + std::to_string(wait.owner.process_id) + " waits for " + describe(wait) +
              "; blocked by process " + std::to_string(next.owner.process_id) + ".";
  }
  fail("40P01", "deadlock detected", 0, std::move(detail), "See server log for query details.");
}

}  // namespace

const char* lock_mode_name(LockMode mode) noexcept {
  static constexpr std::array<const char*, 9> kNames{
      "INVALID",   "AccessShareLock",       "RowShareLock",  "RowExclusiveLock",   "ShareUpdateExclusiveLock",
      "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"};
  return kNames[static_cast<std::size_t>(mode)];
}

LockMask conflicting_modes(LockMode mode) noexcept { return kConflicts[static_cast<std::size_t>(mode)]; }

LockMask Lock::held_by_others(const Transaction& owner) const noexcept {
  LockMask mask = 0;
  for (const LockHolder& holder : holders_) {
    if (holder.owner != &owner) mask = static_cast<LockMask>(mask | holder.modes);
  }
  return mask;
}

LockMask Lock::held_by(const Transaction& owner) const noexcept {
  for (const LockHolder& holder : holders_) {
    if (holder.owner == &owner) return holder.modes;
  }
  return 0;
}

LockWait::LockWait(LockManager& the_manager, Transaction& the_owner, Lock& the_lock, LockMode the_mode,
                   std::uint32_t the_level, std::size_t place)
    : manager(the_manager),
      owner(the_owner),
      lock(&the_lock),
      mode(the_mode),
      level(the_level),
      waiter(the_manager.executor()) {
  lock->queue_.insert(lock->queue_.begin() + static_cast<std::ptrdiff_t>(place), this);
  owner.waiting = this;
}

LockWait::LockWait(LockManager& the_manager, Transaction& the_owner, Transaction& the_awaited, Xid the_xid)
    : manager(the_manager), owner(the_owner), awaited(&the_awaited), xid(the_xid), waiter(the_manager.executor()) {
  awaited->xid_waiters.push_back(this);
  owner.waiting = this;
}

LockWait::~LockWait() {
  owner.waiting = nullptr;
  if (awaited != nullptr) std::erase(awaited->xid_waiters, this);
  if (lock != nullptr && !granted) {
    std::erase(lock->queue_, this);
    manager.wake_waiters(*lock);
    manager.forget_if_free(*lock);
  }
}

bool LockManager::try_acquire(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level) {
  if (lock.is_free()) {
    owner.held.push_back({&lock, mode, level});
    lock.holders_.push_back({&owner, mask_of(mode)});
    return true;
  }
  const LockMask conflicting = conflicting_modes(mode);
  if (!lock.holders_.empty() && (lock.held_by_others(owner) & conflicting) != 0) return false;
  if (!lock.queue_.empty() && (lock.held_by(owner) & mask_of(mode)) == 0) {
    // Waiters came first, unless they wait for this very session: then standing behind them would be a deadlock.
    for (const LockWait* other : lock.queue_) {
      if ((conflicting_modes(other->mode) & lock.held_by(owner)) != 0) break;
      if ((conflicting & mask_of(other->mode)) != 0) return false;
    }
  }
  grant(owner, lock, mode, level);
  return true;
}

bool LockManager::acquire_at_once(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level) {
  const bool is_held = (lock.held_by(owner) & mask_of(mode)) != 0;
  const bool is_awaited = std::any_of(lock.queue_.begin(), lock.queue_.end(), [mode](const LockWait* other) {
    return (conflicting_modes(mode) & mask_of(other->mode)) != 0;
  });
  return (is_held || !is_awaited) && try_acquire(owner, lock, mode, level);
}

void LockManager::grant(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level) {
  owner.held.push_back({&lock, mode, level});
  for (LockHolder& holder : lock.holders_) {
    if (holder.owner == &owner) {
      holder.modes = static_cast<LockMask>(holder.modes | mask_of(mode));
      return;
    }
  }
  lock.holders_.push_back({&owner, mask_of(mode)});
}

Task<> LockManager::acquire(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level) {
  if (try_acquire(owner, lock, mode, level)) co_return;
  // ProcSleep: stand before the first waiter that waits for a lock which this session holds; if that one stands in the
  // way of this request at once, waiting is pointless: it is a deadlock already.
  std::size_t place = lock.queue_.size();
  const LockMask held = lock.held_by(owner);
  if (held != 0) {
    for (std::size_t i = 0; i < lock.queue_.size(); ++i) {
      const LockWait& other = *lock.queue_[i];
      if ((conflicting_modes(other.mode) & held) != 0) {
        if ((conflicting_modes(mode) & lock.held_by(other.owner)) != 0) {
          DeadlockVerdict verdict;
          LockWait self(*this, owner, lock, mode, level, i);
          verdict.cycle = {&self, &other};
          fail_deadlock(verdict);
        }
        place = i;
        break;
      }
    }
  }
  LockWait wait(*this, owner, lock, mode, level, place);
  co_await sleep(wait);  // whoever frees the lock grants it
}

Task<> LockManager::wait_for(Transaction& owner, Xid xid) {
  while (transactions_.is_running(xid)) {
    Transaction& running = *owner_of(xid);
    const bool is_its_own = std::any_of(running.levels.begin(), running.levels.end(), [xid](const TransactionLevel& level) { return level.xid == xid; });
    LockWait wait(*this, owner, running, is_its_own ? xid : running.levels.front().xid);
    co_await sleep(wait);
  }
}

void LockManager::released(Transaction& owner, Xid xid) {
  for (LockWait* wait : owner.xid_waiters) {
    if (wait->xid == xid) wait->xid = owner.levels.front().xid;
  }
}

Task<> LockManager::sleep(LockWait& wait) {
  const WaitLimits& limits = wait.owner.limits;
  const Instant start = executor_.now();
  const Instant lock_deadline =
      limits.lock_timeout == Duration::zero() ? Instant::max() : start + limits.lock_timeout;
  Instant deadlock_check = start + limits.deadlock_timeout;
  while (!wait.granted) {
    const Instant next = std::min({deadlock_check, lock_deadline, limits.statement_deadline});
    const bool woken = co_await wait.waiter.wait_until(next);
    if (limits.is_cancelled && !wait.granted) fail("57014", "canceling statement due to user request");
    if (woken) continue;
    const Instant now = executor_.now();
    if (now >= deadlock_check) {
      deadlock_check = Instant::max();
      std::vector<std::vector<LockWait*>> orders;
      const DeadlockVerdict verdict = check_deadlock(wait.owner, orders);
      if (verdict.is_deadlock) fail_deadlock(verdict);
      for (std::size_t i = 0; i < verdict.reordered.size(); ++i) {
        verdict.reordered[i]->queue_ = orders[i];
        wake_waiters(*verdict.reordered[i]);
      }
      if (wait.granted) break;
    }
    if (now >= lock_deadline && lock_deadline <= limits.statement_deadline) {
      fail("55P03", "canceling statement due to lock timeout");
    }
    if (now >= limits.statement_deadline) fail("57014", "canceling statement due to statement timeout");
  }
}

bool LockManager::release(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level) {
  for (std::size_t i = owner.held.size(); i-- > 0;) {
    const HeldLock& held = owner.held[i];
    if (held.lock != &lock || held.mode != mode || held.level != level) continue;
    owner.held.erase(owner.held.begin() + static_cast<std::ptrdiff_t>(i));
    drop(owner, lock);
    return true;
  }
  return false;
}

void LockManager::release_from(Transaction& owner, std::uint32_t level) {
  while (!owner.held.empty() && owner.held.back().level >= level) {
    Lock& lock = *owner.held.back().lock;
    owner.held.pop_back();
    drop(owner, lock);
  }
  // Locks of the session itself may stand above (they are taken inside transactions).
  for (std::size_t i = owner.held.size(); i-- > 0;) {
    if (owner.held[i].level < level) continue;
    Lock& lock = *owner.held[i].lock;
    owner.held.erase(owner.held.begin() + static_cast<std::ptrdiff_t>(i));
    drop(owner, lock);
  }
}

void LockManager::drop(Transaction& owner, Lock& lock) {
  const bool is_last = owner.held.empty() && lock.holders_.size() == 1 && lock.holders_.front().owner == &owner;
  if (is_last && lock.queue_.empty()) {
    lock.holders_.clear();
    forget_if_free(lock);
    return;
  }
  LockMask left = 0;
  for (const HeldLock& held : owner.held) {
    if (held.lock == &lock) left = static_cast<LockMask>(left | mask_of(held.mode));
  }
  for (std::size_t i = 0; i < lock.holders_.size(); ++i) {
    if (lock.holders_[i].owner != &owner) continue;
    lock.holders_[i].modes = left;
    if (left == 0) lock.holders_.erase(lock.holders_.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  if (!lock.queue_.empty()) wake_waiters(lock);
  if (left == 0) forget_if_free(lock);
}

/// ProcLockWakeup: in queue order, whoever conflicts neither with holders nor with those still waiting before.
void LockManager::wake_waiters(Lock& lock) {
  LockMask ahead = 0;
  for (std::size_t i = 0; i < lock.queue_.size();) {
    LockWait& wait = *lock.queue_[i];
    const LockMask conflicting = conflicting_modes(wait.mode);
    if ((ahead & conflicting) == 0 && (lock.held_by_others(wait.owner) & conflicting) == 0) {
      lock.queue_.erase(lock.queue_.begin() + static_cast<std::ptrdiff_t>(i));
      grant(wait.owner, lock, wait.mode, wait.level);
      wait.granted = true;
      wait.waiter.wake();
    } else {
      ahead = static_cast<LockMask>(ahead | mask_of(wait.mode));
      ++i;
    }
  }
}

void LockManager::finished(Transaction& owner, Xid xid) {
  std::erase_if(owner.xid_waiters, [xid](LockWait* wait) {
    if (wait->xid != xid) return false;
    wait->granted = true;
    wait->awaited = nullptr;  // its session may be gone before the waiter runs
    wait->waiter.wake();
    return true;
  });
}

void LockManager::forget_if_free(Lock& lock) {
  if (lock.tag().kind != LockTag::Kind::relation && lock.is_free()) locks_.erase(lock.tag());
}

Lock& LockManager::tuple_lock(std::uint64_t table, VersionId version) {
  const LockTag tag{LockTag::Kind::tuple, table, version, 0};
  return locks_.try_emplace(tag, tag).first->second;
}

Lock& LockManager::advisory_lock(const LockTag& tag) { return locks_.try_emplace(tag, tag).first->second; }

}  // namespace orrery::sim::database
