#include "runtime/random.hpp"

namespace orrery {

std::string Random::uuid() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::uint64_t high = next();
  std::uint64_t low = next();
  high = (high & ~0xF000ULL) | 0x4000ULL;                                       // version 4
  low = (low & ~(0xC000ULL << 48)) | (0x8000ULL << 48);                         // variant 10
  std::string text(36, '-');
  std::size_t at = 0;
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) ++at;
    const std::uint64_t word = digit < 16 ? high : low;
    text[at++] = kHex[word >> (60 - 4 * (digit % 16)) & 15];
  }
  return text;
}

}  // namespace orrery
