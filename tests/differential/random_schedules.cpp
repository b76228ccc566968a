#include "tests/differential/random_schedules.hpp"

#include <algorithm>

namespace orrery::testing {
namespace {

class Generator {
 public:
  Generator(std::uint64_t seed, Levels levels) : state_(seed * 0x9e3779b97f4a7c15ULL + 77), levels_(levels) {}

  Schedule run() {
    Schedule schedule;
    schedule.setup = setup();
    schedule.is_spread = levels_ == Levels::serializable || levels_ == Levels::mixed;
    schedule.sessions = 2 + below(3);
    std::vector<std::vector<std::string>> of_session(schedule.sessions);
    for (auto& steps : of_session) {
      // Statements without BEGIN, too.
      if (levels_ == Levels::serializable) steps.emplace_back("SET default_transaction_isolation = 'serializable'");
      for (std::size_t i = 0; i < (one_in(3) ? 2U : 1U); ++i) transaction(steps);
      if (holds_session_lock_) steps.push_back("SELECT pg_advisory_unlock_all()");
      holds_session_lock_ = false;
    }
    std::vector<std::size_t> next(schedule.sessions, 0);
    while (true) {
      std::vector<std::size_t> left;
      for (std::size_t i = 0; i < schedule.sessions; ++i) {
        if (next[i] < of_session[i].size()) left.push_back(i);
      }
      if (left.empty()) break;
      const std::size_t session = left[below(left.size())];
      schedule.steps.push_back({session, of_session[session][next[session]++]});
    }
    return schedule;
  }

 private:
  std::uint64_t draw() {  // splitmix64
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t x = state_;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(draw() % bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string pick(std::initializer_list<std::string_view> choices) { return std::string(choices.begin()[below(choices.size())]); }

  std::vector<std::string> setup() {
    const std::string on_delete = pick({"CASCADE", "CASCADE", "SET NULL", "NO ACTION", "RESTRICT"});
    const std::string on_update = pick({"CASCADE", "CASCADE", "NO ACTION", "SET NULL"});
    const std::string when = pick({"", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"});
    is_deferrable_ = !when.empty();
    std::vector<std::string> statements{
        "CREATE TABLE p (id int PRIMARY KEY, k int UNIQUE, v int NOT NULL DEFAULT 0 CHECK (v < 1000))",
        "CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE " + on_delete + " ON UPDATE " + on_update + when +
            ", v int NOT NULL DEFAULT 0)",
        "CREATE INDEX c_of_p ON c (p)",
    };
    if (levels_ == Levels::serializable || levels_ == Levels::mixed) {
      statements.emplace_back("INSERT INTO p SELECT g * 2, g * 2, 0 FROM generate_series(1, 400) g WHERE g % 50 <> 0");
      statements.emplace_back("INSERT INTO c SELECT g * 2, g * 2, 0 FROM generate_series(1, 400) g WHERE g % 50 <> 0");
    }
    const std::size_t parents = 2 + below(3);
    for (std::size_t i = 1; i <= parents; ++i) {
      statements.push_back("INSERT INTO p VALUES (" + std::to_string(i * 100) + ", " + std::to_string(i * 100) + ", " + std::to_string(i) + ")");
    }
    for (std::size_t i = 1; i <= 3; ++i) {
      const std::string of = one_in(5) ? "NULL" : std::to_string((1 + below(parents)) * 100);
      statements.push_back("INSERT INTO c VALUES (" + std::to_string(i * 100) + ", " + of + ", " + std::to_string(i) + ")");
    }
    return statements;
  }

  void transaction(std::vector<std::string>& steps) {
    const std::size_t length = 1 + below(4);
    if (one_in(7)) {  // without BEGIN: each statement by itself
      for (std::size_t i = 0; i < std::min<std::size_t>(length, 2); ++i) steps.push_back(statement(false));
      return;
    }
    std::string begin = "BEGIN ISOLATION LEVEL " + level();
    if (one_in(15)) begin += ", READ ONLY";
    steps.push_back(begin);
    std::vector<std::string> savepoints;
    for (std::size_t i = 0; i < length; ++i) {
      if (one_in(6)) {
        savepoints.push_back(pick({"a", "b"}));
        steps.push_back("SAVEPOINT " + savepoints.back());
      }
      if (is_deferrable_ && one_in(8)) steps.push_back("SET CONSTRAINTS ALL " + pick({"DEFERRED", "DEFERRED", "IMMEDIATE"}));
      steps.push_back(statement(true));
      if (!savepoints.empty() && one_in(2)) {
        steps.push_back(pick({"ROLLBACK TO ", "ROLLBACK TO ", "RELEASE "}) + savepoints.back());
        if (one_in(2)) steps.push_back(statement(true));
        if (steps.back().starts_with("RELEASE")) savepoints.pop_back();
      }
    }
    steps.emplace_back(one_in(5) ? "ROLLBACK" : "COMMIT");
  }

  std::string level() {
    switch (levels_) {
      case Levels::read_committed:
        return "READ COMMITTED";
      case Levels::repeatable_read:
        return "REPEATABLE READ";
      case Levels::serializable:
        return "SERIALIZABLE";
      case Levels::mixed:
        break;
    }
    return pick({"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"});
  }

  /// A key that rows may have: the higher ones are not there at first.
  std::string key() { return std::to_string((1 + below(5)) * 100); }
  std::string value() { return std::to_string(below(5)); }
  std::string table() { return one_in(3) ? "c" : "p"; }

  std::string condition() {
    switch (below(6)) {
      case 0:
        return "id BETWEEN " + key() + " AND " + key() + " AND id % 100 = 0";
      case 1:
        return "id IN (" + key() + ", " + key() + ")";
      case 2:
        return "id = " + key() + " AND v < " + value();
      default:
        return "id = " + key();
    }
  }

  std::string lock_clause() {
    return " FOR " + pick({"UPDATE", "UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"}) + pick({"", "", "", " NOWAIT", " SKIP LOCKED"});
  }

  /// The rows of VALUES are taken in their order by both servers.
  std::string merge() {
    const bool of_p = !one_in(3);
    std::string sql = "MERGE INTO " + std::string(of_p ? "p" : "c") + " t USING ";
    if (one_in(4)) {
      sql += "(SELECT id, id AS k, v FROM p WHERE id = " + key() + ") s ON t.id = " + (one_in(2) ? "s.id" : key());
    } else {
      sql += "(VALUES (" + key() + ", " + key() + ", " + value() + ")" + (one_in(3) ? ", (" + key() + ", " + key() + ", " + value() + ")" : "") +
             ") s (id, k, v) ON t.id = s.id";
    }
    if (one_in(3)) sql += " AND t.v < " + value();
    if (one_in(2)) {
      sql += " WHEN MATCHED AND t.v " + pick({">", "<", "<>"}) + " " + pick({"1", "2", "3", "s.v"}) + " THEN " +
             pick({"DELETE", "DO NOTHING", "UPDATE SET v = t.v + s.v", "UPDATE SET v = 0"});
    }
    if (!one_in(5)) {
      sql += " WHEN MATCHED THEN " +
             (of_p ? pick({"UPDATE SET v = t.v + 1", "UPDATE SET v = t.v + s.v", "UPDATE SET k = s.k", "UPDATE SET id = s.k", "DELETE"})
                   : pick({"UPDATE SET v = t.v + 1", "UPDATE SET p = s.k", "DELETE"}));
    }
    const std::string when = " WHEN NOT MATCHED" + (one_in(3) ? " AND s.v > " + value() : std::string());
    return sql + when + " THEN " + pick({"INSERT VALUES (s.id, s.k, s.v)", "INSERT VALUES (s.id, s.k, s.v)", "INSERT (id) VALUES (s.id)", "DO NOTHING"});
  }

  std::string statement(bool in_transaction) {
    switch (below(22)) {
      case 20:
      case 21:
        return merge();
      case 0:
      case 1:
        return "SELECT * FROM " + table() + " WHERE " + condition() + " ORDER BY id";
      case 2:
        return "SELECT count(*), sum(v) FROM " + table() + " WHERE id BETWEEN 100 AND " + key() + " AND id % 100 = 0";
      case 3:
      case 4:
        return "SELECT * FROM " + table() + " WHERE " + condition() + " ORDER BY id" + lock_clause();
      case 5:
        return "SELECT * FROM " + table() + " WHERE id >= 100 AND id % 100 = 0 AND v > " + value() + " ORDER BY id LIMIT 1" + lock_clause();
      case 6:
        return "SELECT p.id, p.v, c.id, c.v FROM c JOIN p ON p.id = c.p WHERE c.id = " + key() + " FOR " +
               pick({"UPDATE OF c", "SHARE OF p", "UPDATE", "KEY SHARE OF p FOR UPDATE OF c"});
      case 7:
      case 8:
        return "UPDATE " + table() + " SET v = v + 1 WHERE " + condition() + " RETURNING *";
      case 9:
        return "UPDATE p SET " + pick({"k", "id"}) + " = " + key() + " WHERE id = " + key() + " RETURNING *";
      case 10:
        return "UPDATE c SET p = " + (one_in(5) ? "NULL" : key()) + " WHERE id = " + key() + " RETURNING *";
      case 11:
        return "UPDATE c SET v = c.v + p.v FROM p WHERE p.id = c.p AND c.id = " + key() + " RETURNING c.id, c.v, p.id, p.v";
      case 12:
        return "DELETE FROM " + table() + " WHERE " + condition() + " RETURNING *";
      case 13:
        return "INSERT INTO c VALUES (" + key() + ", " + key() + ", " + value() + ")";
      case 14:
        return "INSERT INTO p VALUES (" + key() + ", " + key() + ", " + value() + ")" + pick({"", " ON CONFLICT DO NOTHING RETURNING *"});
      case 15:
        return "INSERT INTO p VALUES (" + key() + ", " + (one_in(2) ? "NULL" : key()) + ", " + value() + ") ON CONFLICT (" +
               pick({"id", "k", "id"}) + ") DO " +
               pick({"NOTHING", "UPDATE SET v = p.v + 1", "UPDATE SET v = p.v + excluded.v WHERE p.v < 3", "UPDATE SET k = excluded.k"}) +
               " RETURNING *";
      case 16:
        return "INSERT INTO c SELECT id + 100, p, v FROM c WHERE id = " + key() + " ON CONFLICT (id) DO " +
               pick({"NOTHING", "UPDATE SET p = excluded.p, v = c.v + 1"}) + " RETURNING *";
      case 17:
        if (one_in(2)) return "SELECT pg_advisory_xact_lock(" + value() + ")";
        if (one_in(2)) return "SELECT pg_try_advisory_xact_lock" + pick({"", "_shared"}) + "(" + value() + ")";
        holds_session_lock_ = true;
        return "SELECT pg_advisory_lock" + pick({"", "_shared"}) + "(" + value() + ")";
      case 18:
        if (!in_transaction || !one_in(3)) return "UPDATE p SET v = v + 1 WHERE id = " + key() + " AND v > " + value() + " RETURNING *";
        return "LOCK TABLE " + table() + " IN " + pick({"SHARE", "ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}) + " MODE" +
               pick({"", " NOWAIT"});
      default:
        return "WITH moved AS (DELETE FROM c WHERE id = " + key() + " RETURNING v) UPDATE p SET v = v + (SELECT count(*) FROM moved) WHERE id = " +
               key() + " RETURNING *";
    }
  }

  std::uint64_t state_;
  Levels levels_;
  bool is_deferrable_ = false;
  bool holds_session_lock_ = false;
};

}  // namespace

Schedule random_schedule(std::uint64_t seed, Levels levels) { return Generator(seed, levels).run(); }

}  // namespace orrery::testing
