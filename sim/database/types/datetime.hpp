#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/database/types/functions.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

// Dates are days since 2000-01-01, timestamps µs since then; the calendar is the proleptic Gregorian one. The session's
// time zone is always UTC and its date style ISO, MDY.

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
inline constexpr std::int64_t kHourUs = 60 * kMinuteUs;
inline constexpr std::int64_t kDayUs = 24 * kHourUs;
inline constexpr std::int64_t kTimestampInfinity = INT64_MAX;
inline constexpr std::int64_t kTimestampMinusInfinity = INT64_MIN;
inline constexpr std::int64_t kDateInfinity = INT32_MAX;
inline constexpr std::int64_t kDateMinusInfinity = INT32_MIN;
/// [first, last): what PostgreSQL can hold.
inline constexpr std::int64_t kFirstTimestamp = -211'813'488'000'000'000;
inline constexpr std::int64_t kEndOfTimestamps = 9'223'371'331'200'000'000;
inline constexpr std::int64_t kFirstDate = -2'451'545;
inline constexpr std::int64_t kEndOfDates = 2'145'031'949;
/// Days from 1970-01-01 to 2000-01-01, and from the Julian day zero to it.
inline constexpr std::int64_t kUnixEpochDays = 10'957;
inline constexpr std::int64_t kJulianEpochDays = 2'451'545;

struct CivilDate {
  std::int64_t year = 2000;  // 0 is 1 BC
  std::int32_t month = 1;
  std::int32_t day = 1;
};

[[nodiscard]] std::int64_t days_of(const CivilDate& date) noexcept;
[[nodiscard]] CivilDate civil_of(std::int64_t days) noexcept;
[[nodiscard]] std::int32_t days_in_month(std::int64_t year, std::int32_t month) noexcept;

struct SplitTimestamp {
  std::int64_t days;
  std::int64_t time;  // µs of the day
};
[[nodiscard]] SplitTimestamp split_timestamp(std::int64_t timestamp) noexcept;

/// Infinite dates give infinite timestamps, too large ones too (for comparisons).
[[nodiscard]] std::int64_t timestamp_of_date_saturating(std::int64_t days) noexcept;
/// Throws 22008 `date out of range for timestamp`.
[[nodiscard]] std::int64_t timestamp_of_date(std::int64_t days);
[[nodiscard]] std::int64_t date_of_timestamp(std::int64_t timestamp) noexcept;
[[nodiscard]] constexpr bool is_infinite(std::int64_t timestamp) noexcept {
  return timestamp == kTimestampInfinity || timestamp == kTimestampMinusInfinity;
}

// Text. Input throws 22007 for syntax and 22008 for values out of range; `context` is for 'now' and 'today'.
[[nodiscard]] std::int64_t timestamp_from_text(std::string_view text, bool with_zone, const EvalContext* context);
[[nodiscard]] std::int64_t date_from_text(std::string_view text, const EvalContext* context);
[[nodiscard]] std::int64_t time_from_text(std::string_view text, const EvalContext* context);
[[nodiscard]] Interval interval_from_text(std::string_view text);
/// ISO style; with_zone: "+00" at the end; separator 'T' for JSON, where the zone is "+00:00".
void append_timestamp(std::string& out, std::int64_t timestamp, bool with_zone, bool for_json = false);
void append_date(std::string& out, std::int64_t days);
void append_time(std::string& out, std::int64_t time);
void append_interval(std::string& out, const Interval& interval);
/// A zone's offset from UTC in seconds: 0 of UTC's names; all others are refused with 0A000.
[[nodiscard]] std::int32_t zone_offset(std::string_view zone);

/// To so many decimals of seconds; half away from zero.
[[nodiscard]] std::int64_t round_to_decimals(std::int64_t microseconds, std::int32_t decimals) noexcept;

/// Months first (the day is cut to the month's length), then days, then time. Throws 22008 `timestamp out of range`.
[[nodiscard]] std::int64_t timestamp_plus(std::int64_t timestamp, const Interval& interval);
/// Throws 22008 `interval out of range`.
[[nodiscard]] Interval negate_interval(const Interval& interval);
[[nodiscard]] Interval timestamp_difference(std::int64_t left, std::int64_t right);

/// Of spans in which a month is 30 days and a day 24 hours, as SQL's comparison has it.
[[nodiscard]] int compare_intervals(const Interval& left, const Interval& right) noexcept;
[[nodiscard]] std::uint64_t hash_interval_span(const Interval& interval) noexcept;

/// For sum and avg of intervals.
[[nodiscard]] Interval interval_add(const Interval& left, const Interval& right);
[[nodiscard]] Interval interval_multiply(const Interval& interval, double factor);
[[nodiscard]] Interval interval_divide(const Interval& interval, double divisor);

}  // namespace orrery::sim::database
