#include <algorithm>
#include <numeric>

#include "sim/database/errors.hpp"
#include "sim/database/grouping.hpp"

namespace orrery::sim::database {
namespace {

/// The rows of the FROM clause, kept as what their slots held.
struct KeptRows {
  std::size_t width = 0;
  std::vector<Slot> slots;
  std::size_t rows = 0;
};

void restore(const QueryPlan& query, const KeptRows& kept, std::size_t row, Execution& execution) {
  for (std::size_t i = 0; i < kept.width; ++i) execution.slots[query.slots[i]] = kept.slots[row * kept.width + i];
}

class WindowRun {
 public:
  WindowRun(const QueryPlan& query, const WindowCall& call, const KeptRows& kept, Execution& execution)
      : call_(call), kept_(kept), partition_width_(call.partition.size()) {
    keys_.width = call.partition.size() + call.order.size() + call.arguments.size() + 1;
    for (std::size_t row = 0; row < kept.rows; ++row) {
      restore(query, kept, row, execution);
      for (const auto* exprs : {&call.partition, &call.order, &call.arguments}) {
        for (const ExprPtr& expr : *exprs) {
          Value local;
          keys_.cells.push_back(evaluate(*expr, execution, local));
        }
      }
      keys_.cells.push_back(Value::boolean(all_true(call.filter, execution)));
      ++keys_.rows;
    }
    order_.resize(kept.rows);
    std::iota(order_.begin(), order_.end(), 0U);
    for (std::size_t i = 0; i < call.partition.size(); ++i) {
      SortKey key;
      key.output = static_cast<std::uint32_t>(i);
      key.compare = compare_function(call.partition[i]->type);
      CHECK(key.compare != nullptr, "the analyzer refuses types without an order here");
      partition_keys_.push_back(key);
    }
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      int by_keys = compare_by_keys(partition_keys_, keys_.row(a), keys_.row(b));
      if (by_keys == 0) by_keys = compare_order(a, b);
      return by_keys != 0 ? by_keys < 0 : a < b;
    });
  }

  [[nodiscard]] const std::vector<std::uint32_t>& order() const { return order_; }

  /// One value for each row, by its place in the input.
  std::vector<Value> run() {
    std::vector<Value> results(kept_.rows);
    for (std::size_t begin = 0; begin < order_.size();) {
      std::size_t end = begin + 1;
      while (end < order_.size() && compare_by_keys(partition_keys_, keys_.row(order_[begin]), keys_.row(order_[end])) == 0) {
        ++end;
      }
      run_partition(begin, end, results);
      begin = end;
    }
    return results;
  }

 private:
  [[nodiscard]] int compare_order(std::uint32_t a, std::uint32_t b) const {
    return compare_by_keys(call_.order_keys, keys_.row(a) + partition_width_, keys_.row(b) + partition_width_);
  }
  [[nodiscard]] const Value* arguments(std::uint32_t row) const {
    return keys_.row(row) + partition_width_ + call_.order.size();
  }
  [[nodiscard]] std::size_t peers_end(std::size_t place, std::size_t end) const {
    if (call_.rows_frame) return place + 1;
    std::size_t last = place + 1;
    while (last < end && compare_order(order_[place], order_[last]) == 0) ++last;
    return last;
  }

  void run_partition(std::size_t begin, std::size_t end, std::vector<Value>& results) {
    using Kind = WindowCall::Kind;
    switch (call_.kind) {
      case Kind::row_number:
        for (std::size_t i = begin; i < end; ++i) results[order_[i]] = Value::integer(static_cast<std::int64_t>(i - begin + 1));
        return;
      case Kind::rank:
      case Kind::dense_rank: {
        std::int64_t rank = 0;
        std::int64_t dense = 0;
        for (std::size_t i = begin; i < end; ++i) {
          if (i == begin || compare_order(order_[i - 1], order_[i]) != 0) {
            rank = static_cast<std::int64_t>(i - begin + 1);
            ++dense;
          }
          results[order_[i]] = Value::integer(call_.kind == Kind::rank ? rank : dense);
        }
        return;
      }
      case Kind::lag:
      case Kind::lead:
        for (std::size_t i = begin; i < end; ++i) {
          const Value* args = arguments(order_[i]);
          std::int64_t by = 1;
          if (call_.arguments.size() > 1) {
            if (args[1].is_null()) continue;
            by = args[1].integer();
          }
          const std::int64_t place =
              static_cast<std::int64_t>(i - begin) + (call_.kind == Kind::lag ? -by : by);
          if (place >= 0 && place < static_cast<std::int64_t>(end - begin)) {
            results[order_[i]] = arguments(order_[begin + static_cast<std::size_t>(place)])[0];
          } else if (call_.arguments.size() > 2) {
            results[order_[i]] = args[2];
          }
        }
        return;
      case Kind::first_value:
        for (std::size_t i = begin; i < end; ++i) results[order_[i]] = arguments(order_[begin])[0];
        return;
      case Kind::last_value:
        for (std::size_t i = begin; i < end;) {
          const std::size_t last = call_.whole_partition ? end : peers_end(i, end);
          for (const std::size_t stop = call_.whole_partition ? end : last; i < stop; ++i) {
            results[order_[i]] = arguments(order_[last - 1])[0];
          }
        }
        return;
      case Kind::ntile: {
        const std::int64_t buckets = arguments(order_[begin])[0].integer();
        if (buckets <= 0) fail("22014", "argument of ntile must be greater than zero");
        const auto rows = static_cast<std::int64_t>(end - begin);
        for (std::int64_t i = 0; i < rows; ++i) {
          const std::int64_t large = rows % buckets;
          const std::int64_t size = rows / buckets;
          const std::int64_t bucket = i < large * (size + 1) ? i / (size + 1) : large + (i - large * (size + 1)) / std::max<std::int64_t>(1, size);
          results[order_[begin + static_cast<std::size_t>(i)]] = Value::integer(bucket + 1);
        }
        return;
      }
      case Kind::aggregate:
        break;
    }
    const auto aggregator = call_.call.function->aggregate(call_.call.site, {});
    for (std::size_t i = begin; i < end;) {
      const std::size_t last = call_.whole_partition ? end : peers_end(i, end);
      for (std::size_t k = i; k < last; ++k) {
        const Value* args = arguments(order_[k]);
        if (args[call_.arguments.size()].boolean()) aggregator->add(std::span<const Value>(args, call_.arguments.size()));
      }
      const Value result = aggregator->result();
      for (; i < last; ++i) results[order_[i]] = result;
    }
  }

  const WindowCall& call_;
  const KeptRows& kept_;
  std::size_t partition_width_;
  std::vector<SortKey> partition_keys_;
  Tuplestore keys_;  // partition keys, order keys, arguments, filter
  std::vector<std::uint32_t> order_;
};

}  // namespace

bool run_windows(const QueryPlan& query, Execution& execution, RowSink sink) {
  KeptRows kept;
  kept.width = query.slots.size();
  auto keep = [&]() -> bool {
    for (const std::uint32_t slot : query.slots) kept.slots.push_back(execution.slots[slot]);
    ++kept.rows;
    return true;
  };
  scan(*query.from, execution, keep);
  std::vector<std::vector<Value>> results;
  std::vector<std::uint32_t> order;
  for (const WindowCall& call : query.windows) {
    WindowRun run(query, call, kept, execution);
    results.push_back(run.run());
    order = run.order();
  }
  std::vector<Value> outputs(query.outputs.size());
  std::vector<Value> window_row(results.size());
  for (const std::uint32_t row : order) {
    restore(query, kept, row, execution);
    for (std::size_t i = 0; i < results.size(); ++i) window_row[i] = results[i][row];
    execution.slots[query.window_slot] = {window_row.data(), kNoVersion};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      Value local;
      outputs[i] = evaluate(*query.outputs[i], execution, local);
    }
    if (!sink(outputs.data())) return false;
  }
  return true;
}

}  // namespace orrery::sim::database
