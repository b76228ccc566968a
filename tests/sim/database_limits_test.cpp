#include <algorithm>

#include "tests/sim/database_lab.hpp"

// A server that refuses, and a pooler that gives a client another session for each transaction: what a client sees, and
// what the database holds afterwards.

namespace orrery::sim {
namespace {

using namespace std::chrono_literals;

TEST(AReadOnlyDatabase, RefusesWritesWithoutEffectAndReadsOn) {
  DatabaseLab lab;
  lab.inject(FaultKind::read_only_database, 2s);
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (1, 1)"}), "25006");
  EXPECT_EQ(lab.run({"SELECT id, v FROM t"}), "0|0");
  lab.pass(2s);
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (1, 1) RETURNING id"}), "1");
  EXPECT_EQ(lab.look(), "0|0 1|1");
}

TEST(AConnectionLimit, RefusesNewConnectionsAndLetsOpenOnesGoOn) {
  DatabaseLab lab;
  EXPECT_EQ(lab.run({"SELECT v FROM t"}, "one"), "0");  // leaves a connection in the pool of "one"
  lab.inject(FaultKind::connection_limit, 5s, 1);
  EXPECT_EQ(lab.run({"SELECT v FROM t"}, "one"), "0");
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (1, 1)"}, "two"), "53300");
  lab.pass(6s);
  EXPECT_EQ(lab.run({"SELECT v FROM t"}, "two"), "0");
  EXPECT_EQ(lab.look(), "0|0");
}

TEST(MaxConnections, HoldsWithoutAnyFault) {
  DatabaseOptions options;
  options.max_connections = 0;
  DatabaseLab lab(options);
  EXPECT_EQ(lab.run({"SELECT 1"}), "53300");
}

TEST(AFullDisk, FailsStatementsThatNeedRoomAsAWholeAndReadsOn) {
  DatabaseLab lab;
  lab.inject(FaultKind::disk_full, 10s);
  int refused = 0;
  for (int i = 1; i <= 20; ++i) {
    const std::string row = "(" + std::to_string(i) + ", 1)";
    refused += lab.run({"INSERT INTO t VALUES " + row + ", (" + std::to_string(100 + i) + ", 1)"}) == "53100" ? 1 : 0;
  }
  EXPECT_GT(refused, 10);
  EXPECT_EQ(lab.run({"SELECT count(*) FROM t"}), std::to_string(1 + 2 * (20 - refused)));
  EXPECT_EQ(lab.run({"DELETE FROM t WHERE id = 0 RETURNING id"}), "0");
  lab.pass(10s);
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (1000, 1) RETURNING id"}), "1000");
}

/// Transactions that have an id and are not over.
constexpr const char* kRunning = "SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot())";

TEST(AnIdleTransaction, IsOlderThanAllOthersAndInNobodysWay) {
  DatabaseLab lab;
  lab.inject(FaultKind::idle_transaction, 5s);
  EXPECT_EQ(lab.run({"UPDATE t SET v = 1 WHERE id = 0 RETURNING v"}), "1");
  EXPECT_EQ(lab.run({kRunning}), "1");
  EXPECT_EQ(lab.run({"ALTER TABLE t ADD COLUMN w int", "SELECT count(*) FROM t"}), "1");
  lab.pass(5s);
  EXPECT_EQ(lab.run({kRunning}), "0");
}

TEST(AnIdleTransaction, EndsWithTheServer) {
  DatabaseLab lab;
  lab.inject(FaultKind::idle_transaction, 20s);
  lab.inject(FaultKind::crash, 1s);
  lab.pass(3s);
  EXPECT_EQ(lab.run({kRunning}), "0");
  lab.pass(20s);
  EXPECT_EQ(lab.run({kRunning}), "0");
}

TEST(AnIdleTransaction, IsOneHoweverManyFaultsAskForIt) {
  DatabaseLab lab;
  lab.inject(FaultKind::idle_transaction, 2s);
  lab.inject(FaultKind::idle_transaction, 4s);
  EXPECT_EQ(lab.run({kRunning}), "1");
  lab.pass(3s);
  EXPECT_EQ(lab.run({kRunning}), "1");
  lab.pass(2s);
  EXPECT_EQ(lab.run({kRunning}), "0");
}

TEST(OverlappingFaults, OfOneKindEndOneByOne) {
  DatabaseLab lab;
  lab.inject(FaultKind::read_only_database, 2s);
  lab.inject(FaultKind::read_only_database, 4s);
  lab.inject(FaultKind::connection_limit, 2s, 5);
  lab.inject(FaultKind::connection_limit, 4s, 0);
  lab.pass(3s);
  EXPECT_EQ(lab.run({"SELECT 1"}), "53300");
  lab.pass(2s);
  EXPECT_EQ(lab.run({"INSERT INTO t VALUES (1, 1) RETURNING id"}), "1");
}

TEST(ASerializationFailure, StrikesAnOccasionThatAPlanNames) {
  const auto run = [](DatabaseLab& lab) {
    auto first = std::make_shared<std::string>("open");
    auto second = std::make_shared<std::string>("open");
    lab.start({"UPDATE t SET v = v + 1 WHERE id = 0 RETURNING v", "SELECT pg_sleep(0.1)"}, first, "one", "db", true,
              Isolation::serializable);
    lab.start({"INSERT INTO t VALUES (5, 5) RETURNING v", "SELECT pg_sleep(0.1)"}, second, "two", "db", true, Isolation::serializable);
    lab.pass(1s);
    return *first + " " + *second;
  };
  DatabaseLab calm;
  EXPECT_EQ(run(calm), " ");
  EXPECT_EQ(calm.look(), "0|1 5|5");
  DatabaseLab lab;
  Fault fault;
  fault.kind = FaultKind::serialization_failure;
  fault.target = "one>db";
  fault.ordinal = 1;
  lab.world.arm({fault});
  EXPECT_EQ(run(lab), "40001 ");
  EXPECT_EQ(lab.look(), "0|0 5|5");
  EXPECT_EQ(lab.world.struck(), std::vector<Fault>{fault});
}

TEST(ASerializationFailure, DrawnByRateIsRepeatedByThePlanOfWhatStruck) {
  const auto run = [](FaultRates rates, const std::vector<Fault>& faults) {
    DatabaseLab lab({}, 3);
    lab.world.set_rates(rates);
    lab.world.arm(faults);
    std::vector<std::shared_ptr<std::string>> outcomes;
    for (int i = 0; i < 30; ++i) {
      outcomes.push_back(std::make_shared<std::string>("open"));
      lab.start({"INSERT INTO t VALUES (" + std::to_string(10 + i) + ", 0)", "SELECT pg_sleep(0.05)"}, outcomes.back(),
                i % 2 == 0 ? "one" : "two", "db", true, Isolation::serializable);
      lab.pass(20ms);
    }
    lab.pass(1s);
    return std::tuple(lab.world.recorder().hash(), lab.world.struck(), lab.look("SELECT count(*) FROM t"));
  };
  FaultRates rates;
  rates[FaultKind::serialization_failure].per_million = 200'000;
  const auto [hash, struck, count] = run(rates, {});
  EXPECT_GT(struck.size(), 3U);
  EXPECT_LT(struck.size(), 40U);
  EXPECT_NE(count, "31");
  const auto [again, struck_again, count_again] = run({}, struck);
  EXPECT_EQ(again, hash);
  EXPECT_EQ(struck_again, struck);
  EXPECT_EQ(count_again, count);
}

TEST(APooler, GivesEachTransactionASessionAndLosesWhatIsOfTheSession) {
  DatabaseOptions options;
  options.is_pooled = true;
  DatabaseLab lab(options);
  // Two sessions at the pooler: their transactions overlap.
  auto one = std::make_shared<std::string>("open");
  auto two = std::make_shared<std::string>("open");
  lab.start({"SELECT pg_sleep(0.2)"}, one, "one", "db", true);
  lab.start({"SELECT pg_sleep(0.2)"}, two, "two", "db", true);
  lab.pass(1s);
  // SET of one client meets the other, and does not stay with its own.
  EXPECT_EQ(lab.run({"SET application_name = 'of one'"}, "one"), "");
  std::vector<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    for (const char* host : {"one", "two"}) seen.push_back(std::string(host) + lab.run({"SHOW application_name"}, host));
  }
  const auto saw = [&](const char* what) { return std::ranges::find(seen, what) != seen.end(); };
  EXPECT_TRUE(saw("one") && saw("oneof one") && saw("two") && saw("twoof one"));
  // SET LOCAL is of the transaction, and works.
  EXPECT_EQ(lab.run({"SET LOCAL application_name = 'x'", "SHOW application_name"}, "one", "db", true), "x");
  // A session-level advisory lock is held by a session that nobody may meet again to unlock it.
  EXPECT_EQ(lab.run({"SELECT pg_try_advisory_lock(1)"}, "one"), "t");
  std::vector<std::string> unlocked;
  for (int i = 0; i < 10; ++i) unlocked.push_back(lab.run({"SELECT pg_advisory_unlock(1)"}, "one"));
  EXPECT_TRUE(std::ranges::find(unlocked, "f") != unlocked.end());
}

TEST(APooler, RollsBackATransactionWhoseClientDied) {
  DatabaseOptions options;
  options.is_pooled = true;
  DatabaseLab lab(options);
  auto open = std::make_shared<std::string>("open");
  lab.start({"UPDATE t SET v = 1", "SELECT pg_sleep(10)"}, open, "one", "db", true);
  lab.pass(200ms);
  lab.inject(FaultKind::crash, 1s, 0, "one");
  EXPECT_EQ(lab.run({"UPDATE t SET v = v + 1 RETURNING v"}, "two", "db", false), "1");
  lab.inject(FaultKind::crash, 1s);
  lab.pass(2s);
  EXPECT_EQ(lab.look(), "0|1");
  EXPECT_EQ(lab.run({"SELECT v FROM t"}, "two"), "1");
}

}  // namespace
}  // namespace orrery::sim
