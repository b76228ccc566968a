#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/time.hpp"

namespace orrery {

/// The smallest value that at least `percent` % of the values do not exceed (nearest rank); zero of none.
[[nodiscard]] inline Duration percentile(std::vector<Duration> values, std::int64_t percent) {
  if (values.empty()) return Duration{0};
  const auto count = static_cast<std::int64_t>(values.size());
  const std::int64_t rank = std::max<std::int64_t>(1, (count * percent + 99) / 100);
  const auto nth = values.begin() + (rank - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace orrery
