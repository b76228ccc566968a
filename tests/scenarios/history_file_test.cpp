#include "scenarios/history_file.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "scenarios/user_notification.hpp"
#include "scenarios/verify_trace.hpp"

namespace orrery {
namespace {

std::string complaint(const std::string& text) {
  try {
    (void)read_history(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(HistoryFile, KeepsEverythingThatARunRecorded) {
  RunRequest request;
  request.seed = 5;
  request.full = true;
  request.until = Instant(std::chrono::seconds(20));
  const RunResult result = run(user_notification(), request);
  ASSERT_GT(result.history.events().size(), 500U);
  const std::string text = write_history({"user-notification", 5, "heavy", "", result.history});
  EXPECT_TRUE(is_history(text));
  const HistoryFile file = read_history(text);
  EXPECT_EQ(file.scenario, "user-notification");
  EXPECT_EQ(file.seed, 5U);
  EXPECT_EQ(trace_lines(file.history), trace_lines(result.history));
  EXPECT_EQ(write_history(file), text);
}

TEST(HistoryFile, SaysInWhichLineItIsWrong) {
  const std::string head = R"({"orrery_history": 1, "scenario": "x"})" "\n";
  const std::string event = R"({"id": 1, "at": 0, "kind": "phase"})" "\n";
  EXPECT_EQ(complaint(head + event), "nothing");
  EXPECT_NE(complaint(R"({"orrery_history": 2, "scenario": "x"})").find("line 1: a version"), std::string::npos);
  EXPECT_NE(complaint(head + event + "{").find("line 3: "), std::string::npos);
  EXPECT_NE(complaint(head + event + event).find("line 3: the events' ids do not grow"), std::string::npos);
  EXPECT_NE(complaint(head + R"({"id": 1, "at": 0, "kind": "nonsense"})").find("line 2: unknown kind \"nonsense\""), std::string::npos);
  EXPECT_NE(complaint(head + R"({"id": 1, "at": 0, "kind": "phase", "changes": [{"table": "t", "operation": "insert", "columns": ["a"],)"
                             R"( "before": [], "after": [1, 2]}]})")
                .find("line 2: a row of t has not as many cells as columns"),
            std::string::npos);
  EXPECT_FALSE(is_history("{\"orrery_plan\": 1}"));
  EXPECT_FALSE(is_history("not json"));
}

}  // namespace
}  // namespace orrery
