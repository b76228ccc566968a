#include "real-mode/telemetry.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "real-mode/loop.hpp"

namespace orrery::real {
namespace {

TEST(Telemetry, MetricsAreInPrometheusText) {
  Loop loop;
  RealClock clock(loop);
  Recorder recorder("host-1");
  RealTelemetry telemetry("test", clock, recorder);
  telemetry.count("published_total");
  telemetry.count("published_total", 2);
  telemetry.count("requests_total", "route=\"" + label_value("a\"b\\c") + "\"", 1);
  telemetry.gauge("lag_seconds", 1.5);
  telemetry.watch("pool_open", [] { return 3.0; });
  telemetry.observe("wait_seconds", 30ms);
  const std::string text = telemetry.metrics();
  const auto has = [&](const std::string& line) { return text.find(line + "\n") != std::string::npos; };
  EXPECT_TRUE(has("# TYPE published_total counter\npublished_total 3")) << text;
  EXPECT_TRUE(has(R"(requests_total{route="a\"b\\c"} 1)")) << text;
  EXPECT_TRUE(has("# TYPE lag_seconds gauge\nlag_seconds 1.5")) << text;
  EXPECT_TRUE(has("pool_open 3")) << text;
  EXPECT_TRUE(has(R"(wait_seconds_bucket{le="0.025"} 0)")) << text;
  EXPECT_TRUE(has(R"(wait_seconds_bucket{le="0.05"} 1)")) << text;
  EXPECT_TRUE(has(R"(wait_seconds_bucket{le="+Inf"} 1)")) << text;
  EXPECT_TRUE(has("wait_seconds_count 1")) << text;
}

TEST(Loop, SleepersWakeInTheOrderOfTheirTimesAndNotBefore) {
  Loop loop;
  RealClock clock(loop);
  std::string order;
  const auto nap = [](RealClock& on, Duration length, std::string& to, char name) -> Task<void> {
    const Instant before = on.now();
    co_await on.sleep(length);
    EXPECT_GE(on.now() - before, length);
    to += name;
  };
  loop.spawn("c", nap(clock, 30ms, order, 'c'));
  loop.spawn("a", nap(clock, 10ms, order, 'a'));
  loop.spawn("b", nap(clock, 20ms, order, 'b'));
  EXPECT_TRUE(loop.run([&] { return loop.tasks() == 0; }, loop.now() + 5s));
  EXPECT_EQ(order, "abc");
}

TEST(Loop, AFailureOfATaskIsToldWithItsName) {
  Loop loop;
  std::string told;
  loop.on_failure([&](std::string_view task, const std::string& what) { told = std::string(task) + ": " + what; });
  const auto fail = [](Loop& on) -> Task<void> {
    Waiter waiter(on);
    co_await waiter.wait_until(on.now());
    throw std::runtime_error("broken");
  };
  loop.spawn("worker", fail(loop));
  loop.run([&] { return loop.tasks() == 0; }, loop.now() + 5s);
  EXPECT_EQ(told, "worker: broken");
}

}  // namespace
}  // namespace orrery::real
