#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orrery {

using namespace std::chrono_literals;

/// All durations and instants count nanoseconds.
using Duration = std::chrono::nanoseconds;

/// The steady clock that services see: in simulation virtual time since the run began, in real mode the machine's
/// monotonic clock. It has no `now()`: time is read from `Clock`, never from a global.
struct SteadyClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<SteadyClock, Duration>;
  static constexpr bool is_steady = true;
};
using Instant = SteadyClock::time_point;

/// Wall-clock time in UTC. It may jump and drift: never measure with it.
using SystemTime = std::chrono::sys_time<std::chrono::microseconds>;

/// "1.250s", "-3ms": the shortest exact form in the largest of ns, us, ms, s that keeps at most three decimals.
[[nodiscard]] std::string to_string(Duration duration);

/// Reads what to_string writes and what people write: "250ms", "-1.5s", "5m", "2h", "0s", "10us", "7ns". Nothing if it is no
/// such text, finer than a nanosecond, or beyond what a Duration holds.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;

/// RFC 3339 with microseconds: "2025-09-27T12:00:00.000000Z".
[[nodiscard]] std::string to_rfc3339(SystemTime time);

}  // namespace orrery
