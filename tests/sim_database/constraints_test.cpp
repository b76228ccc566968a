#include <gtest/gtest.h>

#include <string>

#include "tests/sim_database/support.hpp"

namespace orrery::sim::database::testing {
namespace {

constexpr const char* kNoParent =
    "ERROR 23503: insert or update on table \"child\" violates foreign key constraint \"child_parent_fkey\"";

class DeferredForeignKeys : public ::testing::Test {
 protected:
  DeferredForeignKeys() {
    a.run("CREATE TABLE parent (id int PRIMARY KEY)");
    a.run("CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
  }
  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
};

TEST_F(DeferredForeignKeys, AreCheckedAtCommitAndFailThere) {
  a.run("BEGIN");
  EXPECT_EQ(a.tag("INSERT INTO child VALUES (1, 7)"), "INSERT 0 1");
  EXPECT_EQ(a.run("COMMIT"), kNoParent);
  EXPECT_EQ(a.error.detail, "Key (parent)=(7) is not present in table \"parent\".");
  EXPECT_EQ(a.session().status(), TransactionStatus::idle);
  EXPECT_EQ(a.run("SELECT count(*) FROM child"), "0");
}

TEST_F(DeferredForeignKeys, HoldWhenTheParentComesInTime) {
  a.run("BEGIN");
  a.run("INSERT INTO child VALUES (1, 7)");
  a.run("INSERT INTO parent VALUES (7)");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
}

TEST_F(DeferredForeignKeys, ForgetChildrenThatAreGoneByThen) {
  a.run("BEGIN");
  a.run("INSERT INTO child VALUES (1, 7), (2, 8)");
  a.run("DELETE FROM child WHERE id = 1");
  a.run("SAVEPOINT s");
  a.run("INSERT INTO child VALUES (3, 9)");
  a.run("ROLLBACK TO s");
  a.run("INSERT INTO parent VALUES (8)");
  a.run("UPDATE child SET id = 5");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
}

TEST_F(DeferredForeignKeys, FollowARowThatItsOwnTransactionChanges) {
  a.run("BEGIN");
  a.run("INSERT INTO child VALUES (1, 7)");
  a.run("UPDATE child SET id = 2");
  EXPECT_EQ(a.run("COMMIT"), kNoParent);
}

TEST_F(DeferredForeignKeys, LetAParentBeReplaced) {
  a.run("INSERT INTO parent VALUES (7)");
  a.run("INSERT INTO child VALUES (1, 7)");
  a.run("BEGIN");
  EXPECT_EQ(a.tag("DELETE FROM parent"), "DELETE 1");
  a.run("INSERT INTO parent VALUES (7)");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  a.run("BEGIN");
  EXPECT_EQ(a.tag("DELETE FROM parent"), "DELETE 1");
  EXPECT_EQ(a.run("COMMIT"),
            "ERROR 23503: update or delete on table \"parent\" violates foreign key constraint \"child_parent_fkey\" on table "
            "\"child\"");
}

TEST_F(DeferredForeignKeys, BecomeImmediateBySetConstraints) {
  a.run("BEGIN");
  a.run("INSERT INTO child VALUES (1, 7)");
  EXPECT_EQ(a.run("SET CONSTRAINTS ALL IMMEDIATE"), kNoParent);
  a.run("ROLLBACK");
  a.run("BEGIN");
  EXPECT_EQ(a.tag("SET CONSTRAINTS child_parent_fkey IMMEDIATE"), "SET CONSTRAINTS");
  EXPECT_EQ(a.run("INSERT INTO child VALUES (1, 7)"), kNoParent);
  a.run("ROLLBACK");
  EXPECT_EQ(a.run("INSERT INTO child VALUES (1, 7)"), kNoParent) << "a statement of its own commits at its end";
}

TEST_F(DeferredForeignKeys, OfWhichThereIsNoneAreReported) {
  a.run("CREATE TABLE strict (id int PRIMARY KEY, parent int REFERENCES parent)");
  a.run("BEGIN");
  EXPECT_EQ(a.run("SET CONSTRAINTS strict_parent_fkey DEFERRED"),
            "ERROR 42809: constraint \"strict_parent_fkey\" is not deferrable");
  a.run("ROLLBACK");
  a.run("BEGIN");
  EXPECT_EQ(a.run("SET CONSTRAINTS nothing DEFERRED"), "ERROR 42704: constraint \"nothing\" does not exist");
}

TEST(OnConflict, RunsTheRaceAgainWhenAnotherIndexLetItWait) {
  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
  Client c = db.connect("c");
  a.run("CREATE TABLE t (x int UNIQUE, y int UNIQUE)");
  a.run("BEGIN");
  a.run("INSERT INTO t VALUES (1, 1)");
  b.start("INSERT INTO t VALUES (1, 2) ON CONFLICT (y) DO NOTHING");
  EXPECT_TRUE(b.is_waiting());
  EXPECT_EQ(c.tag("INSERT INTO t VALUES (3, 2)"), "INSERT 0 1");
  a.run("ROLLBACK");
  db.environment.test_executor.run_all();
  EXPECT_EQ(b.outcome(), "") << "another row has taken the arbiter's key in the meantime";
  EXPECT_EQ(b.result.command_tag, "INSERT 0 0");
  EXPECT_EQ(a.run("SELECT x, y FROM t"), "3|2");
}

TEST(OnConflict, StillFailsForAKeyThatIsNoArbiter) {
  Database db;
  Client a = db.connect("a");
  a.run("CREATE TABLE t (x int UNIQUE, y int UNIQUE)");
  a.run("INSERT INTO t VALUES (1, 1)");
  EXPECT_EQ(a.run("INSERT INTO t VALUES (1, 2) ON CONFLICT (y) DO NOTHING"),
            "ERROR 23505: duplicate key value violates unique constraint \"t_x_key\"");
}

class DeferrableKeys : public ::testing::Test {
 protected:
  DeferrableKeys() {
    a.run("CREATE TABLE places (id int PRIMARY KEY, place int, CONSTRAINT one_each UNIQUE (place) DEFERRABLE INITIALLY DEFERRED)");
    a.run("INSERT INTO places VALUES (1, 1), (2, 2)");
  }
  static constexpr const char* kTaken = "ERROR 23505: duplicate key value violates unique constraint \"one_each\"";
  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
};

TEST_F(DeferrableKeys, LetTwoRowsSwapTheirKeysInOneTransaction) {
  a.run("BEGIN");
  EXPECT_EQ(a.tag("UPDATE places SET place = 2 WHERE id = 1"), "UPDATE 1");
  EXPECT_EQ(a.run("SELECT id FROM places WHERE place = 2 ORDER BY id"), "1\n2");
  EXPECT_EQ(a.tag("UPDATE places SET place = 1 WHERE id = 2"), "UPDATE 1");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
}

TEST_F(DeferrableKeys, AreViolatedAtCommitWhichRollsBack) {
  a.run("BEGIN");
  EXPECT_EQ(a.tag("INSERT INTO places VALUES (3, 1)"), "INSERT 0 1");
  EXPECT_EQ(a.run("COMMIT"), kTaken);
  EXPECT_EQ(a.error.detail, "Key (place)=(1) already exists.");
  EXPECT_EQ(a.run("SELECT count(*) FROM places"), "2");
}

TEST_F(DeferrableKeys, LetAnInsertOfAKeyInFlightGoOnAndWaitAtCommitInstead) {
  a.run("BEGIN");
  a.run("INSERT INTO places VALUES (3, 3)");
  b.run("BEGIN");
  EXPECT_EQ(b.tag("INSERT INTO places VALUES (4, 3)"), "INSERT 0 1");
  b.start("COMMIT");
  EXPECT_TRUE(b.is_waiting());
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), kTaken);
  EXPECT_EQ(b.run("SELECT id FROM places WHERE place = 3"), "3");
}

TEST_F(DeferrableKeys, HoldWhenTheOneInFlightRollsBack) {
  a.run("BEGIN");
  a.run("INSERT INTO places VALUES (3, 3)");
  b.start("INSERT INTO places VALUES (4, 3)");
  EXPECT_TRUE(b.is_waiting());
  a.run("ROLLBACK");
  EXPECT_EQ(b.outcome(), "");
  EXPECT_EQ(a.run("SELECT id FROM places WHERE place = 3"), "4");
}

TEST_F(DeferrableKeys, AreCheckedAtOnceBySetConstraintsImmediate) {
  a.run("BEGIN");
  a.run("INSERT INTO places VALUES (3, 1)");
  EXPECT_EQ(a.run("SET CONSTRAINTS one_each IMMEDIATE"), kTaken);
}

TEST(NotValidConstraints, BindNewRowsAndAreValidatedUnderALockThatWritersDoNotMind) {
  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
  a.run("CREATE TABLE t (id int PRIMARY KEY, n int)");
  a.run("INSERT INTO t VALUES (1, -1)");
  EXPECT_EQ(a.tag("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0) NOT VALID"), "ALTER TABLE");
  EXPECT_TRUE(a.run("INSERT INTO t VALUES (2, -2)").starts_with("ERROR 23514"));
  EXPECT_TRUE(a.run("ALTER TABLE t VALIDATE CONSTRAINT positive").starts_with("ERROR 23514"));
  a.run("UPDATE t SET n = 1");
  b.run("BEGIN");
  b.run("INSERT INTO t VALUES (3, 3)");
  EXPECT_EQ(a.tag("ALTER TABLE t VALIDATE CONSTRAINT positive"), "ALTER TABLE");
}

TEST(GeneratedColumns, AreComputedFromTheNewestRowAfterALockWait) {
  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
  a.run("CREATE TABLE t (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)");
  a.run("INSERT INTO t VALUES (1, 1)");
  a.run("BEGIN");
  a.run("UPDATE t SET n = n + 10");
  b.start("UPDATE t SET n = n + 100 WHERE twice > 0 RETURNING n, twice");
  EXPECT_TRUE(b.is_waiting());
  a.run("COMMIT");
  EXPECT_EQ(b.outcome(), "111|222");
}

TEST(Cursors, ShowWhatThereWasWhenTheyWereDeclared) {
  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
  a.run("CREATE TABLE t (n int)");
  a.run("INSERT INTO t VALUES (1), (2), (3)");
  a.run("BEGIN");
  EXPECT_EQ(a.tag("DECLARE c CURSOR FOR SELECT n FROM t ORDER BY n"), "DECLARE CURSOR");
  b.run("DELETE FROM t");
  EXPECT_EQ(a.run("FETCH 2 FROM c"), "1\n2");
  EXPECT_EQ(a.tag("MOVE ALL IN c"), "MOVE 1");
  a.run("COMMIT");
  EXPECT_EQ(a.run("FETCH c"), "ERROR 34000: cursor \"c\" does not exist");
}

}  // namespace
}  // namespace orrery::sim::database::testing
