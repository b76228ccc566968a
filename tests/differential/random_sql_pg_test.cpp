#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
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

class Simulated {
 public:
  /// Nothing: refused.
  std::optional<std::string> run(const std::string& sql) {
    client_.start(sql);
    if (client_.is_busy()) return "waits";
    std::string outcome = outcome_of(client_, numbers_);
    if (is_refusal(outcome)) return std::nullopt;
    return outcome;
  }

 private:
  SqlEnvironment environment_{1};
  sim::database::Engine engine_{"postgres", environment_, {.shuffles_open_order = false}};
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
  std::uint64_t known = 0;  // differences that is_known() explains
};

/// RETURNING gives rows as they lie, which depends on where a real server found room for new versions.
bool are_same(const std::string& simulated, const std::string& real_outcome) {
  if (simulated == real_outcome) return true;
  const bool is_change = simulated.starts_with("UPDATE") || simulated.starts_with("DELETE");
  return is_change && in_any_order(simulated) == in_any_order(real_outcome);
}

/// Differences that are known, each with its reason. What follows them is not compared, since one of the two has failed.
bool is_known(const std::string& sql, const std::string& simulated, const std::string& real_outcome) {
  const auto fails_on_data = [](const std::string& outcome) {
    return outcome.starts_with("ERROR 22") || outcome.starts_with("ERROR 0A000: cannot convert");
  };
  const auto collides = [](const std::string& outcome) { return outcome.starts_with("ERROR 23505"); };
  // Which of several rows fails first depends on how they lie.
  const bool reads_rows = sql.find(" FROM a") != std::string::npos || sql.starts_with("UPDATE");
  const auto fails_on_a_row = [&](const std::string& outcome) { return fails_on_data(outcome) || outcome.starts_with("ERROR 23"); };
  if (reads_rows && fails_on_a_row(real_outcome) && fails_on_a_row(simulated) && !(collides(real_outcome) && collides(simulated))) return true;
  const auto without_detail = [](const std::string& outcome) { return outcome.substr(0, outcome.find("\nDETAIL")); };
  if (reads_rows && simulated.starts_with("ERROR 23") && without_detail(simulated) == without_detail(real_outcome)) return true;
  // Whether moving all keys on collides in between depends on the order of the rows, too.
  if (sql.starts_with("UPDATE a SET id") && collides(simulated) != collides(real_outcome)) return true;
  // Of two mistakes in one INSERT or UPDATE, PostgreSQL sees those inside of the values before those of their types.
  if (simulated.starts_with("ERROR 42804: column") && real_outcome.starts_with("ERROR")) return true;
  // PostgreSQL has more functions and operators (of ranges, of geometry, trunc of float8) that a bare NULL could mean.
  return real_outcome.starts_with("ERROR 42725");
}

std::optional<Difference> compare(const std::vector<std::string>& statements, Real& real, Counts* counts) {
  Simulated simulated;
  real.clear();
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto got = simulated.run(statements[i]);
    if (counts != nullptr) ++counts->statements;
    if (!got) {
      if (counts != nullptr) ++counts->refused;
      continue;
    }
    const std::string wanted = real.run(statements[i]);
    if (counts != nullptr && wanted.starts_with("ERROR")) ++counts->errors;
    if (are_same(*got, wanted)) continue;
    if (is_known(statements[i], *got, wanted)) {
      if (counts != nullptr) ++counts->known;
      return std::nullopt;
    }
    return Difference{i, *got, wanted};
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
  std::printf("%llu statements of the seeds before %llu: %llu refused, %llu errors alike, %llu known differences\n", static_cast<unsigned long long>(counts.statements),
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(counts.refused), static_cast<unsigned long long>(counts.errors), static_cast<unsigned long long>(counts.known));
  EXPECT_GT(counts.statements, 20'000U);
  EXPECT_LT(100 * counts.known, counts.statements) << "what is explained away stays the exception";
}

}  // namespace
}  // namespace orrery::testing
