#pragma once

#include <cstdint>
#include <utility>

#include "runtime/task.hpp"
#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// The row that UPDATE's assignments make of `before`. `row` is fresh: all NULL. Throws SqlError, EvaluationWait.
void build_updated_row(const ModifyPlan& plan, const Value* before, Value* row, Execution& execution);

/// How far INSERT, UPDATE, DELETE or MERGE came without waiting.
struct Modification {
  std::int64_t rows = 0;    // in the command tag
  Task<std::int64_t> rest;  // if there is one, it is to be awaited: then it is what gives the number of rows
};
/// Runs INSERT, UPDATE, DELETE or MERGE until somebody must be waited for; rows of RETURNING go to `output`. All outlive the rest.
[[nodiscard]] Modification modify_now(const ModifyPlan& plan, Execution& execution, Tuplestore& output);
/// The same to the end.
Task<std::int64_t> run_modify(const ModifyPlan& plan, Execution& execution, Tuplestore& output);

/// A run of INSERT (`InsertRun`) or of UPDATE and DELETE: `advance` goes on with it and gives false when `wait` must be awaited.
template <class Run>
Task<std::int64_t> finish_modification(Run run) {
  do {
    Task<> waiting = run.wait();
    co_await std::move(waiting);
  } while (!run.advance());
  co_return run.rows();
}
template <class Run>
[[nodiscard]] Modification begin_modification(Run run) {
  Modification begun;
  if (run.advance()) {
    begun.rows = run.rows();
  } else {
    begun.rest = finish_modification(std::move(run));
  }
  return begun;
}
[[nodiscard]] Modification insert_now(const ModifyPlan& plan, Execution& execution, Tuplestore& output);
/// MERGE, to the end.
Task<std::int64_t> run_merge(const ModifyPlan& plan, Execution& execution);

/// Runs a SELECT with FOR UPDATE and the like; its rows go to `output`.
Task<> run_locking_query(const QueryPlan& query, Execution& execution, Tuplestore& output);

/// Runs a sub-statement of WITH that writes or locks, or a subquery that locks, into its store.
Task<> run_step(const Step& step, Execution& execution);
/// Runs those that come before the statement.
Task<> run_steps_before(const StatementPlan& plan, Execution& execution);
/// Runs those that write and whose rows nobody has read, the last one first (ExecPostprocessPlan).
Task<> run_steps_after(const StatementPlan& plan, Execution& execution);

}  // namespace orrery::sim::database
