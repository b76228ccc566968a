#include "tests/differential/outcome.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace orrery::testing {
namespace {

std::string join(std::string text, const std::string& part) { return text.empty() ? part : std::move(text) + "|" + part; }

std::string error_text(const std::string& sqlstate, const std::string& message, const std::string& detail) {
  return "ERROR " + sqlstate + ": " + message + (detail.empty() ? "" : "\nDETAIL: " + detail);
}

}  // namespace

std::string outcome_of(const PGresult& result) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(&result, code);
    return std::string(text == nullptr ? "" : text);
  };
  const ExecStatusType status = PQresultStatus(&result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    return error_text(field(PG_DIAG_SQLSTATE), field(PG_DIAG_MESSAGE_PRIMARY), field(PG_DIAG_MESSAGE_DETAIL));
  }
  std::string text = PQcmdStatus(const_cast<PGresult*>(&result));  // NOLINT: libpq's signature
  if (status != PGRES_TUPLES_OK) return text;
  std::string header;
  for (int k = 0; k < PQnfields(&result); ++k) {
    header = join(std::move(header), std::string(PQfname(&result, k)) + ":" + std::to_string(PQftype(&result, k)));
  }
  text += "\n" + header;
  for (int i = 0; i < PQntuples(&result); ++i) {
    std::string row;
    for (int k = 0; k < PQnfields(&result); ++k) {
      row = join(std::move(row), PQgetisnull(&result, i, k) != 0 ? "NULL" : "'" + std::string(PQgetvalue(&result, i, k)) + "'");
    }
    text += "\n" + row;
  }
  return text;
}

std::string outcome_of(cli::sql::SqlClient& client, cli::sql::TypeNumbers& numbers) {
  if (const auto error = client.finish()) return error_text(error->sqlstate, error->message, error->detail);
  if (client.results.empty()) return "";
  const auto& result = client.results.back();
  std::string text = result.command_tag;
  if (result.types == nullptr) return text;
  std::string header;
  for (std::size_t k = 0; k < result.types->size(); ++k) {
    header = join(std::move(header), result.rows.shape()->columns[k] + ":" + std::to_string(numbers.number_of((*result.types)[k])));
  }
  text += "\n" + header;
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    std::string row;
    for (std::size_t k = 0; k < result.types->size(); ++k) {
      const SqlValue& cell = result.rows[i][k];
      row = join(std::move(row), cell.is_null() ? "NULL" : "'" + cell.text() + "'");
    }
    text += "\n" + row;
  }
  return text;
}

bool is_refusal(const std::string& outcome) {
  if (!outcome.starts_with("ERROR 0A000: ")) return false;
  return outcome.starts_with("ERROR 0A000: not supported in the simulated database: ") ||
         outcome.find(" is not supported by the simulated database") != std::string::npos;
}

std::string in_any_order(const std::string& outcome) {
  std::vector<std::string> lines;
  std::istringstream in(outcome);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

Connection connect_to(const std::string& connection) {
  Connection made(PQconnectdb(connection.c_str()), PQfinish);
  if (PQstatus(made.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(made.get()));
  PQsetNoticeProcessor(made.get(), [](void*, const char*) {}, nullptr);
  return made;
}

std::string run_on(PGconn& connection, const std::string& sql) {
  const Result result(PQexec(&connection, sql.c_str()), PQclear);
  return outcome_of(*result);
}

}  // namespace orrery::testing
