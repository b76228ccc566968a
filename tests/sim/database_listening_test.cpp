#include <optional>

#include "tests/sim/database_lab.hpp"

// A connection that listens: what it hears, and how it learns that it hears nothing any more.

namespace orrery::sim {
namespace {

using namespace std::chrono_literals;

struct Heard {
  std::vector<std::string> payloads;
  std::string error;  // SQLSTATE
  Instant at{};
};

Task<void> listen(Context& context, std::string database, std::shared_ptr<Heard> heard) {
  try {
    Task<std::unique_ptr<Listening>> beginning = context.database(database).listen("items");
    const std::unique_ptr<Listening> listening = co_await std::move(beginning);
    for (;;) {
      Task<std::optional<std::string>> hearing = listening->next(500ms);
      const std::optional<std::string> payload = co_await std::move(hearing);
      if (payload) heard->payloads.push_back(*payload);
    }
  } catch (const DatabaseError& error) {
    heard->error = error.sqlstate();
    heard->at = context.clock.now();
  }
}

std::shared_ptr<Heard> start(DatabaseLab& lab, std::string database = "db") {
  auto heard = std::make_shared<Heard>();
  lab.world.spawn("one", "listens", [database = std::move(database), heard](Context& context) { return listen(context, database, heard); });
  lab.pass(1s);
  return heard;
}

TEST(AListener, PassesByAPoolerInTransactionMode) {
  DatabaseOptions options;
  options.is_pooled = true;
  DatabaseLab lab(options);
  const auto heard = start(lab);
  lab.run({"NOTIFY items, 'one'"}, "two");
  lab.pass(100ms);
  EXPECT_EQ(heard->payloads, std::vector<std::string>{"one"});
}

TEST(AListener, IsRefusedByAStandby) {
  DatabaseOptions options;
  options.has_standby = true;
  DatabaseLab lab(options);
  EXPECT_EQ(start(lab, "db_standby")->error, "25006");
}

TEST(AListener, IsToldWhenTheServerCrashes) {
  DatabaseLab lab;
  const auto heard = start(lab);
  lab.inject(FaultKind::crash, 1s);
  lab.pass(100ms);
  EXPECT_EQ(heard->error, "08006");
}

TEST(AListener, FindsASilentConnectionToBeLostWithin25Seconds) {
  DatabaseLab lab;
  const auto heard = start(lab);
  const Instant cut = lab.world.kernel().now();
  lab.inject(FaultKind::partition, 60s, 0, "one|db");
  lab.pass(30s);
  EXPECT_EQ(heard->error, "08006");
  EXPECT_LE(heard->at - cut, 25s);
}

TEST(AListener, DoesNotHearOnWhenAPartitionHasSwallowedANotification) {
  DatabaseLab lab;
  const auto heard = start(lab);
  lab.run({"NOTIFY items, 'one'"}, "two");
  lab.inject(FaultKind::partition, 2s, 0, "one|db");
  lab.pass(1s);
  lab.run({"NOTIFY items, 'swallowed'"}, "two");
  lab.pass(30s);
  lab.run({"NOTIFY items, 'late'"}, "two");
  lab.pass(1s);
  EXPECT_EQ(heard->payloads, std::vector<std::string>{"one"});
  EXPECT_EQ(heard->error, "08006");
}

}  // namespace
}  // namespace orrery::sim
