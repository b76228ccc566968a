// numeric as text and as other numbers.

#include <charconv>
#include <cmath>

#include "runtime/check.hpp"
#include "sim/database/types/decimal.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/float_text.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

using Kind = Decimal::Kind;

std::optional<Kind> special_word(std::string_view word) {
  bool negative = false;
  if (!word.empty() && (word.front() == '+' || word.front() == '-')) {
    negative = word.front() == '-';
    word.remove_prefix(1);
    if (equals_ignoring_case(word, "nan")) return std::nullopt;
  }
  if (equals_ignoring_case(word, "nan")) return Kind::nan;
  if (equals_ignoring_case(word, "infinity") || equals_ignoring_case(word, "inf")) {
    return negative ? Kind::negative_infinity : Kind::positive_infinity;
  }
  return std::nullopt;
}

}  // namespace

Value numeric_from_text(std::string_view text) {
  const std::string_view word = trim_spaces(text);
  if (const std::optional<Kind> kind = special_word(word)) {
    Decimal decimal;
    decimal.kind = *kind;
    return decimal.to_value();
  }
  std::string_view rest = word;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '+' || rest.front() == '-')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  std::uint64_t small = 0;
  limbs::Limbs large;  // used once `small` is full
  std::int64_t scale = 0;
  std::size_t digits = 0;
  bool after_point = false;
  bool is_large = false;
  for (; !rest.empty(); rest.remove_prefix(1)) {
    const char c = rest.front();
    if (c == '.' && !after_point) {
      after_point = true;
      continue;
    }
    if (!is_digit(c)) break;
    const auto digit = static_cast<std::uint32_t>(c - '0');
    if (!is_large && small >= 900'000'000'000'000'000) {
      large = limbs::from_u64(small);
      is_large = true;
    }
    if (is_large) {
      limbs::multiply_small(large, 10);
      limbs::add_small(large, digit);
    } else {
      small = small * 10 + digit;
    }
    ++digits;
    if (after_point) ++scale;
  }
  if (digits == 0) raise_invalid_input("numeric", text);
  std::int64_t exponent = 0;
  if (!rest.empty() && (rest.front() == 'e' || rest.front() == 'E')) {
    rest.remove_prefix(1);
    bool negative_exponent = false;
    if (!rest.empty() && (rest.front() == '+' || rest.front() == '-')) {
      negative_exponent = rest.front() == '-';
      rest.remove_prefix(1);
    }
    if (rest.empty() || !is_digit(rest.front())) raise_invalid_input("numeric", text);
    while (!rest.empty() && is_digit(rest.front())) {
      exponent = std::min<std::int64_t>(exponent * 10 + (rest.front() - '0'), 1'000'000'000);
      rest.remove_prefix(1);
    }
    if (negative_exponent) exponent = -exponent;
  }
  if (!rest.empty()) raise_invalid_input("numeric", text);
  scale -= exponent;
  if (!is_large && scale >= 0 && scale <= kNumericMaxScale) {
    const auto coefficient = static_cast<std::int64_t>(small);  // below 9 × 10^18
    if (coefficient >= 0) {
      return Value::small_numeric(negative ? -coefficient : coefficient, static_cast<std::uint16_t>(scale));
    }
  }
  if (!is_large) large = limbs::from_u64(small);
  if (scale > kNumericMaxScale) raise("22003", "value overflows numeric format");
  if (scale < 0) {
    if (!large.empty() && limbs::digits(large) - scale > kNumericMaxWholeDigits) {
      raise("22003", "value overflows numeric format");
    }
    large = limbs::times_power_of_ten(large, -scale);
    scale = 0;
  }
  if (limbs::digits(large) - scale > kNumericMaxWholeDigits) raise("22003", "value overflows numeric format");
  Decimal decimal;
  decimal.negative = negative && !large.empty();
  decimal.scale = static_cast<std::int32_t>(scale);
  decimal.limbs = std::move(large);
  return decimal.to_value();
}

void append_numeric(std::string& out, const Value& value) {
  if (value.is_small_numeric()) {
    const std::uint16_t scale = value.small_numeric_scale();
    char digits[24];
    const std::int64_t coefficient = value.integer();
    const std::uint64_t magnitude =
        coefficient < 0 ? ~static_cast<std::uint64_t>(coefficient) + 1 : static_cast<std::uint64_t>(coefficient);
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, magnitude);
    CHECK(error == std::errc{});
    const auto count = static_cast<std::size_t>(end - digits);
    if (coefficient < 0) out.push_back('-');
    if (scale == 0) {
      out.append(digits, count);
    } else if (count <= scale) {
      out += "0.";
      out.append(scale - count, '0');
      out.append(digits, count);
    } else {
      out.append(digits, count - scale);
      out.push_back('.');
      out.append(digits + (count - scale), scale);
    }
    return;
  }
  const Decimal decimal = Decimal::from_value(value);
  switch (decimal.kind) {
    case Kind::nan:
      out += "NaN";
      return;
    case Kind::positive_infinity:
      out += "Infinity";
      return;
    case Kind::negative_infinity:
      out += "-Infinity";
      return;
    case Kind::finite:
      break;
  }
  std::string digits;
  for (std::size_t i = decimal.limbs.size(); i-- > 0;) {
    const std::string part = std::to_string(decimal.limbs[i]);
    if (!digits.empty()) digits.append(9 - part.size(), '0');
    digits += part;
  }
  const auto scale = static_cast<std::size_t>(decimal.scale);
  if (digits.size() <= scale) digits.insert(0, scale - digits.size() + 1, '0');
  if (decimal.negative) out.push_back('-');
  out.append(digits, 0, digits.size() - scale);
  if (scale != 0) {
    out.push_back('.');
    out.append(digits, digits.size() - scale, scale);
  }
}

Value numeric_from_double(double number) {
  if (std::isnan(number)) return numeric_from_text("NaN");
  if (std::isinf(number)) return numeric_from_text(number < 0 ? "-Infinity" : "Infinity");
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::general, 15);
  CHECK(error == std::errc{});
  return numeric_from_text({buffer, static_cast<std::size_t>(end - buffer)});
}

Value numeric_from_float(float number) {
  if (std::isnan(number)) return numeric_from_text("NaN");
  if (std::isinf(number)) return numeric_from_text(number < 0 ? "-Infinity" : "Infinity");
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::general, 6);
  CHECK(error == std::errc{});
  return numeric_from_text({buffer, static_cast<std::size_t>(end - buffer)});
}

double numeric_to_double(const Value& value) {
  std::string text;
  append_numeric(text, value);
  return float8_from_text(text);
}

}  // namespace orrery::sim::database
