#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <vector>

#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// The rows that a statement is about, as what the slots of its FROM clause held.
struct FoundRows {
  boost::container::small_vector<Slot, 4> slots;
  std::size_t width = 0;
  std::size_t rows = 0;

  void keep(const std::vector<std::uint32_t>& which, const Execution& execution) {
    width = which.size();
    for (const std::uint32_t slot : which) slots.push_back(execution.slots[slot]);
    ++rows;
  }
  void restore(std::size_t row, const std::vector<std::uint32_t>& which, Execution& execution) const {
    for (std::size_t i = 0; i < width; ++i) execution.slots[which[i]] = slots[row * width + i];
  }
};

}  // namespace orrery::sim::database
