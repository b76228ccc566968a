#include "tests/differential/serial_order.hpp"

#include <gtest/gtest.h>

#include <string>

namespace orrery::testing {
namespace {

/// Each of two counts the other's table row and changes its own: with both committed, neither can have been first.
Schedule write_skew(const std::string& level) {
  Schedule schedule;
  schedule.setup = {"CREATE TABLE p (id int PRIMARY KEY, k int, v int)", "CREATE TABLE c (id int PRIMARY KEY, p int, v int)",
                    "INSERT INTO p VALUES (100, 1, 0), (200, 2, 0)"};
  schedule.sessions = 2;
  const std::string begin = "BEGIN ISOLATION LEVEL " + level;
  schedule.steps = {{0, begin},
                    {1, begin},
                    {0, "SELECT v FROM p WHERE id = 200"},
                    {1, "SELECT v FROM p WHERE id = 100"},
                    {0, "UPDATE p SET v = 1 WHERE id = 100"},
                    {1, "UPDATE p SET v = 1 WHERE id = 200"},
                    {0, "COMMIT"},
                    {1, "COMMIT"}};
  return schedule;
}

bool has_order(const Schedule& schedule) {
  const auto world = simulated_schedule_world();
  const ScheduleRun run = run_schedule(schedule, *world);
  return has_serial_order(schedule, run, *world);
}

TEST(SerialOrder, IsNotThereAfterAWriteSkew) { EXPECT_FALSE(has_order(write_skew("REPEATABLE READ"))); }

TEST(SerialOrder, IsThereIfOneOfThemHadToFail) { EXPECT_TRUE(has_order(write_skew("SERIALIZABLE"))); }

TEST(SerialOrder, IsThatOfTheReadsNotThatOfTheCommits) {
  Schedule schedule = write_skew("REPEATABLE READ");
  schedule.steps.erase(schedule.steps.begin() + 4);  // the first only reads what the second changes, and commits before it
  EXPECT_TRUE(has_order(schedule));
}

TEST(SerialOrder, HeedsWhatIsInTheTablesAtTheEnd) {
  const Schedule schedule = write_skew("SERIALIZABLE");
  const auto world = simulated_schedule_world();
  ScheduleRun run = run_schedule(schedule, *world);
  ASSERT_TRUE(has_serial_order(schedule, run, *world));
  run.transcript.back() += "a row too many";
  EXPECT_FALSE(has_serial_order(schedule, run, *world));
}

TEST(SerialOrder, TakesStatementsWithoutBeginForTransactions) {
  Schedule schedule = write_skew("SERIALIZABLE");
  schedule.steps = {{0, "UPDATE p SET v = v + 1 WHERE id = 100 RETURNING v"},
                    {1, "UPDATE p SET v = v * 10 WHERE id = 100 RETURNING v"},
                    {0, "INSERT INTO p VALUES (100, 3, 0)"},  // fails, and counts for nothing
                    {1, "SELECT v FROM p WHERE id = 100 FOR UPDATE SKIP LOCKED"}};
  const auto world = simulated_schedule_world();
  ScheduleRun run = run_schedule(schedule, *world);
  EXPECT_TRUE(has_serial_order(schedule, run, *world));
  run.outcomes[0]->back() = '7';
  EXPECT_FALSE(has_serial_order(schedule, run, *world));
}

}  // namespace
}  // namespace orrery::testing
