#pragma once

#include <cstdint>
#include <vector>

#include "runtime/task.hpp"
#include "sim/database/plan.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {

/// What stands in the way of locking or changing a version.
enum class RowState : std::uint8_t {
  free,           // nothing: lock it or write it
  busy,           // running transactions hold conflicting locks, or end it
  self_modified,  // this very command has changed it already
  invisible,      // made by a transaction that runs, or by this very command
  updated,        // a committed transaction made a newer version
  removed,        // a committed transaction deleted it
};

struct RowExamination {
  RowState state = RowState::free;
  bool is_own = false;            // this transaction holds some lock on it
  std::vector<Xid> to_await;      // of a busy row
};

/// HeapTupleSatisfiesUpdate and the lock conflicts of heap_lock_tuple, heap_update and heap_delete. `for_lock`: a
/// KEY SHARE lock looks past an update that leaves the key alone, even a committed one.
[[nodiscard]] RowExamination examine_row(const SessionImpl& session, Heap& heap, VersionId version, RowLock mode,
                                         bool for_lock);

/// 40001: a snapshot of the whole transaction met a row that another transaction has changed since.
[[noreturn]] void fail_concurrent(bool removed);

/// True if `examine_row` would find the version free in every mode and locked by nobody: most are.
[[nodiscard]] inline bool is_untouched(const SessionImpl& session, const Version& version) noexcept {
  return version.xmax == 0 && version.lockers == nullptr && !session.engine.transactions.is_running(version.xmin);
}

/// Somebody else holds the version, so that whoever wants it in this mode has to wait.
[[nodiscard]] inline bool is_busy(const SessionImpl& session, Heap& heap, VersionId version, RowLock mode, bool for_lock) {
  return !is_untouched(session, heap[version]) && examine_row(session, heap, version, mode, for_lock).state == RowState::busy;
}

enum class LockOutcome : std::uint8_t { locked, would_block, updated, removed, self_modified, invisible };

/// Locks a version without waiting; `would_block` if it must be waited for.
[[nodiscard]] LockOutcome try_lock_row(SessionImpl& session, Table& table, VersionId version, RowLock mode);
/// Waits as the policy says. With WaitPolicy::error a busy row throws 55P03.
Task<LockOutcome> lock_row(SessionImpl& session, Table& table, VersionId version, RowLock mode, WaitPolicy policy);
/// Follows the newer versions from an updated one and locks the last; `version` becomes it.
Task<LockOutcome> lock_latest(SessionImpl& session, Table& table, VersionId& version, RowLock mode, WaitPolicy policy);

/// Waits until a version can be written: `locked` means that nothing is in the way right now. Meanwhile the session holds
/// the row's place in the queue (`queue`), to be given up after the write.
class RowQueue {
 public:
  RowQueue(SessionImpl& session, Table& table, VersionId version) : session_(session), table_(table), version_(version) {}
  RowQueue(const RowQueue&) = delete;
  RowQueue& operator=(const RowQueue&) = delete;
  ~RowQueue();
  /// Stands in the row's queue. Throws as LockManager::acquire.
  Task<> enter(RowLock mode);
  [[nodiscard]] bool is_held() const noexcept { return lock_ != nullptr; }

 private:
  SessionImpl& session_;
  Table& table_;
  VersionId version_;
  Lock* lock_ = nullptr;
  LockMode mode_ = LockMode::none;
  std::uint32_t level_ = 0;
};

Task<LockOutcome> await_writable(SessionImpl& session, Table& table, VersionId version, RowLock mode, RowQueue& queue);

}  // namespace orrery::sim::database
