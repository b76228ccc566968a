#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

// numeric: a decimal of any size, coefficient × 10^-scale. Two forms:
//  - the coefficient fits 64 bits: it lies in the Value itself (Value::small_numeric);
//  - else, and for NaN and the infinities: `bytes()`, made by Decimal::to_value.
// A number always has the small form if it fits, so the two never hold the same coefficient.

/// A numeric in working form, for what the small form cannot do.
struct Decimal {
  enum class Kind : std::uint8_t { finite, nan, positive_infinity, negative_infinity };

  Kind kind = Kind::finite;
  bool negative = false;
  std::int32_t scale = 0;            // decimals that are shown
  std::vector<std::uint32_t> limbs;  // of the coefficient, base 10^9, lowest first, no zeros at the top

  [[nodiscard]] static Decimal from_value(const Value& value);
  [[nodiscard]] static Decimal from_integer(std::int64_t number);
  [[nodiscard]] Value to_value() const;
  [[nodiscard]] bool is_zero() const noexcept { return kind == Kind::finite && limbs.empty(); }
  /// Decimal digits of the coefficient; 0 of zero.
  [[nodiscard]] std::int64_t digits() const noexcept;
};

/// PostgreSQL's limits of numeric.
inline constexpr std::int32_t kNumericMaxScale = 16383;
inline constexpr std::int32_t kNumericMaxWholeDigits = 131072;

[[nodiscard]] int compare_numerics(const Value& left, const Value& right);
[[nodiscard]] std::uint64_t hash_numeric(const Value& value);

/// Whether a result must be a numeric, or may be what PostgreSQL only carries between the steps of an aggregate: of any
/// size, exact, and not to be seen before numeric_in_range.
enum class Range : std::uint8_t { numeric, open };

// Arithmetic with PostgreSQL's scale of results. Throw SqlError: 22012 division by zero, 22003 overflow.
[[nodiscard]] Value numeric_add(const Value& left, const Value& right, Range range = Range::numeric);
[[nodiscard]] Value numeric_subtract(const Value& left, const Value& right, Range range = Range::numeric);
[[nodiscard]] Value numeric_multiply(const Value& left, const Value& right, Range range = Range::numeric);
[[nodiscard]] Value numeric_divide(const Value& left, const Value& right, Range range = Range::numeric);
/// Truncates the quotient to an integer (SQL's div()).
[[nodiscard]] Value numeric_divide_whole(const Value& left, const Value& right);
/// Remainder of the truncated division.
[[nodiscard]] Value numeric_modulo(const Value& left, const Value& right);
/// Rounded to the decimals that a numeric can have; throws 22003 if the number is too large.
[[nodiscard]] Value numeric_in_range(const Value& value);
[[nodiscard]] Value numeric_negate(const Value& value);
[[nodiscard]] Value numeric_sqrt(const Value& value);
/// The same with so many decimals.
[[nodiscard]] Value numeric_sqrt(const Value& value, std::int32_t scale);
[[nodiscard]] Value numeric_power(const Value& base, const Value& exponent);
[[nodiscard]] int numeric_sign(const Value& value);
[[nodiscard]] bool numeric_is_nan(const Value& value);
[[nodiscard]] bool numeric_is_finite(const Value& value);

/// Half away from zero. A negative scale rounds before the decimal point.
[[nodiscard]] Value numeric_round(const Value& value, std::int32_t scale);
[[nodiscard]] Value numeric_truncate(const Value& value, std::int32_t scale);
[[nodiscard]] Value numeric_floor(const Value& value);
[[nodiscard]] Value numeric_ceil(const Value& value);
/// Without the zeros at the end of the decimals.
[[nodiscard]] Value numeric_trim_scale(const Value& value);
[[nodiscard]] std::int32_t numeric_scale(const Value& value);

/// Throws 22P02 on bad syntax.
[[nodiscard]] Value numeric_from_text(std::string_view text);
void append_numeric(std::string& out, const Value& value);
[[nodiscard]] Value numeric_from_integer(std::int64_t number) noexcept;
__extension__ typedef __int128 Int128;
[[nodiscard]] Value numeric_from_int128(Int128 number);
/// 15 significant digits, as PostgreSQL casts float8.
[[nodiscard]] Value numeric_from_double(double number);
/// 6 significant digits.
[[nodiscard]] Value numeric_from_float(float number);
[[nodiscard]] double numeric_to_double(const Value& value);
/// Rounded half away from zero; nothing if it does not fit 64 bits. Throws 0A000 for NaN and infinity, naming the type.
[[nodiscard]] std::optional<std::int64_t> numeric_to_integer(const Value& value, std::string_view type_name);

/// Brings a number into numeric(precision, scale); throws 22003 `numeric field overflow`.
[[nodiscard]] Value numeric_apply_typmod(const Value& value, std::int32_t typmod);

}  // namespace orrery::sim::database
