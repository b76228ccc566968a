#include "sim/database/storage/heap.hpp"

#include <algorithm>
#include <memory>
#include <new>

namespace orrery::sim::database {
namespace {

Value* allocate_row(std::size_t width) {
  auto* row = static_cast<Value*>(::operator new(std::max<std::size_t>(1, width) * sizeof(Value)));
  std::uninitialized_value_construct_n(row, width);
  return row;
}

void destroy_row(Value* row, std::size_t width) noexcept {
  std::destroy_n(row, width);
  ::operator delete(row);
}

}  // namespace

Heap::~Heap() {
  forget_retired();
  for (VersionId id = 0; id < end_; ++id) {
    if ((*this)[id].row != nullptr) destroy_row((*this)[id].row, width_);
  }
  for (Value* row : free_rows_) destroy_row(row, width_);
}

Value* Heap::new_row() {
  if (free_rows_.empty()) return allocate_row(width_);
  Value* row = free_rows_.back();
  free_rows_.pop_back();
  return row;
}

void Heap::free_row(Value* row) noexcept {
  for (std::size_t i = 0; i < width_; ++i) row[i] = Value();
  free_rows_.push_back(row);
}

VersionId Heap::add(Value* row, Xid xmin, std::uint32_t cmin) {
  VersionId id;
  if (free_.empty()) {
    if (end_ % kChunk == 0) chunks_.push_back(std::make_unique<Version[]>(kChunk));
    id = end_++;
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Version& version = (*this)[id];
  version.xmin = xmin;
  version.cmin = cmin;
  version.row = row;
  return id;
}

void Heap::remove(VersionId id) noexcept {
  Version& version = (*this)[id];
  CHECK(version.row != nullptr, "a version is removed once");
  free_row(version.row);
  version = Version{};
  free_.push_back(id);
}

void Heap::set_width(std::size_t width) {
  if (width == width_) return;
  for (Value* row : free_rows_) destroy_row(row, width_);
  free_rows_.clear();
  for (VersionId id = 0; id < end_; ++id) {
    Version& version = (*this)[id];
    if (version.row == nullptr) continue;
    Value* row = allocate_row(width);
    std::copy_n(version.row, std::min(width, width_), row);
    retired_.emplace_back(version.row, width_);
    version.row = row;
  }
  width_ = width;
}

void Heap::forget_retired() noexcept {
  for (const auto& [row, width] : retired_) destroy_row(row, width);
  retired_.clear();
}

}  // namespace orrery::sim::database
