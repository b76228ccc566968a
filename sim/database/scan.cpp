#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <memory>
#include <optional>
#include <span>

#include "sim/database/engine_impl.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/session_impl.hpp"
#include "sim/database/subquery.hpp"

namespace orrery::sim::database {
namespace {

/// splitmix64: decisions within one statement, from the one number that the environment gave for it.
std::uint64_t next_order_draw(Execution& execution) {
  if (!execution.told_order) {
    execution.told_order = true;
    execution.engine->environment.chose(execution.plan->writes ? OpenChoice::lock_order : OpenChoice::row_order,
                                        execution.session->name, execution.order_seed);
  }
  std::uint64_t x = execution.order_seed + 0x9e3779b97f4a7c15ULL * ++execution.order_draws;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

void shuffle(std::vector<VersionId>& versions, Execution& execution) {
  for (std::size_t i = versions.size(); i > 1; --i) {
    std::swap(versions[i - 1], versions[next_order_draw(execution) % i]);
  }
}

/// The version of the entry's row that the snapshot sees, if it still has the entry's key.
VersionId visible_of_entry(const Table& table, const Index& index, VersionId version, const Execution& execution,
                           const TransactionTable& transactions, SerializableTransaction* reader) {
  const Heap& heap = *table.heap;
  const std::uint32_t bit = 1U << index.number;
  heap.prefetch(version);
  while (true) {
    const Version& candidate = heap[version];
    const bool visible = is_visible(candidate, execution.snapshot, transactions);
    if (reader != nullptr) {
      Serializable& serializable = execution.engine->serializable;
      serializable.check_read(*reader, candidate, visible, execution.snapshot);
      if (visible) serializable.read_row(*reader, table, version);
    }
    if (visible) return version;
    version = candidate.newer;
    if (version == kNoVersion || (heap[version].breaks & bit) != 0) return kNoVersion;
  }
}

class TableScan {
 public:
  TableScan(const FromNode& node, Execution& execution, SlotSink sink)
      : node_(node), execution_(execution), sink_(sink), transactions_(execution.engine->transactions) {}

  bool run() {
    const TableAccess& access = node_.access;
    if (execution_.session->transaction.serializable != nullptr) {
      reader_ = execution_.engine->serializable.reader(*execution_.session);
    }
    // Where nothing asks for an order, the seed decides it.
    collects_ = execution_.order_seed != 0 && !access.is_ordered;
    const bool finished = access.index == nullptr ? scan_heap() : scan_index();
    if (!finished) return false;
    if (collects_) {
      if (collected_.size() > 1) shuffle(collected_, execution_);
      for (const VersionId version : collected_) {
        if (!emit(version)) return false;
      }
    }
    return true;
  }

 private:
  bool scan_heap() {
    const Heap& heap = *node_.table->heap;
    const VersionId end = heap.end();
    Serializable& serializable = execution_.engine->serializable;
    if (reader_ != nullptr) serializable.read_table(*reader_, *node_.table);
    for (VersionId id = 0; id < end; ++id) {
      const Version& version = heap[id];
      if (reader_ != nullptr && version.row != nullptr) {
        const bool visible = is_visible(version, execution_.snapshot, transactions_);
        serializable.check_read(*reader_, version, visible, execution_.snapshot);
      }
      if (version.row == nullptr || !is_visible(version, execution_.snapshot, transactions_)) continue;
      if (!offer(id)) return false;
    }
    return true;
  }

  bool scan_index() {
    const TableAccess& access = node_.access;
    if (access.equal.size() == 1 && is_one_key(1)) {  // mostly: a row by its id
      const Value key = value_of(*access.equal.front(), execution_);
      return key.is_null() || scan_one_key(std::span(&key, 1));
    }
    for (const ExprPtr& expr : access.equal) {
      keys_.push_back(value_of(*expr, execution_));
      if (keys_.back().is_null()) return true;
    }
    if (access.any != nullptr || !access.any_list.empty()) return scan_any();
    return scan_keys();
  }

  /// What begins with `keys_`.
  bool scan_keys() { return !keys_.empty() && is_one_key(keys_.size()) ? scan_one_key(keys_) : scan_range(); }

  /// Whether so many values are a key that one row has at most.
  [[nodiscard]] bool is_one_key(std::size_t values) const {
    const TableAccess& access = node_.access;
    const Index& index = *access.index;
    return index.is_unique && !index.is_deferrable && values == index.tree->columns().size() && access.lower == nullptr &&
           access.upper == nullptr;
  }

  /// One key: walks while it is equal, without a second search.
  bool scan_one_key(std::span<const Value> key) {
    const Index& index = *node_.access.index;
    const OrderedIndex& tree = *index.tree;
    if (reader_ != nullptr) {
      KeyRange range;
      range.low.assign(key.begin(), key.end());
      range.high = range.low;
      execution_.engine->serializable.read_keys(*reader_, index, std::move(range));
    }
    for (OrderedIndex::Place place = tree.seek(key, false); place != tree.end(); tree.advance(place)) {
      if (!tree.has_key(place, key)) break;
      const VersionId version = visible_of_entry(*node_.table, index, tree.at(place), execution_, transactions_, reader_);
      // There may be two: a row that others deleted after the snapshot was taken, and one of this transaction's own.
      if (version != kNoVersion && !emit(version)) return false;
    }
    return true;
  }

  bool scan_any() {
    const TableAccess& access = node_.access;
    std::vector<Value> wanted;
    if (access.any != nullptr) {
      if (access.any->kind == ExprKind::in_subquery) {
        collect_subquery(*access.any, wanted);
      } else {
        Value local;
        const Value& array = evaluate(*access.any, execution_, local);
        if (array.is_null()) return true;
        wanted = array.array().elements;
      }
    } else {
      for (const ExprPtr& expr : access.any_list) {
        Value local;
        wanted.push_back(evaluate(*expr, execution_, local));
      }
    }
    const KeyColumn& column = access.index->tree->columns()[access.equal.size()];
    std::erase_if(wanted, [](const Value& value) { return value.is_null(); });
    std::sort(wanted.begin(), wanted.end(), [&](const Value& left, const Value& right) {
      const int order = column.compare(left, right);
      return column.descending != access.is_backward ? order > 0 : order < 0;
    });
    wanted.erase(std::unique(wanted.begin(), wanted.end(),
                             [&](const Value& left, const Value& right) { return column.compare(left, right) == 0; }),
                 wanted.end());
    for (const Value& value : wanted) {
      keys_.push_back(value);
      if (!scan_keys()) return false;
      keys_.pop_back();
    }
    return true;
  }

  void collect_subquery(const Expr& expr, std::vector<Value>& wanted);

  bool scan_range() {
    const TableAccess& access = node_.access;
    const OrderedIndex& tree = *access.index->tree;
    const std::size_t equal = keys_.size();
    OrderedIndex::Place first;
    OrderedIndex::Place last;
    Value lower;
    Value upper;
    if (access.lower != nullptr) {
      lower = value_of(*access.lower, execution_);
      if (lower.is_null()) return true;
    }
    if (access.upper != nullptr) {
      upper = value_of(*access.upper, execution_);
      if (upper.is_null()) return true;
    }
    const bool descending = equal < tree.columns().size() && tree.columns()[equal].descending;
    const bool has_first = descending ? access.upper != nullptr : access.lower != nullptr;
    const bool has_last = descending ? access.lower != nullptr : access.upper != nullptr;
    if (has_first) {
      keys_.push_back(descending ? upper : lower);
      first = tree.seek(keys_, !(descending ? access.upper_inclusive : access.lower_inclusive));
      keys_.pop_back();
    } else {
      first = tree.seek(keys_, false);
    }
    KeyRange range;
    if (reader_ != nullptr) {
      range.low.assign(keys_.begin(), keys_.end());
      range.high = range.low;
      if (has_first) {
        range.low.push_back(descending ? upper : lower);
        range.low_after = !(descending ? access.upper_inclusive : access.lower_inclusive);
      }
      if (has_last) {
        range.high.push_back(descending ? lower : upper);
        range.high_after = descending ? access.lower_inclusive : access.upper_inclusive;
      }
    }
    if (has_last) {
      keys_.push_back(descending ? lower : upper);
      last = tree.seek(keys_, descending ? access.lower_inclusive : access.upper_inclusive);
      keys_.pop_back();
    } else {
      last = tree.seek(keys_, true);
    }
    if (has_first && has_last) {  // an empty range may be given the wrong way round
      if (last.chunk < first.chunk || (last.chunk == first.chunk && last.entry < first.entry)) return true;
    }
    if (reader_ == nullptr) return walk(first, last, nullptr);
    Serializable& serializable = execution_.engine->serializable;
    try {
      const bool finished = walk(first, last, &range);
      serializable.read_keys(*reader_, *access.index, std::move(range));
      return finished;
    } catch (...) {
      serializable.read_keys(*reader_, *access.index, std::move(range));
      throw;
    }
  }

  /// Offers the entries between two places. Who stops before the end has read up to there: `range` becomes that.
  bool walk(OrderedIndex::Place first, OrderedIndex::Place last, KeyRange* range) {
    const OrderedIndex& tree = *node_.access.index->tree;
    const auto key_at = [&](OrderedIndex::Place place) {
      std::vector<Value> key;
      const Value* row = (*node_.table->heap)[tree.at(place)].row;
      for (const KeyColumn& column : tree.columns()) key.push_back(row[column.place]);
      return key;
    };
    if (node_.access.is_backward) {
      while (last != first) {
        tree.retreat(last);
        if (offer_entry(tree.at(last))) continue;
        if (range != nullptr) {
          range->low = key_at(last);
          range->low_after = false;
        }
        return false;
      }
    } else {
      for (; first != last; tree.advance(first)) {
        if (offer_entry(tree.at(first))) continue;
        if (range != nullptr) {
          range->high = key_at(first);
          range->high_after = true;
        }
        return false;
      }
    }
    return true;
  }

  bool offer_entry(VersionId entry) {
    const VersionId version = visible_of_entry(*node_.table, *node_.access.index, entry, execution_, transactions_, reader_);
    return version == kNoVersion || offer(version);
  }

  bool offer(VersionId version) {
    if (!collects_) return emit(version);
    collected_.push_back(version);
    return true;
  }

  bool emit(VersionId version) {
    Slot& slot = execution_.slots[node_.slot];
    slot.row = (*node_.table->heap)[version].row;
    slot.version = version;
    if (!all_true(node_.conditions, execution_)) return true;
    return sink_();
  }

  const FromNode& node_;
  Execution& execution_;
  SlotSink sink_;
  const TransactionTable& transactions_;
  bool collects_ = false;
  std::vector<VersionId> collected_;
  boost::container::small_vector<Value, 4> keys_;
  SerializableTransaction* reader_ = nullptr;  // whose reads are tracked
};

void TableScan::collect_subquery(const Expr& expr, std::vector<Value>& wanted) {
  const SubqueryCache& cache = cached_rows(expr, execution_);
  for (std::size_t i = 0; i < cache.rows.rows; ++i) wanted.push_back(cache.rows.row(i)[0]);
}

const Step& step_of(std::uint32_t store, const Execution& execution) {
  const std::vector<Step>& steps = execution.plan->steps;
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.store == store; });
  CHECK(found != steps.end() && found->is_run_when_read, "what no step fills when it is read is filled before");
  return *found;
}

bool scan_store(const FromNode& node, Execution& execution, const Tuplestore& store, SlotSink sink) {
  for (std::size_t i = 0; i < store.rows; ++i) {
    execution.slots[node.slot] = {store.row(i), kNoVersion};
    if (all_true(node.conditions, execution) && !sink()) return false;
  }
  return true;
}

bool scan_functions(const FromNode& node, Execution& execution, SlotSink sink) {
  std::vector<Tuplestore> results(node.functions.size());
  std::size_t rows = 0;
  for (std::size_t i = 0; i < node.functions.size(); ++i) {
    const Expr& call = *node.functions[i];
    Tuplestore& result = results[i];
    result.width = node.function_widths[i];
    std::vector<Value> arguments;
    bool is_null = false;
    for (const ExprPtr& arg : call.args) {
      Value local;
      arguments.push_back(evaluate(*arg, execution, local));
      is_null = is_null || is_given_null(*arg, arguments.back());
    }
    if (call.kind == ExprKind::call && call.function->kind == FunctionKind::set_returning) {
      if (!(is_null && call.function->is_strict)) {
        call.function->call_set(arguments, call.site, execution, result.cells);
      }
    } else {
      Value local;
      result.cells.push_back(evaluate(call, execution, local));
    }
    result.rows = result.width == 0 ? 0 : result.cells.size() / result.width;
    rows = std::max(rows, result.rows);
  }
  Tuplestore& joined = execution.arena.emplace_back();
  joined.width = node.width;
  joined.rows = rows;
  joined.cells.reserve(rows * node.width);
  for (std::size_t row = 0; row < rows; ++row) {
    for (const Tuplestore& result : results) {
      for (std::size_t column = 0; column < result.width; ++column) {
        joined.cells.push_back(row < result.rows ? result.row(row)[column] : Value());
      }
    }
    if (node.with_ordinality) joined.cells.push_back(Value::integer(static_cast<std::int64_t>(row) + 1));
  }
  return scan_store(node, execution, joined, sink);
}

void clear_slots(const FromNode& node, Execution& execution) {
  for (std::uint32_t slot = 0; slot < execution.slots.size(); ++slot) {
    if ((node.slots >> slot & 1U) != 0) execution.slots[slot] = {};
  }
}

/// The hash of a join key; nothing if a part is NULL, which equals nothing.
std::optional<std::uint64_t> key_hash(const FromNode& node, const std::vector<ExprPtr>& key, Execution& execution) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    Value local;
    const Value& value = evaluate(*key[i], execution, local);
    if (value.is_null()) return std::nullopt;
    hash = mix_hash(hash ^ node.hashes[i](value));
  }
  return hash;
}

const JoinTable& join_table(const FromNode& node, Execution& execution) {
  for (const auto& each : execution.joins) {
    if (each->join == &node) return *each;
  }
  auto table = std::make_unique<JoinTable>();
  table->join = &node;
  auto keep = [&] {
    if (const auto hash = key_hash(node, node.hash_right, execution)) {
      table->by_hash.emplace_back(*hash, static_cast<std::uint32_t>(table->rows.size()));
      table->rows.push_back(execution.slots[node.right->slot]);
    }
    return true;
  };
  scan(*node.right, execution, keep);
  std::sort(table->by_hash.begin(), table->by_hash.end());
  return *execution.joins.emplace_back(std::move(table));
}

bool scan_hash_join(const FromNode& node, Execution& execution, SlotSink sink) {
  auto outer = [&]() -> bool {
    bool found = false;
    if (const auto hash = key_hash(node, node.hash_left, execution)) {
      const JoinTable& table = join_table(node, execution);
      auto entry = std::lower_bound(table.by_hash.begin(), table.by_hash.end(), std::pair{*hash, std::uint32_t{0}});
      for (; entry != table.by_hash.end() && entry->first == *hash; ++entry) {
        execution.slots[node.right->slot] = table.rows[entry->second];
        if (!all_true(node.conditions, execution)) continue;
        found = true;
        if (!sink()) return false;
      }
    }
    if (found || node.join != FromNode::Join::left) return true;
    clear_slots(*node.right, execution);
    return sink();
  };
  return scan(*node.left, execution, outer);
}

bool scan_join(const FromNode& node, Execution& execution, SlotSink sink) {
  if (!node.hash_left.empty()) return scan_hash_join(node, execution, sink);
  if (node.join == FromNode::Join::full) {
    // Rows of both sides are kept, so that those of the right side which found no partner can follow at the end.
    std::vector<std::vector<Slot>> right_rows;
    std::vector<std::uint32_t> right_slots;
    for (std::uint32_t slot = 0; slot < execution.slots.size(); ++slot) {
      if ((node.right->slots >> slot & 1U) != 0) right_slots.push_back(slot);
    }
    auto keep_right = [&] {
      auto& row = right_rows.emplace_back();
      for (const std::uint32_t slot : right_slots) row.push_back(execution.slots[slot]);
      return true;
    };
    scan(*node.right, execution, keep_right);
    std::vector<bool> matched(right_rows.size());
    auto left_row = [&]() -> bool {
      bool found = false;
      for (std::size_t i = 0; i < right_rows.size(); ++i) {
        for (std::size_t k = 0; k < right_slots.size(); ++k) execution.slots[right_slots[k]] = right_rows[i][k];
        if (!all_true(node.conditions, execution)) continue;
        found = true;
        matched[i] = true;
        if (!sink()) return false;
      }
      if (found) return true;
      clear_slots(*node.right, execution);
      return sink();
    };
    if (!scan(*node.left, execution, left_row)) return false;
    clear_slots(*node.left, execution);
    for (std::size_t i = 0; i < right_rows.size(); ++i) {
      if (matched[i]) continue;
      for (std::size_t k = 0; k < right_slots.size(); ++k) execution.slots[right_slots[k]] = right_rows[i][k];
      if (!sink()) return false;
    }
    return true;
  }
  auto outer = [&]() -> bool {
    bool found = false;
    auto inner = [&]() -> bool {
      if (!all_true(node.conditions, execution)) return true;
      found = true;
      return sink();
    };
    if (!scan(*node.right, execution, inner)) return false;
    if (found || node.join != FromNode::Join::left) return true;
    clear_slots(*node.right, execution);
    return sink();
  };
  return scan(*node.left, execution, outer);
}

}  // namespace

bool scan(const FromNode& node, Execution& execution, SlotSink sink) {
  switch (node.kind) {
    case FromNode::Kind::nothing:
      return !all_true(node.conditions, execution) || sink();
    case FromNode::Kind::table:
      return TableScan(node, execution, sink).run();
    case FromNode::Kind::store: {
      Tuplestore& store = execution.stores[node.store];
      if (!store.is_filled) {
        if (node.query == nullptr) throw EvaluationWait{.step = &step_of(node.store, execution)};
        fill_store(*node.query, execution, store);
      }
      return scan_store(node, execution, store, sink);
    }
    case FromNode::Kind::query: {
      // Rows stay in the arena: sorts and locks keep pointers to them until the end of the statement.
      Tuplestore& store = execution.arena.emplace_back();
      fill_store(*node.query, execution, store);
      return scan_store(node, execution, store, sink);
    }
    case FromNode::Kind::function:
      return scan_functions(node, execution, sink);
    case FromNode::Kind::join:
      return scan_join(node, execution, sink);
  }
  return true;
}

bool recheck(const FromNode& node, Execution& execution) {
  if (node.kind != FromNode::Kind::join) {
    return all_true(node.access.implied, execution) && all_true(node.conditions, execution);
  }
  if (!recheck(*node.left, execution)) return false;
  if (node.join == FromNode::Join::inner) return recheck(*node.right, execution) && all_true(node.conditions, execution);
  bool is_extended = true;
  for (std::uint32_t slot = 0; slot < execution.slots.size(); ++slot) {
    if ((node.right->slots >> slot & 1U) != 0 && execution.slots[slot].row != nullptr) is_extended = false;
  }
  if (is_extended) return true;
  if (!recheck(*node.right, execution) || !all_true(node.conditions, execution)) clear_slots(*node.right, execution);
  return true;
}

}  // namespace orrery::sim::database
