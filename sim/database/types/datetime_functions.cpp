// Operators and functions on dates, times and timestamps (manual, 9.9).

#include <algorithm>
#include <cstdio>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/datetime_fields.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

std::int64_t plus_days(std::int64_t date, std::int64_t days) {
  if (date == kDateInfinity || date == kDateMinusInfinity) return date;
  const std::int64_t result = date + days;
  if (result < kFirstDate || result >= kEndOfDates) raise("22008", "date out of range");
  return result;
}

std::int64_t time_of_day(std::int64_t time) {
  const std::int64_t rest = time % kDayUs;
  return rest < 0 ? rest + kDayUs : rest;
}

/// age(): years, months and days between two times as a calendar counts them (timestamp.c, timestamptz_age).
Value age(std::int64_t left, std::int64_t right) {
  if (is_infinite(left) || is_infinite(right)) raise("22008", "timestamp out of range");
  const bool negative = left < right;
  if (negative) std::swap(left, right);
  const SplitTimestamp a = split_timestamp(left);
  const SplitTimestamp b = split_timestamp(right);
  const CivilDate later = civil_of(a.days);
  const CivilDate earlier = civil_of(b.days);
  std::int64_t months = (later.year - earlier.year) * 12 + later.month - earlier.month;
  std::int64_t days = later.day - earlier.day;
  std::int64_t time = a.time - b.time;
  if (time < 0) {
    time += kDayUs;
    --days;
  }
  if (days < 0) {
    // Borrowed from the month of the earlier time.
    days += days_in_month(earlier.year, earlier.month);
    --months;
  }
  const Interval span{time, static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
  return Value::interval(negative ? negate_interval(span) : span);
}

/// What a timestamp minus an interval adds. The least of numbers stays as it is, as timestamp_mi_interval has it: out of range
/// is then the timestamp, not the interval.
Interval negated(const Value& interval) {
  const Interval span = interval.interval();
  return {static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(span.microseconds)),
          static_cast<std::int32_t>(0 - static_cast<std::uint32_t>(span.days)),
          static_cast<std::int32_t>(0 - static_cast<std::uint32_t>(span.months))};
}

Value part_of_timestamptz(const Value& name, const Value& source) {
  return extract_timestamp(name.bytes(), source.integer(), true);
}
Value part_of_timestamp(const Value& name, const Value& source) {
  return extract_timestamp(name.bytes(), source.integer(), false);
}
Value part_of_date(const Value& name, const Value& source) { return extract_date(name.bytes(), source.integer()); }
Value part_of_time(const Value& name, const Value& source) { return extract_time(name.bytes(), source.integer()); }
Value part_of_interval(const Value& name, const Value& source) {
  return extract_interval(name.bytes(), source.interval());
}

/// extract() gives numeric, date_part() the same as float8.
template <Value (*part)(const Value& name, const Value& source)>
void register_extract(Registry& registry, std::string_view extract_signature, std::string_view part_signature) {
  registry.function(extract_signature,
                    [](Arguments a, const CallSite&, const EvalContext&) { return part(a[0], a[1]); });
  registry.function(part_signature, [](Arguments a, const CallSite&, const EvalContext&) {
    const Value result = part(a[0], a[1]);
    return result.is_null() ? Value() : Value::real(numeric_to_double(result));
  });
}

}  // namespace

void register_datetime(Registry& registry) {
  using Site = CallSite;
  using Context = EvalContext;
  const auto transaction_time = [](Arguments, const Site&, const Context& context) {
    return Value::integer(context.transaction_time());
  };
  registry.function("now() -> timestamptz", transaction_time, kStable);
  registry.function("transaction_timestamp() -> timestamptz", transaction_time, kStable);
  registry.function(
      "statement_timestamp() -> timestamptz",
      [](Arguments, const Site&, const Context& context) { return Value::integer(context.statement_time()); }, kStable);
  registry.function(
      "clock_timestamp() -> timestamptz",
      [](Arguments, const Site&, const Context& context) { return Value::integer(context.clock_time()); }, kVolatile);

  const ScalarImplementation plus = [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(a[0].integer(), a[1].interval()));
  };
  const ScalarImplementation plus_turned = [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(a[1].integer(), a[0].interval()));
  };
  const ScalarImplementation minus = [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(a[0].integer(), negated(a[1])));
  };
  const ScalarImplementation difference = [](Arguments a, const Site&, const Context&) {
    return Value::interval(timestamp_difference(a[0].integer(), a[1].integer()));
  };
  registry.op("timestamptz + interval -> timestamptz", plus, kStable);
  registry.op("interval + timestamptz -> timestamptz", plus_turned, kStable);
  registry.op("timestamptz - interval -> timestamptz", minus, kStable);
  registry.op("timestamptz - timestamptz -> interval", difference);
  registry.op("timestamp + interval -> timestamp", plus);
  registry.op("interval + timestamp -> timestamp", plus_turned);
  registry.op("timestamp - interval -> timestamp", minus);
  registry.op("timestamp - timestamp -> interval", difference);
  registry.op("date + int4 -> date", [](Arguments a, const Site&, const Context&) {
    return Value::integer(plus_days(a[0].integer(), a[1].integer()));
  });
  registry.op("int4 + date -> date", [](Arguments a, const Site&, const Context&) {
    return Value::integer(plus_days(a[1].integer(), a[0].integer()));
  });
  registry.op("date - int4 -> date", [](Arguments a, const Site&, const Context&) {
    return Value::integer(plus_days(a[0].integer(), -a[1].integer()));
  });
  registry.op("date - date -> int4", [](Arguments a, const Site&, const Context&) {
    for (const Value& date : a) {
      if (date.integer() == kDateInfinity || date.integer() == kDateMinusInfinity) {
        raise("22008", "cannot subtract infinite dates");
      }
    }
    return Value::integer(a[0].integer() - a[1].integer());
  });
  registry.op("date + interval -> timestamp", [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(timestamp_of_date(a[0].integer()), a[1].interval()));
  });
  registry.op("interval + date -> timestamp", [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(timestamp_of_date(a[1].integer()), a[0].interval()));
  });
  registry.op("date - interval -> timestamp", [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(timestamp_of_date(a[0].integer()), negated(a[1])));
  });
  registry.op("date + time -> timestamp", [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(timestamp_of_date(a[0].integer()), {a[1].integer(), 0, 0}));
  });
  registry.op("time + date -> timestamp", [](Arguments a, const Site&, const Context&) {
    return Value::integer(timestamp_plus(timestamp_of_date(a[1].integer()), {a[0].integer(), 0, 0}));
  });
  registry.op("time - time -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval({a[0].integer() - a[1].integer(), 0, 0});
  });
  registry.op("time + interval -> time", [](Arguments a, const Site&, const Context&) {
    return Value::integer(time_of_day(a[0].integer() + a[1].interval().microseconds % kDayUs));
  });
  registry.op("interval + time -> time", [](Arguments a, const Site&, const Context&) {
    return Value::integer(time_of_day(a[1].integer() + a[0].interval().microseconds % kDayUs));
  });
  registry.op("time - interval -> time", [](Arguments a, const Site&, const Context&) {
    return Value::integer(time_of_day(a[0].integer() - a[1].interval().microseconds % kDayUs));
  });

  register_extract<part_of_timestamptz>(registry, "extract(text, timestamptz) -> numeric",
                                        "date_part(text, timestamptz) -> float8");
  register_extract<part_of_timestamp>(registry, "extract(text, timestamp) -> numeric",
                                      "date_part(text, timestamp) -> float8");
  registry.function("extract(text, date) -> numeric",
                    [](Arguments a, const Site&, const Context&) { return part_of_date(a[0], a[1]); });
  // date_part() of a date is that of its midnight.
  registry.function("date_part(text, date) -> float8", [](Arguments a, const Site&, const Context&) {
    const Value part = part_of_timestamp(a[0], Value::integer(timestamp_of_date(a[1].integer())));
    return part.is_null() ? Value() : Value::real(numeric_to_double(part));
  });
  register_extract<part_of_time>(registry, "extract(text, time) -> numeric", "date_part(text, time) -> float8");
  register_extract<part_of_interval>(registry, "extract(text, interval) -> numeric",
                                     "date_part(text, interval) -> float8");

  registry.function(
      "date_trunc(text, timestamptz) -> timestamptz",
      [](Arguments a, const Site&, const Context&) {
        return Value::integer(truncate_timestamp(a[0].bytes(), a[1].integer(), "timestamp with time zone"));
      },
      kStable);
  registry.function(
      "date_trunc(text, timestamptz, text) -> timestamptz",
      [](Arguments a, const Site&, const Context&) {
        (void)zone_offset(a[2].bytes());
        return Value::integer(truncate_timestamp(a[0].bytes(), a[1].integer(), "timestamp with time zone"));
      },
      kStable);
  registry.function("date_trunc(text, timestamp) -> timestamp", [](Arguments a, const Site&, const Context&) {
    return Value::integer(truncate_timestamp(a[0].bytes(), a[1].integer(), "timestamp without time zone"));
  });
  registry.function("date_trunc(text, interval) -> interval", [](Arguments a, const Site&, const Context&) {
    return truncate_interval(a[0].bytes(), a[1].interval());
  });
  const ScalarImplementation age_of_two = [](Arguments a, const Site&, const Context&) {
    return age(a[0].integer(), a[1].integer());
  };
  registry.function("age(timestamptz, timestamptz) -> interval", age_of_two);
  registry.function("age(timestamp, timestamp) -> interval", age_of_two);
  const ScalarImplementation age_of_one = [](Arguments a, const Site&, const Context& context) {
    return age(split_timestamp(context.transaction_time()).days * kDayUs, a[0].integer());
  };
  registry.function("age(timestamptz) -> interval", age_of_one, kStable);
  registry.function("age(timestamp) -> interval", age_of_one, kStable);
  const ScalarImplementation same_in_zone = [](Arguments a, const Site&, const Context&) {
    (void)zone_offset(a[0].bytes());
    return a[1];
  };
  registry.function("timezone(text, timestamptz) -> timestamp", same_in_zone);
  registry.function("timezone(text, timestamp) -> timestamptz", same_in_zone);
  registry.function("to_timestamp(float8) -> timestamptz", [](Arguments a, const Site&, const Context&) {
    const double seconds = a[0].real();
    if (seconds != seconds) raise("22008", "timestamp cannot be NaN");
    if (seconds - seconds != 0) return Value::integer(seconds < 0 ? kTimestampMinusInfinity : kTimestampInfinity);
    // As timestamp.c: seconds are first moved to PostgreSQL's epoch, then rounded to µs.
    const double shifted = (seconds - 946'684'800.0) * 1'000'000.0;
    const double rounded = __builtin_rint(shifted);
    if (rounded < static_cast<double>(kFirstTimestamp) || rounded >= static_cast<double>(kEndOfTimestamps)) {
      char text[40];
      std::snprintf(text, sizeof text, "%g", seconds);
      raise("22008", "timestamp out of range: \"" + std::string(text) + "\"");
    }
    return Value::integer(static_cast<std::int64_t>(rounded));
  });
  registry.function("make_date(year int4, month int4, day int4) -> date", [](Arguments a, const Site&, const Context&) {
    std::int64_t year = a[0].integer();
    const bool valid_year = year != 0;
    if (year < 0) ++year;
    if (!valid_year || a[1].integer() < 1 || a[1].integer() > 12 || a[2].integer() < 1 ||
        a[2].integer() > days_in_month(year, static_cast<std::int32_t>(a[1].integer()))) {
      char text[48];
      std::snprintf(text, sizeof text, "date field value out of range: %d-%02d-%02d", static_cast<int>(a[0].integer()),
                    static_cast<int>(a[1].integer()), static_cast<int>(a[2].integer()));
      raise("22008", text);
    }
    const std::int64_t days =
        days_of({year, static_cast<std::int32_t>(a[1].integer()), static_cast<std::int32_t>(a[2].integer())});
    if (days < kFirstDate || days >= kEndOfDates) raise("22008", "date out of range");
    return Value::integer(days);
  });
  registry.function("isfinite(timestamptz) -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(!is_infinite(a[0].integer()));
  });
  registry.function("isfinite(timestamp) -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(!is_infinite(a[0].integer()));
  });
  registry.function("isfinite(date) -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(a[0].integer() != kDateInfinity && a[0].integer() != kDateMinusInfinity);
  });
  registry.function("isfinite(interval) -> bool",
                    [](Arguments, const Site&, const Context&) { return Value::boolean(true); });
  for (const std::string_view signature :
       {"to_char(timestamptz, text) -> text", "to_char(timestamp, text) -> text", "to_char(interval, text) -> text",
        "to_char(numeric, text) -> text", "to_char(int4, text) -> text", "to_char(int8, text) -> text",
        "to_char(float8, text) -> text"}) {
    registry.function(signature,
                      [](Arguments, const Site&, const Context&) -> Value { raise_unsupported("to_char()"); });
  }
}

}  // namespace orrery::sim::database
