#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include "real-mode/proxy.hpp"
#include "tests/real-mode/real_world.hpp"

namespace orrery::real {
namespace {

TEST_F(RealWorldTest, ValuesComeAsInSimulation) {
  pool();
  const Rows rows = exec("SELECT 7::int AS a, true AS b, NULL::text AS c, 1.5::float8 AS d, 'x'::text AS e, 2.50::numeric AS f,"
                         " $1::bigint + 1 AS g, $2::uuid AS h", 41, "6f2c1a1e-0000-4000-8000-000000000001");
  const Row row = rows[0];
  EXPECT_EQ(row["a"], SqlValue(7));
  EXPECT_EQ(row["b"], SqlValue(true));
  EXPECT_TRUE(row["c"].is_null());
  EXPECT_EQ(row["d"], SqlValue(1.5));
  EXPECT_EQ(row["e"], SqlValue("x"));
  EXPECT_EQ(row["f"], SqlValue("2.50"));
  EXPECT_EQ(row["g"], SqlValue(42));
  EXPECT_EQ(row["h"].text(), "6f2c1a1e-0000-4000-8000-000000000001");
  EXPECT_EQ(exec("CREATE TABLE t (id int)").affected(), 0);
  EXPECT_EQ(exec("INSERT INTO t SELECT generate_series(1, 3)").affected(), 3);
}

TEST_F(RealWorldTest, WhatIsNotCommittedIsNotThere) {
  pool();
  exec("CREATE TABLE t (id int PRIMARY KEY)");
  const auto work = [](Database& db, bool commit) -> Task<void> {
    Transaction tx = co_await db.begin();
    co_await tx.exec("INSERT INTO t VALUES ($1)", commit ? 1 : 2);
    if (commit) co_await tx.commit();
  };
  complete(loop_, work(*pool_, true));
  complete(loop_, work(*pool_, false));
  const Rows rows = exec("SELECT id FROM t");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0][0].integer(), 1);
}

TEST_F(RealWorldTest, AViolationNamesItsConstraintAndDidNotHappen) {
  pool();
  exec("CREATE TABLE t (id int CONSTRAINT the_key PRIMARY KEY)");
  exec("INSERT INTO t VALUES (1)");
  const DatabaseError error = error_of(pool_->exec("INSERT INTO t VALUES ($1)", 1));
  EXPECT_TRUE(error.is_unique_violation());
  EXPECT_EQ(error.constraint(), "the_key");
  EXPECT_FALSE(error.may_have_happened());
}

TEST_F(RealWorldTest, CommitOfAnAbortedTransactionIsNotSwallowed) {
  pool();
  const auto work = [](Database& db) -> Task<void> {
    Transaction tx = co_await db.begin();
    try {
      co_await tx.exec("SELECT 1 / 0");
      ADD_FAILURE() << "a division by zero went well";
    } catch (const DatabaseError& error) {
      EXPECT_EQ(error.sqlstate(), "22012");
    }
    co_await tx.commit();
  };
  EXPECT_EQ(error_of(work(*pool_)).sqlstate(), "25P02");
  EXPECT_EQ(exec("SELECT 1").size(), 1u);
}

TEST_F(RealWorldTest, TheFirstStatementOfATransactionTakesAnyTextAndIsInIt) {
  pool();
  exec("CREATE TABLE t (id int, said text)");
  const auto say = [](Database& db, int id, SqlValue said, bool commit) -> Task<void> {
    Transaction tx = co_await db.begin(Isolation::serializable);
    co_await tx.exec("INSERT INTO t VALUES ($1, $2)", id, said);
    const Rows level = co_await tx.exec("SHOW transaction_isolation");
    EXPECT_EQ(level[0][0].text(), "serializable");
    if (commit) co_await tx.commit();
    else co_await tx.rollback();
  };
  // The first of them prepares the statement; the others, on the same connection, do not.
  const std::vector<SqlValue> said = {"plain", "it's", "a \\ and a \\' and a \\\\", "$1, $2); --", "½\n\t\"", "", SqlValue()};
  for (std::size_t i = 0; i < said.size(); ++i) complete(loop_, say(*pool_, static_cast<int>(i), said[i], true));
  complete(loop_, say(*pool_, 100, "rolled back", false));
  const Rows rows = exec("SELECT said FROM t ORDER BY id");
  ASSERT_EQ(rows.size(), said.size());
  for (std::size_t i = 0; i < said.size(); ++i) EXPECT_EQ(rows[i][0], said[i]);
  EXPECT_EQ(pool_->open(), 1u);
}

TEST_F(RealWorldTest, AFirstStatementThatFailsAbortsItsTransaction) {
  pool();
  exec("CREATE TABLE t (id int PRIMARY KEY)");
  exec("INSERT INTO t VALUES ($1)", 1);  // prepared: what follows goes in one trip with its BEGIN
  const auto work = [](Database& db) -> Task<std::string> {
    Transaction tx = co_await db.begin();
    std::string first;
    try {
      co_await tx.exec("INSERT INTO t VALUES ($1)", 1);
    } catch (const DatabaseError& error) {
      first = error.sqlstate();
    }
    EXPECT_EQ(first, "23505");
    std::string second;
    try {
      co_await tx.exec("SELECT 1");
    } catch (const DatabaseError& error) {
      second = error.sqlstate();
    }
    co_await tx.rollback();
    co_return second;
  };
  EXPECT_EQ(complete(loop_, work(*pool_)), "25P02");
  EXPECT_EQ(exec("SELECT 1").size(), 1u);
}

TEST_F(RealWorldTest, ATransactionThatWentBackToASavepointCommits) {
  pool();
  exec("CREATE TABLE t (id int)");
  const auto work = [](Database& db) -> Task<void> {
    Transaction tx = co_await db.begin();
    co_await tx.exec("SAVEPOINT s");
    try {
      co_await tx.exec("SELECT 1 / 0");
      ADD_FAILURE() << "a division by zero went well";
    } catch (const DatabaseError& error) {
      EXPECT_EQ(error.sqlstate(), "22012");
    }
    co_await tx.exec("ROLLBACK TO SAVEPOINT s");
    co_await tx.exec("INSERT INTO t VALUES (7)");
    co_await tx.commit();
  };
  complete(loop_, work(*pool_));
  EXPECT_EQ(exec("SELECT id FROM t")[0][0].integer(), 7);
}

TEST_F(RealWorldTest, ATransactionWithoutStatementsAsksTheServerNothing) {
  pool();
  exec("SELECT 1");
  PgLink link(connection_, "spy");
  const auto asked = [&] {
    return link.execute("SELECT query FROM pg_stat_activity WHERE application_name LIKE 'host-1.1%'", {})[0][0].text();
  };
  const auto work = [](Database& db, int end) -> Task<void> {
    Transaction tx = co_await db.begin();
    if (end == 0) co_await tx.commit();
    if (end == 1) co_await tx.rollback();
  };
  for (int end = 0; end < 3; ++end) {
    complete(loop_, work(*pool_, end));
    EXPECT_EQ(asked(), "SELECT 1");
    EXPECT_EQ(pool_->idle(), 1u);
  }
}

TEST_F(RealWorldTest, SerializationFailuresAreTransientConflicts) {
  pool();
  exec("CREATE TABLE t (n int)");
  exec("INSERT INTO t VALUES (0)");
  const auto work = [](Database& db) -> Task<void> {
    Transaction one = co_await db.begin(Isolation::repeatable_read);
    co_await one.exec("SELECT n FROM t");
    Transaction other = co_await db.begin();
    co_await other.exec("UPDATE t SET n = n + 1");
    co_await other.commit();
    co_await one.exec("UPDATE t SET n = n + 1");
  };
  const DatabaseError error = error_of(work(*pool_));
  EXPECT_EQ(error.sqlstate(), "40001");
  EXPECT_TRUE(error.is_transient_conflict());
}

TEST_F(RealWorldTest, StatementsThatWaitForALockDoNotKeepItsHolderFromCommitting) {
  PoolSettings settings;
  settings.most = 4;
  pool(settings);
  exec("CREATE TABLE t (n int)");
  exec("INSERT INTO t VALUES (0)");
  int done = 0;
  const auto add = [](RealWorldTest& test, int& count) -> Task<void> {
    Transaction tx = co_await test.pool_->begin(Isolation::read_committed);
    co_await tx.exec("UPDATE t SET n = n + 1");
    co_await test.clock_.sleep(20ms);
    co_await tx.commit();
    ++count;
  };
  for (int i = 0; i < 10; ++i) loop_.spawn("add", add(*this, done));
  EXPECT_TRUE(loop_.run([&] { return done == 10; }, loop_.now() + 8s));
  EXPECT_EQ(exec("SELECT n FROM t")[0][0].integer(), 10);
  EXPECT_LE(pool_->open(), 4u);
}

TEST_F(RealWorldTest, AFullPoolIs53300AfterItsPatience) {
  PoolSettings settings;
  settings.most = 1;
  settings.acquire_within = 50ms;
  pool(settings);
  const auto work = [](Database& db) -> Task<void> {
    Transaction holder = co_await db.begin();
    Transaction second = co_await db.begin();
  };
  const DatabaseError error = error_of(work(*pool_));
  EXPECT_EQ(error.sqlstate(), "53300");
  EXPECT_FALSE(error.may_have_happened());
}

TEST_F(RealWorldTest, ATerminatedBackendIsAConnectionLossAndTheNextStatementGoesOn) {
  pool();
  const auto work = [](Database& db, const std::string& connection) -> Task<void> {
    Transaction tx = co_await db.begin();
    co_await tx.exec("SELECT 1");
    {
      PgLink killer(connection, "killer");
      (void)killer.execute(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'host-1.1%'", {});
    }
    co_await tx.exec("SELECT 2");
  };
  const DatabaseError error = error_of(work(*pool_, connection_));
  EXPECT_TRUE(error.is_connection_loss()) << error.sqlstate();
  EXPECT_FALSE(error.may_have_happened());
  EXPECT_EQ(exec("SELECT 3").size(), 1u);
}

TEST_F(RealWorldTest, AnIdleConnectionThatTheServerEndedIsNotUsed) {
  pool();
  exec("SELECT 1");
  {
    PgLink killer(connection_, "killer");
    (void)killer.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'host-1.1%'",
                         {});
  }
  loop_.run({}, loop_.now() + 100ms);
  EXPECT_EQ(exec("SELECT 2").size(), 1u);
}

TEST_F(RealWorldTest, ConnectionsHaveNoThreads) {
  pool();
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto before = threads();
  const auto sleep = [](Database& db, int& left) -> Task<void> {
    co_await db.exec("SELECT pg_sleep(0.3)");
    --left;
  };
  int left = 10;
  for (int i = 0; i < 10; ++i) loop_.spawn("sleeper", sleep(*pool_, left));
  loop_.run([&] { return pool_->open() == 10 && backends() == 10; }, loop_.now() + 5s);
  loop_.run([&] { return left == 0; }, loop_.now() + 5s);
  EXPECT_EQ(left, 0);
  EXPECT_EQ(pool_->open(), 10u);
  EXPECT_EQ(threads(), before);
}

TEST_F(RealWorldTest, AStatementThatCouldNotBePreparedIsPreparedTheNextTime) {
  pool();
  const std::string sql = "SELECT id FROM made_later WHERE id = $1";
  const auto within = [](Database& db, std::string sql) -> Task<void> {
    Transaction tx = co_await db.begin();
    std::string failed;
    try {
      co_await tx.exec(sql, 1);
    } catch (const DatabaseError& error) {
      failed = error.sqlstate();
    }
    EXPECT_EQ(failed, "42P01");
    co_await tx.rollback();
  };
  EXPECT_EQ(error_of(pool_->exec(sql, 1)).sqlstate(), "42P01");
  complete(loop_, within(*pool_, sql));
  exec("CREATE TABLE made_later (id int)");
  exec("INSERT INTO made_later VALUES (1)");
  EXPECT_EQ(exec(sql, 1).size(), 1u);
  // What was prepared stays so when the statement itself fails.
  const std::string divided = "SELECT 1 / $1::int AS ratio";
  EXPECT_EQ(error_of(pool_->exec(divided, 0)).sqlstate(), "22012");
  EXPECT_EQ(exec(divided, 1)[0][0].integer(), 1);
  EXPECT_EQ(pool_->open(), 1u);
}

TEST_F(RealWorldTest, WhatIsLargerThanASocketTakesIsSentWhole) {
  pool();
  const std::string large(20 << 20, 'x');
  EXPECT_EQ(exec("SELECT length($1::text)", large)[0][0].integer(), 20 << 20);
  EXPECT_EQ(exec("SELECT $1::text", large)[0][0].text(), large);
}

TEST_F(RealWorldTest, CopyHasNoPlaceInAStatementAndThePoolGoesOn) {
  pool();
  exec("CREATE TABLE t (id int)");
  EXPECT_EQ(error_of(pool_->exec("COPY t FROM STDIN")).sqlstate(), "0A000");
  EXPECT_EQ(error_of(pool_->exec("COPY (SELECT 1) TO STDOUT")).sqlstate(), "0A000");
  EXPECT_EQ(exec("SELECT 1").size(), 1u);
}

TEST_F(RealWorldTest, ABreakWithinACommitMayHaveHappened) {
  pool();
  exec("CREATE TABLE t (id int)");
  Fault fault;
  fault.kind = FaultKind::break_after_commit;
  fault.target = "host-1>db";
  fault.ordinal = 1;
  mishaps_.arm({fault}, {});
  const auto work = [](Database& db) -> Task<void> {
    Transaction tx = co_await db.begin();
    co_await tx.exec("INSERT INTO t VALUES (1)");
    co_await tx.commit();
  };
  const DatabaseError error = error_of(work(*pool_));
  EXPECT_EQ(error.sqlstate(), "08006");
  EXPECT_TRUE(error.may_have_happened());
  EXPECT_EQ(exec("SELECT id FROM t").size(), 1u);
  fault.kind = FaultKind::break_before_commit;
  mishaps_.arm({fault}, {});
  EXPECT_TRUE(error_of(work(*pool_)).may_have_happened());
  EXPECT_EQ(exec("SELECT id FROM t").size(), 1u);
}

TEST_F(RealWorldTest, ATaskThatIsDestroyedInAStatementLeavesNoLock) {
  pool();
  exec("CREATE TABLE t (id int)");
  const auto work = [](Database& db) -> Task<void> {
    Transaction tx = co_await db.begin();
    co_await tx.exec("LOCK TABLE t");
    co_await tx.exec("SELECT pg_sleep(5)");
  };
  loop_.spawn("dies", work(*pool_));
  loop_.run({}, loop_.now() + 200ms);
  loop_.end_tasks();
  PgLink link(connection_, "spy");
  link.script("SET statement_timeout = '4s'; LOCK TABLE t");  // outside of a block: an error unless it can be had
}

TEST_F(RealWorldTest, AnUnreachableServerDidNotHappen) {
  connection_ = "host=/nowhere dbname=x";
  pool();
  const DatabaseError error = error_of(pool_->exec("SELECT 1"));
  EXPECT_EQ(error.sqlstate(), "08001");
  EXPECT_FALSE(error.may_have_happened());
}

TEST_F(RealWorldTest, AFullServerIs53300AndDidNotHappen) {
  Proxy proxy;
  connection_ = fresh_database();
  const Address way = proxy.carry("host-1", "db", PgLink(connection_, "spy").server(), Proxy::Protocol::bytes);
  proxy.open("db");
  connection_ += " host=" + way.host + " port=" + std::to_string(way.port);
  pool();
  proxy.limit_connections("db", 0);
  const DatabaseError error = error_of(pool_->exec("SELECT 1"));
  EXPECT_EQ(error.sqlstate(), "53300");
  EXPECT_FALSE(error.may_have_happened());
  proxy.unlimit_connections("db", 0);
  EXPECT_EQ(exec("SELECT 1").size(), 1u);
}

TEST_F(RealWorldTest, MigrationsAreAppliedOnceAndNotChanged) {
  pool();
  migrate(connection_, {"CREATE TABLE a (id int)"});
  migrate(connection_, {"CREATE TABLE a (id int)", "CREATE TABLE b (id int)"});
  EXPECT_EQ(exec("SELECT count(*) FROM orrery_migrations")[0][0].integer(), 2);
  EXPECT_THROW(migrate(connection_, {"CREATE TABLE c (id int)"}), std::runtime_error);
  EXPECT_THROW(migrate(connection_, {"CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE d (id int); SELECT 1/0"}),
               PgError);
  EXPECT_TRUE(exec("SELECT to_regclass('d')")[0][0].is_null());
}

}  // namespace
}  // namespace orrery::real
