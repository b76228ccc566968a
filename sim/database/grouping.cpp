#include "sim/database/grouping.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

/// The input of one aggregate in one group. Those with DISTINCT or an order keep their rows until the end.
struct AggregateState {
  std::unique_ptr<Aggregator> aggregator;
  Tuplestore rows;
};

struct Group {
  std::vector<Value> keys;
  std::vector<Slot> slots;  // of its first row: columns that depend on the keys are read from it
  std::vector<AggregateState> states;
};

bool buffers_rows(const AggregateCall& call) {
  return call.is_distinct || !call.order.empty() || call.call.function->kind == FunctionKind::ordered_set_aggregate;
}

std::vector<Value> evaluate_all(const std::vector<ExprPtr>& exprs, Execution& execution) {
  std::vector<Value> values;
  values.reserve(exprs.size());
  for (const ExprPtr& expr : exprs) {
    Value local;
    values.push_back(evaluate(*expr, execution, local));
  }
  return values;
}

std::uint64_t hash_keys(const std::vector<HashFunction>& hashes, const std::vector<Value>& keys) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) hash = mix_hash(hash ^ (keys[i].is_null() ? 1 : hashes[i](keys[i])));
  return hash;
}

class Grouping {
 public:
  Grouping(const QueryPlan& query, Execution& execution) : query_(query), execution_(execution) {
    for (const ExprPtr& key : query.group_keys) {
      hashes_.push_back(hash_function(key->type));
      equals_.push_back(equal_function(key->type));
      if (hashes_.back() == nullptr) {
        fail("42883", "could not identify an equality operator for type " + type_name(key->type));
      }
    }
  }

  bool run(bool has_input, RowSink sink) {
    if (query_.group_keys.empty()) add_group({});
    // HAVING without a group or an aggregate: one row or none, and nobody looks at the input (create_degenerate_grouping_paths).
    if (has_input && !(query_.group_keys.empty() && query_.aggregates.empty())) {
      auto add = [&]() -> bool {
        add_row();
        return true;
      };
      scan(*query_.from, execution_, add);
    }
    std::vector<Value> results(query_.aggregates.size());
    std::vector<Value> outputs(query_.outputs.size());
    for (Group& group : groups_) {
      for (std::size_t i = 0; i < group.slots.size(); ++i) execution_.slots[query_.slots[i]] = group.slots[i];
      for (std::size_t i = 0; i < results.size(); ++i) results[i] = finish(query_.aggregates[i], group.states[i]);
      execution_.slots[query_.aggregate_slot] = {results.data(), kNoVersion};
      if (!all_true(query_.having, execution_)) continue;
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        Value local;
        outputs[i] = evaluate(*query_.outputs[i], execution_, local);
      }
      if (!sink(outputs.data())) return false;
    }
    return true;
  }

 private:
  Group& add_group(std::vector<Value> keys) {
    Group& group = groups_.emplace_back();
    group.keys = std::move(keys);
    group.states.resize(query_.aggregates.size());
    for (std::size_t i = 0; i < group.states.size(); ++i) {
      const AggregateCall& call = query_.aggregates[i];
      group.states[i].rows.width = call.arguments.size() + call.order.size();
      if (!buffers_rows(call)) group.states[i].aggregator = call.call.function->aggregate(call.call.site, {});
    }
    for (const std::uint32_t slot : query_.slots) {
      (void)slot;
      group.slots.push_back({});  // of an empty input: all columns are NULL
    }
    return group;
  }

  Group& group_of(std::vector<Value> keys, bool& is_new) {
    is_new = false;
    if (query_.group_keys.empty()) {
      is_new = std::exchange(first_, false);
      return groups_.front();
    }
    const std::uint64_t hash = hash_keys(hashes_, keys);
    const auto [begin, end] = places_.equal_range(hash);
    for (auto place = begin; place != end; ++place) {
      Group& group = groups_[place->second];
      bool same = true;
      for (std::size_t i = 0; i < keys.size() && same; ++i) {
        same = keys[i].is_null() || group.keys[i].is_null() ? keys[i].is_null() == group.keys[i].is_null()
                                                            : equals_[i](keys[i], group.keys[i]);
      }
      if (same) return group;
    }
    places_.emplace(hash, static_cast<std::uint32_t>(groups_.size()));
    is_new = true;
    return add_group(std::move(keys));
  }

  void add_row() {
    bool is_new = false;
    Group& group = group_of(evaluate_all(query_.group_keys, execution_), is_new);
    if (is_new) {
      for (std::size_t i = 0; i < query_.slots.size(); ++i) group.slots[i] = execution_.slots[query_.slots[i]];
    }
    for (std::size_t i = 0; i < query_.aggregates.size(); ++i) {
      const AggregateCall& call = query_.aggregates[i];
      if (!all_true(call.filter, execution_)) continue;
      AggregateState& state = group.states[i];
      if (state.aggregator != nullptr) {
        state.aggregator->add(evaluate_all(call.arguments, execution_));
        continue;
      }
      for (Value& value : evaluate_all(call.arguments, execution_)) state.rows.cells.push_back(std::move(value));
      for (Value& value : evaluate_all(call.order, execution_)) state.rows.cells.push_back(std::move(value));
      ++state.rows.rows;
    }
  }

  Value finish(const AggregateCall& call, AggregateState& state) {
    if (state.aggregator != nullptr) return state.aggregator->result();
    const Tuplestore& rows = state.rows;
    const std::size_t direct = call.call.function->direct_arguments;
    const std::size_t arguments = call.arguments.size();
    std::vector<std::uint32_t> order(rows.rows);
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      const int by_keys = compare_by_keys(call.order_keys, rows.row(a) + arguments, rows.row(b) + arguments);
      return by_keys != 0 ? by_keys < 0 : a < b;
    });
    std::vector<Value> directs;
    if (direct > 0) {
      // Direct arguments may not depend on single rows: those of any row, or computed now for an empty group.
      std::vector<ExprPtr> exprs(call.arguments.begin(), call.arguments.begin() + static_cast<std::ptrdiff_t>(direct));
      directs = evaluate_all(exprs, execution_);
    }
    const auto aggregator = call.call.function->aggregate(call.call.site, directs);
    std::vector<std::uint32_t> kept;
    for (const std::uint32_t index : order) {
      const Value* row = rows.row(index);
      if (call.is_distinct) {
        const bool seen = std::any_of(kept.begin(), kept.end(), [&](std::uint32_t other) {
          return same_arguments(call, row, rows.row(other));
        });
        if (seen) continue;
        kept.push_back(index);
      }
      aggregator->add(std::span<const Value>(row + direct, arguments - direct));
    }
    return aggregator->result();
  }

  static bool same_arguments(const AggregateCall& call, const Value* left, const Value* right) {
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      if (left[i].is_null() || right[i].is_null()) {
        if (left[i].is_null() != right[i].is_null()) return false;
      } else if (!equal_function(call.arguments[i]->type)(left[i], right[i])) {
        return false;
      }
    }
    return true;
  }

  const QueryPlan& query_;
  Execution& execution_;
  std::vector<HashFunction> hashes_;
  std::vector<EqualFunction> equals_;
  std::vector<Group> groups_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> places_;  // lookup only
  bool first_ = true;
};

}  // namespace

bool run_grouped(const QueryPlan& query, Execution& execution, bool has_input, RowSink sink) {
  return Grouping(query, execution).run(has_input, sink);
}

bool expand_set_functions(const QueryPlan& query, Execution& execution, SlotSink project) {
  std::vector<std::vector<Value>> results;
  std::size_t rows = 0;
  for (const ExprPtr& call : query.set_functions) {
    const std::vector<Value> arguments = evaluate_all(call->args, execution);
    bool is_null = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) is_null = is_null || is_given_null(*call->args[i], arguments[i]);
    auto& cells = results.emplace_back();
    if (!(is_null && call->function->is_strict)) call->function->call_set(arguments, call->site, execution, cells);
    rows = std::max(rows, cells.size());
  }
  std::vector<Value> row(results.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k < results.size(); ++k) row[k] = i < results[k].size() ? results[k][i] : Value();
    execution.slots[query.set_function_slot] = {row.data(), kNoVersion};
    if (!project()) return false;
  }
  return true;
}

bool same_outputs(const QueryPlan& query, const std::vector<std::uint32_t>& places, const Value* left, const Value* right) {
  for (const std::uint32_t place : places) {
    if (left[place].is_null() || right[place].is_null()) {
      if (left[place].is_null() != right[place].is_null()) return false;
    } else if (!equal_function(query.outputs[place]->type)(left[place], right[place])) {
      return false;
    }
  }
  return true;
}

RowSet::RowSet(const QueryPlan& query) {
  for (const TypeRef type : query.types) {
    hashes_.push_back(hash_function(type));
    equals_.push_back(equal_function(type));
  }
}

std::uint64_t RowSet::hash(const Value* row) const {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < hashes_.size(); ++i) hash = mix_hash(hash ^ (row[i].is_null() ? 1 : hashes_[i](row[i])));
  return hash;
}

bool RowSet::equal(const Value* left, const Value* right) const {
  for (std::size_t i = 0; i < equals_.size(); ++i) {
    if (left[i].is_null() || right[i].is_null()) {
      if (left[i].is_null() != right[i].is_null()) return false;
    } else if (!equals_[i](left[i], right[i])) {
      return false;
    }
  }
  return true;
}

std::int64_t RowSet::find(const Tuplestore& rows, const Value* row) const {
  const auto [begin, end] = places_.equal_range(hash(row));
  for (auto place = begin; place != end; ++place) {
    if (equal(rows.row(place->second), row)) return place->second;
  }
  return -1;
}

bool RowSet::insert(const Tuplestore& rows, const Value* row) {
  if (find(rows, row) >= 0) return false;
  places_.emplace(hash(row), static_cast<std::uint32_t>(rows.rows));
  return true;
}

}  // namespace orrery::sim::database
