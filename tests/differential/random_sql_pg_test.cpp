#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "real-mode/private_postgres.hpp"
#include "sim/database/engine.hpp"
#include "tests/differential/outcome.hpp"
#include "tests/differential/random_sql.hpp"

// The same random statements on the simulated and on a real PostgreSQL: rows, types, command tags, SQLSTATEs and messages must
// be the same. What the simulated one refuses (0A000, by its own words) is not run on the real one.

namespace orrery::testing {
namespace {

using cli::sql::SqlClient;
using cli::sql::SqlEnvironment;

/// Rows as they lie, until another order is asked for.
class OrderedEnvironment final : public sim::database::Environment {
 public:
  [[nodiscard]] Executor& executor() noexcept override { return time; }
  [[nodiscard]] SystemTime system_time() const noexcept override {
    return SqlEnvironment::kBegin + std::chrono::duration_cast<SystemTime::duration>(time.now().time_since_epoch());
  }
  [[nodiscard]] std::uint64_t draw(std::uint32_t /*site*/, std::uint64_t /*entity*/, std::uint64_t /*ordinal*/) noexcept override { return order; }

  cli::sql::VirtualTime time;
  std::uint64_t order = 0;
};

class Simulated {
 public:
  /// Nothing: refused.
  std::optional<std::string> run(const std::string& sql, std::uint64_t order = 0) {
    environment_.order = order;
    client_.start(sql);
    if (client_.is_busy()) return "waits";
    std::string outcome = outcome_of(client_, numbers_);
    if (is_refusal(outcome)) return std::nullopt;
    return outcome;
  }

 private:
  OrderedEnvironment environment_;
  sim::database::Engine engine_{"postgres", environment_, {.chooses_plans = false, .lies_like_small_tables = true}};
  SqlClient client_{engine_, environment_.time, "client"};
  cli::sql::TypeNumbers numbers_;
};

class Real {
 public:
  explicit Real(const real::PrivatePostgres& server) : connection_(connect_to(server.connection("postgres") + " options='-c timezone=UTC'")) {}
  void clear() {
    if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) static_cast<void>(run("ROLLBACK"));
    static_cast<void>(run("DROP SCHEMA IF EXISTS public CASCADE"));
    static_cast<void>(run("CREATE SCHEMA public"));
  }
  std::string run(const std::string& sql) { return run_on(*connection_, sql); }

 private:
  Connection connection_;
};

struct Difference {
  std::size_t statement = 0;
  std::string simulated;
  std::string real;
};

struct Counts {
  std::uint64_t statements = 0;
  std::uint64_t refused = 0;
  std::uint64_t errors = 0;
  std::uint64_t of_order = 0;  // alike only for another order of the rows
};

/// RETURNING gives rows as they lie, which depends on where a real server found room for new versions.
bool are_same(const std::string& simulated, const std::string& real_outcome) {
  if (simulated == real_outcome) return true;
  const bool is_change = simulated.starts_with("UPDATE") || simulated.starts_with("DELETE");
  return is_change && in_any_order(simulated) == in_any_order(real_outcome);
}

struct Told {
  std::string sql;
  std::uint64_t order = 0;  // of the rows that it reads; 0: as they lie
};

/// Where rows lie on a real server depends on what it has cleaned up of a page by then, and SQL promises nothing. So the last
/// statement may also do what it does for another order of the rows: nothing if no order gives what the real server gave.
std::optional<std::uint64_t> order_that_gives(std::vector<Told> statements, const std::string& wanted) {
  constexpr std::uint64_t kOrders = 300;
  for (std::uint64_t order = 1; order <= kOrders; ++order) {
    Simulated simulated;
    for (std::size_t i = 0; i + 1 < statements.size(); ++i) static_cast<void>(simulated.run(statements[i].sql, statements[i].order));
    const auto got = simulated.run(statements.back().sql, order);
    if (got && are_same(*got, wanted)) return order;
  }
  return std::nullopt;
}

std::optional<Difference> compare(const std::vector<std::string>& statements, Real& real, Counts* counts) {
  auto simulated = std::make_unique<Simulated>();
  real.clear();
  std::vector<Told> told;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto got = simulated->run(statements[i]);
    if (counts != nullptr) ++counts->statements;
    if (!got) {
      if (counts != nullptr) ++counts->refused;
      continue;
    }
    told.push_back({statements[i]});
    const std::string wanted = real.run(statements[i]);
    if (counts != nullptr && wanted.starts_with("ERROR")) ++counts->errors;
    if (are_same(*got, wanted)) continue;
    const auto order = order_that_gives(told, wanted);
    if (!order) return Difference{i, *got, wanted};
    if (counts != nullptr) ++counts->of_order;
    // Both go on from there.
    told.back().order = *order;
    simulated = std::make_unique<Simulated>();
    for (const Told& each : told) static_cast<void>(simulated->run(each.sql, each.order));
  }
  return std::nullopt;
}

/// Takes statements away as long as the last one still differs.
std::vector<std::string> minimise(std::vector<std::string> statements, Real& real) {
  for (std::size_t i = statements.size() - 1; i-- > 0;) {
    std::vector<std::string> fewer = statements;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    const auto difference = compare(fewer, real, nullptr);
    if (difference && difference->statement + 1 == fewer.size()) statements = std::move(fewer);
  }
  return statements;
}

TEST(RandomSingleSessionSql, GivesTheSameOnASimulatedAndARealServer) {
  const real::PrivatePostgres server;
  Real real(server);
  const char* first = std::getenv("ORRERY_SEED");
  Counts counts;
  std::uint64_t seed = first == nullptr ? 1 : std::strtoull(first, nullptr, 10);
  const std::uint64_t end = seed + (std::getenv("ORRERY_LONG") == nullptr ? 400 : 12'000);
  std::size_t differences = 0;
  for (; seed < end && differences < 6; ++seed) {
    RandomSql random(seed);
    std::vector<std::string> statements = random.schema();
    for (int i = 0; i < 60; ++i) statements.push_back(random.statement());
    // After a difference the rest of the statements is tried without the one that differs.
    while (const auto difference = compare(statements, real, &counts)) {
      std::vector<std::string> until(statements.begin(), statements.begin() + static_cast<std::ptrdiff_t>(difference->statement) + 1);
      std::string told;
      for (const std::string& each : minimise(until, real)) told += each + ";\n";
      ADD_FAILURE() << "seed " << seed << "\n" << told << "--- simulated\n" << difference->simulated << "\n--- real\n" << difference->real;
      if (++differences >= 6) break;
      statements.erase(statements.begin() + static_cast<std::ptrdiff_t>(difference->statement));
    }
  }
  RecordProperty("statements", static_cast<int>(counts.statements));
  std::printf("%llu statements of the seeds before %llu: %llu refused, %llu errors alike, %llu alike in another order of the rows\n", static_cast<unsigned long long>(counts.statements),
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(counts.refused), static_cast<unsigned long long>(counts.errors), static_cast<unsigned long long>(counts.of_order));
  EXPECT_GT(counts.statements, 20'000U);
  EXPECT_LT(500 * counts.of_order, counts.statements) << "rows mostly lie as on a real server";
}

}  // namespace
}  // namespace orrery::testing
