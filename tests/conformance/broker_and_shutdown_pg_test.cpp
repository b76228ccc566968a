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
class ConformanceOfBrokerAndShutdown : public Conformance<World> {};
TYPED_TEST_SUITE(ConformanceOfBrokerAndShutdown, Worlds, Names);

TYPED_TEST(ConformanceOfBrokerAndShutdown, AMessageReachesEachGroupOnceWithAllThatItCarries) {
  std::unique_ptr<Consumer> one, other;
  std::string carried;
  this->start({{"a", service([&](Context& context) {
                  const auto look = [&carried](Context&, Delivery& delivery) -> Task<void> {
                    const Message& message = delivery.message();
                    carried = message.body + "|" + message.key + "|" + message.attributes.at("trace");
                    co_return;
                  };
                  one = std::make_unique<Consumer>(context, subscription_of("topic", "one"), look);
                  other = std::make_unique<Consumer>(context, subscription_of("topic", "other"), nullptr);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Message message("m1", "key", "body");
    message.attributes["trace"] = "t 1";
    co_await context.broker.publish("topic", std::move(message));
    co_await until(context, [&] { return !one->came.empty() && !other->came.empty(); });
    co_await context.clock.sleep(300ms);
  });
  EXPECT_EQ(one->came, std::vector<std::string>{"m1 1"});
  EXPECT_EQ(other->came, std::vector<std::string>{"m1 1"});
  EXPECT_EQ(carried, "body|key|t 1");
}

TYPED_TEST(ConformanceOfBrokerAndShutdown, AMessageThatIsRefusedComesAgainBeforeThoseAfterItOfItsKey) {
  std::unique_ptr<Consumer> consumer;
  this->start({{"a", service([&](Context& context) {
                  const auto refuse_first = [](Context&, Delivery& delivery) -> Task<void> {
                    if (delivery.message().id == "m1" && delivery.attempt() == 1) {
                      throw Failure(Effect::did_not_happen, "not now");
                    }
                    if (delivery.message().id == "m2" && delivery.attempt() == 1) delivery.refuse();
                    co_return;
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), refuse_first);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", "k"}, {"m2", "k"}, {"m3", "k"}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return consumer->came.size() >= 5; });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "m1 2", "m2 1", "m2 2", "m3 1"}));
}

TYPED_TEST(ConformanceOfBrokerAndShutdown, AnotherKeyDoesNotWait) {
  std::unique_ptr<Consumer> consumer;
  bool blocked = true;
  this->start({{"a", service([&](Context& context) {
                  const auto hold = [&](Context& on, Delivery& delivery) -> Task<void> {
                    while (blocked && delivery.message().key == "k") co_await on.clock.sleep(10ms);
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), hold);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", "k"}, {"m2", "k"}, {"n1", "other"}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return consumer->came.size() >= 2; });
    blocked = false;
    co_await until(context, [&] { return consumer->came.size() >= 3; });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "n1 1", "m2 1"}));
}

TYPED_TEST(ConformanceOfBrokerAndShutdown, WithoutAnAnswerInTimeAMessageComesAgain) {
  std::unique_ptr<Consumer> consumer;
  this->start({{"a", service([&](Context& context) {
                  const auto dawdle = [](Context& on, Delivery& delivery) -> Task<void> {
                    if (delivery.attempt() == 1) co_await on.clock.sleep(4s);
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), dawdle);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", ""}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return consumer->came.size() >= 2; });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "m1 2"}));
}

TYPED_TEST(ConformanceOfBrokerAndShutdown, AfterItsLastDeliveryAMessageIsADeadLetter) {
  std::unique_ptr<Consumer> consumer, undertaker;
  this->start({{"a", service([&](Context& context) {
                  const auto never = [](Context&, Delivery& delivery) -> Task<void> {
                    delivery.refuse();
                    co_return;
                  };
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), never);
                  undertaker = std::make_unique<Consumer>(context, subscription_of("topic.dead", "undertaker"), nullptr);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> messages = {{"m1", ""}};
    co_await publish_all(context, std::move(messages));
    co_await until(context, [&] { return !undertaker->came.empty(); });
  });
  EXPECT_EQ(consumer->came, (std::vector<std::string>{"m1 1", "m1 2", "m1 3"}));
  EXPECT_EQ(undertaker->came, std::vector<std::string>{"m1 1"});
}

// ---- shutdown ----

TYPED_TEST(ConformanceOfBrokerAndShutdown, AServiceThatIsAskedToStopAnswersWhatIsInWorkAndTakesNothingNew) {
  std::unique_ptr<Echo> echo;
  start_pair(*this, echo);
  std::string in_work;
  std::optional<CallFailed> refused;
  bool saw_it = false;
  const auto ask = [&](Context& context) -> Task<void> {
    Request request("GET", "/slow");
    const Response response = co_await context.http.call("b", std::move(request), 5s);
    in_work = response.body;
  };
  const auto ask_late = [&](Context& context) -> Task<void> {
    try {
      Request request("GET", "/slow");
      co_await context.http.call("b", std::move(request), 5s);
    } catch (const CallFailed& error) {
      refused = error;
    }
  };
  const auto loop = [&](Context& context) -> Task<void> {
    while (!context.stopping()) co_await context.clock.sleep(5ms);
    saw_it = true;
  };
  this->bench.spawn("b", loop);
  this->bench.spawn("a", ask);
  this->bench.run("a", [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(100ms);
    this->bench.ask_to_stop("b");
    Task<void> asking = ask_late(context);
    co_await std::move(asking);
  });
  EXPECT_EQ(in_work, "late");
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(refused->may_have_happened());
  EXPECT_TRUE(saw_it);
}

TYPED_TEST(ConformanceOfBrokerAndShutdown, AServiceThatStopsIsGivenNoFurtherMessages) {
  std::unique_ptr<Consumer> consumer;
  this->start({{"a", service([](Context&) {})},
               {"b", service([&](Context& context) {
                  consumer = std::make_unique<Consumer>(context, subscription_of("topic", "group"), nullptr);
                })}});
  this->bench.run("a", [&](Context& context) -> Task<void> {
    std::vector<std::pair<std::string, std::string>> before = {{"m1", ""}};
    co_await publish_all(context, std::move(before));
    co_await until(context, [&] { return consumer->came.size() == 1; });
    co_await context.clock.sleep(200ms);
    this->bench.ask_to_stop("b");
    co_await context.clock.sleep(200ms);
    std::vector<std::pair<std::string, std::string>> after = {{"m2", ""}};
    co_await publish_all(context, std::move(after));
    co_await context.clock.sleep(1s);
  });
  EXPECT_EQ(consumer->came, std::vector<std::string>{"m1 1"});
}

}  // namespace
}  // namespace orrery::conformance
