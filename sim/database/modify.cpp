#include "sim/database/modify.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/found_rows.hpp"
#include "sim/database/row_locks.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

void project(const std::vector<ExprPtr>& outputs, Execution& execution, Tuplestore& store) {
  store.width = outputs.size();
  for (const ExprPtr& output : outputs) store.cells.push_back(value_of(*output, execution));
  ++store.rows;
}

Task<> finish_entries(Table& table, VersionId version, std::uint32_t wanted, std::uint32_t next, Xid first,
                      Execution& execution) {
  SessionImpl& session = *execution.session;
  std::optional<Xid> in_flight = first;
  while (in_flight) {
    const Xid xid = *in_flight;
    co_await session.engine.locks.wait_for(session.transaction, xid);
    in_flight = add_entries(table, version, wanted, next, execution);
  }
}

/// UPDATE or DELETE of the rows that were found.
class RowChanger {
 public:
  RowChanger(const ModifyPlan& plan, Execution& execution, Tuplestore& output)
      : plan_(plan), execution_(execution), session_(*execution.session), output_(output) {}

  [[nodiscard]] bool must_wait() const noexcept { return must_wait_; }

  /// Changes the row in the slots. False: it is skipped, or (must_wait) someone has to be waited for first.
  bool change_now() {
    must_wait_ = false;
    Slot& slot = execution_.slots[plan_.slot];
    Heap& heap = *plan_.table->heap;
    FreshRow row(heap);
    RowLock mode = RowLock::update;
    RowDifference difference;
    const bool is_free = is_untouched(session_, heap[slot.version]);
    if (plan_.operation == RowWrite::update) {
      // A row that this command has changed already (a join found it twice) is left alone.
      if (!is_free && is_no_target(examine_row(session_, heap, slot.version, RowLock::update, false))) return false;
      build_updated_row(plan_, slot.row, row.get(), execution_);
      if (plan_.may_change_key) difference = compare_rows(*plan_.table, plan_.assigned, slot.row, row.get());
      mode = difference.changes_key ? RowLock::update : RowLock::no_key_update;
    }
    if (!is_free) {
      const RowExamination examined = examine_row(session_, heap, slot.version, mode, false);
      if (is_no_target(examined)) return false;
      must_wait_ = examined.state != RowState::free;
      if (must_wait_) return false;
    }
    if (plan_.operation == RowWrite::remove) {
      write_remove(session_, *plan_.table, slot.version);
    } else {
      if (!plan_.may_change_key && plan_.may_change_entries) {
        difference = compare_rows(*plan_.table, plan_.assigned, slot.row, row.get(), false);
      }
      std::uint32_t wanted = 0;
      const VersionId after = write_update(session_, *plan_.table, slot.version, row.get(), difference, wanted);
      row.release();
      slot = {heap[after].row, after};
      std::uint32_t next = 0;
      const std::optional<Xid> in_flight = add_entries(*plan_.table, after, wanted, next, execution_);
      if (in_flight) {
        must_wait_ = true;
        waiting_ = {after, wanted, next, *in_flight};
        return false;
      }
    }
    give_back();
    return true;
  }

  Task<bool> change_after_waiting(const FoundRows& found, std::size_t index) {
    Table& table = *plan_.table;
    while (true) {
      if (waiting_.version != kNoVersion) {  // the row is written, its keys wait for others
        const WaitingEntries waiting = std::exchange(waiting_, WaitingEntries{});
        co_await finish_entries(table, waiting.version, waiting.wanted, waiting.next, waiting.xid, execution_);
        give_back();
        co_return true;
      }
      const VersionId version = execution_.slots[plan_.slot].version;
      RowLock mode = RowLock::update;
      if (plan_.operation == RowWrite::update) mode = wanted_mode();
      RowQueue queue(session_, table, version);
      const LockOutcome outcome = co_await await_writable(session_, table, version, mode, queue);
      switch (outcome) {
        case LockOutcome::locked:
          break;
        case LockOutcome::self_modified:
        case LockOutcome::invisible:
          co_return false;
        case LockOutcome::updated:
        case LockOutcome::removed: {
          if (session_.transaction.isolation != Isolation::read_committed) fail_concurrent(outcome == LockOutcome::removed);
          if (outcome == LockOutcome::removed) co_return false;
          VersionId latest = version;
          // What is assigned decides how the newest version is locked (ExecUpdateLockMode), not what changes.
          if (plan_.operation == RowWrite::update && plan_.may_change_key) mode = RowLock::update;
          const LockOutcome locked = co_await lock_latest(session_, table, latest, mode, WaitPolicy::block);
          if (locked != LockOutcome::locked) co_return false;
          // EvalPlanQual: the newest version, all else as it was found.
          found.restore(index, plan_.slots, execution_);
          execution_.slots[plan_.slot] = {(*table.heap)[latest].row, latest};
          if (!recheck(*plan_.from, execution_) || !all_true(plan_.conditions, execution_)) co_return false;
          break;
        }
        case LockOutcome::would_block:
          break;
      }
      if (change_now()) co_return true;
      if (!must_wait_) co_return false;
    }
  }

 private:
  struct WaitingEntries {
    VersionId version = kNoVersion;
    std::uint32_t wanted = 0;
    std::uint32_t next = 0;
    Xid xid = 0;
  };

  static bool is_no_target(const RowExamination& examined) noexcept {
    return examined.state == RowState::self_modified || examined.state == RowState::invisible;
  }

  void give_back() {
    if (!plan_.returning.empty()) project(plan_.returning, execution_, output_);
  }

  RowLock wanted_mode() {
    if (!plan_.may_change_key) return RowLock::no_key_update;
    FreshRow row(*plan_.table->heap);
    const Slot slot = execution_.slots[plan_.slot];
    build_updated_row(plan_, slot.row, row.get(), execution_);
    return compare_rows(*plan_.table, plan_.assigned, slot.row, row.get()).changes_key ? RowLock::update : RowLock::no_key_update;
  }

  const ModifyPlan& plan_;
  Execution& execution_;
  SessionImpl& session_;
  Tuplestore& output_;
  bool must_wait_ = false;
  WaitingEntries waiting_;
};

/// UPDATE or DELETE of all rows that the FROM clause gives.
class ChangeRun {
 public:
  ChangeRun(const ModifyPlan& plan, Execution& execution, Tuplestore& output)
      : plan_(plan), execution_(execution), output_(output), changer_(plan, execution, output), finder_(plan, execution) {
    output.width = plan.returning.size();
  }

  [[nodiscard]] std::int64_t rows() const noexcept { return changed_; }

  bool advance() {
    if (waits_for_) return false;
    try {
      while (true) {
        for (; next_ < finder_.rows().rows; ++next_) {
          finder_.rows().restore(next_, plan_.slots, execution_);
          if (changer_.change_now()) {
            ++changed_;
          } else if (changer_.must_wait()) {
            return false;
          }
        }
        if (finder_.is_complete()) break;
        if (!finder_.find()) {
          waits_for_ = finder_.awaited();
          return false;
        }
      }
    } catch (const EvaluationWait& wait) {
      wait_for_step(wait);
      return false;
    }
    finder_.rethrow_failure();
    output_.is_filled = true;
    return true;
  }

  Task<> wait() {
    if (waits_for_) {
      const EvaluationWait wait = *std::exchange(waits_for_, std::nullopt);
      co_await execution_.session->wait_for(wait, execution_);
      co_return;
    }
    try {
      const bool is_changed = co_await changer_.change_after_waiting(finder_.rows(), next_);
      if (is_changed) ++changed_;
      ++next_;
    } catch (const EvaluationWait& wait) {
      wait_for_step(wait);  // then the row is begun again: what it is locked by is this transaction's own
    }
  }

 private:
  /// A new row's values want a step's rows. (A call that waits would have to know what it got for which row.)
  void wait_for_step(const EvaluationWait& wait) {
    if (wait.step == nullptr) throw wait;
    waits_for_ = wait;
  }

  const ModifyPlan& plan_;
  Execution& execution_;
  Tuplestore& output_;
  RowChanger changer_;
  RowFinder finder_;
  std::optional<EvaluationWait> waits_for_;
  std::size_t next_ = 0;
  std::int64_t changed_ = 0;
};

}  // namespace

void build_updated_row(const ModifyPlan& plan, const Value* before, Value* row, Execution& execution) {
  const std::size_t columns = plan.table->columns.size();
  for (std::size_t i = 0; i < columns; ++i) std::construct_at(row + i, before[i]);  // it was NULL, which holds nothing
  for (const Assignment& assignment : plan.assignments) row[assignment.column] = value_of(*assignment.value, execution);
  complete_row(*plan.table, row, execution);
}

Modification modify_now(const ModifyPlan& plan, Execution& execution, Tuplestore& output) {
  if (!plan.merge.empty()) {
    Modification begun;
    begun.rest = run_merge(plan, execution);
    return begun;
  }
  if (plan.operation == RowWrite::insert) return insert_now(plan, execution, output);
  return begin_modification(ChangeRun(plan, execution, output));
}

Task<std::int64_t> run_modify(const ModifyPlan& plan, Execution& execution, Tuplestore& output) {
  Modification modification = modify_now(plan, execution, output);
  if (modification.rest) modification.rows = co_await std::move(modification.rest);
  co_return modification.rows;
}

namespace {

enum class MarkResult : std::uint8_t { locked, changed, skipped };

MarkResult result_of(LockOutcome outcome, const SessionImpl& session) {
  switch (outcome) {
    case LockOutcome::locked:
      return MarkResult::locked;
    case LockOutcome::removed:
    case LockOutcome::updated:
      if (session.transaction.isolation != Isolation::read_committed) fail_concurrent(false);
      return outcome == LockOutcome::updated ? MarkResult::changed : MarkResult::skipped;
    default:
      return MarkResult::skipped;
  }
}

Task<MarkResult> lock_mark(const RowMark& mark, Execution& execution) {
  SessionImpl& session = *execution.session;
  VersionId version = execution.slots[mark.slot].version;
  const LockOutcome outcome = co_await lock_row(session, *mark.table, version, mark.mode, mark.policy);
  const MarkResult result = result_of(outcome, session);
  if (result != MarkResult::changed) co_return result;
  const LockOutcome latest = co_await lock_latest(session, *mark.table, version, mark.mode, mark.policy);
  if (latest != LockOutcome::locked) co_return MarkResult::skipped;
  execution.slots[mark.slot] = {(*mark.table->heap)[version].row, version};
  co_return MarkResult::changed;
}

}  // namespace

Task<> run_locking_query(const QueryPlan& query, Execution& execution, Tuplestore& output) {
  SessionImpl& session = *execution.session;
  output.width = query.visible;
  const RowWindow window = row_window(query, execution);
  const bool sorts = !query.sort.empty() && !query.is_sorted_by_access;
  std::size_t skipped = 0;
  // Rows are found in growing rounds: a snapshot gives the same rows in the same order each time, and locking the few
  // that LIMIT wants must not cost a walk over all of them.
  std::size_t done = 0;
  // A serializable transaction must not even look at a row too many: that would be a read.
  const std::size_t ahead = session.transaction.isolation == Isolation::serializable ? 0 : 16;
  // As in RowFinder.
  const bool stops = session.transaction.isolation == Isolation::serializable && !sorts && execution.order_seed == 0;
  const auto is_held_up = [&](const RowMark& mark) {
    const Slot& slot = execution.slots[mark.slot];
    return mark.policy == WaitPolicy::block && slot.row != nullptr && is_busy(session, *mark.table->heap, slot.version, mark.mode, true);
  };
  std::size_t round = sorts || execution.order_seed != 0 || window.limit > 1'000'000
                          ? SIZE_MAX
                          : static_cast<std::size_t>(window.limit + window.offset) + ahead;
  bool finished = window.limit == 0;
  while (!finished) {
    FoundRows found;
    Tuplestore keys;
    keys.width = query.outputs.size();
    bool is_complete = true;
    bool is_held = false;
    auto keep = [&]() -> bool {
      found.keep(query.slots, execution);
      if (sorts) {
        for (const ExprPtr& expr : query.outputs) {
          Value local;
          keys.cells.push_back(evaluate(*expr, execution, local));
        }
        ++keys.rows;
      }
      if (stops && found.rows > done && std::ranges::any_of(query.marks, is_held_up)) is_held = true;
      if (!is_held && found.rows < round) return true;
      is_complete = false;
      return false;
    };
    while (true) {
      std::optional<EvaluationWait> waits_for;
      execution.order_draws = 0;
      try {
        if (all_true(query.conditions, execution)) scan(*query.from, execution, keep);
      } catch (const EvaluationWait& wait) {
        waits_for = wait;
      }
      if (!waits_for) break;
      co_await session.wait_for(*waits_for, execution);
      found = FoundRows{};
      keys.clear();
      is_complete = true;
      is_held = false;
    }
    std::vector<std::uint32_t> order(found.rows);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    if (sorts) {
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const int by_keys = compare_by_keys(query.sort, keys.row(a), keys.row(b));
        return by_keys != 0 ? by_keys < 0 : a < b;
      });
    }
    for (; done < order.size() && !finished; ++done) {
      found.restore(order[done], query.slots, execution);
      bool is_kept = true;
      bool has_changed = false;
      for (const RowMark& mark : query.marks) {
        if (execution.slots[mark.slot].row == nullptr) continue;  // null-extended by an outer join
        LockOutcome now = LockOutcome::would_block;
        MarkResult result = MarkResult::skipped;
        now = try_lock_row(session, *mark.table, execution.slots[mark.slot].version, mark.mode);
        if (now == LockOutcome::locked) continue;
        result = co_await lock_mark(mark, execution);
        if (result == MarkResult::skipped) {
          is_kept = false;
          break;
        }
        has_changed = has_changed || result == MarkResult::changed;
      }
      if (!is_kept) continue;
      if (has_changed && !recheck(*query.from, execution)) continue;
      if (skipped < window.offset) {
        ++skipped;
        continue;
      }
      for (std::uint32_t i = 0; i < query.visible; ++i) {
        Value local;
        output.cells.push_back(evaluate(*query.outputs[i], execution, local));
      }
      finished = ++output.rows >= window.limit;
    }
    if (is_complete) break;
    if (is_held) continue;
    const std::size_t next = ahead == 0 ? round + static_cast<std::size_t>(window.limit) - output.rows : round * 4;
    round = round > SIZE_MAX / 4 ? SIZE_MAX : next;
  }
  output.is_filled = true;
}

Task<> run_step(const Step& step, Execution& execution) {
  Tuplestore& store = execution.stores[step.store];
  if (step.query != nullptr) {
    co_await run_locking_query(*step.query, execution, store);
  } else {
    const std::int64_t rows = co_await run_modify(*step.modify, execution, store);
    (void)rows;
    store.is_filled = true;
  }
}

Task<> run_steps_before(const StatementPlan& plan, Execution& execution) {
  for (const Step& step : plan.steps) {
    if (!step.is_run_when_read) co_await run_step(step, execution);
  }
}

Task<> run_steps_after(const StatementPlan& plan, Execution& execution) {
  for (std::size_t i = plan.steps.size(); i-- > 0;) {
    const Step& step = plan.steps[i];
    if (step.modify != nullptr && !execution.stores[step.store].is_filled) co_await run_step(step, execution);
  }
}

}  // namespace orrery::sim::database
