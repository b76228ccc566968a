#include "real-mode/cache.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <memory>
#include <string>

#include "real-mode/private_redis.hpp"
#include "real-mode/temporary_folder.hpp"

namespace orrery::real {
namespace {

std::uint16_t free_port(Loop& loop) { return Listener(loop, Address{"127.0.0.1", 0}).port(); }

/// A Redis server of the test's own; it is gone when this is.
class TestRedis {
 public:
  explicit TestRedis(Loop& loop)
      : loop_(loop), redis_(loop, Address{"127.0.0.1", free_port(loop)}, folder_.path()) {
    start();
  }

  void start() {
    redis_.launch();
    const Instant until = loop_.now() + 10s;
    while (!complete(loop_, redis_.answers())) {
      CHECK(loop_.now() < until, "Redis does not start");
      loop_.run({}, loop_.now() + 10ms);
    }
  }
  void kill() {
    signal(SIGKILL);
    redis_.process().wait(5s);
  }
  void refuse(bool refuses) { complete(loop_, redis_.refuse(refuses)); }
  void signal(int number) { redis_.process().signal(number); }
  [[nodiscard]] const Address& address() const { return redis_.address(); }

 private:
  Loop& loop_;
  TemporaryFolder folder_{"orrery-redis"};
  PrivateRedis redis_;
};

/// What both caches must do; a test gives the cache.
void keeps_its_contract(Loop& loop, Cache& cache) {
  EXPECT_EQ(complete(loop, cache.get("k")), std::nullopt);
  const std::string bytes("\0\r\n\xff", 4);
  complete(loop, cache.set("k", bytes, 200ms));
  EXPECT_EQ(complete(loop, cache.get("k")), bytes);
  EXPECT_FALSE(complete(loop, cache.set_if_absent("k", "w", 1min)));
  loop.run({}, loop.now() + 250ms);
  EXPECT_EQ(complete(loop, cache.get("k")), std::nullopt) << "set_if_absent has made it live longer";
  EXPECT_TRUE(complete(loop, cache.set_if_absent("k", "w", 1min)));
  EXPECT_TRUE(complete(loop, cache.remove("k")));
  EXPECT_FALSE(complete(loop, cache.remove("k")));

  EXPECT_EQ(complete(loop, cache.increment("n", 2, 200ms)), 2);
  EXPECT_EQ(complete(loop, cache.increment("n", -5, 1min)), -3);
  loop.run({}, loop.now() + 250ms);
  EXPECT_EQ(complete(loop, cache.increment("n", 7, 1min)), 7) << "a later increment has made the key live longer";
  complete(loop, cache.set("word", "x", 1min));
  complete(loop, cache.set("most", std::to_string(INT64_MAX), 1min));
  for (const char* key : {"word", "most"}) {
    try {
      complete(loop, cache.increment(key, 1, 1min));
      ADD_FAILURE() << key;
    } catch (const CacheFailed& failed) {
      EXPECT_EQ(failed.effect(), Effect::did_not_happen) << failed.what();
    }
  }
  EXPECT_EQ(complete(loop, cache.get("most")), std::to_string(INT64_MAX));
}

TEST(MemoryCache, KeepsItsContract) {
  Loop loop;
  MemoryCache cache(loop);
  keeps_its_contract(loop, cache);
}

TEST(MemoryCache, GivesUpWhatWasUnusedForTheLongest) {
  Loop loop;
  MemoryCache cache(loop, 3);
  for (const char* key : {"a", "b", "c"}) complete(loop, cache.set(key, "x", 1min));
  EXPECT_TRUE(complete(loop, cache.get("a")));
  complete(loop, cache.set("d", "x", 1min));
  EXPECT_FALSE(complete(loop, cache.get("b")));
  for (const char* key : {"a", "c", "d"}) EXPECT_TRUE(complete(loop, cache.get(key))) << key;
}

TEST(RedisCache, KeepsItsContract) {
  Loop loop;
  const TestRedis redis(loop);
  RedisCache cache(loop, redis.address());
  keeps_its_contract(loop, cache);
}

TEST(RedisCache, CarriesManyCommandsAtATimeOnOneConnection) {
  Loop loop;
  const TestRedis redis(loop);
  RedisCache cache(loop, redis.address());
  int left = 200;
  const auto add = [](Cache& to, int& open) -> Task<void> {
    co_await to.increment("n", 1, 1min);
    --open;
  };
  for (int i = 0; i < 200; ++i) loop.spawn("adds", add(cache, left));
  ASSERT_TRUE(loop.run([&] { return left == 0; }, loop.now() + 10s));
  EXPECT_EQ(complete(loop, cache.get("n")), "200");
}

TEST(RedisCache, FindsAServerAgainThatWasKilled) {
  ::signal(SIGPIPE, SIG_IGN);
  Loop loop;
  TestRedis redis(loop);
  RedisCache cache(loop, redis.address());
  complete(loop, cache.set("k", "v", 1min));
  redis.kill();
  EXPECT_THROW(complete(loop, cache.get("k")), CacheFailed);
  try {
    complete(loop, cache.increment("n", 1, 1min));
    ADD_FAILURE();
  } catch (const CacheFailed& failed) {
    EXPECT_EQ(failed.effect(), Effect::did_not_happen) << failed.what();
  }
  redis.start();
  EXPECT_EQ(complete(loop, cache.increment("n", 1, 1min)), 1);
}

TEST(RedisCache, OfWhichNoAnswerComesMayHaveCounted) {
  Loop loop;
  TestRedis redis(loop);
  RedisCache cache(loop, redis.address());
  complete(loop, cache.increment("n", 1, 1min));
  redis.signal(SIGSTOP);
  try {
    complete(loop, cache.increment("n", 1, 1min));
    ADD_FAILURE();
  } catch (const CacheFailed& failed) {
    EXPECT_EQ(failed.effect(), Effect::may_have_happened) << failed.what();
  }
  redis.signal(SIGCONT);
  EXPECT_EQ(complete(loop, cache.increment("n", 0, 1min)), 2);
}


TEST(RedisCache, RefusesForAWhileAndKeepsWhatItHolds) {
  Loop loop;
  TestRedis redis(loop);
  RedisCache cache(loop, redis.address());
  complete(loop, cache.set("k", "v", 1min));
  redis.refuse(true);
  try {
    complete(loop, cache.get("k"));
    ADD_FAILURE();
  } catch (const CacheFailed& failed) {
    EXPECT_EQ(failed.effect(), Effect::did_not_happen) << failed.what();
  }
  redis.refuse(false);
  EXPECT_EQ(complete(loop, cache.get("k")), "v");
}

TEST(RedisCache, LosesAKeyOrEverythingJustBeforeTheNthCommand) {
  Loop loop;
  TestRedis redis(loop);
  Recorder recorder("user-1");
  Mishaps mishaps(loop, recorder);
  std::vector<Fault> faults(2);
  faults[0].kind = FaultKind::cache_evict;
  faults[0].ordinal = 3;
  faults[1].kind = FaultKind::cache_flush;
  faults[1].ordinal = 5;
  for (Fault& fault : faults) fault.target = "user-1>cache";
  mishaps.arm(std::move(faults), {});
  RedisCache cache(loop, redis.address(), mishaps, "user-1>cache");
  complete(loop, cache.set("a", "1", 1min));
  complete(loop, cache.set("b", "2", 1min));
  EXPECT_EQ(complete(loop, cache.get("a")), std::nullopt);
  EXPECT_EQ(complete(loop, cache.get("b")), "2");
  EXPECT_EQ(complete(loop, cache.increment("n", 1, 1min)), 1);
  EXPECT_EQ(complete(loop, cache.get("b")), std::nullopt);
  EXPECT_EQ(complete(loop, cache.get("n")), "1");
}

}  // namespace
}  // namespace orrery::real
