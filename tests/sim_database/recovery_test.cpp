#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/sim_database/support.hpp"

// Commits that are taken back, as a crash with synchronous_commit off and a failover do.

namespace orrery::sim::database::testing {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE INDEX t_a ON t (a); CREATE UNIQUE INDEX t_b ON t (b) WHERE b > 0;"
    "CREATE SEQUENCE s";

/// What the table holds, found by the heap and by each index.
std::string contents(Database& db) {
  Client client = db.connect("look");
  std::string all = client.run("SELECT id, a, b FROM t ORDER BY id");
  for (const char* by : {"SELECT id, a, b FROM t WHERE id >= 0 ORDER BY id", "SELECT id FROM t WHERE a = 1 ORDER BY id",
                         "SELECT id FROM t WHERE b > 0 ORDER BY id"}) {
    all += "\n--\n" + client.run(by);
  }
  return all;
}

RC_GTEST_PROP(LostCommits, LeaveWhatTheCommitsBeforeThemHadLeft, ()) {
  Database db;
  ASSERT_EQ(db.connect("schema").run(kSchema), "");
  db.engine.keep_commits();
  std::vector<std::pair<std::uint64_t, std::string>> states;  // by place in the commit order
  const auto note = [&] { states.emplace_back(db.engine.last_commit(), contents(db)); };
  note();
  const int commits = *rc::gen::inRange(1, 12);
  {
    Client client = db.connect("client");
    for (int i = 0; i < commits; ++i) {
      client.run("BEGIN");
      const int statements = *rc::gen::inRange(1, 4);
      for (int k = 0; k < statements; ++k) {
        const std::string id = std::to_string(*rc::gen::inRange(0, 6));
        const std::string value = std::to_string(*rc::gen::inRange(-1, 4));
        client.run("SAVEPOINT p");
        const std::string outcome = client.run(*rc::gen::element(
            "INSERT INTO t VALUES (" + id + ", " + value + ", " + value + ")", "UPDATE t SET a = " + value + " WHERE id = " + id,
            "UPDATE t SET b = " + value + " WHERE id = " + id, "DELETE FROM t WHERE id = " + id,
            "UPDATE t SET id = id + 10 WHERE id = " + id));
        if (outcome.starts_with("ERROR")) client.run("ROLLBACK TO p");
      }
      client.run("COMMIT");
      if (db.engine.last_commit() != states.back().first) note();
    }
  }
  const std::size_t safe = *rc::gen::inRange<std::size_t>(0, states.size());
  const std::size_t kept = *rc::gen::inRange<std::size_t>(safe, states.size());
  db.engine.settle(states[safe].first);
  { Client vacuum = db.connect("vacuum"); vacuum.run("VACUUM"); }  // takes nothing that may be needed yet
  const std::vector<LostTransaction> lost = db.engine.lose_after(states[kept].first);
  RC_ASSERT(contents(db) == states[kept].second);
  RC_ASSERT(lost.size() <= states.size() - 1 - kept);
  // Life goes on.
  Client client = db.connect("again");
  RC_ASSERT(client.tag("INSERT INTO t VALUES (100, 1, NULL)") == "INSERT 0 1");
  RC_ASSERT(client.tag("DELETE FROM t WHERE a = 1").starts_with("DELETE"));
  client.run("VACUUM");
  RC_ASSERT(client.run("SELECT count(*) FROM t WHERE a = 1") == "0");
}

TEST(LostCommits, AreToldNewestFirstWithTheChangesThatUndoThem) {
  Database db;
  db.connect("schema").run(kSchema);
  db.engine.keep_commits();
  const std::uint64_t before = db.engine.last_commit();
  {
    Client client = db.connect("client");
    client.run("INSERT INTO t VALUES (1, 1, 1)");
    client.run("UPDATE t SET a = 2 WHERE id = 1");
  }
  const std::vector<LostTransaction> lost = db.engine.lose_after(before);
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0].session, "client");
  ASSERT_EQ(lost[0].changes.size(), 1U);
  EXPECT_EQ(lost[0].changes[0].operation, RowOperation::update);
  EXPECT_EQ(lost[0].changes[0].before[1].text(), "2");
  EXPECT_EQ(lost[0].changes[0].after[1].text(), "1");
  EXPECT_EQ(lost[1].changes[0].operation, RowOperation::remove);
  EXPECT_LT(lost[1].transaction_id, lost[0].transaction_id);
}

TEST(LostCommits, OfTheCatalogAreNone) {
  Database db;
  db.connect("schema").run(kSchema);
  db.engine.keep_commits();
  const std::uint64_t before = db.engine.last_commit();
  {
    Client client = db.connect("client");
    client.run("INSERT INTO t VALUES (1, 1, 1)");
    client.run("ALTER TABLE t ADD COLUMN c int");
  }
  EXPECT_TRUE(db.engine.lose_after(before).empty());
  EXPECT_EQ(db.connect("look").run("SELECT id, c FROM t"), "1|");
}

TEST(LostCommits, TakeSequencesBackToWhatWasLoggedSoThatValuesComeTwice) {
  Database db;
  db.connect("schema").run(kSchema);
  db.engine.keep_commits();
  const std::uint64_t before = db.engine.last_commit();
  { EXPECT_EQ(db.connect("client").run("INSERT INTO t VALUES (nextval('s'), 1, 1) RETURNING id"), "1"); }
  static_cast<void>(db.engine.lose_after(before));
  EXPECT_EQ(db.connect("client").run("SELECT nextval('s')"), "1");
  // What was logged in advance is skipped: here the commit is kept, and the next crash loses nothing.
  { EXPECT_EQ(db.connect("client").run("INSERT INTO t VALUES (nextval('s'), 1, 1) RETURNING id"), "2"); }
  static_cast<void>(db.engine.lose_after(db.engine.last_commit()));
  EXPECT_EQ(db.connect("client").run("SELECT nextval('s')"), "34");
}

TEST(StandbySessions, SeeWhatWasReplayedAndChangeNothing) {
  Database db;
  db.connect("schema").run(kSchema);
  Client writer = db.connect("writer");
  writer.run("INSERT INTO t VALUES (1, 1, 1)");
  std::uint64_t replayed = db.engine.last_commit();
  db.engine.hold(replayed);
  writer.run("UPDATE t SET a = 2");
  writer.run("INSERT INTO t VALUES (2, 2, 2)");
  writer.run("VACUUM");
  Client reader = db.connect("reader");
  reader.session().follow([&] { return replayed; });
  EXPECT_EQ(reader.run("SELECT id, a FROM t ORDER BY id"), "1|1");
  EXPECT_EQ(reader.run("SELECT pg_is_in_recovery()"), "t");
  EXPECT_EQ(writer.run("SELECT pg_is_in_recovery()"), "f");
  EXPECT_EQ(reader.run("UPDATE t SET a = 3"), "ERROR 25006: cannot execute UPDATE in a read-only transaction");
  EXPECT_EQ(reader.run("SELECT id FROM t FOR UPDATE"), "ERROR 25006: cannot execute SELECT FOR UPDATE in a read-only transaction");
  EXPECT_EQ(reader.run("SELECT nextval('s')"), "ERROR 25006: cannot execute nextval() in a read-only transaction");
  EXPECT_EQ(reader.run("LISTEN c"), "ERROR 25006: cannot execute LISTEN during recovery");
  EXPECT_EQ(reader.run("BEGIN READ WRITE"), "ERROR 0A000: cannot set transaction read-write mode during recovery");
  reader.run("ROLLBACK");
  reader.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  EXPECT_EQ(reader.run("SELECT 1 FROM t"), "ERROR 0A000: cannot use serializable mode in a hot standby");
  reader.run("ROLLBACK");
  // A snapshot that is kept stays as old as it was.
  reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  reader.run("SELECT 1 FROM t");
  replayed = db.engine.last_commit();
  EXPECT_EQ(reader.run("SELECT id, a FROM t ORDER BY id"), "1|1");
  reader.run("COMMIT");
  EXPECT_EQ(reader.run("SELECT id, a FROM t ORDER BY id"), "1|2\n2|2");
}

TEST(ADatabase, ThatIsReadOnlyLetsNothingBeChangedUnlessATransactionAsksForIt) {
  Database db;
  db.connect("schema").run(kSchema);
  db.engine.set_read_only(true);
  Client client = db.connect("client");
  EXPECT_EQ(client.run("INSERT INTO t VALUES (1, 1, 1)"), "ERROR 25006: cannot execute INSERT in a read-only transaction");
  EXPECT_EQ(client.run("SELECT count(*) FROM t"), "0");
  client.run("BEGIN READ WRITE");
  EXPECT_EQ(client.tag("INSERT INTO t VALUES (1, 1, 1)"), "INSERT 0 1");
  client.run("COMMIT");
  db.engine.set_read_only(false);
  EXPECT_EQ(client.tag("UPDATE t SET a = 2"), "UPDATE 1");
}

TEST(ADatabase, WhoseDiskIsFullRefusesNewRowVersionsAndReadsOn) {
  Database db;
  db.connect("schema").run(kSchema);
  Client client = db.connect("client");
  client.run("INSERT INTO t VALUES (1000, 7, NULL)");
  db.engine.set_disk_full(true);
  int refused = 0;
  int made = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string outcome = client.tag("INSERT INTO t VALUES (" + std::to_string(i) + ", 1, NULL)");
    refused += outcome.starts_with("ERROR 53100: could not extend file \"base/5/") ? 1 : 0;
    made += outcome == "INSERT 0 1" ? 1 : 0;
  }
  EXPECT_EQ(refused + made, 200);
  EXPECT_GT(refused, 100);
  EXPECT_GT(made, 20);
  EXPECT_EQ(client.error.hint, "Check free disk space.");
  EXPECT_EQ(client.run("SELECT count(*) FROM t"), std::to_string(made + 1));
  EXPECT_EQ(client.tag("DELETE FROM t WHERE id = 1000"), "DELETE 1");  // needs no room
}

TEST(FreeChoices, OfTheOrderOfRowsAndOfLocksAreSwitchedOffEachOnItsOwn) {
  const auto told = [](EngineOptions options) {
    class Telling : public TestEnvironment {
     public:
      void chose(OpenChoice choice, std::string_view, std::uint64_t) override { all += std::string(to_string(choice)) + ";"; }
      std::string all;
    };
    // A database of its own, since the environment is the base class's there.
    Telling environment;
    Engine engine("test", environment, options);
    Client client(engine, environment, "client");
    client.run("CREATE TABLE t (id int PRIMARY KEY, a int)");
    client.run("INSERT INTO t SELECT i, 0 FROM generate_series(1, 20) i");
    client.run("SELECT id FROM t");
    client.run("SELECT id FROM t WHERE id = 3");  // one row has no order
    client.run("UPDATE t SET a = 1");
    return environment.all;
  };
  EXPECT_EQ(told({}), "row order;lock order;");
  EXPECT_EQ(told({.shuffles_row_order = false}), "lock order;");
  EXPECT_EQ(told({.shuffles_lock_order = false}), "row order;");
  EXPECT_EQ(told({.shuffles_open_order = false}), "");
}

TEST(FreeChoices, OfThePlanOfASemiJoinLetItClaimMoreThanItsLimitUnlessSwitchedOff) {
  const auto claimed = [](EngineOptions options, const std::string& claim) {
    std::set<std::string> counts;
    Database db(options);
    Client client = db.connect("client");
    client.run("CREATE TABLE jobs (id int PRIMARY KEY, taken bool DEFAULT false)");
    for (int round = 0; round < 40; ++round) {
      client.run("TRUNCATE jobs");
      client.run("INSERT INTO jobs SELECT i FROM generate_series(1, 7) i");
      counts.insert(client.tag(claim));
      counts.insert("taken " + client.run("SELECT count(*) FROM jobs WHERE taken"));
    }
    return counts;
  };
  const std::string semi_join =
      "UPDATE jobs SET taken = true WHERE id IN (SELECT id FROM jobs WHERE NOT taken ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED)";
  const std::string materialized =
      "WITH due AS MATERIALIZED (SELECT id FROM jobs WHERE NOT taken ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED)"
      " UPDATE jobs SET taken = true FROM due WHERE jobs.id = due.id";
  using Counts = std::set<std::string>;
  EXPECT_EQ(claimed({}, semi_join), (Counts{"UPDATE 2", "UPDATE 7", "taken 2", "taken 7"}));
  EXPECT_EQ(claimed({}, materialized), (Counts{"UPDATE 2", "taken 2"}));
  EXPECT_EQ(claimed({.chooses_plans = false}, semi_join), (Counts{"UPDATE 2", "taken 2"}));
}

TEST(SpuriousSerializationFailures, StrikeOnlyBesideAnotherSerializableTransactionAndOnlyIfSomebodySaysSo) {
  Database db;
  db.connect("schema").run(kSchema);
  db.connect("schema").run("INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)");
  Client one = db.connect("one");
  Client two = db.connect("two");
  int asked = 0;
  one.session().on_doubt([&] { return ++asked == 2; });
  one.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  one.run("UPDATE t SET a = 5 WHERE id = 1");
  EXPECT_EQ(one.run("COMMIT"), "");
  EXPECT_EQ(asked, 0) << "alone, nothing can be taken for a conflict";
  two.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  two.run("UPDATE t SET a = 6 WHERE id = 2");
  one.run("BEGIN ISOLATION LEVEL SERIALIZABLE");
  EXPECT_EQ(one.run("UPDATE t SET a = 7 WHERE id = 1"), "");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(one.run("COMMIT"),
            "ERROR 40001: could not serialize access due to read/write dependencies among transactions");
  EXPECT_EQ(one.error.detail, "Reason code: Canceled on identification as a pivot, during commit attempt.");
  two.run("COMMIT");
  EXPECT_EQ(two.run("SELECT id, a FROM t ORDER BY id"), "1|5\n2|6");
}

}  // namespace
}  // namespace orrery::sim::database::testing
