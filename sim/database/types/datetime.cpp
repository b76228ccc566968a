// The calendar and the output of dates, times and intervals.

#include "sim/database/types/datetime.hpp"

#include "sim/database/types/errors.hpp"
#include "sim/database/types/numeric.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept {
  return a / b - static_cast<std::int64_t>(a % b < 0);
}

void append_padded(std::string& out, std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

/// ".5", without zeros at the end; nothing for 0.
void append_fraction(std::string& out, std::int64_t microseconds) {
  if (microseconds == 0) return;
  out.push_back('.');
  append_padded(out, microseconds, 6);
  while (out.back() == '0') out.pop_back();
}

void append_clock(std::string& out, std::int64_t time) {
  append_padded(out, time / kHourUs, 2);
  out.push_back(':');
  append_padded(out, time / kMinuteUs % 60, 2);
  out.push_back(':');
  append_padded(out, time / kSecondUs % 60, 2);
  append_fraction(out, time % kSecondUs);
}

/// Gives whether the year is one BC: the suffix stands at the end.
bool append_civil(std::string& out, std::int64_t days) {
  const CivilDate date = civil_of(days);
  append_padded(out, date.year > 0 ? date.year : 1 - date.year, 4);
  out.push_back('-');
  append_padded(out, date.month, 2);
  out.push_back('-');
  append_padded(out, date.day, 2);
  return date.year <= 0;
}

Int128 span_of(const Interval& interval) noexcept {
  return static_cast<Int128>(interval.microseconds) +
         (static_cast<Int128>(interval.months) * 30 + interval.days) * kDayUs;
}

[[noreturn]] void raise_interval_range() { raise("22008", "interval out of range"); }

}  // namespace

// The days_from_civil and civil_from_days formulas: eras of 400 years whose years begin in March, so that the leap day
// is the last one (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
std::int64_t days_of(const CivilDate& date) noexcept {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = floor_divide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 730'425;
}

CivilDate civil_of(std::int64_t days) noexcept {
  days += 730'425;
  const std::int64_t era = floor_divide(days, 146'097);
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<std::int32_t>(day_of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<std::int32_t>(month < 10 ? month + 3 : month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

std::int32_t days_in_month(std::int64_t year, std::int32_t month) noexcept {
  constexpr std::int32_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

SplitTimestamp split_timestamp(std::int64_t timestamp) noexcept {
  const std::int64_t days = floor_divide(timestamp, kDayUs);
  return {days, timestamp - days * kDayUs};
}

std::int64_t timestamp_of_date_saturating(std::int64_t days) noexcept {
  if (days == kDateMinusInfinity) return kTimestampMinusInfinity;
  if (days == kDateInfinity || days >= kEndOfTimestamps / kDayUs) return kTimestampInfinity;
  return days * kDayUs;
}

std::int64_t timestamp_of_date(std::int64_t days) {
  if (days == kDateMinusInfinity) return kTimestampMinusInfinity;
  if (days == kDateInfinity) return kTimestampInfinity;
  if (days >= kEndOfTimestamps / kDayUs) raise("22008", "date out of range for timestamp");
  return days * kDayUs;
}

std::int64_t date_of_timestamp(std::int64_t timestamp) noexcept {
  if (timestamp == kTimestampInfinity) return kDateInfinity;
  if (timestamp == kTimestampMinusInfinity) return kDateMinusInfinity;
  return split_timestamp(timestamp).days;
}

void append_timestamp(std::string& out, std::int64_t timestamp, bool with_zone, bool for_json) {
  if (is_infinite(timestamp)) {
    out += timestamp < 0 ? "-infinity" : "infinity";
    return;
  }
  const SplitTimestamp split = split_timestamp(timestamp);
  const bool before_christ = append_civil(out, split.days);
  out.push_back(for_json ? 'T' : ' ');
  append_clock(out, split.time);
  if (with_zone) out += for_json ? "+00:00" : "+00";
  if (before_christ) out += " BC";
}

void append_date(std::string& out, std::int64_t days) {
  if (days == kDateInfinity || days == kDateMinusInfinity) {
    out += days < 0 ? "-infinity" : "infinity";
  } else if (append_civil(out, days)) {
    out += " BC";
  }
}

void append_time(std::string& out, std::int64_t time) { append_clock(out, time); }

void append_interval(std::string& out, const Interval& interval) {
  bool first = true;
  bool after_negative = false;
  const auto part = [&](std::int64_t number, const char* unit) {
    if (number == 0) return;
    if (!first) out.push_back(' ');
    if (after_negative && number > 0) out.push_back('+');
    out += std::to_string(number);
    out.push_back(' ');
    out += unit;
    if (number != 1) out.push_back('s');
    after_negative = number < 0;
    first = false;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (!first && interval.microseconds == 0) return;
  if (!first) out.push_back(' ');
  const bool negative = interval.microseconds < 0;
  if (negative) {
    out.push_back('-');
  } else if (after_negative) {
    out.push_back('+');
  }
  const std::uint64_t time = negative ? ~static_cast<std::uint64_t>(interval.microseconds) + 1
                                      : static_cast<std::uint64_t>(interval.microseconds);
  constexpr auto kHour = static_cast<std::uint64_t>(kHourUs);
  append_padded(out, static_cast<std::int64_t>(time / kHour), 2);
  const auto rest = static_cast<std::int64_t>(time % kHour);
  out.push_back(':');
  append_padded(out, rest / kMinuteUs, 2);
  out.push_back(':');
  append_padded(out, rest / kSecondUs % 60, 2);
  append_fraction(out, rest % kSecondUs);
}

std::int64_t round_to_decimals(std::int64_t microseconds, std::int32_t decimals) noexcept {
  constexpr std::int64_t kUnits[] = {1'000'000, 100'000, 10'000, 1000, 100, 10, 1};
  if (decimals < 0 || decimals >= 6) return microseconds;
  const std::int64_t unit = kUnits[decimals];
  const std::int64_t half = unit / 2;
  if (microseconds >= 0) return (microseconds + half) / unit * unit;
  return -((-microseconds + half) / unit * unit);
}

std::int64_t timestamp_plus(std::int64_t timestamp, const Interval& interval) {
  if (is_infinite(timestamp)) return timestamp;
  const auto fail = [] { raise("22008", "timestamp out of range"); };
  if (interval.months != 0) {
    const SplitTimestamp split = split_timestamp(timestamp);
    CivilDate date = civil_of(split.days);
    const std::int64_t month = date.year * 12 + date.month - 1 + interval.months;
    date.year = floor_divide(month, 12);
    date.month = static_cast<std::int32_t>(month - date.year * 12) + 1;
    date.day = std::min(date.day, days_in_month(date.year, date.month));
    const std::int64_t days = days_of(date);
    if (days < kFirstTimestamp / kDayUs - 1 || days >= kEndOfTimestamps / kDayUs) fail();
    timestamp = days * kDayUs + split.time;
  }
  if (interval.days != 0) {  // counted as days: as microseconds they may be too many for a number
    const SplitTimestamp split = split_timestamp(timestamp);
    const std::int64_t days = split.days + interval.days;
    if (days < kFirstTimestamp / kDayUs - 1 || days >= kEndOfTimestamps / kDayUs) fail();
    timestamp = days * kDayUs + split.time;
    if (timestamp < kFirstTimestamp || timestamp >= kEndOfTimestamps) fail();
  }
  if (__builtin_add_overflow(timestamp, interval.microseconds, &timestamp) || timestamp < kFirstTimestamp || timestamp >= kEndOfTimestamps) fail();
  return timestamp;
}

Interval negate_interval(const Interval& interval) {
  Interval result;
  if (__builtin_sub_overflow(0, interval.months, &result.months) ||
      __builtin_sub_overflow(0, interval.days, &result.days) ||
      __builtin_sub_overflow(std::int64_t{0}, interval.microseconds, &result.microseconds)) {
    raise_interval_range();
  }
  return result;
}

Interval timestamp_difference(std::int64_t left, std::int64_t right) {
  if (is_infinite(left) || is_infinite(right)) raise("22008", "cannot subtract infinite timestamps");
  std::int64_t span;
  if (__builtin_sub_overflow(left, right, &span)) raise_interval_range();
  // Whole days become days, as justify_hours() does it.
  return {span % kDayUs, static_cast<std::int32_t>(span / kDayUs), 0};
}

int compare_intervals(const Interval& left, const Interval& right) noexcept {
  const Int128 a = span_of(left);
  const Int128 b = span_of(right);
  return static_cast<int>(a > b) - static_cast<int>(a < b);
}

std::uint64_t hash_interval_span(const Interval& interval) noexcept {
  const auto span = static_cast<unsigned __int128>(span_of(interval));
  return mix_hash(static_cast<std::uint64_t>(span) + 31 * static_cast<std::uint64_t>(span >> 64));
}

Interval interval_add(const Interval& left, const Interval& right) {
  Interval sum;
  if (__builtin_add_overflow(left.months, right.months, &sum.months) ||
      __builtin_add_overflow(left.days, right.days, &sum.days) ||
      __builtin_add_overflow(left.microseconds, right.microseconds, &sum.microseconds)) {
    raise_interval_range();
  }
  return sum;
}

}  // namespace orrery::sim::database
