#include "sim/database/storage/ordered_index.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace orrery::sim::database {

OrderedIndex::OrderedIndex(Heap& heap, std::vector<KeyColumn> columns) : heap_(&heap), columns_(std::move(columns)) {
  const TypeRef type = columns_.front().type;
  if (type.is_array) return;
  switch (type.base) {
    case Type::boolean:
    case Type::int2:
    case Type::int4:
    case Type::int8:
    case Type::timestamptz:
    case Type::timestamp:
    case Type::date:
    case Type::time:
      prefix_kind_ = PrefixKind::integer;
      break;
    case Type::text:
    case Type::varchar:
    case Type::bytea:
    case Type::uuid:
      prefix_kind_ = PrefixKind::bytes;
      break;
    default:
      break;
  }
}

std::uint64_t OrderedIndex::prefix_of(const Value& value) const noexcept {
  const KeyColumn& column = columns_.front();
  if (value.is_null()) return column.nulls_first ? 0 : ~0ULL;
  std::uint64_t prefix = 0;
  switch (prefix_kind_) {
    case PrefixKind::none:
      return 1;  // between the NULLs at either end
    case PrefixKind::integer:
      prefix = static_cast<std::uint64_t>(value.integer()) ^ (1ULL << 63U);
      break;
    case PrefixKind::bytes: {
      const std::string_view bytes = value.bytes();
      const std::size_t size = std::min<std::size_t>(8, bytes.size());
      for (std::size_t i = 0; i < size; ++i) {
        prefix |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (56 - 8 * i);
      }
      break;
    }
  }
  return column.descending ? ~prefix : prefix;
}

int OrderedIndex::compare_one(const KeyColumn& column, const Value& left, const Value& right) noexcept {
  if (left.is_null() || right.is_null()) {
    if (left.is_null() && right.is_null()) return 0;
    return left.is_null() == column.nulls_first ? -1 : 1;
  }
  const int order = column.compare(left, right);
  return column.descending ? -order : order;
}

int OrderedIndex::compare(const Value* row, std::span<const Value> prefix) const {
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const int order = compare_one(columns_[i], row[columns_[i].place], prefix[i]);
    if (order != 0) return order;
  }
  return 0;
}

int OrderedIndex::compare_rows(const Value* left, const Value* right) const noexcept {
  for (const KeyColumn& column : columns_) {
    const int order = compare_one(column, left[column.place], right[column.place]);
    if (order != 0) return order;
  }
  return 0;
}

/// Binary search in the chunks' last entries and then in the one chunk. `is_before` is true of a prefix of all entries.
///
/// In the chunk, which is mostly far from any cache, the search begins where the entry would lie if keys were evenly spread
/// (ids and random keys are), and goes from there in doubling steps: Bentley and Yao, "An almost optimal algorithm for
/// unbounded searching", 1976.
template <class IsBefore>
OrderedIndex::Place OrderedIndex::partition_point(std::uint64_t wanted, const IsBefore& is_before) const {
  std::size_t low = 0;
  std::size_t high = chunks_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (is_before(lasts_[middle])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == chunks_.size()) return end();
  const Chunk& chunk = *chunks_[low];
  // The point lies in [first, last]: the chunk's last entry is not before it.
  std::size_t first = 0;
  std::size_t last = chunk.size - 1;
  const std::uint64_t from = low == 0 ? chunk.entries[0].prefix : lasts_[low - 1].prefix;
  const std::uint64_t to = lasts_[low].prefix;
  std::size_t probe = last / 2;
  if (from < wanted && wanted < to) {
    const double share = static_cast<double>(wanted - from) / static_cast<double>(to - from);
    probe = std::min(last, static_cast<std::size_t>(share * static_cast<double>(chunk.size)));
  }
  for (std::size_t step = 1; first < last; step *= 2) {
    if (is_before(chunk.entries[probe])) {
      first = probe + 1;
      if (probe + step >= last) break;
      probe += step;
      if (!is_before(chunk.entries[probe])) {
        last = probe;
        break;
      }
    } else {
      last = probe;
      if (probe < first + step) break;
      probe -= step;
      if (is_before(chunk.entries[probe])) {
        first = probe + 1;
        break;
      }
    }
  }
  while (first < last) {
    const std::size_t middle = (first + last) / 2;
    if (is_before(chunk.entries[middle])) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return {low, first};
}

OrderedIndex::Place OrderedIndex::seek(std::span<const Value> prefix, bool after_equal) const {
  if (prefix.empty()) return after_equal ? end() : begin();
  const std::uint64_t wanted = prefix_of(prefix.front());
  const bool is_whole = is_whole_key(wanted);
  return partition_point(wanted, [&](const Entry& entry) {
    if (entry.prefix != wanted) return entry.prefix < wanted;
    if (is_whole) return after_equal;
    const int order = compare((*heap_)[entry.version].row, prefix);
    return after_equal ? order <= 0 : order < 0;
  });
}

bool OrderedIndex::is_before(const Entry& entry, const Entry& other, const Value* other_row) const noexcept {
  if (entry.prefix != other.prefix) return entry.prefix < other.prefix;
  if (!is_whole_key(entry.prefix)) {
    const int order = compare_rows((*heap_)[entry.version].row, other_row);
    if (order != 0) return order < 0;
  }
  return entry.version < other.version;
}

void OrderedIndex::add(VersionId version) {
  const Value* row = (*heap_)[version].row;
  const Entry added{prefix_of(row[columns_.front().place]), version};
  insert_at(partition_point(added.prefix, [&](const Entry& entry) { return is_before(entry, added, row); }), added);
}

void OrderedIndex::insert_at(Place place, const Entry& added) {
  ++size_;
  if (place.chunk == chunks_.size()) {
    // Behind the last entry: ids and times grow, so a full last chunk is left full.
    if (chunks_.empty() || chunks_.back()->size == kChunk) {
      chunks_.push_back(std::make_unique<Chunk>());
      lasts_.emplace_back();
    }
    Chunk& chunk = *chunks_.back();
    chunk.entries[chunk.size++] = added;
    lasts_.back() = added;
    return;
  }
  if (chunks_[place.chunk]->size == kChunk) {
    auto upper = std::make_unique<Chunk>();
    Chunk& lower = *chunks_[place.chunk];
    constexpr std::size_t kHalf = kChunk / 2;
    std::copy(lower.entries + kHalf, lower.entries + kChunk, upper->entries);
    upper->size = kChunk - kHalf;
    lower.size = kHalf;
    const auto behind = static_cast<std::ptrdiff_t>(place.chunk) + 1;
    chunks_.insert(chunks_.begin() + behind, std::move(upper));
    lasts_.insert(lasts_.begin() + behind, lasts_[place.chunk]);
    lasts_[place.chunk] = lower.entries[kHalf - 1];
    if (place.entry > kHalf) place = {place.chunk + 1, place.entry - kHalf};
  }
  Chunk& chunk = *chunks_[place.chunk];
  std::copy_backward(chunk.entries + place.entry, chunk.entries + chunk.size, chunk.entries + chunk.size + 1);
  chunk.entries[place.entry] = added;
  lasts_[place.chunk] = chunk.entries[chunk.size++];
}

OrderedIndex::Place OrderedIndex::find(VersionId version) const {
  const Value* row = (*heap_)[version].row;
  const Entry wanted{prefix_of(row[columns_.front().place]), version};
  const Place place = partition_point(wanted.prefix, [&](const Entry& entry) { return is_before(entry, wanted, row); });
  CHECK(place != end() && at(place) == version, "the version has an entry in the index");
  return place;
}

void OrderedIndex::erase_at(Place place) {
  Chunk& chunk = *chunks_[place.chunk];
  std::copy(chunk.entries + place.entry + 1, chunk.entries + chunk.size, chunk.entries + place.entry);
  --size_;
  if (--chunk.size > 0) {
    lasts_[place.chunk] = chunk.entries[chunk.size - 1];
    return;
  }
  const auto empty = static_cast<std::ptrdiff_t>(place.chunk);
  chunks_.erase(chunks_.begin() + empty);
  lasts_.erase(lasts_.begin() + empty);
}

void OrderedIndex::remove(VersionId version) { erase_at(find(version)); }

void OrderedIndex::replace(VersionId version, VersionId by) {
  const Place place = find(version);
  Entry& entry = chunks_[place.chunk]->entries[place.entry];
  const Value* row = (*heap_)[by].row;
  const Entry renamed{entry.prefix, by};
  // Most keys have one entry: the new one fits where the old one was.
  Place next = place;
  advance(next);
  bool fits = next == end() || !is_before(chunks_[next.chunk]->entries[next.entry], renamed, row);
  if (fits && place != begin()) {
    Place before = place;
    retreat(before);
    fits = is_before(chunks_[before.chunk]->entries[before.entry], renamed, row);
  }
  if (fits) {
    entry.version = by;
    const Chunk& chunk = *chunks_[place.chunk];
    lasts_[place.chunk] = chunk.entries[chunk.size - 1];
  } else {
    erase_at(place);
    add(by);
  }
}

void OrderedIndex::clear() noexcept {
  chunks_.clear();
  lasts_.clear();
  size_ = 0;
}

}  // namespace orrery::sim::database
