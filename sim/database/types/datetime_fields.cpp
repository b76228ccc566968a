// The words for parts of dates and times: extract(), date_part() and date_trunc() (manual, 9.9.1 and 9.9.2).
#include "sim/database/types/datetime_fields.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

enum class Field : std::uint8_t {
  microseconds,
  milliseconds,
  second,
  minute,
  hour,
  day,
  week,
  month,
  quarter,
  year,
  decade,
  century,
  millennium,
  epoch,
  dow,
  isodow,
  doy,
  isoyear,
  julian,
  timezone,
  timezone_hour,
  timezone_minute
};

struct FieldName {
  std::string_view name;
  Field field;
};
constexpr FieldName kFields[] = {
    {"microsecond", Field::microseconds},
    {"microseconds", Field::microseconds},
    {"us", Field::microseconds},
    {"usec", Field::microseconds},
    {"millisecond", Field::milliseconds},
    {"milliseconds", Field::milliseconds},
    {"ms", Field::milliseconds},
    {"msec", Field::milliseconds},
    {"second", Field::second},
    {"seconds", Field::second},
    {"sec", Field::second},
    {"s", Field::second},
    {"minute", Field::minute},
    {"minutes", Field::minute},
    {"min", Field::minute},
    {"mins", Field::minute},
    {"m", Field::minute},
    {"hour", Field::hour},
    {"hours", Field::hour},
    {"hr", Field::hour},
    {"h", Field::hour},
    {"day", Field::day},
    {"days", Field::day},
    {"d", Field::day},
    {"week", Field::week},
    {"weeks", Field::week},
    {"w", Field::week},
    {"month", Field::month},
    {"months", Field::month},
    {"mon", Field::month},
    {"mons", Field::month},
    {"quarter", Field::quarter},
    {"qtr", Field::quarter},
    {"year", Field::year},
    {"years", Field::year},
    {"y", Field::year},
    {"yr", Field::year},
    {"decade", Field::decade},
    {"decades", Field::decade},
    {"dec", Field::decade},
    {"century", Field::century},
    {"centuries", Field::century},
    {"c", Field::century},
    {"cent", Field::century},
    {"millennium", Field::millennium},
    {"millennia", Field::millennium},
    {"mil", Field::millennium},
    {"epoch", Field::epoch},
    {"dow", Field::dow},
    {"isodow", Field::isodow},
    {"doy", Field::doy},
    {"isoyear", Field::isoyear},
    {"julian", Field::julian},
    {"timezone", Field::timezone},
    {"timezone_hour", Field::timezone_hour},
    {"timezone_h", Field::timezone_hour},
    {"timezone_minute", Field::timezone_minute},
    {"timezone_m", Field::timezone_minute},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}

[[noreturn]] void raise_unrecognized(std::string_view name, std::string_view type) {
  raise("22023", "unit \"" + lower(name) + "\" not recognized for type " + std::string(type));
}

Field field_of(std::string_view name, std::string_view type) {
  for (const FieldName& entry : kFields) {
    if (equals_ignoring_case(entry.name, name)) return entry.field;
  }
  raise_unrecognized(name, type);
}

[[noreturn]] void raise_unit_unsupported(std::string_view name, std::string_view type) {
  raise("0A000", "unit \"" + lower(name) + "\" not supported for type " + std::string(type));
}

Value whole(std::int64_t number) { return numeric_from_integer(number); }
Value decimals(std::int64_t coefficient, std::uint16_t scale) { return Value::small_numeric(coefficient, scale); }

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - static_cast<std::int64_t>(a % b < 0);
}

/// 0 is Sunday.
std::int64_t day_of_week(std::int64_t days) {
  const std::int64_t day = (days + 6) % 7;
  return day < 0 ? day + 7 : day;
}

/// ISO 8601 week: it belongs to the year that holds its Thursday.
struct IsoWeek {
  std::int64_t year;
  std::int64_t week;
};
IsoWeek iso_week(std::int64_t days) {
  const std::int64_t weekday = (day_of_week(days) + 6) % 7;  // 0 is Monday
  const std::int64_t thursday = days - weekday + 3;
  const std::int64_t year = civil_of(thursday).year;
  return {year, (thursday - days_of({year, 1, 1})) / 7 + 1};
}

std::int64_t display_year(std::int64_t year) { return year > 0 ? year : year - 1; }
std::int64_t century_of(std::int64_t year) { return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100); }
std::int64_t millennium_of(std::int64_t year) { return year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000); }
std::int64_t decade_of(std::int64_t year) { return floor_divide(year, 10); }

std::optional<Value> time_part(Field field, std::int64_t time) {
  switch (field) {
    case Field::microseconds:
      return whole(time % kMinuteUs);
    case Field::milliseconds:
      return decimals(time % kMinuteUs, 3);
    case Field::second:
      return decimals(time % kMinuteUs, 6);
    case Field::minute:
      return whole(time / kMinuteUs % 60);
    case Field::hour:
      return whole(time / kHourUs);
    default:
      return std::nullopt;
  }
}

std::optional<Value> date_part_of(Field field, std::int64_t days) {
  const CivilDate date = civil_of(days);
  switch (field) {
    case Field::day:
      return whole(date.day);
    case Field::week:
      return whole(iso_week(days).week);
    case Field::month:
      return whole(date.month);
    case Field::quarter:
      return whole((date.month - 1) / 3 + 1);
    case Field::year:
      return whole(display_year(date.year));
    case Field::decade:
      return whole(decade_of(date.year));
    case Field::century:
      return whole(century_of(date.year));
    case Field::millennium:
      return whole(millennium_of(date.year));
    case Field::dow:
      return whole(day_of_week(days));
    case Field::isodow:
      return whole((day_of_week(days) + 6) % 7 + 1);
    case Field::doy:
      return whole(days - days_of({date.year, 1, 1}) + 1);
    case Field::isoyear:
      return whole(display_year(iso_week(days).year));
    default:
      return std::nullopt;
  }
}

/// Fields that grow with time are infinite for infinite times, those that go round are NULL.
Value infinite_part(Field field, bool negative) {
  switch (field) {
    case Field::year:
    case Field::decade:
    case Field::century:
    case Field::millennium:
    case Field::isoyear:
    case Field::julian:
    case Field::epoch:
      return numeric_from_text(negative ? "-Infinity" : "Infinity");
    default:
      return {};
  }
}

/// date_trunc() knows fewer words than extract().
Field unit_of(std::string_view name, std::string_view type) {
  const Field field = field_of(name, type);
  if (field >= Field::epoch && field <= Field::julian) raise_unrecognized(name, type);
  return field;
}

}  // namespace

Value extract_timestamp(std::string_view name, std::int64_t timestamp, bool with_zone) {
  const std::string_view type = with_zone ? "timestamp with time zone" : "timestamp without time zone";
  const Field field = field_of(name, type);
  if (is_infinite(timestamp)) return infinite_part(field, timestamp < 0);
  const SplitTimestamp split = split_timestamp(timestamp);
  if (const auto part = time_part(field, split.time)) return *part;
  if (const auto part = date_part_of(field, split.days)) return *part;
  switch (field) {
    case Field::epoch:
      return numeric_add(decimals(timestamp, 6), decimals(kPostgresEpochUs, 6));
    case Field::julian:
      return numeric_add(whole(split.days + kJulianEpochDays), numeric_divide(whole(split.time), whole(kDayUs)));
    default:
      if (!with_zone) raise_unit_unsupported(name, type);
      return whole(0);
  }
}

Value extract_date(std::string_view name, std::int64_t days) {
  const Field field = field_of(name, "date");
  const bool infinite = days == kDateInfinity || days == kDateMinusInfinity;
  if (!infinite) {
    if (const auto part = date_part_of(field, days)) return *part;
  }
  switch (field) {
    case Field::epoch:
      return infinite ? infinite_part(field, days < 0) : whole((days + kUnixEpochDays) * 86'400);
    case Field::julian:
      return infinite ? infinite_part(field, days < 0) : whole(days + kJulianEpochDays);
    case Field::microseconds:
    case Field::milliseconds:
    case Field::second:
    case Field::minute:
    case Field::hour:
    case Field::timezone:
    case Field::timezone_hour:
    case Field::timezone_minute:
      raise_unit_unsupported(name, "date");
    default:
      return infinite_part(field, days < 0);
  }
}

Value extract_time(std::string_view name, std::int64_t time) {
  const Field field = field_of(name, "time without time zone");
  if (const auto part = time_part(field, time)) return *part;
  if (field == Field::epoch) return decimals(time, 6);
  raise_unit_unsupported(name, "time without time zone");
}

Value extract_interval(std::string_view name, const Interval& interval) {
  const Field field = field_of(name, "interval");
  if (const auto part = time_part(field, interval.microseconds)) return *part;
  const std::int64_t years = interval.months / 12;
  switch (field) {
    case Field::day:
      return whole(interval.days);
    case Field::month:
      return whole(interval.months % 12);
    case Field::quarter:
      return whole(interval.months % 12 / 3 + 1);
    case Field::year:
      return whole(years);
    case Field::decade:
      return whole(years / 10);
    case Field::century:
      return whole(years / 100);
    case Field::millennium:
      return whole(years / 1000);
    case Field::epoch: {
      // A year is 365.25 days, a month 30.
      const std::int64_t quarter_days =
          1461 * years + 120 * std::int64_t{interval.months % 12} + 4 * std::int64_t{interval.days};
      const Value days = numeric_multiply(whole(quarter_days), decimals(21'600'000'000, 6));
      return numeric_add(days, decimals(interval.microseconds, 6));
    }
    default:
      raise_unit_unsupported(name, "interval");
  }
}

std::int64_t truncate_timestamp(std::string_view name, std::int64_t timestamp, std::string_view type) {
  if (is_infinite(timestamp)) return timestamp;
  const Field field = unit_of(name, type);
  const SplitTimestamp split = split_timestamp(timestamp);
  CivilDate date = civil_of(split.days);
  const auto to_unit = [&](std::int64_t unit) { return split.days * kDayUs + split.time / unit * unit; };
  const auto to_year = [&](std::int64_t year) { return days_of({year, 1, 1}) * kDayUs; };
  switch (field) {
    case Field::microseconds:
      return timestamp;
    case Field::milliseconds:
      return to_unit(1000);
    case Field::second:
      return to_unit(kSecondUs);
    case Field::minute:
      return to_unit(kMinuteUs);
    case Field::hour:
      return to_unit(kHourUs);
    case Field::day:
      return split.days * kDayUs;
    case Field::week:
      return (split.days - (day_of_week(split.days) + 6) % 7) * kDayUs;
    case Field::month:
      date.day = 1;
      return days_of(date) * kDayUs;
    case Field::quarter:
      date.day = 1;
      date.month = (date.month - 1) / 3 * 3 + 1;
      return days_of(date) * kDayUs;
    case Field::year:
      return to_year(date.year);
    case Field::decade:
      return to_year(date.year > 0 ? date.year / 10 * 10 : -((8 - (date.year - 1)) / 10) * 10);
    case Field::century:
      return to_year(date.year > 0 ? (date.year + 99) / 100 * 100 - 99 : -((99 - (date.year - 1)) / 100) * 100 + 1);
    case Field::millennium:
      return to_year(date.year > 0 ? (date.year + 999) / 1000 * 1000 - 999
                                   : -((999 - (date.year - 1)) / 1000) * 1000 + 1);
    default:
      raise_unit_unsupported(name, type);
  }
}

Value truncate_interval(std::string_view name, Interval interval) {
  const auto years = [&](std::int32_t step) {
    interval.months = interval.months / (12 * step) * (12 * step);
    interval.days = 0;
    interval.microseconds = 0;
  };
  const auto time = [&](std::int64_t unit) { interval.microseconds = interval.microseconds / unit * unit; };
  switch (unit_of(name, "interval")) {
    case Field::microseconds:
      break;
    case Field::milliseconds:
      time(1000);
      break;
    case Field::second:
      time(kSecondUs);
      break;
    case Field::minute:
      time(kMinuteUs);
      break;
    case Field::hour:
      time(kHourUs);
      break;
    case Field::day:
      interval.microseconds = 0;
      break;
    case Field::month:
      interval.days = 0;
      interval.microseconds = 0;
      break;
    case Field::quarter:
      interval.months = interval.months / 3 * 3;
      interval.days = 0;
      interval.microseconds = 0;
      break;
    case Field::year:
      years(1);
      break;
    case Field::decade:
      years(10);
      break;
    case Field::century:
      years(100);
      break;
    case Field::millennium:
      years(1000);
      break;
    case Field::week:
      raise("0A000", "unit \"" + lower(name) + "\" not supported for type interval",
            "Months usually have fractional weeks.");
    default:
      raise_unit_unsupported(name, "interval");
  }
  return Value::interval(interval);
}

}  // namespace orrery::sim::database
