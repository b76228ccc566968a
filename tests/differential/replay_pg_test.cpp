#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tests/differential/replay.hpp"

// PostgreSQL's own regression scripts, statement by statement: a statement gives what it gives on a real server, or it is
// refused with the construct named. Nothing hangs, nothing crashes.

namespace orrery::testing {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> scripts_in(const fs::path& folder) {
  std::vector<fs::path> scripts;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".sql") scripts.push_back(entry.path());
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string shortened(const std::string& text) { return text.size() < 600 ? text : text.substr(0, 600) + " …"; }

/// One line for each script, and what was refused how often; differences in full where `tells`.
Replay replay_all(const std::vector<fs::path>& scripts, bool tells) {
  const real::PrivatePostgres server;
  Replay total;
  for (const fs::path& script : scripts) {
    const Replay one = replay(read(script), server);
    std::printf("%-28s %5llu same (%llu errors), %4llu refused, %4llu follow, %3zu differ\n", script.stem().c_str(), static_cast<unsigned long long>(one.same),
                static_cast<unsigned long long>(one.errors), static_cast<unsigned long long>(one.refused), static_cast<unsigned long long>(one.follow), one.differences.size());
    for (const Replay::Difference& each : one.differences) {
      if (tells) {
        std::printf("--- %s:%zu\n%s\n--- simulated\n%s\n--- real\n%s\n", script.filename().c_str(), each.line, each.sql.c_str(),
                    shortened(each.simulated).c_str(), shortened(each.real).c_str());
      }
    }
    if (std::getenv("ORRERY_REGRESS_FOLLOWS") != nullptr) {
      for (const Replay::Difference& each : one.following) {
        std::printf("--- follows %s:%zu\n%s\n--- simulated\n%s\n--- real\n%s\n", script.filename().c_str(), each.line, each.sql.c_str(),
                    shortened(each.simulated).c_str(), shortened(each.real).c_str());
      }
    }
    total.same += one.same;
    total.errors += one.errors;
    total.refused += one.refused;
    total.follow += one.follow;
    total.hangs += one.hangs;
    for (const auto& [construct, times] : one.refusals) total.refusals[construct] += times;
    total.differences.insert(total.differences.end(), one.differences.begin(), one.differences.end());
  }
  std::printf("%-28s %5llu same (%llu errors), %4llu refused, %4llu follow, %3zu differ\n", "all", static_cast<unsigned long long>(total.same),
              static_cast<unsigned long long>(total.errors), static_cast<unsigned long long>(total.refused), static_cast<unsigned long long>(total.follow), total.differences.size());
  return total;
}

TEST(RegressionScripts, RunAsOnARealServerOrAreRefused) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ctest sets ORRERY_SOURCE to the source tree";
  const Replay total = replay_all(scripts_in(fs::path(source) / "tests/data/postgres-regress/sql"), true);
  EXPECT_TRUE(total.differences.empty());
  EXPECT_EQ(total.hangs, 0U);
  EXPECT_EQ(total.follow, 0U);
  EXPECT_GT(total.same, 200U);
}

TEST(OwnScripts, RunAsOnARealServer) {
  const char* source = std::getenv("ORRERY_SOURCE");
  ASSERT_NE(source, nullptr) << "ctest sets ORRERY_SOURCE to the source tree";
  const Replay total = replay_all(scripts_in(fs::path(source) / "tests/differential/scripts"), true);
  EXPECT_TRUE(total.differences.empty());
  for (const auto& [construct, times] : total.refusals) ADD_FAILURE() << times << " times refused: " << construct;
}

/// All of src/test/regress/sql, of which $ORRERY_REGRESS is the folder: PostgreSQL's source is not part of this tree.
TEST(RegressionScripts, NeverHangInTheWholeSetOfPostgreSQL) {
  const char* folder = std::getenv("ORRERY_REGRESS");
  if (folder == nullptr) {
    std::printf("not run: $ORRERY_REGRESS names no folder with PostgreSQL's regression scripts\n");
    return;
  }
  const Replay total = replay_all(scripts_in(folder), std::getenv("ORRERY_REGRESS_TELLS") != nullptr);
  std::vector<std::pair<std::uint64_t, std::string>> refusals;
  for (const auto& [construct, times] : total.refusals) refusals.emplace_back(times, construct);
  std::sort(refusals.rbegin(), refusals.rend());
  for (const auto& [times, construct] : refusals) std::printf("%6llu %s\n", static_cast<unsigned long long>(times), construct.c_str());
  EXPECT_EQ(total.hangs, 0U);
  EXPECT_GT(total.same, 0U);
}

}  // namespace
}  // namespace orrery::testing
