#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "runtime/context.hpp"
#include "sim/world.hpp"

namespace orrery::sim {
namespace {

using namespace std::chrono_literals;

struct Idler final : Service {};

/// Keeps a transaction open and says nothing for a time, then goes on. What came of it: "committed" or the SQLSTATE.
Task<void> idle(Context& context, Duration silence, std::string& outcome) {
  Database& database = context.database("db");
  try {
    Transaction transaction = co_await database.begin();
    co_await transaction.exec("SET LOCAL idle_in_transaction_session_timeout = '2s'");
    co_await transaction.exec("UPDATE t SET v = v + 1 WHERE id = 1");
    co_await context.clock.sleep(silence);
    co_await transaction.exec("UPDATE t SET v = v + 1 WHERE id = 1");
    co_await transaction.commit();
    outcome = "committed";
  } catch (const DatabaseError& error) {
    outcome = error.sqlstate();
  }
}

class IdleTransactions : public ::testing::Test {
 protected:
  IdleTransactions() {
    world.add_database("db", "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 0)");
    world.add_broker();
    Node node;
    node.host = "idler-1";
    node.service = "idler";
    node.factory = [](Context&) { return std::make_unique<Idler>(); };
    world.add_node(std::move(node));
    world.start();
  }
  void keep_silent_for(Duration silence) {
    world.spawn("idler-1", "client", [this, silence](Context& context) { return idle(context, silence, outcome); });
    world.run_until(world.kernel().now() + 1min);
  }
  World world{1, true};
  std::string outcome = "open";
};

TEST_F(IdleTransactions, LoseTheirConnectionAndTheirWorkAfterTheTimeOut) {
  keep_silent_for(3s);
  EXPECT_EQ(outcome, "08006");
  EXPECT_EQ(world.query("db", "SELECT v FROM t")[0][0].text(), "0");
}

TEST_F(IdleTransactions, GoOnIfTheyAreNotSilentForSoLong) {
  keep_silent_for(1s);
  EXPECT_EQ(outcome, "committed");
  EXPECT_EQ(world.query("db", "SELECT v FROM t")[0][0].text(), "2");
}

}  // namespace
}  // namespace orrery::sim
