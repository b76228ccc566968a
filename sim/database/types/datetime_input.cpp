// Dates, times and timestamps from text: the ISO 8601 forms, month names, am and pm, and words as 'now' and 'infinity'.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/postgres_names.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

enum class What : std::uint8_t { timestamptz, timestamp, date, time };

constexpr std::string_view name_of(What what) {
  switch (what) {
    case What::timestamptz:
      return "timestamp with time zone";
    case What::timestamp:
      return "timestamp";
    case What::date:
      return "date";
    case What::time:
      return "time";
  }
  return "";
}

struct Fields {
  std::optional<CivilDate> date;
  std::optional<std::int64_t> time;  // µs of the day; a day and more for 24:00 and leap seconds
  std::optional<std::int32_t> zone;  // seconds east of UTC
  bool before_christ = false;
  std::optional<std::int64_t> special;  // the whole timestamp: infinity, epoch, now, …
};

/// Reads one text; its methods fail with PostgreSQL's errors about the whole of it.
class Reader {
 public:
  Reader(std::string_view text, What what, const EvalContext* context)
      : all_(text), rest_(trim_spaces(text)), what_(what), context_(context) {}

  Fields read() {
    if (rest_.empty()) bad_syntax();
    while (!rest_.empty()) {
      skip_separators();
      if (rest_.empty()) break;
      if (is_letter(rest_.front())) {
        word();
      } else if (is_digit(rest_.front())) {
        number();
      } else if ((rest_.front() == '+' || rest_.front() == '-') && (fields_.time || what_ == What::time)) {
        if (fields_.zone) bad_syntax();
        fields_.zone = offset();
      } else {
        bad_syntax();
      }
    }
    finish();
    return fields_;
  }

 private:
  /// True if every word means something in a date: then PostgreSQL may know the format, which is not simulated.
  [[nodiscard]] bool may_be_known() const {
    constexpr std::string_view kWords[] = {"am", "pm", "bc", "ad", "t", "j", "y", "m", "d", "h", "s", "mm", "dst", "on", "at"};
    constexpr std::string_view kDays[] = {"mon", "tue", "tues", "wed", "weds", "thu", "thur", "thurs", "fri", "sat", "sun"};
    constexpr std::string_view kAreas[] = {"africa/", "america/", "antarctica/", "arctic/", "asia/", "atlantic/", "australia/",
                                           "etc/", "europe/", "indian/", "pacific/", "us/", "canada/"};
    std::size_t numbers = 0;
    std::size_t longest = 0;
    bool has_word = false;
    for (std::size_t at = 0; at < all_.size();) {
      std::size_t end = at;
      if (is_letter(all_[at])) {
        while (end < all_.size() && (is_letter(all_[end]) || all_[end] == '_' || (all_[end] == '/' && end + 1 < all_.size() && is_letter(all_[end + 1])))) ++end;
        std::string word(all_.substr(at, end - at));
        for (char& c : word) c = to_lower(c);
        const auto is = [&](std::string_view known) { return word == known; };
        const bool is_area = std::any_of(std::begin(kAreas), std::end(kAreas), [&](std::string_view area) { return word.starts_with(area); });
        if (month_of(word) == 0 && !is_area && !postgres_has_zone(word) && std::none_of(std::begin(kWords), std::end(kWords), is) &&
            std::none_of(std::begin(kDays), std::end(kDays), is)) {
          return false;
        }
        has_word = true;
      } else if (is_digit(all_[at])) {
        while (end < all_.size() && is_digit(all_[end])) ++end;
        longest = std::max(longest, end - at);
        ++numbers;
      } else {
        ++end;
      }
      at = end;
    }
    return numbers > 0 && (has_word || numbers >= 3 || longest >= 5 || (numbers == 2 && longest == 4 && all_.find('.') != std::string_view::npos));
  }

  [[noreturn]] void bad_syntax() const {
    if (may_be_known()) raise_unsupported("the format of \"" + std::string(all_) + "\" for type " + std::string(name_of(what_)));
    raise("22007", "invalid input syntax for type " + std::string(name_of(what_)) + ": \"" + std::string(all_) + "\"");
  }
  [[noreturn]] void out_of_range(bool hint = false) const {
    raise("22008", "date/time field value out of range: \"" + std::string(all_) + "\"", {},
          hint ? "Perhaps you need a different \"datestyle\" setting." : "");
  }

  void skip_separators() {
    while (!rest_.empty() && (is_space(rest_.front()) || rest_.front() == ',')) rest_.remove_prefix(1);
  }

  /// A run of digits; `width` tells how many.
  std::int64_t digits(std::size_t& width) {
    std::int64_t number = 0;
    width = 0;
    while (width < rest_.size() && is_digit(rest_[width])) {
      if (width >= 15) out_of_range();
      number = number * 10 + (rest_[width] - '0');
      ++width;
    }
    if (width == 0) bad_syntax();
    rest_.remove_prefix(width);
    return number;
  }

  /// ".25" in µs, rounded; nothing there: 0.
  std::int64_t fraction() {
    if (rest_.empty() || rest_.front() != '.') return 0;
    std::size_t size = 1;
    while (size < rest_.size() && is_digit(rest_[size])) ++size;
    double seconds = 0;
    const std::string text = "0" + std::string(rest_.substr(0, size));
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    rest_.remove_prefix(size);
    return static_cast<std::int64_t>(std::rint(seconds * 1'000'000));
  }

  void set_date(std::int64_t year, std::int64_t month, std::int64_t day) {
    if (fields_.date || what_ == What::time) bad_syntax();
    if (month < 1 || month > 12 || day < 1 || day > 31) out_of_range(true);
    if (year > 6'000'000) out_of_range();
    fields_.date = CivilDate{year, static_cast<std::int32_t>(month), static_cast<std::int32_t>(day)};
  }

  std::int64_t full_year(std::int64_t year, std::size_t width) {
    if (width > 2) return year;
    short_year_ = year;
    return year < 70 ? year + 2000 : year + 1900;
  }

  void number() {
    std::size_t width = 0;
    const std::string_view start = rest_;
    const std::int64_t first = digits(width);
    const char next = rest_.empty() ? '\0' : rest_.front();
    if (next == ':') {
      clock(first, width);
      return;
    }
    if ((next == '-' || next == '/' || next == '.') && !fields_.date && what_ != What::time && !month_) {
      date(first, width, next);
      return;
    }
    if (month_ || (rest_.size() > 1 && is_letter(trim_spaces(rest_).front()) && width <= 2 && starts_month(rest_))) {
      pending_.push_back({first, width});
      return;
    }
    if (width == 8 && !fields_.date && what_ != What::time) {
      set_date(first / 10'000, first / 100 % 100, first % 100);
      return;
    }
    if ((width == 6 || width == 4) && !fields_.time && (fields_.date || what_ == What::time)) {
      const std::int64_t packed = width == 4 ? first * 100 : first;
      set_time(packed / 10'000, packed / 100 % 100, packed % 100, fraction());
      return;
    }
    if (width <= 2 && !fields_.time && (fields_.date || what_ == What::time) && hour_before_meridian(rest_)) {
      set_time(first, 0, 0, 0);
      return;
    }
    rest_ = start;
    bad_syntax();
  }

  static bool hour_before_meridian(std::string_view rest) {
    rest = trim_spaces(rest);
    return rest.size() >= 2 && (to_lower(rest[0]) == 'a' || to_lower(rest[0]) == 'p') && to_lower(rest[1]) == 'm';
  }

  static int month_of(std::string_view word) {
    constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                          "may",       "june",     "july",     "august",
                                                          "september", "october",  "november", "december"};
    if (equals_ignoring_case(word, "sept")) return 9;
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (equals_ignoring_case(word, kMonths[i]) || equals_ignoring_case(word, kMonths[i].substr(0, 3))) {
        return static_cast<int>(i) + 1;
      }
    }
    return 0;
  }

  static bool starts_month(std::string_view rest) {
    rest = trim_spaces(rest);
    std::size_t size = 0;
    while (size < rest.size() && is_letter(rest[size])) ++size;
    return month_of(rest.substr(0, size)) != 0;
  }

  void date(std::int64_t first, std::size_t width, char separator) {
    rest_.remove_prefix(1);
    if (!rest_.empty() && is_letter(rest_.front())) {
      // 2-Jan-2024, 2024-Jan-02
      std::size_t size = 0;
      while (size < rest_.size() && is_letter(rest_[size])) ++size;
      const int month = month_of(rest_.substr(0, size));
      rest_.remove_prefix(size);
      if (month == 0 || rest_.empty() || rest_.front() != separator) bad_syntax();
      rest_.remove_prefix(1);
      std::size_t last_width = 0;
      const std::int64_t last = digits(last_width);
      if (width > 2) return set_date(first, month, last);
      return set_date(full_year(last, last_width), month, first);
    }
    std::size_t second_width = 0;
    const std::int64_t second = digits(second_width);
    if (rest_.empty() || rest_.front() != separator) {
      if (separator == '-' && width >= 4 && second_width == 3) {
        // Year and day of the year.
        set_date(first, 1, 1);
        fields_.date = civil_of(days_of({first, 1, 1}) + second - 1);
        return;
      }
      bad_syntax();
    }
    rest_.remove_prefix(1);
    std::size_t third_width = 0;
    const std::int64_t third = digits(third_width);
    if (width > 2) return set_date(first, second, third);
    return set_date(full_year(third, third_width), first, second);
  }

  void clock(std::int64_t hour, std::size_t) {
    rest_.remove_prefix(1);
    std::size_t width = 0;
    const std::int64_t minute = digits(width);
    std::int64_t second = 0;
    std::int64_t micro = 0;
    if (!rest_.empty() && rest_.front() == ':') {
      rest_.remove_prefix(1);
      second = digits(width);
      micro = fraction();
    } else if (!rest_.empty() && rest_.front() == '.') {
      bad_syntax();
    }
    set_time(hour, minute, second, micro);
  }

  void set_time(std::int64_t hour, std::int64_t minute, std::int64_t second, std::int64_t micro) {
    if (fields_.time) bad_syntax();
    if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute > 0 || second > 0 || micro > 0)) ||
        (second == 60 && micro > 0)) {
      out_of_range();
    }
    fields_.time = hour * kHourUs + minute * kMinuteUs + second * kSecondUs + micro;
  }

  std::int32_t offset() {
    const bool negative = rest_.front() == '-';
    rest_.remove_prefix(1);
    std::size_t width = 0;
    std::int64_t hour = digits(width);
    std::int64_t minute = 0;
    std::int64_t second = 0;
    if (!rest_.empty() && rest_.front() == ':') {
      rest_.remove_prefix(1);
      minute = digits(width);
      if (!rest_.empty() && rest_.front() == ':') {
        rest_.remove_prefix(1);
        second = digits(width);
      }
    } else if (width > 2) {
      minute = hour % 100;
      hour /= 100;
    }
    if (hour > 15 || minute > 59 || second > 59) {
      raise("22009", "time zone displacement out of range: \"" + std::string(all_) + "\"");
    }
    const auto seconds = static_cast<std::int32_t>(hour * 3600 + minute * 60 + second);
    return negative ? -seconds : seconds;
  }

  std::int64_t now() const {
    if (context_ == nullptr) raise_unsupported("a time relative to now without a running statement");
    return context_->transaction_time();
  }

  void word() {
    std::size_t size = 0;
    while (size < rest_.size() && (is_letter(rest_[size]) || rest_[size] == '_' || rest_[size] == '/')) ++size;
    const std::string_view word = rest_.substr(0, size);
    const auto is = [word](std::string_view other) { return equals_ignoring_case(word, other); };
    if (is("t") && fields_.date && !fields_.time && size < rest_.size() && is_digit(rest_[size])) {
      rest_.remove_prefix(size);
      return;
    }
    rest_.remove_prefix(size);
    if (is("infinity") || is("inf")) return special(kTimestampInfinity);
    if (is("epoch")) return special(-kPostgresEpochUs);
    if (is("now")) return special(now());
    const std::int64_t today = is("today") || is("tomorrow") || is("yesterday") ? split_timestamp(now()).days : 0;
    if (is("today")) return day(today);
    if (is("tomorrow")) return day(today + 1);
    if (is("yesterday")) return day(today - 1);
    if (is("z") || is("utc") || is("gmt") || is("zulu") || is("ut") || is("universal")) {
      if (fields_.zone) bad_syntax();
      fields_.zone = 0;
      return;
    }
    if (is("bc")) {
      fields_.before_christ = true;
      return;
    }
    if (is("ad")) return;
    if ((is("am") || is("pm")) && fields_.time) {
      if (*fields_.time >= 13 * kHourUs) out_of_range();
      const bool noon = *fields_.time / kHourUs == 12;
      if (is("am") && noon) *fields_.time -= 12 * kHourUs;
      if (is("pm") && !noon) *fields_.time += 12 * kHourUs;
      return;
    }
    if (is("allballs")) {
      fields_.time = 0;
      fields_.zone = 0;
      return;
    }
    if (const int month = month_of(word); month != 0 && !month_ && what_ != What::time) {
      month_ = month;
      return;
    }
    constexpr std::array<std::string_view, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};
    for (const std::string_view name : kDays) {
      if (is(name) || is(name.substr(0, 3))) return;
    }
    bad_syntax();
  }

  void special(std::int64_t timestamp) {
    if (fields_.special || fields_.date || fields_.time || what_ == What::time) {
      if (what_ != What::time || is_infinite(timestamp)) bad_syntax();
    }
    fields_.special = timestamp;
  }
  void day(std::int64_t days) {
    const CivilDate date = civil_of(days);
    set_date(date.year, date.month, date.day);
  }

  void finish() {
    if (month_) {
      if (pending_.size() != 2 || fields_.date) bad_syntax();
      // "Jan 2 2024" and "2 Jan 2024"; a number of three digits or more is the year.
      const auto [a, width_a] = pending_[0];
      const auto [b, width_b] = pending_[1];
      if ((width_a > 2 ? b : a) > 31) bad_syntax();
      if (width_a > 2) {
        set_date(a, *month_, b);
      } else {
        set_date(full_year(b, width_b), *month_, a);
      }
    } else if (!pending_.empty()) {
      bad_syntax();
    }
    if (fields_.special) {
      if (fields_.date || fields_.time) bad_syntax();
      return;
    }
    if (what_ == What::time ? !fields_.time.has_value() : !fields_.date.has_value()) bad_syntax();
    if (fields_.date) {
      if (fields_.date->year == 0 && !fields_.before_christ) out_of_range();
      if (fields_.before_christ && short_year_) fields_.date->year = *short_year_;
      if (fields_.before_christ) fields_.date->year = 1 - fields_.date->year;
      if (fields_.date->day > days_in_month(fields_.date->year, fields_.date->month)) out_of_range();
    }
  }

  struct Number {
    std::int64_t value;
    std::size_t width;
  };

  std::string_view all_;
  std::string_view rest_;
  What what_;
  const EvalContext* context_;
  Fields fields_;
  std::optional<std::int64_t> short_year_;  // as it was written, with two digits
  std::optional<int> month_;     // by name
  std::vector<Number> pending_;  // day and year around a month's name
};

/// "-infinity": the sign belongs to the word.
std::optional<std::int64_t> minus_infinity(std::string_view text) {
  const std::string_view word = trim_spaces(text);
  if (equals_ignoring_case(word, "-infinity") || equals_ignoring_case(word, "-inf")) return kTimestampMinusInfinity;
  return std::nullopt;
}

}  // namespace

std::int64_t timestamp_from_text(std::string_view text, bool with_zone, const EvalContext* context) {
  if (const auto infinite = minus_infinity(text)) return *infinite;
  const Fields fields = Reader(text, with_zone ? What::timestamptz : What::timestamp, context).read();
  if (fields.special) return *fields.special;
  const std::int64_t days = days_of(*fields.date);
  const auto fail = [&] { raise("22008", "timestamp out of range: \"" + std::string(text) + "\""); };
  if (days < kFirstDate - 1 || days > kEndOfTimestamps / kDayUs) fail();
  Interval rest;
  rest.microseconds = fields.time.value_or(0);
  if (with_zone) rest.microseconds -= std::int64_t{fields.zone.value_or(0)} * kSecondUs;
  std::int64_t timestamp;
  if (__builtin_mul_overflow(days, kDayUs, &timestamp) ||
      __builtin_add_overflow(timestamp, rest.microseconds, &timestamp) || timestamp < kFirstTimestamp ||
      timestamp >= kEndOfTimestamps) {
    fail();
  }
  return timestamp;
}

std::int64_t date_from_text(std::string_view text, const EvalContext* context) {
  if (minus_infinity(text)) return kDateMinusInfinity;
  const Fields fields = Reader(text, What::date, context).read();
  if (fields.special) return date_of_timestamp(*fields.special);
  const std::int64_t days = days_of(*fields.date);
  if (days < kFirstDate || days >= kEndOfDates) raise("22008", "date out of range: \"" + std::string(text) + "\"");
  return days;
}

std::int64_t time_from_text(std::string_view text, const EvalContext* context) {
  const Fields fields = Reader(text, What::time, context).read();
  if (fields.special) return split_timestamp(*fields.special).time;
  return *fields.time;
}

std::int32_t zone_offset(std::string_view zone) {
  const std::string_view word = trim_spaces(zone);
  for (const std::string_view name : {"utc", "gmt", "z", "zulu", "ut", "universal", "etc/utc", "etc/gmt"}) {
    if (equals_ignoring_case(word, name)) return 0;
  }
  raise_unsupported("time zone \"" + std::string(zone) + "\"");
}

}  // namespace orrery::sim::database
