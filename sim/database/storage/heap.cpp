#include "sim/database/storage/heap.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include "runtime/sanitizers.hpp"
#ifdef ORRERY_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace orrery::sim::database {
namespace {

// Rows outside of the heap.
Value* allocate_row(std::size_t width) {
  auto* row = static_cast<Value*>(::operator new(std::max<std::size_t>(1, width) * sizeof(Value)));
  std::uninitialized_value_construct_n(row, width);
  return row;
}

void destroy_row(Value* row, std::size_t width) noexcept {
  std::destroy_n(row, width);
  ::operator delete(row);
}

/// What nobody may read, since there is no row, a sanitizer build finds.
void forbid([[maybe_unused]] Value* row, [[maybe_unused]] std::size_t width) noexcept {
#ifdef ORRERY_ADDRESS_SANITIZER
  ASAN_POISON_MEMORY_REGION(row, width * sizeof(Value));
#endif
}

void allow([[maybe_unused]] Value* row, [[maybe_unused]] std::size_t width) noexcept {
#ifdef ORRERY_ADDRESS_SANITIZER
  ASAN_UNPOISON_MEMORY_REGION(row, width * sizeof(Value));
#endif
}

}  // namespace

Heap::~Heap() {
  forget_retired();
  for (VersionId id = 0; id < end_; ++id) {
    Version& version = (*this)[id];
    if (version.row != nullptr) std::destroy_n(version.row, width_);
    std::destroy_at(&version);
  }
  for (Value* row : fresh_rows_) destroy_row(row, width_);
}

Value* Heap::new_row() {
  if (fresh_rows_.empty()) return allocate_row(width_);
  Value* row = fresh_rows_.back();
  fresh_rows_.pop_back();
  return row;
}

void Heap::free_row(Value* row) noexcept {
  for (std::size_t i = 0; i < width_; ++i) row[i] = Value();
  fresh_rows_.push_back(row);
}

void Heap::add_chunk() {
  auto* const versions = static_cast<Version*>(memory_.take(kChunk * sizeof(Version)));
  auto* const rows = static_cast<Value*>(memory_.take(kChunk * width_ * sizeof(Value)));
  forbid(rows, kChunk * width_);
  chunks_.push_back({versions, rows});
}

VersionId Heap::add(Value* row, Xid xmin, std::uint32_t cmin) {
  VersionId id;
  if (free_.empty() || (appends_ && free_.size() < kMostFree)) {
    if (end_ % kChunk == 0) add_chunk();
    id = end_++;
    std::construct_at(&(*this)[id]);
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Value* const home = chunks_[id / kChunk].rows + id % kChunk * width_;
  allow(home, width_);
  for (std::size_t i = 0; i < width_; ++i) std::construct_at(home + i, std::move(row[i]));
  fresh_rows_.push_back(row);  // what was moved from is NULL
  Version& version = (*this)[id];
  version.xmin = xmin;
  version.cmin = cmin;
  version.row = home;
  return id;
}

void Heap::remove(VersionId id) noexcept {
  Version& version = (*this)[id];
  CHECK(version.row != nullptr, "a version is removed once");
  std::destroy_n(version.row, width_);
  forbid(version.row, width_);
  version = Version{};
  free_.push_back(id);
}

void Heap::set_width(std::size_t width) {
  if (width == width_) return;
  for (Value* row : fresh_rows_) destroy_row(row, width_);
  fresh_rows_.clear();
  for (Chunk& chunk : chunks_) {
    chunk.rows = static_cast<Value*>(memory_.take(kChunk * width * sizeof(Value)));
    forbid(chunk.rows, kChunk * width);
  }
  for (VersionId id = 0; id < end_; ++id) {
    Version& version = (*this)[id];
    if (version.row == nullptr) continue;
    Value* const row = chunks_[id / kChunk].rows + id % kChunk * width;
    allow(row, width);
    const std::size_t kept = std::min(width, width_);
    std::uninitialized_copy_n(version.row, kept, row);
    std::uninitialized_value_construct_n(row + kept, width - kept);
    retired_.emplace_back(version.row, width_);
    version.row = row;
  }
  width_ = width;
}

void Heap::forget_retired() noexcept {
  for (const auto& [row, width] : retired_) {
    std::destroy_n(row, width);
    forbid(row, width);
  }
  retired_.clear();
}

}  // namespace orrery::sim::database
