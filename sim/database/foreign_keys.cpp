#include "sim/database/foreign_keys.hpp"

#include <algorithm>
#include <utility>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/row_writes.hpp"

// PostgreSQL checks foreign keys by queries of its own after the statement: a new child locks its parent FOR KEY SHARE;
// a removed or re-keyed parent looks for children. Under READ COMMITTED these look at what is committed by now.

namespace orrery::sim::database {
namespace {

/// The columns' values; nothing if one is NULL (MATCH SIMPLE: then there is nothing to check).
std::optional<std::vector<Value>> key_values(const Value* row, const std::vector<std::uint32_t>& columns) {
  std::vector<Value> key;
  for (const std::uint32_t column : columns) {
    if (row[column].is_null()) return std::nullopt;
    key.push_back(row[column]);
  }
  return key;
}

std::string describe(const Table& table, const std::vector<std::uint32_t>& columns, const Value* row) {
  std::string names;
  std::string values;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) {
      names += ", ";
      values += ", ";
    }
    names += table.columns[columns[i]].name;
    values += output_text(table.columns[columns[i]].type, row[columns[i]]);
  }
  return "(" + names + ")=(" + values + ")";
}

/// What a query of the check sees: the newest commits under READ COMMITTED, else the transaction's own snapshot; always
/// this statement's own changes.
Snapshot check_snapshot(const SessionImpl& session, bool newest) {
  Snapshot snapshot = session.transaction.snapshot;
  snapshot.command = session.transaction.command + 1;
  if (newest || session.transaction.isolation == Isolation::read_committed) {
    snapshot.sequence = session.engine.transactions.last_commit();
  }
  return snapshot;
}

/// The visible row with these values in the given columns, from any index that starts with them, or by a walk.
std::vector<VersionId> find_rows(SessionImpl& session, const Table& table, const std::vector<std::uint32_t>& columns,
                                 const std::vector<Value>& key, const Snapshot& snapshot) {
  std::vector<VersionId> found;
  Serializable& serializable = session.engine.serializable;
  SerializableTransaction* const reader = serializable.reader(session);
  const Heap& heap = *table.heap;
  const TransactionTable& transactions = session.engine.transactions;
  const auto matches = [&](VersionId id) {
    const Version& version = heap[id];
    if (version.row == nullptr) return;
    const bool visible = is_visible(version, snapshot, transactions);
    if (reader != nullptr) serializable.check_read(*reader, version, visible, snapshot);
    if (!visible) return;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Value& value = version.row[columns[i]];
      if (value.is_null() || compare_values(table.columns[columns[i]].type, value, key[i]) != 0) return;
    }
    if (reader != nullptr) serializable.read_row(*reader, table, id);
    found.push_back(id);
  };
  for (const auto& index : table.indexes) {
    if (index->is_dropped || index->creator != 0 || index->predicate != nullptr) continue;
    if (index->elements.size() < columns.size()) continue;
    std::vector<Value> prefix;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      for (std::size_t k = 0; k < columns.size(); ++k) {
        if (index->elements[i].column == static_cast<std::int32_t>(columns[k])) prefix.push_back(key[k]);
      }
    }
    if (prefix.size() != columns.size()) continue;
    const OrderedIndex& tree = *index->tree;
    if (reader != nullptr) serializable.read_keys(*reader, *index, {prefix, prefix, false, true});
    const std::uint32_t bit = 1U << index->number;
    for (auto place = tree.seek(prefix, false); place != tree.end(); tree.advance(place)) {
      VersionId version = tree.at(place);
      if (!tree.has_key(place, prefix)) break;
      while (version != kNoVersion) {
        matches(version);
        version = heap[version].newer;
        if (version != kNoVersion && (heap[version].breaks & bit) != 0) break;
      }
    }
    return found;
  }
  if (reader != nullptr) serializable.read_table(*reader, table);
  for (VersionId id = 0; id < heap.end(); ++id) matches(id);
  return found;
}

/// A row that a check was to lock and that another transaction has changed since the snapshot. PostgreSQL's ExecLockRows
/// calls a deletion an update, too.
void refuse_changed(const SessionImpl& session, LockOutcome outcome) {
  if (session.transaction.isolation == Isolation::read_committed) return;
  if (outcome == LockOutcome::updated || outcome == LockOutcome::removed) fail("40001", "could not serialize access due to concurrent update");
}

}  // namespace

Task<> check_child(SessionImpl& session, const ForeignKey& key, const Value* row) {
  const auto values = key_values(row, key.child_columns);
  if (!values) {
    if (key.match_full && !std::all_of(key.child_columns.begin(), key.child_columns.end(),
                                       [&](std::uint32_t column) { return row[column].is_null(); })) {
      fail_constraint("23503", "insert or update on table " + in_quotes(key.child->name) + " violates foreign key constraint " + in_quotes(key.name),
                      "MATCH FULL does not allow mixing of null and nonnull key values.", key.name);
    }
    co_return;
  }
  Table& parent = *key.parent;
  if (!session.engine.locks.try_acquire(session.transaction, parent.lock, LockMode::row_share, session.transaction.level())) {
    co_await session.engine.locks.acquire(session.transaction, parent.lock, LockMode::row_share, session.transaction.level());
  }
  const Snapshot snapshot = check_snapshot(session, false);
  std::vector<VersionId> parents = find_rows(session, parent, key.parent_columns, *values, snapshot);
  bool found = false;
  if (!parents.empty()) {
    const VersionId version = parents.front();
    session.transaction.snapshot.command = session.transaction.command + 1;
    LockOutcome outcome = co_await lock_row(session, parent, version, RowLock::key_share, WaitPolicy::block);
    if (outcome == LockOutcome::updated && session.transaction.isolation == Isolation::read_committed) {
      VersionId latest = version;
      outcome = co_await lock_latest(session, parent, latest, RowLock::key_share, WaitPolicy::block);
      if (outcome == LockOutcome::locked) {
        const auto again = key_values((*parent.heap)[latest].row, key.parent_columns);
        bool same = again.has_value();
        for (std::size_t i = 0; same && i < again->size(); ++i) {
          same = compare_values(parent.columns[key.parent_columns[i]].type, (*again)[i], (*values)[i]) == 0;
        }
        if (!same) outcome = LockOutcome::removed;
      }
    }
    refuse_changed(session, outcome);
    found = outcome == LockOutcome::locked;
  }
  if (found) co_return;
  fail_constraint("23503", "insert or update on table " + in_quotes(key.child->name) + " violates foreign key constraint " + in_quotes(key.name),
                  "Key " + describe(*key.child, key.child_columns, row) + " is not present in table " + in_quotes(parent.name) + ".",
                  key.name);
}

bool same_key(const Table& table, const std::vector<std::uint32_t>& columns, const Value* a, const Value* b) {
  return std::all_of(columns.begin(), columns.end(), [&](std::uint32_t column) {
    if (a[column].is_null() || b[column].is_null()) return a[column].is_null() == b[column].is_null();
    return compare_values(table.columns[column].type, a[column], b[column]) == 0;
  });
}

KeyAction key_action(const ForeignKey& key, const WriteRecord& write) {
  return write.operation == RowWrite::remove ? key.on_delete : key.on_update;
}

Task<> check_parent(SessionImpl& session, const ForeignKey& key, const WriteRecord& write) {
  const Value* before = (*key.parent->heap)[write.before].row;
  const auto values = key_values(before, key.parent_columns);
  if (!values) co_return;
  const KeyAction action = key_action(key, write);
  Table& child = *key.child;
  Transaction& txn = session.transaction;
  const LockMode mode = action == KeyAction::cascade || action == KeyAction::set_null ? LockMode::row_exclusive : LockMode::row_share;
  if (!session.engine.locks.try_acquire(txn, child.lock, mode, txn.level())) {
    co_await session.engine.locks.acquire(txn, child.lock, mode, txn.level());
  }
  if (action == KeyAction::no_action || action == KeyAction::restrict) {
    // NO ACTION: another row may have taken the key in the meantime.
    if (action == KeyAction::no_action) {
      const std::vector<VersionId> others = find_rows(session, *key.parent, key.parent_columns, *values, check_snapshot(session, true));
      if (!others.empty()) co_return;
    }
    const std::vector<VersionId> children = find_rows(session, child, key.child_columns, *values, check_snapshot(session, true));
    for (const VersionId id : children) {
      txn.snapshot.command = txn.command + 1;
      LockOutcome outcome = co_await lock_row(session, child, id, RowLock::key_share, WaitPolicy::block);
      refuse_changed(session, outcome);
      if (outcome == LockOutcome::removed) continue;
      if (outcome == LockOutcome::updated) {
        VersionId latest = id;
        outcome = co_await lock_latest(session, child, latest, RowLock::key_share, WaitPolicy::block);
        if (outcome != LockOutcome::locked) continue;
        if (!same_key(child, key.child_columns, (*child.heap)[latest].row, (*child.heap)[id].row)) continue;
      }
      fail_constraint("23503",
                      "update or delete on table " + in_quotes(key.parent->name) + " violates foreign key constraint " +
                          in_quotes(key.name) + " on table " + in_quotes(child.name),
                      "Key " + describe(*key.parent, key.parent_columns, before) + " is still referenced from table " +
                          in_quotes(child.name) + ".",
                      key.name);
    }
    co_return;
  }
  const std::vector<VersionId> children = find_rows(session, child, key.child_columns, *values, check_snapshot(session, true));
  const std::size_t first_write = txn.writes.size();
  StatementPlan plan;
  Execution execution(session, session.engine);
  execution.start(plan, session);
  for (const VersionId found : children) {
    VersionId id = found;
    txn.snapshot.command = txn.command + 1;
    RowQueue queue(session, child, id);
    const RowLock strength = action == KeyAction::cascade && write.operation == RowWrite::remove ? RowLock::update : RowLock::no_key_update;
    LockOutcome outcome = co_await await_writable(session, child, id, strength, queue);
    if (txn.isolation != Isolation::read_committed) {
      if (outcome == LockOutcome::removed) fail("40001", "could not serialize access due to concurrent delete");
      // The row was found among the newest ones; it must be one that the transaction's own snapshot shows, too
      // (ri_PerformCheck's crosscheck snapshot).
      const bool is_unseen = outcome == LockOutcome::locked && !is_visible((*child.heap)[id], check_snapshot(session, false), session.engine.transactions);
      if (outcome == LockOutcome::updated || is_unseen) fail("40001", "could not serialize access due to concurrent update");
    }
    if (outcome == LockOutcome::updated) {
      outcome = co_await lock_latest(session, child, id, strength, WaitPolicy::block);
      if (outcome == LockOutcome::locked && !same_key(child, key.child_columns, (*child.heap)[id].row, (*child.heap)[found].row)) continue;
    }
    if (outcome != LockOutcome::locked) continue;
    txn.snapshot.command = txn.command;
    if (action == KeyAction::cascade && write.operation == RowWrite::remove) {
      write_remove(session, child, id);
      continue;
    }
    FreshRow row(*child.heap);
    for (std::size_t i = 0; i < child.columns.size(); ++i) row.get()[i] = (*child.heap)[id].row[i];
    for (std::size_t i = 0; i < key.child_columns.size(); ++i) {
      row.get()[key.child_columns[i]] = action == KeyAction::set_null ? Value() : (*key.parent->heap)[write.after].row[key.parent_columns[i]];
    }
    complete_row(child, row.get(), execution);
    std::vector<std::uint32_t> changed = key.child_columns;
    for (const std::uint32_t column : child.generated_columns()) changed.push_back(column);
    const RowDifference difference = compare_rows(child, changed, (*child.heap)[id].row, row.get());
    std::uint32_t wanted = 0;
    const VersionId after = write_update(session, child, id, row.get(), difference, wanted);
    row.release();
    std::uint32_t next = 0;
    std::optional<Xid> in_flight = add_entries(child, after, wanted, next, execution);
    while (in_flight) {
      const Xid xid = *in_flight;
      co_await session.engine.locks.wait_for(txn, xid);
      in_flight = add_entries(child, after, wanted, next, execution);
    }
  }
  execution.finish();
  if (txn.writes.size() > first_write) {
    ++txn.command;
    co_await check_after_statement(session, first_write);
  }
}

void check_children(SessionImpl& session, const ForeignKey& key) {
  const Table& table = *key.child;
  const Snapshot snapshot = check_snapshot(session, true);
  for (VersionId id = 0; id < table.heap->end(); ++id) {
    const Version& version = (*table.heap)[id];
    if (version.row == nullptr || version.xmax != 0) continue;
    const auto nulls = std::ranges::count_if(key.child_columns, [&](std::uint32_t column) { return version.row[column].is_null(); });
    if (key.match_full && nulls > 0 && nulls < std::ssize(key.child_columns)) {
      fail_constraint("23503", "insert or update on table " + in_quotes(table.name) + " violates foreign key constraint " + in_quotes(key.name),
                      "MATCH FULL does not allow mixing of null and nonnull key values.", key.name);
    }
    const auto values = key_values(version.row, key.child_columns);
    if (!values || !find_rows(session, *key.parent, key.parent_columns, *values, snapshot).empty()) continue;
    fail_constraint("23503", "insert or update on table " + in_quotes(table.name) + " violates foreign key constraint " + in_quotes(key.name),
                    "Key " + describe(table, key.child_columns, version.row) + " is not present in table " + in_quotes(key.parent->name) + ".",
                    key.name);
  }
}

}  // namespace orrery::sim::database
