#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/suite.hpp"

namespace orrery::conformance {
namespace {

template <class World>
class ConformanceOfClockAndHttp : public Conformance<World> {};
TYPED_TEST_SUITE(ConformanceOfClockAndHttp, Worlds, Names);

TYPED_TEST(ConformanceOfClockAndHttp, ASleepTakesAtLeastAsLongAsAsked) {
  this->start();
  Duration slept{0};
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Instant before = context.clock.now();
    co_await context.clock.sleep(30ms);
    slept = context.clock.now() - before;
  });
  EXPECT_GE(slept, Duration(30ms));
}

TYPED_TEST(ConformanceOfClockAndHttp, SleepersWakeInTheOrderOfTheirTimes) {
  this->start();
  std::string order;
  const auto sleeper = [&](Duration length, char name) {
    return [&order, length, name](Context& context) -> Task<void> {
      co_await context.clock.sleep(length);
      order += name;
    };
  };
  const auto last = sleeper(150ms, 'c');
  const auto first = sleeper(50ms, 'a');
  const auto second = sleeper(100ms, 'b');
  this->bench.spawn("a", last);
  this->bench.spawn("a", first);
  this->bench.spawn("a", second);
  this->bench.finish();
  EXPECT_EQ(order, "abc");
}

TYPED_TEST(ConformanceOfClockAndHttp, TheSystemClockMovesWithTheSteadyOne) {
  this->start();
  std::int64_t steady_us = 0;
  std::int64_t system_us = 0;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Instant steady = context.clock.now();
    const SystemTime system = context.clock.system_now();
    co_await context.clock.sleep(100ms);
    steady_us = (context.clock.now() - steady) / 1us;
    system_us = (context.clock.system_now() - system).count();
  });
  EXPECT_NEAR(static_cast<double>(system_us), static_cast<double>(steady_us), 20'000.0);
}

TYPED_TEST(ConformanceOfClockAndHttp, ARequestReachesItsHandlerAndTheAnswerComesBack) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  Response response;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Request request("POST", "/echo/7%2F8?q=a%20b", "body");
    request.headers.set("X-A", "field");
    response = co_await context.http.call("b", std::move(request), 5s);
  });
  EXPECT_EQ(response.status, 207);
  EXPECT_EQ(response.body, "body|7/8|a b|field");
  EXPECT_EQ(response.headers.get("x-ANSWER"), "yes");
}

TYPED_TEST(ConformanceOfClockAndHttp, AnUnknownPathIs404AndAnotherMethodIs405AndAFailureIs500) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::vector<int> statuses;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    for (const auto& [method, target] : {std::pair("GET", "/nowhere"), std::pair("GET", "/echo/1"), std::pair("GET", "/fails")}) {
      Request request(method, target);
      const Response response = co_await context.http.call("b", std::move(request), 5s);
      statuses.push_back(response.status);
    }
  });
  EXPECT_EQ(statuses, (std::vector<int>{404, 405, 500}));
}

TYPED_TEST(ConformanceOfClockAndHttp, ACallThatTakesTooLongTimesOutAndMayHaveHappened) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::optional<CallFailed> failed;
  Duration took{0};
  this->bench.run("a", [&](Context& context) -> Task<void> {
    const Instant before = context.clock.now();
    try {
      Request request("GET", "/slow");
      co_await context.http.call("b", std::move(request), 100ms);
    } catch (const CallFailed& error) {
      failed = error;
    }
    took = context.clock.now() - before;
  });
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->reason(), CallFailed::Reason::timed_out);
  EXPECT_TRUE(failed->may_have_happened());
  EXPECT_GE(took, Duration(99ms));
  EXPECT_LT(took, Duration(399ms));
}

TYPED_TEST(ConformanceOfClockAndHttp, ACallTakesAlongHowLongItsCallerWaits) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::string left;
  std::string less;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Request request("GET", "/left");
    const Response response = co_await context.http.call("b", std::move(request), 5s);
    left = response.body;
    Request hurried("GET", "/left");
    hurried.deadline = context.clock.now() + 2s;
    const Response earlier = co_await context.http.call("b", std::move(hurried), 5s);
    less = earlier.body;
  });
  EXPECT_NEAR(std::stod(left), 5000.0, 1000.0);
  EXPECT_NEAR(std::stod(less), 2000.0, 1000.0);
}

}  // namespace
}  // namespace orrery::conformance
