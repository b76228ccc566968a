#pragma once

#include <cstdint>
#include <string>

#include "runtime/time.hpp"

namespace orrery {

/// A host's source of randomness: in simulation from the seed, in real mode from the operating system.
class Random {
 public:
  /// 64 uniform bits.
  virtual std::uint64_t next() noexcept = 0;

  /// Uniform in [0, bound), without bias that matters (multiply-shift). bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  /// Uniform in [low, high].
  [[nodiscard]] Duration between(Duration low, Duration high) noexcept {
    return low + Duration(below(static_cast<std::uint64_t>((high - low).count()) + 1));
  }
  /// A version 4 UUID (RFC 9562, section 5.4) in its 36-character form.
  [[nodiscard]] std::string uuid();

 protected:
  ~Random() = default;
};

}  // namespace orrery
