#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

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
/// The entries lie in chunks of at most kChunk, and the chunks in one array: adding costs two binary searches and a
/// short move of memory, and iterating reads memory in order.
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
  [[nodiscard]] VersionId at(Place place) const noexcept { return chunks_[place.chunk]->entries[place.entry].version; }
  void advance(Place& place) const noexcept {
    if (++place.entry == chunks_[place.chunk]->size) place = {place.chunk + 1, 0};
  }
  void retreat(Place& place) const noexcept {
    if (place.entry == 0) {
      --place.chunk;
      place.entry = chunks_[place.chunk]->size;
    }
    --place.entry;
  }
  /// Order of a row's key against a prefix of key values.
  [[nodiscard]] int compare(const Value* row, std::span<const Value> prefix) const;

 private:
  static constexpr std::size_t kChunk = 128;

  struct Entry {
    std::uint64_t prefix;  // order-preserving start of the first key column: most comparisons end here
    VersionId version;
  };
  struct Chunk {
    std::size_t size = 0;
    Entry entries[kChunk];
  };

  /// Equal prefixes are equal keys, unless one may stand for NULL.
  [[nodiscard]] bool is_whole_key(std::uint64_t prefix) const noexcept {
    return prefix_kind_ == PrefixKind::integer && columns_.size() == 1 && prefix != 0 && prefix != ~0ULL;
  }
  [[nodiscard]] static int compare_one(const KeyColumn& column, const Value& left, const Value& right) noexcept;
  [[nodiscard]] std::uint64_t prefix_of(const Value& value) const noexcept;
  [[nodiscard]] int compare_rows(const Value* left, const Value* right) const noexcept;
  [[nodiscard]] bool is_before(const Entry& entry, const Entry& other, const Value* other_row) const noexcept;
  void insert_at(Place place, const Entry& added);
  void erase_at(Place place);
  /// The place of the entry of this very version.
  [[nodiscard]] Place find(VersionId version) const;
  template <class IsBefore>
  [[nodiscard]] Place partition_point(std::uint64_t wanted, const IsBefore& is_before) const;

  enum class PrefixKind : std::uint8_t { none, integer, bytes };

  Heap* heap_;
  std::vector<KeyColumn> columns_;
  PrefixKind prefix_kind_ = PrefixKind::none;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;  // none is empty
  std::vector<Entry> lasts_;  // each chunk's last entry: a search reads them close together, and then one chunk
};

}  // namespace orrery::sim::database
