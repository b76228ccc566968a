#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real-mode/private_postgres.hpp"
#include "tests/differential/outcome.hpp"
#include "tests/differential/random_schedules.hpp"

namespace orrery::testing {

/// A database that schedules run on, step by step.
class ScheduleWorld {
 public:
  ScheduleWorld() = default;
  ScheduleWorld(const ScheduleWorld&) = delete;
  ScheduleWorld& operator=(const ScheduleWorld&) = delete;
  virtual ~ScheduleWorld() = default;

  /// Nothing but what the schedule's setup makes.
  virtual void begin(const Schedule& schedule) = 0;
  /// Gives a session, which is not busy, its next text. Returns when each session is done or waits for a lock and has
  /// looked for a deadlock.
  virtual void give(std::size_t session, const std::string& sql) = 0;
  [[nodiscard]] virtual bool is_busy(std::size_t session) = 0;
  /// The outcome of a text that is done, once; nothing if there is none.
  virtual std::optional<std::string> take_outcome(std::size_t session) = 0;
  /// Those that a busy session waits for, as pg_blocking_pids says, in order.
  virtual std::vector<std::size_t> waits_for(std::size_t session) = 0;
  /// The outcome of a query outside of the sessions.
  virtual std::string look(const std::string& sql) = 0;
  virtual void end() = 0;
};

/// The real server: sessions stay connected from schedule to schedule.
[[nodiscard]] std::unique_ptr<ScheduleWorld> real_schedule_world(const real::PrivatePostgres& server);
[[nodiscard]] std::unique_ptr<ScheduleWorld> simulated_schedule_world();

/// What happened after each step, one event of several lines for each, and at last the tables.
using Transcript = std::vector<std::string>;

struct ScheduleRun {
  Transcript transcript;
  /// What each step of the schedule came to, as `comparable` has it; nothing if it was not given or waited to the end.
  std::vector<std::optional<std::string>> outcomes;
};
[[nodiscard]] ScheduleRun run_schedule(const Schedule& schedule, ScheduleWorld& world);

/// An outcome without what may be another each time.
[[nodiscard]] std::string comparable(const std::string& outcome);
/// What is in the tables, as a transcript ends with it.
[[nodiscard]] std::string tables_of(ScheduleWorld& world);

}  // namespace orrery::testing
