#include "sim/database/types/numeric.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/check.hpp"
#include "sim/database/types/decimal.hpp"
#include "sim/database/types/errors.hpp"

namespace orrery::sim::database {
namespace {

using limbs::Limbs;
using Kind = Decimal::Kind;

constexpr std::int32_t kMinSignificantDigits = 16;  // PostgreSQL's choice for quotients and roots
constexpr std::int32_t kMaxDisplayScale = 1000;

constexpr std::array<std::int64_t, 19> kPowers = [] {
  std::array<std::int64_t, 19> powers{};
  std::int64_t power = 1;
  for (std::int64_t& place : powers) {
    place = power;
    power = power <= std::numeric_limits<std::int64_t>::max() / 10 ? power * 10 : power;
  }
  return powers;
}();

[[noreturn]] void raise_overflow() { raise("22003", "value overflows numeric format"); }

std::uint64_t magnitude(std::int64_t number) noexcept {
  return number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
}

Decimal special(Kind kind) {
  Decimal decimal;
  decimal.kind = kind;
  return decimal;
}

Decimal finite(bool negative, std::int32_t scale, Limbs coefficient) {
  Decimal decimal;
  decimal.negative = negative && !coefficient.empty();
  decimal.scale = scale;
  decimal.limbs = std::move(coefficient);
  return decimal;
}

/// -1, 0, 1; of the infinities too.
int sign_of(const Decimal& decimal) {
  if (decimal.kind == Kind::positive_infinity) return 1;
  if (decimal.kind == Kind::negative_infinity) return -1;
  if (decimal.limbs.empty()) return 0;
  return decimal.negative ? -1 : 1;
}

Decimal infinity(int sign) { return special(sign < 0 ? Kind::negative_infinity : Kind::positive_infinity); }

/// coefficient × 10^-from as a coefficient for 10^-to, rounded half away from zero or truncated.
Limbs rescale(const Limbs& coefficient, std::int64_t from, std::int64_t to, bool round) {
  if (to >= from) return limbs::times_power_of_ten(coefficient, to - from);
  Limbs result = limbs::over_power_of_ten(coefficient, from - to);
  if (round && limbs::digit_at(coefficient, from - to - 1) >= 5) limbs::add_small(result, 1);
  return result;
}

Value checked(Decimal decimal, Range range = Range::numeric) {
  if (decimal.kind == Kind::finite && range == Range::numeric) {
    if (decimal.scale > kNumericMaxScale) {
      decimal.limbs = rescale(decimal.limbs, decimal.scale, kNumericMaxScale, true);
      decimal.scale = kNumericMaxScale;
    }
    if (decimal.digits() - decimal.scale > kNumericMaxWholeDigits) raise_overflow();
  }
  return decimal.to_value();
}

int compare_magnitudes(const Decimal& a, const Decimal& b) {
  const std::int32_t scale = std::max(a.scale, b.scale);
  // Where the first digits already differ in place, there is no need to bring both to one scale.
  const std::int64_t high_a = a.digits() - a.scale;
  const std::int64_t high_b = b.digits() - b.scale;
  if (a.limbs.empty() || b.limbs.empty())
    return static_cast<int>(!a.limbs.empty()) - static_cast<int>(!b.limbs.empty());
  if (high_a != high_b) return high_a < high_b ? -1 : 1;
  return limbs::compare(limbs::times_power_of_ten(a.limbs, scale - a.scale),
                        limbs::times_power_of_ten(b.limbs, scale - b.scale));
}

/// The sign counts twice: NaN is above infinity, as PostgreSQL orders them.
int rank(const Decimal& decimal) {
  switch (decimal.kind) {
    case Kind::nan:
      return 2;
    case Kind::positive_infinity:
      return 1;
    case Kind::negative_infinity:
      return -1;
    default:
      return 0;
  }
}

int compare_decimals(const Decimal& a, const Decimal& b) {
  const int rank_a = rank(a);
  const int rank_b = rank(b);
  if (rank_a != 0 || rank_b != 0) return rank_a < rank_b ? -1 : static_cast<int>(rank_a > rank_b);
  const int sign_a = sign_of(a);
  const int sign_b = sign_of(b);
  if (sign_a != sign_b) return sign_a < sign_b ? -1 : 1;
  return sign_a < 0 ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

/// a + b, or a - b.
Value add(const Decimal& a, Decimal b, bool subtract, Range range) {
  if (a.kind != Kind::finite || b.kind != Kind::finite) {
    if (a.kind == Kind::nan || b.kind == Kind::nan) return special(Kind::nan).to_value();
    const int sign_b = sign_of(b) * (subtract ? -1 : 1);
    if (b.kind == Kind::finite) return a.to_value();
    if (a.kind == Kind::finite || sign_of(a) == sign_b) return infinity(sign_b).to_value();
    return special(Kind::nan).to_value();
  }
  if (subtract) b.negative = !b.negative;
  const std::int32_t scale = std::max(a.scale, b.scale);
  Limbs x = limbs::times_power_of_ten(a.limbs, scale - a.scale);
  const Limbs y = limbs::times_power_of_ten(b.limbs, scale - b.scale);
  if (a.negative == b.negative) return checked(finite(a.negative, scale, limbs::add(x, y)), range);
  const int order = limbs::compare(x, y);
  if (order >= 0) return checked(finite(a.negative, scale, limbs::subtract(x, y)), range);
  return checked(finite(b.negative, scale, limbs::subtract(y, x)), range);
}

/// Weight and value of the first digit in base 10^4, aligned at the decimal point: what PostgreSQL's choice of a
/// quotient's scale looks at (numeric.c, select_div_scale).
struct Leading {
  std::int64_t weight = 0;
  std::int64_t digit = 0;
};

Leading leading_of(const Decimal& decimal) {
  Leading leading;
  const std::int64_t digits = decimal.digits();
  if (digits == 0) return leading;
  const std::int64_t place = digits - decimal.scale - 1;
  leading.weight = place >= 0 ? place / 4 : -((-place + 3) / 4);
  const std::int64_t width = place - leading.weight * 4 + 1;
  for (std::int64_t i = 1; i <= width; ++i) {
    leading.digit = leading.digit * 10 + limbs::digit_at(decimal.limbs, digits - i);
  }
  return leading;
}

std::int32_t quotient_scale(const Decimal& a, const Decimal& b) {
  const Leading x = leading_of(a);
  const Leading y = leading_of(b);
  std::int64_t weight = x.weight - y.weight;
  if (x.digit <= y.digit) --weight;
  const std::int64_t scale = std::max<std::int64_t>({kMinSignificantDigits - weight * 4, a.scale, b.scale, 0});
  return static_cast<std::int32_t>(std::min<std::int64_t>(scale, kMaxDisplayScale));
}

/// |a / b| with `scale` decimals, rounded half away from zero or truncated.
Limbs quotient(const Decimal& a, const Decimal& b, std::int64_t scale, bool round) {
  const std::int64_t shift = scale + b.scale - a.scale;
  Limbs dividend = shift >= 0 ? limbs::times_power_of_ten(a.limbs, shift) : a.limbs;
  const Limbs divisor = shift >= 0 ? b.limbs : limbs::times_power_of_ten(b.limbs, -shift);
  Limbs remainder;
  Limbs result = limbs::divide(dividend, divisor, remainder);
  if (round) {
    limbs::multiply_small(remainder, 2);
    if (limbs::compare(remainder, divisor) >= 0) limbs::add_small(result, 1);
  }
  return result;
}

/// A power whose exponent is beyond an int4, which PostgreSQL takes by logarithm. Only what is sure to leave the range
/// is known without one. The limits are PostgreSQL's (numeric.c, power_var).
Value power_by_logarithm(const Decimal& a, const Value& base, const Decimal& e, const Value& exponent) {
  constexpr double kSure = 6200;              // PostgreSQL's 6020, and the error of the estimate
  constexpr double kFarEnoughFromOne = 1e-6;  // a double still knows the logarithm to some digits
  constexpr std::int64_t kDoubleDigits = 300;
  const std::int64_t place = a.digits() - a.scale;
  auto logarithm = static_cast<double>(place);  // of what no double holds the sign is enough
  if (place < kDoubleDigits && place > -kDoubleDigits) {
    const double size = std::fabs(numeric_to_double(base));
    logarithm = std::fabs(size - 1) > kFarEnoughFromOne ? std::log(size) : 0;
  }
  const double times = e.digits() - e.scale < kDoubleDigits ? numeric_to_double(exponent) : sign_of(e) * 1e300;
  const double power = logarithm * times;
  if (power > kSure) raise_overflow();
  if (power < -kSure) return checked(finite(false, kMaxDisplayScale, {}));
  raise_unsupported("such a large power of a numeric");
}

/// What a / b is if one of them is NaN or infinite; `whole` for div() and %, which PostgreSQL treats alike here.
Value divide_special(const Decimal& a, const Decimal& b) {
  if (a.kind == Kind::nan || b.kind == Kind::nan) return special(Kind::nan).to_value();
  if (a.kind != Kind::finite) {
    if (b.kind != Kind::finite) return special(Kind::nan).to_value();
    if (b.is_zero()) raise("22012", "division by zero");
    return infinity(sign_of(a) * sign_of(b)).to_value();
  }
  return Value::small_numeric(0, 0);
}

}  // namespace

Decimal Decimal::from_value(const Value& value) {
  Decimal decimal;
  if (value.is_small_numeric()) {
    decimal.negative = value.integer() < 0;
    decimal.scale = value.small_numeric_scale();
    decimal.limbs = limbs::from_u64(magnitude(value.integer()));
    return decimal;
  }
  const std::string_view bytes = value.bytes();
  decimal.kind = static_cast<Kind>(bytes[0]);
  decimal.negative = bytes[1] != 0;
  std::uint16_t scale;
  std::memcpy(&scale, bytes.data() + 2, sizeof scale);
  decimal.scale = scale;
  decimal.limbs.resize((bytes.size() - 4) / 4);
  if (!decimal.limbs.empty()) std::memcpy(decimal.limbs.data(), bytes.data() + 4, bytes.size() - 4);
  return decimal;
}

Decimal Decimal::from_integer(std::int64_t number) { return finite(number < 0, 0, limbs::from_u64(magnitude(number))); }

Value Decimal::to_value() const {
  if (kind == Kind::finite && limbs.size() <= 3) {
    unsigned __int128 number = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) number = number * limbs::kBase + limbs[i];
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      const auto coefficient = static_cast<std::int64_t>(number);
      return Value::small_numeric(negative ? -coefficient : coefficient, static_cast<std::uint16_t>(scale));
    }
  }
  return Value::bytes_filled_by(4 + limbs.size() * 4, [this](char* room) {
    room[0] = static_cast<char>(kind);
    room[1] = static_cast<char>(negative);
    const auto short_scale = static_cast<std::uint16_t>(scale);
    std::memcpy(room + 2, &short_scale, sizeof short_scale);
    if (!limbs.empty()) std::memcpy(room + 4, limbs.data(), limbs.size() * 4);
  });
}

std::int64_t Decimal::digits() const noexcept { return limbs::digits(limbs); }

int compare_numerics(const Value& left, const Value& right) {
  if (left.is_small_numeric() && right.is_small_numeric()) {
    const int scale_left = left.small_numeric_scale();
    const int scale_right = right.small_numeric_scale();
    Int128 a = left.integer();
    Int128 b = right.integer();
    const int shift = scale_left - scale_right;
    if (shift > -19 && shift < 19) {
      if (shift < 0) a *= kPowers[static_cast<std::size_t>(-shift)];
      if (shift > 0) b *= kPowers[static_cast<std::size_t>(shift)];
      return static_cast<int>(a > b) - static_cast<int>(a < b);
    }
  }
  return compare_decimals(Decimal::from_value(left), Decimal::from_value(right));
}

std::uint64_t hash_numeric(const Value& value) {
  const Value trimmed = numeric_trim_scale(value);
  if (trimmed.is_small_numeric()) {
    return mix_hash(static_cast<std::uint64_t>(trimmed.integer()) * 31 + trimmed.small_numeric_scale());
  }
  std::uint64_t hash = 17;
  for (const char byte : trimmed.bytes()) hash = mix_hash(hash * 31 + static_cast<unsigned char>(byte));
  return hash;
}

Value numeric_add(const Value& left, const Value& right, Range range) {
  if (left.is_small_numeric() && right.is_small_numeric() &&
      left.small_numeric_scale() == right.small_numeric_scale()) {
    std::int64_t sum;
    if (!__builtin_add_overflow(left.integer(), right.integer(), &sum) && sum != INT64_MIN) {
      return Value::small_numeric(sum, left.small_numeric_scale());
    }
  }
  return add(Decimal::from_value(left), Decimal::from_value(right), false, range);
}

Value numeric_subtract(const Value& left, const Value& right, Range range) {
  if (left.is_small_numeric() && right.is_small_numeric() &&
      left.small_numeric_scale() == right.small_numeric_scale()) {
    std::int64_t difference;
    if (!__builtin_sub_overflow(left.integer(), right.integer(), &difference) && difference != INT64_MIN) {
      return Value::small_numeric(difference, left.small_numeric_scale());
    }
  }
  return add(Decimal::from_value(left), Decimal::from_value(right), true, range);
}

Value numeric_multiply(const Value& left, const Value& right, Range range) {
  if (left.is_small_numeric() && right.is_small_numeric()) {
    std::int64_t product;
    const int scale = left.small_numeric_scale() + right.small_numeric_scale();
    if (!__builtin_mul_overflow(left.integer(), right.integer(), &product) && product != INT64_MIN &&
        scale <= kNumericMaxScale) {
      return Value::small_numeric(product, static_cast<std::uint16_t>(scale));
    }
  }
  const Decimal a = Decimal::from_value(left);
  const Decimal b = Decimal::from_value(right);
  if (a.kind != Kind::finite || b.kind != Kind::finite) {
    const int sign = sign_of(a) * sign_of(b);
    if (a.kind == Kind::nan || b.kind == Kind::nan || sign == 0) return special(Kind::nan).to_value();
    return infinity(sign).to_value();
  }
  return checked(finite(a.negative != b.negative, a.scale + b.scale, limbs::multiply(a.limbs, b.limbs)), range);
}

Value numeric_divide(const Value& left, const Value& right, Range range) {
  const Decimal a = Decimal::from_value(left);
  const Decimal b = Decimal::from_value(right);
  if (a.kind != Kind::finite || b.kind != Kind::finite) return divide_special(a, b);
  if (b.is_zero()) raise("22012", "division by zero");
  const std::int32_t scale = quotient_scale(a, b);
  return checked(finite(a.negative != b.negative, scale, quotient(a, b, scale, true)), range);
}

Value numeric_divide_whole(const Value& left, const Value& right) {
  const Decimal a = Decimal::from_value(left);
  const Decimal b = Decimal::from_value(right);
  if (a.kind != Kind::finite || b.kind != Kind::finite) return divide_special(a, b);
  if (b.is_zero()) raise("22012", "division by zero");
  return checked(finite(a.negative != b.negative, 0, quotient(a, b, 0, false)));
}

Value numeric_modulo(const Value& left, const Value& right) {
  const Decimal a = Decimal::from_value(left);
  const Decimal b = Decimal::from_value(right);
  if (a.kind != Kind::finite || b.kind != Kind::finite) {
    if (a.kind == Kind::nan || b.kind == Kind::nan) return special(Kind::nan).to_value();
    if (a.kind != Kind::finite) {
      if (b.is_zero()) raise("22012", "division by zero");
      return special(Kind::nan).to_value();
    }
    return left;
  }
  if (b.is_zero()) raise("22012", "division by zero");
  const std::int32_t scale = std::max(a.scale, b.scale);
  Limbs remainder;
  (void)limbs::divide(limbs::times_power_of_ten(a.limbs, scale - a.scale),
                      limbs::times_power_of_ten(b.limbs, scale - b.scale), remainder);
  return checked(finite(a.negative, scale, std::move(remainder)));
}

Value numeric_in_range(const Value& value) {
  return value.is_small_numeric() ? value : checked(Decimal::from_value(value));
}

Value numeric_negate(const Value& value) {
  if (value.is_small_numeric()) return Value::small_numeric(-value.integer(), value.small_numeric_scale());
  Decimal decimal = Decimal::from_value(value);
  if (decimal.kind == Kind::positive_infinity || decimal.kind == Kind::negative_infinity) {
    return infinity(-sign_of(decimal)).to_value();
  }
  decimal.negative = decimal.kind == Kind::finite && !decimal.negative;
  return decimal.to_value();
}

Value numeric_sqrt(const Value& value) {
  const Decimal decimal = Decimal::from_value(value);
  if (sign_of(decimal) < 0) raise("2201F", "cannot take square root of a negative number");
  if (decimal.kind != Kind::finite) return value;
  const std::int64_t weight = (leading_of(decimal).weight + 1) * 2 - 1;
  const std::int64_t wanted = std::max<std::int64_t>({kMinSignificantDigits - weight, decimal.scale, 0});
  return numeric_sqrt(value, static_cast<std::int32_t>(std::min<std::int64_t>(wanted, kMaxDisplayScale)));
}

Value numeric_sqrt(const Value& value, std::int32_t scale) {
  const Decimal decimal = Decimal::from_value(value);
  // One digit more than wanted, then rounded: no integer root can make that digit's five misleading, because a root
  // whose further digits are all zero is exact.
  const Limbs root = limbs::square_root(rescale(decimal.limbs, decimal.scale, 2 * (std::int64_t{scale} + 1), false));
  return checked(finite(false, scale, rescale(root, scale + 1, scale, true)));
}

Value numeric_power(const Value& base, const Value& exponent) {
  const Decimal a = Decimal::from_value(base);
  const Decimal e = Decimal::from_value(exponent);
  if (a.kind != Kind::finite || e.kind != Kind::finite) raise_unsupported("power() of NaN or infinity in numeric");
  if (a.is_zero() && sign_of(e) < 0) raise("2201F", "zero raised to a negative power is undefined");
  const Value whole = numeric_truncate(exponent, 0);
  if (compare_numerics(whole, exponent) != 0) {
    if (sign_of(a) < 0) raise("2201F", "a negative number raised to a non-integer power yields a complex result");
    raise_unsupported("numeric raised to a power that is no integer (cast to double precision)");
  }
  if (a.is_zero() && sign_of(e) > 0) return Value::small_numeric(0, kMinSignificantDigits);
  const auto fits = [](std::int64_t number) { return number >= INT32_MIN && number <= INT32_MAX; };
  if (!whole.is_small_numeric() || !fits(whole.integer())) return power_by_logarithm(a, base, e, exponent);
  const std::uint64_t count = magnitude(whole.integer());
  const std::int32_t scale = std::clamp(a.scale, kMinSignificantDigits, kMaxDisplayScale);
  if (!a.is_zero() && count > 1 &&
      static_cast<double>(a.digits() - 1 - a.scale) * static_cast<double>(count) > kNumericMaxWholeDigits) {
    if (sign_of(e) > 0) raise_overflow();
    return checked(finite(false, scale, {}));
  }
  // The exact power has digits() × count digits; beyond this it is refused instead of taking minutes.
  if (static_cast<double>(a.digits()) * static_cast<double>(count) > 100'000) {
    raise_unsupported("such a large power of a numeric");
  }
  Limbs power = {1};
  Limbs square = a.limbs;
  for (std::uint64_t rest = count; rest != 0; rest >>= 1) {
    if ((rest & 1) != 0) power = limbs::multiply(power, square);
    if (rest > 1) square = limbs::multiply(square, square);
  }
  const bool negative = a.negative && (count & 1) != 0;
  const auto power_scale = static_cast<std::int64_t>(static_cast<std::uint64_t>(a.scale) * count);
  if (sign_of(e) >= 0) return checked(finite(negative, scale, rescale(power, power_scale, scale, true)));
  Limbs remainder;
  const Limbs one = limbs::times_power_of_ten({1}, power_scale + scale + 1);
  const Limbs inverse = limbs::divide(one, power, remainder);
  return checked(finite(negative, scale, rescale(inverse, scale + 1, scale, true)));
}

int numeric_sign(const Value& value) {
  if (value.is_small_numeric()) return static_cast<int>(value.integer() > 0) - static_cast<int>(value.integer() < 0);
  return sign_of(Decimal::from_value(value));
}

bool numeric_is_nan(const Value& value) {
  return !value.is_small_numeric() && Decimal::from_value(value).kind == Kind::nan;
}

bool numeric_is_finite(const Value& value) {
  return value.is_small_numeric() || Decimal::from_value(value).kind == Kind::finite;
}

Value numeric_round(const Value& value, std::int32_t scale) {
  if (value.is_small_numeric() && scale == value.small_numeric_scale()) return value;
  const Decimal decimal = Decimal::from_value(value);
  if (decimal.kind != Kind::finite) return value;
  // Before the place in front of its first digit nothing is left of it.
  if (scale < 0 && -std::int64_t{scale} > decimal.digits() - decimal.scale) return Value::small_numeric(0, 0);
  scale = std::clamp(scale, -kNumericMaxWholeDigits, kNumericMaxScale);
  Limbs rounded = rescale(decimal.limbs, decimal.scale, scale, true);
  if (scale < 0) rounded = limbs::times_power_of_ten(rounded, -scale);
  return checked(finite(decimal.negative, std::max(scale, 0), std::move(rounded)));
}

Value numeric_truncate(const Value& value, std::int32_t scale) {
  const Decimal decimal = Decimal::from_value(value);
  if (decimal.kind != Kind::finite) return value;
  scale = std::clamp(scale, -kNumericMaxWholeDigits, kNumericMaxScale);
  Limbs truncated = rescale(decimal.limbs, decimal.scale, scale, false);
  if (scale < 0) truncated = limbs::times_power_of_ten(truncated, -scale);
  return checked(finite(decimal.negative, std::max(scale, 0), std::move(truncated)));
}

Value numeric_floor(const Value& value) {
  const Value whole = numeric_truncate(value, 0);
  if (numeric_sign(value) >= 0 || compare_numerics(whole, value) == 0) return whole;
  return numeric_subtract(whole, Value::small_numeric(1, 0));
}

Value numeric_ceil(const Value& value) {
  const Value whole = numeric_truncate(value, 0);
  if (numeric_sign(value) <= 0 || compare_numerics(whole, value) == 0) return whole;
  return numeric_add(whole, Value::small_numeric(1, 0));
}

Value numeric_trim_scale(const Value& value) {
  if (value.is_small_numeric()) {
    std::int64_t coefficient = value.integer();
    std::uint16_t scale = value.small_numeric_scale();
    while (scale > 0 && coefficient % 10 == 0) {
      coefficient /= 10;
      --scale;
    }
    return Value::small_numeric(coefficient, scale);
  }
  Decimal decimal = Decimal::from_value(value);
  std::int32_t zeros = 0;
  while (zeros < decimal.scale && limbs::digit_at(decimal.limbs, zeros) == 0) ++zeros;
  decimal.limbs = limbs::over_power_of_ten(decimal.limbs, zeros);
  decimal.scale -= zeros;
  return decimal.to_value();
}

std::int32_t numeric_scale(const Value& value) {
  return value.is_small_numeric() ? value.small_numeric_scale() : Decimal::from_value(value).scale;
}

Value numeric_from_integer(std::int64_t number) noexcept {
  if (number == INT64_MIN) return Decimal::from_integer(number).to_value();
  return Value::small_numeric(number, 0);
}

Value numeric_from_int128(Int128 number) {
  if (number > INT64_MIN && number <= INT64_MAX) return Value::small_numeric(static_cast<std::int64_t>(number), 0);
  auto rest = number < 0 ? ~static_cast<unsigned __int128>(number) + 1 : static_cast<unsigned __int128>(number);
  Limbs coefficient;
  for (; rest != 0; rest /= limbs::kBase) coefficient.push_back(static_cast<std::uint32_t>(rest % limbs::kBase));
  return finite(number < 0, 0, std::move(coefficient)).to_value();
}

std::optional<std::int64_t> numeric_to_integer(const Value& value, std::string_view type_name) {
  if (value.is_small_numeric() && value.small_numeric_scale() == 0) return value.integer();
  const Decimal decimal = Decimal::from_value(value);
  if (decimal.kind == Kind::nan) raise("0A000", "cannot convert NaN to " + std::string(type_name));
  if (decimal.kind != Kind::finite) raise("0A000", "cannot convert infinity to " + std::string(type_name));
  const Limbs rounded = rescale(decimal.limbs, decimal.scale, 0, true);
  if (rounded.size() > 3) return std::nullopt;
  Int128 number = 0;
  for (std::size_t i = rounded.size(); i-- > 0;) number = number * limbs::kBase + rounded[i];
  if (decimal.negative) number = -number;
  if (number < INT64_MIN || number > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

Value numeric_apply_typmod(const Value& value, std::int32_t typmod) {
  const std::int32_t packed = typmod - 4;
  const std::int32_t precision = (packed >> 16) & 0xffff;
  const std::int32_t scale = ((packed & 0x7ff) ^ 1024) - 1024;
  if (value.is_small_numeric() && value.small_numeric_scale() == scale && precision < 19 &&
      magnitude(value.integer()) < static_cast<std::uint64_t>(kPowers[static_cast<std::size_t>(precision)])) {
    return value;
  }
  const Decimal decimal = Decimal::from_value(value);
  const std::string field = "A field with precision " + std::to_string(precision) + ", scale " + std::to_string(scale);
  if (decimal.kind == Kind::nan) return value;
  if (decimal.kind != Kind::finite) raise("22003", "numeric field overflow", field + " cannot hold an infinite value.");
  Value rounded = numeric_round(value, scale);
  const Decimal result = Decimal::from_value(rounded);
  if (!result.is_zero() && result.digits() - result.scale > precision - scale) {
    const std::int32_t limit = precision - scale;
    raise("22003", "numeric field overflow",
          field + " must round to an absolute value less than " +
              (limit != 0 ? "10^" + std::to_string(limit) : std::string("1")) + ".");
  }
  return rounded;
}

}  // namespace orrery::sim::database
