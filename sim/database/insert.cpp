#include <algorithm>
#include <memory>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/modify.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

class Inserter {
 public:
  Inserter(const ModifyPlan& plan, Execution& execution, Tuplestore& output)
      : plan_(plan), execution_(execution), session_(*execution.session), output_(output) {}

  /// Inserts the row of the source slot, or does what ON CONFLICT says. True: it counts in the command tag.
  Task<bool> insert_row() {
    Table& table = *plan_.table;
    auto row = std::make_unique<FreshRow>(*table.heap);
    make_insert_row(plan_, execution_, *row);
    while (true) {
      if (plan_.conflict != ConflictAction::none) {
        const Arbitration found = arbitrate(row->get());
        if (found.in_flight != 0) {
          co_await session_.engine.locks.wait_for(session_.transaction, found.in_flight);
          continue;
        }
        if (found.version != kNoVersion) {
          if (plan_.conflict == ConflictAction::nothing) {
            refuse_invisible(found.version);
            co_return false;
          }
          const Updated updated = co_await update_instead(row->get(), found.version);
          if (updated == Updated::again) continue;
          co_return updated == Updated::yes;
        }
      }
      const VersionId version = write_insert(session_, table, row->get());
      row->release();
      execution_.slots[plan_.slot] = {(*table.heap)[version].row, version};
      std::uint32_t next = 0;
      const std::uint32_t wanted = 0xffffffffU;
      SpeculativeInsert speculative{&plan_.arbiters};
      std::optional<Xid> in_flight = add_entries(table, version, wanted, next, execution_, &speculative);
      while (in_flight) {
        const Xid xid = *in_flight;
        co_await session_.engine.locks.wait_for(session_.transaction, xid);
        in_flight = add_entries(table, version, wanted, next, execution_, &speculative);
      }
      if (speculative.has_conflict) {
        // While it waited for another index, somebody took the arbiter's key: the row goes, and the race is run again.
        row = take_back(version);
        continue;
      }
      if (!plan_.returning.empty()) give_back();
      co_return true;
    }
  }

  /// The same without ON CONFLICT, as long as nobody has to be waited for. False: `insert_row` must do it.
  void insert_now(VersionId& version, std::uint32_t& next, std::optional<Xid>& in_flight) {
    FreshRow row(*plan_.table->heap);
    make_insert_row(plan_, execution_, row);
    store_now(row, version, next, in_flight);
  }

  void store_now(FreshRow& row, VersionId& version, std::uint32_t& next, std::optional<Xid>& in_flight) {
    Table& table = *plan_.table;
    version = write_insert(session_, table, row.get());
    row.release();
    execution_.slots[plan_.slot] = {(*table.heap)[version].row, version};
    in_flight = add_entries(table, version, 0xffffffffU, next, execution_);
  }

  void give_back() {
    for (const ExprPtr& expr : plan_.returning) {
      Value local;
      output_.cells.push_back(evaluate(*expr, execution_, local));
    }
    ++output_.rows;
  }

 private:
  std::unique_ptr<FreshRow> take_back(VersionId version) {
    Table& table = *plan_.table;
    auto copy = std::make_unique<FreshRow>(*table.heap);
    const Value* row = (*table.heap)[version].row;
    for (std::size_t i = 0; i < table.heap->width(); ++i) copy->get()[i] = row[i];
    CHECK(session_.transaction.writes.back().after == version, "a waiting insert is its transaction's last write");
    session_.transaction.writes.pop_back();
    session_.engine.remove_version(table, version);
    return copy;
  }

  struct Arbitration {
    VersionId version = kNoVersion;
    Xid in_flight = 0;
  };

  Arbitration arbitrate(Value* row) {
    const auto look = [&](const Index& index) -> std::optional<KeyConflict> {
      if (!prepare_key(index, row, execution_)) return std::nullopt;
      return find_conflict(index, row, kNoVersion, session_);
    };
    if (plan_.arbiters.empty()) {
      for (const auto& index : plan_.table->indexes) {
        if (!index->is_unique || index->is_dropped) continue;
        refuse_deferrable(*index);
        if (const auto conflict = look(*index)) return {conflict->version, conflict->in_flight};
      }
      return {};
    }
    for (const Index* index : plan_.arbiters) {
      refuse_deferrable(*index);
      if (const auto conflict = look(*index)) return {conflict->version, conflict->in_flight};
    }
    return {};
  }

  static void refuse_deferrable(const Index& index) {
    if (!index.is_deferrable) return;
    fail_constraint("55000", "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters", {}, index.name);
  }

  /// Under REPEATABLE READ a conflict with a row that the snapshot does not see must not go unnoticed. Under SERIALIZABLE that
  /// there is such a row has been read.
  void refuse_invisible(VersionId version) {
    if (session_.transaction.isolation == Isolation::read_committed) return;
    const Version& conflicting = (*plan_.table->heap)[version];
    const bool visible = is_visible(conflicting, execution_.snapshot, session_.engine.transactions);
    Serializable& serializable = session_.engine.serializable;
    if (SerializableTransaction* const reader = serializable.reader(session_)) {
      serializable.check_read(*reader, conflicting, visible, execution_.snapshot);
      if (visible) serializable.read_row(*reader, *plan_.table, version);
    }
    if (visible || session_.engine.transactions.is_own(conflicting.xmin, session_.transaction.slot)) return;
    fail("40001", "could not serialize access due to concurrent update");
  }

  enum class Updated : std::uint8_t { yes, no, again };

  Task<Updated> update_instead(const Value* proposed, VersionId version) {
    Table& table = *plan_.table;
    const RowLock mode = plan_.may_change_key ? RowLock::update : RowLock::no_key_update;
    const LockOutcome outcome = co_await lock_row(session_, table, version, mode, WaitPolicy::block);
    switch (outcome) {
      case LockOutcome::locked:
        break;
      case LockOutcome::self_modified:
      case LockOutcome::invisible:
        fail("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time", 0, {},
             "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
      case LockOutcome::updated:
      case LockOutcome::removed:
        if (session_.transaction.isolation != Isolation::read_committed) {
          fail("40001", std::string("could not serialize access due to concurrent ") +
                            (outcome == LockOutcome::removed ? "delete" : "update"));
        }
        co_return Updated::again;
      case LockOutcome::would_block:
        co_return Updated::again;
    }
    refuse_invisible(version);
    execution_.slots[plan_.slot] = {(*table.heap)[version].row, version};
    execution_.slots[plan_.excluded_slot] = {proposed, kNoVersion};
    if (!all_true(plan_.conflict_where, execution_)) co_return Updated::no;
    FreshRow row(*table.heap);
    const Value* before = (*table.heap)[version].row;
    for (std::size_t i = 0; i < table.columns.size(); ++i) row.get()[i] = before[i];
    for (const Assignment& assignment : plan_.assignments) {
      Value local;
      row.get()[assignment.column] = evaluate(*assignment.value, execution_, local);
    }
    complete_row(table, row.get(), execution_);
    const RowDifference difference = compare_rows(table, plan_.assigned, before, row.get());
    std::uint32_t wanted = 0;
    const VersionId after = write_update(session_, table, version, row.get(), difference, wanted);
    row.release();
    execution_.slots[plan_.slot] = {(*table.heap)[after].row, after};
    std::uint32_t next = 0;
    std::optional<Xid> in_flight = add_entries(table, after, wanted, next, execution_);
    while (in_flight) {
      const Xid xid = *in_flight;
      co_await session_.engine.locks.wait_for(session_.transaction, xid);
      in_flight = add_entries(table, after, wanted, next, execution_);
    }
    if (!plan_.returning.empty()) give_back();
    co_return Updated::yes;
  }

  const ModifyPlan& plan_;
  Execution& execution_;
  SessionImpl& session_;
  Tuplestore& output_;
};

}  // namespace

void make_insert_row(const ModifyPlan& plan, Execution& execution, FreshRow& row) {
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (plan.columns[i] == nullptr) continue;
    Value local;
    row.get()[i] = evaluate(*plan.columns[i], execution, local);
  }
  complete_row(*plan.table, row.get(), execution);
}

Task<> store_insert_row(const ModifyPlan& plan, Execution& execution, FreshRow& row) {
  Tuplestore none;
  Inserter inserter(plan, execution, none);
  VersionId version = kNoVersion;
  std::uint32_t next = 0;
  std::optional<Xid> in_flight;
  inserter.store_now(row, version, next, in_flight);
  while (in_flight) {
    const Xid xid = *in_flight;
    co_await execution.engine->locks.wait_for(execution.session->transaction, xid);
    in_flight = add_entries(*plan.table, version, 0xffffffffU, next, execution);
  }
}

Task<std::int64_t> run_insert(const ModifyPlan& plan, Execution& execution, Tuplestore& output) {
  SessionImpl& session = *execution.session;
  output.width = plan.returning.size();
  Tuplestore source;
  if (plan.source != nullptr) {
    fill_store(*plan.source, execution, source);
  } else {
    source.rows = 1;
  }
  Inserter inserter(plan, execution, output);
  std::int64_t inserted = 0;
  for (std::size_t i = 0; i < source.rows; ++i) {
    execution.slots[plan.source_slot] = {source.row(i), kNoVersion};
    if (plan.conflict != ConflictAction::none) {
      const bool counts = co_await inserter.insert_row();
      if (counts) ++inserted;
      continue;
    }
    VersionId version = kNoVersion;
    std::uint32_t next = 0;
    std::optional<Xid> in_flight;
    inserter.insert_now(version, next, in_flight);
    while (in_flight) {
      const Xid xid = *in_flight;
      co_await session.engine.locks.wait_for(session.transaction, xid);
      in_flight = add_entries(*plan.table, version, 0xffffffffU, next, execution);
    }
    if (!plan.returning.empty()) inserter.give_back();
    ++inserted;
  }
  output.is_filled = true;
  co_return inserted;
}

}  // namespace orrery::sim::database
