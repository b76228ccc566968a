#include "scenarios/verify_memory.hpp"

#include <malloc.h>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/frame_pool.hpp"
#include "sim/decide.hpp"

namespace orrery {
namespace {

/// Where calls of the run will have their stack frames. Not inlined, so that the frame is given back.
[[gnu::noinline]] void fill_stack(unsigned char byte) {
  unsigned char stack[128 * 1024];
  std::memset(stack, byte, sizeof stack);
  asm volatile("" : : "r"(stack) : "memory");  // it is used, says this: the memset stays
}

template <class Draw>
void shuffle(std::vector<void*>& memory, Draw& draw) {
  for (std::size_t i = memory.size(); i > 1; --i) std::swap(memory[i - 1], memory[draw() % i]);
}

/// Takes memory of all the small sizes, keeps a part of it and gives the rest back in a drawn order: the allocators
/// hand it out again in that order.
class Ballast {
 public:
  ~Ballast() { give_back(); }
  Ballast() = default;
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

  void renew(std::uint64_t salt) {
    give_back();
    std::uint64_t ordinal = 0;
    auto draw = [&] { return sim::decide(salt, 0, 0, ++ordinal); };
    std::vector<void*> frames;
    for (std::size_t bytes = 64; bytes <= 1024; bytes += 64) {
      for (int i = 0; i < 24; ++i) frames.push_back(frame_pool::allocate(bytes - 32));
    }
    shuffle(frames, draw);
    for (void* frame : frames) frame_pool::release(frame);

    for (std::size_t bytes = 8; bytes <= 1024; bytes += 16) {
      const std::uint64_t count = 24 + draw() % 24;
      for (std::uint64_t i = 0; i < count; ++i) kept_.push_back(std::malloc(bytes));
    }
    shuffle(kept_, draw);
    for (std::size_t kept = kept_.size() / 3; kept_.size() > kept; kept_.pop_back()) std::free(kept_.back());
  }

 private:
  void give_back() {
    for (void* memory : kept_) std::free(memory);
    kept_.clear();
  }
  std::vector<void*> kept_;
};

}  // namespace

void make_noise(const MemoryNoise& noise) {
  // glibc fills what malloc gives with the complement of this byte, and what free takes with the byte.
  ::mallopt(M_PERTURB, noise.fresh ^ 0xFF);
  frame_pool::perturb(noise.fresh);
}

void make_noise_before(const MemoryNoise& noise, std::uint64_t seed) {
  static Ballast ballast;
  if (noise.shuffle != 0) ballast.renew(noise.shuffle + seed);
  fill_stack(noise.fresh);
}

}  // namespace orrery
