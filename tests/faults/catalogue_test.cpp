#include "faults/catalogue.hpp"

#include <gtest/gtest.h>

#include <set>

namespace orrery {
namespace {

TEST(FaultCatalogue, DescribesEveryKindOnce) {
  ASSERT_EQ(fault_catalogue().size(), static_cast<std::size_t>(FaultKind::count_));
  std::set<std::string_view> names;
  for (const FaultDescription& fault : fault_catalogue()) {
    SCOPED_TRACE(to_string(fault.kind));
    EXPECT_EQ(&describe(fault.kind), &fault);
    EXPECT_TRUE(names.insert(to_string(fault.kind)).second);
    EXPECT_EQ(fault_kind(to_string(fault.kind)), fault.kind);
    EXPECT_FALSE(fault.what.empty());
    EXPECT_FALSE(fault.target.empty());
    EXPECT_EQ(fault.lasts.empty(), !is_episode(fault.kind));
    EXPECT_EQ(fault.amount.empty(), fault.amount_counts == Amount::none);
  }
}

TEST(FaultCatalogue, SaysForEveryKindWhatCausesItInProduction) {
  for (const FaultDescription& fault : fault_catalogue()) {
    EXPECT_NE(fault.cause.find(" → "), std::string_view::npos) << to_string(fault.kind) << ": " << fault.cause;
  }
}

TEST(FaultCatalogue, NamesAllKinds) {
  EXPECT_TRUE(known_fault_kinds().starts_with("crash, stop, pause, "));
  EXPECT_TRUE(known_fault_kinds().ends_with(", break_listening"));
  EXPECT_EQ(fault_kind("crsh"), std::nullopt);
}

}  // namespace
}  // namespace orrery
