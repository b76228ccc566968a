#pragma once

#include "runtime/task.hpp"
#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// Runs INSERT, UPDATE or DELETE; rows of RETURNING go to `output`. Gives the number of rows in the command tag.
Task<std::int64_t> run_modify(const ModifyPlan& plan, Execution& execution, Tuplestore& output);

/// Runs a SELECT with FOR UPDATE and the like; its rows go to `output`.
Task<> run_locking_query(const QueryPlan& query, Execution& execution, Tuplestore& output);

/// Runs the statement's steps (CTEs that modify or lock) into their stores.
Task<> run_steps(const StatementPlan& plan, Execution& execution);

}  // namespace orrery::sim::database
