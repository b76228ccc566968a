#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::testing {

struct ScheduleStep {
  std::size_t session = 0;
  std::string sql;
};

/// Statements of several sessions, in the order in which they are to be given. A step whose session still waits is given
/// as soon as it does not.
struct Schedule {
  std::vector<std::string> setup;
  bool is_spread = false;  // see random_schedule
  std::size_t sessions = 0;
  std::vector<ScheduleStep> steps;
};

enum class Levels : std::uint8_t { read_committed, repeatable_read, serializable, mixed };

/// A schedule of 2 to 4 sessions on a parent table p (id, k, v) and a child c (id, p, v): reads, the four lock clauses with
/// NOWAIT and SKIP LOCKED, changes of values and keys, deletes with cascades, ON CONFLICT, savepoints, advisory locks, LOCK
/// TABLE, deferred constraints. Every transaction ends. The same seed gives the same schedule.
///
/// Where a level is SERIALIZABLE, rows that no statement touches (`id % 100 <> 0`) lie between the keys: PostgreSQL keeps
/// what an index scan read by the page, and with 40 keys on a page (`is_spread`) these are on pages of their own.
[[nodiscard]] Schedule random_schedule(std::uint64_t seed, Levels levels);

}  // namespace orrery::testing
