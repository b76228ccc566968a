#include "sim/kernel.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace orrery::sim {
namespace {

struct Log {
  std::vector<std::string> lines;
};

Task<void> note_after(Host& host, Duration duration, std::string line, Log& log) {
  co_await host.sleep(duration);
  log.lines.push_back(std::move(line));
}

Task<void> tick(Host& host, Duration period, int& ticks) {
  for (;;) {
    co_await host.sleep(period);
    ++ticks;
  }
}

Host& started(Kernel& kernel, const char* name) {
  Host& host = kernel.add_host(name, nullptr);
  kernel.start(host);
  return host;
}

TEST(Kernel, WakesTasksInTheOrderOfTheirTimes) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  Log log;
  host.spawn("late", note_after(host, 30ms, "late", log));
  host.spawn("early", note_after(host, 10ms, "early", log));
  host.spawn("middle", note_after(host, 20ms, "middle", log));
  kernel.run_until(Instant(1s));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"early", "middle", "late"}));
  EXPECT_EQ(kernel.now(), Instant(1s));
}

TEST(Kernel, LetsTheSeedChooseAmongTasksThatAreReadyTogether) {
  std::set<std::vector<std::string>> orders;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Kernel kernel(seed, false);
    Host& host = started(kernel, "a");
    Log log;
    for (const char* name : {"x", "y", "z"}) host.spawn(name, note_after(host, 5ms, name, log));
    kernel.run_until(Instant(1s));
    orders.insert(log.lines);
  }
  EXPECT_EQ(orders.size(), 6U) << "all orders of three tasks appear over 40 seeds";
}

TEST(Kernel, AnotherHostsTasksDoNotChangeTheOrderOnThisOne) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<std::string> orders[2];
    for (const bool crowded : {false, true}) {
      Kernel kernel(seed, false);
      Host& host = started(kernel, "a");
      Host& other = started(kernel, "b");
      Log log;
      Log elsewhere;
      for (const char* name : {"x", "y", "z"}) {
        if (crowded) other.spawn(name, note_after(other, 5ms, name, elsewhere));
        host.spawn(name, note_after(host, 5ms, name, log));
      }
      kernel.run_until(Instant(1s));
      orders[crowded ? 1 : 0] = log.lines;
    }
    EXPECT_EQ(orders[0], orders[1]) << "seed " << seed;
  }
}

TEST(Kernel, ACrashDestroysTasksWhereverTheyWaitAndARestartBuildsThemAnew) {
  Kernel kernel(1, false);
  int ticks = 0;
  class Ticking final : public Machine {};
  Host& host = kernel.add_host("a", [&](Host& booted) {
    booted.spawn("tick", tick(booted, 10ms, ticks));
    return std::make_unique<Ticking>();
  });
  kernel.start(host);
  kernel.run_until(Instant(105ms));
  EXPECT_EQ(ticks, 10);
  kernel.crash(host, "test");
  EXPECT_FALSE(host.alive());
  EXPECT_EQ(host.machine(), nullptr);
  kernel.run_until(Instant(500ms));
  EXPECT_EQ(ticks, 10);
  kernel.start(host);
  EXPECT_EQ(host.incarnation(), 2U);
  kernel.run_until(Instant(605ms));
  EXPECT_EQ(ticks, 20);
}

Task<void> crash_itself(Host& host, int& steps) {
  ++steps;
  host.kernel().crash(host, "by its own hand");
  ++steps;  // still runs: the frames are destroyed once it suspends
  co_await Kernel::never();
  ++steps;
}

TEST(Kernel, ATaskMayCrashItsOwnHost) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  int steps = 0;
  host.spawn("suicide", crash_itself(host, steps));
  kernel.run_until(Instant(1s));
  EXPECT_EQ(steps, 2);
  EXPECT_FALSE(host.alive());
}

TEST(Kernel, APausedHostRunsNothingAndCatchesUpWhenItIsResumed) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  Log log;
  host.spawn("one", note_after(host, 10ms, "one", log));
  host.spawn("two", note_after(host, 900ms, "two", log));
  kernel.run_until(Instant(1ms));
  kernel.pause(host);
  kernel.run_until(Instant(500ms));
  EXPECT_TRUE(log.lines.empty());
  kernel.resume(host);
  kernel.run_until(Instant(600ms));
  EXPECT_EQ(log.lines, std::vector<std::string>{"one"});
  kernel.run_until(Instant(1s));
  EXPECT_EQ(log.lines.size(), 2U);
}

TEST(Kernel, ACrashOfAPausedHostLeavesNothingToResume) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  Log log;
  host.spawn("one", note_after(host, 10ms, "one", log));
  kernel.pause(host);
  kernel.run_until(Instant(500ms));
  kernel.crash(host, "test");
  kernel.start(host);
  kernel.run_until(Instant(1s));
  EXPECT_TRUE(log.lines.empty());
}

Task<void> spin(Kernel& kernel) {
  for (;;) {
    Waiter waiter(kernel);
    co_await waiter.wait_until(kernel.now());
  }
}

TEST(Kernel, NamesTheTaskThatLetsVirtualTimeStandStill) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "user-1");
  host.spawn("busy loop", spin(kernel));
  try {
    kernel.run_until(Instant(1s));
    FAIL() << "it ran to the end";
  } catch (const Stuck& stuck) {
    EXPECT_NE(std::string(stuck.what()).find("user-1/busy loop"), std::string::npos) << stuck.what();
  }
}

Task<void> throw_soon(Host& host) {
  co_await host.sleep(5ms);
  throw std::runtime_error("out of luck");
}

TEST(Kernel, RecordsAnExceptionThatLeavesATaskAndTellsTheWorld) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  std::string told;
  kernel.on_failure([&](Host& where, std::string_view fiber, std::string_view what) {
    told = where.name + "/" + std::string(fiber) + ": " + std::string(what);
  });
  host.spawn("worker", throw_soon(host));
  kernel.run_until(Instant(1s));
  EXPECT_EQ(told, "a/worker: out of luck");
  ASSERT_EQ(kernel.recorder().history().of(EventKind::service_failed).size(), 1U);
}

TEST(Kernel, NoticesATaskThatOutlivesItsHost) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  Task<void> hidden;
  const auto hide = [](Host& where, Task<void>& place, Log& log) -> Task<void> {
    place = note_after(where, 1s, "hidden", log);
    co_return;
  };
  Log log;
  host.spawn("hider", hide(host, hidden, log));
  kernel.run_until(Instant(10ms));
  kernel.crash(host, "test");
  const auto failures = kernel.recorder().history().of(EventKind::service_failed, "leak");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_NE(failures[0]->text.find("1 of its tasks"), std::string::npos) << failures[0]->text;
}

TEST(Kernel, HostClocksJumpAndDriftButTheSteadyClockDoesNot) {
  Kernel kernel(1, false);
  Host& host = started(kernel, "a");
  kernel.run_until(Instant(10s));
  const SystemTime before = host.system_now();
  host.set_clock(5s, 0);
  EXPECT_EQ(host.system_now() - before, 5s);
  host.set_clock(0s, 100);  // gains 100 us a second
  kernel.run_until(Instant(20s));
  EXPECT_EQ(host.system_now() - before, 10s + 1ms);
  EXPECT_EQ(host.now(), Instant(20s));
}

std::uint64_t hash_of_a_run(std::uint64_t seed, bool full) {
  Kernel kernel(seed, full);
  Host& a = started(kernel, "a");
  Host& b = started(kernel, "b");
  int ticks = 0;
  a.spawn("tick", tick(a, 7ms, ticks));
  b.spawn("tick", tick(b, 7ms, ticks));
  kernel.at(Instant(200ms), [&] { kernel.crash(a, "test"); });
  kernel.at(Instant(300ms), [&] { kernel.start(a); });
  kernel.run_until(Instant(1s));
  return kernel.recorder().hash();
}

TEST(Kernel, TheTraceHashDependsOnTheSeedAndNotOnHowMuchIsRecorded) {
  EXPECT_EQ(hash_of_a_run(7, false), hash_of_a_run(7, false));
  EXPECT_EQ(hash_of_a_run(7, false), hash_of_a_run(7, true));
  EXPECT_NE(hash_of_a_run(7, false), hash_of_a_run(8, false));
}

TEST(Recorder, LinksWhatHappensInOneStepAsCauses) {
  Recorder recorder(true);
  const EventId first = recorder.fact(EventKind::publish_started, "a", "topic", "m1");
  const EventId second = recorder.fact(EventKind::publish_confirmed, "a", "topic", "m1");
  ASSERT_NE(recorder.history().find(second), nullptr);
  EXPECT_EQ(recorder.history().find(second)->cause, first);
}

TEST(Decide, SpreadsConsecutiveOrdinalsEvenly) {
  int buckets[16] = {};
  for (std::uint64_t n = 1; n <= 16'000; ++n) ++buckets[below(decide(42, 3, entity_of("a>b"), n), 16)];
  for (const int count : buckets) {
    EXPECT_GT(count, 850);
    EXPECT_LT(count, 1150);
  }
}

}  // namespace
}  // namespace orrery::sim
