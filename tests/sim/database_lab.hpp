#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/context.hpp"
#include "sim/database_server.hpp"
#include "sim/world.hpp"

namespace orrery::sim {

/// A world of one database "db" and two clients of it, "one" and "two", that do only what a test says.
class DatabaseLab {
 public:
  explicit DatabaseLab(DatabaseOptions options = {}, std::uint64_t seed = 1) : world(seed, true) {
    world.add_database("db", "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (0, 0)", std::move(options));
    world.add_broker();
    for (const char* host : {"one", "two"}) {
      Node node;
      node.host = host;
      node.service = host;
      node.factory = [](Context&) { return std::make_unique<Service>(); };
      world.add_node(std::move(node));
    }
    world.start();
  }

  /// Runs statements on `host`, one after the other, each in a transaction of its own or (`together`) all in one, and lets
  /// time pass until they are done, a minute at most. Gives the rows of the last one, "a|b" each; or the SQLSTATE of the first
  /// that failed, "open" if none answered.
  std::string run(std::vector<std::string> statements, std::string_view host = "one", std::string_view database = "db",
                  bool together = false) {
    auto outcome = std::make_shared<std::string>("open");
    start(std::move(statements), outcome, host, database, together);
    for (int i = 0; *outcome == "open" && i < 60'000; ++i) pass(1ms);
    return *outcome;
  }
  void start(std::vector<std::string> statements, std::shared_ptr<std::string> outcome, std::string_view host = "one",
             std::string_view database = "db", bool together = false, Isolation isolation = Isolation::read_committed) {
    world.spawn(host, "client", [=, name = std::string(database)](Context& context) {
      return perform(context, name, statements, together, isolation, outcome);
    });
  }
  void pass(Duration duration) { world.run_until(world.kernel().now() + duration); }
  /// Without a client: what a new transaction would see.
  std::string look(std::string_view sql = "SELECT id, v FROM t ORDER BY id", std::string_view database = "db") {
    return print(world.query(database, sql));
  }
  void inject(FaultKind kind, Duration lasts, std::int64_t amount = 0, std::string target = "db") {
    Fault fault;
    fault.kind = kind;
    fault.target = std::move(target);
    fault.at = world.kernel().now().time_since_epoch();
    fault.lasts = lasts;
    fault.amount = amount;
    ASSERT_EQ(world.unsupported(fault), "");
    world.inject(fault);
  }
  [[nodiscard]] std::vector<const Event*> lost() { return world.recorder().history().of(EventKind::transaction_lost); }

  static std::string print(const Rows& rows) {
    std::string text;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i > 0) text += ' ';
      for (std::size_t k = 0; k < rows.shape()->columns.size(); ++k) text += (k > 0 ? "|" : "") + rows[i][k].text();
    }
    return text;
  }

  World world;

 private:
  static Task<void> perform(Context& context, std::string name, std::vector<std::string> statements, bool together,
                            Isolation isolation, std::shared_ptr<std::string> outcome) {
    Database& database = context.database(name);
    Rows rows;
    try {
      if (together) {
        Transaction transaction = co_await database.begin(isolation);
        for (const std::string& sql : statements) rows = co_await transaction.exec(sql);
        co_await transaction.commit();
      } else {
        for (const std::string& sql : statements) rows = co_await database.exec(sql);
      }
      *outcome = print(rows);
    } catch (const DatabaseError& error) {
      *outcome = error.sqlstate();
    }
  }
};

}  // namespace orrery::sim
