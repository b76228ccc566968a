#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/sim_database/support.hpp"

namespace orrery::sim::database::testing {
namespace {

class SystemCatalogs : public ::testing::Test {
 protected:
  /// Each statement by itself, as they stand between semicolons.
  std::string run(Client& client, std::string_view sql) {
    std::string outcome;
    while (!sql.empty()) {
      const std::size_t end = sql.find(';');
      client.start(sql.substr(0, end));
      outcome = client.outcome();
      if (outcome.starts_with("ERROR") || end == std::string_view::npos) return outcome;
      sql.remove_prefix(std::min(end + 2, sql.size()));
    }
    return outcome;
  }

  TestEnvironment environment;
  Engine engine{"db", environment, {}};
  Client a{engine, environment, "a"};
  Client b{engine, environment, "b"};
};

TEST_F(SystemCatalogs, ShowToATransactionWhatItMadeAndToOthersWhatIsCommitted) {
  const char* const tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1";
  EXPECT_EQ(run(a, "CREATE TABLE t (id int PRIMARY KEY); BEGIN; CREATE TABLE own (x int); DROP TABLE t"), "");
  EXPECT_EQ(run(a, tables), "own");
  EXPECT_EQ(run(b, tables), "t");
  EXPECT_EQ(run(a, "ROLLBACK"), "");
  EXPECT_EQ(run(a, tables), "t");
}

TEST_F(SystemCatalogs, GiveTheSameOidsForTheSameScriptAndKeepThem) {
  const char* const schema = "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id serial PRIMARY KEY, m mood CHECK (m <> 'sad')); "
                             "CREATE VIEW v AS SELECT id FROM t; CREATE INDEX i ON t (m)";
  const char* const oids = "SELECT oid, relname FROM pg_class WHERE oid >= 16384 UNION ALL SELECT oid, conname FROM pg_constraint "
                           "UNION ALL SELECT oid, typname FROM pg_type WHERE oid >= 16384 UNION ALL SELECT oid, enumlabel FROM pg_enum ORDER BY 1";
  EXPECT_EQ(run(a, schema), "");
  const std::string first = run(a, oids);
  Engine other("db", environment, {});
  Client c(other, environment, "a");
  EXPECT_EQ(run(c, schema), "");
  EXPECT_EQ(run(c, oids), first);
  EXPECT_EQ(run(a, "SELECT count(*), count(DISTINCT oid) FROM (SELECT oid FROM pg_class UNION ALL SELECT oid FROM pg_constraint UNION ALL "
                   "SELECT oid FROM pg_type UNION ALL SELECT oid FROM pg_enum UNION ALL SELECT oid FROM pg_attrdef) o WHERE oid >= 16384"),
            "16|16");
  const std::string before = run(a, "SELECT 't'::regclass::oid, 'i'::regclass::oid");
  EXPECT_EQ(run(a, "DROP VIEW v; ALTER TABLE t RENAME TO renamed; ALTER INDEX i RENAME TO j; CREATE TABLE later (x int)"), "");
  EXPECT_EQ(run(b, "SELECT 'renamed'::regclass::oid, 'j'::regclass::oid"), before);
}

TEST_F(SystemCatalogs, TellWhoWaitsForWhom) {
  EXPECT_EQ(run(a, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); BEGIN; UPDATE t SET id = 2"), "");
  b.start("UPDATE t SET id = 3");
  ASSERT_TRUE(b.is_waiting());
  EXPECT_EQ(run(a, "SELECT w.query, w.state, w.wait_event_type, w.wait_event, h.query FROM pg_stat_activity w JOIN pg_locks l ON l.pid = w.pid "
                   "AND NOT l.granted JOIN pg_locks o ON o.transactionid = l.transactionid AND o.granted JOIN pg_stat_activity h ON h.pid = o.pid"),
            "UPDATE t SET id = 3|active|Lock|transactionid|" +
                std::string("SELECT w.query, w.state, w.wait_event_type, w.wait_event, h.query FROM pg_stat_activity w JOIN pg_locks l ON l.pid = w.pid "
                            "AND NOT l.granted JOIN pg_locks o ON o.transactionid = l.transactionid AND o.granted JOIN pg_stat_activity h ON h.pid = o.pid"));
  EXPECT_EQ(run(a, "SELECT l.relation::regclass, mode, granted FROM pg_locks l WHERE locktype = 'relation' AND relation = 't'::regclass AND pid <> pg_backend_pid()"),
            "t|RowExclusiveLock|t");
  EXPECT_EQ(run(a, "COMMIT"), "");
  EXPECT_FALSE(b.is_waiting());
  EXPECT_EQ(run(a, "SELECT state, wait_event FROM pg_stat_activity WHERE pid <> pg_backend_pid()"), "idle|ClientRead");
}

TEST_F(SystemCatalogs, AreRefusedByNameWhereTheyAreNotSimulated) {
  EXPECT_EQ(run(a, "SELECT * FROM pg_statistic"), "ERROR 0A000: not supported in the simulated database: system catalog pg_statistic");
  EXPECT_EQ(run(a, "SELECT * FROM pg_catalog.pg_operator"), "ERROR 0A000: not supported in the simulated database: pg_catalog.pg_operator");
  EXPECT_EQ(run(a, "SELECT * FROM information_schema.triggers"), "ERROR 0A000: not supported in the simulated database: information_schema");
  EXPECT_TRUE(run(a, "DELETE FROM pg_class").starts_with("ERROR 0A000: ")) << a.outcome();
  EXPECT_TRUE(run(a, "CREATE VIEW v AS SELECT relname FROM pg_class").starts_with("ERROR 0A000: ")) << a.outcome();
  EXPECT_EQ(run(a, "CREATE TABLE t (id int); CREATE VIEW v AS SELECT count(*) FROM t; SELECT pg_get_viewdef('v'::regclass)"),
            "ERROR 0A000: not supported in the simulated database: the text of a view with more than relations and WHERE");
  EXPECT_EQ(run(a, "ALTER TABLE t SET (autovacuum_enabled = 12)"),
            "ERROR 0A000: not supported in the simulated database: storage parameter autovacuum_enabled");
  EXPECT_EQ(run(a, "CREATE INDEX i ON t (id) WITH (parallel_workers = 1)"),
            "ERROR 0A000: not supported in the simulated database: storage parameter parallel_workers");
  EXPECT_EQ(run(a, "SELECT 'nothing'::regclass"), "ERROR 42P01: relation \"nothing\" does not exist");
}

}  // namespace
}  // namespace orrery::sim::database::testing
