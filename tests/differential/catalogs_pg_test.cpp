#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "real-mode/private_postgres.hpp"
#include "tests/cli/wire_server.hpp"

// psql 15, unchanged, asks the simulated and a real server about the same schema: what its \d commands print, and rows of the
// catalogs, OIDs read as names. tests/data/catalogs holds the schema, the commands and the queries.

namespace orrery::testing {
namespace {

std::string in_shell_quotes(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// What psql prints, errors included.
std::string psql(const std::string& connection, const std::vector<std::string>& arguments) {
  std::string command = "PGCLIENTENCODING=UTF8 timeout 60 psql --no-psqlrc -P pager=off -d " + in_shell_quotes(connection);
  for (const std::string& argument : arguments) command += " " + in_shell_quotes(argument);
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string said;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe)) said.append(part.data(), size);
  ::pclose(pipe);
  return said;
}

std::string data(const std::string& name) { return std::string(std::getenv("ORRERY_SOURCE")) + "/tests/data/catalogs/" + name; }

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(data(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

class Catalogs : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(std::getenv("ORRERY"), nullptr) << "ctest says where the program is";
    if (psql("", {"--version"}).find("psql (PostgreSQL) 15") == std::string::npos) GTEST_SKIP() << "psql 15 is not installed";
    real_.create_database("catalogs");
    simulated_ = server_.connection();
    actual_ = real_.connection("catalogs");
    // The simulated server has one user, of this name.
    EXPECT_EQ(psql(actual_, {"-qc", "CREATE ROLE postgres SUPERUSER LOGIN"}), "");
    actual_ += " user=postgres";
    for (const char* script : {"schema.sql", "expressions.sql"}) {
      EXPECT_EQ(psql(simulated_, {"-qf", data(script)}), "");
      EXPECT_EQ(psql(actual_, {"-qf", data(script)}), "");
    }
  }

  WireServer server_;
  real::PrivatePostgres real_;
  std::string simulated_;
  std::string actual_;
};

TEST_F(Catalogs, PsqlsCommandsPrintWhatTheyPrintOnARealServer) {
  for (const std::string& command : lines_of("commands.txt")) {
    EXPECT_EQ(psql(simulated_, {"-c", command}), psql(actual_, {"-c", command})) << command;
  }
}

TEST_F(Catalogs, RowsAreThoseOfARealServer) {
  for (const std::string& query : lines_of("queries.sql")) {
    EXPECT_EQ(psql(simulated_, {"-Ac", query}), psql(actual_, {"-Ac", query})) << query;
  }
}

TEST_F(Catalogs, FollowWhatIsAlteredAndDropped) {
  const std::vector<std::string> changes = {"-q", "-c", "ALTER TABLE child RENAME TO kid", "-c", "ALTER TABLE kid ADD COLUMN z int DEFAULT 7 CHECK (z > 1)",
                                            "-c", "DROP VIEW app.totals", "-c", "ALTER TABLE app.orders DROP CONSTRAINT noted", "-c", "DROP INDEX customers_lower",
                                            "-c", "ALTER TYPE mood ADD VALUE 'glad' BEFORE 'happy'", "-c", "BEGIN; CREATE TABLE gone (a int PRIMARY KEY); ROLLBACK"};
  EXPECT_EQ(psql(simulated_, changes), psql(actual_, changes));
  for (const char* command : {"\\d", "\\d kid", "\\d customers", "\\d app.orders", "\\dT+", "\\di", "\\dv *.totals"}) {
    EXPECT_EQ(psql(simulated_, {"-c", command}), psql(actual_, {"-c", command})) << command;
  }
}

}  // namespace
}  // namespace orrery::testing
