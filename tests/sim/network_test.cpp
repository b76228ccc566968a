#include "sim/network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/mailbox.hpp"

namespace orrery::sim {
namespace {

/// Two hosts, and what arrives from one at the other.
class NetworkTest : public testing::Test {
 protected:
  NetworkTest() {
    for (Host* host : {&a, &b}) kernel.start(*host);
  }
  ~NetworkTest() override { kernel.clear(); }

  class Probe final : public Packet {
   public:
    Probe(NetworkTest& test, int number) : test_(test), number_(number) {}
    void arrive() override { test_.arrived.push_back({number_, test_.kernel.now()}); }
    void lost(Loss loss) override { test_.losses.push_back(loss); }
    [[nodiscard]] std::unique_ptr<Packet> duplicate() const override { return std::make_unique<Probe>(test_, number_); }
    [[nodiscard]] std::string describe() const override { return "probe " + std::to_string(number_); }

   private:
    NetworkTest& test_;
    int number_;
  };
  void send(int number) { network.send(a, b, std::make_unique<Probe>(*this, number)); }
  void run_for(Duration duration) { kernel.run_until(kernel.now() + duration); }

  Kernel kernel{11, true};
  Decisions decisions{kernel};
  Network network{kernel, decisions};
  Host& a = kernel.add_host("a", nullptr);
  Host& b = kernel.add_host("b", nullptr);
  struct Arrival {
    int number;
    Instant at;
  };
  std::vector<Arrival> arrived;
  std::vector<Loss> losses;
};

TEST_F(NetworkTest, DeliversAfterALatencyWithATail) {
  for (int i = 0; i < 2000; ++i) send(i);
  run_for(1s);
  ASSERT_EQ(arrived.size(), 2000U);
  int late = 0;
  for (const Arrival& arrival : arrived) {
    EXPECT_GE(arrival.at, Instant(network.latency.minimum));
    if (arrival.at > Instant(network.latency.minimum + network.latency.usual)) ++late;
  }
  EXPECT_GT(late, 10);
  EXPECT_LT(late, 100);
}

TEST_F(NetworkTest, MessagesOvertakeEachOtherUnlessTheyAreOnAStream) {
  for (int i = 0; i < 50; ++i) send(i);
  run_for(1s);
  EXPECT_FALSE(std::ranges::is_sorted(arrived, {}, &Arrival::number));
  arrived.clear();
  Instant stream = Instant::min();
  for (int i = 0; i < 50; ++i) network.send(a, b, std::make_unique<Probe>(*this, i), stream);
  run_for(1s);
  ASSERT_EQ(arrived.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(arrived, {}, &Arrival::number));
}

TEST_F(NetworkTest, ADeadHostRefusesQuickly) {
  kernel.crash(b, "test");
  send(1);
  run_for(100ms);
  EXPECT_EQ(losses, std::vector<Loss>{Loss::refused});
}

TEST_F(NetworkTest, APartitionIsSilentAndMayBeOneWay) {
  network.block(a, b);
  send(1);
  run_for(1s);
  EXPECT_TRUE(arrived.empty());
  EXPECT_EQ(losses, std::vector<Loss>{Loss::dropped});
  EXPECT_FALSE(network.blocked(b, a));
  network.unblock(a, b);
  send(2);
  run_for(1s);
  EXPECT_EQ(arrived.size(), 1U);
}

TEST_F(NetworkTest, ASlowLinkAddsToEveryLatency) {
  network.slow(a, b, 500ms);
  send(1);
  run_for(499ms);
  EXPECT_TRUE(arrived.empty());
  run_for(1s);
  EXPECT_EQ(arrived.size(), 1U);
}

TEST_F(NetworkTest, TheFirstRuleThatDoesNotPassDecidesAndAGuardTakesItAway) {
  {
    const Network::Guard pass = network.add_rule([](const Packet&) { return sim::Verdict::pass(); });
    const Network::Guard drop = network.add_rule([](const Packet&) { return sim::Verdict::drop(); });
    const Network::Guard never_asked = network.add_rule([](const Packet&) { return sim::Verdict::deliver(1s); });
    send(1);
    run_for(2s);
    EXPECT_TRUE(arrived.empty());
  }
  send(2);
  run_for(2s);
  EXPECT_EQ(arrived.size(), 1U);
}

TEST_F(NetworkTest, APausedHostGetsItsMessagesWhenItIsResumed) {
  kernel.on_resume([&](Host& host) { network.resumed(host); });
  kernel.pause(b);
  send(1);
  run_for(1s);
  EXPECT_TRUE(arrived.empty());
  kernel.resume(b);
  run_for(1ms);
  EXPECT_EQ(arrived.size(), 1U);
}

TEST_F(NetworkTest, RatesStrikeAboutAsOftenAsTheySayAndEachStrikeIsExplicit) {
  FaultRates rates;
  rates[FaultKind::drop].per_million = 100'000;
  rates[FaultKind::duplicate].per_million = 100'000;
  decisions.set_rates(rates);
  for (int i = 0; i < 1000; ++i) send(i);
  run_for(5s);
  const auto count = [&](FaultKind kind) { return std::ranges::count(decisions.struck(), kind, &Fault::kind); };
  EXPECT_GT(count(FaultKind::drop), 60);
  EXPECT_LT(count(FaultKind::drop), 140);
  EXPECT_GT(count(FaultKind::duplicate), 60);
  EXPECT_EQ(static_cast<long>(arrived.size()), 1000 - count(FaultKind::drop) + count(FaultKind::duplicate));
}

TEST_F(NetworkTest, WhatStruckByRateStrikesAgainWhenItIsArmed) {
  FaultRates rates;
  rates[FaultKind::drop].per_million = 50'000;
  decisions.set_rates(rates);
  for (int i = 0; i < 300; ++i) send(i);
  run_for(5s);

  Kernel again(11, false);
  Decisions armed(again);
  armed.arm(decisions.struck());
  int dropped = 0;
  for (std::uint64_t n = 1; n <= 300; ++n) {
    if (armed.strike(FaultKind::drop, "a>b", entity_of("a>b"), n) != nullptr) ++dropped;
  }
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(armed.struck(), decisions.struck());
  EXPECT_TRUE(armed.unused().empty());
}

Task<void> receive_all(Mailbox& mailbox, int& received) {
  for (;;) {
    (void)co_await mailbox.receive();
    ++received;
  }
}

TEST_F(NetworkTest, AMailboxHandsOverEveryDatagram) {
  Mailbox from(a, network);
  Mailbox to(b, network);
  int received = 0;
  b.spawn("receiver", receive_all(to, received));
  for (int i = 0; i < 20; ++i) from.send(to, Datagram());
  run_for(1s);
  EXPECT_EQ(received, 20);
  for (int i = 0; i < 20; ++i) from.send(to, Datagram());
  run_for(1s);
  EXPECT_EQ(received, 40);
}

}  // namespace
}  // namespace orrery::sim
