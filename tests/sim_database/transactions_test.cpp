#include <gtest/gtest.h>

#include "tests/sim_database/support.hpp"

namespace orrery::sim::database::testing {
namespace {

class Transactions : public ::testing::Test {
 protected:
  void SetUp() override {
    a.run("CREATE TABLE t (k int PRIMARY KEY, v int NOT NULL)");
    a.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)");
  }
  Database db;
  Client a{db.engine, db.environment, "a"};
  Client b{db.engine, db.environment, "b"};
  Client c{db.engine, db.environment, "c"};
};

TEST_F(Transactions, AFailedStatementSpoilsTheTransactionAndCommitAnswersRollback) {
  EXPECT_EQ(a.tag("BEGIN"), "BEGIN");
  EXPECT_EQ(a.run("INSERT INTO t VALUES (1, 0)"),
            "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\"");
  EXPECT_EQ(a.session().status(), TransactionStatus::failed);
  EXPECT_EQ(a.run("SELECT 1"),
            "ERROR 25P02: current transaction is aborted, commands ignored until end of transaction block");
  EXPECT_EQ(a.tag("COMMIT"), "ROLLBACK");
  EXPECT_EQ(a.session().status(), TransactionStatus::idle);
}

TEST_F(Transactions, TruncateEmptiesTheTableForOlderSnapshotsToo) {
  a.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_EQ(a.run("SELECT 1"), "1");
  b.run("BEGIN");
  b.run("TRUNCATE t");
  EXPECT_EQ(b.tag("ROLLBACK"), "ROLLBACK");
  EXPECT_EQ(a.run("SELECT count(*) FROM t"), "3");
  a.run("COMMIT");
  a.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_EQ(a.run("SELECT 1"), "1");
  b.run("TRUNCATE t");
  EXPECT_EQ(a.run("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
}

TEST_F(Transactions, ASavepointBringsBackWhetherTheTransactionWrites) {
  a.run("BEGIN READ WRITE");
  a.run("SAVEPOINT s");
  a.run("SET TRANSACTION READ ONLY");
  EXPECT_EQ(a.run("SET TRANSACTION READ WRITE"), "ERROR 25001: cannot set transaction read-write mode inside a read-only transaction");
  a.run("ROLLBACK TO s");
  EXPECT_EQ(a.run("SHOW transaction_read_only"), "off");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
}

TEST_F(Transactions, ASavepointRecoversAFailedTransaction) {
  a.run("BEGIN");
  a.run("UPDATE t SET v = 11 WHERE k = 1");
  a.run("SAVEPOINT s");
  a.run("UPDATE t SET v = 12 WHERE k = 1");
  a.run("SELECT 1 / 0");
  EXPECT_EQ(a.tag("ROLLBACK TO s"), "ROLLBACK");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.run("SELECT v FROM t WHERE k = 1"), "11");
}

TEST_F(Transactions, AnUpdateWaitsAndIsJudgedAgainOnTheNewestVersion) {
  a.run("BEGIN");
  a.run("UPDATE t SET v = v + 1 WHERE k = 1");
  b.start("UPDATE t SET v = v + 100 WHERE k = 1 RETURNING v");
  EXPECT_TRUE(b.is_waiting());
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), "111");
}

TEST_F(Transactions, ARowThatNoLongerMatchesAfterTheWaitIsSkipped) {
  a.run("BEGIN");
  a.run("UPDATE t SET v = 99 WHERE k = 1");
  b.start("DELETE FROM t WHERE v = 10 RETURNING k");
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), "");
  EXPECT_EQ(b.run("SELECT count(*) FROM t"), "3");
}

TEST_F(Transactions, RepeatableReadRefusesAConcurrentChange) {
  a.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  b.run("UPDATE t SET v = 0 WHERE k = 2");  // before the snapshot: it is taken at the first query
  EXPECT_EQ(a.run("SELECT v FROM t WHERE k = 2"), "0");
  b.run("UPDATE t SET v = 1 WHERE k = 1");
  b.run("DELETE FROM t WHERE k = 3");
  EXPECT_EQ(a.run("SELECT v FROM t ORDER BY k"), "10\n0\n30");
  a.run("SAVEPOINT s");
  EXPECT_EQ(a.run("UPDATE t SET v = 5 WHERE k = 1"),
            "ERROR 40001: could not serialize access due to concurrent update");
  a.run("ROLLBACK TO s");
  EXPECT_EQ(a.run("DELETE FROM t WHERE k = 3"), "ERROR 40001: could not serialize access due to concurrent delete");
}

TEST_F(Transactions, TheFirstWaiterIsTheVictimOfADeadlock) {
  a.run("BEGIN");
  b.run("BEGIN");
  a.run("UPDATE t SET v = 0 WHERE k = 1");
  b.run("UPDATE t SET v = 0 WHERE k = 2");
  a.start("UPDATE t SET v = 0 WHERE k = 2");
  b.start("UPDATE t SET v = 0 WHERE k = 1");
  db.environment.test_executor.advance(999ms);
  EXPECT_TRUE(a.is_waiting());
  db.environment.test_executor.advance(1ms);
  EXPECT_EQ(a.outcome(), "ERROR 40P01: deadlock detected");
  EXPECT_EQ(b.outcome(), "");
}

TEST_F(Transactions, TimeOutsEndAWait) {
  a.run("BEGIN");
  a.run("UPDATE t SET v = 0 WHERE k = 1");
  b.run("SET lock_timeout = '200ms'");
  EXPECT_EQ(b.run("UPDATE t SET v = 1 WHERE k = 1"), "ERROR 55P03: canceling statement due to lock timeout");
  b.run("SET lock_timeout = 0; SET statement_timeout = '300ms'");
  EXPECT_EQ(b.run("UPDATE t SET v = 1 WHERE k = 1"), "ERROR 57014: canceling statement due to statement timeout");
}

TEST_F(Transactions, SkipLockedPassesLockedRowsAndNowaitFails) {
  a.run("BEGIN");
  a.run("SELECT * FROM t WHERE k = 1 FOR UPDATE");
  EXPECT_EQ(b.run("SELECT k FROM t ORDER BY k LIMIT 1 FOR UPDATE SKIP LOCKED"), "2");
  EXPECT_EQ(b.run("SELECT k FROM t WHERE k = 1 FOR UPDATE NOWAIT"),
            "ERROR 55P03: could not obtain lock on row in relation \"t\"");
}

TEST_F(Transactions, DoNothingWaitsForARowInFlight) {
  a.run("BEGIN");
  a.run("INSERT INTO t VALUES (7, 70)");
  b.start("INSERT INTO t VALUES (7, 71) ON CONFLICT DO NOTHING RETURNING k");
  EXPECT_TRUE(b.is_waiting());
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), "");
  a.run("BEGIN");
  a.run("INSERT INTO t VALUES (8, 80)");
  b.start("INSERT INTO t VALUES (8, 81) ON CONFLICT DO NOTHING RETURNING v");
  a.run("ROLLBACK");
  EXPECT_EQ(b.outcome(), "81");
}

TEST_F(Transactions, AStatementOnManyRowsGoesOnWhereItHadToWait) {
  a.run("BEGIN");
  a.run("UPDATE t SET v = 21 WHERE k = 2");
  b.start("UPDATE t SET v = v + 100 RETURNING k, v");
  EXPECT_TRUE(b.is_waiting());
  EXPECT_EQ(c.run("SELECT v FROM t WHERE k = 1"), "10");
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), "1|110\n2|121\n3|130");
  EXPECT_EQ(b.result.command_tag, "UPDATE 3");

  a.run("BEGIN");
  a.run("INSERT INTO t VALUES (5, 50)");
  a.run("UPDATE t SET v = 31 WHERE k = 3");
  b.start("INSERT INTO t VALUES (4, 40), (5, 51), (3, 32), (6, 60) ON CONFLICT (k) DO UPDATE SET v = t.v + excluded.v RETURNING k, v");
  EXPECT_TRUE(b.is_waiting());
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), "4|40\n5|101\n3|63\n6|60");
  EXPECT_EQ(b.result.command_tag, "INSERT 0 4");
  EXPECT_EQ(b.tag("DELETE FROM t WHERE k > 3"), "DELETE 3");
}

TEST_F(Transactions, StatementsAreToldApartWhereverTheirTextsDiffer) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      std::string one = letters;
      one[i] = '-';
      EXPECT_EQ(a.run("SELECT '" + one + "' FROM t WHERE k = 1"), one);
    }
  }
}

TEST_F(Transactions, AnAbandonedStatementRollsBackAndFreesItsLocks) {
  a.run("BEGIN");
  a.run("UPDATE t SET v = 0 WHERE k = 1");
  b.run("BEGIN");
  b.run("UPDATE t SET v = 0 WHERE k = 2");
  b.start("UPDATE t SET v = 1 WHERE k = 1");
  c.start("UPDATE t SET v = 2 WHERE k = 2 RETURNING v");
  EXPECT_TRUE(c.is_waiting());
  b.abandon();
  db.environment.test_executor.settle();
  EXPECT_EQ(c.outcome(), "2");
}

TEST_F(Transactions, SequencesSkipOnRollback) {
  a.run("CREATE TABLE s (id bigserial PRIMARY KEY)");
  a.run("BEGIN");
  EXPECT_EQ(a.run("INSERT INTO s DEFAULT VALUES RETURNING id"), "1");
  a.run("ROLLBACK");
  EXPECT_EQ(a.run("INSERT INTO s DEFAULT VALUES RETURNING id"), "2");
}

TEST_F(Transactions, ChangesAreReportedInTheirOrderAtCommitOnly) {
  std::vector<std::string> seen;
  db.engine.on_commit([&](const CommittedTransaction& committed) {
    for (const RowChange& change : committed.changes) {
      seen.push_back(std::string(change.table) + ":" + (change.before.empty() ? "-" : change.before[1].text()) + ">" +
                     (change.after.empty() ? "-" : change.after[1].text()));
    }
  });
  a.run("BEGIN");
  a.run("UPDATE t SET v = 11 WHERE k = 1");
  a.run("DELETE FROM t WHERE k = 2");
  EXPECT_TRUE(seen.empty());
  a.run("COMMIT");
  EXPECT_EQ(seen, (std::vector<std::string>{"t:10>11", "t:20>-"}));
}

TEST_F(Transactions, UnsupportedSqlIsNamedWithItsPlace) {
  EXPECT_EQ(a.run("SELECT * FROM t TABLESAMPLE system (1)"),
            "ERROR 0A000: not supported in the simulated database: TABLESAMPLE");
  EXPECT_EQ(a.run("SELECT nope FROM t"), "ERROR 42703: column \"nope\" does not exist");
  EXPECT_EQ(a.error.position, 8);
  EXPECT_EQ(a.run("SELECT $1 IS NULL", {SqlValue(1)}), "ERROR 42P18: could not determine data type of parameter $1");
}

TEST_F(Transactions, MayBeSilentForAsLongAsTheirSettingsSay) {
  EXPECT_EQ(a.session().idle_limit().after, Duration::zero());
  a.run("SET idle_session_timeout = '1min'");
  a.run("SET idle_in_transaction_session_timeout = '5s'");
  EXPECT_EQ(a.session().idle_limit().after, 1min);
  EXPECT_EQ(a.session().idle_limit().sqlstate, "57P05");
  a.run("BEGIN");
  EXPECT_EQ(a.session().idle_limit().after, 5s);
  EXPECT_EQ(a.session().idle_limit().sqlstate, "25P03");
}

TEST_F(Transactions, LockTablesInModesThatConflictAsTheManualSays) {
  a.run("BEGIN");
  b.run("BEGIN");
  EXPECT_EQ(a.tag("LOCK TABLE t IN SHARE MODE"), "LOCK TABLE");
  EXPECT_EQ(b.tag("LOCK TABLE t IN SHARE MODE NOWAIT"), "LOCK TABLE");
  EXPECT_EQ(b.run("LOCK TABLE t IN ROW EXCLUSIVE MODE NOWAIT"), "ERROR 55P03: could not obtain lock on relation \"t\"");
  b.run("ROLLBACK");
  EXPECT_EQ(a.tag("LOCK TABLE t"), "LOCK TABLE");
  b.start("SELECT count(*) FROM t");
  EXPECT_TRUE(b.is_waiting()) << "without a mode it is ACCESS EXCLUSIVE";
  a.run("COMMIT");
  db.environment.test_executor.settle();
  EXPECT_FALSE(b.is_waiting());
  EXPECT_EQ(a.run("LOCK TABLE t"), "ERROR 25P01: LOCK TABLE can only be used in transaction blocks");
}

TEST(EnumLabels, AreThereForOthersOnceTheyAreCommitted) {
  Database database;
  Client one = database.connect("one");
  Client two = database.connect("two");
  EXPECT_EQ(one.tag("CREATE TYPE mood AS ENUM ('sad', 'happy')"), "CREATE TYPE");
  EXPECT_EQ(one.tag("BEGIN"), "BEGIN");
  EXPECT_EQ(one.tag("SAVEPOINT s"), "SAVEPOINT");
  EXPECT_EQ(one.tag("ALTER TYPE mood ADD VALUE 'fine' BEFORE 'happy'"), "ALTER TYPE");
  EXPECT_EQ(two.run("SELECT 'fine'::mood"), "ERROR 22P02: invalid input value for enum mood: \"fine\"");
  EXPECT_EQ(one.run("SELECT 'fine'::mood"), "ERROR 55P04: unsafe use of new value \"fine\" of enum type mood");
  EXPECT_EQ(one.tag("ROLLBACK TO s"), "ROLLBACK");
  EXPECT_EQ(one.run("SELECT 'fine'::mood"), "ERROR 22P02: invalid input value for enum mood: \"fine\"");
  EXPECT_EQ(one.tag("ROLLBACK TO s"), "ROLLBACK");
  EXPECT_EQ(one.tag("ALTER TYPE mood ADD VALUE 'fine' BEFORE 'happy'"), "ALTER TYPE");
  EXPECT_EQ(one.run("ALTER TYPE mood ADD VALUE 'great' AFTER 'fine'"), "");
  two.start("ALTER TYPE mood ADD VALUE 'fine'");
  EXPECT_TRUE(two.is_waiting());
  EXPECT_EQ(one.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(two.outcome(), "ERROR 42710: enum label \"fine\" already exists");
  EXPECT_EQ(two.run("SELECT m FROM unnest(ARRAY['happy', 'great', 'fine', 'sad']::mood[]) m ORDER BY m"), "sad\nfine\ngreat\nhappy");
}

TEST(EnumLabels, OfANewTypeMayBeUsedAtOnce) {
  Database database;
  Client one = database.connect("one");
  EXPECT_EQ(one.tag("BEGIN"), "BEGIN");
  EXPECT_EQ(one.tag("CREATE TYPE mood AS ENUM ('sad')"), "CREATE TYPE");
  EXPECT_EQ(one.tag("ALTER TYPE mood ADD VALUE 'fine'"), "ALTER TYPE");
  EXPECT_EQ(one.run("SELECT 'fine'::mood"), "fine");
}

TEST(Recursion, WithoutAnEndGivesWhatLimitWants) {
  Database database;
  Client one = database.connect("one");
  EXPECT_EQ(one.run("WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) SELECT n FROM t WHERE n % 2 = 0 LIMIT 3"), "2\n4\n6");
  EXPECT_EQ(one.run("WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t) SELECT n FROM t LIMIT 2 OFFSET 1"), "2\n3");
}

TEST(Series, OfNumericsNeedEnds) {
  Database database;
  Client one = database.connect("one");
  EXPECT_EQ(one.run("SELECT * FROM generate_series(0::numeric, 'inf'::numeric, 10::numeric)"), "ERROR 22023: stop value cannot be infinity");
  EXPECT_EQ(one.run("SELECT * FROM generate_series(0::numeric, 1::numeric, 'nan'::numeric)"), "ERROR 22023: step size cannot be NaN");
}

TEST(Sums, OfFloatsBeginWithTheirFirstNumber) {
  Database database;
  Client one = database.connect("one");
  EXPECT_EQ(one.run("SELECT sum(x), avg(x) FROM (VALUES ('-0'::float8)) v (x)"), "-0|0");
}

TEST(ClientMinMessages, TakesALevelOnly) {
  Database database;
  Client one = database.connect("one");
  EXPECT_EQ(one.run("SET client_min_messages = fatal"), "ERROR 22023: invalid value for parameter \"client_min_messages\": \"fatal\"");
  EXPECT_EQ(one.tag("SET client_min_messages = DEBUG"), "SET");
  EXPECT_EQ(one.run("SHOW client_min_messages"), "debug2");
}

TEST(Having, WithoutGroupsLooksAtNoRow) {
  Database database;
  Client one = database.connect("one");
  EXPECT_EQ(one.tag("CREATE TABLE t (a int)"), "CREATE TABLE");
  EXPECT_EQ(one.tag("INSERT INTO t VALUES (0)"), "INSERT 0 1");
  EXPECT_EQ(one.run("SELECT 1 FROM t WHERE 1 / a = 1 HAVING 1 < 2"), "1");
}

TEST(Updates, FailOnTheRowThatComesFirst) {
  Database database({.shuffles_open_order = false, .lies_like_small_tables = true});
  Client one = database.connect("one");
  EXPECT_EQ(one.tag("CREATE TABLE t (a int, b int CHECK (b < 10))"), "CREATE TABLE");
  EXPECT_EQ(one.tag("INSERT INTO t VALUES (1, 9), (0, 1)"), "INSERT 0 2");
  EXPECT_EQ(one.run("UPDATE t SET b = b + 1 WHERE 1 / a = 1"), "ERROR 23514: new row for relation \"t\" violates check constraint \"t_b_check\"");
}

}  // namespace
}  // namespace orrery::sim::database::testing
