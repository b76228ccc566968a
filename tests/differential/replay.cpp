#include "tests/differential/replay.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <optional>
#include <set>
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
  std::string rows;  // that follow a COPY … FROM STDIN
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
  std::size_t copying = 0;
  std::size_t left_out = 0;  // lines that the splitter has not seen
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (in_copied_data) {
      in_copied_data = line != "\\.";
      if (in_copied_data) statements[copying].rows += line + "\n";
      ++left_out;
      continue;
    }
    // A command of psql, also one behind an unfinished statement (\gset, \g, \crosstabview): that statement is left out.
    if (splitter.is_outside_of_quotes() && line.find('\\') != std::string::npos && line.find('\'') == std::string::npos &&
        line.find("--") == std::string::npos) {
      splitter = {};
      left_out = number;
      continue;
    }
    for (auto& each : splitter.feed(line)) {
      const std::string words = lower(each.text);
      if (words.starts_with("copy ") && words.find("from stdin") != std::string::npos) in_copied_data = true;
      if (in_copied_data) copying = statements.size();
      statements.push_back({each.line + left_out, std::move(each.text), {}});
    }
  }
  for (auto& each : splitter.finish()) statements.push_back({each.line + left_out, std::move(each.text), {}});
  return statements;
}

/// COPY sends rows beside its result: they follow the command tag.
std::string with_copied(const std::string& outcome, const std::string& copied) {
  return copied.empty() || outcome.starts_with("ERROR") ? outcome : outcome + "\n" + copied;
}

std::string run_simulated(SqlClient& client, cli::sql::TypeNumbers& numbers, const Statement& statement) {
  if (client.is_busy() && client.copy().wants_input()) {
    client.copy().put(statement.rows);
    client.copy().end();
  }
  if (client.is_busy()) return "does not end";
  const std::string outcome = outcome_of(client, numbers);
  return with_copied(outcome, client.copy().output());
}

std::string run_real(PGconn& connection, const Statement& statement) {
  Result result(PQexec(&connection, statement.sql.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  std::string copied;
  if (status == PGRES_COPY_IN) {
    PQputCopyData(&connection, statement.rows.data(), static_cast<int>(statement.rows.size()));
    PQputCopyEnd(&connection, nullptr);
  } else if (status == PGRES_COPY_OUT) {
    char* line = nullptr;
    for (int size = 0; (size = PQgetCopyData(&connection, &line, 0)) > 0;) {
      copied.append(line, static_cast<std::size_t>(size));
      PQfreemem(line);
    }
  } else {
    return outcome_of(*result);
  }
  result.reset(PQgetResult(&connection));
  const std::string outcome = outcome_of(*result);
  while (result != nullptr) result.reset(PQgetResult(&connection));
  return with_copied(outcome, copied);
}

/// What a refusal names, without its particulars.
std::string construct_of(const std::string& refusal) {
  static constexpr std::string_view kBegin = "ERROR 0A000: not supported in the simulated database: ";
  const std::string text = refusal.starts_with(kBegin) ? refusal.substr(kBegin.size()) : refusal.substr(13);
  return text.substr(0, text.find('\n'));
}

bool is_order_open(const std::string& sql) { return lower(sql).find("order by") == std::string::npos; }

/// The words of a statement that may name something, in small letters, without what stands in quotes or comments.
std::vector<std::string> words_of(const std::string& sql) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < sql.size();) {
    if (sql.compare(at, 2, "--") == 0) {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql[at] == '\'') {
      at = std::min(sql.find('\'', at + 1), sql.size() - 1) + 1;
    } else if (sql[at] == '"' && sql.find('"', at + 1) != std::string::npos) {
      const std::size_t end = sql.find('"', at + 1);
      words.push_back(sql.substr(at + 1, end - at - 1));
      at = end + 1;
    } else if (std::isalpha(static_cast<unsigned char>(sql[at])) != 0 || sql[at] == '_') {
      std::size_t end = at;
      while (end < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[end])) != 0 || sql[end] == '_' || sql[end] == '$')) ++end;
      words.push_back(lower(sql.substr(at, end - at)));
      at = end;
    } else {
      ++at;
    }
  }
  return words;
}

/// What the statements that were not run on both, or did not end alike, have to do with: its state may be another one
/// on each side from then on.
class Doubts {
 public:
  /// Remembers what a statement that may change something names: the objects behind the words that lead to them.
  void add(const std::string& sql) {
    const std::vector<std::string> words = words_of(sql);
    if (words.empty()) return;
    if (words[0] == "select" || words[0] == "explain" || words[0] == "table" || words[0] == "values" || words[0] == "show" || words[0] == "fetch") {
      // A query changes nothing unless it calls for it.
      if (words[0] != "select" || std::find(words.begin(), words.end(), "into") == words.end()) return;
    }
    static const std::set<std::string> kLeads{"table", "into", "update", "view", "index", "type", "schema", "sequence", "only", "exists", "prepare", "truncate",
                                              "from", "declare", "transaction", "column", "constraint", "domain", "function", "prepared", "of", "to", "on", "execute", "in", "set", "reset"};
    static const std::set<std::string> kNoNames{"if", "not", "exists", "only", "concurrently", "table", "schema", "as", "delete", "update", "insert", "stdin", "public", "null", "default", "select", "cascade",
                                                "conflict", "commit", "drop", "to", "in", "on", "type", "local", "session", "order", "where", "all", "each", "row", "access", "share", "group", "values"};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      if (!kLeads.contains(words[i])) continue;
      for (std::size_t k = i + 1; k < std::min(i + 3, words.size()); ++k) {  // "schema.table" has two
        if (kNoNames.contains(words[k]) || kLeads.contains(words[k])) continue;
        names_.insert(words[k]);
        if (words[k - 1] != words[i]) break;
      }
    }
  }
  /// True if the statement names one of them.
  [[nodiscard]] bool concern(const std::string& sql) const {
    const std::vector<std::string> words = words_of(sql);
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return names_.contains(word); });
  }

 private:
  std::set<std::string> names_;
};

/// The numbers of types that a script made are each server's own; a row's type is one of them on the real server.
std::string without_own_types(const std::string& outcome) {
  const std::size_t begin = outcome.find('\n');
  if (begin == std::string::npos || outcome.starts_with("ERROR")) return outcome;
  const std::size_t end = std::min(outcome.find('\n', begin + 1), outcome.size());
  std::string header;
  for (std::size_t at = begin; at < end;) {
    std::size_t next = at + 1;
    if (outcome[at] == ':') {
      while (next < end && std::isdigit(static_cast<unsigned char>(outcome[next])) != 0) ++next;
      const std::string number = outcome.substr(at + 1, next - at - 1);
      const bool is_own = number == "2249" || (number.size() >= 5 && number.size() < 10 && std::stoul(number) >= 16384);
      header += is_own ? std::string(":own") : ":" + number;
    } else {
      header += outcome[at];
    }
    at = next;
  }
  return outcome.substr(0, begin) + header + outcome.substr(end);
}

/// Rows without columns are empty lines, which libpq does not give.
std::string without_empty_rows(std::string outcome) {
  while (outcome.ends_with('\n')) outcome.pop_back();
  return outcome;
}

/// The real server's database has a name of its own for a script, the simulated one the usual name.
std::string with_usual_database(std::string outcome) {
  constexpr std::string_view kOwn = "'replay'";
  for (std::size_t at = outcome.find(kOwn); at != std::string::npos; at = outcome.find(kOwn, at)) outcome.replace(at, kOwn.size(), "'postgres'");
  return outcome;
}

bool is_alike(const std::string& sql, const std::string& simulated, const std::string& real) {
  const std::string left = without_empty_rows(without_own_types(simulated));
  const std::string right = without_empty_rows(without_own_types(with_usual_database(real)));
  return left == right || (is_order_open(sql) && in_any_order(left) == in_any_order(right));
}

}  // namespace

Replay replay(std::string_view script, const real::PrivatePostgres& server) {
  Replay result;
  SqlEnvironment environment{1};
  sim::database::Engine engine{"postgres", environment, {.shuffles_open_order = false, .lies_like_small_tables = true}};
  cli::sql::TypeNumbers numbers;
  auto client = std::make_unique<SqlClient>(engine, environment.time, "client");
  client->allow_copy();
  {
    const Connection first = connect_to(server.connection("template1"));
    static_cast<void>(run_on(*first, "DROP DATABASE IF EXISTS replay WITH (FORCE)"));
    static_cast<void>(run_on(*first, "CREATE DATABASE replay TEMPLATE template0"));
    static_cast<void>(run_on(*first, "CREATE ROLE postgres SUPERUSER LOGIN"));  // who everybody is on the simulated server
  }
  const Connection real = connect_to(server.connection("replay") + " user=postgres options='-c timezone=UTC -c client_min_messages=error'");
  Doubts doubts;
  const auto both = [&](const char* sql) {
    client->start(sql);
    static_cast<void>(outcome_of(*client, numbers));
    static_cast<void>(run_on(*real, sql));
  };
  for (const Statement& statement : statements_of(script)) {
    client->start(statement.sql);
    if (client->is_busy() && !client->copy().wants_input()) environment.time.advance(std::chrono::minutes(1));
    const bool was_open = PQtransactionStatus(real.get()) == PQTRANS_INTRANS;
    const std::string simulated = run_simulated(*client, numbers, statement);
    if (client->is_busy()) {
      ++result.hangs;
      result.differences.push_back({statement.line, statement.sql, "does not end", ""});
      client = std::make_unique<SqlClient>(engine, environment.time, "client");
      client->allow_copy();
      continue;
    }
    if (is_refusal(simulated)) {
      ++result.refused;
      ++result.refusals[construct_of(simulated)];
      doubts.add(statement.sql);
      // PREPARE TRANSACTION ends a transaction where there is two-phase commit; others only fail it.
      if (was_open && simulated.find("two-phase commit") != std::string::npos) {
        both("ROLLBACK");
      } else if (was_open) {
        static_cast<void>(run_on(*real, "SELECT 1/0"));
      }
      continue;
    }
    const std::string wanted = run_real(*real, statement);
    if (is_alike(statement.sql, simulated, wanted)) {
      ++result.same;
      if (wanted.starts_with("ERROR")) ++result.errors;
      continue;
    }
    // Both go on from the same kind of transaction.
    const PGTransactionStatusType status = PQtransactionStatus(real.get());
    if (simulated.starts_with("ERROR") && status == PQTRANS_INTRANS) static_cast<void>(run_on(*real, "SELECT 1/0"));
    if (simulated.starts_with("ERROR 25P02") && status == PQTRANS_IDLE) both("ROLLBACK");
    if (wanted.starts_with("ERROR") && status == PQTRANS_INERROR && !simulated.starts_with("ERROR")) {
      client->start("SELECT 1/0");
      static_cast<void>(outcome_of(*client, numbers));
    }
    const bool follows = doubts.concern(statement.sql);
    doubts.add(statement.sql);
    if (follows) {
      ++result.follow;
      result.following.push_back({statement.line, statement.sql, simulated, wanted});
    } else {
      result.differences.push_back({statement.line, statement.sql, simulated, wanted});
    }
  }
  return result;
}

}  // namespace orrery::testing
