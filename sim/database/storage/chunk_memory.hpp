#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace orrery::sim::database {

/// Memory for the chunks of one table, given back when the table goes. The blocks that it is cut from grow with the table;
/// large ones ask the kernel for huge pages, without which a lookup among a million rows mostly waits for page tables.
class ChunkMemory {
 public:
  /// Uninitialised memory, aligned to a cache line.
  [[nodiscard]] void* take(std::size_t bytes);

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::byte* block) const noexcept { ::operator delete(block, std::align_val_t{alignment}); }
  };

  std::vector<std::unique_ptr<std::byte, Free>> blocks_;
  std::byte* next_ = nullptr;  // what is left of the last block
  std::size_t left_ = 0;
  std::size_t total_ = 0;
};

}  // namespace orrery::sim::database
