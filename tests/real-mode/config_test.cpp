#include "real-mode/config.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <stdexcept>
#include <string>

namespace orrery::real {
namespace {

std::string refusal(const std::string& text) {
  try {
    (void)read_config(text, "user");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Config, HasDefaultsForEverything) {
  const NodeSettings settings = read_config("{}", "user");
  EXPECT_EQ(settings.host, "user");
  EXPECT_EQ(settings.listen.text(), "127.0.0.1:8080");
  EXPECT_EQ(settings.pool.most, 20u);
  EXPECT_FALSE(settings.pool.tells_session);
}

TEST(Config, TakesWhatTheEnvironmentSays) {
  ::setenv("ORRERY_TEST_HOST", "/run/pg", 1);
  const NodeSettings settings =
      read_config(R"({"databases": {"user_db": "host=${ORRERY_TEST_HOST} dbname=$${x}"}})", "user");
  EXPECT_EQ(settings.databases.at("user_db"), "host=/run/pg dbname=${x}");
  ::unsetenv("ORRERY_TEST_HOST");
  EXPECT_EQ(refusal(R"({"databases": {"user_db": "host=${ORRERY_TEST_HOST}"}})"),
            "databases.user_db: the environment has no ORRERY_TEST_HOST");
}

TEST(Config, RefusesWhatItDoesNotKnowWithThePath) {
  EXPECT_EQ(refusal(R"({"lisen": "127.0.0.1:1"})"), "lisen: there is no such setting");
  EXPECT_EQ(refusal(R"({"pool": {"max": 3}})"), "pool.max: there is no such setting");
  EXPECT_EQ(refusal(R"({"pool": {"most": 0}})"), "pool.most: expected an integer in 1..1000");
  EXPECT_EQ(refusal(R"({"pool": {"least": 9, "most": 3}})"), "pool.least: must not be more than pool.most");
  EXPECT_EQ(refusal(R"({"drain": "soon"})"), "drain: expected a duration such as \"250ms\" or \"30s\"");
  EXPECT_EQ(refusal(R"({"listen": "here"})"), "listen: \"here\" is no host and port such as 127.0.0.1:8080");
  EXPECT_EQ(refusal(R"({"peers": {"mail": ["1.2.3.4:x"]}})"),
            "peers.mail[0]: \"1.2.3.4:x\" is no host and port such as 127.0.0.1:8080");
  EXPECT_EQ(refusal(R"({"log": "loud"})"), "log: expected \"debug\", \"info\", \"warning\" or \"error\"");
  EXPECT_EQ(refusal("{"), "the configuration is not JSON");
  EXPECT_EQ(refusal("[]"), "the configuration: expected an object");
}

TEST(Config, ReadsWhatTheTestBedWrites) {
  NodeSettings bed;
  bed.events = "/tmp/events";
  bed.incarnation = 3;
  bed.rates[FaultKind::lose_ack].per_million = 7;
  bed.rates.crash_at_place.per_million = 9;
  bed.rates.crash_at_place.lasts_low = 1s;
  bed.rates.crash_at_place.lasts_high = 2s;
  Fault crash;
  crash.target = "user-1";
  crash.place = "user-1/outbox-relay after publish";
  crash.ordinal = 3;
  crash.lasts = 1500ms;
  bed.faults = {crash};
  bed.reached["user-1/outbox-relay after publish"] = 2;
  const NodeSettings read = read_config(Json{{"testbed", testbed_json(bed)}}.dump(), "user");
  EXPECT_EQ(read.faults, bed.faults);
  EXPECT_EQ(read.reached, bed.reached);
  EXPECT_EQ(read.incarnation, 3);
  EXPECT_EQ(read.rates[FaultKind::lose_ack].per_million, 7u);
  EXPECT_EQ(read.rates.crash_at_place.lasts_low, 1s);
  EXPECT_TRUE(read.pool.tells_session);
}

}  // namespace
}  // namespace orrery::real
