#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim_database/support.hpp"

// Martin Kleppmann's Hermitage (https://github.com/ept/hermitage, postgres.md): which anomalies each isolation level lets
// happen. The schedules are those of its PostgreSQL page, and so are the answers.

namespace orrery::sim::database::testing {
namespace {

constexpr std::array kLevels{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};

/// Three transactions of one level over the rows 1 → 10 and 2 → 20.
struct Scene {
  explicit Scene(const std::string& level) {
    a.run("CREATE TABLE test (id int PRIMARY KEY, value int)");
    a.run("INSERT INTO test VALUES (1, 10), (2, 20)");
    for (Client* each : {&a, &b, &c}) each->run("BEGIN ISOLATION LEVEL " + level);
  }
  bool commit(Client& client) {
    client.run("COMMIT");
    return client.outcome().empty() && client.result.command_tag == "COMMIT";
  }
  void settle() { db.environment.test_executor.settle(); }
  std::string final_values() { return db.connect("after").run("SELECT value FROM test ORDER BY id"); }
  static std::string value(Client& client, int id) {
    return client.run("SELECT value FROM test WHERE id = " + std::to_string(id));
  }
  static void set(Client& client, int id, int to) {
    client.start("UPDATE test SET value = " + std::to_string(to) + " WHERE id = " + std::to_string(id));
  }

  Database db;
  Client a = db.connect("a");
  Client b = db.connect("b");
  Client c = db.connect("c");
};

struct Anomaly {
  const char* name;
  const char* what;
  std::function<bool(Scene&)> happens;
  std::array<bool, 3> expected;  // by level
};

bool dirty_write(Scene& s) {
  Scene::set(s.a, 1, 11);
  Scene::set(s.b, 1, 12);
  Scene::set(s.a, 2, 21);
  s.commit(s.a);
  s.settle();
  Scene::set(s.b, 2, 22);
  s.commit(s.b);
  const std::string values = s.final_values();
  return values != "11\n21" && values != "12\n22";
}

bool aborted_read(Scene& s) {
  Scene::set(s.a, 1, 101);
  const std::string before = Scene::value(s.b, 1);
  s.a.run("ROLLBACK");
  return before == "101" || Scene::value(s.b, 1) == "101";
}

bool intermediate_read(Scene& s) {
  Scene::set(s.a, 1, 101);
  const std::string before = Scene::value(s.b, 1);
  Scene::set(s.a, 1, 11);
  s.commit(s.a);
  return before == "101" || Scene::value(s.b, 1) == "101";
}

bool circular_flow(Scene& s) {
  Scene::set(s.a, 1, 11);
  Scene::set(s.b, 2, 22);
  const bool a_saw = Scene::value(s.a, 2) == "22";
  const bool b_saw = Scene::value(s.b, 1) == "11";
  return a_saw && b_saw;
}

bool observed_transaction_vanishes(Scene& s) {
  Scene::set(s.a, 1, 11);
  Scene::set(s.a, 2, 19);
  Scene::set(s.b, 1, 12);
  s.commit(s.a);
  s.settle();
  static_cast<void>(Scene::value(s.c, 1));
  Scene::set(s.b, 2, 18);
  static_cast<void>(Scene::value(s.c, 2));
  s.commit(s.b);
  return (Scene::value(s.c, 2) == "18") != (Scene::value(s.c, 1) == "12");
}

bool predicate_many_preceders(Scene& s) {
  EXPECT_EQ(s.a.run("SELECT * FROM test WHERE value = 30"), "");
  s.b.run("INSERT INTO test VALUES (3, 30)");
  s.commit(s.b);
  const bool saw = s.a.run("SELECT * FROM test WHERE value % 3 = 0") == "3|30";
  return saw && s.commit(s.a);
}

bool predicate_many_preceders_by_write(Scene& s) {
  s.a.run("UPDATE test SET value = value + 10");
  s.b.start("DELETE FROM test WHERE value = 20");
  s.commit(s.a);
  s.settle();
  const bool left_over = s.b.run("SELECT id FROM test WHERE value = 20") == "1";
  return left_over && s.commit(s.b);
}

bool lost_update(Scene& s) {
  static_cast<void>(Scene::value(s.a, 1));
  static_cast<void>(Scene::value(s.b, 1));
  Scene::set(s.a, 1, 11);
  Scene::set(s.b, 1, 12);
  s.commit(s.a);
  s.settle();
  return s.commit(s.b);
}

bool read_skew(Scene& s) {
  static_cast<void>(Scene::value(s.a, 1));
  Scene::set(s.b, 1, 12);
  Scene::set(s.b, 2, 18);
  s.commit(s.b);
  const bool saw = Scene::value(s.a, 2) == "18";
  return saw && s.commit(s.a);
}

bool read_skew_by_predicate(Scene& s) {
  s.a.run("SELECT * FROM test WHERE value % 5 = 0");
  s.b.run("UPDATE test SET value = 12 WHERE value = 10");
  s.commit(s.b);
  const bool saw = s.a.run("SELECT value FROM test WHERE value % 3 = 0") == "12";
  return saw && s.commit(s.a);
}

bool read_skew_by_write(Scene& s) {
  static_cast<void>(Scene::value(s.a, 1));
  s.b.run("SELECT * FROM test");
  Scene::set(s.b, 1, 12);
  Scene::set(s.b, 2, 18);
  s.commit(s.b);
  s.a.run("DELETE FROM test WHERE value = 20");
  return s.commit(s.a);
}

bool write_skew(Scene& s) {
  s.a.run("SELECT * FROM test WHERE id IN (1, 2)");
  s.b.run("SELECT * FROM test WHERE id IN (1, 2)");
  Scene::set(s.a, 1, 11);
  Scene::set(s.b, 2, 21);
  const bool first = s.commit(s.a);
  return s.commit(s.b) && first;
}

bool anti_dependency_cycle(Scene& s) {
  s.a.run("SELECT * FROM test WHERE value % 3 = 0");
  s.b.run("SELECT * FROM test WHERE value % 3 = 0");
  s.a.run("INSERT INTO test VALUES (3, 30)");
  s.b.run("INSERT INTO test VALUES (4, 42)");
  const bool first = s.commit(s.a);
  return s.commit(s.b) && first;
}

bool read_only_anomaly(Scene& s) {
  s.a.run("SELECT * FROM test");
  s.b.run("UPDATE test SET value = value + 5 WHERE id = 2");
  s.commit(s.b);
  const bool saw = s.c.run("SELECT value FROM test ORDER BY id") == "10\n25";
  const bool read = s.commit(s.c);
  Scene::set(s.a, 1, 0);
  return s.commit(s.a) && saw && read;
}

const std::vector<Anomaly>& anomalies() {
  static const std::vector<Anomaly> all{
      {"G0", "dirty write", dirty_write, {false, false, false}},
      {"G1a", "aborted read", aborted_read, {false, false, false}},
      {"G1b", "intermediate read", intermediate_read, {false, false, false}},
      {"G1c", "circular information flow", circular_flow, {false, false, false}},
      {"OTV", "observed transaction vanishes", observed_transaction_vanishes, {false, false, false}},
      {"PMP", "predicate-many-preceders", predicate_many_preceders, {true, false, false}},
      {"PMP", "the same by a write", predicate_many_preceders_by_write, {true, false, false}},
      {"P4", "lost update", lost_update, {true, false, false}},
      {"G-single", "read skew", read_skew, {true, false, false}},
      {"G-single", "the same by predicates", read_skew_by_predicate, {true, false, false}},
      {"G-single", "the same by a write", read_skew_by_write, {true, false, false}},
      {"G2-item", "write skew", write_skew, {true, true, false}},
      {"G2", "anti-dependency cycle", anti_dependency_cycle, {true, true, false}},
      {"G2", "read-only anomaly", read_only_anomaly, {true, true, false}},
  };
  return all;
}

TEST(Hermitage, FindsAtEachIsolationLevelTheAnomaliesOfPostgresql) {
  std::printf("%-9s %-30s", "", "");
  for (const char* level : kLevels) std::printf(" %-16s", level);
  std::printf("\n");
  for (const Anomaly& anomaly : anomalies()) {
    std::printf("%-9s %-30s", anomaly.name, anomaly.what);
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
      Scene scene(kLevels[i]);
      const bool happens = anomaly.happens(scene);
      std::printf(" %-16s", happens ? "happens" : "prevented");
      EXPECT_EQ(happens, anomaly.expected[i]) << anomaly.name << " (" << anomaly.what << ") at " << kLevels[i];
    }
    std::printf("\n");
  }
}

}  // namespace
}  // namespace orrery::sim::database::testing
