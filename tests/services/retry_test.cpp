#include "services/patterns/retry.hpp"

#include <gtest/gtest.h>

#include "services/patterns/lease.hpp"
#include "tests/services/fakes.hpp"

namespace orrery::services {
namespace {

TEST(Backoff, DoublesUpToItsCap) {
  const Backoff backoff{100ms, 1s};
  EXPECT_EQ(backoff.ceiling(1), 100ms);
  EXPECT_EQ(backoff.ceiling(2), 200ms);
  EXPECT_EQ(backoff.ceiling(4), 800ms);
  EXPECT_EQ(backoff.ceiling(5), 1s);
  EXPECT_EQ(backoff.ceiling(1'000'000'000'000), 1s);
}

TEST(Backoff, NeverOverflowsNorExceedsACapBelowItsBase) {
  const Backoff huge{1h, Duration::max()};
  EXPECT_EQ(huge.ceiling(1000), Duration::max());
  const Backoff odd{10s, 1s};
  EXPECT_EQ(odd.ceiling(1), 1s);
}

TEST(Backoff, SpreadsOverTheWholeRange) {
  const Backoff backoff{100ms, 10s};
  FixedRandom random;
  int low = 0;
  int high = 0;
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = backoff.delay(4, random);
    ASSERT_GE(delay, 0s);
    ASSERT_LE(delay, 800ms);
    low += delay < 200ms;
    high += delay > 600ms;
  }
  EXPECT_GT(low, 150);
  EXPECT_GT(high, 150);
}

TEST(RetryBudget, AllowsAFractionOfTheFirstAttemptsOnceItsSavingsAreSpent) {
  HandClock clock;
  RetryBudget budget(clock, {.percent = 20, .per_second = 0, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend());
  int retries = 0;
  for (int i = 0; i < 100; ++i) {
    budget.earn();
    retries += budget.spend();
  }
  EXPECT_EQ(retries, 20);
}

TEST(RetryBudget, EarnsByTimeSoThatAQuietServiceCanRetry) {
  HandClock clock;
  RetryBudget budget(clock, {.percent = 0, .per_second = 2, .burst = 5});
  while (budget.spend()) {
  }
  for (int i = 0; i < 499; ++i) {
    clock.at += 1ms;
    ASSERT_FALSE(budget.has_one()) << i;
  }
  clock.at += 1ms;
  EXPECT_TRUE(budget.spend());
  clock.at += 24h * 365;
  int saved = 0;
  while (budget.spend()) ++saved;
  EXPECT_EQ(saved, 5);
}

TEST(IsTransient, TellsWhatGoesAwayFromBugs) {
  for (const char* state : {"40001", "40P01", "08006", "08001", "57P01", "53300", "53100", "25006", "57014"}) {
    EXPECT_TRUE(is_transient(DatabaseError(Effect::did_not_happen, state, ""))) << state;
  }
  for (const char* state : {"23505", "23514", "22P02", "42601", "0A000", "25P02", "55P03"}) {
    EXPECT_FALSE(is_transient(DatabaseError(Effect::did_not_happen, state, ""))) << state;
  }
}

TEST(Lease, EndsOnTheSteadyClockOfItsHolder) {
  HandClock clock;
  clock.at += 5s;
  const Lease lease(clock, 10s);
  EXPECT_TRUE(lease.covers(10s));
  EXPECT_FALSE(lease.covers(10s + 1ns));
  clock.at += 8s;
  EXPECT_TRUE(lease.covers(2s));
  EXPECT_FALSE(lease.covers(3s));
  clock.at += 1h;
  EXPECT_FALSE(lease.covers(0s));
}

}  // namespace
}  // namespace orrery::services
