#include "sim/database/errors.hpp"
#include "sim/database/grouping.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::size_t kMaxRecursiveRows = 2'000'000;

void append(Tuplestore& rows, const Value* row) {
  for (std::size_t i = 0; i < rows.width; ++i) rows.cells.push_back(row[i]);
  ++rows.rows;
}

bool run_union(const QueryPlan& query, Execution& execution, RowSink sink) {
  if (query.all) {
    bool wants_more = true;
    auto forward = [&](Value* row) { return wants_more = sink(row); };
    run_query(*query.left, execution, forward);
    if (wants_more) run_query(*query.right, execution, forward);
    return wants_more;
  }
  Tuplestore rows;
  rows.width = query.visible;
  RowSet seen(query);
  bool wants_more = true;
  auto distinct = [&](Value* row) {
    if (!seen.insert(rows, row)) return true;
    append(rows, row);
    return wants_more = sink(row);
  };
  run_query(*query.left, execution, distinct);
  if (wants_more) run_query(*query.right, execution, distinct);
  return wants_more;
}

bool run_recursive(const QueryPlan& query, Execution& execution, RowSink sink) {
  Tuplestore all;
  all.width = query.visible;
  RowSet seen(query);
  Tuplestore round;
  round.width = query.visible;
  std::size_t rows = 0;
  bool wants_more = true;
  auto add = [&](Value* row) {
    if (!query.all && !seen.insert(all, row)) return true;
    if (!query.all) append(all, row);
    append(round, row);
    if (++rows > kMaxRecursiveRows) fail_unsupported("a recursive query of more than " + std::to_string(kMaxRecursiveRows) + " rows");
    return wants_more = sink(row);
  };
  run_query(*query.left, execution, add);
  while (round.rows > 0 && wants_more) {
    // Slots of the round before may still be looked at (by LIMIT's caller): its rows stay in the arena.
    execution.stores[query.recursive_store] = std::move(round);
    execution.stores[query.recursive_store].is_filled = true;
    round = {};
    round.width = query.visible;
    run_query(*query.recursive_term, execution, add);
  }
  return wants_more;
}

/// INTERSECT keeps what both sides have, EXCEPT what only the left side has; ALL counts duplicates.
bool run_intersect_or_except(const QueryPlan& query, Execution& execution, RowSink sink) {
  const bool intersects = query.operation == SetOperation::intersect;
  Tuplestore distinct;
  distinct.width = query.visible;
  RowSet places(query);
  std::vector<std::int64_t> counts;
  auto count = [&](Value* row) {
    std::int64_t place = places.find(distinct, row);
    if (place < 0) {
      place = static_cast<std::int64_t>(distinct.rows);
      places.insert(distinct, row);
      append(distinct, row);
      counts.push_back(0);
    }
    ++counts[static_cast<std::size_t>(place)];
    return true;
  };
  run_query(*query.right, execution, count);
  bool wants_more = true;
  Tuplestore given;
  given.width = query.visible;
  RowSet seen(query);
  auto judge = [&](Value* row) {
    const std::int64_t place = places.find(distinct, row);
    if (query.all) {
      const bool matches = place >= 0 && counts[static_cast<std::size_t>(place)] > 0;
      if (matches) --counts[static_cast<std::size_t>(place)];
      return matches == intersects ? (wants_more = sink(row)) : true;
    }
    if ((place >= 0) != intersects || !seen.insert(given, row)) return true;
    append(given, row);
    return wants_more = sink(row);
  };
  run_query(*query.left, execution, judge);
  return wants_more;
}

}  // namespace

bool run_set_operation(const QueryPlan& query, Execution& execution, RowSink sink) {
  if (query.recursive_term != nullptr) return run_recursive(query, execution, sink);
  if (query.operation == SetOperation::union_) return run_union(query, execution, sink);
  return run_intersect_or_except(query, execution, sink);
}

}  // namespace orrery::sim::database
