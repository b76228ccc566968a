#include "services/patterns/settings.hpp"

#include <gtest/gtest.h>

namespace orrery::services {
namespace {

std::string complaint(const Json& config, void (*read)(Settings&)) {
  try {
    Settings settings(config, "user");
    read(settings);
    settings.refuse_unknown();
  } catch (const SettingsError& error) {
    return error.what();
  }
  return "";
}

TEST(Settings, GiveDefaultsForWhatIsAbsent) {
  const Json config = Json::object();
  Settings settings(config, "user");
  EXPECT_EQ(settings.duration("lease", 10s), 10s);
  EXPECT_EQ(settings.integer("batch", 10, 1), 10);
  EXPECT_FALSE(settings.flag("on", false));
  EXPECT_EQ(settings.text("defect", ""), "");
  EXPECT_EQ(settings.section("relay").integer("batch", 7, 1), 7);
  settings.refuse_unknown();
}

TEST(Settings, ReadDurationsWithTheirUnits) {
  const Json config{{"a", "250us"}, {"b", "250ms"}, {"c", "30s"}, {"d", "5m"}, {"e", "24h"}};
  Settings settings(config, "user");
  EXPECT_EQ(settings.duration("a", 0s), 250us);
  EXPECT_EQ(settings.duration("b", 0s), 250ms);
  EXPECT_EQ(settings.duration("c", 0s), 30s);
  EXPECT_EQ(settings.duration("d", 0s), 5min);
  EXPECT_EQ(settings.duration("e", 0s), 24h);
  settings.refuse_unknown();
}

TEST(Settings, RefuseWhatIsNoDuration) {
  for (const Json& value : {Json("10"), Json("s"), Json("-1s"), Json("1.5s"), Json(" 1s"), Json("1 s"), Json(10),
                            Json(nullptr), Json("99999999999999999999s"), Json("9999999999h"), Json("")}) {
    EXPECT_EQ(complaint(Json{{"lease", value}}, [](Settings& s) { (void)s.duration("lease", 1s); }),
              "user.lease: expected a duration such as \"250ms\", \"30s\" or \"5m\"")
        << value;
  }
  EXPECT_EQ(complaint(Json{{"lease", "0s"}}, [](Settings& s) { (void)s.duration("lease", 1s); }),
            "user.lease: must be at least 1us");
}

TEST(Settings, RefuseWrongKindsAndRanges) {
  EXPECT_EQ(complaint(Json{{"batch", "10"}}, [](Settings& s) { (void)s.integer("batch", 1, 1, 5); }),
            "user.batch: expected an integer");
  EXPECT_EQ(complaint(Json{{"batch", 6}}, [](Settings& s) { (void)s.integer("batch", 1, 1, 5); }),
            "user.batch: must be in 1..5");
  EXPECT_EQ(complaint(Json{{"on", 1}}, [](Settings& s) { (void)s.flag("on", true); }),
            "user.on: expected true or false");
  EXPECT_EQ(complaint(Json{{"defect", 1}}, [](Settings& s) { (void)s.text("defect", ""); }),
            "user.defect: expected a string");
  EXPECT_EQ(complaint(Json{{"relay", 1}}, [](Settings& s) { (void)s.section("relay"); }),
            "user.relay: expected an object");
  EXPECT_EQ(complaint(Json::array(), [](Settings&) {}), "user: expected an object");
}

TEST(Settings, NameThePathOfAnUnknownName) {
  EXPECT_EQ(complaint(Json{{"retries", 3}}, [](Settings&) {}), "user.retries: there is no such setting");
  EXPECT_EQ(complaint(Json{{"relay", {{"lease", "1s"}, {"leas", "1s"}}}},
                      [](Settings& s) {
                        Settings relay = s.section("relay");
                        (void)relay.duration("lease", 1s);
                        relay.refuse_unknown();
                      }),
            "user.relay.leas: there is no such setting");
}

}  // namespace
}  // namespace orrery::services
