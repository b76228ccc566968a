#pragma once

#include <cstdint>

namespace orrery {

/// How a process's memory is made unlike another's, so that a run that depends on it shows: what fresh memory holds,
/// and in which order addresses are handed out.
struct MemoryNoise {
  unsigned char fresh =
      0;  // what uninitialised memory of the heap, of coroutine frames and of the stack is filled with
  std::uint64_t shuffle = 0;  // the order in which the heap hands out addresses; 0: as it comes
};

/// Once in a process, before anything else.
void make_noise(const MemoryNoise& noise);
/// Before each run.
void make_noise_before(const MemoryNoise& noise, std::uint64_t seed);

}  // namespace orrery
