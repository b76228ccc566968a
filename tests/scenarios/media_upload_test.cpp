#include "scenarios/media_upload.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "scenarios/testing.hpp"

namespace orrery {
namespace {

TEST(MediaUploadWorkload, IsDrawnFromTheSeedAlone) {
  const Scenario scenario = media_upload();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(scenario.draw_operations(seed), scenario.draw_operations(seed));
    EXPECT_NE(scenario.draw_operations(seed), scenario.draw_operations(seed + 1));
  }
}

TEST(MediaUploadWorkload, GoesOnAfterTheFaults) {
  const Scenario scenario = media_upload();
  std::set<std::string> names;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::vector<Operation> operations = scenario.draw_operations(seed);
    EXPECT_GE(operations.size(), 18U);
    EXPECT_TRUE(std::ranges::is_sorted(operations, {}, &Operation::at));
    EXPECT_GT(std::ranges::count_if(operations, [&](const Operation& one) { return one.at > scenario.runs_for; }), 0);
    for (const Operation& one : operations) names.insert(one.name);
  }
  EXPECT_EQ(names, std::set<std::string>(scenario.operations.begin(), scenario.operations.end()));
}

TEST(MediaUpload, HoldsOnAGoodDay) { EXPECT_HOLDS(media_upload().with_profile("none"), seeds(1, 5)); }
TEST(MediaUpload, HoldsUnderHeavyFaults) { EXPECT_HOLDS(media_upload(), seeds(1, 20)); }
TEST(MediaUpload, HoldsUnderSwarms) { EXPECT_HOLDS(media_upload().with_profile("swarm"), seeds(1, 20)); }

TEST(MediaUpload, AMaterialisedPlanReplaysToTheSameHash) { EXPECT_REPLAYS(media_upload(), seeds(1, 6)); }

/// Each twin is found by the property that it is meant to violate: most on one of the first seeds, a few after dozens.
class MediaUploadTwins : public ::testing::TestWithParam<std::size_t> {};

TEST_P(MediaUploadTwins, AreFound) {
  const Scenario scenario = media_upload();
  const Defect& defect = scenario.defects.at(GetParam());
  EXPECT_VIOLATES(scenario.with_defect(defect.name), defect.violates, seeds(1, 500));
}

std::string twin_name(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = media_upload().defects.at(info.param).name;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, MediaUploadTwins, ::testing::Range<std::size_t>(0, media_upload().defects.size()), twin_name);

}  // namespace
}  // namespace orrery
