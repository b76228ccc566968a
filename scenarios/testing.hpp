#pragma once

#include <gtest/gtest.h>

#include "scenarios/many_seeds.hpp"

// For tests with GoogleTest; the library itself does not use it.

namespace orrery {

[[nodiscard]] inline ::testing::AssertionResult assertion(const SeedsVerdict& verdict) {
  if (verdict.as_expected) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << verdict.why;
}

}  // namespace orrery

/// Every property holds on every seed: EXPECT_HOLDS(user_notification(), seeds(1, 200));
#define EXPECT_HOLDS(scenario, ...) EXPECT_TRUE(::orrery::assertion(::orrery::holds_on((scenario), __VA_ARGS__)))
/// The plan that a seed was materialised into gives the same run: EXPECT_REPLAYS(user_notification(), seeds(1, 20));
#define EXPECT_REPLAYS(scenario, ...) EXPECT_TRUE(::orrery::assertion(::orrery::replays_on((scenario), __VA_ARGS__)))
/// The property is violated on some seed:
/// EXPECT_VIOLATES(user_notification().with_defect("dual-write"), "every outbox row is published", seeds(1, 200));
#define EXPECT_VIOLATES(scenario, property, ...) \
  EXPECT_TRUE(::orrery::assertion(::orrery::violated_on((scenario), (property), __VA_ARGS__)))
