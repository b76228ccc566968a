#include <algorithm>
#include <optional>

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

  enum class Progress : std::uint8_t {
    inserted,   // or updated: it counts in the command tag
    passed,     // ON CONFLICT leaves it at that
    waits,      // until the transaction `awaited()` has ended
    conflicts,  // ON CONFLICT DO UPDATE: `update_instead` is to be called
  };

  /// Makes the row of what stands in the source slot.
  void begin_row() {
    row_.emplace(*plan_.table->heap);
    make_insert_row(plan_, execution_, *row_);
  }

  /// Inserts it, or does what ON CONFLICT says, as far as that goes without waiting.
  Progress advance() {
    Table& table = *plan_.table;
    const bool arbitrates = plan_.conflict != ConflictAction::none;
    while (true) {
      if (version_ == kNoVersion) {
        if (arbitrates) {
          const Arbitration found = arbitrate(row_->get());
          if (found.in_flight != 0) {
            awaited_ = found.in_flight;
            return Progress::waits;
          }
          if (found.version != kNoVersion) {
            if (plan_.conflict != ConflictAction::nothing) {
              conflicting_ = found.version;
              return Progress::conflicts;
            }
            refuse_invisible(found.version);
            return Progress::passed;
          }
        }
        version_ = write_insert(session_, table, row_->get());
        row_->release();
        execution_.slots[plan_.slot] = {(*table.heap)[version_].row, version_};
        next_ = 0;
      }
      SpeculativeInsert speculative{&plan_.arbiters};
      const std::optional<Xid> in_flight =
          add_entries(table, version_, 0xffffffffU, next_, execution_, arbitrates ? &speculative : nullptr);
      if (in_flight) {
        awaited_ = *in_flight;
        return Progress::waits;
      }
      if (!speculative.has_conflict) break;
      // While it waited for another index, somebody took the arbiter's key: the row goes, and the race is run again.
      take_back();
    }
    version_ = kNoVersion;
    if (!plan_.returning.empty()) give_back();
    return Progress::inserted;
  }
  [[nodiscard]] Xid awaited() const noexcept { return awaited_; }

  /// ON CONFLICT DO UPDATE of the row that `advance` met. `waits`: it is gone, and `advance` is to be called again.
  Task<Progress> update_instead() {
    Table& table = *plan_.table;
    const VersionId version = conflicting_;
    const RowLock mode = plan_.may_change_key ? RowLock::update : RowLock::no_key_update;
    LockOutcome outcome = try_lock_row(session_, table, version, mode);
    if (outcome == LockOutcome::would_block) outcome = co_await lock_row(session_, table, version, mode, WaitPolicy::block);
    switch (outcome) {
      case LockOutcome::locked:
        break;
      case LockOutcome::self_modified:
      case LockOutcome::invisible:
        fail("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time", 0, {},
             "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
      case LockOutcome::updated:
      case LockOutcome::removed:
        if (session_.transaction.isolation != Isolation::read_committed) fail_concurrent(outcome == LockOutcome::removed);
        co_return Progress::waits;
      case LockOutcome::would_block:
        co_return Progress::waits;
    }
    refuse_invisible(version);
    execution_.slots[plan_.slot] = {(*table.heap)[version].row, version};
    execution_.slots[plan_.excluded_slot] = {row_->get(), kNoVersion};
    if (!all_true(plan_.conflict_where, execution_)) co_return Progress::passed;
    FreshRow row(*table.heap);
    const Value* before = (*table.heap)[version].row;
    build_updated_row(plan_, before, row.get(), execution_);
    RowDifference difference;
    if (plan_.may_change_entries) difference = compare_rows(table, plan_.assigned, before, row.get(), plan_.may_change_key);
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
    co_return Progress::inserted;
  }

 private:
  void give_back() {
    for (const ExprPtr& expr : plan_.returning) output_.cells.push_back(value_of(*expr, execution_));
    ++output_.rows;
  }

  void take_back() {
    Table& table = *plan_.table;
    row_.emplace(*table.heap);
    const Value* row = (*table.heap)[version_].row;
    for (std::size_t i = 0; i < table.heap->width(); ++i) row_->get()[i] = row[i];
    CHECK(session_.transaction.writes.back().after == version_, "a waiting insert is its transaction's last write");
    session_.transaction.writes.pop_back();
    session_.engine.remove_version(table, version_);
    version_ = kNoVersion;
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
    fail_concurrent(false);
  }

  const ModifyPlan& plan_;
  Execution& execution_;
  SessionImpl& session_;
  Tuplestore& output_;
  std::optional<FreshRow> row_;     // as long as it is not in the table
  VersionId version_ = kNoVersion;  // of the row, while it waits for keys in flight
  std::uint32_t next_ = 0;          // the index that it waits for
  Xid awaited_ = 0;
  VersionId conflicting_ = kNoVersion;
};

}  // namespace

void make_insert_row(const ModifyPlan& plan, Execution& execution, FreshRow& row) {
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (plan.columns[i] == nullptr) continue;
    Value& cell = row.get()[i];
    const Value& value = evaluate(*plan.columns[i], execution, cell);
    if (&value != &cell) cell = value;
  }
  complete_row(*plan.table, row.get(), execution);
}

Task<> store_insert_row(const ModifyPlan& plan, Execution& execution, FreshRow& row) {
  Table& table = *plan.table;
  const VersionId version = write_insert(*execution.session, table, row.get());
  row.release();
  execution.slots[plan.slot] = {(*table.heap)[version].row, version};
  std::uint32_t next = 0;
  while (const std::optional<Xid> in_flight = add_entries(table, version, 0xffffffffU, next, execution)) {
    const Xid xid = *in_flight;
    co_await execution.engine->locks.wait_for(execution.session->transaction, xid);
  }
}

namespace {

/// INSERT of all rows of the source.
class InsertRun {
 public:
  InsertRun(const ModifyPlan& plan, Execution& execution, Tuplestore& output)
      : plan_(plan), execution_(execution), output_(output), inserter_(plan, execution, output) {
    output.width = plan.returning.size();
  }

  [[nodiscard]] std::int64_t rows() const noexcept { return inserted_; }

  bool advance() {
    if (!has_source_ && !make_source()) return false;
    const Tuplestore& source = execution_.source;
    while (next_ < source.rows) {
      if (!is_under_way_) {
        is_under_way_ = true;
        execution_.slots[plan_.source_slot] = {source.row(next_), kNoVersion};
        inserter_.begin_row();
      }
      progress_ = inserter_.advance();
      if (progress_ == Progress::waits || progress_ == Progress::conflicts) return false;
      end_row();
    }
    output_.is_filled = true;
    return true;
  }

  Task<> wait() {
    if (!has_source_) {
      co_await execution_.session->wait_for(*waits_for_, execution_);
    } else if (progress_ == Progress::waits) {
      co_await execution_.engine->locks.wait_for(execution_.session->transaction, inserter_.awaited());
    } else {
      progress_ = co_await inserter_.update_instead();
      if (progress_ != Progress::waits) end_row();
    }
  }

 private:
  using Progress = Inserter::Progress;

  /// False: what the source reads must be waited for.
  bool make_source() {
    Tuplestore& source = execution_.source;
    if (plan_.reads_source) {
      try {
        fill_store(*plan_.source, execution_, source);
      } catch (const EvaluationWait& wait) {
        if (wait.step == nullptr) throw;
        waits_for_ = wait;
        execution_.order_draws = 0;
        return false;
      }
    } else {
      source.clear();
      source.rows = 1;
    }
    has_source_ = true;
    return true;
  }

  void end_row() {
    if (progress_ == Progress::inserted) ++inserted_;
    is_under_way_ = false;
    ++next_;
  }

  const ModifyPlan& plan_;
  Execution& execution_;
  Tuplestore& output_;
  Inserter inserter_;
  Progress progress_ = Progress::passed;
  std::optional<EvaluationWait> waits_for_;
  bool has_source_ = false;
  bool is_under_way_ = false;
  std::size_t next_ = 0;
  std::int64_t inserted_ = 0;
};

}  // namespace

Modification insert_now(const ModifyPlan& plan, Execution& execution, Tuplestore& output) {
  return begin_modification(InsertRun(plan, execution, output));
}

}  // namespace orrery::sim::database
