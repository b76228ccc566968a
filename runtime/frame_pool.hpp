#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace orrery {

/// Counts the coroutine frames that belong together, in simulation those of one host. A crash must bring it to zero:
/// what is left is a task that the service kept outside of its own memory.
class FrameAccount {
 public:
  /// Ends the account. One that still has frames goes with the last of them: a task in a static outlives its world.
  struct Close {
    void operator()(FrameAccount* account) const noexcept;
  };
  using Owner = std::unique_ptr<FrameAccount, Close>;
  [[nodiscard]] static Owner open() { return Owner(new FrameAccount); }

  [[nodiscard]] std::int64_t live() const { return live_; }
  void add() noexcept { ++live_; }
  void remove() noexcept {
    if (--live_ == 0 && closed_) delete this;
  }

 private:
  FrameAccount() = default;
  ~FrameAccount() = default;

  std::int64_t live_ = 0;
  bool closed_ = false;
};

/// Memory for coroutine frames: one free list for each size class, one pool for each thread. Under AddressSanitizer
/// every frame is an allocation of its own, so that a use after free is seen.
namespace frame_pool {

/// The account charged for frames that are allocated from now on; null charges nobody. Returns the one before.
FrameAccount* charge(FrameAccount* account) noexcept;

[[nodiscard]] void* allocate(std::size_t bytes);
/// For small objects of a world that come and go like frames; nobody is charged.
[[nodiscard]] void* allocate_uncharged(std::size_t bytes);
void release(void* frame) noexcept;

/// Fills memory with this byte when it is handed out, so that a read of uninitialised frame memory differs between
/// two runs that were given different bytes. Negative: leave memory as it is.
void perturb(int byte) noexcept;

}  // namespace frame_pool
}  // namespace orrery
