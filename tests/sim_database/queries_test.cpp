#include <gtest/gtest.h>

#include <string>

#include "tests/sim_database/support.hpp"

namespace orrery::sim::database::testing {
namespace {

class Views : public ::testing::Test {
 protected:
  Views() {
    a.run("CREATE TABLE orders (id int PRIMARY KEY, status text, cents int)");
    a.run("INSERT INTO orders VALUES (1, 'paid', 100), (2, 'open', 250), (3, 'paid', 50)");
  }
  Database db;
  Client a = db.connect("a");
};

TEST_F(Views, ShowWhatTheirQueryFinds) {
  EXPECT_EQ(a.tag("CREATE VIEW paid AS SELECT id, cents FROM orders WHERE status = 'paid'"), "CREATE VIEW");
  EXPECT_EQ(a.run("SELECT * FROM paid ORDER BY id"), "1|100\n3|50");
  a.run("UPDATE orders SET status = 'paid'");
  EXPECT_EQ(a.run("SELECT sum(p.cents) FROM paid p JOIN orders o USING (id) WHERE o.id > 1"), "300");
  EXPECT_EQ(a.tag("DROP VIEW paid"), "DROP VIEW");
  EXPECT_EQ(a.run("SELECT * FROM paid"), "ERROR 42P01: relation \"paid\" does not exist");
}

TEST_F(Views, MeanTheSameUnderEverySearchPath) {
  a.run("CREATE VIEW paid (order_id) AS SELECT id FROM orders WHERE status = 'paid'");
  a.run("CREATE SCHEMA other");
  a.run("CREATE TABLE other.orders (id int, status text)");
  a.run("SET search_path TO other, public");
  EXPECT_EQ(a.run("SELECT order_id FROM paid ORDER BY 1"), "1\n3");
}

TEST_F(Views, KeepTheTablesThatTheyRead) {
  a.run("CREATE VIEW paid AS SELECT id FROM orders WHERE status = 'paid'");
  a.run("CREATE VIEW paid_count AS SELECT count(*) AS n FROM paid");
  EXPECT_EQ(a.run("SELECT n FROM paid_count"), "2");
  EXPECT_EQ(a.run("DROP TABLE orders"), "ERROR 2BP01: cannot drop table orders because other objects depend on it");
  EXPECT_EQ(a.run("DROP VIEW paid"), "ERROR 2BP01: cannot drop view paid because other objects depend on it");
  EXPECT_EQ(a.tag("DROP TABLE orders CASCADE"), "DROP TABLE");
  EXPECT_EQ(a.run("SELECT n FROM paid_count"), "ERROR 42P01: relation \"paid_count\" does not exist");
}

TEST_F(Views, AreReplacedOnlyByThoseWithTheSameColumns) {
  a.run("CREATE VIEW v AS SELECT id FROM orders");
  EXPECT_EQ(a.tag("CREATE OR REPLACE VIEW v AS SELECT id, cents FROM orders"), "CREATE VIEW");
  EXPECT_EQ(a.run("CREATE OR REPLACE VIEW v AS SELECT cents, id FROM orders"),
            "ERROR 42P16: cannot change name of view column \"id\" to \"cents\"");
  EXPECT_EQ(a.run("CREATE VIEW v AS SELECT 1"), "ERROR 42P07: relation \"v\" already exists");
  EXPECT_EQ(a.run("SELECT count(*) FROM v"), "3");
}

TEST_F(Views, OfARolledBackTransactionAreGone) {
  a.run("BEGIN");
  a.run("CREATE VIEW v AS SELECT 1 AS one");
  EXPECT_EQ(a.run("SELECT one FROM v"), "1");
  a.run("ROLLBACK");
  EXPECT_EQ(a.run("SELECT one FROM v"), "ERROR 42P01: relation \"v\" does not exist");
}

class Joins : public ::testing::Test {
 protected:
  Joins() {
    a.run("CREATE TABLE l (id int, k int)");
    a.run("CREATE TABLE r (k bigint, name text)");
    a.run("INSERT INTO l SELECT i, i % 5 FROM generate_series(1, 10) i");
    a.run("INSERT INTO l VALUES (11, NULL)");
    a.run("INSERT INTO r VALUES (1, 'one'), (2, 'two'), (2, 'zwei'), (NULL, 'none'), (9, 'nine')");
  }
  Database db;
  Client a = db.connect("a");
};

TEST_F(Joins, WithoutAnIndexFindAllPairsOfEqualKeys) {
  EXPECT_EQ(a.run("SELECT l.id, r.name FROM l JOIN r ON l.k = r.k ORDER BY 1, 2"),
            "1|one\n2|two\n2|zwei\n6|one\n7|two\n7|zwei");
  EXPECT_EQ(a.run("SELECT l.id, r.name FROM l JOIN r ON l.k = r.k AND r.name > 'p' AND l.id > 2 ORDER BY 1, 2"),
            "7|two\n7|zwei");
  EXPECT_EQ(a.run("SELECT count(*), count(r.name) FROM l LEFT JOIN r ON l.k = r.k"), "13|6");
  EXPECT_EQ(a.run("SELECT count(*) FROM l x, l y WHERE x.k = y.k AND x.id < y.id"), "5");
  EXPECT_EQ(a.run("SELECT l.id, (SELECT count(*) FROM l x JOIN r ON x.k = r.k WHERE x.id <= l.id) FROM l WHERE l.id IN (1, 7) "
                  "ORDER BY 1"),
            "1|1\n7|6");
}

TEST_F(Joins, WithoutAnIndexTakeTimeInProportionToTheRows) {
  a.run("CREATE TABLE a1 (k int)");
  a.run("CREATE TABLE a2 (k int)");
  a.run("INSERT INTO a1 SELECT i FROM generate_series(1, 20000) i");
  a.run("INSERT INTO a2 SELECT i FROM generate_series(10001, 30000) i");
  // 400 million pairs: a nested loop would take minutes.
  EXPECT_EQ(a.run("SELECT count(*) FROM a1 JOIN a2 ON a1.k = a2.k"), "10000");
}

TEST_F(Joins, LockOnlyRowsThatAreSurelyThere) {
  EXPECT_EQ(a.run("SELECT * FROM l LEFT JOIN r ON l.k = r.k FOR UPDATE"),
            "ERROR 0A000: FOR UPDATE cannot be applied to the nullable side of an outer join");
  EXPECT_EQ(a.run("SELECT * FROM l FULL JOIN r ON l.k = r.k FOR SHARE OF l"),
            "ERROR 0A000: FOR SHARE cannot be applied to the nullable side of an outer join");
  EXPECT_EQ(a.run("SELECT l.id FROM l LEFT JOIN r ON l.k = r.k WHERE l.id = 1 FOR UPDATE OF l"), "1");
  EXPECT_EQ(a.run("SELECT l.id FROM l LEFT JOIN r ON l.k = r.k WHERE r.name = 'one' AND l.id = 1 FOR UPDATE"), "1")
      << "the condition makes it an inner join";
}

TEST(Substring, TakesAnUnknownLiteralForAPatternNotForAPosition) {
  Database db;
  Client a = db.connect("a");
  EXPECT_EQ(a.run("SELECT substring('abc2' from '2'), substring('abc2' from 'b(.)')"), "2|c");
  EXPECT_EQ(a.run("SELECT substring('abc2' from '%#\"b#\"%' for '#')"),
            "ERROR 0A000: not supported in the simulated database: substring with a pattern and an escape");
  EXPECT_EQ(a.run("SELECT substring('abc2' from 2), substring('abcdef', 2, 3), substring('abcdef' from 2 for 2)"), "bc2|bcd|bc");
}

}  // namespace
}  // namespace orrery::sim::database::testing
