#include <exception>
#include <optional>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/found_rows.hpp"
#include "sim/database/modify.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

[[noreturn]] void fail_second_time() {
  fail("21000", "MERGE command cannot affect row a second time", 0, {},
       "Ensure that not more than one source row matches any one target row.");
}

/// ExecMerge: what is done for each row of the source, after the rows were found.
class Merger {
 public:
  Merger(const ModifyPlan& plan, Execution& execution)
      : plan_(plan), execution_(execution), session_(*execution.session), table_(*plan.table) {}

  /// True: it wrote a row.
  Task<bool> merge_row(const FoundRows& found, std::size_t index) {
    found.restore(index, plan_.slots, execution_);
    while (target().row != nullptr) {
      const MergeAction* const action = first_that_applies(true);
      if (action == nullptr || action->write == nullptr) co_return false;
      const bool is_written = co_await write(*action->write);
      if (is_written) co_return true;
      // Others changed the row: its newest version, all else as it was found, may match in another way or no more.
      found.restore(index, plan_.slots, execution_);
      target() = latest_ == kNoVersion ? Slot{} : Slot{(*table_.heap)[latest_].row, latest_};
      if (latest_ != kNoVersion && (!recheck(*plan_.from, execution_) || !all_true(plan_.conditions, execution_))) target() = {};
    }
    const MergeAction* const action = first_that_applies(false);
    if (action == nullptr || action->write == nullptr) co_return false;
    FreshRow row(*table_.heap);
    make_insert_row(*action->write, execution_, row);
    co_await store_insert_row(*action->write, execution_, row);
    co_return true;
  }

 private:
  Slot& target() { return execution_.slots[plan_.slot]; }

  const MergeAction* first_that_applies(bool is_matched) {
    for (const MergeAction& action : plan_.merge) {
      if (action.is_matched == is_matched && all_true(action.conditions, execution_)) return &action;
    }
    return nullptr;
  }

  /// UPDATE or DELETE of the target's row. False: `latest_` is its newest version, which is locked now, or there is none.
  Task<bool> write(const ModifyPlan& action) {
    const VersionId version = target().version;
    FreshRow row(*table_.heap);
    RowDifference difference;
    RowLock mode = RowLock::update;
    if (action.operation == RowWrite::update) {
      build_updated_row(action, target().row, row.get(), execution_);
      difference = compare_rows(table_, action.assigned, target().row, row.get());
      if (!difference.changes_key) mode = RowLock::no_key_update;
    }
    RowQueue queue(session_, table_, version);
    const LockOutcome outcome = co_await await_writable(session_, table_, version, mode, queue);
    switch (outcome) {
      case LockOutcome::locked:
        break;
      case LockOutcome::updated:
      case LockOutcome::removed:
        if (session_.transaction.isolation != Isolation::read_committed) fail_concurrent(outcome == LockOutcome::removed);
        latest_ = kNoVersion;
        if (outcome == LockOutcome::updated) co_await lock_newest(version);
        co_return false;
      default:
        fail_second_time();
    }
    if (action.operation == RowWrite::remove) {
      write_remove(session_, table_, version);
      co_return true;
    }
    std::uint32_t wanted = 0;
    const VersionId after = write_update(session_, table_, version, row.get(), difference, wanted);
    row.release();
    std::uint32_t next = 0;
    while (const std::optional<Xid> in_flight = add_entries(table_, after, wanted, next, execution_)) {
      const Xid xid = *in_flight;
      co_await session_.engine.locks.wait_for(session_.transaction, xid);
    }
    co_return true;
  }

  /// What all the actions together may assign decides how it is locked (ExecUpdateLockMode), even before a DELETE.
  Task<> lock_newest(VersionId version) {
    const RowLock mode = plan_.may_change_key ? RowLock::update : RowLock::no_key_update;
    const LockOutcome outcome = co_await lock_latest(session_, table_, version, mode, WaitPolicy::block);
    if (outcome == LockOutcome::self_modified) fail_second_time();
    if (outcome == LockOutcome::locked) latest_ = version;
  }

  const ModifyPlan& plan_;
  Execution& execution_;
  SessionImpl& session_;
  Table& table_;
  VersionId latest_ = kNoVersion;
};

}  // namespace

Task<std::int64_t> run_merge(const ModifyPlan& plan, Execution& execution) {
  RowFinder finder(plan, execution);
  Merger merger(plan, execution);
  std::int64_t written = 0;
  std::size_t next = 0;
  while (!finder.is_complete()) {
    if (!finder.find()) {
      co_await execution.session->wait_for(finder.awaited(), execution);
      continue;
    }
    for (; next < finder.rows().rows; ++next) {
      const bool is_written = co_await merger.merge_row(finder.rows(), next);
      if (is_written) ++written;
    }
  }
  finder.rethrow_failure();
  co_return written;
}

}  // namespace orrery::sim::database
