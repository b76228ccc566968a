#pragma once

#include <cstdint>

#include "runtime/clock.hpp"
#include "runtime/random.hpp"

namespace orrery::services {

/// A clock that moves when a test says so. It cannot sleep.
class HandClock final : public Clock {
 public:
  Instant at{};
  [[nodiscard]] Instant now() const noexcept override { return at; }
  [[nodiscard]] SystemTime system_now() const noexcept override {
    return SystemTime(std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()));
  }
  [[nodiscard]] Executor& executor() noexcept override {
    CHECK(false, "nothing waits at this clock");
    return *executor_;
  }

 private:
  Executor* executor_ = nullptr;
};

/// splitmix64 (Steele, Lea, Flood, 2014), from a fixed seed.
class FixedRandom final : public Random {
 public:
  std::uint64_t next() noexcept override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 1;
};

}  // namespace orrery::services
