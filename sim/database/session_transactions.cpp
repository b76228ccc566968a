#include <algorithm>
#include <utility>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/notifications.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {

void SessionImpl::begin_if_needed() {
  Transaction& txn = transaction;
  if (txn.is_open) return;
  txn.is_open = true;
  txn.is_explicit = false;
  txn.has_failed = false;
  txn.has_snapshot = false;
  txn.command = 0;
  txn.start_time = txn.statement_time;
  txn.deferral.all.reset();
  txn.deferral.some.clear();
  txn.levels.clear();
  txn.levels.emplace_back();
  txn.xids.clear();
  const StatementSettings& defaults = settings.of_statement();
  txn.isolation = defaults.repeatable_read ? Isolation::repeatable_read
                  : defaults.serializable  ? Isolation::serializable
                                           : Isolation::read_committed;
  txn.is_read_only = defaults.read_only || engine.is_read_only || replayed;
  txn.is_deferrable = false;
}

Xid SessionImpl::current_xid() {
  Transaction& txn = transaction;
  for (std::size_t i = 0; i < txn.levels.size(); ++i) {
    TransactionLevel& level = txn.levels[i];
    if (level.xid != 0) continue;
    level.xid = engine.transactions.assign(txn.slot, i == 0);
    txn.xids.push_back(level.xid);
  }
  return txn.levels.back().xid;
}

void SessionImpl::take_snapshot() {
  Transaction& txn = transaction;
  if (!txn.has_snapshot || txn.isolation == Isolation::read_committed) {
    if (replayed && txn.isolation == Isolation::serializable) {
      fail("0A000", "cannot use serializable mode in a hot standby", 0, {}, "You can use REPEATABLE READ instead.");
    }
    txn.snapshot.sequence = replayed ? replayed() : engine.transactions.last_commit();
    txn.snapshot.slot = txn.slot;
    txn.snapshot.xmin = engine.transactions.oldest_running();
    txn.snapshot.xmax = engine.transactions.next_xid();
    txn.has_snapshot = true;
    if (txn.isolation == Isolation::serializable) {
      txn.serializable = engine.serializable.begin(txn.snapshot, txn.is_read_only);
    }
  }
  txn.snapshot.command = txn.command;
}

Task<> SessionImpl::take_safe_snapshot() {
  Transaction& txn = transaction;
  while (true) {
    take_snapshot();
    if (txn.serializable == nullptr) co_return;
    SerializableTransaction& candidate = *txn.serializable;
    Waiter waiter(engine.locks.executor());
    candidate.safe_waiter = &waiter;
    txn.waits_for_safe_snapshot = true;
    while (!candidate.is_safe && !candidate.is_unsafe) {
      const bool woken = co_await waiter.wait_until(txn.limits.statement_deadline);
      if (!woken) fail("57014", "canceling statement due to statement timeout");
      if (txn.limits.is_cancelled) fail("57014", "canceling statement due to user request");
    }
    txn.waits_for_safe_snapshot = false;
    const bool is_safe = candidate.is_safe;
    end_serializable(false);
    if (is_safe) co_return;
    txn.has_snapshot = false;
  }
}

void SessionImpl::end_serializable(bool committed) {
  Transaction& txn = transaction;
  txn.waits_for_safe_snapshot = false;
  if (txn.serializable == nullptr) return;
  engine.serializable.end(*std::exchange(txn.serializable, nullptr), committed, txn.xids);
}

void SessionImpl::doubt_serializability(const char* during) {
  if (!doubt || transaction.serializable == nullptr || !engine.serializable.has_company(*transaction.serializable)) return;
  if (!doubt()) return;
  fail("40001", "could not serialize access due to read/write dependencies among transactions", 0,
       std::string("Reason code: Canceled on identification as a pivot, during ") + during + ".",
       "The transaction might succeed if retried.");
}

void SessionImpl::report_commit(Xid xid, std::uint64_t place) {
  CommittedTransaction committed;
  committed.transaction_id = xid;
  committed.place = place;
  committed.is_asynchronous = settings.of_statement().asynchronous_commit;
  committed.changes.reserve(transaction.writes.size());
  for (const WriteRecord& write : transaction.writes) {
    RowChange& change = committed.changes.emplace_back();
    change.table = write.table->qualified_name;
    change.operation = write.operation == RowWrite::insert   ? RowOperation::insert
                       : write.operation == RowWrite::update ? RowOperation::update
                                                             : RowOperation::remove;
    change.shape = write.table->shape;
    const Heap& heap = *write.table->heap;
    const std::vector<Column>& columns = write.table->columns;
    const Value* const before = write.before == kNoVersion ? nullptr : heap[write.before].row;
    const Value* const after = write.after == kNoVersion ? nullptr : heap[write.after].row;
    if (before != nullptr) {
      change.before.reserve(columns.size());
      for (std::size_t i = 0; i < columns.size(); ++i) append_sql_value(before[i], columns[i].type, change.before);
    }
    if (after == nullptr) continue;
    change.after.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      // What an update leaves alone is the same object, and need not be written out (jsonb!) a second time.
      const bool is_same = before != nullptr && before[i].is_identical(after[i]);
      if (is_same) {
        change.after.push_back(change.before[i]);
      } else {
        append_sql_value(after[i], columns[i].type, change.after);
      }
    }
  }
  engine.observer(std::move(committed));
}

void SessionImpl::commit() {
  Transaction& txn = transaction;
  if (txn.serializable != nullptr) {
    doubt_serializability("commit attempt");
    engine.serializable.check_commit(*txn.serializable);
  }
  if (!txn.xids.empty()) {
    if (engine.options.loses_asynchronous_commits && settings.of_statement().asynchronous_commit) engine.keep_commits();
    engine.transactions.commit(txn.xids);
    if (txn.serializable != nullptr) end_serializable(true);
    const std::uint64_t sequence = engine.transactions.last_commit();
    for (const WriteRecord& write : txn.writes) {
      if (write.before != kNoVersion) engine.garbage.push_back({sequence, write.table, write.before});
    }
    if (engine.keeps_commits && !txn.writes.empty()) engine.remember(*this, sequence);
    if (engine.observer && !txn.writes.empty()) report_commit(txn.xids.front(), sequence);
    txn.is_open = false;
    if (!txn.xid_waiters.empty()) {
      for (const Xid xid : txn.xids) engine.locks.finished(txn, xid);
    }
  }
  if (txn.serializable != nullptr) end_serializable(true);
  txn.is_open = false;
  if (!txn.ddl.empty()) {
    engine.last_catalog_change = engine.transactions.last_commit();
    engine.settle(engine.last_catalog_change);
    for (auto& finish : txn.ddl) finish(true);
    txn.ddl.clear();
  }
  txn.fresh_tables.clear();
  txn.writes.clear();
  txn.deferral.checks.clear();
  txn.xids.clear();
  txn.levels.clear();
  end_cursors(true, 0);
  txn.has_snapshot = false;
  engine.locks.release_from(txn, 1);
  if (txn.is_explicit) settings.end_level(true, true);
  txn.is_explicit = false;
  if (!txn.notifications.empty() || !txn.listen_changes.empty()) send_notifications(*this);
  announce_notifications();
  engine.clean_up(64);
}

void SessionImpl::undo_writes(std::size_t from) {
  auto& writes = transaction.writes;
  while (writes.size() > from) {
    const WriteRecord write = writes.back();
    writes.pop_back();
    Heap& heap = *write.table->heap;
    if (write.after != kNoVersion) engine.remove_version(*write.table, write.after);
    if (write.before != kNoVersion) {
      Version& before = heap[write.before];
      before.xmax = 0;
      before.cmax = 0;
      before.ending = Ending::none;
      before.newer = kNoVersion;
    }
  }
}

void SessionImpl::roll_back_level(std::size_t index) {
  Transaction& txn = transaction;
  const TransactionLevel level = txn.levels[index];
  if (index == 0) end_serializable(false);
  undo_writes(level.first_write);
  while (txn.ddl.size() > level.first_ddl) {
    txn.ddl.back()(false);
    txn.ddl.pop_back();
  }
  std::erase_if(txn.fresh_tables, [&](const FreshTable& fresh) { return fresh.level > index; });
  txn.deferral = level.savepoint == nullptr ? Deferral() : level.savepoint->deferral;
  txn.key_checks.clear();
  end_cursors(false, index);
  while (txn.notifications.size() > level.first_notice) {
    txn.notified.erase({txn.notifications.back().channel, txn.notifications.back().payload});
    txn.notifications.pop_back();
  }
  if (txn.listen_changes.size() > level.first_listen) {
    txn.listen_changes.erase(txn.listen_changes.begin() + static_cast<std::ptrdiff_t>(level.first_listen),
                             txn.listen_changes.end());
  }
  std::vector<Xid> finished;
  for (std::size_t i = index; i < txn.levels.size(); ++i) {
    if (txn.levels[i].xid != 0) finished.push_back(txn.levels[i].xid);
  }
  // Ids of savepoints that were released into this level end with it.
  if (!finished.empty()) {
    for (const Xid xid : txn.xids) {
      if (xid > finished.front() && std::find(finished.begin(), finished.end(), xid) == finished.end()) finished.push_back(xid);
    }
  }
  for (const Xid xid : finished) {
    engine.transactions.roll_back(xid);
    std::erase(txn.xids, xid);
  }
  txn.levels.resize(index);
  for (const Xid xid : finished) engine.locks.finished(txn, xid);
  engine.locks.release_from(txn, static_cast<std::uint32_t>(index) + 1);
}

void SessionImpl::roll_back() {
  Transaction& txn = transaction;
  if (!txn.is_open) return;
  if (!txn.levels.empty()) roll_back_level(0);
  txn.is_open = false;
  txn.has_failed = false;
  txn.has_snapshot = false;
  txn.writes.clear();
  txn.xids.clear();
  if (txn.is_explicit) {
    settings.end_level(false, true);
    apply_search_path();
  }
  txn.is_explicit = false;
  announce_notifications();
  engine.clean_up(64);
}

void SessionImpl::fail_transaction() {
  Transaction& txn = transaction;
  if (!txn.is_open) return;
  if (!txn.is_explicit) {
    roll_back();
    return;
  }
  txn.has_failed = true;
  if (txn.levels.empty()) return;
  // The level itself stays as a marker for ROLLBACK TO; its work is gone.
  const std::size_t innermost = txn.levels.size() - 1;
  TransactionLevel marker = txn.levels[innermost];
  roll_back_level(innermost);
  marker.xid = 0;
  marker.first_write = txn.writes.size();
  txn.levels.push_back(std::move(marker));
}

void SessionImpl::define_savepoint(std::string savepoint) {
  Transaction& txn = transaction;
  TransactionLevel level;
  level.savepoint = std::make_shared<const Savepoint>(Savepoint{std::move(savepoint), txn.deferral});
  level.was_read_only = txn.is_read_only;
  level.first_write = txn.writes.size();
  level.first_ddl = txn.ddl.size();
  level.first_notice = txn.notifications.size();
  level.first_listen = txn.listen_changes.size();
  txn.levels.push_back(std::move(level));
  settings.begin_level();
}

namespace {

std::size_t find_savepoint(const Transaction& txn, const std::string& savepoint) {
  for (std::size_t i = txn.levels.size(); i-- > 1;) {
    if (txn.levels[i].savepoint->name == savepoint) return i;
  }
  fail("3B001", "savepoint " + in_quotes(savepoint) + " does not exist");
}

}  // namespace

void SessionImpl::release_savepoint(const std::string& savepoint) {
  Transaction& txn = transaction;
  const std::size_t index = find_savepoint(txn, savepoint);
  for (std::size_t i = txn.levels.size(); i-- > index;) {
    settings.end_level(true, false);
    txn.is_read_only = txn.levels.back().was_read_only;
    const Xid xid = txn.levels.back().xid;
    txn.levels.pop_back();
    if (xid != 0) LockManager::released(txn, xid);
  }
  // What was locked or declared within belongs to the level around it from now on.
  for (HeldLock& held : txn.held) held.level = std::min<std::uint32_t>(held.level, static_cast<std::uint32_t>(index));
  for (auto& [name_of, cursor] : cursors) cursor.level = std::min(cursor.level, index);
  for (FreshTable& fresh : txn.fresh_tables) fresh.level = std::min(fresh.level, index);
}

void SessionImpl::roll_back_to_savepoint(const std::string& savepoint) {
  Transaction& txn = transaction;
  const std::size_t index = find_savepoint(txn, savepoint);
  const std::size_t levels = txn.levels.size();
  txn.is_read_only = txn.levels[index].was_read_only;
  roll_back_level(index);
  for (std::size_t i = index; i < levels; ++i) settings.end_level(false, false);
  apply_search_path();
  txn.has_failed = false;
  define_savepoint(savepoint);
}

}  // namespace orrery::sim::database
