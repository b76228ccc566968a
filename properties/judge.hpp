#pragma once

#include <memory>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

struct JudgedProperty {
  std::shared_ptr<const Property> property;  // never null; a copy, so that a result outlives its scenario
  Verdict verdict;
};

/// The verdict of each property on a complete run, in the order given.
[[nodiscard]] std::vector<JudgedProperty> judge(const std::vector<Property>& properties, const History& history);

}  // namespace orrery
