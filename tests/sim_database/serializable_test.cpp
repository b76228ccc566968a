#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/sim_database/support.hpp"

namespace orrery::sim::database::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDependencies =
    "ERROR 40001: could not serialize access due to read/write dependencies among transactions";

class SerializableTransactions : public ::testing::Test {
 protected:
  SerializableTransactions() {
    a.run("CREATE TABLE doctors (id int PRIMARY KEY, shift int, on_call boolean)");
    a.run("CREATE INDEX doctors_shift ON doctors (shift)");
    a.run("INSERT INTO doctors VALUES (1, 1, true), (2, 1, true), (3, 2, true)");
  }
  void begin_both() {
    a.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
    b.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  }

  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
  Client c = db.connect("c");
};

TEST_F(SerializableTransactions, RefuseWriteSkewWithPostgresqlsDetailAndHint) {
  begin_both();
  EXPECT_EQ(a.run("SELECT count(*) FROM doctors WHERE on_call"), "3");
  EXPECT_EQ(b.run("SELECT count(*) FROM doctors WHERE on_call"), "3");
  EXPECT_EQ(a.tag("UPDATE doctors SET on_call = false WHERE id = 1"), "UPDATE 1");
  EXPECT_EQ(b.tag("UPDATE doctors SET on_call = false WHERE id = 2"), "UPDATE 1");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.run("COMMIT"), kDependencies);
  EXPECT_EQ(b.error.detail, "Reason code: Canceled on identification as a pivot, during commit attempt.");
  EXPECT_EQ(b.error.hint, "The transaction might succeed if retried.");
  EXPECT_EQ(b.session().status(), TransactionStatus::idle) << "a COMMIT that fails ends the transaction";
  EXPECT_EQ(c.run("SELECT count(*) FROM doctors WHERE on_call"), "2");
}

TEST_F(SerializableTransactions, ThatTouchDifferentKeysDoNotDisturbEachOther) {
  begin_both();
  a.run("SELECT on_call FROM doctors WHERE id = 1");
  b.run("SELECT on_call FROM doctors WHERE id = 2");
  a.run("UPDATE doctors SET on_call = false WHERE id = 1");
  b.run("UPDATE doctors SET on_call = false WHERE id = 2");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
}

TEST_F(SerializableTransactions, SeeARowThatIsInsertedIntoAGapTheyRead) {
  begin_both();
  EXPECT_EQ(a.run("SELECT count(*) FROM doctors WHERE id BETWEEN 10 AND 20"), "0");
  EXPECT_EQ(b.run("SELECT count(*) FROM doctors WHERE id BETWEEN 10 AND 20"), "0");
  EXPECT_EQ(a.tag("INSERT INTO doctors VALUES (11, 3, true)"), "INSERT 0 1");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.run("INSERT INTO doctors VALUES (12, 3, true)"), kDependencies);
  EXPECT_EQ(b.error.detail, "Reason code: Canceled on identification as a pivot, during write.");
}

TEST_F(SerializableTransactions, MayInsertBesideAGapThatOthersRead) {
  begin_both();
  a.run("SELECT count(*) FROM doctors WHERE id BETWEEN 10 AND 20");
  b.run("SELECT count(*) FROM doctors WHERE id BETWEEN 30 AND 40");
  a.run("INSERT INTO doctors VALUES (31, 3, true)");
  EXPECT_EQ(b.tag("INSERT INTO doctors VALUES (21, 3, true)"), "INSERT 0 1");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT") << "one conflict only is no dangerous structure";
}

TEST_F(SerializableTransactions, ReadOnlyUpToWhereALimitStopsThem) {
  begin_both();
  EXPECT_EQ(a.run("SELECT id FROM doctors ORDER BY id LIMIT 1"), "1");
  EXPECT_EQ(b.run("SELECT id FROM doctors ORDER BY id LIMIT 1"), "1");
  EXPECT_EQ(a.tag("INSERT INTO doctors VALUES (50, 3, true)"), "INSERT 0 1");
  EXPECT_EQ(b.tag("INSERT INTO doctors VALUES (51, 3, true)"), "INSERT 0 1");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
}

TEST_F(SerializableTransactions, HearOfALostRaceForAKeyAsASerializationFailureAndNotAsADuplicate) {
  begin_both();
  a.run("SELECT id FROM doctors WHERE id = 9");
  b.run("SELECT id FROM doctors WHERE id = 9");
  EXPECT_EQ(a.tag("INSERT INTO doctors VALUES (9, 3, true)"), "INSERT 0 1");
  b.start("INSERT INTO doctors VALUES (9, 3, true)");
  EXPECT_TRUE(b.is_waiting());
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  db.environment.test_executor.run_all();
  EXPECT_EQ(b.outcome(), kDependencies);
}

TEST_F(SerializableTransactions, AreNotDisturbedByTransactionsOfOtherLevels) {
  a.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  b.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  a.run("SELECT count(*) FROM doctors");
  b.run("SELECT count(*) FROM doctors");
  a.run("UPDATE doctors SET on_call = false WHERE id = 1");
  b.run("UPDATE doctors SET on_call = false WHERE id = 2");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
}

TEST_F(SerializableTransactions, KeepWhatTheyReadInARolledBackSavepoint) {
  begin_both();
  a.run("SAVEPOINT s");
  a.run("SELECT count(*) FROM doctors");
  a.run("ROLLBACK TO s");
  b.run("SELECT count(*) FROM doctors");
  a.run("UPDATE doctors SET on_call = false WHERE id = 1");
  b.run("UPDATE doctors SET on_call = false WHERE id = 2");
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(b.run("COMMIT"), kDependencies);
}

TEST_F(SerializableTransactions, ThatAreReadOnlyAndDeferrableWaitForASafeSnapshot) {
  b.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  b.run("UPDATE doctors SET on_call = false WHERE id = 3");
  a.run("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE");
  a.start("SELECT count(*) FROM doctors WHERE on_call");
  EXPECT_TRUE(a.is_waiting());
  EXPECT_TRUE(a.session().is_waiting());
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
  db.environment.test_executor.settle();
  EXPECT_EQ(a.outcome(), "3") << "the snapshot was taken before, and is safe now";
  EXPECT_EQ(a.tag("COMMIT"), "COMMIT");
}

TEST_F(SerializableTransactions, GiveUpWaitingForASafeSnapshotAfterTheirStatementTimeout) {
  b.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  b.run("UPDATE doctors SET on_call = false WHERE id = 3");
  a.run("SET statement_timeout = '2s'");
  a.run("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE");
  EXPECT_EQ(a.run("SELECT count(*) FROM doctors"), "ERROR 57014: canceling statement due to statement timeout");
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
}

TEST_F(SerializableTransactions, MayDieInTheMiddleOfAWaitForASafeSnapshot) {
  b.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  b.run("UPDATE doctors SET on_call = false WHERE id = 3");
  a.run("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE");
  a.start("SELECT count(*) FROM doctors");
  a.abandon();
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(a.run("SELECT count(*) FROM doctors WHERE on_call"), "2");
}

TEST_F(SerializableTransactions, OfAForeignKeyAndItsParentConflict) {
  a.run("CREATE TABLE notes (id int PRIMARY KEY, doctor int REFERENCES doctors)");
  begin_both();
  a.run("SELECT count(*) FROM notes");
  b.run("SELECT count(*) FROM doctors");
  EXPECT_EQ(b.tag("INSERT INTO notes VALUES (1, 1)"), "INSERT 0 1");
  EXPECT_EQ(a.tag("UPDATE doctors SET on_call = false WHERE id = 1"), "UPDATE 1");
  EXPECT_EQ(b.tag("COMMIT"), "COMMIT");
  EXPECT_EQ(a.run("COMMIT"), kDependencies);
}

}  // namespace
}  // namespace orrery::sim::database::testing
