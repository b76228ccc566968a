#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/real-mode/real_world.hpp"

namespace orrery::real {
namespace {

class RealBrokerTest : public RealWorldTest {
 public:
  RealBrokerTest() {
    connection_ = fresh_database();
    migrate(connection_, broker_migrations());
    pool();
    broker_ = std::make_unique<PgBroker>(loop_, random_, tracer_, recorder_, mishaps_, telemetry_, *pool_, connection_);
  }
  void publish(const std::string& id, const std::string& key) {
    Message message(id, key, "body of " + id);
    message.attributes["trace"] = "t-" + id;
    complete(loop_, broker_->publish("topic", std::move(message)));
  }
  Task<void> note(Delivery& delivery) {
    seen_.push_back(delivery.message().id + "#" + std::to_string(delivery.attempt()));
    if (pause_ > Duration::zero()) co_await clock_.sleep(pause_);
    if (failures_ > 0) {
      --failures_;
      throw Failure(Effect::did_not_happen, "not now");
    }
  }
  void subscribe(Subscription subscription) {
    broker_->subscribe(std::move(subscription), [this](Delivery& delivery) { return note(delivery); });
  }
  void run_until_seen(std::size_t count) {
    EXPECT_TRUE(loop_.run([&] { return seen_.size() >= count && broker_->in_work() == 0; }, loop_.now() + 5s));
  }

  void await_listeners(std::size_t count) {
    const auto listeners = [&] { return exec("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'").size(); };
    for (int tries = 0; tries < 500 && listeners() != count; ++tries) loop_.run({}, loop_.now() + 10ms);
    EXPECT_EQ(listeners(), count);
  }

  std::vector<std::string> seen_;
  Duration pause_{};
  int failures_ = 0;
};

TEST_F(RealBrokerTest, AGroupGetsEveryMessageFromTheTopicsBeginning) {
  publish("a", "");
  subscribe(Subscription("topic", "group"));
  run_until_seen(1);
  publish("b", "");
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"a#1", "b#1"}));
  loop_.run({}, loop_.now() + 600ms);
  EXPECT_EQ(seen_.size(), 2u);  // acknowledged: they do not come again
}

TEST_F(RealBrokerTest, MessagesOfAKeyComeInOrderAlsoAfterARefusal) {
  for (const char* id : {"a1", "a2", "a3"}) publish(id, "a");
  failures_ = 1;
  Subscription subscription("topic", "group");
  subscription.retry_delay = 50ms;
  subscribe(std::move(subscription));
  run_until_seen(4);
  EXPECT_EQ(seen_, (std::vector<std::string>{"a1#1", "a1#2", "a2#1", "a3#1"}));
}

TEST_F(RealBrokerTest, WithoutAnAnswerAMessageComesAgainAfterTheAckDeadline) {
  publish("a", "k");
  Fault lost;
  lost.kind = FaultKind::lose_ack;
  lost.target = "host-1>broker";
  lost.ordinal = 1;
  mishaps_.arm({lost}, {});
  Subscription subscription("topic", "group");
  subscription.ack_deadline = 200ms;
  subscribe(std::move(subscription));
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"a#1", "a#2"}));
}

TEST_F(RealBrokerTest, AMessageThatIsRefusedTooOftenIsADeadLetterAndTheNextOneComes) {
  publish("poison", "k");
  publish("good", "k");
  failures_ = 2;
  Subscription subscription("topic", "group");
  subscription.retry_delay = 10ms;
  subscription.max_deliveries = 2;
  subscribe(std::move(subscription));
  run_until_seen(3);
  EXPECT_EQ(seen_, (std::vector<std::string>{"poison#1", "poison#2", "good#1"}));
  const Rows dead = exec("SELECT id, key, body FROM orrery_messages WHERE topic = 'topic.dead'");
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0]["id"].text(), "poison");
}

TEST_F(RealBrokerTest, APublishWithoutADatabaseSaysWhetherItMayHaveHappened) {
  Fault lost;
  lost.kind = FaultKind::lose_confirmation;
  lost.target = "host-1>broker";
  lost.ordinal = 1;
  mishaps_.arm({lost}, {});
  try {
    publish("a", "");
    FAIL() << "the confirmation was lost";
  } catch (const PublishFailed& failed) {
    EXPECT_TRUE(failed.may_have_happened());
  }
  EXPECT_EQ(exec("SELECT id FROM orrery_messages").size(), 1u);
}

TEST_F(RealBrokerTest, ANotificationWakesASubscriberThatWouldNotLookByItself) {
  broker_->look_every(1h);
  subscribe(Subscription("topic", "group"));
  publish("first", "");
  run_until_seen(1);  // whether it was told or looked when it began to listen
  await_listeners(1);
  publish("second", "");
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"first#1", "second#1"}));
}

TEST_F(RealBrokerTest, WhatIsPublishedWhileNobodyListensIsSeenWhenTheConnectionIsBack) {
  broker_->look_every(1h);
  subscribe(Subscription("topic", "group"));
  await_listeners(1);
  publish("first", "");
  run_until_seen(1);
  exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
  await_listeners(0);
  publish("second", "");
  run_until_seen(2);
  EXPECT_EQ(seen_, (std::vector<std::string>{"first#1", "second#1"}));
}

}  // namespace
}  // namespace orrery::real
