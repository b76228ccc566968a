#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/database/execution.hpp"
#include "sim/database/row_locks.hpp"

namespace orrery::sim::database {

/// A row of a table that is being made; goes back to the heap unless it was put into a version.
class FreshRow {
 public:
  explicit FreshRow(Heap& heap) : heap_(heap), row_(heap.new_row()) {}
  FreshRow(FreshRow&& other) noexcept : heap_(other.heap_), row_(std::exchange(other.row_, nullptr)) {}
  FreshRow& operator=(FreshRow&&) = delete;
  FreshRow(const FreshRow&) = delete;
  FreshRow& operator=(const FreshRow&) = delete;
  ~FreshRow() {
    if (row_ != nullptr) heap_.free_row(row_);
  }
  [[nodiscard]] Value* get() const noexcept { return row_; }
  /// Its values were put into a version.
  void release() noexcept { row_ = nullptr; }

 private:
  Heap& heap_;
  Value* row_;
};

/// Puts a row into the heap, without its index entries.
[[nodiscard]] VersionId write_insert(SessionImpl& session, Table& table, Value* row);

/// Makes the row of INSERT (without ON CONFLICT) from what stands in the plan's source slot: defaults, generated columns, then
/// NOT NULL and CHECK. Throws 23502, 23514, and what computing throws.
void make_insert_row(const ModifyPlan& plan, Execution& execution, FreshRow& row);
/// Puts it into the table and its indexes, waiting for keys in flight. Throws 23505.
Task<> store_insert_row(const ModifyPlan& plan, Execution& execution, FreshRow& row);

/// What an update changes, found by comparing the values.
struct RowDifference {
  std::uint64_t columns = 0;    // Index::column_bit of each changed column
  bool changes_key = false;     // a column that a foreign key could refer to
};
/// `may_change_key`: false if it is known that `columns` has no column of a key.
[[nodiscard]] RowDifference compare_rows(const Table& table, const std::vector<std::uint32_t>& columns, const Value* before,
                                         const Value* after, bool may_change_key = true);
/// Replaces a version that is free to be written. Gives the new version; `wanted` becomes the indexes that need an entry.
[[nodiscard]] VersionId write_update(SessionImpl& session, Table& table, VersionId before, Value* row,
                                     const RowDifference& difference, std::uint32_t& wanted);
void write_remove(SessionImpl& session, Table& table, VersionId version);

}  // namespace orrery::sim::database
