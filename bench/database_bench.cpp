// What a statement costs in the simulated database, against the same statement through libpqxx, prepared, on a unix socket to a
// real PostgreSQL:
//   bench/with_postgres.sh build/release/bench/database_bench
// Both are counted in CPU-seconds: the real one's are those of this process and of the server's backend. Without
// $ORRERY_POSTGRES (a connection string; with_postgres.sh sets it) the simulated side is measured alone.
// Counters: `simulated_per_s` and `real_per_s` are statements a CPU-second, `ratio` the first divided by the second.

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#ifdef ORRERY_HAS_PQXX
#include <pqxx/pqxx>
#endif

#include "sim/database/engine.hpp"

namespace {

using namespace orrery;
using sim::database::Engine;
using sim::database::Session;
using sim::database::StatementResult;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Nothing ever waits.
class Alone final : public sim::database::Environment, public Executor {
 public:
  [[nodiscard]] Executor& executor() noexcept override { return *this; }
  [[nodiscard]] SystemTime system_time() const noexcept override { return SystemTime(std::chrono::hours(480'000)); }
  [[nodiscard]] std::uint64_t draw(std::uint32_t, std::uint64_t, std::uint64_t) noexcept override { return 0; }
  [[nodiscard]] Instant now() const noexcept override { return {}; }
  void schedule(Waiter&, Instant) override {}
  void cancel(Waiter&) noexcept override {}
  [[nodiscard]] Fiber* current_fiber() const noexcept override { return nullptr; }
};

class Simulated {
 public:
  Simulated() : engine_("bench", world_), session_(engine_.connect("bench")) {}

  StatementResult execute(const std::string& sql, const std::vector<SqlValue>& parameters = {}) {
    return execute_in(*session_, sql, parameters);
  }
  [[nodiscard]] std::unique_ptr<Session> connect(const std::string& name) { return engine_.connect(name); }
  static StatementResult execute_in(Session& session, const std::string& sql, const std::vector<SqlValue>& parameters = {}) {
    Task<StatementResult> task = session.execute(sql, parameters);
    task.start();
    CHECK(task.done(), "no statement here waits");
    return task.result();
  }

 private:
  Alone world_;
  Engine engine_;
  std::unique_ptr<Session> session_;
};

constexpr const char* kSchema =
    "CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, amount bigint NOT NULL, state text NOT NULL)";
constexpr const char* kFill =
    "INSERT INTO items SELECT i, 'item ' || i, 0, 'new' FROM generate_series(1, $1::bigint) AS i";

/// What services do all day. `{}`: the parameters are an id in the table, or one above it for inserts.
struct Statement {
  const char* name;
  const char* sql;
  bool inserts = false;
};
constexpr Statement kStatements[] = {
    {"select_by_key", "SELECT name, amount FROM items WHERE id = $1::bigint"},
    {"update_by_key", "UPDATE items SET amount = amount + 1 WHERE id = $1::bigint"},
    {"insert", "INSERT INTO items (id, name, amount, state) VALUES ($1::bigint, 'one more', 0, 'new')", true},
    {"insert_on_conflict",
     "INSERT INTO items (id, name, amount, state) VALUES ($1::bigint, 'again', 0, 'new') ON CONFLICT (id) DO NOTHING"},
};

class Ids {
 public:
  Ids(const Statement& statement, std::int64_t rows) : inserts_(statement.inserts), rows_(rows), next_(rows) {}
  std::int64_t next() {
    if (inserts_) return ++next_;
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return 1 + static_cast<std::int64_t>((random_ >> 33) % static_cast<std::uint64_t>(rows_));
  }

 private:
  bool inserts_;
  std::int64_t rows_;
  std::int64_t next_;
  std::uint64_t random_ = 1;
};

double simulated_per_second(const Statement& statement, std::int64_t rows, int count) {
  Simulated database;
  database.execute(kSchema);
  database.execute(kFill, {SqlValue(rows)});
  Ids ids(statement, rows);
  const std::string sql = statement.sql;
  std::vector<SqlValue> parameters{SqlValue(std::int64_t{0})};
  const double begin = cpu_seconds();
  for (int i = 0; i < count; ++i) {
    parameters[0] = SqlValue(ids.next());
    benchmark::DoNotOptimize(database.execute(sql, parameters));
  }
  return count / (cpu_seconds() - begin);
}

#ifdef ORRERY_HAS_PQXX
/// User and system time of another process of this machine.
double cpu_seconds_of(int process) {
  const std::string path = "/proc/" + std::to_string(process) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "r");
  CHECK(file != nullptr, "the server's backend runs on this machine");
  unsigned long user = 0;
  unsigned long system = 0;
  const int read = std::fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  std::fclose(file);
  CHECK(read == 2, "/proc/PID/stat has the fields of proc(5)");
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double real_per_second(const char* postgres, const Statement& statement, std::int64_t rows, int count) {
  pqxx::connection connection(postgres);
  {
    pqxx::nontransaction setup(connection);
    setup.exec("DROP TABLE IF EXISTS items");
    setup.exec(kSchema);
    setup.exec_params(kFill, rows);
    setup.exec("ANALYZE items");
  }
  connection.prepare("it", statement.sql);
  Ids ids(statement, rows);
  const int backend = connection.backendpid();
  const double begin = cpu_seconds() + cpu_seconds_of(backend);
  {
    pqxx::nontransaction work(connection);
    for (int i = 0; i < count; ++i) benchmark::DoNotOptimize(work.exec_prepared("it", ids.next()));
  }
  return count / (cpu_seconds() + cpu_seconds_of(backend) - begin);
}
#endif

void statement(benchmark::State& state, const Statement& which, std::int64_t rows) {
  for (auto _ : state) {
    const double simulated = simulated_per_second(which, rows, 400'000);
    state.counters["simulated_per_s"] = simulated;
#ifdef ORRERY_HAS_PQXX
    if (const char* postgres = std::getenv("ORRERY_POSTGRES")) {
      const double real = real_per_second(postgres, which, rows, 40'000);
      state.counters["real_per_s"] = real;
      state.counters["ratio"] = simulated / real;
    }
#endif
  }
}

/// The heap that a row takes, with its index entry, and what one more version of it takes.
void memory(benchmark::State& state) {
  constexpr std::int64_t kRows = 200'000;
  for (auto _ : state) {
    const auto used = [] { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd); };
    Simulated database;
    database.execute(kSchema);
    const double empty = used();
    database.execute(kFill, {SqlValue(kRows)});
    const double filled = used();
    state.counters["bytes_per_row"] = (filled - empty) / kRows;
    database.execute("BEGIN");
    database.execute("UPDATE items SET amount = amount + 1");
    state.counters["bytes_per_version"] = (used() - filled) / kRows;
    database.execute("COMMIT");
  }
}

/// A million versions that a snapshot held back, in a table with an index whose keys a million rows share: once the snapshot
/// is gone, statements clean up as they commit. `versions_per_s`: cleaned up in a CPU-second; `bytes_in_use_*`: heap, all in all.
void clean_up(benchmark::State& state) {
  constexpr std::int64_t kRows = 1'000'000;
  for (auto _ : state) {
    const auto used = [] { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd); };
    Simulated database;
    database.execute(kSchema);
    database.execute("CREATE INDEX ON items (state)");
    database.execute("CREATE TABLE other (id bigint)");
    database.execute(kFill, {SqlValue(kRows)});
    std::unique_ptr<Session> reader = database.connect("reader");
    Simulated::execute_in(*reader, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    Simulated::execute_in(*reader, "SELECT 1 FROM items LIMIT 1");
    database.execute("UPDATE items SET amount = amount + 1");
    database.execute("UPDATE items SET state = 'old'");
    const double before = used();
    Simulated::execute_in(*reader, "COMMIT");
    const double begin = cpu_seconds();
    constexpr int kCommits = 2 * kRows / 64 + 1;  // a commit cleans up 64
    for (int i = 0; i < kCommits; ++i) database.execute("INSERT INTO other VALUES (1)");
    state.counters["versions_per_s"] = 2 * kRows / (cpu_seconds() - begin);
    state.counters["bytes_in_use_before"] = before;
    state.counters["bytes_in_use_after"] = used();
  }
}

/// A statement that reads, or changes, a thousand rows found by an index: rows a CPU-second.
void thousand_rows(benchmark::State& state, const char* sql) {
  constexpr std::int64_t kRows = 100'000;
  constexpr int kCount = 300;
  for (auto _ : state) {
    Simulated database;
    database.execute(kSchema);
    database.execute(kFill, {SqlValue(kRows)});
    std::vector<SqlValue> parameters{SqlValue(std::int64_t{0}), SqlValue(std::int64_t{0})};
    const std::string text = sql;
    const double begin = cpu_seconds();
    for (int i = 0; i < kCount; ++i) {
      const std::int64_t from = 1 + (i * 7'919) % (kRows - 1'000);
      parameters[0] = SqlValue(from);
      parameters[1] = SqlValue(from + 999);
      benchmark::DoNotOptimize(database.execute(text, parameters));
    }
    state.counters["rows_per_s"] = kCount * 1'000 / (cpu_seconds() - begin);
  }
}

const int kRegistered = [] {
  for (const Statement& one : kStatements) {
    for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{1'000}, std::int64_t{1'000'000}}) {
      benchmark::RegisterBenchmark((std::string(one.name) + "/rows:" + std::to_string(rows)).c_str(), statement, one, rows)
          ->Iterations(1)
          ->Unit(benchmark::kMillisecond);
    }
  }
  for (const auto& [name, sql] :
       {std::pair{"thousand_rows/select", "SELECT name, amount FROM items WHERE id BETWEEN $1::bigint AND $2::bigint"},
        std::pair{"thousand_rows/update", "UPDATE items SET amount = amount + 1 WHERE id BETWEEN $1::bigint AND $2::bigint"}}) {
    benchmark::RegisterBenchmark(name, thousand_rows, sql)->Iterations(1)->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("clean_up", clean_up)->Iterations(1)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("memory", memory)->Iterations(1)->Unit(benchmark::kMillisecond);
  return 0;
}();

}  // namespace
