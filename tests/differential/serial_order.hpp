#pragma once

#include "tests/differential/schedule_runs.hpp"

namespace orrery::testing {

/// True if there is an order in which the transactions of a schedule that committed, run one after the other in a world of
/// their own, give what `run` says they gave: the outcomes of their statements, and the tables at the end. Whoever fails a
/// transaction then, although another server let it commit, fails one that harmed nobody: SERIALIZABLE permits that
/// (PostgreSQL manual, 13.2.3), but does not ask for it.
///
/// Not compared are statements that failed in a transaction that went on from a savepoint, and what a statement says that
/// does not wait (NOWAIT, SKIP LOCKED, pg_try_advisory…): it tells who else was there, and changes nothing. False, too, if
/// no order was found in a few thousand runs.
[[nodiscard]] bool has_serial_order(const Schedule& schedule, const ScheduleRun& run, ScheduleWorld& world);

}  // namespace orrery::testing
