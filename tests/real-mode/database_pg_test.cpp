#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "real-mode/broker.hpp"
#include "real-mode/database.hpp"
#include "real-mode/gathering.hpp"
#include "real-mode/pg_link.hpp"
#include "real-mode/private_postgres.hpp"
#include "real-mode/proxy.hpp"
#include "real-mode/telemetry.hpp"

namespace orrery::real {
namespace {

/// One server for all tests of this program.
PrivatePostgres& server() {
  static PrivatePostgres postgres;
  return postgres;
}

std::string fresh_database() {
  static int made = 0;
  const std::string name = "test_" + std::to_string(++made);
  server().create_database(name);
  return server().connection(name);
}

class RealWorldTest : public ::testing::Test {
 public:
  ~RealWorldTest() override {
    if (broker_) broker_->stop();
    loop_.end_tasks();
  }

  DatabasePool& pool(PoolSettings settings = {}) {
    if (connection_.empty()) connection_ = fresh_database();
    settings.connection = connection_;
    settings.session = "host-1.1";
    pool_ = std::make_unique<DatabasePool>(loop_, random_, recorder_, mishaps_, "db", settings);
    return *pool_;
  }
  template <class... P>
  Rows exec(std::string_view sql, P... parameters) {
    return complete(loop_, pool_->exec(sql, parameters...));
  }
  /// The error that this task ends with.
  template <class T>
  DatabaseError error_of(Task<T> task) {
    try {
      complete(loop_, std::move(task));
    } catch (const DatabaseError& error) {
      return error;
    }
    return DatabaseError(Effect::did_not_happen, "00000", "no error");
  }
  int backends() {
    PgLink link(connection_, "spy");
    return static_cast<int>(
        link.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'host-1.1%'", {})[0][0].integer());
  }

  Loop loop_;
  RealClock clock_{loop_};
  RealRandom random_;
  Tracer tracer_{loop_, clock_, random_};
  Recorder recorder_{"host-1"};
  Mishaps mishaps_{loop_, recorder_};
  RealTelemetry telemetry_{"test", clock_, recorder_, Level::error};
  std::string connection_;
  std::unique_ptr<DatabasePool> pool_;
  std::unique_ptr<PgBroker> broker_;
};

// ---- database ----

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

// ---- broker ----

class RealBrokerTest : public RealWorldTest {
 public:
  RealBrokerTest() {
    connection_ = fresh_database();
    migrate(connection_, broker_migrations());
    pool();
    broker_ = std::make_unique<PgBroker>(loop_, random_, tracer_, recorder_, mishaps_, telemetry_, *pool_, connection_);
  }
  void publish(const std::string& id, const std::string& key) {
    Message message(id, key, "body of " + id);
    message.attributes["trace"] = "t-" + id;
    complete(loop_, broker_->publish("topic", std::move(message)));
  }
  Task<void> note(Delivery& delivery) {
    seen_.push_back(delivery.message().id + "#" + std::to_string(delivery.attempt()));
    if (pause_ > Duration::zero()) co_await clock_.sleep(pause_);
    if (failures_ > 0) {
      --failures_;
      throw Failure(Effect::did_not_happen, "not now");
    }
  }
  void subscribe(Subscription subscription) {
    broker_->subscribe(std::move(subscription), [this](Delivery& delivery) { return note(delivery); });
  }
  void run_until_seen(std::size_t count) {
    EXPECT_TRUE(loop_.run([&] { return seen_.size() >= count && broker_->in_work() == 0; }, loop_.now() + 5s));
  }

  void await_listeners(std::size_t count) {
    const auto listeners = [&] { return exec("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'").size(); };
    for (int tries = 0; tries < 500 && listeners() != count; ++tries) loop_.run({}, loop_.now() + 10ms);
    EXPECT_EQ(listeners(), count);
  }

  std::vector<std::string> seen_;
  Duration pause_{};
  int failures_ = 0;
};

TEST_F(RealBrokerTest, AGroupGetsEveryMessageFromTheTopicsBeginning) {
  publish("a", "");
  subscribe(Subscription("topic", "group"));
  run_until_seen(1);
  publish("b", "");
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"a#1", "b#1"}));
  loop_.run({}, loop_.now() + 600ms);
  EXPECT_EQ(seen_.size(), 2u);  // acknowledged: they do not come again
}

TEST_F(RealBrokerTest, MessagesOfAKeyComeInOrderAlsoAfterARefusal) {
  for (const char* id : {"a1", "a2", "a3"}) publish(id, "a");
  failures_ = 1;
  Subscription subscription("topic", "group");
  subscription.retry_delay = 50ms;
  subscribe(std::move(subscription));
  run_until_seen(4);
  EXPECT_EQ(seen_, (std::vector<std::string>{"a1#1", "a1#2", "a2#1", "a3#1"}));
}

TEST_F(RealBrokerTest, WithoutAnAnswerAMessageComesAgainAfterTheAckDeadline) {
  publish("a", "k");
  Fault lost;
  lost.kind = FaultKind::lose_ack;
  lost.target = "host-1>broker";
  lost.ordinal = 1;
  mishaps_.arm({lost}, {});
  Subscription subscription("topic", "group");
  subscription.ack_deadline = 200ms;
  subscribe(std::move(subscription));
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"a#1", "a#2"}));
}

TEST_F(RealBrokerTest, AMessageThatIsRefusedTooOftenIsADeadLetterAndTheNextOneComes) {
  publish("poison", "k");
  publish("good", "k");
  failures_ = 2;
  Subscription subscription("topic", "group");
  subscription.retry_delay = 10ms;
  subscription.max_deliveries = 2;
  subscribe(std::move(subscription));
  run_until_seen(3);
  EXPECT_EQ(seen_, (std::vector<std::string>{"poison#1", "poison#2", "good#1"}));
  const Rows dead = exec("SELECT id, key, body FROM orrery_messages WHERE topic = 'topic.dead'");
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0]["id"].text(), "poison");
}

TEST_F(RealBrokerTest, APublishWithoutADatabaseSaysWhetherItMayHaveHappened) {
  Fault lost;
  lost.kind = FaultKind::lose_confirmation;
  lost.target = "host-1>broker";
  lost.ordinal = 1;
  mishaps_.arm({lost}, {});
  try {
    publish("a", "");
    FAIL() << "the confirmation was lost";
  } catch (const PublishFailed& failed) {
    EXPECT_TRUE(failed.may_have_happened());
  }
  EXPECT_EQ(exec("SELECT id FROM orrery_messages").size(), 1u);
}

TEST_F(RealBrokerTest, ANotificationWakesASubscriberThatWouldNotLookByItself) {
  broker_->look_every(1h);
  subscribe(Subscription("topic", "group"));
  publish("first", "");
  run_until_seen(1);  // whether it was told or looked when it began to listen
  await_listeners(1);
  publish("second", "");
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"first#1", "second#1"}));
}

TEST_F(RealBrokerTest, WhatIsPublishedWhileNobodyListensIsSeenWhenTheConnectionIsBack) {
  broker_->look_every(1h);
  subscribe(Subscription("topic", "group"));
  await_listeners(1);
  publish("first", "");
  run_until_seen(1);
  exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
  await_listeners(0);
  publish("second", "");
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"first#1", "second#1"}));
}

// ---- the server ----

TEST(PrivatePostgresTest, AFailoverLosesWhatTheStandbyHadNotReceived) {
  PrivatePostgres primary;
  primary.create_database("db");
  const auto standby = primary.make_standby(primary.folder() + "/standby");
  {
    PgLink link(primary.connection("db"), "test");
    link.script("CREATE TABLE t (id int)");
    link.script("INSERT INTO t VALUES (1)");
    // Until the standby has it: asynchronous, but not for long.
    for (int tries = 0; tries < 500; ++tries) {
      const Rows rows = link.execute("SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_lsn()", {});
      if (rows[0][0].integer() == 1) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    standby->stop_receiving();
    link.script("INSERT INTO t VALUES (2)");
  }
  primary.kill();
  standby->promote();
  PgLink link(standby->connection("db"), "test");
  link.script("INSERT INTO t VALUES (3)");
  const Rows rows = link.execute("SELECT id FROM t ORDER BY id", {});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0][0].integer(), 1);
  EXPECT_EQ(rows[1][0].integer(), 3);
}

TEST(PrivatePostgresTest, WhatAFailoverLostIsToldWithTheChangesThatUndoIt) {
  PrivatePostgres primary;
  primary.create_database("db");
  PgLink(primary.connection("db"), "test").script("CREATE TABLE t (id int PRIMARY KEY, n int)");
  const auto standby = primary.make_standby(primary.folder() + "/standby");
  Captures captures;
  captures.push_back({"db", ChangeCapture(primary.connection("db"), "slot")});
  const Beginning beginning = Beginning::now();
  {
    PgLink link(primary.connection("db"), "test");
    link.script("INSERT INTO t VALUES (1, 1)");
    for (int tries = 0; tries < 500; ++tries) {
      const Rows rows = link.execute("SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_lsn()", {});
      if (rows[0][0].integer() == 1) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    standby->stop_receiving();
    link.script("BEGIN; UPDATE t SET n = 2; INSERT INTO t VALUES (2, 2); COMMIT");
    link.script("DELETE FROM t WHERE id = 1");
  }
  primary.kill();
  standby->promote();
  captures.back().survives = standby->took_over_at();
  captures.back().replaced = Beginning::now().at;
  captures.push_back({"db", ChangeCapture(standby->connection("db"), "slot")});
  PgLink(standby->connection("db"), "test").script("INSERT INTO t VALUES (3, 3)");
  primary.start();  // to be asked
  std::vector<Event> events;
  add_committed(captures, beginning, events);
  const History history = in_order(std::move(events), beginning, Beginning::now().at);
  const auto lost = history.of(EventKind::transaction_lost);
  ASSERT_EQ(lost.size(), 2u);
  ASSERT_EQ(lost[0]->changes.size(), 1u);  // the newest first
  EXPECT_EQ(lost[0]->changes[0].operation, RowOperation::insert);
  ASSERT_EQ(lost[1]->changes.size(), 2u);
  EXPECT_EQ(lost[1]->changes[0].operation, RowOperation::remove);
  EXPECT_EQ(lost[1]->changes[1].operation, RowOperation::update);
  EXPECT_EQ(lost[1]->changes[1].new_row()["n"].integer(), 1);
  // What the rows went through is what the standby now has.
  std::map<std::int64_t, std::int64_t> rows;
  for (const History::Change& change : history.committed("db.t")) {
    if (change.row->operation != RowOperation::insert) rows.erase(change.row->old_row()["id"].integer());
    if (change.row->operation != RowOperation::remove) rows[change.row->new_row()["id"].integer()] = change.row->new_row()["n"].integer();
  }
  EXPECT_EQ(rows, (std::map<std::int64_t, std::int64_t>{{1, 1}, {3, 3}}));
}

TEST(PrivatePostgresTest, StandsStillWithAllItsSessionsAndGoesOn) {
  PrivatePostgres postgres;
  PgLink link(postgres.connection("postgres"), "test");
  postgres.pause();
  std::atomic<bool> answered = false;
  std::thread asking([&] {
    (void)link.execute("SELECT 1", {});
    answered = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(answered);
  postgres.resume();
  asking.join();
  EXPECT_TRUE(answered);
}

TEST(PrivatePostgresTest, CanBeKilledWhileItStandsStill) {
  PrivatePostgres postgres;
  PgLink(postgres.connection("postgres"), "test").script("CREATE TABLE t (id int)");
  postgres.pause();
  postgres.kill();
  postgres.start();
  PgLink(postgres.connection("postgres"), "test").script("INSERT INTO t VALUES (1)");
}

TEST(GuardianTest, EndsWhatAProcessThatIsKilledLeavesBehind) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    PrivatePostgres postgres;
    PgLink link(postgres.connection("postgres"), "test");
    postgres.pause();  // its sessions do not notice their server's end
    const std::string& folder = postgres.folder();
    (void)!::write(ends[1], folder.data(), folder.size());
    ::raise(SIGKILL);
  }
  ::close(ends[1]);
  char bytes[256];
  const ssize_t got = ::read(ends[0], bytes, sizeof bytes);
  ::close(ends[0]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_GT(got, 0);
  const std::string folder(bytes, static_cast<std::size_t>(got));
  for (int tries = 0; tries < 6000 && std::filesystem::exists(folder); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace orrery::real
