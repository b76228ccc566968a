#include <gtest/gtest.h>

#include <rapidcheck.h>
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tests/sim/broker_lab.hpp"

namespace orrery::sim {
namespace {

using Ids = std::vector<std::string>;

TEST(BrokerFaults, APublishToABrokerThatIsDownDidNotHappen) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  lab.kernel.crash(lab.broker, "the test says so");
  lab.publish(producer, "m1");
  lab.run_for(100ms);
  EXPECT_EQ(lab.outcomes["m1"], "did not happen");
  EXPECT_EQ(lab.keys_of(EventKind::publish_failed), Ids{"m1"});
  EXPECT_TRUE(lab.stored().empty());
}

TEST(BrokerFaults, ACrashOfTheBrokerWithinAPublishIsKnownSoonAndMayHaveHappened) {
  std::set<std::size_t> copies;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    BrokerLab lab(seed);
    Host& producer = lab.add("producer");
    lab.publish(producer, "m1");
    while (lab.kernel.recorder().history().of(EventKind::message_arrived).empty()) lab.kernel.step();
    lab.run_for(Duration(1'000 * (seed % 2000)));
    if (lab.outcomes["m1"] == "confirmed" || !lab.keys_of(EventKind::publish_confirmed).empty()) continue;
    lab.kernel.crash(lab.broker, "the test says so");
    lab.run_for(100ms);
    ASSERT_NE(lab.outcomes["m1"], "open");
    ASSERT_NE(lab.outcomes["m1"], "did not happen");
    copies.insert(lab.stored().size());
    if (lab.outcomes["m1"] == "confirmed") {
      ASSERT_EQ(lab.stored().size(), 1U);
    }
  }
  EXPECT_EQ(copies, (std::set<std::size_t>{0, 1}));
}

TEST(BrokerFaults, APublishIntoAPartitionTimesOut) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  lab.network.block(producer, lab.broker);
  lab.publish(producer, "m1");
  lab.run_for(kPublishTimeout - 1ms);
  EXPECT_EQ(lab.outcomes["m1"], "open");
  lab.run_for(2ms);
  EXPECT_EQ(lab.outcomes["m1"], "may have happened");
}

TEST(BrokerFaults, ALostPublishIsNeverStored) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  lab.arm(FaultKind::lose_publish, "producer>broker", 1);
  lab.publish(producer, "m1");
  lab.run_for(10s);
  EXPECT_EQ(lab.outcomes["m1"], "may have happened");
  EXPECT_TRUE(lab.stored().empty());
  EXPECT_TRUE(lab.server.at_rest());
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_EQ(lab.stored(), Ids{"m1"});
}

TEST(BrokerFaults, ALostConfirmationStoresTheMessageTwiceWhenItIsPublishedAgain) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.arm(FaultKind::lose_confirmation, "producer>broker", 1);
  lab.publish(producer, "m1");
  lab.run_for(10s);
  EXPECT_EQ(lab.outcomes["m1"], "may have happened");
  EXPECT_EQ(lab.stored(), Ids{"m1"});
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_EQ(lab.outcomes["m1"], "confirmed");
  EXPECT_EQ(lab.stored(), (Ids{"m1", "m1"}));
  EXPECT_EQ(consumer.done, (Ids{"m1", "m1"}));
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 1"}));
}

TEST(BrokerFaults, ALostAcknowledgementBringsTheMessageAgain) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.arm(FaultKind::lose_ack, "a>broker", 1);
  lab.publish(producer, "m1");
  lab.run_for(40s);
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 2"}));
  EXPECT_EQ(lab.keys_of(EventKind::message_acknowledged).size(), 2U);
  EXPECT_EQ(lab.keys_of(EventKind::message_settled).size(), 1U);
}

TEST(BrokerFaults, ADuplicatedPublishIsStoredTwice) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  lab.arm(FaultKind::duplicate, "producer>broker", 1);
  lab.publish(producer, "m1");
  lab.run_for(10s);
  EXPECT_EQ(lab.outcomes["m1"], "confirmed");
  EXPECT_EQ(lab.stored(), (Ids{"m1", "m1"}));
}

TEST(BrokerFaults, ADuplicatedDeliveryIsHandledTwice) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.arm(FaultKind::duplicate, "broker>a", 1);
  lab.publish(producer, "m1");
  lab.run_for(10s);
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 1"}));
  EXPECT_EQ(lab.keys_of(EventKind::message_settled).size(), 1U);
}

TEST(BrokerFaults, ARedeliveryComesBesideTheFirstOneOrAfterItsAcknowledgement) {
  int beside = 0;
  int after = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    BrokerLab lab(seed);
    Consumer consumer(lab);
    consumer.works = 30ms;
    Host& producer = lab.add("producer");
    lab.add("a", consumer.subscribing());
    lab.arm(FaultKind::redeliver, "t/g", 1);
    lab.publish(producer, "m1");
    lab.run_for(10s);
    std::ranges::sort(consumer.begun);  // the second may even overtake the first
    ASSERT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 2"}));
    const History& history = lab.kernel.recorder().history();
    const EventId settled = history.of(EventKind::message_settled).at(0)->id;
    (history.of(EventKind::message_delivered).at(1)->id > settled ? after : beside) += 1;
    EXPECT_EQ(history.of(EventKind::message_settled).size(), 1U);
    EXPECT_TRUE(lab.server.at_rest());
  }
  EXPECT_GT(beside, 5);
  EXPECT_GT(after, 5);
}

TEST(BrokerFaults, ADelayedBrokerDeliversLater) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.run_for(1s);
  lab.server.set_delivery_delay(2s);
  lab.publish(producer, "m1");
  lab.run_for(1900ms);
  EXPECT_EQ(lab.outcomes["m1"], "confirmed");
  EXPECT_TRUE(consumer.begun.empty());
  lab.run_for(200ms);
  EXPECT_EQ(consumer.begun, Ids{"a m1 1"});
  lab.server.set_delivery_delay(Duration::zero());
  lab.publish(producer, "m2");
  lab.run_for(100ms);
  EXPECT_EQ(consumer.done, (Ids{"m1", "m2"}));
}

TEST(BrokerFaults, APausedBrokerDoesNothing) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.fails["m1"] = 1;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.publish(producer, "m1");
  lab.run_for(500ms);
  EXPECT_EQ(lab.keys_of(EventKind::message_refused).size(), 1U);
  lab.kernel.pause(lab.broker);
  lab.publish(producer, "m2", "other");
  lab.run_for(4s);
  EXPECT_EQ(consumer.begun.size(), 1U);
  EXPECT_EQ(lab.stored(), Ids{"m1"});
  lab.kernel.resume(lab.broker);
  lab.run_for(500ms);
  EXPECT_EQ(lab.outcomes["m2"], "confirmed");
  std::ranges::sort(consumer.done);
  EXPECT_EQ(consumer.done, (Ids{"m1", "m2"}));
}

TEST(BrokerFaults, ARestartedBrokerKnowsEverythingAndDeliversAgainWhatWasInWork) {
  BrokerLab lab;
  Consumer consumer(lab);
  consumer.works = 20s;
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.publish(producer, "m1");
  lab.run_for(1s);
  lab.publish(producer, "m2");
  lab.run_for(1s);
  EXPECT_EQ(lab.server.backlog("t", "g"), 2U);
  lab.restart(lab.broker);
  lab.run_for(kHeartbeat + 100ms);
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 2"}));
  lab.run_for(16s);
  // The late acknowledgement of the delivery before the crash counts.
  EXPECT_EQ(lab.keys_of(EventKind::message_settled), Ids{"m1"});
  lab.run_for(1min);
  EXPECT_EQ(consumer.begun, (Ids{"a m1 1", "a m1 2", "a m2 1"}));
  EXPECT_TRUE(lab.server.at_rest());
}

TEST(BrokerFaults, PlacesAreReachedAroundPublishAndAcknowledge) {
  BrokerLab lab;
  Consumer consumer(lab);
  Host& producer = lab.add("producer");
  lab.add("a", consumer.subscribing());
  lab.publish(producer, "m1");
  lab.run_for(1s);
  Ids reached;
  for (const Event* event : lab.kernel.recorder().history().of(EventKind::place_reached))
    reached.push_back(event->subject);
  std::ranges::sort(reached);
  EXPECT_EQ(reached, (Ids{"a/t/g after acknowledge", "a/t/g before acknowledge", "producer/publish after publish",
                          "producer/publish before publish"}));
}

TEST(BrokerFaults, AProducerThatDiesAfterItsPublishLeavesAStoredMessage) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  lab.arm_crash_at("producer/publish after publish", "producer");
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_FALSE(producer.alive());
  EXPECT_EQ(lab.outcomes["m1"], "open");
  EXPECT_EQ(lab.stored(), Ids{"m1"});
}

TEST(BrokerFaults, OneThatDiesBeforeItsPublishLeavesNothing) {
  BrokerLab lab;
  Host& producer = lab.add("producer");
  lab.arm_crash_at("producer/publish before publish", "producer");
  lab.publish(producer, "m1");
  lab.run_for(1s);
  EXPECT_TRUE(lab.stored().empty());
  EXPECT_TRUE(lab.keys_of(EventKind::publish_started).empty());
}

// ---- random schedules ----

/// What happens in a random run, at a time.
struct Step {
  enum class What { publish, crash_broker, crash_a, crash_b, pause_b, cut_a, count_ };
  int at_ms;
  What what;
  int key;
  int lasts_ms;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  static constexpr const char* kNames[] = {"publish", "crash broker", "crash a", "crash b", "pause b", "cut a off"};
  return out << step.at_ms << "ms " << kNames[static_cast<int>(step.what)] << " k" << step.key << " for "
             << step.lasts_ms << "ms";
}

rc::Gen<Step> any_step() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 10'000), rc::gen::inRange(0, 24), rc::gen::inRange(0, 3),
                                     rc::gen::inRange(1, 4'000)),
                      [](const std::tuple<int, int, int, int>& drawn) {
                        const auto [at, what, key, lasts] = drawn;
                        const int kinds = static_cast<int>(Step::What::count_);
                        return Step{at, what < kinds ? static_cast<Step::What>(what) : Step::What::publish, key, lasts};
                      });
}

class Schedule {
 public:
  Schedule(std::uint64_t seed, const std::vector<Step>& steps, bool strikes)
      : lab_(seed), consumer_(lab_), producer_(lab_.add("producer")) {
    Subscription subscription("t", "g");
    subscription.ack_deadline = 5s;
    subscription.concurrency = 2;
    subscription.max_deliveries = 1'000;
    a_ = &lab_.add("a", consumer_.subscribing(subscription));
    b_ = &lab_.add("b", consumer_.subscribing(subscription));
    if (strikes) {
      FaultRates rates;
      for (const FaultKind kind : {FaultKind::lose_publish, FaultKind::lose_confirmation, FaultKind::lose_ack,
                                   FaultKind::drop, FaultKind::delay}) {
        rates[kind].per_million = 100'000;
        rates[kind].amount_high = 500'000;
      }
      lab_.decisions.set_rates(rates);
    }
    int number = 0;
    for (const Step& step : steps) {
      lab_.kernel.at(Instant(std::chrono::milliseconds(step.at_ms)), [this, step, id = ++number] { begin(step, id); });
    }
    lab_.kernel.at(Instant(15s), [this] { lab_.decisions.disarm(); });
  }

  void run() { lab_.run_for(200s); }
  BrokerLab& lab() { return lab_; }

 private:
  void begin(const Step& step, int id) {
    const Duration lasts = std::chrono::milliseconds(step.lasts_ms);
    switch (step.what) {
      case Step::What::publish: {
        const std::string message = "m" + std::to_string(id);
        consumer_.fails[message] = step.lasts_ms % 3;
        lab_.publish(producer_, message, "k" + std::to_string(step.key));
        return;
      }
      case Step::What::crash_broker:
        return crash(lab_.broker, lasts);
      case Step::What::crash_a:
        return crash(*a_, lasts);
      case Step::What::crash_b:
        return crash(*b_, lasts);
      case Step::What::pause_b:
        lab_.kernel.pause(*b_);
        lab_.kernel.at(lab_.kernel.now() + lasts, [this] { lab_.kernel.resume(*b_); });
        return;
      case Step::What::cut_a:
        lab_.network.block(*a_, lab_.broker);
        lab_.kernel.at(lab_.kernel.now() + lasts, [this] { lab_.network.unblock(*a_, lab_.broker); });
        return;
      case Step::What::count_:
        return;
    }
  }
  void crash(Host& host, Duration lasts) {
    if (!host.alive()) return;
    lab_.kernel.crash(host, "the schedule says so");
    lab_.kernel.at(lab_.kernel.now() + lasts, [this, &host] {
      if (!host.alive()) lab_.kernel.start(host);
    });
  }

  BrokerLab lab_;
  Consumer consumer_;
  Host& producer_;
  Host* a_ = nullptr;
  Host* b_ = nullptr;
};

/// Everything a durable, ordered, at-least-once broker promises, read from the history.
void expect_promises_kept(BrokerLab& lab) {
  const auto& events = lab.kernel.recorder().history().events();
  std::map<std::string, std::vector<std::string>> order;  // key → ids as stored
  std::map<std::string, std::string> key_of;
  std::map<std::string, int> open;
  std::set<std::string> done;
  for (const Event& event : events) {
    if (event.kind == EventKind::message_stored) {
      order[event.detail].push_back(event.key);
      key_of[event.key] = event.detail;
      ++open[event.key];
    } else if (event.kind == EventKind::message_settled) {
      const auto stored = open.find(event.key);
      RC_ASSERT(stored != open.end() && stored->second > 0);
      --stored->second;
    } else if (event.kind == EventKind::publish_confirmed) {
      RC_ASSERT(key_of.contains(event.key));
    } else if (event.kind == EventKind::message_acknowledged) {
      done.insert(event.key);
    } else if (event.kind == EventKind::message_delivered) {
      for (const std::string& earlier : order.at(event.detail)) {
        if (earlier == event.key) break;
        RC_ASSERT(open[earlier] == 0);  // nothing overtakes an earlier message of its key
      }
    }
  }
  for (const auto& [id, outcome] : lab.outcomes) {
    RC_ASSERT(outcome != "open");
    if (outcome == "confirmed") RC_ASSERT(done.contains(id));
    if (outcome == "did not happen") RC_ASSERT(!key_of.contains(id));
  }
  for (const auto& [id, copies] : open) RC_ASSERT(copies == 0);
  RC_ASSERT(lab.server.at_rest());
}

TEST(BrokerFaults, NothingConfirmedIsLostAndNoKeyIsReorderedOverCrashesOnEverySchedule) {
  const bool holds = rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
    Schedule schedule(seed, steps, *rc::gen::arbitrary<bool>());
    schedule.run();
    expect_promises_kept(schedule.lab());
  });
  EXPECT_TRUE(holds);
}

TEST(BrokerFaults, TheSameSeedGivesTheSameRun) {
  std::vector<Step> steps;
  for (int i = 0; i < 60; ++i) {
    steps.push_back(
        {i * 150, i % 9 == 8 ? static_cast<Step::What>(1 + i / 9 % 5) : Step::What::publish, i % 4, 300 * (i % 7) + 1});
  }
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Schedule first(seed, steps, true);
    first.run();
    Schedule second(seed, steps, true);
    second.run();
    ASSERT_EQ(first.lab().kernel.recorder().hash(), second.lab().kernel.recorder().hash()) << "seed " << seed;
    hashes.insert(first.lab().kernel.recorder().hash());
  }
  EXPECT_EQ(hashes.size(), 20U);
}

}  // namespace
}  // namespace orrery::sim
