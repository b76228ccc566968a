#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <exception>
#include <optional>
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
  void cut_back_to(std::size_t many) {
    slots.resize(many * width);
    rows = many;
  }
  void restore(std::size_t row, const std::vector<std::uint32_t>& which, Execution& execution) const {
    for (std::size_t i = 0; i < width; ++i) execution.slots[which[i]] = slots[row * width + i];
  }
};

/// Finds the rows that UPDATE, DELETE or MERGE is about: all of them before the first is changed. Only under SERIALIZABLE, where to look
/// at a row is a read that others may have to fail for, no further than to one that somebody else is changing: PostgreSQL's executor waits
/// for that one before it asks the index for the next.
class RowFinder {
 public:
  RowFinder(const ModifyPlan& plan, Execution& execution);

  /// Finds more; to be called until there are none. False: `awaited` must be waited for, and then it is to be called again.
  bool find();
  [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }
  [[nodiscard]] const EvaluationWait& awaited() const noexcept { return *awaited_; }
  [[nodiscard]] const FoundRows& rows() const noexcept { return rows_; }
  /// What looking for further rows failed with: those before are changed first, and may fail first.
  void rethrow_failure() const {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

 private:
  [[nodiscard]] bool is_held_up() const;

  const ModifyPlan& plan_;
  Execution& execution_;
  FoundRows rows_;
  std::optional<EvaluationWait> awaited_;
  std::exception_ptr failure_;
  std::uint32_t first_draw_ = 0;
  bool stops_ = false;
  bool is_complete_ = false;
};

}  // namespace orrery::sim::database
