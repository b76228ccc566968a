#include "faults/nemesis.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace orrery {
namespace {

/// Notes what it is told.
class RecordingControls final : public Controls {
 public:
  std::string unsupported(const Fault& fault) const override {
    return fault.target == "nowhere" ? "there is no such host" : "";
  }
  void set_rates(const FaultRates& rates) override { rates_ = rates; }
  void arm(const std::vector<Fault>& faults) override { armed.insert(armed.end(), faults.begin(), faults.end()); }
  void inject(const Fault& fault) override { injected.push_back(fault); }
  void heal() override { healed = true; }
  const std::vector<Fault>& struck() const noexcept override { return injected; }

  FaultRates rates_;
  std::vector<Fault> armed;
  std::vector<Fault> injected;
  bool healed = false;
};

struct Lab {
  RecordingControls controls;
  struct Due {
    Duration at;
    std::function<void()> action;
  };
  std::vector<Due> due;
  Nemesis nemesis{controls, [this](Duration at, const Fault&, std::function<void()> action) { due.push_back({at, action}); }};

  void run_until(Duration until) {
    std::ranges::sort(due, {}, &Due::at);
    for (Due& one : due) {
      if (one.at <= until && one.action) std::exchange(one.action, {})();
    }
  }
};

Fault at_time(const char* host, Duration at) {
  Fault fault;
  fault.target = host;
  fault.at = at;
  fault.lasts = 1s;
  return fault;
}

Fault at_occasion(const char* link, std::uint64_t ordinal) {
  Fault fault;
  fault.kind = FaultKind::drop;
  fault.target = link;
  fault.ordinal = ordinal;
  return fault;
}

TEST(Nemesis, ArmsWhatIsAddressedByOccasionAndInjectsTheRestAtItsTime) {
  Lab lab;
  FaultRates rates;
  rates[FaultKind::drop].per_million = 5;
  lab.nemesis.begin(rates, {at_time("b", 2s), at_occasion("a>b", 3), at_time("a", 1s)});
  EXPECT_EQ(lab.controls.rates_[FaultKind::drop].per_million, 5U);
  EXPECT_EQ(lab.controls.armed, std::vector{at_occasion("a>b", 3)});
  EXPECT_TRUE(lab.controls.injected.empty());
  lab.run_until(1s);
  EXPECT_EQ(lab.controls.injected, std::vector{at_time("a", 1s)});
  lab.run_until(2s);
  EXPECT_EQ(lab.controls.injected.size(), 2U);
  EXPECT_TRUE(lab.nemesis.not_begun().empty());
}

TEST(Nemesis, BeginsNothingAnyMoreOnceItHasHealed) {
  Lab lab;
  lab.nemesis.begin({}, {at_time("a", 1s), at_time("b", 5s)});
  lab.run_until(1s);
  lab.nemesis.heal();
  lab.run_until(10s);
  EXPECT_TRUE(lab.controls.healed);
  EXPECT_EQ(lab.controls.injected.size(), 1U);
  EXPECT_EQ(lab.nemesis.not_begun(), std::vector{at_time("b", 5s)});
}

TEST(Nemesis, NamesTheFaultsThatAWorldCannotDoAndPassesThemOver) {
  Lab lab;
  const std::vector<Fault> faults = {at_time("a", 1s), at_time("nowhere", 2s)};
  EXPECT_EQ(lab.nemesis.unsupported(faults),
            std::vector<std::string>{"faults[1]: crash nowhere at 2s for 1s: there is no such host"});
  lab.nemesis.begin({}, faults);
  lab.run_until(10s);
  EXPECT_EQ(lab.controls.injected, std::vector{at_time("a", 1s)});
}

TEST(Nemesis, CanBeGivenMoreLater) {
  Lab lab;
  lab.nemesis.begin({}, {at_time("a", 1s)});
  lab.nemesis.begin({}, {at_time("b", 2s)});
  lab.run_until(10s);
  EXPECT_EQ(lab.controls.injected.size(), 2U);
}

}  // namespace
}  // namespace orrery
