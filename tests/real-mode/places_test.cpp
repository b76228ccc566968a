#include "real-mode/places.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "real-mode/ailments.hpp"
#include "real-mode/config.hpp"
#include "real-mode/control.hpp"

namespace orrery::real {
namespace {

class PlacesTest : public ::testing::Test {
 public:
  PlacesTest() {
    recorder_.on_event([this](Event event) { events_.push_back(std::move(event)); });
    mishaps_.on_hold([this](const Fault& fault) { held_.push_back(to_string(fault)); });
  }
  /// A task of that name passes a point so many times.
  void pass(const std::string& task, std::string point, int times) {
    const auto work = [](Mishaps& mishaps, std::string at, int count) -> Task<void> {
      for (int i = 0; i < count; ++i) mishaps.reached(at);
      co_return;
    };
    loop_.spawn(task, work(mishaps_, std::move(point), times));
    loop_.run([this] { return loop_.tasks() == 0; });
  }
  static Fault at_place(FaultKind kind, std::string target, std::string place, std::uint64_t ordinal) {
    Fault fault;
    fault.kind = kind;
    fault.target = std::move(target);
    fault.place = std::move(place);
    fault.ordinal = ordinal;
    fault.lasts = 1s;
    return fault;
  }

  Loop loop_;
  RealRandom random_;
  Recorder recorder_{"user-1"};
  Mishaps mishaps_{loop_, recorder_};
  std::vector<Event> events_;
  std::vector<std::string> held_;
};

TEST_F(PlacesTest, HoldsWhenAnArmedPlaceIsReachedForTheNthTime) {
  mishaps_.arm({at_place(FaultKind::crash, "user-1", "user-1/relay after publish", 3),
                at_place(FaultKind::partition, "user-2|broker", "user-1/relay after publish", 3),
                at_place(FaultKind::crash, "user-1", "user-1/relay before publish", 1)},
               {});
  pass("relay", "after publish", 2);
  pass("other", "after publish", 5);
  EXPECT_TRUE(held_.empty());
  pass("relay", "after publish", 2);
  ASSERT_EQ(held_.size(), 2u) << "both faults of the place, and only the third time";
  EXPECT_TRUE(held_[0].starts_with("crash user-1"));
  EXPECT_TRUE(held_[1].starts_with("partition user-2|broker"));
}

TEST_F(PlacesTest, CountsOnWhereAnEarlierProcessOfTheHostEnded) {
  mishaps_.arm({at_place(FaultKind::pause, "user-1", "user-1/relay after publish", 3)}, {{"user-1/relay after publish", 2}});
  pass("relay", "after publish", 1);
  EXPECT_EQ(held_.size(), 1u);
  ASSERT_FALSE(events_.empty());
  EXPECT_EQ(events_.back().kind, EventKind::place_reached);
  EXPECT_EQ(events_.back().number, 3);
}

TEST_F(PlacesTest, DrawsPausesOnlyWhereALeaseDoesNotCoverWhatFollows) {
  FaultRates rates;
  rates.pause_at_place.per_million = 1'000'000;
  rates.pause_at_place.lasts_low = 1s;
  rates.pause_at_place.lasts_high = 2s;
  mishaps_.draw(rates, random_, loop_.now() + 60s);
  pass("relay", "before publish", 3);
  EXPECT_TRUE(held_.empty());
  pass("relay", "after publish", 1);
  pass("relay", "before commit", 1);
  EXPECT_EQ(held_.size(), 2u);
}

TEST_F(PlacesTest, StrikesTheNthOccasionOfADecision) {
  Fault fault;
  fault.kind = FaultKind::lose_ack;
  fault.target = "user-1>broker";
  fault.ordinal = 2;
  mishaps_.arm({fault}, {});
  EXPECT_EQ(mishaps_.strike(FaultKind::lose_ack, "user-1>broker"), nullptr);
  EXPECT_EQ(mishaps_.strike(FaultKind::lose_ack, "user-2>broker"), nullptr);
  EXPECT_EQ(mishaps_.strike(FaultKind::lose_publish, "user-1>broker"), nullptr);
  EXPECT_NE(mishaps_.strike(FaultKind::lose_ack, "user-1>broker"), nullptr);
  EXPECT_EQ(mishaps_.strike(FaultKind::lose_ack, "user-1>broker"), nullptr);
}

TEST_F(PlacesTest, NothingStrikesAfterItWasDisarmed) {
  FaultRates rates;
  rates.crash_at_place.per_million = 1'000'000;
  rates[FaultKind::lose_ack].per_million = 1'000'000;
  mishaps_.draw(rates, random_, loop_.now() + 60s);
  mishaps_.arm({at_place(FaultKind::crash, "user-1", "user-1/relay after publish", 1)}, {});
  mishaps_.disarm();
  pass("relay", "after publish", 1);
  EXPECT_TRUE(held_.empty());
  EXPECT_EQ(mishaps_.strike(FaultKind::lose_ack, "user-1>broker"), nullptr);
}

TEST(ControlLinkTest, StopsItsThreadUntilItIsToldToGoOnAndHearsTheRestMeanwhile) {
  const auto [ours, theirs] = control_sockets();
  Loop loop;
  std::vector<std::string> heard;
  ControlLink process(loop, theirs, [&](const Json& line) { heard.push_back(line.dump()); });
  std::thread bed([end = ours] {
    char bytes[256];
    const ssize_t got = ::recv(end, bytes, sizeof bytes, 0);
    const std::string answer = R"({"state":1})" "\n" R"({"go":true})" "\n" R"({"state":2})" "\n";
    if (got > 0) (void)::send(end, answer.data(), answer.size(), 0);
  });
  process.send(Json{{"held", 1}});
  EXPECT_TRUE(process.wait_for([](const Json& line) { return line.contains("go"); }));
  bed.join();
  loop.run([&] { return heard.size() == 2; }, loop.now() + 10s);
  EXPECT_EQ(heard, (std::vector<std::string>{R"({"state":1})", R"({"state":2})"}));
  ::close(ours);
  EXPECT_FALSE(process.wait_for([](const Json&) { return true; })) << "the other end is gone";
}

TEST(AilmentsTest, AreReadAsTheyAreTold) {
  Ailments ailments;
  ailments.clock_offset = std::chrono::microseconds(-5);
  ailments.clock_ppm = 7;
  ailments.slower = 3ms;
  ailments.failing = true;
  ailments.delivery_delay = 2s;
  ailments.healed = true;
  EXPECT_EQ(Ailments::from_json(ailments.to_json()).to_json(), ailments.to_json());
}

TEST(RealClockTest, IsOffByAnOffsetAndByADriftUntilItIsSetRight) {
  Loop loop;
  RealClock clock(loop);
  RealClock right(loop);
  const auto off_us = [&] { return static_cast<double>((clock.system_now() - right.system_now()).count()); };
  clock.set(std::chrono::seconds(-90), 0);
  EXPECT_NEAR(off_us(), -90e6, 50e3);
  clock.set({}, 1'000'000'000);  // a thousand times too fast
  loop.run({}, loop.now() + 50ms);
  EXPECT_GE(off_us(), 50e6 * 0.9);
  clock.set({}, 0);
  EXPECT_NEAR(off_us(), 0.0, 50e3);
}


TEST_F(PlacesTest, MessagesOfAGroupCountForAllItsConsumers) {
  std::uint64_t reached = 6;  // by others
  mishaps_.on_share([&](const std::string& name) {
    EXPECT_EQ(name, "redeliver topic/group");
    return ++reached;
  });
  Fault fault;
  fault.kind = FaultKind::redeliver;
  fault.target = "topic/group";
  fault.ordinal = 8;
  mishaps_.arm({fault}, {});
  EXPECT_EQ(mishaps_.strike(FaultKind::redeliver, "topic/group"), nullptr);
  const Fault* struck = mishaps_.strike(FaultKind::redeliver, "topic/group");
  ASSERT_NE(struck, nullptr);
  EXPECT_EQ(struck->ordinal, 8u);
  EXPECT_EQ(mishaps_.strike(FaultKind::redeliver, "topic/group"), nullptr);
}

}  // namespace
}  // namespace orrery::real
