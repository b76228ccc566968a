#pragma once

#include <vector>

#include "properties/property.hpp"

namespace orrery {

struct JudgedProperty {
  const Property* property = nullptr;  // one of those that were given
  Verdict verdict;
};

/// The verdict of each property on a complete run, in the order given.
[[nodiscard]] std::vector<JudgedProperty> judge(const std::vector<Property>& properties, const History& history);

}  // namespace orrery
