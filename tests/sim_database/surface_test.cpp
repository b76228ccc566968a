#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim_database/support.hpp"

// The SQL that well-written services of systems 000 to 002 run, schema first: all of it runs on a real PostgreSQL 15, and
// must run here.

namespace orrery::sim::database::testing {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The statements of a psql script: cut at each `;` outside of literals and comments; lines with psql's own commands left
/// out.
std::vector<std::string> statements_of(const std::string& script) {
  std::vector<std::string> statements;
  std::string current;
  bool is_blank = true;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const char c = script[i];
    if ((c == '\\' && is_blank) || (c == '-' && script.compare(i, 2, "--") == 0)) {
      while (i + 1 < script.size() && script[i + 1] != '\n') ++i;
      continue;
    }
    if (c == ';') {
      if (!is_blank) statements.push_back(current);
      current.clear();
      is_blank = true;
      continue;
    }
    current += c;
    is_blank = is_blank && (c == ' ' || c == '\n');
    if (c != '\'') continue;
    do {
      current += script[++i];
    } while (script[i] != '\'' && i + 1 < script.size());
  }
  if (!is_blank) statements.push_back(current);
  return statements;
}

TEST(Surface, OfWellWrittenServicesRunsWholly) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ctest sets ORRERY_SOURCE to the source tree";
  const std::string folder = std::string(source) + "/tests/data/postgres-surface/";
  Database db;
  Client client = db.connect("a");
  std::size_t count = 0;
  for (const char* file : {"schema.sql", "statements.sql"}) {
    for (const std::string& statement : statements_of(read(folder + file))) {
      const std::string outcome = client.run(statement);
      EXPECT_FALSE(outcome.starts_with("ERROR")) << file << ": " << statement << "\n" << outcome;
      ++count;
    }
  }
  EXPECT_GT(count, 100U);
}

}  // namespace
}  // namespace orrery::sim::database::testing
