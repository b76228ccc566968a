#pragma once

#include <functional>
#include <string>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

/// Once faults are healed, and `grace` later, every operation of the workload is answered, and not with a server's
/// failure: any status from 200 to 499 but 408 (time-out), 425 and 429 is an answer. In a run into which no fault was
/// injected, and in which nobody else ended a process, all operations are judged.
/// Judged: the operations that began then and ended, or began at least `patience` before the end of the history.
/// Broken by: an unexpected error that surfaces as 5xx (the loser of a race), a pool that never recovers its broken
/// connections, a breaker that stays open, retries that keep an overload alive.
[[nodiscard]] Check requests_succeed(Duration grace, Duration patience);

/// Of the operations that requests_succeed judges and that were answered, 95 % were answered within `bound`: nearest
/// rank. Fewer than `least` operations are too few to say, and not judged. Broken by: locks that are held across calls,
/// retries that multiply, a pool that is too small.
[[nodiscard]] Check answer_time_p95_is_within(Duration grace, Duration bound, std::int64_t least);

/// Rows that wait for somebody while their status has one of these values.
struct WaitingRows {
  std::string table;
  std::string id;  // one column, or several with commas
  std::string status;
  std::vector<std::string> waiting;
};

/// What must come to rest.
struct AtRest {
  std::vector<WaitingRows> rows;
  std::string topic;
  std::string group;
  Duration patience = std::chrono::seconds(30);  // what began later than this before the end may still be under way
};

/// At the end no row waits; each message of the topic was settled or dead-lettered by the group as often as it was
/// stored; each operation of the workload, and each request between services, that began at least `patience` before the
/// end has ended, unless its host died. Judged: each of these. Broken by: a work loop that ends with an error, a lock
/// or claim that outlives its holder, a message whose acknowledgement always comes too late.
[[nodiscard]] Check nothing_stays_pending(const AtRest& rest);

/// No exception leaves a task of a service, and no request is answered 500, which is what is left of one: what the
/// world does is handled where it happens. Judged: each host's start and each answer.
[[nodiscard]] Check no_task_fails();

}  // namespace orrery
