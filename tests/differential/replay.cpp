#include "tests/differential/replay.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <sstream>

#include "cli/sql/splitter.hpp"
#include "tests/differential/outcome.hpp"

namespace orrery::testing {
namespace {

using cli::sql::SqlClient;
using cli::sql::SqlEnvironment;

struct Statement {
  std::size_t line = 0;
  std::string sql;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<Statement> statements_of(std::string_view script) {
  std::vector<Statement> statements;
  cli::sql::StatementSplitter splitter;
  std::istringstream in{std::string(script)};
  bool in_copied_data = false;
  for (std::string line; std::getline(in, line);) {
    if (in_copied_data) {
      in_copied_data = line != "\\.";
      continue;
    }
    // A command of psql, also one behind an unfinished statement (\gset, \g, \crosstabview): that statement is left out.
    if (splitter.is_outside_of_quotes() && line.find('\\') != std::string::npos && line.find('\'') == std::string::npos &&
        line.find("--") == std::string::npos) {
      splitter = {};
      continue;
    }
    for (auto& each : splitter.feed(line)) {
      const std::string words = lower(each.text);
      if (words.starts_with("copy ") && words.find("from stdin") != std::string::npos) in_copied_data = true;
      statements.push_back({each.line, std::move(each.text)});
    }
  }
  for (auto& each : splitter.finish()) statements.push_back({each.line, std::move(each.text)});
  return statements;
}

/// What a refusal names, without its particulars.
std::string construct_of(const std::string& refusal) {
  static constexpr std::string_view kBegin = "ERROR 0A000: not supported in the simulated database: ";
  const std::string text = refusal.starts_with(kBegin) ? refusal.substr(kBegin.size()) : refusal.substr(13);
  return text.substr(0, text.find('\n'));
}

bool is_order_open(const std::string& sql) { return lower(sql).find("order by") == std::string::npos; }

}  // namespace

Replay replay(std::string_view script, const real::PrivatePostgres& server) {
  Replay result;
  SqlEnvironment environment{1};
  sim::database::Engine engine{"postgres", environment, {.shuffles_open_order = false}};
  cli::sql::TypeNumbers numbers;
  auto client = std::make_unique<SqlClient>(engine, environment.time, "client");
  const Connection real = connect_to(server.connection("postgres") + " options='-c timezone=UTC -c client_min_messages=error'");
  static_cast<void>(run_on(*real, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public"));
  for (const Statement& statement : statements_of(script)) {
    client->start(statement.sql);
    if (client->is_busy()) environment.time.advance(std::chrono::minutes(1));
    if (client->is_busy()) {
      ++result.hangs;
      result.differences.push_back({statement.line, statement.sql, "does not end", ""});
      client = std::make_unique<SqlClient>(engine, environment.time, "client");
      continue;
    }
    const bool was_open = PQtransactionStatus(real.get()) == PQTRANS_INTRANS;
    const std::string simulated = outcome_of(*client, numbers);
    if (is_refusal(simulated)) {
      ++result.refused;
      ++result.refusals[construct_of(simulated)];
      if (was_open) static_cast<void>(run_on(*real, "SELECT 1/0"));  // this one's transaction has failed, too
      continue;
    }
    const std::string wanted = run_on(*real, statement.sql);
    if (simulated == wanted || (is_order_open(statement.sql) && in_any_order(simulated) == in_any_order(wanted))) {
      ++result.same;
      if (wanted.starts_with("ERROR")) ++result.errors;
      continue;
    }
    const bool names_nothing = simulated.starts_with("ERROR 42883") || simulated.starts_with("ERROR 42704");
    if (names_nothing) {
      ++result.unknown;
      if (was_open) static_cast<void>(run_on(*real, "SELECT 1/0"));
      continue;
    }
    result.differences.push_back({statement.line, statement.sql, simulated, wanted});
  }
  return result;
}

}  // namespace orrery::testing
