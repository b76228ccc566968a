#include "sim/broker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "tests/sim/broker_lab.hpp"

namespace orrery::sim {
namespace {

using Ids = std::vector<std::string>;

TEST(Broker, DeliversWhatIsPublishedAndSettlesIt) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_EQ(lab.outcomes["m1"], "confirmed");
  EXPECT_EQ(consumer.begun, Ids{"a m1 1"});
  EXPECT_TRUE(lab.server.at_rest());

  const History& history = lab.kernel.recorder().history();
  std::vector<EventKind> kinds;
  for (const Event& event : history.events()) {
    if (is_fact(event.kind) && event.key == "m1") kinds.push_back(event.kind);
  }
  using enum EventKind;
  std::ranges::sort(kinds);
  EXPECT_EQ(kinds, (std::vector{publish_started, message_stored, publish_confirmed, message_delivered,
                                message_acknowledged, message_settled}));
  const Event& delivered = *history.of(message_delivered).front();
  EXPECT_EQ(delivered.host, "a");
  EXPECT_EQ(delivered.subject, "t/g");
  EXPECT_EQ(delivered.number, 1);
  EXPECT_EQ(delivered.text, "body");
  EXPECT_EQ(delivered.detail, "k");
  const Event& stored = *history.of(message_stored).front();
  EXPECT_EQ(stored.host, "broker");
  EXPECT_EQ(stored.subject, "t");
  EXPECT_EQ(stored.number, 0);
  EXPECT_EQ(stored.detail, "k");
}

TEST(Broker, KeepsTheCausesFromThePublishToTheSettling) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.run_for(1s);
  lab.publish(producer, "m1");
  lab.run_for(1s);
  const History& history = lab.kernel.recorder().history();
  std::vector<EventKind> facts;
  for (const Event* event = history.of(EventKind::message_settled).at(0); event != nullptr;
       event = history.find(event->cause)) {
    if (is_fact(event->kind)) facts.push_back(event->kind);
    if (event->kind == EventKind::publish_started) break;
  }
  using enum EventKind;
  EXPECT_EQ(facts,
            (std::vector{message_settled, message_acknowledged, message_delivered, message_stored, publish_started}));
}

TEST(Broker, GivesEachGroupEveryMessage) {
  BrokerLab lab;
  Consumer one(lab);
  Consumer two(lab);
  Host& producer = lab.add("producer");
  lab.add("a", one.subscribing(Subscription("t", "g1")));
  lab.add("b", two.subscribing(Subscription("t", "g2")));
  for (const char* id : {"m1", "m2", "m3"}) lab.publish(producer, id, id);
  lab.run_for(1s);
  std::ranges::sort(one.done);
  std::ranges::sort(two.done);
  EXPECT_EQ(one.done, (Ids{"m1", "m2", "m3"}));
  EXPECT_EQ(two.done, (Ids{"m1", "m2", "m3"}));
}

TEST(Broker, GivesALateGroupTheTopicFromItsBeginning) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  for (const char* id : {"m1", "m2", "m3"}) {
    lab.publish(producer, id);
    lab.run_for(1s);
  }
  Consumer consumer(lab);
  lab.add("a", consumer.subscribing());
  lab.run_for(1s);
  EXPECT_EQ(consumer.done, (Ids{"m1", "m2", "m3"}));
}

TEST(Broker, LetsTheSubscribersOfAGroupShareTheMessages) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.add("b", consumer.subscribing());
  lab.run_for(1s);
  for (int i = 0; i < 40; ++i) lab.publish(producer, "m" + std::to_string(i), "k" + std::to_string(i));
  lab.run_for(5s);
  EXPECT_EQ(consumer.done.size(), 40U);
  EXPECT_EQ(std::set<std::string>(consumer.done.begin(), consumer.done.end()).size(), 40U);
  const auto at_a =
      std::ranges::count_if(consumer.begun, [](const std::string& what) { return what.starts_with("a "); });
  EXPECT_GT(at_a, 8);
  EXPECT_LT(at_a, 32);
}

TEST(Broker, GivesASubscriberNoMoreThanItAskedFor) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.works = 1s;
  Subscription subscription("t", "g");
  subscription.concurrency = 2;
  Host& producer = lab.add("producer");
  Host& a = lab.add("a", consumer.subscribing(subscription));
  for (int i = 0; i < 6; ++i) lab.publish(producer, "m" + std::to_string(i), "");
  for (int i = 0; i < 50; ++i) {
    lab.run_for(100ms);
    EXPECT_LE(BrokerLab::client(a).in_work(), 2U);
  }
  EXPECT_EQ(consumer.done.size(), 6U);
}

TEST(Broker, BlocksAKeyUntilARefusedMessageIsDone) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.fails["m1"] = 3;
  Host& producer = lab.add("producer");
  for (const char* id : {"m1", "m2", "m3"}) {
    lab.publish(producer, id, "same");
    lab.run_for(100ms);
  }
  lab.publish(producer, "other", "different");
  lab.add("a", consumer.subscribing());
  lab.add("b", consumer.subscribing());
  lab.run_for(20s);
  EXPECT_EQ(consumer.done, (Ids{"other", "m1", "m2", "m3"}));
  EXPECT_EQ(lab.keys_of(EventKind::message_refused), (Ids{"m1", "m1", "m1"}));
  EXPECT_EQ(lab.kernel.recorder().history().of(EventKind::message_refused).front()->text, "not yet");
}

TEST(Broker, HasNoOrderForAnEmptyKey) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.fails["m1"] = 1;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  for (const char* id : {"m1", "m2"}) {
    lab.publish(producer, id, "");
    lab.run_for(100ms);
  }
  lab.run_for(5s);
  EXPECT_EQ(consumer.done, (Ids{"m2", "m1"}));
}

TEST(Broker, DeliversAgainWhenTheAckDeadlinePassesAfterACrashOfTheConsumer) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.arm_crash_at("a/t/g before acknowledge", "a");
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_FALSE(lab.kernel.find_host("a")->alive());
  EXPECT_TRUE(lab.keys_of(EventKind::message_acknowledged).empty());
  lab.kernel.start(*lab.kernel.find_host("a"));
  lab.run_for(27s);
  EXPECT_EQ(consumer.begun, Ids{"a m1 1"});
  lab.run_for(5s);
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 2"}));
  EXPECT_EQ(consumer.done, (Ids{"m1", "m1"}));
  EXPECT_TRUE(lab.server.at_rest());
}

TEST(Broker, LosesNoAcknowledgementThatWasSentBeforeTheConsumerDied) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.arm_crash_at("a/t/g after acknowledge", "a");
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_FALSE(lab.kernel.find_host("a")->alive());
  EXPECT_TRUE(lab.server.at_rest());
}

TEST(Broker, GivesAnotherSubscriberAtOnceWhatADeadHostRefused) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  Host& a = lab.add("a", consumer.subscribing());
  lab.add("b", consumer.subscribing());
  lab.run_for(1s);
  lab.kernel.crash(a, "the test says so");
  for (int i = 0; i < 20; ++i) lab.publish(producer, "m" + std::to_string(i), "k" + std::to_string(i));
  lab.run_for(1s);
  EXPECT_EQ(consumer.done.size(), 20U);
  for (const std::string& what : consumer.begun) EXPECT_TRUE(what.starts_with("b ") && what.ends_with(" 1")) << what;
}

TEST(Broker, GivesNothingToASubscriberThatFellSilent) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  Host& a = lab.add("a", consumer.subscribing());
  lab.add("b", consumer.subscribing());
  lab.run_for(1s);
  lab.network.block(a, lab.broker);
  lab.network.block(lab.broker, a);
  lab.run_for(kLease + 1s);
  for (int i = 0; i < 20; ++i) lab.publish(producer, "m" + std::to_string(i), "k" + std::to_string(i));
  lab.run_for(1s);
  EXPECT_EQ(consumer.done.size(), 20U);
  EXPECT_TRUE(std::ranges::all_of(consumer.begun, [](const std::string& what) { return what.starts_with("b "); }));

  lab.network.unblock(a, lab.broker);
  lab.network.unblock(lab.broker, a);
  lab.run_for(kHeartbeat + 1s);
  for (int i = 20; i < 40; ++i) lab.publish(producer, "m" + std::to_string(i), "k" + std::to_string(i));
  lab.run_for(1s);
  EXPECT_TRUE(std::ranges::any_of(consumer.begun, [](const std::string& what) { return what.starts_with("a "); }));
}

TEST(Broker, TakesAnAcknowledgementThatComesAfterTheDeadline) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.works = 2500ms;
  Subscription subscription("t", "g");
  subscription.ack_deadline = 1s;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing(subscription));
  lab.publish(producer, "m1");
  lab.publish(producer, "m2", "other");
  lab.run_for(2800ms);
  // The first attempts were too slow, and yet what they acknowledged is done.
  EXPECT_TRUE(lab.server.at_rest());
  lab.run_for(1min);
  EXPECT_EQ(consumer.begun.size(), 6U);
  EXPECT_EQ(lab.keys_of(EventKind::message_settled).size(), 2U);
}

TEST(Broker, GivesUpAfterTheLastDeliveryAndKeepsTheKeyInTheDeadLetterTopic) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.fails["poison"] = 100;
  Subscription subscription("t", "g");
  subscription.max_deliveries = 3;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing(subscription));
  lab.publish(producer, "poison", "same");
  lab.run_for(100ms);
  lab.publish(producer, "next", "same");
  lab.run_for(20s);
  EXPECT_EQ(consumer.begun, (Ids{"a poison 1", "a poison 2", "a poison 3", "a next 1"}));
  ASSERT_EQ(lab.server.dead_letters("t").size(), 1U);
  EXPECT_EQ(lab.server.dead_letters("t")[0].group, "g");
  EXPECT_EQ(lab.server.dead_letters("t")[0].deliveries, 3);
  ASSERT_EQ(lab.stored("t.dead"), Ids{"poison"});
  EXPECT_EQ(lab.server.stored("t.dead")[0]->key, "same");
  const Event& event = *lab.kernel.recorder().history().of(EventKind::message_dead_lettered).at(0);
  EXPECT_EQ(event.subject, "t/g");
  EXPECT_EQ(event.key, "poison");
  EXPECT_EQ(event.number, 3);
  EXPECT_TRUE(lab.server.at_rest());
}

TEST(Broker, DeadLettersAreDeliveredToTheGroupsOfTheirTopic) {
  BrokerLab lab;
  Consumer consumer(lab);
  Consumer undertaker(lab);
  consumer.fails["poison"] = 100;
  Subscription subscription("t", "g");
  subscription.max_deliveries = 1;
  subscription.dead_letter_topic = "graveyard";
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing(subscription));
  lab.add("b", undertaker.subscribing(Subscription("graveyard", "u")));
  lab.publish(producer, "poison");
  lab.run_for(1s);
  EXPECT_EQ(undertaker.done, Ids{"poison"});
}

class Careless final : public Consumer {
 public:
  using Consumer::Consumer;
  Task<void> handle(Host& host, Delivery& delivery) override {
    begun.push_back(host.name + " " + delivery.message().id + " " + std::to_string(delivery.attempt()));
    if (early) delivery.acknowledge();
    co_await host.sleep(works);
    if (delivery.attempt() == 1) throw std::runtime_error("a bug");
    delivery.refuse();  // answered already, or to be answered by the next attempt
  }
  bool early = false;
};

TEST(Broker, RecordsAnExceptionThatIsNoFailureAndRefuses) {
  BrokerLab lab;
  Careless consumer(lab);
  Subscription subscription("t", "g");
  subscription.max_deliveries = 2;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing(subscription));
  lab.publish(producer, "m1");
  lab.run_for(5s);
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 2"}));
  const auto failures = lab.kernel.recorder().history().of(EventKind::service_failed);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0]->subject, "t/g");
  EXPECT_EQ(failures[0]->text, "a bug");
  const auto refusals = lab.kernel.recorder().history().of(EventKind::message_refused);
  ASSERT_EQ(refusals.size(), 2U);
  EXPECT_EQ(refusals[0]->text, "a bug");
  EXPECT_EQ(refusals[1]->text, "refused by its handler");
  EXPECT_EQ(lab.server.dead_letters("t").size(), 1U);
}

TEST(Broker, TakesTheFirstAnswerOfAHandlerOnly) {
  BrokerLab lab;
  Careless consumer(lab);
  consumer.early = true;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.publish(producer, "m1");
  lab.run_for(5s);
  EXPECT_EQ(consumer.begun, Ids{"a m1 1"});
  EXPECT_TRUE(lab.keys_of(EventKind::message_refused).empty());
  EXPECT_TRUE(lab.server.at_rest());
}

TEST(Broker, HandsBackWhatReachesAProcessThatStops) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.works = 500ms;
  Host& producer = lab.add("producer");
  Host& a = lab.add("a", consumer.subscribing());
  lab.run_for(1s);
  lab.publish(producer, "m1");
  lab.run_for(100ms);
  EXPECT_EQ(consumer.begun, Ids{"a m1 1"});
  BrokerLab::client(a).stop();
  lab.publish(producer, "m2", "other");
  lab.run_for(100ms);
  EXPECT_EQ(BrokerLab::client(a).in_work(), 1U);
  lab.add("b", consumer.subscribing());
  lab.run_for(2s);
  std::ranges::sort(consumer.done);
  EXPECT_EQ(consumer.done, (Ids{"m1", "m2"}));
  EXPECT_EQ(std::ranges::count_if(consumer.begun, [](const auto& what) { return what.starts_with("a "); }), 1);
  EXPECT_EQ(BrokerLab::client(a).in_work(), 0U);
}

TEST(Broker, CostsNearlyNothingWhileItIdles) {
  BrokerLab lab;
  Consumer consumer(lab);
  lab.add("a", consumer.subscribing());
  lab.add("b", consumer.subscribing());
  lab.run_for(1s);
  const std::uint64_t before = lab.kernel.steps();
  lab.run_for(300s);
  // For each subscriber one heart-beat in three seconds: a task that wakes, a packet that arrives.
  EXPECT_LE(lab.kernel.steps() - before, 410U);
}

}  // namespace
}  // namespace orrery::sim
