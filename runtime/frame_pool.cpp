#include "runtime/frame_pool.hpp"

#include <array>
#include <cstring>
#include <new>

#include "runtime/sanitizers.hpp"

namespace orrery {

void FrameAccount::Close::operator()(FrameAccount* account) const noexcept {
  if (account->live_ == 0) {
    delete account;
  } else {
    account->closed_ = true;
  }
}

namespace frame_pool {
namespace {

constexpr std::size_t kGranule = 64;
constexpr std::size_t kClasses = 64;  // frames up to 4 KiB are pooled

/// Stands in front of each frame; its size keeps the frame aligned as operator new would.
struct alignas(16) Header {
  FrameAccount* account;
  std::uint32_t size_class;  // kClasses: not pooled
};

struct FreeFrame {
  FreeFrame* next;
};

struct Pool {
  std::array<FreeFrame*, kClasses> free{};
  FrameAccount* account = nullptr;
  int perturb_byte = -1;
};

// Never destroyed: without a destructor to register, each access is one load. What it holds stays with the process.
constinit thread_local Pool pool;

}  // namespace

FrameAccount* charge(FrameAccount* account) noexcept {
  FrameAccount* before = pool.account;
  pool.account = account;
  return before;
}

void perturb(int byte) noexcept { pool.perturb_byte = byte; }

void* allocate(std::size_t bytes) {
  void* frame = allocate_uncharged(bytes);
  if (pool.account != nullptr) {
    Header* header = static_cast<Header*>(frame) - 1;
    header->account = pool.account;
    header->account->add();
  }
  return frame;
}

void* allocate_uncharged(std::size_t bytes) {
  const std::size_t total = bytes + sizeof(Header);
  const std::size_t size_class = (total - 1) / kGranule;
  void* memory = nullptr;
  std::uint32_t stored_class = kClasses;
#ifndef ORRERY_ADDRESS_SANITIZER
  if (size_class < kClasses) {
    stored_class = static_cast<std::uint32_t>(size_class);
    FreeFrame*& head = pool.free[size_class];
    if (head != nullptr) {
      memory = head;
      head = head->next;
    } else {
      memory = ::operator new((size_class + 1) * kGranule);
    }
  }
#else
  (void)size_class;
#endif
  if (memory == nullptr) memory = ::operator new(total);
  if (pool.perturb_byte >= 0) std::memset(memory, pool.perturb_byte, total);
  auto* header = ::new (memory) Header{nullptr, stored_class};
  return header + 1;
}

void release(void* frame) noexcept {
  Header* header = static_cast<Header*>(frame) - 1;
  if (header->account != nullptr) header->account->remove();
  if (header->size_class == kClasses) {
    ::operator delete(header);
    return;
  }
  const std::uint32_t size_class = header->size_class;
  auto* free_frame = ::new (static_cast<void*>(header)) FreeFrame{pool.free[size_class]};
  pool.free[size_class] = free_frame;
}

}  // namespace frame_pool
}  // namespace orrery
