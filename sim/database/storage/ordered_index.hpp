#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/database/storage/chunk_memory.hpp"
#include "sim/database/storage/heap.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// One column of an index key.
struct KeyColumn {
  std::uint32_t place = 0;  // in the row; expressions are stored behind the table's columns
  TypeRef type;
  CompareFunction compare = nullptr;
  bool descending = false;
  bool nulls_first = false;
};

/// Entries in key order, equal keys in the order of their places in the heap, as PostgreSQL's (nbtree README: the tuple's
/// identifier breaks ties), so that finding one among a million equal keys is a binary search. Keys are read from the rows
/// themselves. A version that was updated without touching the key shares the entry of the version before it (see
/// Version::entries).
///
/// The entries lie in chunks of at most kChunk, and the chunks in one array: adding costs two searches and a
/// short move of memory, and iterating reads memory in order. Where the last search ended is remembered: who reads a row
/// mostly changes its entry next, and cleaning up goes through entries in their order.
class OrderedIndex {
 public:
  OrderedIndex(Heap& heap, std::vector<KeyColumn> columns);

  struct Place {
    std::size_t chunk = 0;
    std::size_t entry = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  [[nodiscard]] const std::vector<KeyColumn>& columns() const noexcept { return columns_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void add(VersionId version);
  void remove(VersionId version);
  /// Lets another version with the same key take over the entry.
  void replace(VersionId version, VersionId by);
  void clear() noexcept;

  /// The first place whose key is not less than (`after_equal`: greater than) the prefix of key values.
  [[nodiscard]] Place seek(std::span<const Value> prefix, bool after_equal) const;
  [[nodiscard]] Place begin() const noexcept { return {}; }
  [[nodiscard]] Place end() const noexcept { return {chunks_.size(), 0}; }
  [[nodiscard]] VersionId at(Place place) const noexcept { return entry(place).version; }
  void advance(Place& place) const noexcept {
    if (++place.entry == ends_[place.chunk].size) place = {place.chunk + 1, 0};
  }
  void retreat(Place& place) const noexcept {
    if (place.entry == 0) {
      --place.chunk;
      place.entry = ends_[place.chunk].size;
    }
    --place.entry;
  }
  /// Order of a row's key against a prefix of key values.
  [[nodiscard]] int compare(const Value* row, std::span<const Value> prefix) const;
  /// Whether the key of the entry begins with these values; mostly without a look at its row.
  [[nodiscard]] bool has_key(Place place, std::span<const Value> prefix) const;

 private:
  static constexpr std::size_t kChunk = 128;

  struct Entry {
    std::uint64_t prefix;  // order-preserving start of the first key column: most comparisons end here
    VersionId version;
  };
  struct Chunk {
    Entry entries[kChunk];
  };
  /// A chunk's number of entries, and the last of them: a search reads these close together, and then one chunk.
  struct ChunkEnd {
    std::uint64_t prefix;
    VersionId version;
    std::uint32_t size;
  };

  [[nodiscard]] const Entry& entry(Place place) const noexcept { return chunks_[place.chunk]->entries[place.entry]; }
  [[nodiscard]] static Entry last_entry(const ChunkEnd& chunk) noexcept { return {chunk.prefix, chunk.version}; }
  void set_end(std::size_t chunk, std::size_t size) noexcept {
    const Entry& last = chunks_[chunk]->entries[size - 1];
    ends_[chunk] = {last.prefix, last.version, static_cast<std::uint32_t>(size)};
  }
  [[nodiscard]] Chunk* new_chunk();

  /// Equal prefixes are equal keys: numbers that cannot stand for NULL, and texts that end within their prefix.
  [[nodiscard]] bool is_whole_key(std::uint64_t prefix) const noexcept {
    if (columns_.size() != 1) return false;
    if (prefix_kind_ == PrefixKind::integer) return prefix != 0 && prefix != ~0ULL;
    const std::uint64_t bytes = columns_.front().descending ? ~prefix : prefix;
    return is_text_ && bytes != 0 && (bytes & 0xffU) == 0;
  }
  [[nodiscard]] static int compare_one(const KeyColumn& column, const Value& left, const Value& right) noexcept;
  [[nodiscard]] std::uint64_t prefix_of(const Value& value) const noexcept;
  [[nodiscard]] int compare_rows(const Value* left, const Value* right) const noexcept;
  [[nodiscard]] bool is_before(const Entry& entry, const Entry& other, const Value* other_row) const noexcept;
  /// Whether the entry belongs right before the one at this place.
  [[nodiscard]] bool belongs_at(Place place, const Entry& added, const Value* row) const noexcept;
  void insert_at(Place place, const Entry& added);
  void erase_at(Place place);
  /// The place of the entry of this very version.
  [[nodiscard]] Place find(VersionId version) const;
  template <class IsBefore>
  [[nodiscard]] Place partition_point(const Entry& wanted, const IsBefore& is_before) const;
  [[nodiscard]] Place place_of(const Entry& wanted, const Value* row) const;
  template <class IsBefore>
  [[nodiscard]] static std::size_t search_from(std::size_t probe, std::size_t last, const IsBefore& is_before);

  enum class PrefixKind : std::uint8_t { none, integer, bytes };

  Heap* heap_;
  std::vector<KeyColumn> columns_;
  PrefixKind prefix_kind_ = PrefixKind::none;
  bool is_text_ = false;  // without zero bytes
  std::size_t size_ = 0;
  ChunkMemory memory_;
  std::vector<Chunk*> chunks_;     // none is empty
  std::vector<ChunkEnd> ends_;     // of each chunk
  std::vector<Chunk*> free_;
  mutable Place found_;  // of the last search for a key or a version; perhaps there is nothing any more
  Place added_;          // behind the entry that was added last; the same
};

}  // namespace orrery::sim::database
