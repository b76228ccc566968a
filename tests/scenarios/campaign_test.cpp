#include "scenarios/campaign.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "runtime/check.hpp"
#include "runtime/progress.hpp"
#include "scenarios/campaign_retell.hpp"
#include "tests/scenarios/fake_run.hpp"

namespace orrery {
namespace {

using testing::fake_result;
using testing::judged;
using testing::options_for;
using testing::violated;

/// A world whose task never gives control back.
class EndlessWorld final : public Watched {
 public:
  EndlessWorld() { watched = this; }
  ~EndlessWorld() { watched = nullptr; }
  [[nodiscard]] std::uint64_t steps() const noexcept override { return 41; }
  [[nodiscard]] Instant watched_now() const noexcept override { return Instant(1500ms); }
  bool running_task(char* into, std::size_t size) const noexcept override {
    std::snprintf(into, size, "user-1/relay");
    return true;
  }
};

RunResult with_judgements(std::uint64_t seed) {
  RunResult result = fake_result(seed);
  result.judged.push_back(judged("S1 nothing is lost", Mode::always, 3));
  result.judged.push_back(judged("a crash happens", Mode::sometimes, seed % 10 == 0 ? 1 : 0));
  result.faults["crash"] = static_cast<std::int64_t>(seed % 3);
  result.faults["drop"] = 0;
  return result;
}

TEST(Campaign, RunsEverySeedOnceAndAddsUpWhateverTheJobs) {
  const RunFunction run = [](const RunRequest& request) { return with_judgements(request.seed); };
  for (const unsigned jobs : {1U, 2U, 7U}) {
    const CampaignResult result = campaign(run, options_for(5, 64, jobs));
    EXPECT_EQ(result.planned, 60U);
    EXPECT_EQ(result.seeds, 60U);
    EXPECT_EQ(result.hashes.size(), 60U);
    EXPECT_EQ(result.hashes.begin()->first, 5U);
    EXPECT_EQ(result.hashes.rbegin()->first, 64U);
    EXPECT_EQ(result.events, 60U * 100 + (5 + 64) * 30U);
    EXPECT_EQ(result.simulated, 120s);
    ASSERT_EQ(result.properties.size(), 2U);
    EXPECT_EQ(result.properties[0].examined, 180);
    EXPECT_EQ(result.sometimes.at("a crash happens"), 6);
    EXPECT_EQ(result.faults.at("crash"), 60);
    EXPECT_TRUE(result.held());
    EXPECT_FALSE(result.missing_counts());
    EXPECT_EQ(result.missing(), std::vector<std::string>{"was configured, but never struck: drop"});
  }
}

TEST(Campaign, FailsFrom100SeedsOnIfWhatWasConfiguredNeverHappened) {
  const RunFunction run = [](const RunRequest& request) { return with_judgements(request.seed); };
  const CampaignResult result = campaign(run, options_for(1, 100));
  EXPECT_TRUE(result.findings.empty());
  EXPECT_FALSE(result.held());
}

TEST(Campaign, ShardsTogetherAreAllSeedsAndNoneTwice) {
  const RunFunction run = [](const RunRequest& request) { return fake_result(request.seed); };
  for (const unsigned shards : {1U, 3U, 8U, 40U}) {
    std::multiset<std::uint64_t> seen;
    for (unsigned shard = 1; shard <= shards; ++shard) {
      CampaignOptions options = options_for(11, 35);
      options.shard = shard;
      options.shards = shards;
      for (const auto& [seed, hash] : campaign(run, options).hashes) seen.insert(seed);
    }
    EXPECT_EQ(seen.size(), 25U) << shards;
    EXPECT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), 25U);
  }
}

TEST(Campaign, AViolationIsAFindingWithItsSeedSignatureAndHash) {
  const RunFunction run = [](const RunRequest& request) {
    RunResult result = fake_result(request.seed);
    if (request.seed % 4 == 0) {
      result.judged.push_back(violated("S1", "lost", "user " + std::to_string(request.seed) + " is lost"));
      result.judged.push_back(violated("S2", "twice", "mailed twice"));
    }
    return result;
  };
  const CampaignResult result = campaign(run, options_for(1, 9));
  ASSERT_EQ(result.findings.size(), 4U);
  EXPECT_EQ(result.bad, 2U);
  EXPECT_EQ(result.findings[0].seed, 4U);
  EXPECT_EQ(result.findings[0].property, "S1");
  EXPECT_EQ(result.findings[0].signature, "S1: lost");
  EXPECT_EQ(result.findings[0].what, "user 4 is lost");
  EXPECT_EQ(result.findings[0].hash, fake_result(4).hash);
  EXPECT_EQ(result.findings[1].property, "S2");
  EXPECT_EQ(result.findings[3].seed, 8U);
  EXPECT_FALSE(result.held());
}

TEST(Campaign, ADyingWorkerIsAFindingAndAnotherTakesOver) {
  const RunFunction run = [](const RunRequest& request) {
    if (request.seed == 3) std::fputs("noise of an innocent seed\n", stderr);
    if (request.seed == 4) std::raise(SIGSEGV);
    if (request.seed == 9) {
      std::fputs("about to fail\n", stderr);
      CHECK(request.seed != 9, "nine is bad");
    }
    return fake_result(request.seed);
  };
  for (const unsigned jobs : {1U, 2U}) {
    const CampaignResult result = campaign(run, options_for(1, 20, jobs));
    EXPECT_EQ(result.seeds, 20U);
    EXPECT_EQ(result.hashes.size(), 18U);
    ASSERT_EQ(result.findings.size(), 2U);
    EXPECT_EQ(result.findings[0].seed, 4U);
    EXPECT_EQ(result.findings[0].kind, Finding::Kind::died);
    EXPECT_EQ(result.findings[0].output.find("innocent"), std::string::npos);
    EXPECT_EQ(result.findings[1].seed, 9U);
    EXPECT_NE(result.findings[1].output.find("about to fail"), std::string::npos);
    EXPECT_NE(result.findings[1].signature.find("CHECK(request.seed != #) failed: nine is bad"), std::string::npos)
        << result.findings[1].signature;
    EXPECT_EQ(result.findings[1].property, kNoProcessDies);
  }
}

TEST(Campaign, ATaskThatNeverGivesControlBackIsNamed) {
  const RunFunction run = [](const RunRequest& request) {
    if (request.seed == 2) {
      const EndlessWorld world;
      for (volatile int forever = 1; forever != 0;) {
      }
    }
    return fake_result(request.seed);
  };
  CampaignOptions options = options_for(1, 4);
  options.limits.standstill = 200ms;
  const CampaignResult result = campaign(run, options);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].seed, 2U);
  EXPECT_EQ(result.findings[0].kind, Finding::Kind::stuck);
  EXPECT_EQ(result.findings[0].what,
            "virtual time stands still at 1.500s: user-1/relay has run for 0.200s of CPU time without a co_await that "
            "takes time");
  EXPECT_EQ(result.seeds, 4U);
}

TEST(Campaign, ARunThatGoesOnForEverMeetsTheCpuLimit) {
  const RunFunction run = [](const RunRequest& request) {
    if (request.seed == 2) {
      for (volatile int forever = 1; forever != 0;) {
      }
    }
    return fake_result(request.seed);
  };
  CampaignOptions options = options_for(1, 3);
  options.limits.standstill = 100ms;  // no task runs
  options.limits.cpu = 300ms;
  const CampaignResult result = campaign(run, options);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].what, "did not end within 0.300s of CPU time: no world runs");
}

TEST(Campaign, ARunThatBlocksMeetsTheWallLimit) {
  const RunFunction run = [](const RunRequest& request) {
    if (request.seed == 2) {
      for (;;) ::pause();
    }
    return fake_result(request.seed);
  };
  CampaignOptions options = options_for(1, 3);
  options.limits.wall = 300ms;
  const CampaignResult result = campaign(run, options);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].kind, Finding::Kind::stuck);
  EXPECT_EQ(result.findings[0].what, "did not end within 0.300s of wall time: no world runs");
}

TEST(Campaign, AStuckResultIsAFinding) {
  const RunFunction run = [](const RunRequest& request) {
    RunResult result = fake_result(request.seed);
    if (request.seed == 2) result.stuck = "virtual time stands still at 3s: user-1/x";
    return result;
  };
  const CampaignResult result = campaign(run, options_for(1, 3));
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].property, kEveryRunEnds);
  EXPECT_EQ(result.findings[0].hash, fake_result(2).hash);
}

TEST(Campaign, WhatARunRefusesIsTheUsersMistake) {
  const RunFunction run = [](const RunRequest&) -> RunResult {
    throw std::invalid_argument("unknown profile \"hevy\"");
  };
  try {
    (void)campaign(run, options_for(1, 50));
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "unknown profile \"hevy\"");
  }
}

TEST(Campaign, AWorldThatCanNeverBeBuiltIsNoFinding) {
  const RunFunction run = [](const RunRequest&) -> RunResult {
    throw std::runtime_error("syntax error in the schema");
  };
  EXPECT_THROW((void)campaign(run, options_for(1, 1)), SetupError);
  EXPECT_THROW((void)campaign(run, options_for(1, 300)), SetupError);
  const RunFunction once = [](const RunRequest& request) {
    if (request.seed == 5) throw std::runtime_error("a checker's mistake");
    return fake_result(request.seed);
  };
  const CampaignResult result = campaign(once, options_for(1, 10));
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].what, "threw: a checker's mistake");
}

TEST(Campaign, StopsAtTheLowestSeedWithAFinding) {
  const RunFunction run = [](const RunRequest& request) {
    RunResult result = fake_result(request.seed);
    // The later one is found first.
    if (request.seed == 11) ::usleep(100'000);
    if (request.seed == 11 || request.seed == 13) result.judged.push_back(violated("S1", "lost", "lost"));
    return result;
  };
  for (const unsigned jobs : {1U, 4U}) {
    CampaignOptions options = options_for(1, 500, jobs);
    options.stop_at_first = true;
    const CampaignResult result = campaign(run, options);
    ASSERT_EQ(result.findings.size(), 1U);
    EXPECT_EQ(result.findings[0].seed, 11U);
    EXPECT_EQ(result.seeds, 11U);
  }
}

TEST(Campaign, BeginsNothingNewWhenTheTimeIsOver) {
  const RunFunction run = [](const RunRequest& request) {
    ::usleep(20'000);
    return fake_result(request.seed);
  };
  CampaignOptions options = options_for(1, 100'000);
  options.time_limit = 200ms;
  const CampaignResult result = campaign(run, options);
  EXPECT_TRUE(result.out_of_time);
  EXPECT_GT(result.seeds, 0U);
  EXPECT_LT(result.seeds, 1'000U);
  EXPECT_EQ(result.hashes.size(), result.seeds);
}

TEST(Campaign, AnInterruptEndsItAndLeavesNoProcess) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // what the child leaves behind becomes ours
  for (const int signal : {SIGINT, SIGTERM}) {
    const pid_t child = ::fork();
    if (child == 0) {
      const RunFunction run = [](const RunRequest& request) {
        if (request.seed > 4) ::sleep(1000);
        return fake_result(request.seed);
      };
      const CampaignResult result = campaign(run, options_for(1, 100, 3));
      ::_exit(result.interrupted == signal && result.seeds == 4 ? 0 : 1);
    }
    ::usleep(500'000);
    ::kill(child, signal);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a worker is left";
  }
}

TEST(Campaign, WorkersDieWithTheirParent) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)campaign(
        [](const RunRequest&) -> RunResult {
          for (;;) ::sleep(1000);
        },
        options_for(1, 10, 2));
    ::_exit(0);
  }
  ::usleep(500'000);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  int left = 0;
  while (::waitpid(-1, nullptr, 0) > 0) ++left;  // blocks if one lives on
  EXPECT_EQ(left, 2);
}

TEST(Campaign, WhatServicesPrintDoesNotReachTheTerminal) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  (void)campaign(
      [](const RunRequest& request) {
        std::puts("out");
        std::fputs("err\n", stderr);
        return fake_result(request.seed);
      },
      options_for(1, 3));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Campaign, TellsHowItStands) {
  CampaignProgress last;
  CampaignOptions options = options_for(1, 30);
  options.on_progress = [&](const CampaignProgress& now) { last = now; };
  (void)campaign([](const RunRequest& request) { return fake_result(request.seed); }, options);
  EXPECT_EQ(last.done, 30U);
  EXPECT_EQ(last.planned, 30U);
  EXPECT_EQ(last.simulated, 60s);
}

TEST(Retelling, BringsTheStoryAndSurvivesADeath) {
  const RunFunction run = [](const RunRequest& request) {
    CHECK(request.full);
    CHECK(request.seed != 3, "three");
    RunResult result = fake_result(request.seed);
    result.judged.push_back(violated("S1", "lost", "user 1 is lost"));
    result.unused.push_back({});
    return result;
  };
  RetellOptions options;
  options.request.seed = 2;
  options.note = [](const RunResult& result) { return "note " + std::to_string(result.seed); };
  const Retelling told = retell(run, options);
  ASSERT_TRUE(told.ended);
  ASSERT_EQ(told.chapters.size(), 1U);
  EXPECT_NE(told.chapters[0].story.find("user 1 is lost"), std::string::npos);
  EXPECT_EQ(told.unused.size(), 1U);
  EXPECT_EQ(told.note, "note 2");
  EXPECT_EQ(told.record.hash, fake_result(2).hash);
  options.request.seed = 3;
  const Retelling dead = retell(run, options);
  EXPECT_FALSE(dead.ended);
  EXPECT_EQ(dead.death.kind, Finding::Kind::died);
  EXPECT_NE(dead.death.output.find("three"), std::string::npos);
}

}  // namespace
}  // namespace orrery
