#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "cli/sql/isolation.hpp"

// PostgreSQL's own isolation tests: the output must equal the expected file byte for byte (or that of one variant). Those
// that need SERIALIZABLE or NOTIFY are not listed yet.

namespace orrery::sim::database::testing {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class PostgresIsolation : public ::testing::TestWithParam<const char*> {};

TEST_P(PostgresIsolation, GivesTheExpectedOutput) {
  const char* source = std::getenv("ORRERY_SOURCE");
  if (source == nullptr) GTEST_SKIP() << "ORRERY_SOURCE is not set";
  const std::string folder = std::string(source) + "/tests/data/postgres-isolation/";
  const std::string name = GetParam();
  const std::string spec = read(folder + "specs/" + name + ".spec");
  ASSERT_FALSE(spec.empty()) << folder;
  const std::string output = cli::sql::run_isolation_spec(spec);
  if (output == read(folder + "expected/" + name + "_1.out")) return;
  EXPECT_EQ(output, read(folder + "expected/" + name + ".out"));
}

INSTANTIATE_TEST_SUITE_P(ReadCommittedAndRepeatableRead, PostgresIsolation,
                         ::testing::Values("lock-update-delete", "skip-locked-4",
                                           "aborted-keyrevoke", "deadlock-hard", "deadlock-simple", "deadlock-soft",
                                           "delete-abort-savept", "fk-contention", "fk-deadlock",
                                           "insert-conflict-do-nothing", "insert-conflict-do-update-3",
                                           "insert-conflict-do-update", "multixact-no-deadlock", "nowait-2",
                                           "nowait-3", "nowait", "read-only-anomaly", "skip-locked-2", "skip-locked",
                                           "timeouts", "tuplelock-upgrade-no-deadlock", "update-locked-tuple"));

}  // namespace
}  // namespace orrery::sim::database::testing
