#include "tests/sim/database_lab.hpp"

// Which acknowledged commits can be lost, and that nobody loses one without the history saying so.

namespace orrery::sim {
namespace {

using namespace std::chrono_literals;

DatabaseOptions asynchronous() {
  DatabaseOptions options;
  options.settings = {{"synchronous_commit", "off"}};
  return options;
}

DatabaseOptions with_standby() {
  DatabaseOptions options;
  options.has_standby = true;
  return options;
}

/// Whether a row that was acknowledged is still there when the server crashed `after` and is back.
bool survives(DatabaseOptions options, std::uint64_t seed, Duration after, std::vector<std::string> statements,
              std::size_t lost = 1) {
  DatabaseLab lab(std::move(options), seed);
  EXPECT_EQ(lab.run(std::move(statements), "one", "db", true), "1|1");
  lab.pass(after);
  lab.inject(FaultKind::crash, 1s);
  lab.pass(3s);
  const bool is_there = lab.look() == "0|0 1|1";
  EXPECT_EQ(lab.lost().size(), is_there ? 0 : lost) << "the history does not say what was lost";
  return is_there;
}

const std::vector<std::string> kInsert = {"INSERT INTO t VALUES (1, 1) RETURNING id, v"};

TEST(AsynchronousCommits, MayBeLostInACrashWithinSixHundredMillisecondsAndNeverLater) {
  int early = 0;
  int late = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    early += survives(asynchronous(), seed, 10ms, kInsert) ? 1 : 0;
    late += survives(asynchronous(), seed, 250ms, kInsert) ? 1 : 0;
    EXPECT_TRUE(survives(asynchronous(), seed, 600ms, kInsert)) << "seed " << seed;
  }
  EXPECT_LT(early, 20);
  EXPECT_GT(late, 10);
  EXPECT_LT(late, 59);
}

TEST(SynchronousCommits, AreNeverLost) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_TRUE(survives({}, seed, 1ms, kInsert));
}

TEST(SynchronousCommit, IsDecidedByTheSessionAndTheTransaction) {
  const std::vector<std::string> off = {"SET LOCAL synchronous_commit = off", kInsert[0]};
  const std::vector<std::string> on = {"SET LOCAL synchronous_commit = on", kInsert[0]};
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    lost += survives({}, seed, 1ms, off) ? 0 : 1;
    EXPECT_TRUE(survives(asynchronous(), seed, 1ms, on));
  }
  EXPECT_GT(lost, 10);
}

TEST(SynchronousCommits, TakeTheAsynchronousOnesBeforeThemToDiskWithThem) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    DatabaseLab lab(asynchronous(), seed);
    EXPECT_EQ(lab.run(kInsert, "one", "db", false), "1|1");
    EXPECT_EQ(lab.run({"SET LOCAL synchronous_commit = on", "UPDATE t SET v = 5 WHERE id = 0 RETURNING v"}, "one", "db", true), "5");
    lab.inject(FaultKind::crash, 1s);
    lab.pass(3s);
    EXPECT_EQ(lab.look(), "0|5 1|1");
  }
}

TEST(LostCommits, AreTheNewestAndTheHistorySaysWhatUndoesThem) {
  DatabaseLab lab(asynchronous());
  lab.run(kInsert, "one", "db", false);
  lab.run({"UPDATE t SET v = 2 WHERE id = 1"}, "two", "db", false);
  lab.inject(FaultKind::crash, 1s);
  lab.pass(3s);
  const std::vector<const Event*> lost = lab.lost();
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0]->subject, "db");
  EXPECT_EQ(lost[0]->key.substr(0, 4), "two.");
  EXPECT_EQ(lost[0]->changes.at(0).old_row()["v"].integer(), 2);
  EXPECT_EQ(lost[0]->changes.at(0).new_row()["v"].integer(), 1);
  EXPECT_EQ(lost[1]->changes.at(0).operation, RowOperation::remove);
  // Followed through the history, the table is as it is.
  std::string state;
  for (const History::Change& change : lab.world.recorder().history().committed("db.t")) {
    state += change.row->operation == RowOperation::remove ? "-" : std::to_string(change.row->new_row()["v"].integer());
  }
  EXPECT_EQ(state, "0121-") << "the row that was there, then the insert, the update, and both taken back";
}

TEST(AStandby, ShowsAnOlderStateThatIsConsistentAndLetsNothingBeChanged) {
  DatabaseLab lab(with_standby());
  lab.inject(FaultKind::standby_lag, 1min, 2'000'000);
  lab.run({"INSERT INTO t VALUES (1, 1)", "UPDATE t SET v = v + 10"});
  EXPECT_EQ(lab.run({"SELECT id, v FROM t ORDER BY id"}), "0|10 1|11");
  EXPECT_EQ(lab.run({"SELECT id, v FROM t ORDER BY id"}, "two", "db_standby"), "0|0");
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (7, 7)"}, "two", "db_standby"), "25006");
  EXPECT_EQ(lab.run({"SELECT pg_is_in_recovery()"}, "two", "db_standby"), "t");
  lab.pass(4s);
  EXPECT_EQ(lab.run({"SELECT id, v FROM t ORDER BY id"}, "two", "db_standby"), "0|10 1|11");
  EXPECT_EQ(lab.look("SELECT count(*) FROM t", "db_standby"), "2");
}

TEST(AStandby, IsBehindWhileTheNetworkIsCutAndCatchesUpAfterwards) {
  DatabaseLab lab(with_standby());
  lab.inject(FaultKind::partition, 5s, 0, "db|db_standby");
  lab.run(kInsert);
  lab.pass(3s);
  EXPECT_EQ(lab.look("SELECT count(*) FROM t", "db_standby"), "1");
  lab.pass(5s);
  EXPECT_EQ(lab.look("SELECT count(*) FROM t", "db_standby"), "2");
}

TEST(AStandby, GoesOnShowingWhatItHasWhileThePrimaryIsDown) {
  DatabaseLab lab(with_standby());
  lab.run(kInsert);
  lab.pass(3s);
  lab.inject(FaultKind::crash, 10s);
  lab.pass(10ms);
  EXPECT_EQ(lab.run({"SELECT count(*) FROM t"}), "08001");
  EXPECT_EQ(lab.run({"SELECT count(*) FROM t"}, "two", "db_standby"), "2");
  lab.pass(12s);
  EXPECT_EQ(lab.look(), "0|0 1|1");
  EXPECT_TRUE(lab.lost().empty());
}

TEST(AFailover, LosesWhatTheStandbyHadNotReceivedAndKeepsTheRest) {
  DatabaseLab lab(with_standby());
  lab.run(kInsert);
  lab.pass(100ms);
  lab.inject(FaultKind::partition, 5s, 0, "db|db_standby");
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (2, 2) RETURNING id"}), "2") << "acknowledged, and yet not on the standby";
  auto open = std::make_shared<std::string>("open");
  lab.start({"UPDATE t SET v = 9 WHERE id = 0", "SELECT pg_sleep(5)"}, open, "two", "db", true);
  lab.pass(50ms);
  lab.inject(FaultKind::failover, 2s);
  lab.pass(1s);
  EXPECT_EQ(*open, "08006") << "old connections break";
  EXPECT_EQ(lab.run({"SELECT 1"}), "08001") << "nobody listens until the standby has taken over";
  lab.pass(2s);
  EXPECT_EQ(lab.run({"SELECT id, v FROM t ORDER BY id"}), "0|0 1|1") << "the same name, the standby's state";
  ASSERT_EQ(lab.lost().size(), 1U);
  EXPECT_EQ(lab.lost()[0]->changes.at(0).old_row()["id"].integer(), 2);
  // The key is free again, and the new primary has a standby of its own.
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (2, 22) RETURNING v"}), "22");
  lab.pass(20s);
  EXPECT_EQ(lab.look("SELECT count(*) FROM t", "db_standby"), "3");
}

TEST(AFailover, LosesNothingThatTheStandbyHadReceivedWhetherOrNotItHadReplayedIt) {
  int behind = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    DatabaseLab lab(with_standby(), seed);
    lab.run(kInsert);
    lab.pass(45ms);  // longer than any message takes
    behind += lab.look("SELECT count(*) FROM t", "db_standby") == "1" ? 1 : 0;
    lab.inject(FaultKind::failover, 1s);
    lab.pass(2s);
    EXPECT_EQ(lab.look(), "0|0 1|1") << "seed " << seed;
    EXPECT_TRUE(lab.lost().empty());
  }
  EXPECT_GT(behind, 0) << "no seed had anything to replay";
}

TEST(AFailover, ToAStandbyThatLagsLosesTheLastOfWhatWasAcknowledged) {
  DatabaseLab lab(with_standby());
  lab.inject(FaultKind::standby_lag, 1min, 2'000'000);
  lab.run(kInsert);
  lab.pass(3s);
  lab.run({"UPDATE t SET v = 2 WHERE id = 1"});
  lab.run({"INSERT INTO t VALUES (3, 3)"});
  lab.inject(FaultKind::failover, 1s);
  lab.pass(2s);
  EXPECT_EQ(lab.look(), "0|0 1|1");
  EXPECT_EQ(lab.lost().size(), 2U);
}

TEST(AFailover, ToAStandbyThatIsDownOrFarBehindIsACrashWithoutLoss) {
  for (const bool down : {true, false}) {
    DatabaseLab lab(with_standby());
    lab.inject(down ? FaultKind::crash : FaultKind::partition, 5min, 0, down ? "db_standby" : "db|db_standby");
    lab.run(kInsert);
    if (!down) lab.pass(11s);
    lab.inject(FaultKind::failover, 1s);
    lab.pass(2s);
    EXPECT_EQ(lab.look(), "0|0 1|1");
    EXPECT_TRUE(lab.lost().empty());
    bool told = false;
    for (const Event* log : lab.world.recorder().history().of(EventKind::log)) told = told || log->text.starts_with("no failover: ");
    EXPECT_TRUE(told);
  }
}

TEST(ASwitchover, BreaksConnectionsAndLosesNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    DatabaseLab lab(with_standby(), seed);
    EXPECT_EQ(lab.run(kInsert, "one", "db", false), "1|1");
    auto open = std::make_shared<std::string>("open");
    lab.start({"SELECT pg_sleep(5)"}, open, "two", "db", true);
    lab.pass(20ms);
    lab.inject(FaultKind::switchover, 1s);
    lab.pass(2s);
    EXPECT_EQ(*open, "08006");
    EXPECT_EQ(lab.run({"SELECT id, v FROM t ORDER BY id"}), "0|0 1|1");
    EXPECT_TRUE(lab.lost().empty());
  }
}

TEST(AFailover, NeedsAStandby) {
  DatabaseLab lab;
  Fault fault;
  fault.at = 1s;
  fault.target = "db";
  for (const FaultKind kind : {FaultKind::failover, FaultKind::switchover, FaultKind::standby_lag}) {
    fault.kind = kind;
    EXPECT_EQ(lab.world.unsupported(fault), "\"db\" has no standby");
  }
}

}  // namespace
}  // namespace orrery::sim
