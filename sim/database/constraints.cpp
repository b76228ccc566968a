#include "sim/database/constraints.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>

#include "sim/database/errors.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

std::string describe_row(const Table& table, const Value* row) {
  std::string text = "Failing row contains (";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) text += ", ";
    if (row[i].is_null()) {
      text += "null";
      continue;
    }
    std::string cell = output_text(table.columns[i].type, row[i]);
    if (cell.size() > 64) cell = cell.substr(0, 64) + "...";
    text += cell;
  }
  return text + ").";
}

}  // namespace

namespace {

void compute_generated(const Table& table, Value* row, Execution& execution) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].generation == nullptr) continue;
    execution.slots[0] = {row, kNoVersion};
    row[i] = value_of(*table.columns[i].generation, execution);
  }
}

[[noreturn]] void fail_null(const Table& table, const Column& column, const Value* row) {
  fail_constraint("23502",
                  "null value in column " + in_quotes(column.name) + " of relation " + in_quotes(table.name) +
                      " violates not-null constraint",
                  describe_row(table, row), {});
}

}  // namespace

void complete_row(const Table& table, Value* row, Execution& execution) {
  bool is_complete = true;
  const Value* value = row;
  for (const Column& column : table.columns) {
    if (value++->is_null() ? column.not_null || column.generation != nullptr : column.generation != nullptr) is_complete = false;
  }
  if (!is_complete) {
    compute_generated(table, row, execution);
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].not_null && row[i].is_null()) fail_null(table, table.columns[i], row);
    }
  }
  execution.slots[0] = {row, kNoVersion};
  for (const CheckConstraint& check : table.checks) {
    Value local;
    const Value& result = evaluate(*check.condition, execution, local);
    if (result.is_null() || result.boolean()) continue;
    fail_constraint("23514", "new row for relation " + in_quotes(table.name) + " violates check constraint " + in_quotes(check.name),
                    describe_row(table, row), check.name);
  }
}

bool prepare_key(const Index& index, Value* row, Execution& execution) {
  execution.slots[0] = {row, kNoVersion};
  if (index.predicate != nullptr && !is_true(*index.predicate, execution)) return false;
  for (std::size_t i = 0; i < index.elements.size(); ++i) {
    const KeyElement& element = index.elements[i];
    if (element.column >= 0) continue;
    Value local;
    row[index.tree->columns()[i].place] = evaluate(*element.expression, execution, local);
  }
  return true;
}

std::string describe_key(const Index& index, const Value* row) {
  std::string names;
  std::string values;
  for (std::size_t i = 0; i < index.elements.size(); ++i) {
    const KeyColumn& column = index.tree->columns()[i];
    if (i > 0) {
      names += ", ";
      values += ", ";
    }
    const KeyElement& element = index.elements[i];
    names += element.column >= 0 ? index.table->columns[static_cast<std::size_t>(element.column)].name
                                 : element.text;
    const Value& value = row[column.place];
    values += value.is_null() ? "null" : output_text(column.type, value);
  }
  return "(" + names + ")=(" + values + ")";
}

void fail_duplicate(const Index& index, const Value* row) {
  fail_constraint("23505", "duplicate key value violates unique constraint " + in_quotes(index.name),
                  "Key " + describe_key(index, row) + " already exists.", index.name);
}

std::optional<KeyConflict> find_conflict(const Index& index, const Value* row, VersionId self, const SessionImpl& session) {
  const OrderedIndex& tree = *index.tree;
  const Heap& heap = *index.table->heap;
  const TransactionTable& transactions = session.engine.transactions;
  const std::uint32_t slot = session.transaction.slot;
  boost::container::small_vector<Value, 4> key;
  for (const KeyColumn& column : tree.columns()) {
    key.push_back(row[column.place]);
    if (key.back().is_null() && !index.nulls_not_distinct) return std::nullopt;
  }
  const std::uint32_t bit = 1U << index.number;
  for (OrderedIndex::Place place = tree.seek(key, false); place != tree.end(); tree.advance(place)) {
    VersionId version = tree.at(place);
    if (!tree.has_key(place, key)) break;
    // The versions that share the entry, oldest first: only the last one can be alive.
    while (version != kNoVersion) {
      const Version& candidate = heap[version];
      if (version != self) {
        const std::uint64_t made = transactions.state(candidate.xmin);
        if ((made & TransactionTable::kRunning) != 0 && TransactionTable::slot_of(made) != slot) {
          return KeyConflict{version, candidate.xmin};
        }
        if (candidate.xmax == 0) return KeyConflict{version, 0};
        const std::uint64_t ended = transactions.state(candidate.xmax);
        if ((ended & TransactionTable::kRunning) != 0 && TransactionTable::slot_of(ended) != slot) {
          return KeyConflict{version, candidate.xmax};
        }
      }
      version = candidate.newer;
      if (version != kNoVersion && (heap[version].breaks & bit) != 0) break;
    }
  }
  return std::nullopt;
}

std::optional<Xid> add_entries(Table& table, VersionId version, std::uint32_t wanted, std::uint32_t& next,
                               Execution& execution, SpeculativeInsert* speculative) {
  Heap& heap = *table.heap;
  const SessionImpl& session = *execution.session;
  SerializableTransaction* const writer = session.transaction.serializable;
  for (; next < table.indexes.size(); ++next) {
    Index& index = *table.indexes[next];
    const bool is_wanted = (wanted >> next & 1U) != 0;
    // An update that moves one entry moves all of them in PostgreSQL, and meets readers of the unchanged keys, too.
    if (index.is_dropped || (!is_wanted && (writer == nullptr || wanted == 0))) continue;
    Value* row = heap[version].row;
    if (!prepare_key(index, row, execution)) continue;
    if (!is_wanted) {
      session.engine.serializable.check_key(*writer, index, row);
      continue;
    }
    if (index.is_deferrable) {
      // _bt_check_unique, UNIQUE_CHECK_PARTIAL: waits for nobody; what may be a conflict is looked at again when it is time.
      if (find_conflict(index, row, version, session)) {
        execution.session->transaction.key_checks.push_back({nullptr, false, {&table, kNoVersion, version, RowWrite::insert}, &index});
      }
    } else if (index.is_unique) {
      if (const auto conflict = find_conflict(index, row, version, *execution.session)) {
        if (speculative != nullptr &&
            (speculative->arbiters->empty() ||
             std::find(speculative->arbiters->begin(), speculative->arbiters->end(), &index) != speculative->arbiters->end())) {
          speculative->has_conflict = true;
          return std::nullopt;
        }
        if (conflict->in_flight != 0) return conflict->in_flight;
        // Who had looked for the key before must hear that it failed to serialize, rather than that the key exists.
        if (writer != nullptr) session.engine.serializable.check_key(*writer, index, row);
        fail_duplicate(index, row);
      }
    }
    if (writer != nullptr) session.engine.serializable.check_key(*writer, index, row);
    index.tree->add(version);
    heap[version].entries |= 1U << next;
  }
  return std::nullopt;
}

}  // namespace orrery::sim::database
