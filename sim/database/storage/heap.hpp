#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/check.hpp"
#include "sim/database/storage/chunk_memory.hpp"
#include "sim/database/transactions.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// PostgreSQL's four strengths of row locks, weakest first.
enum class RowLock : std::uint8_t { key_share, share, no_key_update, update };

/// The manual's table of conflicting row-level locks (13.3.2).
[[nodiscard]] constexpr bool conflicts(RowLock held, RowLock wanted) noexcept {
  const auto weaker = held < wanted ? held : wanted;
  const auto stronger = held < wanted ? wanted : held;
  if (stronger == RowLock::update) return true;
  if (stronger == RowLock::no_key_update) return weaker != RowLock::key_share;
  return false;
}

/// A lock that some transaction holds, or held: locks of finished transactions are dropped when someone looks.
struct RowLocker {
  Xid xid;
  RowLock mode;
};

enum class Ending : std::uint8_t { none, updated, key_updated, removed };

/// One version of a row. `xmax` is who replaced or removed it; lockers stand apart.
struct Version {
  Xid xmin = 0;
  Xid xmax = 0;
  Value* row = nullptr;  // null: free
  std::uint32_t cmin = 0;
  std::uint32_t cmax = 0;
  VersionId newer = kNoVersion;
  std::uint32_t entries = 0;  // bit i: the table's i-th index has an entry of its own for this version
  std::uint32_t breaks = 0;   // bit i: another key than the version before, for the i-th index
  Ending ending = Ending::none;
  std::unique_ptr<std::vector<RowLocker>> lockers;
};

/// The versions of one table's rows, in the order in which they were made (but freed places are used again). Addresses
/// are stable.
///
/// Versions lie in chunks, and so do their rows, at the same places: whoever knows a version's id knows where its row lies
/// without having read the version, so that the memory of both is fetched at the same time.
class Heap {
 public:
  /// `appends`: a freed place is not used again before there are many (kMostFree), so that rows lie in the order in which they were made.
  explicit Heap(std::size_t width, bool appends = false) : width_(width), appends_(appends) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();

  [[nodiscard]] Version& operator[](VersionId id) noexcept { return chunks_[id / kChunk].versions[id % kChunk]; }
  [[nodiscard]] const Version& operator[](VersionId id) const noexcept { return chunks_[id / kChunk].versions[id % kChunk]; }
  [[nodiscard]] VersionId end() const noexcept { return end_; }
  [[nodiscard]] std::size_t width() const noexcept { return width_; }
  [[nodiscard]] std::size_t live_versions() const noexcept { return end_ - free_.size(); }

  /// Begins to fetch a version and its row from memory.
  void prefetch(VersionId id) const noexcept {
    const Chunk& chunk = chunks_[id / kChunk];
    __builtin_prefetch(&chunk.versions[id % kChunk]);
    __builtin_prefetch(&chunk.rows[id % kChunk * width_]);
  }

  /// An empty row (all NULL) of the table's width, to be filled and given to `add` or back to `free_row`.
  [[nodiscard]] Value* new_row();
  void free_row(Value* row) noexcept;
  /// Moves the values of `row`, which came from `new_row` and must not be used any more, into a new version.
  [[nodiscard]] VersionId add(Value* row, Xid xmin, std::uint32_t cmin);
  void remove(VersionId id) noexcept;
  /// Changes the number of values of each row (added columns, keys of expression indexes). Old rows stay readable
  /// until `forget_retired`, since a waiting statement may still point to them.
  void set_width(std::size_t width);
  void forget_retired() noexcept;

 private:
  static constexpr std::size_t kChunk = 256;
  struct Chunk {
    Version* versions;  // as many as were ever in use
    Value* rows;        // only those of versions in use are there
  };

  void add_chunk();

  static constexpr std::size_t kMostFree = 1024;

  std::size_t width_;
  bool appends_;
  VersionId end_ = 0;
  ChunkMemory memory_;
  std::vector<Chunk> chunks_;
  std::vector<VersionId> free_;
  std::vector<Value*> fresh_rows_;  // all NULL, for `new_row`
  std::vector<std::pair<Value*, std::size_t>> retired_;
};

/// Whether `snapshot` sees the version.
[[nodiscard]] inline bool is_visible(const Version& version, const Snapshot& snapshot,
                                     const TransactionTable& transactions) noexcept {
  const std::uint64_t own = TransactionTable::kRunning | snapshot.slot;
  const std::uint64_t made = transactions.state(version.xmin);
  if ((made & TransactionTable::kRunning) != 0) {
    if (made != own || version.cmin >= snapshot.command) return false;
  } else if (made > snapshot.sequence) {
    return false;
  }
  if (version.xmax == 0) return true;
  const std::uint64_t ended = transactions.state(version.xmax);
  if ((ended & TransactionTable::kRunning) != 0) return ended != own || version.cmax >= snapshot.command;
  return ended > snapshot.sequence;
}

}  // namespace orrery::sim::database
