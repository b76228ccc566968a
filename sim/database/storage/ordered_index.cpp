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
      is_text_ = true;
      [[fallthrough]];
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

bool OrderedIndex::has_key(Place place, std::span<const Value> prefix) const {
  const Entry& there = entry(place);
  const std::uint64_t wanted = prefix_of(prefix.front());
  if (there.prefix != wanted) return false;
  return is_whole_key(wanted) || compare((*heap_)[there.version].row, prefix) == 0;
}

/// The first of [0, last] that is not before; the last one never is. From the probe it goes in doubling steps: Bentley and Yao,
/// "An almost optimal algorithm for unbounded searching", 1976.
template <class IsBefore>
std::size_t OrderedIndex::search_from(std::size_t probe, std::size_t last, const IsBefore& is_before) {
  std::size_t first = 0;
  for (std::size_t step = 1; first < last; step *= 2) {
    if (is_before(probe)) {
      first = probe + 1;
      if (probe + step >= last) break;
      probe += step;
      if (!is_before(probe)) {
        last = probe;
        break;
      }
    } else {
      last = probe;
      if (probe < first + step) break;
      probe -= step;
      if (is_before(probe)) {
        first = probe + 1;
        break;
      }
    }
  }
  while (first < last) {
    const std::size_t middle = (first + last) / 2;
    if (is_before(middle)) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

/// Searches the chunks' ends and then the one chunk. `is_before` is true of a prefix of all entries. Both searches begin where
/// the entry would lie if keys were evenly spread, as ids and random keys are, or, among equal keys, versions.
template <class IsBefore>
OrderedIndex::Place OrderedIndex::partition_point(const Entry& wanted, const IsBefore& is_before) const {
  if (chunks_.empty() || is_before(last_entry(ends_.back()))) return end();
  const auto guess = [wanted](const Entry& from, const Entry& to, std::size_t last) {
    const bool among_equals = from.prefix == to.prefix;
    const std::uint64_t low = among_equals ? from.version : from.prefix;
    const std::uint64_t high = among_equals ? to.version : to.prefix;
    const std::uint64_t place = among_equals ? wanted.version : wanted.prefix;
    if (low >= place || place >= high) return last / 2;
    const double share = static_cast<double>(place - low) / static_cast<double>(high - low);
    return std::min(last, static_cast<std::size_t>(share * static_cast<double>(last + 1)));
  };
  const Entry start = chunks_.front()->entries[0];
  const std::size_t last_chunk = chunks_.size() - 1;
  const std::size_t chunk = search_from(guess(start, last_entry(ends_.back()), last_chunk), last_chunk,
                                        [&](std::size_t i) { return is_before(last_entry(ends_[i])); });
  const Entry* const entries = chunks_[chunk]->entries;
  const std::size_t last = ends_[chunk].size - 1;
  const Entry from = chunk == 0 ? start : last_entry(ends_[chunk - 1]);
  return {chunk, search_from(guess(from, last_entry(ends_[chunk]), last), last, [&](std::size_t i) { return is_before(entries[i]); })};
}

/// The first place whose entry is not before this one, which is or will be that of `row`.
OrderedIndex::Place OrderedIndex::place_of(const Entry& wanted, const Value* row) const {
  if (is_whole_key(wanted.prefix)) {
    return partition_point(wanted, [&](const Entry& entry) {
      return entry.prefix < wanted.prefix || (entry.prefix == wanted.prefix && entry.version < wanted.version);
    });
  }
  return partition_point(wanted, [&](const Entry& entry) { return is_before(entry, wanted, row); });
}

OrderedIndex::Place OrderedIndex::seek(std::span<const Value> prefix, bool after_equal) const {
  if (prefix.empty()) return after_equal ? end() : begin();
  const std::uint64_t wanted = prefix_of(prefix.front());
  const bool is_whole = is_whole_key(wanted);
  found_ = partition_point({wanted, 0}, [&](const Entry& entry) {
    if (entry.prefix != wanted) return entry.prefix < wanted;
    if (is_whole) return after_equal;
    const int order = compare((*heap_)[entry.version].row, prefix);
    return after_equal ? order <= 0 : order < 0;
  });
  return found_;
}

bool OrderedIndex::is_before(const Entry& entry, const Entry& other, const Value* other_row) const noexcept {
  if (entry.prefix != other.prefix) return entry.prefix < other.prefix;
  if (!is_whole_key(entry.prefix)) {
    const int order = compare_rows((*heap_)[entry.version].row, other_row);
    if (order != 0) return order < 0;
  }
  return entry.version < other.version;
}

bool OrderedIndex::belongs_at(Place place, const Entry& added, const Value* row) const noexcept {
  if (place.chunk >= chunks_.size() || place.entry == 0 || place.entry > ends_[place.chunk].size) return false;
  if (!is_before(entry({place.chunk, place.entry - 1}), added, row)) return false;
  if (place.entry == ends_[place.chunk].size) {
    place = {place.chunk + 1, 0};
    if (place == end()) return true;
  }
  return !is_before(entry(place), added, row);
}

void OrderedIndex::add(VersionId version) {
  const Value* row = (*heap_)[version].row;
  const Entry added{prefix_of(row[columns_.front().place]), version};
  if (belongs_at(found_, added, row)) {
    insert_at(found_, added);
  } else if (belongs_at(added_, added, row)) {
    insert_at(added_, added);
  } else {
    insert_at(place_of(added, row), added);
  }
}

OrderedIndex::Chunk* OrderedIndex::new_chunk() {
  if (free_.empty()) return static_cast<Chunk*>(memory_.take(sizeof(Chunk)));
  Chunk* const chunk = free_.back();
  free_.pop_back();
  return chunk;
}

void OrderedIndex::insert_at(Place place, const Entry& added) {
  ++size_;
  if (place.chunk == chunks_.size()) {
    // Behind the last entry: ids and times grow, so a full last chunk is left full.
    if (chunks_.empty() || ends_.back().size == kChunk) {
      chunks_.push_back(new_chunk());
      ends_.push_back({0, 0, 0});
    }
    place = {chunks_.size() - 1, ends_.back().size};
  } else if (ends_[place.chunk].size == kChunk) {
    Chunk* const upper = new_chunk();
    constexpr std::size_t kHalf = kChunk / 2;
    std::copy(chunks_[place.chunk]->entries + kHalf, chunks_[place.chunk]->entries + kChunk, upper->entries);
    const auto behind = static_cast<std::ptrdiff_t>(place.chunk) + 1;
    chunks_.insert(chunks_.begin() + behind, upper);
    ends_.insert(ends_.begin() + behind, ChunkEnd{});
    set_end(place.chunk, kHalf);
    set_end(place.chunk + 1, kChunk - kHalf);
    if (place.entry > kHalf) place = {place.chunk + 1, place.entry - kHalf};
  }
  Entry* const entries = chunks_[place.chunk]->entries;
  const std::size_t size = ends_[place.chunk].size;
  std::copy_backward(entries + place.entry, entries + size, entries + size + 1);
  entries[place.entry] = added;
  set_end(place.chunk, size + 1);
  added_ = {place.chunk, place.entry + 1};
}

OrderedIndex::Place OrderedIndex::find(VersionId version) const {
  // A version has one entry in an index.
  if (found_.chunk < chunks_.size() && found_.entry < ends_[found_.chunk].size && at(found_) == version) return found_;
  const Value* row = (*heap_)[version].row;
  const Entry wanted{prefix_of(row[columns_.front().place]), version};
  const Place place = place_of(wanted, row);
  CHECK(place != end() && at(place) == version, "the version has an entry in the index");
  return place;
}

void OrderedIndex::erase_at(Place place) {
  found_ = place;  // where what followed is now
  Entry* const entries = chunks_[place.chunk]->entries;
  const std::size_t size = ends_[place.chunk].size;
  std::copy(entries + place.entry + 1, entries + size, entries + place.entry);
  --size_;
  if (size > 1) {
    set_end(place.chunk, size - 1);
    if (place.entry == size - 1) found_ = {place.chunk + 1, 0};
    return;
  }
  free_.push_back(chunks_[place.chunk]);
  const auto empty = static_cast<std::ptrdiff_t>(place.chunk);
  chunks_.erase(chunks_.begin() + empty);
  ends_.erase(ends_.begin() + empty);
}

void OrderedIndex::remove(VersionId version) { erase_at(find(version)); }

void OrderedIndex::replace(VersionId version, VersionId by) {
  const Place place = find(version);
  const Value* row = (*heap_)[by].row;
  const Entry renamed{entry(place).prefix, by};
  // Most keys have one entry: the new one fits where the old one was.
  Place next = place;
  advance(next);
  bool fits = next == end() || !is_before(entry(next), renamed, row);
  if (fits && place != begin()) {
    Place before = place;
    retreat(before);
    fits = is_before(entry(before), renamed, row);
  }
  if (fits) {
    chunks_[place.chunk]->entries[place.entry].version = by;
    set_end(place.chunk, ends_[place.chunk].size);
    found_ = next;
  } else {
    erase_at(place);
    const Place following = found_;
    add(by);
    found_ = following;
  }
}

void OrderedIndex::clear() noexcept {
  free_.insert(free_.end(), chunks_.begin(), chunks_.end());
  chunks_.clear();
  ends_.clear();
  size_ = 0;
}

}  // namespace orrery::sim::database
