// Every property of MediaHub has histories that it accepts and histories that it refuses, written by hand.
#include "properties/media_upload.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "tests/properties/media_histories.hpp"

namespace orrery {
namespace {

using testing::Histories;
using testing::HistoriesByProperty;
using testing::Hub;

const HistoriesByProperty& histories() {
  static const HistoriesByProperty all = [] {
    HistoriesByProperty merged;
    for (HistoriesByProperty part : {testing::histories_of_events(), testing::histories_of_sagas(), testing::histories_of_clients(),
                                     testing::histories_of_sometimes()}) {
      merged.merge(part);
    }
    return merged;
  }();
  return all;
}

const std::vector<Property>& properties() {
  static const std::vector<Property> all = media_upload_properties();
  return all;
}

class MediaUploadProperties : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const Property& property() { return properties()[GetParam()]; }
  [[nodiscard]] static Histories written() {
    const auto found = histories().find(property().name);
    return found == histories().end() ? Histories() : found->second;
  }
  [[nodiscard]] static Verdict judge(const testing::Writes& writes) {
    Hub run;
    writes(run);
    return property().check(run.history());
  }
};

TEST_P(MediaUploadProperties, AcceptWhatIsRight) {
  ASSERT_FALSE(written().accepts.empty()) << "no history that it accepts: " << property().name;
  for (const testing::Writes& writes : written().accepts) {
    const Verdict verdict = judge(writes);
    EXPECT_EQ(testing::shapes(verdict), "");
    EXPECT_GT(verdict.examined, 0) << "nothing was judged";
  }
}

TEST_P(MediaUploadProperties, RefuseWhatIsWrong) {
  ASSERT_FALSE(written().refuses.empty()) << "no history that it refuses: " << property().name;
  for (const Histories::Refused& refused : written().refuses) {
    const Verdict verdict = judge(refused.writes);
    if (property().mode == Mode::sometimes) {
      EXPECT_EQ(verdict.examined, 0);
      continue;
    }
    const std::string signature = property().name + ": " + refused.shape;
    EXPECT_TRUE(std::ranges::any_of(verdict.violations, [&](const Violation& violation) {
      return violation.signature == signature && !violation.evidence.empty();
    })) << signature << "; found: " << testing::shapes(verdict);
  }
}

std::string test_name(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name;
  for (const char c : properties()[info.param].name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
    if (c == ' ') name += '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, MediaUploadProperties, ::testing::Range<std::size_t>(0, properties().size()), test_name);

TEST(MediaUploadHistories, AreOfPropertiesThatThereAre) {
  std::set<std::string> names;
  for (const Property& property : properties()) names.insert(property.name);
  for (const auto& [name, written] : histories()) EXPECT_TRUE(names.contains(name)) << name;
}

}  // namespace
}  // namespace orrery
