#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <numeric>

#include "sim/database/errors.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/grouping.hpp"

namespace orrery::sim::database {
namespace {

// Nested queries run on the C++ stack.
constexpr std::uint32_t kMaxDepth = 120;

class DepthGuard {
 public:
  explicit DepthGuard(Execution& execution) : execution_(execution) {
    if (++execution.depth > kMaxDepth) {
      --execution.depth;
      fail("54001", "stack depth limit exceeded");
    }
  }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  ~DepthGuard() { --execution_.depth; }

 private:
  Execution& execution_;
};

/// Whether all that is read is a recursive query, and LIMIT ends it.
bool reads_recursion_in_part(const QueryPlan& query, const Execution& execution) {
  if (query.limit == nullptr || !query.sort.empty() || query.is_distinct || !query.distinct_on.empty() || query.has_set_functions) return false;
  const FromNode& node = *query.from;
  return node.kind == FromNode::Kind::store && node.query != nullptr && node.query->recursive_term != nullptr && node.query->limit == nullptr &&
         node.query->sort.empty() && !execution.stores[node.store].is_filled;
}

/// Produces the rows of a SELECT before DISTINCT, sort and LIMIT.
bool produce(const QueryPlan& query, Execution& execution, RowSink sink) {
  if (!query.conditions.empty() && !all_true(query.conditions, execution)) {
    // Nothing passes; an aggregate without GROUP BY still gives a row.
    if (!query.is_grouped || !query.group_keys.empty()) return true;
    return run_grouped(query, execution, false, sink);
  }
  if (query.is_grouped) return run_grouped(query, execution, true, sink);
  if (!query.windows.empty()) return run_windows(query, execution, sink);
  const std::size_t width = query.outputs.size();
  boost::container::small_vector<Value, 8> outputs(width);
  auto project = [&]() -> bool {
    for (std::size_t i = 0; i < width; ++i) outputs[i] = value_of(*query.outputs[i], execution);
    return sink(outputs.data());
  };
  if (reads_recursion_in_part(query, execution)) {
    // A recursion may have no end: its rows come one by one, as long as LIMIT wants more (manual, 7.8.2.1).
    const FromNode& node = *query.from;
    auto one = [&](Value* row) -> bool {
      execution.slots[node.slot] = {row, kNoVersion};
      return !all_true(node.conditions, execution) || project();
    };
    return run_set_operation(*node.query, execution, one);
  }
  if (query.has_set_functions) {
    auto expand = [&]() -> bool { return expand_set_functions(query, execution, project); };
    return scan(*query.from, execution, expand);
  }
  return scan(*query.from, execution, project);
}

bool produce_values(const QueryPlan& query, Execution& execution, RowSink sink) {
  boost::container::small_vector<Value, 8> row(query.visible);
  for (const auto& exprs : query.values) {
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = value_of(*exprs[i], execution);
    if (!sink(row.data())) return false;
  }
  return true;
}

bool produce_rows(const QueryPlan& query, Execution& execution, RowSink sink) {
  if (!query.values.empty()) return produce_values(query, execution, sink);
  if (query.operation != SetOperation::none || query.recursive_term != nullptr) {
    return run_set_operation(query, execution, sink);
  }
  return produce(query, execution, sink);
}

}  // namespace

int compare_by_keys(const std::vector<SortKey>& keys, const Value* left, const Value* right) {
  for (const SortKey& key : keys) {
    const Value& a = left[key.output];
    const Value& b = right[key.output];
    if (a.is_null() || b.is_null()) {
      if (a.is_null() && b.is_null()) continue;
      return a.is_null() == key.nulls_first ? -1 : 1;
    }
    const int order = key.compare(a, b);
    if (order != 0) return key.descending ? -order : order;
  }
  return 0;
}

RowWindow row_window(const QueryPlan& query, Execution& execution) {
  RowWindow window;
  if (query.limit != nullptr) {
    Value local;
    const Value& limit = evaluate(*query.limit, execution, local);
    if (!limit.is_null()) {
      if (limit.integer() < 0) fail("2201W", "LIMIT must not be negative");
      window.limit = static_cast<std::uint64_t>(limit.integer());
    }
  }
  if (query.offset != nullptr) {
    Value local;
    const Value& offset = evaluate(*query.offset, execution, local);
    if (!offset.is_null()) {
      if (offset.integer() < 0) fail("2201X", "OFFSET must not be negative");
      window.offset = static_cast<std::uint64_t>(offset.integer());
    }
  }
  return window;
}

namespace {

void run_rows(const QueryPlan& query, Execution& execution, RowSink sink) {
  const RowWindow window = row_window(query, execution);
  if (window.limit == 0) return;
  std::uint64_t skipped = 0;
  std::uint64_t given = 0;
  auto limited = [&](Value* row) -> bool {
    if (skipped < window.offset) {
      ++skipped;
      return true;
    }
    ++given;
    return sink(row) && given < window.limit;
  };
  const bool sorts = !query.sort.empty() && !query.is_sorted_by_access;
  if (!sorts && !query.is_distinct && query.distinct_on.empty()) {
    produce_rows(query, execution, limited);
    return;
  }
  Tuplestore rows;
  rows.width = query.outputs.empty() ? query.visible : query.outputs.size();
  RowSet seen(query);
  auto collect = [&](Value* row) -> bool {
    if (query.is_distinct && !seen.insert(rows, row)) return true;
    for (std::size_t i = 0; i < rows.width; ++i) rows.cells.push_back(std::move(row[i]));
    ++rows.rows;
    return true;
  };
  produce_rows(query, execution, collect);
  std::vector<std::uint32_t> order(rows.rows);
  std::iota(order.begin(), order.end(), 0U);
  if (sorts) {
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      const int by_keys = compare_by_keys(query.sort, rows.row(a), rows.row(b));
      return by_keys != 0 ? by_keys < 0 : a < b;
    });
  }
  const Value* last = nullptr;
  for (const std::uint32_t index : order) {
    Value* row = rows.cells.data() + index * rows.width;
    if (!query.distinct_on.empty()) {
      if (last != nullptr && same_outputs(query, query.distinct_on, last, row)) continue;
      last = row;
      // The row is compared with those that follow: what is given away must be a copy.
      std::vector<Value> copy(row, row + rows.width);
      if (!limited(copy.data())) return;
      continue;
    }
    if (!limited(row)) return;
  }
}

/// Every row of the FROM clause gives one row, in the same order.
bool gives_each_row(const QueryPlan& query) noexcept {
  return query.from != nullptr && query.values.empty() && query.operation == SetOperation::none && query.recursive_term == nullptr &&
         query.conditions.empty() && !query.is_grouped && query.windows.empty() && !query.has_set_functions &&
         (query.sort.empty() || query.is_sorted_by_access) && !query.is_distinct && query.distinct_on.empty() &&
         query.limit == nullptr && query.offset == nullptr && query.outputs.size() == query.visible;
}

/// VALUES as INSERT mostly has it.
bool is_one_row_of_values(const QueryPlan& query) noexcept {
  return query.values.size() == 1 && query.sort.empty() && !query.is_distinct && query.distinct_on.empty() && query.limit == nullptr &&
         query.offset == nullptr;
}

}  // namespace

void run_query(const QueryPlan& query, Execution& execution, RowSink sink) {
  const DepthGuard guard(execution);
  run_rows(query, execution, sink);
}

void fill_store(const QueryPlan& query, Execution& execution, Tuplestore& store) {
  store.clear();
  store.width = query.visible;
  const auto make_room = [&] {
    if (store.cells.empty()) store.cells.reserve(store.width);  // most have one row
  };
  const DepthGuard guard(execution);
  if (gives_each_row(query)) {  // as `run_rows`, without a row in between
    auto project = [&] {
      make_room();
      for (const ExprPtr& output : query.outputs) store.cells.push_back(value_of(*output, execution));
      ++store.rows;
      return true;
    };
    scan(*query.from, execution, project);
  } else if (is_one_row_of_values(query)) {
    make_room();
    for (const ExprPtr& value : query.values.front()) store.cells.push_back(value_of(*value, execution));
    ++store.rows;
  } else {
    auto sink = [&](Value* row) {
      make_room();
      for (std::size_t i = 0; i < store.width; ++i) store.cells.push_back(std::move(row[i]));
      ++store.rows;
      return true;
    };
    run_rows(query, execution, sink);
  }
  store.is_filled = true;
}

}  // namespace orrery::sim::database
