#include <algorithm>
#include <utility>

#include "sim/database/constraints.hpp"
#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/utility.hpp"

// PostgreSQL checks foreign keys by queries of its own after the statement: a new child locks its parent FOR KEY SHARE;
// a removed or re-keyed parent looks for children. Under READ COMMITTED these look at what is committed by now.

namespace orrery::sim::database {
namespace {

KeyAction action_of(const char* letter, std::int32_t location) {
  switch (letter[0]) {
    case 'r':
      return KeyAction::restrict;
    case 'c':
      return KeyAction::cascade;
    case 'n':
      return KeyAction::set_null;
    case 'd':
      fail_unsupported("SET DEFAULT of a foreign key", position_of(location));
    default:
      return KeyAction::no_action;
  }
}

std::vector<std::uint32_t> columns_of(const Table& table, Nodes names, bool referencing) {
  std::vector<std::uint32_t> columns;
  for (const Node* node : names) {
    const auto column = table.column(node->string->sval);
    if (!column) {
      fail("42703", "column " + in_quotes(node->string->sval) + " referenced in foreign key constraint does not exist");
    }
    columns.push_back(*column);
  }
  (void)referencing;
  return columns;
}

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
      if (tree.compare(heap[version].row, prefix) != 0) break;
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

/// Children of a parent that is gone, or has another key: refused, removed with it, or cut off.
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
    static_cast<void>(row.release());
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

/// Throws 23503 unless each row of the child has its parent.
void check_rows_of(SessionImpl& session, const ForeignKey& key) {
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

}  // namespace

void validate_foreign_key(SessionImpl& session, ForeignKey& key) {
  if (key.is_valid) return;
  check_rows_of(session, key);
  key.is_valid = true;
  Catalog& catalog = session.engine.catalog;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, &key](bool committed) {
    if (!committed) key.is_valid = false;
    ++catalog.version;
  });
}

void add_foreign_key(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint,
                     const std::string& only_column) {
  const std::int32_t position = position_of(constraint.location);
  if (constraint.n_fk_del_set_cols > 0) fail_unsupported("ON DELETE SET NULL of some columns", position);
  auto key = std::make_unique<ForeignKey>();
  key->child = &table;
  key->parent = &session.naming.named_table(*constraint.pktable);
  key->on_delete = action_of(constraint.fk_del_action, constraint.location);
  key->on_update = action_of(constraint.fk_upd_action, constraint.location);
  key->is_deferrable = constraint.deferrable || constraint.initdeferred;
  key->is_deferred = constraint.initdeferred;
  key->match_full = constraint.fk_matchtype[0] == 'f';
  key->child_columns = columns_of(table, Nodes(constraint.fk_attrs, constraint.n_fk_attrs), true);
  if (key->child_columns.empty()) key->child_columns.push_back(*table.column(only_column));
  for (const std::uint32_t column : key->child_columns) {
    if (!table.columns[column].is_generated) continue;
    if (key->on_update == KeyAction::cascade || key->on_update == KeyAction::set_null) {
      fail("42601", "invalid ON UPDATE action for foreign key constraint containing generated column");
    }
    if (key->on_delete == KeyAction::set_null) {
      fail("42601", "invalid ON DELETE action for foreign key constraint containing generated column");
    }
  }
  key->parent_columns = columns_of(*key->parent, Nodes(constraint.pk_attrs, constraint.n_pk_attrs), false);
  if (key->parent_columns.empty()) {
    key->parent_index = key->parent->primary_key();
    if (key->parent_index == nullptr) {
      fail("42704", "there is no primary key for referenced table " + in_quotes(key->parent->name));
    }
    if (key->parent_index->is_deferrable) {
      fail("55000", "cannot use a deferrable primary key for referenced table " + in_quotes(key->parent->name));
    }
    for (const KeyElement& element : key->parent_index->elements) {
      key->parent_columns.push_back(static_cast<std::uint32_t>(element.column));
    }
  }
  if (key->parent_columns.size() != key->child_columns.size()) {
    fail("42830", "number of referencing and referenced columns for foreign key disagree");
  }
  bool is_deferrable = false;
  for (const auto& index : key->parent->indexes) {
    if (!index->is_unique || index->is_dropped || index->predicate != nullptr) continue;
    if (index->elements.size() != key->parent_columns.size()) continue;
    const bool covers = std::all_of(index->elements.begin(), index->elements.end(), [&](const KeyElement& element) {
      return std::find(key->parent_columns.begin(), key->parent_columns.end(), static_cast<std::uint32_t>(element.column)) !=
             key->parent_columns.end();
    });
    if (!covers) continue;
    is_deferrable = is_deferrable || index->is_deferrable;
    if (!index->is_deferrable) key->parent_index = index.get();
  }
  if (key->parent_index == nullptr && is_deferrable) {
    fail("55000", "cannot use a deferrable unique constraint for referenced table " + in_quotes(key->parent->name));
  }
  if (key->parent_index == nullptr) {
    fail("42830", "there is no unique constraint matching given keys for referenced table " + in_quotes(key->parent->name));
  }
  for (std::size_t i = 0; i < key->child_columns.size(); ++i) {
    const TypeRef child_type = table.columns[key->child_columns[i]].type;
    const TypeRef parent_type = key->parent->columns[key->parent_columns[i]].type;
    if (!child_type.same(parent_type)) {
      const bool both_integers = category_of(child_type) == TypeCategory::numeric && category_of(parent_type) == TypeCategory::numeric &&
                                 !child_type.is(Type::numeric) && !parent_type.is(Type::numeric);
      if (both_integers && compare_function(child_type) != nullptr && !child_type.is(Type::float8) && !parent_type.is(Type::float8)) continue;
      fail_unsupported("a foreign key between different types", position);
    }
  }
  key->name = constraint.conname;
  refuse_known_constraint(table, key->name);
  if (key->name.empty()) {
    std::string base = table.name;
    for (const std::uint32_t column : key->child_columns) base += "_" + table.columns[column].name;
    base += "_fkey";
    key->name = base;
    const auto taken = [&] {
      return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                         [&](const auto& other) { return other->name == key->name && !other->is_dropped; });
    };
    for (int number = 1; taken(); ++number) key->name = base + std::to_string(number);
  }
  key->is_valid = !constraint.skip_validation;
  if (key->is_valid) check_rows_of(session, *key);
  ForeignKey* added = table.foreign_keys.emplace_back(std::move(key)).get();
  added->parent->referenced_by.push_back(added);
  Catalog& catalog = session.engine.catalog;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, added](bool committed) {
    if (!committed) added->is_dropped = true;
    ++catalog.version;
  });
}

namespace {

bool is_deferred(const Transaction& txn, const Deferrable& key) {
  if (!key.is_deferrable) return false;
  for (std::size_t i = txn.deferral.some.size(); i-- > 0;) {
    if (txn.deferral.some[i].first == &key) return txn.deferral.some[i].second;
  }
  return txn.deferral.all.value_or(key.is_deferred);
}

/// A row that was written while another one had its key: by now it must be the only one, or be gone.
Task<> check_key(SessionImpl& session, const DeferredCheck& check) {
  const Table& table = *check.write.table;
  while (true) {
    const Version& version = (*table.heap)[check.write.after];
    if (check.index->is_dropped || version.row == nullptr || version.xmax != 0) co_return;
    const auto conflict = find_conflict(*check.index, version.row, check.write.after, session);
    if (!conflict) co_return;
    if (conflict->in_flight == 0) fail_duplicate(*check.index, version.row);
    const Xid xid = conflict->in_flight;
    co_await session.engine.locks.wait_for(session.transaction, xid);
  }
}

/// Runs the checks that `chosen` picks, in the order in which they came up.
template <class Chosen>
Task<> run_deferred(SessionImpl& session, Chosen chosen) {
  Transaction& txn = session.transaction;
  session.take_snapshot();
  session.snapshot_in_use = true;
  for (std::size_t i = 0; i < txn.deferral.checks.size();) {
    if (!chosen(txn.deferral.checks[i])) {
      ++i;
      continue;
    }
    const DeferredCheck check = txn.deferral.checks[i];
    txn.deferral.checks.erase(txn.deferral.checks.begin() + static_cast<std::ptrdiff_t>(i));
    if (check.index != nullptr) {
      co_await check_key(session, check);
      continue;
    }
    if (check.key->is_dropped) continue;
    if (check.of_parent) {
      co_await check_parent(session, *check.key, check.write);
      continue;
    }
    // A row that is gone or was changed since has nothing to answer for: a change came with a check of its own.
    const Version& child = (*check.write.table->heap)[check.write.after];
    if (child.xmax == 0) co_await check_child(session, *check.key, child.row);
  }
  session.snapshot_in_use = false;
}

}  // namespace

bool leaves_checks(const Transaction& transaction, std::size_t first_write) noexcept {
  if (!transaction.key_checks.empty()) return true;
  for (std::size_t i = first_write; i < transaction.writes.size(); ++i) {
    const Table& table = *transaction.writes[i].table;
    if (!table.foreign_keys.empty() || !table.referenced_by.empty()) return true;
  }
  return false;
}

Task<> check_after_statement(SessionImpl& session, std::size_t first_write) {
  Transaction& txn = session.transaction;
  const std::vector<DeferredCheck> keys = std::exchange(txn.key_checks, std::vector<DeferredCheck>());
  for (const DeferredCheck& check : keys) {
    if (is_deferred(txn, *check.index)) {
      txn.deferral.checks.push_back(check);
    } else {
      co_await check_key(session, check);
    }
  }
  const std::size_t end = txn.writes.size();
  for (std::size_t i = first_write; i < end; ++i) {
    const WriteRecord write = txn.writes[i];
    Table& table = *write.table;
    if (write.operation != RowWrite::insert) {
      for (const ForeignKey* key : table.referenced_by) {
        if (key->is_dropped) continue;
        if (write.operation == RowWrite::update &&
            same_key(table, key->parent_columns, (*table.heap)[write.before].row, (*table.heap)[write.after].row)) {
          continue;
        }
        if (key_action(*key, write) == KeyAction::no_action && is_deferred(txn, *key)) {
          txn.deferral.checks.push_back({key, true, write});
        } else {
          co_await check_parent(session, *key, write);
        }
      }
    }
    if (write.operation == RowWrite::remove) continue;
    for (const auto& key : table.foreign_keys) {
      if (key->is_dropped) continue;
      // The row may be gone again by the end of the statement.
      const Version& after = (*table.heap)[write.after];
      if (after.xmax != 0 && session.engine.transactions.is_own(after.xmax, txn.slot)) continue;
      const bool waits = is_deferred(txn, *key);
      // The check of a row that this very transaction made may still be waiting, and looks at that version only.
      if (write.operation == RowWrite::update &&
          same_key(table, key->child_columns, (*table.heap)[write.before].row, after.row) &&
          !(key->is_deferrable && session.engine.transactions.is_own((*table.heap)[write.before].xmin, txn.slot))) {
        continue;
      }
      if (waits) {
        txn.deferral.checks.push_back({key.get(), false, write});
      } else {
        co_await check_child(session, *key, after.row);
      }
    }
  }
}

Task<> check_deferred(SessionImpl& session) {
  const auto all = [](const DeferredCheck&) { return true; };
  co_await run_deferred(session, all);
}

Task<> set_constraints(SessionImpl& session, Nodes names, bool deferred) {
  Transaction& txn = session.transaction;
  std::vector<const Deferrable*> chosen;
  for (const Node* node : names) {
    const PgQuery__RangeVar& range = *node->range_var;
    const std::string_view wanted = range.relname;
    const std::size_t before = chosen.size();
    for (const auto& table : session.engine.catalog.tables()) {
      if (range.schemaname[0] != '\0' && table->schema != range.schemaname) continue;
      for (const auto& key : table->foreign_keys) {
        if (key->is_dropped || key->name != wanted) continue;
        if (!key->is_deferrable) fail("42809", "constraint " + in_quotes(wanted) + " is not deferrable");
        chosen.push_back(key.get());
      }
      for (const auto& index : table->indexes) {
        if (index->is_dropped || !index->is_constraint || index->name != wanted) continue;
        if (!index->is_deferrable) fail("42809", "constraint " + in_quotes(wanted) + " is not deferrable");
        chosen.push_back(index.get());
      }
    }
    if (chosen.size() == before) fail("42704", "constraint " + in_quotes(wanted) + " does not exist");
  }
  if (!txn.is_explicit) co_return;  // PostgreSQL warns: it has no effect outside of a transaction block
  if (names.empty()) {
    txn.deferral.all = deferred;
    txn.deferral.some.clear();
  }
  for (const Deferrable* key : chosen) txn.deferral.some.emplace_back(key, deferred);
  if (deferred || txn.deferral.checks.empty()) co_return;
  const auto becomes_immediate = [&txn](const DeferredCheck& check) {
    return check.index != nullptr ? !is_deferred(txn, *check.index) : !is_deferred(txn, *check.key);
  };
  co_await run_deferred(session, becomes_immediate);
}

}  // namespace orrery::sim::database
