#include "scenarios/user_notification.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "scenarios/testing.hpp"

namespace orrery {
namespace {

TEST(UserNotificationWorkload, IsDrawnFromTheSeedAlone) {
  const Scenario scenario = user_notification();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(scenario.draw_operations(seed), scenario.draw_operations(seed));
    EXPECT_NE(scenario.draw_operations(seed), scenario.draw_operations(seed + 1));
  }
}

TEST(UserNotificationWorkload, IsTheSameOnEveryCompiler) {
  // FNV-1a. A change of these numbers changes what every seed means: note it in CHANGELOG.md.
  const auto fingerprint = [](std::uint64_t seed) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const Operation& operation : user_notification().draw_operations(seed)) {
      const std::string text = to_string(operation.at) + operation.client + operation.id + operation.name + operation.arguments.dump();
      for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    return hash;
  };
  EXPECT_EQ(fingerprint(1), 14455581776046973799ULL);
  EXPECT_EQ(fingerprint(2), 12623623851436608957ULL);
  EXPECT_EQ(fingerprint(18446744073709551615ULL), 3770328809149927719ULL);
}

TEST(UserNotificationWorkload, GoesOnAfterTheFaults) {
  const Scenario scenario = user_notification();
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::vector<Operation> operations = scenario.draw_operations(seed);
    EXPECT_GE(operations.size(), 30U);
    EXPECT_LE(operations.size(), 110U);
    EXPECT_TRUE(std::ranges::is_sorted(operations, {}, &Operation::at));
    EXPECT_GT(std::ranges::count_if(operations, [&](const Operation& one) { return one.at > scenario.runs_for; }), 0);
    EXPECT_LT(operations.back().at, scenario.runs_for + scenario.settles_within - 30s);
    std::set<std::string> ids;
    for (const Operation& one : operations) EXPECT_TRUE(ids.insert(one.id).second) << one.id;
  }
}

TEST(UserNotificationWorkload, RepeatsKeysAndAddressesAndMakesMistakes) {
  std::size_t same_key = 0;
  std::size_t other_body = 0;
  std::size_t same_address = 0;
  std::size_t bad = 0;
  std::size_t lists = 0;
  std::size_t renames = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::map<std::string, Json> by_key;
    std::map<std::string, std::string> by_address;
    for (const Operation& one : user_notification().draw_operations(seed)) {
      lists += one.name == "list users" ? 1 : 0;
      if (one.name != "sign up") continue;
      for (const Json& step : one.arguments.value("then", Json::array())) renames += step.contains("name") ? 1 : 0;
      const std::string key = one.arguments.value("idempotency_key", "");
      const std::string name = one.arguments.value("name", "");
      std::string address = one.arguments.value("email", "");
      if (one.arguments.contains("body") || address == "nobody" || name.empty()) ++bad;
      if (key.empty()) continue;
      if (const auto known = by_key.find(key); known != by_key.end()) {
        ++(known->second == name ? same_key : other_body);
      }
      by_key[key] = name;
      std::ranges::transform(address, address.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      if (const auto known = by_address.find(address); known != by_address.end() && known->second != key) ++same_address;
      by_address[address] = key;
    }
  }
  EXPECT_GT(same_key, 50U);
  EXPECT_GT(other_body, 10U);
  EXPECT_GT(same_address, 30U);
  EXPECT_GT(bad, 5U);
  EXPECT_GT(lists, 100U);
  EXPECT_GT(renames, 200U);
}

TEST(UserNotification, HoldsOnAGoodDay) { EXPECT_HOLDS(user_notification().with_profile("none"), seeds(1, 10)); }
TEST(UserNotification, HoldsUnderLightFaults) { EXPECT_HOLDS(user_notification().with_profile("light"), seeds(1, 50)); }
TEST(UserNotification, HoldsUnderHeavyFaults) { EXPECT_HOLDS(user_notification(), seeds(1, 50)); }
TEST(UserNotification, HoldsUnderSwarms) { EXPECT_HOLDS(user_notification().with_profile("swarm"), seeds(1, 50)); }

TEST(UserNotification, AMaterialisedPlanReplaysToTheSameHash) { EXPECT_REPLAYS(user_notification(), seeds(1, 50)); }

TEST(UserNotification, MeetsEveryFaultAndEverySometimesInAHundredSeeds) {
  std::map<std::string, std::int64_t> counts;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    RunRequest request;
    request.seed = seed;
    const RunResult result = run(user_notification(), request);
    for (const auto& [name, count] : result.faults) counts["fault " + name] += count;
    for (const auto& [name, count] : result.sometimes) counts["sometimes " + name] += count;
  }
  for (const auto& [name, count] : counts) EXPECT_GT(count, 0) << name;
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(FaultKind::count_); ++kind) {
    switch (static_cast<FaultKind>(kind)) {
      case FaultKind::serialization_failure:  // nothing here is SERIALIZABLE
      case FaultKind::break_listening:        // nobody listens
      case FaultKind::cache_down:             // there is no cache
      case FaultKind::cache_flush:
      case FaultKind::cache_evict:
        continue;
      default:
        break;
    }
    EXPECT_TRUE(counts.contains("fault " + std::string(to_string(static_cast<FaultKind>(kind)))));
  }
}

/// Each twin is found by the property that it is meant to violate.
class UserNotificationTwins : public ::testing::TestWithParam<std::size_t> {};

TEST_P(UserNotificationTwins, AreFound) {
  const Scenario scenario = user_notification();
  const Defect& defect = scenario.defects.at(GetParam());
  EXPECT_VIOLATES(scenario.with_defect(defect.name), defect.violates, seeds(1, 150));
}

std::string twin_name(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = user_notification().defects.at(info.param).name;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, UserNotificationTwins, ::testing::Range<std::size_t>(0, user_notification().defects.size()), twin_name);

}  // namespace
}  // namespace orrery
