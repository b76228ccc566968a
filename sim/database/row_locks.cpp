#include "sim/database/row_locks.hpp"

#include <algorithm>

#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

RowLock strength_of(Ending ending) {
  return ending == Ending::updated ? RowLock::no_key_update : RowLock::update;
}

/// The table-lock modes that PostgreSQL's row queues use for the four strengths (heapam.c, tupleLockExtraInfo).
LockMode queue_mode(RowLock mode) {
  switch (mode) {
    case RowLock::key_share:
      return LockMode::access_share;
    case RowLock::share:
      return LockMode::row_share;
    case RowLock::no_key_update:
      return LockMode::exclusive;
    case RowLock::update:
      return LockMode::access_exclusive;
  }
  return LockMode::access_exclusive;
}

/// Drops lockers that are not running any more.
void prune_lockers(Version& version, const TransactionTable& transactions) {
  if (version.lockers == nullptr) return;
  std::erase_if(*version.lockers, [&](const RowLocker& locker) { return !transactions.is_running(locker.xid); });
  if (version.lockers->empty()) version.lockers.reset();
}

void add_locker(SessionImpl& session, Version& version, RowLock mode) {
  const Xid xid = session.current_xid();
  prune_lockers(version, session.engine.transactions);
  if (version.lockers == nullptr) version.lockers = std::make_unique<std::vector<RowLocker>>();
  for (RowLocker& locker : *version.lockers) {
    const bool is_own = session.engine.transactions.is_own(locker.xid, session.transaction.slot);
    if (is_own && locker.mode >= mode) return;
    if (locker.xid == xid) {
      locker.mode = mode;
      return;
    }
  }
  version.lockers->push_back({xid, mode});
}

/// As the members of a MultiXact lie, whatever they did to the row.
void in_order_of_age(std::vector<Xid>& xids) {
  if (xids.size() > 1) std::sort(xids.begin(), xids.end());
}

}  // namespace

void fail_concurrent(bool removed) {
  fail("40001", std::string("could not serialize access due to concurrent ") + (removed ? "delete" : "update"));
}

RowExamination examine_row(const SessionImpl& session, Heap& heap, VersionId id, RowLock mode, bool for_lock) {
  Version& version = heap[id];
  const TransactionTable& transactions = session.engine.transactions;
  const Transaction& txn = session.transaction;
  RowExamination result;
  const std::uint64_t made = transactions.state(version.xmin);
  if ((made & TransactionTable::kRunning) != 0) {
    const bool is_own = TransactionTable::slot_of(made) == txn.slot;
    if (!is_own || version.cmin >= txn.snapshot.command) {
      result.state = RowState::invisible;
      if (!is_own) result.to_await.push_back(version.xmin);
      return result;
    }
  }
  const bool passes_update = for_lock && mode == RowLock::key_share && version.ending == Ending::updated;
  if (version.xmax != 0) {
    const std::uint64_t ended = transactions.state(version.xmax);
    if ((ended & TransactionTable::kRunning) != 0) {
      if (TransactionTable::slot_of(ended) == txn.slot) {
        result.state = version.cmax >= txn.snapshot.command ? RowState::self_modified : RowState::invisible;
        if (!passes_update) return result;
        result.state = RowState::free;
      } else if (conflicts(strength_of(version.ending), mode)) {
        result.state = RowState::busy;
        result.to_await.push_back(version.xmax);
      }
    } else if (!passes_update) {
      result.state = version.newer == kNoVersion ? RowState::removed : RowState::updated;
      if (version.lockers == nullptr) return result;
    }
  }
  // Those who lock it come before what became of it: a MultiXact of which a member runs is in progress (HeapTupleSatisfiesUpdate).
  if (version.lockers != nullptr) {
    for (const RowLocker& locker : *version.lockers) {
      const std::uint64_t state = transactions.state(locker.xid);
      if ((state & TransactionTable::kRunning) == 0) continue;
      if (TransactionTable::slot_of(state) == txn.slot) {
        result.is_own = true;
      } else if (conflicts(locker.mode, mode)) {
        result.state = RowState::busy;
        result.to_await.push_back(locker.xid);
      }
    }
  }
  in_order_of_age(result.to_await);
  return result;
}

LockOutcome try_lock_row(SessionImpl& session, Table& table, VersionId id, RowLock mode) {
  const RowExamination examined = examine_row(session, *table.heap, id, mode, true);
  switch (examined.state) {
    case RowState::busy:
      return LockOutcome::would_block;
    case RowState::updated:
      return LockOutcome::updated;
    case RowState::removed:
      return LockOutcome::removed;
    case RowState::self_modified:
      return LockOutcome::self_modified;
    case RowState::invisible:
      return LockOutcome::invisible;
    case RowState::free:
      break;
  }
  Heap& heap = *table.heap;
  // The lock goes along the chain: who changes the newest version must see it too (heap_lock_updated_tuple).
  for (VersionId newer = heap[id].newer; newer != kNoVersion; newer = heap[newer].newer) {
    for (const RowLocker& locker : heap[newer].lockers == nullptr ? std::vector<RowLocker>{} : *heap[newer].lockers) {
      const std::uint64_t state = session.engine.transactions.state(locker.xid);
      const bool is_other = (state & TransactionTable::kRunning) != 0 &&
                            TransactionTable::slot_of(state) != session.transaction.slot;
      if (is_other && conflicts(locker.mode, mode)) return LockOutcome::would_block;
    }
    const Version& version = heap[newer];
    // A committed change of the key, or a delete, further along the chain: there is no such row any more.
    if (version.xmax != 0 && !session.engine.transactions.is_running(version.xmax) &&
        conflicts(strength_of(version.ending), mode)) {
      return LockOutcome::updated;
    }
    if (version.xmax != 0 && session.engine.transactions.is_running(version.xmax) &&
        !session.engine.transactions.is_own(version.xmax, session.transaction.slot) &&
        conflicts(strength_of(version.ending), mode)) {
      return LockOutcome::would_block;
    }
  }
  add_locker(session, heap[id], mode);
  for (VersionId newer = heap[id].newer; newer != kNoVersion; newer = heap[newer].newer) {
    add_locker(session, heap[newer], mode);
  }
  return LockOutcome::locked;
}

RowQueue::~RowQueue() {
  if (lock_ != nullptr) session_.engine.locks.release(session_.transaction, *lock_, mode_, level_);
}

Task<> RowQueue::enter(RowLock mode) {
  if (lock_ != nullptr) co_return;
  LockManager& locks = session_.engine.locks;
  Lock& lock = locks.tuple_lock(table_.id, version_);
  const LockMode wanted = queue_mode(mode);
  const std::uint32_t level = session_.transaction.level();
  co_await locks.acquire(session_.transaction, lock, wanted, level);
  lock_ = &lock;
  mode_ = wanted;
  level_ = level;
}

namespace {

/// The transactions to wait for, those on newer versions of a chain that a lock must pass, too.
std::vector<Xid> blockers(SessionImpl& session, Table& table, VersionId id, RowLock mode, bool for_lock) {
  Heap& heap = *table.heap;
  RowExamination examined = examine_row(session, heap, id, mode, for_lock);
  if (!examined.to_await.empty() || !for_lock) return examined.to_await;
  const TransactionTable& transactions = session.engine.transactions;
  std::vector<Xid> of_version;
  const auto add = [&](Xid xid, RowLock held) {
    const std::uint64_t state = transactions.state(xid);
    if ((state & TransactionTable::kRunning) != 0 && TransactionTable::slot_of(state) != session.transaction.slot &&
        conflicts(held, mode)) {
      of_version.push_back(xid);
    }
  };
  std::vector<Xid> result;
  for (VersionId newer = heap[id].newer; newer != kNoVersion; newer = heap[newer].newer) {
    if (heap[newer].lockers != nullptr) {
      for (const RowLocker& locker : *heap[newer].lockers) add(locker.xid, locker.mode);
    }
    if (heap[newer].xmax != 0) add(heap[newer].xmax, strength_of(heap[newer].ending));
    in_order_of_age(of_version);
    result.insert(result.end(), of_version.begin(), of_version.end());
    of_version.clear();
  }
  return result;
}

}  // namespace

Task<LockOutcome> lock_row(SessionImpl& session, Table& table, VersionId version, RowLock mode, WaitPolicy policy) {
  LockOutcome outcome = try_lock_row(session, table, version, mode);
  if (outcome != LockOutcome::would_block) co_return outcome;
  // Who must go along to newer versions of the row waits there even so (heap_lock_updated_tuple knows no NOWAIT).
  if (policy != WaitPolicy::block && examine_row(session, *table.heap, version, mode, true).state == RowState::busy) {
    if (policy == WaitPolicy::skip) co_return outcome;
    fail("55P03", "could not obtain lock on row in relation " + in_quotes(table.name));
  }
  RowQueue queue(session, table, version);
  while (outcome == LockOutcome::would_block) {
    // Who holds a weaker lock already does not queue: it could wait for someone who waits for it.
    const RowExamination examined = examine_row(session, *table.heap, version, mode, true);
    if (!examined.is_own && !queue.is_held() && examined.state == RowState::busy) co_await queue.enter(mode);
    const std::vector<Xid> to_await = blockers(session, table, version, mode, true);
    for (const Xid xid : to_await) co_await session.engine.locks.wait_for(session.transaction, xid);
    outcome = try_lock_row(session, table, version, mode);
  }
  co_return outcome;
}

Task<LockOutcome> lock_latest(SessionImpl& session, Table& table, VersionId& version, RowLock mode, WaitPolicy policy) {
  while (true) {
    const VersionId newer = (*table.heap)[version].newer;
    if (newer == kNoVersion) co_return LockOutcome::removed;
    version = newer;
    const Version& latest = (*table.heap)[version];
    const bool is_foreign = session.engine.transactions.is_running(latest.xmin) &&
                            !session.engine.transactions.is_own(latest.xmin, session.transaction.slot);
    if (is_foreign) {
      if (policy == WaitPolicy::skip) co_return LockOutcome::would_block;
      if (policy == WaitPolicy::error) fail("55P03", "could not obtain lock on row in relation " + in_quotes(table.name));
      const Xid xid = latest.xmin;
      co_await session.engine.locks.wait_for(session.transaction, xid);
    }
    const LockOutcome outcome = co_await lock_row(session, table, version, mode, policy);
    // Whoever goes along the versions does not ask who removed the last one (heapam_tuple_lock): it may be this command.
    if (outcome == LockOutcome::self_modified && (*table.heap)[version].ending == Ending::removed) co_return LockOutcome::removed;
    if (outcome != LockOutcome::updated) co_return outcome;
  }
}

Task<LockOutcome> await_writable(SessionImpl& session, Table& table, VersionId version, RowLock mode, RowQueue& queue) {
  while (true) {
    const RowExamination examined = examine_row(session, *table.heap, version, mode, false);
    switch (examined.state) {
      case RowState::free:
        co_return LockOutcome::locked;
      case RowState::updated:
        co_return LockOutcome::updated;
      case RowState::removed:
        co_return LockOutcome::removed;
      case RowState::self_modified:
        co_return LockOutcome::self_modified;
      case RowState::invisible:
        co_return LockOutcome::invisible;
      case RowState::busy:
        break;
    }
    if (!examined.is_own && !queue.is_held()) {
      co_await queue.enter(mode);
      continue;
    }
    for (const Xid xid : examined.to_await) co_await session.engine.locks.wait_for(session.transaction, xid);
  }
}

}  // namespace orrery::sim::database
