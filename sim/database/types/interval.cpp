// Intervals: input, arithmetic, functions.

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <vector>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

enum class Unit : std::uint8_t {
  microsecond,
  millisecond,
  second,
  minute,
  hour,
  day,
  week,
  month,
  year,
  decade,
  century,
  millennium
};

struct UnitName {
  std::string_view name;
  Unit unit;
};
constexpr UnitName kUnits[] = {
    {"us", Unit::microsecond},
    {"usec", Unit::microsecond},
    {"usecs", Unit::microsecond},
    {"usecond", Unit::microsecond},
    {"useconds", Unit::microsecond},
    {"microsecond", Unit::microsecond},
    {"microseconds", Unit::microsecond},
    {"microsecon", Unit::microsecond},
    {"ms", Unit::millisecond},
    {"msec", Unit::millisecond},
    {"msecs", Unit::millisecond},
    {"msecond", Unit::millisecond},
    {"mseconds", Unit::millisecond},
    {"millisecond", Unit::millisecond},
    {"milliseconds", Unit::millisecond},
    {"millisecon", Unit::millisecond},
    {"s", Unit::second},
    {"sec", Unit::second},
    {"secs", Unit::second},
    {"second", Unit::second},
    {"seconds", Unit::second},
    {"m", Unit::minute},
    {"min", Unit::minute},
    {"mins", Unit::minute},
    {"minute", Unit::minute},
    {"minutes", Unit::minute},
    {"h", Unit::hour},
    {"hr", Unit::hour},
    {"hrs", Unit::hour},
    {"hour", Unit::hour},
    {"hours", Unit::hour},
    {"d", Unit::day},
    {"day", Unit::day},
    {"days", Unit::day},
    {"w", Unit::week},
    {"week", Unit::week},
    {"weeks", Unit::week},
    {"mon", Unit::month},
    {"mons", Unit::month},
    {"month", Unit::month},
    {"months", Unit::month},
    {"y", Unit::year},
    {"yr", Unit::year},
    {"yrs", Unit::year},
    {"year", Unit::year},
    {"years", Unit::year},
    {"dec", Unit::decade},
    {"decs", Unit::decade},
    {"decade", Unit::decade},
    {"decades", Unit::decade},
    {"c", Unit::century},
    {"cent", Unit::century},
    {"century", Unit::century},
    {"centuries", Unit::century},
    {"mil", Unit::millennium},
    {"mils", Unit::millennium},
    {"millennia", Unit::millennium},
    {"millennium", Unit::millennium},
};

std::optional<Unit> unit_of(std::string_view word) {
  constexpr std::size_t kCompared = 10;  // PostgreSQL's TOKMAXLEN
  word = word.substr(0, kCompared);
  for (const UnitName& entry : kUnits) {
    if (equals_ignoring_case(entry.name.substr(0, kCompared), word)) return entry.unit;
  }
  return std::nullopt;
}

/// A number as it was written: whole part and fraction, both with the sign.
struct Number {
  std::int64_t whole = 0;
  double fraction = 0;
  bool has_point = false;
};

/// Further from zero than that.
bool is_beyond(const Number& number, std::int64_t most) { return number.whole > most || number.whole < -most; }

class IntervalReader {
 public:
  explicit IntervalReader(std::string_view text) : all_(text), rest_(trim_spaces(text)) {}

  Interval read() {
    if (rest_.empty()) bad_syntax();
    if (rest_.front() == 'P') return iso();
    bool any = false;
    bool ago = false;
    while (true) {
      skip_separators();
      if (rest_.empty()) break;
      if (ago) bad_syntax();
      if (is_letter(rest_.front())) {
        if (!any || !equals_ignoring_case(take_word(), "ago")) bad_syntax();
        ago = true;
      } else {
        field();
        any = true;
      }
    }
    if (!any) bad_syntax();
    if (ago && (interval_.months == INT32_MIN || interval_.days == INT32_MIN || interval_.microseconds == INT64_MIN)) out_of_range();
    return ago ? negate_interval(interval_) : interval_;
  }

 private:
  /// Punctuation separates as spaces do, but for signs and the decimal point.
  static bool separates(char c) {
    return is_space(c) || (std::ispunct(static_cast<unsigned char>(c)) != 0 && c != '+' && c != '-' && c != '.');
  }
  void skip_separators() {
    while (!rest_.empty() && separates(rest_.front())) rest_.remove_prefix(1);
  }

  [[noreturn]] void bad_syntax() const {
    // Of ISO 8601's formats only the one with designators is read.
    const std::string_view text = trim_spaces(all_);
    if (text.size() > 1 && (text.front() == 'P' || text.front() == 'p') && (is_digit(text.back()) || is_digit(text[1]))) {
      raise_unsupported("the format of \"" + std::string(all_) + "\" for type interval");
    }
    raise("22007", "invalid input syntax for type interval: \"" + std::string(all_) + "\"");
  }
  [[noreturn]] void out_of_range() const {
    raise("22015", "interval field value out of range: \"" + std::string(all_) + "\"");
  }

  std::string_view take_word() {
    std::size_t size = 0;
    while (size < rest_.size() && is_letter(rest_[size])) ++size;
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (!rest_.empty() && (rest_.front() == '-' || rest_.front() == '/' || rest_.front() == '.')) bad_syntax();  // a date
    return word;
  }

  Number take_number(bool negative) {
    const std::size_t start_size = rest_.size();
    Number number;
    while (!rest_.empty() && is_digit(rest_.front())) {
      const std::int64_t digit = rest_.front() - '0';  // a negative number reaches further
      if (__builtin_mul_overflow(number.whole, std::int64_t{10}, &number.whole) ||
          __builtin_add_overflow(number.whole, negative ? -digit : digit, &number.whole)) {
        out_of_range();
      }
      rest_.remove_prefix(1);
    }
    const bool has_whole = rest_.size() != start_size;
    if (!rest_.empty() && rest_.front() == '.') {
      std::size_t size = 1;
      while (size < rest_.size() && is_digit(rest_[size])) ++size;
      if (size == 1 && !has_whole) bad_syntax();
      const std::string text = "0" + std::string(rest_.substr(0, size)) + "0";
      std::from_chars(text.data(), text.data() + text.size(), number.fraction);
      number.has_point = true;
      rest_.remove_prefix(size);
    } else if (!has_whole) {
      bad_syntax();
    }
    if (negative) number.fraction = -number.fraction;
    return number;
  }

  void field() {
    bool negative = false;
    if (rest_.front() == '+' || rest_.front() == '-') {
      negative = rest_.front() == '-';
      rest_.remove_prefix(1);
      while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    }
    if (rest_.empty()) bad_syntax();
    const Number number = take_number(negative);
    // A colon makes a time of day of whole numbers only: after "1.5" it is a separator like others.
    if (!rest_.empty() && rest_.front() == ':' && !number.has_point) return clock(number, negative);
    if (!rest_.empty() && rest_.front() == '/') bad_syntax();  // a date
    if (!rest_.empty() && rest_.front() == '-' && rest_.size() > 1 && is_digit(rest_[1]) && number.fraction == 0) {
      // "1-2": years and months.
      rest_.remove_prefix(1);
      const Number months = take_number(negative);
      if (!rest_.empty() && (!separates(rest_.front()) || rest_.front() == '/')) bad_syntax();
      if (is_beyond(months, 11)) out_of_range();
      add_once(Unit::year, number);
      add_once(Unit::month, months);
      return;
    }
    const std::string_view before = rest_;
    skip_separators();
    if (rest_.empty()) return add_once(Unit::second, number);
    if (is_letter(rest_.front())) {
      const std::string_view word = take_word();
      const std::optional<Unit> unit = unit_of(word);
      if (unit) return add_once(*unit, number);
      if (!equals_ignoring_case(word, "ago")) bad_syntax();
      rest_ = before;
      return add_once(Unit::second, number);
    }
    // A number before a time of day counts days.
    std::size_t ahead = rest_.front() == '+' || rest_.front() == '-' ? 1 : 0;
    while (ahead < rest_.size() && is_digit(rest_[ahead])) ++ahead;
    if (ahead < rest_.size() && rest_[ahead] == ':') return add_once(Unit::day, number);
    bad_syntax();
  }

  /// Behind a colon nothing is 0.
  Number take_part(bool negative) {
    const bool is_there = !rest_.empty() && (is_digit(rest_.front()) || rest_.front() == '.');
    return is_there ? take_number(negative) : Number();
  }

  /// hh:mm, hh:mm:ss.fff, or mm:ss.fff: a point says that the second part is seconds, whatever stands behind it.
  void clock(const Number& first, bool negative) {
    rest_.remove_prefix(1);
    const Number second = take_part(negative);
    const auto ends = [this] { return rest_.empty() || (rest_.front() != ':' && rest_.front() != '.'); };
    if (!rest_.empty() && rest_.front() == ':') {
      if (second.has_point) bad_syntax();
      rest_.remove_prefix(1);
      const Number third = take_part(negative);
      if (!ends()) bad_syntax();
      if (is_beyond(second, 59) || is_beyond(third, 60)) out_of_range();
      return add_clock(first, second, third);
    }
    if (!ends()) bad_syntax();
    if (second.has_point) {
      if (is_beyond(first, 59) || is_beyond(second, 60)) out_of_range();
      return add_clock({}, first, second);
    }
    if (is_beyond(second, 59)) out_of_range();
    add_clock(first, second, {});
  }

  /// A time of day is all of its parts, down to microseconds, whichever are written.
  void add_clock(const Number& hours, const Number& minutes, const Number& seconds) {
    constexpr auto bit = [](Unit which) { return 1U << static_cast<unsigned>(which); };
    constexpr unsigned kParts =
        bit(Unit::hour) | bit(Unit::minute) | bit(Unit::second) | bit(Unit::millisecond) | bit(Unit::microsecond);
    if ((seen_ & kParts) != 0) bad_syntax();
    seen_ |= kParts;
    add(Unit::hour, hours);
    add(Unit::minute, minutes);
    add(Unit::second, seconds);
  }

  void add_months(std::int64_t count) {
    std::int64_t months;
    if (__builtin_add_overflow(std::int64_t{interval_.months}, count, &months) || months > INT32_MAX ||
        months < INT32_MIN) {
      out_of_range();
    }
    interval_.months = static_cast<std::int32_t>(months);
  }
  void add_days(std::int64_t count) {
    std::int64_t days;
    if (__builtin_add_overflow(std::int64_t{interval_.days}, count, &days) || days > INT32_MAX || days < INT32_MIN) {
      out_of_range();
    }
    interval_.days = static_cast<std::int32_t>(days);
  }
  void add_time(std::int64_t count, std::int64_t unit) {
    std::int64_t span;
    if (__builtin_mul_overflow(count, unit, &span) ||
        __builtin_add_overflow(interval_.microseconds, span, &interval_.microseconds)) {
      out_of_range();
    }
  }
  /// Fractions go down to the next smaller part, with PostgreSQL's roundings.
  void add_time_fraction(double fraction, std::int64_t unit) {
    const double span = fraction * static_cast<double>(unit);
    auto whole = static_cast<std::int64_t>(span);
    const double rest = span - static_cast<double>(whole);
    if (rest > 0.5) ++whole;
    if (rest < -0.5) --whole;
    add_time(whole, 1);
  }
  void add_day_fraction(double fraction, int scale) {
    const double days = fraction * scale;
    const auto whole = static_cast<std::int64_t>(days);
    add_days(whole);
    add_time_fraction(days - static_cast<double>(whole), kDayUs);
  }

  /// Each part may be given once. Seconds with decimals are milliseconds and microseconds as well.
  void add_once(Unit unit, const Number& number) {
    const auto bit = [](Unit which) { return 1U << static_cast<unsigned>(which); };
    unsigned parts = bit(unit);
    if (unit == Unit::second && number.fraction != 0) parts |= bit(Unit::millisecond) | bit(Unit::microsecond);
    if ((seen_ & parts) != 0) bad_syntax();
    seen_ |= parts;
    add(unit, number);
  }

  void add(Unit unit, const Number& number) {
    std::int64_t scaled;
    const auto times = [&](std::int64_t factor) {
      if (__builtin_mul_overflow(number.whole, factor, &scaled)) out_of_range();
      return scaled;
    };
    const auto year_fraction = [&](int years) {
      add_months(static_cast<std::int64_t>(std::rint(number.fraction * years * 12)));
    };
    switch (unit) {
      case Unit::microsecond:
        add_time(number.whole, 1);
        return add_time_fraction(number.fraction, 1);
      case Unit::millisecond:
        add_time(number.whole, 1000);
        return add_time_fraction(number.fraction, 1000);
      case Unit::second:
        add_time(number.whole, kSecondUs);
        return add_time_fraction(number.fraction, kSecondUs);
      case Unit::minute:
        add_time(number.whole, kMinuteUs);
        return add_time_fraction(number.fraction, kMinuteUs);
      case Unit::hour:
        add_time(number.whole, kHourUs);
        return add_time_fraction(number.fraction, kHourUs);
      case Unit::day:
        add_days(number.whole);
        return add_time_fraction(number.fraction, kDayUs);
      case Unit::week:
        add_days(times(7));
        return add_day_fraction(number.fraction, 7);
      case Unit::month:
        add_months(number.whole);
        return add_day_fraction(number.fraction, 30);
      case Unit::year:
        add_months(times(12));
        return year_fraction(1);
      case Unit::decade:
        add_months(times(120));
        return year_fraction(10);
      case Unit::century:
        add_months(times(1200));
        return year_fraction(100);
      case Unit::millennium:
        add_months(times(12'000));
        return year_fraction(1000);
    }
  }

  /// P1Y2M3DT4H5M6S
  Interval iso() {
    rest_.remove_prefix(1);
    bool in_time = false;
    bool any = false;
    while (!rest_.empty()) {
      if (rest_.front() == 'T' && !in_time) {
        in_time = true;
        rest_.remove_prefix(1);
        continue;
      }
      bool negative = false;
      if (rest_.front() == '-' || rest_.front() == '+') {
        negative = rest_.front() == '-';
        rest_.remove_prefix(1);
      }
      const Number number = take_number(negative);
      if (rest_.empty()) bad_syntax();
      const char letter = rest_.front();
      rest_.remove_prefix(1);
      any = true;
      if (in_time) {
        if (letter == 'H') {
          add(Unit::hour, number);
        } else if (letter == 'M') {
          add(Unit::minute, number);
        } else if (letter == 'S') {
          add(Unit::second, number);
        } else {
          bad_syntax();
        }
      } else if (letter == 'Y') {
        add(Unit::year, number);
      } else if (letter == 'M') {
        add(Unit::month, number);
      } else if (letter == 'W') {
        add(Unit::week, number);
      } else if (letter == 'D') {
        add(Unit::day, number);
      } else {
        bad_syntax();
      }
    }
    if (!any) bad_syntax();
    return interval_;
  }

  std::string_view all_;
  std::string_view rest_;
  Interval interval_;
  unsigned seen_ = 0;
};

[[noreturn]] void raise_range() { raise("22008", "interval out of range"); }

// PostgreSQL's TSROUND: to whole microseconds of a second.
double round_seconds(double seconds) { return std::rint(seconds * 1'000'000.0) / 1'000'000.0; }

/// interval × factor or interval ÷ divisor: `scale` is applied to each part, and what is left of months becomes days,
/// what is left of days becomes time (timestamp.c, interval_mul).
template <class Scale>
Interval scaled(const Interval& interval, Scale scale) {
  Interval result;
  const double months = scale(static_cast<double>(interval.months));
  if (std::isnan(months) || months > INT32_MAX || months < INT32_MIN) raise_range();
  result.months = static_cast<std::int32_t>(months);
  const double days = scale(static_cast<double>(interval.days));
  if (std::isnan(days) || days > INT32_MAX || days < INT32_MIN) raise_range();
  result.days = static_cast<std::int32_t>(days);
  double month_days = (months - result.months) * 30;
  month_days = round_seconds(month_days);
  double seconds =
      (days - result.days + month_days - static_cast<double>(static_cast<std::int64_t>(month_days))) * 86'400.0;
  seconds = round_seconds(seconds);
  if (std::fabs(seconds) >= 86'400.0) {
    const auto whole = static_cast<std::int32_t>(seconds / 86'400.0);
    if (__builtin_add_overflow(result.days, whole, &result.days)) raise_range();
    seconds -= whole * 86'400.0;
  }
  if (__builtin_add_overflow(result.days, static_cast<std::int32_t>(month_days), &result.days)) raise_range();
  const double time = std::rint(scale(static_cast<double>(interval.microseconds)) + seconds * 1'000'000.0);
  if (std::isnan(time) || time >= 9'223'372'036'854'775'808.0 || time < -9'223'372'036'854'775'808.0) raise_range();
  result.microseconds = static_cast<std::int64_t>(time);
  return result;
}

Interval justify_hours(Interval interval) {
  const std::int64_t whole = interval.microseconds / kDayUs;
  interval.microseconds -= whole * kDayUs;
  if (__builtin_add_overflow(interval.days, static_cast<std::int32_t>(whole), &interval.days)) raise_range();
  if (interval.days > 0 && interval.microseconds < 0) {
    interval.microseconds += kDayUs;
    --interval.days;
  } else if (interval.days < 0 && interval.microseconds > 0) {
    interval.microseconds -= kDayUs;
    ++interval.days;
  }
  return interval;
}

Interval justify_days(Interval interval) {
  const std::int32_t whole = interval.days / 30;
  interval.days -= whole * 30;
  if (__builtin_add_overflow(interval.months, whole, &interval.months)) raise_range();
  if (interval.months > 0 && interval.days < 0) {
    interval.days += 30;
    --interval.months;
  } else if (interval.months < 0 && interval.days > 0) {
    interval.days -= 30;
    ++interval.months;
  }
  return interval;
}

// Parts that are left out come as NULL, whose bits are those of 0.
Value make_interval(Arguments a, const CallSite&, const EvalContext&) {
  const double seconds = a[6].real();
  if (std::isnan(seconds) || std::isinf(seconds)) raise_range();
  Interval interval;
  std::int64_t months;
  std::int64_t days;
  std::int64_t time;
  const double microseconds = std::rint(seconds * 1'000'000.0);
  if (__builtin_mul_overflow(a[0].integer(), std::int64_t{12}, &months) ||
      __builtin_add_overflow(months, a[1].integer(), &months) || months > INT32_MAX || months < INT32_MIN ||
      __builtin_mul_overflow(a[2].integer(), std::int64_t{7}, &days) ||
      __builtin_add_overflow(days, a[3].integer(), &days) || days > INT32_MAX || days < INT32_MIN ||
      std::fabs(microseconds) > 9.2e18 ||
      __builtin_add_overflow(a[4].integer() * kHourUs + a[5].integer() * kMinuteUs,
                             static_cast<std::int64_t>(microseconds), &time)) {
    raise_range();
  }
  interval.months = static_cast<std::int32_t>(months);
  interval.days = static_cast<std::int32_t>(days);
  interval.microseconds = time;
  return Value::interval(interval);
}

}  // namespace

Interval interval_from_text(std::string_view text) { return IntervalReader(text).read(); }

Interval interval_multiply(const Interval& interval, double factor) {
  return scaled(interval, [factor](double part) { return part * factor; });
}

Interval interval_divide(const Interval& interval, double divisor) {
  if (divisor == 0) raise("22012", "division by zero");
  return scaled(interval, [divisor](double part) { return part / divisor; });
}

void register_intervals(Registry& registry) {
  using Site = CallSite;
  using Context = EvalContext;
  registry.op("interval + interval -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(interval_add(a[0].interval(), a[1].interval()));
  });
  registry.op("interval - interval -> interval", [](Arguments a, const Site&, const Context&) {
    const Interval x = a[0].interval();
    const Interval y = a[1].interval();
    Interval result;
    if (__builtin_sub_overflow(x.months, y.months, &result.months) ||
        __builtin_sub_overflow(x.days, y.days, &result.days) ||
        __builtin_sub_overflow(x.microseconds, y.microseconds, &result.microseconds)) {
      raise_range();
    }
    return Value::interval(result);
  });
  registry.op("- interval -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(negate_interval(a[0].interval()));
  });
  registry.op("interval * float8 -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(interval_multiply(a[0].interval(), a[1].real()));
  });
  registry.op("float8 * interval -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(interval_multiply(a[1].interval(), a[0].real()));
  });
  registry.op("interval / float8 -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(interval_divide(a[0].interval(), a[1].real()));
  });
  registry.function(
      "make_interval(years int4?, months int4?, weeks int4?, days int4?, hours int4?, mins int4?, secs float8?) -> "
      "interval",
      make_interval);
  registry.function("justify_hours(interval) -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(justify_hours(a[0].interval()));
  });
  registry.function("justify_days(interval) -> interval", [](Arguments a, const Site&, const Context&) {
    return Value::interval(justify_days(a[0].interval()));
  });
}

}  // namespace orrery::sim::database
