#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// GROUP BY, HAVING and aggregates. `has_input` false: the conditions let nothing through.
bool run_grouped(const QueryPlan& query, Execution& execution, bool has_input, RowSink sink);

/// Window functions over the rows of the FROM clause.
bool run_windows(const QueryPlan& query, Execution& execution, RowSink sink);

/// UNION, INTERSECT, EXCEPT and WITH RECURSIVE.
bool run_set_operation(const QueryPlan& query, Execution& execution, RowSink sink);

/// Set-returning functions of the select list: calls `project` for each of their rows.
bool expand_set_functions(const QueryPlan& query, Execution& execution, SlotSink project);

/// Equal in these outputs (NULLs are equal to each other).
[[nodiscard]] bool same_outputs(const QueryPlan& query, const std::vector<std::uint32_t>& places, const Value* left,
                                const Value* right);

/// Finds duplicates among the visible outputs of a query.
class RowSet {
 public:
  explicit RowSet(const QueryPlan& query);
  /// False: such a row is in `rows` already. Otherwise the caller adds it to the end of `rows`.
  bool insert(const Tuplestore& rows, const Value* row);
  /// The place of an equal row; -1: none.
  [[nodiscard]] std::int64_t find(const Tuplestore& rows, const Value* row) const;

 private:
  [[nodiscard]] std::uint64_t hash(const Value* row) const;
  [[nodiscard]] bool equal(const Value* left, const Value* right) const;
  std::vector<HashFunction> hashes_;
  std::vector<EqualFunction> equals_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> places_;  // lookup only
};

}  // namespace orrery::sim::database
