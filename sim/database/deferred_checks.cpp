#include <algorithm>
#include <utility>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/foreign_keys.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/utility.hpp"

namespace orrery::sim::database {
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
      // A table that was dropped lives on for statements that wait for it.
      const CatalogEntry* entry = session.engine.catalog.find_relation(table->schema, table->name, txn.slot);
      if (entry == nullptr || entry->table != table.get()) continue;
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
