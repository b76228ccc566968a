#include "sim/cache.hpp"

#include <gtest/gtest.h>

#include "tests/sim/stores_lab.hpp"

namespace orrery::sim {
namespace {

Task<std::string> increment_outcome(Cache& cache, std::string key, std::int64_t by) {
  std::string outcome;
  try {
    Task<std::int64_t> adding = cache.increment(std::move(key), by, 1min);
    const std::int64_t sum = co_await std::move(adding);
    outcome = std::to_string(sum);
  } catch (const CacheFailed& failed) {
    outcome = to_string(failed.effect());
  }
  co_return outcome;
}

TEST(SimCache, KeepsAValueUntilItsTimeIsOver) {
  StoresLab lab;
  lab.carry_out([](Context& context) -> Task<void> {
    Cache& cache = context.cache();
    co_await cache.set("k", "v", 2s);
    const auto there = co_await cache.get("k");
    EXPECT_EQ(there, "v");
    const bool taken = co_await cache.set_if_absent("k", "w", 10s);
    EXPECT_FALSE(taken);
    co_await context.clock.sleep(2s);
    const auto gone = co_await cache.get("k");
    EXPECT_EQ(gone, std::nullopt) << "set_if_absent has made it live longer";
    const bool free = co_await cache.set_if_absent("k", "w", 10s);
    EXPECT_TRUE(free);
    const bool removed = co_await cache.remove("k");
    const bool again = co_await cache.remove("k");
    EXPECT_TRUE(removed);
    EXPECT_FALSE(again);
  });
}

TEST(SimCache, CountsFromTheFirstIncrementOnAndForAsLongAsThatSaid) {
  StoresLab lab;
  lab.carry_out([](Context& context) -> Task<void> {
    Cache& cache = context.cache();
    for (std::int64_t expected = 1; expected <= 3; ++expected) {
      const std::int64_t sum = co_await cache.increment("n", 1, 3s);
      EXPECT_EQ(sum, expected);
      co_await context.clock.sleep(900ms);
    }
    co_await context.clock.sleep(500ms);
    const std::int64_t anew = co_await cache.increment("n", 5, 3s);
    EXPECT_EQ(anew, 5) << "a later increment has made the key live longer";
    co_await cache.set("word", "x", 10s);
    const std::string no_number = co_await increment_outcome(cache, "word", 1);
    EXPECT_EQ(no_number, "did not happen");
    co_await cache.set("most", std::to_string(INT64_MAX), 10s);
    const std::string too_many = co_await increment_outcome(cache, "most", 1);
    EXPECT_EQ(too_many, "did not happen");
    const auto unchanged = co_await cache.get("most");
    EXPECT_EQ(unchanged, std::to_string(INT64_MAX));
  });
}

TEST(SimCache, IsEmptyAfterACrashAndRefusesMeanwhile) {
  StoresLab lab;
  lab.carry_out([&lab](Context& context) -> Task<void> {
    Cache& cache = context.cache();
    co_await cache.set("k", "v", 1h);
    lab.inject(FaultKind::crash, "cache", 2s);
    const std::string down = co_await increment_outcome(cache, "n", 1);
    EXPECT_EQ(down, "did not happen");
    co_await context.clock.sleep(3s);
    const auto gone = co_await cache.get("k");
    EXPECT_EQ(gone, std::nullopt);
  });
}

TEST(SimCache, OutOfServiceRefusesAndForgetsNothing) {
  StoresLab lab;
  lab.carry_out([&lab](Context& context) -> Task<void> {
    Cache& cache = context.cache();
    co_await cache.set("k", "v", 1h);
    lab.inject(FaultKind::cache_down, "cache", 2s);
    const std::string down = co_await increment_outcome(cache, "n", 1);
    EXPECT_EQ(down, "did not happen");
    co_await context.clock.sleep(3s);
    const auto kept = co_await cache.get("k");
    EXPECT_EQ(kept, "v");
  });
}

TEST(SimCache, EvictsTheNamedKeyAndFlushesAllOfThemAtTheArmedCommand) {
  StoresLab lab;
  lab.arm(FaultKind::cache_evict, "client-1>cache", 3);
  lab.arm(FaultKind::cache_flush, "client-1>cache", 5);
  lab.carry_out([](Context& context) -> Task<void> {
    Cache& cache = context.cache();
    co_await cache.set("a", "1", 1h);
    co_await cache.set("b", "2", 1h);
    const auto evicted = co_await cache.get("a");
    const auto kept = co_await cache.get("b");
    EXPECT_EQ(evicted, std::nullopt);
    EXPECT_EQ(kept, "2");
    const std::int64_t counted = co_await cache.increment("b", 7, 1h);
    EXPECT_EQ(counted, 7) << "the flush comes before the command";
  });
  EXPECT_EQ(lab.world.struck().size(), 2U);
}

TEST(SimCache, OfWhichNoAnswerComesMayHaveCounted) {
  StoresLab lab;
  lab.carry_out([&lab](Context& context) -> Task<void> {
    lab.inject(FaultKind::one_way_partition, "cache>client-1", 5s);
    const std::string in_doubt = co_await increment_outcome(context.cache(), "n", 1);
    EXPECT_EQ(in_doubt, "may have happened");
  });
  EXPECT_EQ(lab.world.cache().peek("n"), "1");
}

TEST(SimWorld, RefusesStoresThatTheTopologyLacks) {
  World world(1, false);
  world.add_broker();
  Node node;
  node.host = "client-1";
  node.service = "client";
  world.add_node(std::move(node));
  world.start();
  std::string refused;
  world.spawn("client-1", "asks", [&refused](Context& context) -> Task<void> {
    try {
      (void)context.cache();
    } catch (const std::invalid_argument& error) {
      refused = error.what();
    }
    try {
      (void)context.files("media");
    } catch (const std::invalid_argument& error) {
      refused += std::string("; ") + error.what();
    }
    co_return;
  });
  world.run_until(Instant(1s));
  EXPECT_EQ(refused,
            "client asks for a cache, which the topology does not have; client asks for the file store \"media\", which the "
            "topology does not have");
}

}  // namespace
}  // namespace orrery::sim
