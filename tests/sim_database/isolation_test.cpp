#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "cli/sql/isolation.hpp"

// PostgreSQL's own isolation tests: the output must equal the expected file byte for byte (or that of one variant).

namespace orrery::sim::database::testing {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void compare_output(const char* specs, const std::string& name) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ctest sets ORRERY_SOURCE to the source tree";
  const std::string folder = std::string(source) + "/tests/data/" + specs + "/";
  const std::string spec = read(folder + "specs/" + name + ".spec");
  ASSERT_FALSE(spec.empty()) << folder;
  const std::string output = cli::sql::run_isolation_spec(spec);
  if (output == read(folder + "expected/" + name + "_1.out")) return;
  EXPECT_EQ(output, read(folder + "expected/" + name + ".out"));
}

class PostgresIsolation : public ::testing::TestWithParam<const char*> {};

TEST_P(PostgresIsolation, GivesTheExpectedOutput) { compare_output("postgres-isolation", GetParam()); }

/// Specs of our own, whose expected output the real isolationtester printed on PostgreSQL 15.
class OwnIsolation : public ::testing::TestWithParam<const char*> {};

TEST_P(OwnIsolation, GivesWhatARealServerGives) { compare_output("own-isolation", GetParam()); }

INSTANTIATE_TEST_SUITE_P(SpecsOfOurs, OwnIsolation,
                         ::testing::Values("merge", "merge-twice", "on-conflict-serializable", "released-savepoints", "serializable-row-by-row", "uncommitted-ddl", "uncommitted-names", "uncommitted-objects", "with-writes"));

INSTANTIATE_TEST_SUITE_P(SpecsOfPlainSql, PostgresIsolation,
                         ::testing::Values("aborted-keyrevoke", "alter-table-1", "alter-table-2", "async-notify",
                                           "classroom-scheduling", "deadlock-hard", "deadlock-simple", "deadlock-soft",
                                           "deadlock-soft-2", "delete-abort-savept", "delete-abort-savept-2", "fk-contention",
                                           "fk-deadlock", "fk-deadlock2", "freeze-the-dead", "index-only-scan",
                                           "insert-conflict-do-nothing", "insert-conflict-do-nothing-2",
                                           "insert-conflict-do-update", "insert-conflict-do-update-2",
                                           "insert-conflict-do-update-3", "lock-committed-keyupdate", "lock-committed-update",
                                           "lock-update-delete", "lock-update-traversal", "merge-insert-update",
                                           "multiple-row-versions",
                                           "multixact-no-deadlock", "multixact-no-forget", "nowait", "nowait-2", "nowait-3",
                                           "nowait-4", "nowait-5", "partial-index", "predicate-lock-hot-tuple",
                                           "project-manager", "propagate-lock-delete", "read-only-anomaly",
                                           "read-only-anomaly-2", "read-only-anomaly-3", "read-write-unique",
                                           "read-write-unique-2", "read-write-unique-4", "receipt-report",
                                           "referential-integrity", "serializable-parallel", "serializable-parallel-2",
                                           "serializable-parallel-3", "simple-write-skew", "skip-locked", "skip-locked-2",
                                           "skip-locked-3", "skip-locked-4", "temporal-range-integrity", "timeouts",
                                           "total-cash", "tuplelock-conflict", "tuplelock-update",
                                           "tuplelock-upgrade-no-deadlock", "two-ids", "update-conflict-out",
                                           "update-locked-tuple"));

}  // namespace
}  // namespace orrery::sim::database::testing
