#include "sim/database/storage/chunk_memory.hpp"

#include <algorithm>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace orrery::sim::database {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20U;
constexpr std::size_t kMostAtOnce = std::size_t{32} << 20U;

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

void ask_for_huge_pages([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  static_cast<void>(madvise(block, bytes, MADV_HUGEPAGE));  // a kernel without them refuses, and all is as before
#endif
}

}  // namespace

void* ChunkMemory::take(std::size_t bytes) {
  bytes = rounded_up(bytes, kLine);
  if (bytes > left_) {
    // A quarter of what there is: little is wasted, and a large table has few blocks.
    std::size_t size = std::max(bytes, std::min(total_ / 4, kMostAtOnce));
    const bool is_large = size >= kHugePage;
    if (is_large) size = rounded_up(size, kHugePage);
    const std::size_t alignment = is_large ? kHugePage : kLine;
    blocks_.emplace_back(static_cast<std::byte*>(::operator new(size, std::align_val_t{alignment})), Free{alignment});
    if (is_large) ask_for_huge_pages(blocks_.back().get(), size);
    next_ = blocks_.back().get();
    left_ = size;
    total_ += size;
  }
  std::byte* const taken = next_;
  next_ += bytes;
  left_ -= bytes;
  return taken;
}

}  // namespace orrery::sim::database
