#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/executor.hpp"
#include "runtime/task.hpp"
#include "sim/database/storage/heap.hpp"
#include "sim/database/transactions.hpp"

namespace orrery::sim::database {

/// PostgreSQL's eight lock modes, weakest first (manual, 13.3.1). Advisory and row queues use the same.
enum class LockMode : std::uint8_t {
  none,
  access_share,
  row_share,
  row_exclusive,
  share_update_exclusive,
  share,
  share_row_exclusive,
  exclusive,
  access_exclusive,
};
using LockMask = std::uint16_t;
[[nodiscard]] constexpr LockMask mask_of(LockMode mode) noexcept { return static_cast<LockMask>(1U << static_cast<unsigned>(mode)); }
/// "AccessExclusiveLock"
[[nodiscard]] const char* lock_mode_name(LockMode mode) noexcept;
[[nodiscard]] LockMask conflicting_modes(LockMode mode) noexcept;

/// What is locked. Orders and names locks; the numbers mean what PostgreSQL prints of them.
struct LockTag {
  enum class Kind : std::uint8_t { relation, tuple, advisory };
  Kind kind = Kind::relation;
  std::uint64_t first = 0;   // relation; relation of a tuple; key of an advisory lock, or its first half
  std::uint64_t second = 0;  // version; second half of the key
  std::uint8_t form = 0;     // of advisory keys: 1 one bigint, 2 two ints
  friend constexpr auto operator<=>(const LockTag&, const LockTag&) = default;
};

class Lock;
class LockWait;
class Transaction;

struct LockHolder {
  Transaction* owner;
  LockMask modes;
};

/// One lockable thing: who holds it and who waits, in order.
class Lock {
 public:
  explicit Lock(LockTag tag) : tag_(tag) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  [[nodiscard]] const LockTag& tag() const noexcept { return tag_; }
  [[nodiscard]] bool is_free() const noexcept { return holders_.empty() && queue_.empty(); }
  [[nodiscard]] const std::vector<LockHolder>& holders() const noexcept { return holders_; }
  [[nodiscard]] const std::vector<LockWait*>& queue() const noexcept { return queue_; }
  [[nodiscard]] LockMask held_by_others(const Transaction& owner) const noexcept;
  [[nodiscard]] LockMask held_by(const Transaction& owner) const noexcept;

 private:
  friend class LockManager;
  friend class LockWait;
  LockTag tag_;
  std::vector<LockHolder> holders_;
  std::vector<LockWait*> queue_;
};

/// A lock that a session holds, for each time it was taken.
struct HeldLock {
  Lock* lock;
  LockMode mode;
  std::uint32_t level;  // 0: of the session; from 1: of the transaction and its savepoints
};

/// When a wait ends by itself.
struct WaitLimits {
  Duration lock_timeout{};      // zero: none
  Duration deadlock_timeout = std::chrono::seconds(1);
  Instant statement_deadline = Instant::max();
  bool is_cancelled = false;  // whoever sets it wakes the waiter
};

/// A suspended request: in a lock's queue, or for the end of a transaction id. It lives in the waiting coroutine's frame
/// and leaves every queue when it is destroyed.
class LockWait {
 public:
  LockWait(class LockManager& manager, Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level,
           std::size_t place);
  LockWait(class LockManager& manager, Transaction& owner, Transaction& awaited, Xid xid);
  ~LockWait();
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;

  LockManager& manager;
  Transaction& owner;
  Lock* lock = nullptr;
  LockMode mode = LockMode::none;
  std::uint32_t level = 0;
  Transaction* awaited = nullptr;  // the owner of `xid`
  Xid xid = 0;
  bool granted = false;
  Waiter waiter;
};

/// Table, tuple and advisory locks, waits for transaction ids, and deadlock detection.
class LockManager {
 public:
  LockManager(Executor& executor, TransactionTable& transactions) : executor_(executor), transactions_(transactions) {}

  [[nodiscard]] Executor& executor() noexcept { return executor_; }
  [[nodiscard]] TransactionTable& transactions() noexcept { return transactions_; }

  /// Takes the lock if nobody has to be waited for. Waiters that came before count.
  [[nodiscard]] bool try_acquire(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level);
  /// The same for those that do not wait (NOWAIT, pg_try_advisory_lock): to them waiters count even if these wait for this very
  /// session (LockAcquireExtended asks the queue's modes before it says no, and looks at who waits for whom only to queue).
  [[nodiscard]] bool acquire_at_once(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level);
  /// Takes the lock, waiting in its queue. Throws SqlError 40P01, 55P03, 57014.
  Task<> acquire(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level);
  /// Frees one taking of the lock; false: it was not held.
  bool release(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level);
  /// Frees what was taken at `level` or deeper.
  void release_from(Transaction& owner, std::uint32_t level);
  /// Waits until the id is not running any more. The id of a savepoint that was released is one with its transaction: who waits for it
  /// waits until that ends, also if the work is undone before (XactLockTableWait, SubTransGetTopmostTransaction). Throws as `acquire` does.
  Task<> wait_for(Transaction& owner, Xid xid);
  /// Of a savepoint: from now on those who wait for its id wait for its transaction's.
  static void released(Transaction& owner, Xid xid);
  /// Wakes those who wait for this id.
  void finished(Transaction& owner, Xid xid);

  /// Who owns the transaction ids of a slot; null: the slot is free.
  void set_owner(std::uint32_t slot, Transaction* owner) {
    if (slot >= owners_.size()) owners_.resize(slot + 1);
    owners_[slot] = owner;
  }
  [[nodiscard]] Transaction* owner_of(Xid xid) const noexcept {
    return owners_[TransactionTable::slot_of(transactions_.state(xid))];
  }

  [[nodiscard]] Lock& tuple_lock(std::uint64_t table, VersionId version);
  [[nodiscard]] Lock& advisory_lock(const LockTag& tag);

 private:
  friend class LockWait;
  Task<> sleep(LockWait& wait);
  void grant(Transaction& owner, Lock& lock, LockMode mode, std::uint32_t level);
  void drop(Transaction& owner, Lock& lock);
  void wake_waiters(Lock& lock);
  void forget_if_free(Lock& lock);

  Executor& executor_;
  TransactionTable& transactions_;
  std::vector<Transaction*> owners_;  // by slot
  std::map<LockTag, Lock> locks_;  // of tuples and advisory keys, while someone has to do with them
};

/// Looks for a cycle through `start`. A cycle that exists only because of the order of a queue is resolved by changing
/// that order (`reordered` then holds those locks); otherwise `cycle` names its members.
struct DeadlockVerdict {
  bool is_deadlock = false;
  std::vector<Lock*> reordered;
  std::vector<const LockWait*> cycle;
};
[[nodiscard]] DeadlockVerdict check_deadlock(Transaction& start, std::vector<std::vector<LockWait*>>& new_orders);

}  // namespace orrery::sim::database
