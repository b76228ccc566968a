#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/suite.hpp"

namespace orrery::conformance {
namespace {

template <class World>
class ConformanceOfDatabase : public Conformance<World> {};
TYPED_TEST_SUITE(ConformanceOfDatabase, Worlds, Names);

/// The error that a task ends with; SQLSTATE 00000 if it does not.
Task<DatabaseError> error_of(Task<Rows> task) {
  std::optional<DatabaseError> caught;
  try {
    co_await std::move(task);
  } catch (const DatabaseError& error) {
    caught = error;
  }
  if (caught) co_return *caught;
  co_return DatabaseError(Effect::did_not_happen, "00000", "no error");
}
Task<DatabaseError> error_of_commit(Task<void> task) {
  std::optional<DatabaseError> caught;
  try {
    co_await std::move(task);
  } catch (const DatabaseError& error) {
    caught = error;
  }
  if (caught) co_return *caught;
  co_return DatabaseError(Effect::did_not_happen, "00000", "no error");
}

TYPED_TEST(ConformanceOfDatabase, OnlyWhatIsCommittedIsThere) {
  this->start();
  std::vector<std::string> notes;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("INSERT INTO items VALUES (1, 'committed')");
      co_await tx.commit();
    }
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("INSERT INTO items VALUES (2, 'rolled back')");
      co_await tx.rollback();
    }
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("INSERT INTO items VALUES (3, 'dropped')");
    }
    const Rows rows = co_await db.exec("SELECT note FROM items ORDER BY id");
    for (const Row row : rows) notes.push_back(row["note"].text());
  });
  EXPECT_EQ(notes, std::vector<std::string>{"committed"});
}

TYPED_TEST(ConformanceOfDatabase, ValuesComeBackAsTheyWere) {
  this->start();
  std::vector<SqlValue> values;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Rows rows = co_await context.database("db").exec(
        "SELECT $1::bigint, $2::text, $3::boolean, $4::float8, NULL::int, 2.50::numeric", 41, "x'y", true, 1.5);
    for (std::size_t i = 0; i < 6; ++i) values.push_back(rows[0][i]);
  });
  EXPECT_EQ(values, (std::vector<SqlValue>{41, "x'y", true, 1.5, nullptr, "2.50"}));
}

TYPED_TEST(ConformanceOfDatabase, AStatementSaysHowManyRowsItChanged) {
  this->start();
  std::vector<std::int64_t> counts;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    for (const char* sql : {"INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')", "UPDATE items SET note = 'z' WHERE id > 1",
                            "DELETE FROM items WHERE id = 9", "SELECT id FROM items"}) {
      const Rows rows = co_await db.exec(sql);
      counts.push_back(rows.affected());
    }
  });
  EXPECT_EQ(counts, (std::vector<std::int64_t>{3, 2, 0, 3}));
}

TYPED_TEST(ConformanceOfDatabase, AUniqueViolationDidNotHappenAndNamesItsConstraint) {
  this->start();
  std::optional<DatabaseError> taken, after, at_commit;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    co_await db.exec("INSERT INTO items VALUES (1, 'first')");
    Transaction tx = co_await db.begin();
    taken = co_await error_of(tx.exec("INSERT INTO items VALUES (1, 'second')"));
    after = co_await error_of(tx.exec("SELECT 1"));
    at_commit = co_await error_of_commit(tx.commit());
  });
  EXPECT_EQ(taken->sqlstate(), "23505");
  EXPECT_EQ(taken->constraint(), "items_pkey");
  EXPECT_FALSE(taken->may_have_happened());
  EXPECT_EQ(after->sqlstate(), "25P02");
  EXPECT_EQ(at_commit->sqlstate(), "25P02");
}

TYPED_TEST(ConformanceOfDatabase, OneOfTwoSerializableTransactionsThatMissEachOtherFailsWith40001) {
  this->start();
  std::multiset<std::string> outcomes;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    Transaction one = co_await db.begin(Isolation::serializable);
    Transaction two = co_await db.begin(Isolation::serializable);
    co_await one.exec("SELECT count(*) FROM items");
    co_await two.exec("SELECT count(*) FROM items");
    co_await one.exec("INSERT INTO items VALUES (1, 'one')");
    const DatabaseError late = co_await error_of(two.exec("INSERT INTO items VALUES (2, 'two')"));
    const DatabaseError first = co_await error_of_commit(one.commit());
    const DatabaseError second = co_await error_of_commit(two.commit());
    outcomes = {first.sqlstate(), late.sqlstate() == "00000" ? second.sqlstate() : late.sqlstate()};
  });
  EXPECT_EQ(outcomes, (std::multiset<std::string>{"00000", "40001"}));
}

TYPED_TEST(ConformanceOfDatabase, ASecondWriterOfARowWaitsForTheFirst) {
  this->start();
  std::string order;
  std::optional<DatabaseError> impatient;
  const auto first = [&](Context& context) -> Task<void> {
    Transaction tx = co_await context.database("db").begin();
    co_await tx.exec("UPDATE items SET note = note || '1'");
    co_await context.clock.sleep(600ms);
    order += "1";
    co_await tx.commit();
  };
  const auto second = [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(150ms);
    co_await context.database("db").exec("UPDATE items SET note = note || '2'");
    order += "2";
  };
  const auto third = [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(150ms);
    Transaction tx = co_await context.database("db").begin();
    co_await tx.exec("SET LOCAL lock_timeout = '50ms'");
    impatient = co_await error_of(tx.exec("UPDATE items SET note = note || '3'"));
  };
  this->bench.run("a", [&](Context& context) -> Task<void> {
    co_await context.database("db").exec("INSERT INTO items VALUES (1, '')");
  });
  this->bench.spawn("a", first);
  this->bench.spawn("a", second);
  this->bench.spawn("a", third);
  this->bench.finish();
  std::string note;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Rows rows = co_await context.database("db").exec("SELECT note FROM items");
    note = rows[0]["note"].text();
  });
  EXPECT_EQ(order, "12");
  EXPECT_EQ(note, "12");
  EXPECT_EQ(impatient->sqlstate(), "55P03");
}

TYPED_TEST(ConformanceOfDatabase, OneOfTwoTransactionsInADeadlockFailsWith40P01) {
  this->start();
  this->bench.run("a", [&](Context& context) -> Task<void> {
    co_await context.database("db").exec("INSERT INTO items VALUES (1, ''), (2, '')");
  });
  std::multiset<std::string> outcomes;
  const auto locker = [&](int mine, int other) {
    return [&outcomes, mine, other](Context& context) -> Task<void> {
      Transaction tx = co_await context.database("db").begin();
      co_await tx.exec("UPDATE items SET note = 'x' WHERE id = $1", mine);
      co_await context.clock.sleep(200ms);
      const DatabaseError error = co_await error_of(tx.exec("UPDATE items SET note = 'y' WHERE id = $1", other));
      outcomes.insert(error.sqlstate());
    };
  };
  const auto one = locker(1, 2);
  const auto two = locker(2, 1);
  this->bench.spawn("a", one);
  this->bench.spawn("a", two);
  this->bench.finish();
  EXPECT_EQ(outcomes, (std::multiset<std::string>{"00000", "40P01"}));
}

}  // namespace
}  // namespace orrery::conformance
