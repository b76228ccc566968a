#include "sim/database/row_writes.hpp"

#include <algorithm>

namespace orrery::sim::database {

VersionId write_insert(SessionImpl& session, Table& table, Value* row) {
  if (auto* const writer = session.transaction.serializable) session.engine.serializable.check_insert(*writer, table);
  session.engine.find_room(table);
  const Xid xid = session.current_xid();
  const VersionId version = table.heap->add(row, xid, session.transaction.snapshot.command);
  session.transaction.writes.push_back({&table, kNoVersion, version, RowWrite::insert});
  return version;
}

namespace {

bool is_key_column(const Table& table, std::uint32_t column) {
  for (const auto& index : table.indexes) {
    if ((index->columns_used & Index::column_bit(column)) == 0) continue;
    if (!index->is_unique || index->is_dropped || index->predicate != nullptr) continue;
    bool is_plain = true;
    bool has_column = false;
    for (const KeyElement& element : index->elements) {
      is_plain = is_plain && element.column >= 0;
      has_column = has_column || element.column == static_cast<std::int32_t>(column);
    }
    if (is_plain && has_column) return true;
  }
  return false;
}

}  // namespace

RowDifference compare_rows(const Table& table, const std::vector<std::uint32_t>& columns, const Value* before,
                           const Value* after, bool may_change_key) {
  RowDifference difference;
  for (const std::uint32_t column : columns) {
    const Value& a = before[column];
    const Value& b = after[column];
    if (a.is_identical(b)) continue;
    bool same = a.is_null() == b.is_null();
    if (same && !a.is_null()) {
      const EqualFunction equal = equal_function(table.columns[column].type);
      same = equal != nullptr && equal(a, b);
    }
    if (same) continue;
    difference.columns |= Index::column_bit(column);
    difference.changes_key = difference.changes_key || (may_change_key && is_key_column(table, column));
  }
  return difference;
}

VersionId write_update(SessionImpl& session, Table& table, VersionId before, Value* row, const RowDifference& difference,
                       std::uint32_t& wanted) {
  if (auto* const writer = session.transaction.serializable) session.engine.serializable.check_write(*writer, table, before);
  session.engine.find_room(table);
  Heap& heap = *table.heap;
  const Xid xid = session.current_xid();
  const std::uint32_t command = session.transaction.snapshot.command;
  // Indexes whose key and condition do not depend on what changed go on using the older version's entry.
  wanted = 0;
  std::uint32_t breaks = 0;
  for (const auto& index : table.indexes) {
    if (index->is_dropped) continue;
    const std::uint32_t bit = 1U << index->number;
    if ((index->columns_used & difference.columns) == 0) {
      for (const KeyColumn& column : index->tree->columns()) {
        if (column.place >= table.columns.size()) row[column.place] = heap[before].row[column.place];
      }
      continue;
    }
    breaks |= bit;
    wanted |= bit;
  }
  const VersionId after = heap.add(row, xid, command);
  Version& old_version = heap[before];
  Version& new_version = heap[after];
  new_version.breaks = breaks;
  old_version.xmax = xid;
  old_version.cmax = command;
  // An update of a row that the same transaction id has locked FOR UPDATE keeps that strength, whatever it changes
  // (compute_new_xmax_infomask): those who look at the key take it for another one.
  const bool was_locked_for_update =
      old_version.lockers != nullptr && std::any_of(old_version.lockers->begin(), old_version.lockers->end(), [&](const RowLocker& locker) {
        return locker.xid == xid && locker.mode == RowLock::update;
      });
  old_version.ending = difference.changes_key || was_locked_for_update ? Ending::key_updated : Ending::updated;
  old_version.newer = after;
  // Locks that others (or this transaction) hold on the row hold for its new version.
  if (old_version.lockers != nullptr) {
    for (const RowLocker& locker : *old_version.lockers) {
      if (!session.engine.transactions.is_running(locker.xid)) continue;
      if (new_version.lockers == nullptr) new_version.lockers = std::make_unique<std::vector<RowLocker>>();
      new_version.lockers->push_back(locker);
    }
  }
  session.transaction.writes.push_back({&table, before, after, RowWrite::update});
  return after;
}

void write_remove(SessionImpl& session, Table& table, VersionId version) {
  if (auto* const writer = session.transaction.serializable) session.engine.serializable.check_write(*writer, table, version);
  const Xid xid = session.current_xid();
  Version& removed = (*table.heap)[version];
  removed.xmax = xid;
  removed.cmax = session.transaction.snapshot.command;
  removed.ending = Ending::removed;
  removed.newer = kNoVersion;
  session.transaction.writes.push_back({&table, version, kNoVersion, RowWrite::remove});
}

}  // namespace orrery::sim::database
