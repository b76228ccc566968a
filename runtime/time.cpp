#include "runtime/time.hpp"

#include <algorithm>
#include <cstdio>

namespace orrery {

std::string to_string(Duration duration) {
  struct Unit {
    std::int64_t nanoseconds;
    const char* name;
  };
  static constexpr Unit kUnits[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}, {1, "ns"}};
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (const Unit& unit : kUnits) {
    // The largest unit in which at most three decimals are exact.
    if (unit.nanoseconds >= 1000 ? (count % (unit.nanoseconds / 1000) != 0 || count / unit.nanoseconds == 0)
                                 : unit.nanoseconds != 1) {
      continue;
    }
    char buffer[48];
    const std::int64_t whole = count / unit.nanoseconds;
    std::int64_t rest = count % unit.nanoseconds;
    if (rest == 0) {
      std::snprintf(buffer, sizeof buffer, "%lld%s", static_cast<long long>(whole), unit.name);
      return buffer;
    }
    if (rest < 0) rest = -rest;
    std::snprintf(buffer, sizeof buffer, "%lld.%03lld", static_cast<long long>(whole),
                  static_cast<long long>(rest / (unit.nanoseconds / 1000)));
    std::string text = buffer;
    while (text.back() == '0') text.pop_back();
    return text + unit.name;
  }
  return std::to_string(count) + "ns";
}

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);

  // Digits with at most one point among them, read as an integer and the number of places after the point.
  std::int64_t digits = 0;
  int places = -1;
  std::size_t read = 0;
  bool any = false;
  for (; read < text.size(); ++read) {
    const char c = text[read];
    if (c == '.' && places < 0 && any) {
      places = 0;
      continue;
    }
    if (c < '0' || c > '9') break;
    if (__builtin_mul_overflow(digits, 10, &digits) || __builtin_add_overflow(digits, c - '0', &digits)) return {};
    any = true;
    if (places >= 0) ++places;
  }
  if (!any || places == 0) return {};
  places = std::max(places, 0);

  struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
  };
  static constexpr Unit kUnits[] = {{"ns", 1},
                                    {"us", 1'000},
                                    {"ms", 1'000'000},
                                    {"s", 1'000'000'000},
                                    {"m", 60'000'000'000},
                                    {"h", 3'600'000'000'000}};
  for (const Unit& unit : kUnits) {
    if (text.substr(read) != unit.name) continue;
    std::int64_t nanoseconds = 0;
    std::int64_t scale = unit.nanoseconds;
    // Take as much of the power of ten from the unit as divides it, the rest must divide the digits.
    for (; places > 0 && scale % 10 == 0; --places) scale /= 10;
    for (; places > 0 && digits % 10 == 0; --places) digits /= 10;
    if (places > 0 || __builtin_mul_overflow(digits, scale, &nanoseconds)) return {};
    return Duration(negative ? -nanoseconds : nanoseconds);
  }
  return {};
}

std::string to_rfc3339(SystemTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const auto micros = (time - day).count();
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02lld:%02lld:%02lld.%06lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<long long>(micros / 3'600'000'000), static_cast<long long>(micros / 60'000'000 % 60),
                static_cast<long long>(micros / 1'000'000 % 60), static_cast<long long>(micros % 1'000'000));
  return buffer;
}

}  // namespace orrery
