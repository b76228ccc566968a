#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "real-mode/pg_link.hpp"
#include "tests/differential/schedule_runs.hpp"
#include "tests/differential/serial_order.hpp"

// The same random schedules of concurrent sessions on the simulated and on a real PostgreSQL, step by step: outcomes, who
// waits for whom, and what is in the tables at the end must be the same.

namespace orrery::testing {
namespace {

struct Counts {
  std::uint64_t schedules = 0;
  std::uint64_t waits = 0;
  std::uint64_t errors = 0;
  std::uint64_t races = 0;      // the real server itself gives several transcripts
  std::uint64_t older = 0;      // the real server is an older 15.x, which tells the same failure by another cause
  std::uint64_t needless = 0;   // the real server fails a serializable transaction that the exact engine has no reason to
};

std::size_t first_difference(const Transcript& left, const Transcript& right) {
  std::size_t i = 0;
  while (i < left.size() && i < right.size() && left[i] == right[i]) ++i;
  return i;
}

/// Takes steps away as long as the two still differ and nothing explains it. Transactions still end: the look at the tables
/// waits for those that lock them.
Schedule minimise(Schedule schedule, const std::function<bool(const Schedule&)>& differs) {
  for (std::size_t i = schedule.steps.size(); i-- > 0;) {
    if (schedule.steps[i].sql == "COMMIT" || schedule.steps[i].sql == "ROLLBACK") continue;
    Schedule fewer = schedule;
    fewer.steps.erase(fewer.steps.begin() + static_cast<std::ptrdiff_t>(i));
    if (differs(fewer)) schedule = std::move(fewer);
  }
  return schedule;
}

class RandomSchedules : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new real::PrivatePostgres();
    real_ = real_schedule_world(*server_).release();
    version_ = std::stoi(real::PgLink(server_->connection("postgres"), "version").execute("SHOW server_version_num", {})[0][0].text());
  }
  static void TearDownTestSuite() {
    delete std::exchange(real_, nullptr);
    delete std::exchange(server_, nullptr);
  }

  /// True if the two differ and no known class says why.
  bool differs(const Schedule& schedule, Levels levels, Counts* counts) {
    const ScheduleRun simulated_run = run_schedule(schedule, *simulated_);
    const Transcript& simulated = simulated_run.transcript;
    const Transcript real = run_schedule(schedule, *real_).transcript;
    if (counts != nullptr) {
      ++counts->schedules;
      for (const std::string& event : real) {
        if (event.find(" waits for") != std::string::npos) ++counts->waits;
        if (event.find(" ERROR ") != std::string::npos) ++counts->errors;
      }
    }
    if (simulated == real) return false;
    simulated_transcript_ = simulated;
    real_transcript_ = real;
    // Sessions that one COMMIT releases together go on side by side: then the real server does now this, now that.
    for (int tries = 0; tries < 40; ++tries) {
      const Transcript again = run_schedule(schedule, *real_).transcript;
      if (again == simulated || first_difference(again, real) <= first_difference(simulated, real)) {
        if (again == real) continue;
        if (counts != nullptr) ++counts->races;
        return false;
      }
    }
    // Before 15.20 a doomed transaction whose ON CONFLICT waited is told of the concurrent update instead of the dependencies.
    constexpr const char* kDependencies = "read/write dependencies";
    const std::size_t first = first_difference(simulated, real);
    const auto tells = [&](const Transcript& transcript, const char* cause) {
      return first < transcript.size() && transcript[first].find(std::string("ERROR 40001: could not serialize access due to ") + cause) != std::string::npos;
    };
    if (version_ < 150020 && tells(simulated, kDependencies) && tells(real, "concurrent update")) {
      if (counts != nullptr) ++counts->older;
      return false;
    }
    // Exact predicate locks give fewer failures than those by the page, never more; and then there must be an order of what
    // committed here, or the failure was called for.
    if (levels == Levels::serializable && tells(real, kDependencies) && !tells(simulated, kDependencies) && has_serial_order(schedule, simulated_run, *simulated_)) {
      if (counts != nullptr) {
        ++counts->needless;
        if (std::getenv("ORRERY_TELLS") != nullptr) tell(real, simulated, first);
      }
      return false;
    }
    return true;
  }

  static void tell(const Transcript& real, const Transcript& simulated, std::size_t at) {
    for (std::size_t i = 0; i <= at; ++i) std::printf("%s", real[i].c_str());
    std::printf("--- simulated\n%s\n\n", at < simulated.size() ? simulated[at].c_str() : "(no such step)");
  }

  void compare(Levels levels, const char* name) {
    const char* first = std::getenv("ORRERY_SEED");
    const char* wanted = std::getenv("ORRERY_SCHEDULES");
    std::uint64_t seed = first == nullptr ? 1 : std::strtoull(first, nullptr, 10);
    const std::uint64_t many = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::getenv("ORRERY_LONG") == nullptr ? 150 : 2'000;
    const std::uint64_t end = seed + many;
    Counts counts;
    int found = 0;
    for (; seed < end && found < 3; ++seed) {
      const Schedule schedule = random_schedule(seed, levels);
      if (!differs(schedule, levels, &counts)) continue;
      ++found;
      const Schedule least = minimise(schedule, [&](const Schedule& each) { return differs(each, levels, nullptr); });
      static_cast<void>(differs(least, levels, nullptr));
      std::string told;
      for (const std::string& sql : least.setup) told += sql + ";\n";
      const std::size_t at = first_difference(simulated_transcript_, real_transcript_);
      for (std::size_t i = 0; i < at && i < real_transcript_.size(); ++i) told += real_transcript_[i];
      const auto event = [&](const Transcript& transcript) { return at < transcript.size() ? transcript[at] : std::string("(no such step)\n"); };
      ADD_FAILURE() << name << ", seed " << seed << "\n" << told << "--- simulated\n" << event(simulated_transcript_) << "--- real\n" << event(real_transcript_);
    }
    std::printf("%s: %llu schedules, %llu waits, %llu errors alike; %llu races of the real server, %llu of an older one, %llu needless failures\n", name,
                static_cast<unsigned long long>(counts.schedules), static_cast<unsigned long long>(counts.waits), static_cast<unsigned long long>(counts.errors),
                static_cast<unsigned long long>(counts.races), static_cast<unsigned long long>(counts.older), static_cast<unsigned long long>(counts.needless));
    if (found > 0) return;
    EXPECT_GT(2 * counts.waits, counts.schedules) << "sessions meet";
    EXPECT_LT(100 * (counts.races + counts.needless), counts.schedules + 100) << "what is explained away stays the exception";
    EXPECT_LT(100 * counts.older, 5 * counts.schedules) << "what is explained away stays the exception";
  }

 private:
  static inline real::PrivatePostgres* server_ = nullptr;
  static inline ScheduleWorld* real_ = nullptr;
  static inline int version_ = 0;
  std::unique_ptr<ScheduleWorld> simulated_ = simulated_schedule_world();
  Transcript simulated_transcript_;
  Transcript real_transcript_;
};

TEST_F(RandomSchedules, GoTheSameUnderReadCommitted) { compare(Levels::read_committed, "READ COMMITTED"); }
TEST_F(RandomSchedules, GoTheSameUnderRepeatableRead) { compare(Levels::repeatable_read, "REPEATABLE READ"); }
TEST_F(RandomSchedules, GoTheSameUnderSerializable) { compare(Levels::serializable, "SERIALIZABLE"); }
TEST_F(RandomSchedules, GoTheSameUnderMixedLevels) { compare(Levels::mixed, "mixed levels"); }

}  // namespace
}  // namespace orrery::testing
