#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "runtime/time.hpp"

namespace orrery {
namespace {

TEST(Durations, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0.000000001s"), 1ns);
  EXPECT_EQ(parse_duration("-3ms"), -3ms);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("1.50us"), 1500ns);
  EXPECT_EQ(parse_duration("7ns"), 7ns);
}

TEST(Durations, AreRefusedWithoutAUnitOrTooFineOrTooLong) {
  for (const char* text : {"", "5", "s", "-", "-s", "1.s", ".5s", "1,5s", "1.5.2s", " 5s", "5s ", "5 s", "5S", "1e3s",
                           "0.5ns", "1.0000000001s", "99999999999h", "99999999999999999999s", "+5s", "--5s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << '"' << text << '"';
  }
}

RC_GTEST_PROP(Durations, AreReadBackAsTheyWerePrinted, (std::int64_t nanoseconds, std::uint8_t shift)) {
  const Duration duration(nanoseconds >> (shift % 40));
  RC_ASSERT(parse_duration(to_string(duration)) == duration);
}

RC_GTEST_PROP(Durations, OfEveryScaleAreReadBack, ()) {
  const auto whole = *rc::gen::inRange<std::int64_t>(-1'000'000, 1'000'000);
  const auto unit = *rc::gen::element<std::int64_t>(1, 1'000, 1'000'000, 1'000'000'000);
  const Duration duration(whole * unit);
  RC_ASSERT(parse_duration(to_string(duration)) == duration);
}

}  // namespace
}  // namespace orrery
