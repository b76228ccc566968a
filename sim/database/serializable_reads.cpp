#include <algorithm>

#include "sim/database/catalog.hpp"
#include "sim/database/engine_impl.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/serializable.hpp"

// SIREAD locks: what serializable transactions have read. They block nobody; a write that touches one is a rw-conflict.

namespace orrery::sim::database {
namespace {

// From here on a transaction's locks become coarser, as PostgreSQL's do (max_pred_locks_per_relation).
constexpr std::size_t kMaxRows = 10'000;
constexpr std::size_t kMaxRanges = 256;

template <class List>
bool add_once(List& list, SerializableTransaction& reader) {
  if (std::find(list.begin(), list.end(), &reader) != list.end()) return false;
  list.push_back(&reader);
  return true;
}

bool is_within(const OrderedIndex& tree, const Value* row, const KeyRange& range) {
  const int from_low = tree.compare(row, range.low);
  if (from_low < 0 || (from_low == 0 && range.low_after)) return false;
  const int from_high = tree.compare(row, range.high);
  return from_high < 0 || (from_high == 0 && range.high_after);
}

}  // namespace

void Serializable::read_table(SerializableTransaction& reader, const Table& table) {
  if (add_once(tables_[table.id], reader)) reader.tables_read.push_back(table.id);
}

void Serializable::read_row(SerializableTransaction& reader, const Table& table, VersionId version) {
  const Version& read = (*table.heap)[version];
  if (engine_.transactions.is_own(read.xmin, reader.slot)) return;  // nobody else can change what it made itself
  std::size_t& count = reader.rows_by_table[table.id];
  if (count == kMaxRows) return;
  if (!add_once(rows_[{table.id, version}], reader)) return;
  reader.rows_read.emplace_back(table.id, version);
  if (++count == kMaxRows) read_table(reader, table);
}

void Serializable::read_keys(SerializableTransaction& reader, const Index& index, KeyRange range) {
  const std::pair<std::uint32_t, std::uint32_t> place(index.table->id, index.number);
  std::vector<KeysRead>& reads = keys_[place];
  auto own = std::find_if(reads.begin(), reads.end(), [&](const KeysRead& each) { return each.reader == &reader; });
  if (own == reads.end()) {
    reader.indexes_read.push_back(place);
    own = reads.insert(reads.end(), KeysRead{&reader, {}});
  }
  if (own->ranges.size() == kMaxRanges) {
    own->ranges.assign(1, KeyRange{});
    return;
  }
  if (own->ranges.size() == 1 && own->ranges[0].low.empty() && own->ranges[0].high.empty()) return;
  own->ranges.push_back(std::move(range));
}

void Serializable::check_insert(SerializableTransaction& writer, const Table& table) {
  refuse_doomed(writer, "conflict in checking");
  writer.did_write = true;
  const auto readers = tables_.find(table.id);
  if (readers != tables_.end()) check_readers(readers->second, writer);
}

void Serializable::check_write(SerializableTransaction& writer, const Table& table, VersionId version) {
  refuse_doomed(writer, "conflict in checking");
  writer.did_write = true;
  const auto readers = rows_.find({table.id, version});
  if (readers != rows_.end()) check_readers(readers->second, writer);
  check_insert(writer, table);
}

void Serializable::check_key(SerializableTransaction& writer, const Index& index, const Value* row) {
  refuse_doomed(writer, "conflict in checking");
  const auto found = keys_.find({index.table->id, index.number});
  if (found == keys_.end()) return;
  for (const KeysRead& read : found->second) {
    if (!can_conflict(*read.reader, writer)) continue;
    const bool touches = std::any_of(read.ranges.begin(), read.ranges.end(),
                                     [&](const KeyRange& range) { return is_within(*index.tree, row, range); });
    if (touches) add_conflict(*read.reader, writer, true);
  }
}

void Serializable::check_table(SerializableTransaction& writer, const Table& table) {
  check_insert(writer, table);
  for (auto row = rows_.lower_bound({table.id, 0}); row != rows_.end() && row->first.first == table.id; ++row) {
    check_readers(row->second, writer);
  }
  for (auto keys = keys_.lower_bound({table.id, 0}); keys != keys_.end() && keys->first.first == table.id; ++keys) {
    for (const KeysRead& read : keys->second) {
      if (can_conflict(*read.reader, writer)) add_conflict(*read.reader, writer, true);
    }
  }
}

}  // namespace orrery::sim::database
