#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim_database/support.hpp"

// Random concurrent transactions, judged by the definition: what those that committed read and left behind must be what
// they give one after the other, in some order.

namespace orrery::sim::database::testing {
namespace {

using namespace std::chrono_literals;

/// splitmix64
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t limit) {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return (x ^ (x >> 31U)) % limit;
  }

 private:
  std::uint64_t state_;
};

struct Script {
  std::vector<std::string> statements;
  std::vector<std::string> outcomes;
  bool has_committed = false;
};

void prepare(Database& db) {
  Client setup = db.connect("setup");
  setup.run("CREATE TABLE t (k int PRIMARY KEY, v int, w int)");
  setup.run("CREATE INDEX t_w ON t (w)");
  setup.run("INSERT INTO t SELECT i, i * 10, i % 3 FROM generate_series(1, 6) i");
}

std::string random_statement(Random& random) {
  const auto number = [&](std::uint64_t limit) { return std::to_string(random.below(limit) + 1); };
  switch (random.below(9)) {
    case 0:
      return "SELECT sum(v), count(*) FROM t WHERE k BETWEEN " + number(4) + " AND " + number(9);
    case 1:
      return "SELECT v FROM t WHERE k = " + number(8);
    case 2:
      return "SELECT count(*) FROM t WHERE v % 20 = 0";
    case 3:
      return "SELECT sum(v) FROM t WHERE w = " + number(3);
    case 4:
      return "UPDATE t SET v = v + " + number(9) + " WHERE k = " + number(8);
    case 5:
      return "UPDATE t SET w = " + number(3) + " WHERE k = " + number(8);
    case 6:
      return "UPDATE t SET v = (SELECT coalesce(sum(v), 0) FROM t WHERE k < " + number(7) + ") WHERE k = " + number(8);
    case 7:
      return "INSERT INTO t SELECT " + number(9) + ", count(*), " + number(3) + " FROM t ON CONFLICT DO NOTHING";
    default:
      return "DELETE FROM t WHERE k = " + number(8);
  }
}

/// A statement's rows and what it says it did.
std::string result_of(Client& client) {
  const std::string rows = client.outcome();
  return rows.starts_with("ERROR") ? rows : rows + " " + client.result.command_tag;
}

std::string contents(Database& db) { return db.connect("reader").run("SELECT k, v, w FROM t ORDER BY k"); }

/// Runs the scripts beside each other in a random order of their statements. Gives what the table holds at the end.
std::string run_together(std::vector<Script>& scripts, const std::string& level, Random& random) {
  Database db;
  prepare(db);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::size_t> next(scripts.size(), 0);
  std::vector<bool> waits(scripts.size(), false);
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    clients.push_back(std::make_unique<Client>(db.engine, db.environment, "s" + std::to_string(i)));
    clients.back()->run("BEGIN ISOLATION LEVEL " + level);
  }
  const auto finish = [&](std::size_t i) {
    Script& script = scripts[i];
    waits[i] = false;
    const std::string result = result_of(*clients[i]);
    if (result.starts_with("ERROR")) {
      next[i] = script.statements.size() + 1;
      clients[i]->run("ROLLBACK");
      return;
    }
    script.outcomes.push_back(result);
    script.has_committed = next[i] == script.statements.size() + 1;
  };
  while (true) {
    std::vector<std::size_t> ready;
    bool any_waits = false;
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      if (waits[i] && clients[i]->is_done()) finish(i);
      any_waits = any_waits || waits[i];
      if (!waits[i] && next[i] <= scripts[i].statements.size()) ready.push_back(i);
    }
    if (ready.empty()) {
      if (!any_waits) break;
      db.environment.test_executor.advance(1s);
      continue;
    }
    const std::size_t i = ready[random.below(ready.size())];
    const std::size_t place = next[i]++;
    clients[i]->start(place == scripts[i].statements.size() ? "COMMIT" : scripts[i].statements[place]);
    if (clients[i]->is_done()) {
      finish(i);
    } else {
      waits[i] = true;
    }
  }
  return contents(db);
}

/// True if the scripts in this order give what they gave together.
bool is_serial_order(const std::vector<const Script*>& order, const std::string& contents_after) {
  Database db;
  prepare(db);
  Client client = db.connect("serial");
  for (const Script* script : order) {
    client.run("BEGIN");
    for (std::size_t i = 0; i < script->statements.size(); ++i) {
      client.run(script->statements[i]);
      if (result_of(client) != script->outcomes[i]) return false;
    }
    client.run("COMMIT");
  }
  return contents(db) == contents_after;
}

bool has_serial_order(const std::vector<Script>& scripts, const std::string& contents_after) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    if (scripts[i].has_committed) places.push_back(i);
  }
  do {
    std::vector<const Script*> order;
    for (const std::size_t place : places) order.push_back(&scripts[place]);
    if (is_serial_order(order, contents_after)) return true;
  } while (std::next_permutation(places.begin(), places.end()));
  return false;
}

struct Tally {
  int schedules = 0;
  int not_serializable = 0;
  int committed = 0;
};

Tally judge(const std::string& level, int schedules) {
  Tally tally;
  for (int seed = 1; seed <= schedules; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    std::vector<Script> scripts(3 + random.below(2));
    for (Script& script : scripts) {
      const std::uint64_t statements = 1 + random.below(3);
      for (std::uint64_t i = 0; i < statements; ++i) script.statements.push_back(random_statement(random));
    }
    const std::string after = run_together(scripts, level, random);
    ++tally.schedules;
    for (const Script& script : scripts) tally.committed += script.has_committed ? 1 : 0;
    if (has_serial_order(scripts, after)) continue;
    ++tally.not_serializable;
    if (level != "SERIALIZABLE") continue;
    std::string text;
    for (const Script& script : scripts) {
      text += script.has_committed ? "committed:" : "failed:";
      for (const std::string& statement : script.statements) text += "\n  " + statement;
      text += '\n';
    }
    ADD_FAILURE() << "seed " << seed << " has no serial order\n" << text << after;
  }
  return tally;
}

TEST(RandomTransactions, AreSerializableIfTheyAreCalledSo) {
  const Tally tally = judge("SERIALIZABLE", 1500);
  EXPECT_EQ(tally.not_serializable, 0);
  EXPECT_GT(tally.committed, tally.schedules) << "most transactions commit, or nothing was tried";
}

TEST(RandomTransactions, OfWeakerLevelsAreNotAlwaysSerializable) {
  EXPECT_GT(judge("REPEATABLE READ", 500).not_serializable, 5);
  EXPECT_GT(judge("READ COMMITTED", 500).not_serializable, 5);
}

}  // namespace
}  // namespace orrery::sim::database::testing
