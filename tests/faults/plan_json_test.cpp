#include "faults/plan_json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "faults/catalogue.hpp"
#include "faults/profiles.hpp"

namespace orrery {
namespace {

/// What fault_from_json says about a text; "" if it takes it.
std::string refusal(const std::string& text) {
  try {
    (void)faults_from_json(parse_json(text), "faults");
    return {};
  } catch (const MalformedPlan& error) {
    return error.what();
  }
}

rc::Gen<Fault> any_fault() {
  return rc::gen::exec([] {
    Fault fault;
    fault.kind = static_cast<FaultKind>(*rc::gen::inRange(0, static_cast<int>(FaultKind::count_)));
    fault.target = *rc::gen::element<std::string>("user-1", "a>b", "a|*", "user.events/notification", "Zoë \"q\"");
    if (is_episode(fault.kind)) {
      fault.lasts = Duration(*rc::gen::inRange<std::int64_t>(0, 100'000'000'000));
      if (*rc::gen::arbitrary<bool>()) {
        fault.at = Duration(*rc::gen::inRange<std::int64_t>(0, 100'000'000'000));
      } else {
        fault.place = "user-1/outbox-relay after publish";
        fault.ordinal = *rc::gen::inRange<std::uint64_t>(1, 1000);
      }
    } else {
      fault.ordinal = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    }
    if (describe(fault.kind).amount_counts != Amount::none) {
      const std::int64_t low = fault.kind == FaultKind::clock_jump || fault.kind == FaultKind::clock_drift ? -900'000 : 0;
      fault.amount = *rc::gen::inRange<std::int64_t>(low, 10'000'000);
    }
    return fault;
  });
}

RC_GTEST_PROP(PlanJson, FaultsAreReadBackAsTheyWereWritten, ()) {
  const auto faults = *rc::gen::container<std::vector<Fault>>(any_fault());
  RC_ASSERT(faults_from_json(parse_json(to_json(faults).dump()), "faults") == faults);
}

TEST(PlanJson, DrawnFaultsAreReadBack) {
  FaultHosts hosts;
  hosts.services = {"user-1", "user-2"};
  hosts.databases = {"user_db"};
  hosts.broker = "broker";
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::vector<Fault> faults = draw_faults("heavy", seed, hosts, 60s).episodes;
    EXPECT_EQ(faults_from_json(to_json(faults), "faults"), faults);
  }
}

TEST(PlanJson, ReadsAsAPersonWouldWriteIt) {
  Fault crash;
  crash.target = "user-1";
  crash.at = 12500ms;
  crash.lasts = 2s;
  EXPECT_EQ(to_json(crash).dump(), R"({"at":"12.5s","kind":"crash","lasts":"2s","target":"user-1"})");
  Fault delay;
  delay.kind = FaultKind::delay;
  delay.target = "user-1>broker";
  delay.ordinal = 17;
  delay.amount = 250'000;
  EXPECT_EQ(to_json(delay).dump(), R"({"by":"250ms","kind":"delay","occasion":17,"target":"user-1>broker"})");
}

TEST(PlanJson, AMalformedFaultIsRefusedWithItsPath) {
  EXPECT_EQ(refusal(R"([{"kind": "crsh", "target": "a", "at": "1s", "lasts": "1s"}])"),
            "faults[0].kind: unknown fault \"crsh\"; known: " + known_fault_kinds());
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "at": "1s", "lasts": "1s"}, {"kind": "crash"}])"),
            "faults[1].target: is missing");
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "at": "1", "lasts": "1s"}])"),
            "faults[0].at: \"1\" is not a duration such as \"250ms\", \"30s\" or \"5m\"");
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "at": 1, "lasts": "1s"}])"),
            "faults[0].at: expected a string, found number");
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "at": "1s", "last": "1s"}])"),
            "faults[0].last: unknown member; known: kind, target, at, place, occasion, lasts, by, ppm, connections");
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "lasts": "1s"}])"),
            "faults[0].occasion: a fault has either \"at\" or \"place\" with \"occasion\"");
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "at": "-1s", "lasts": "1s"}])"),
            "faults[0].at: is before the run begins");
  EXPECT_EQ(refusal(R"([{"kind": "crash", "target": "a", "occasion": 3, "lasts": "1s"}])"), "faults[0].place: is missing");
  EXPECT_EQ(refusal(R"([{"kind": "drop", "target": "a>b", "at": "1s"}])"),
            "faults[0].at: this kind of fault strikes at an \"occasion\", not at a time");
  EXPECT_EQ(refusal(R"([{"kind": "drop", "target": "a>b", "occasion": 0}])"),
            "faults[0].occasion: occasions are counted from 1");
  EXPECT_EQ(refusal(R"([{"kind": "drop", "target": "a>b", "occasion": -1}])"),
            "faults[0].occasion: expected a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(refusal(R"([{"kind": "drop", "target": "a>b", "occasion": 1, "lasts": "1s"}])"),
            "faults[0].lasts: this kind of fault strikes once and does not last");
  EXPECT_EQ(refusal(R"([{"kind": "drop", "target": "a>b", "occasion": 1, "by": "1s"}])"),
            "faults[0].by: this kind of fault has none");
  EXPECT_EQ(refusal(R"([{"kind": "delay", "target": "a>b", "occasion": 1, "by": "1ns"}])"),
            "faults[0].by: is finer than a microsecond");
  EXPECT_EQ(refusal(R"([{"kind": "clock_drift", "target": "a", "at": "1s", "lasts": "1s", "ppm": -1000000}])"),
            "faults[0].ppm: no clock runs like that");
  EXPECT_EQ(refusal(R"([7])"), "faults[0]: expected an object, found number");
  EXPECT_EQ(refusal(R"({})"), "faults: expected an array, found object");
}

TEST(PlanJson, TextThatIsNoJsonIsRefusedWithLineAndColumn) {
  const std::string why = refusal("[{\n  \"kind\": crash}]");
  EXPECT_TRUE(why.starts_with("parse error at line 2, column 11: ")) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace orrery
