// float4 and float8: text and functions. A float4 is held as the double of the same value.

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "runtime/check.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/float_text.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

__extension__ typedef __int128 Int128;

/// Whether the decimal lies exactly half-way to a neighbour of `number`: such a text is read back as `number` because
/// its mantissa is even, but PostgreSQL's printing wants one that is nearer. It happens only to integers beyond the
/// mantissa.
template <class Number>
bool is_halfway(Number number, std::string_view digits, int exponent) {
  constexpr int kMantissa = std::numeric_limits<Number>::digits;
  int binary_exponent = 0;
  const Number fraction = std::frexp(std::fabs(number), &binary_exponent);
  if (binary_exponent <= kMantissa || binary_exponent > 100) return false;
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, kMantissa));
  const Int128 twice = static_cast<Int128>(mantissa) << (binary_exponent - kMantissa + 1);
  const Int128 above = static_cast<Int128>(1) << (binary_exponent - kMantissa);
  const Int128 below = fraction == Number(0.5) ? above / 2 : above;
  Int128 decimal = 0;
  for (const char c : digits) decimal = decimal * 10 + (c - '0');
  const int zeros = exponent + 1 - static_cast<int>(digits.size());
  if (zeros < 0) return false;
  for (int i = 0; i < zeros; ++i) decimal *= 10;
  return decimal * 2 == twice + above || decimal * 2 == twice - below;
}

/// The shortest digits, then PostgreSQL's layout: exponents from -4 to `digits` - 1 are written out.
template <class Number>
void append_float(std::string& out, Number number, int digits) {
  if (std::isnan(number)) {
    out += "NaN";
    return;
  }
  if (std::isinf(number)) {
    out += number < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char buffer[64];
  auto printed = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  std::string_view text;
  std::string mantissa;
  int exponent = 0;
  while (true) {
    CHECK(printed.ec == std::errc{});
    text = {buffer, static_cast<std::size_t>(printed.ptr - buffer)};
    const std::size_t e = text.find('e');
    const std::string_view exponent_text = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
    std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
    mantissa.clear();
    for (const char c : text.substr(0, e)) {
      if (is_digit(c)) mantissa.push_back(c);
    }
    if (!is_halfway(number, mantissa, exponent)) break;
    printed = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific,
                            static_cast<int>(mantissa.size()));
  }
  if (exponent < -4 || exponent >= digits) {
    out += text;
    return;
  }
  if (text.front() == '-') out.push_back('-');
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += mantissa;
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (mantissa.size() <= whole) {
    out += mantissa;
    out.append(whole - mantissa.size(), '0');
  } else {
    out.append(mantissa, 0, whole);
    out.push_back('.');
    out.append(mantissa, whole);
  }
}

template <class Number>
Number float_from_text(std::string_view text, std::string_view type) {
  const std::string_view word = trim_spaces(text);
  std::string_view rest = word;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '+' || rest.front() == '-')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  const Number sign = negative ? Number(-1) : Number(1);
  if (equals_ignoring_case(rest, "nan")) return std::numeric_limits<Number>::quiet_NaN();
  if (equals_ignoring_case(rest, "inf") || equals_ignoring_case(rest, "infinity")) {
    return sign * std::numeric_limits<Number>::infinity();
  }
  if (rest.empty() || !(is_digit(rest.front()) || rest.front() == '.')) raise_invalid_input(type, text);
  Number number{};
  const bool hex = rest.size() > 2 && rest[0] == '0' && to_lower(rest[1]) == 'x';
  if (hex) rest.remove_prefix(2);
  const char* const end = rest.data() + rest.size();
  const auto [stop, error] =
      std::from_chars(rest.data(), end, number, hex ? std::chars_format::hex : std::chars_format::general);
  if (error == std::errc::result_out_of_range) {
    raise("22003", "\"" + std::string(word) + "\" is out of range for type " + std::string(type));
  }
  if (error != std::errc{} || stop != end) raise_invalid_input(type, text);
  return sign * number;
}

[[noreturn]] void raise_overflow() { raise("22003", "value out of range: overflow"); }
[[noreturn]] void raise_underflow() { raise("22003", "value out of range: underflow"); }

/// PostgreSQL refuses results that became infinite or zero by themselves.
double checked(double result, bool may_be_infinite, bool may_be_zero) {
  if (std::isinf(result) && !may_be_infinite) raise_overflow();
  if (result == 0 && !may_be_zero) raise_underflow();
  return result;
}

double add(double a, double b) { return checked(a + b, std::isinf(a) || std::isinf(b), true); }
double subtract(double a, double b) { return checked(a - b, std::isinf(a) || std::isinf(b), true); }
double multiply(double a, double b) { return checked(a * b, std::isinf(a) || std::isinf(b), a == 0 || b == 0); }
double divide(double a, double b) {
  if (b == 0 && !std::isnan(a)) raise("22012", "division by zero");
  return checked(a / b, std::isinf(a), a == 0 || std::isinf(b));
}

/// The same in single precision.
template <double (*operation)(double, double)>
double in_float4(double a, double b) {
  const double wide = operation(a, b);
  const auto result = static_cast<float>(wide);
  if (std::isinf(result) && !std::isinf(wide)) raise_overflow();
  if (result == 0 && wide != 0) raise_underflow();
  return result;
}

double power(double base, double exponent) {
  if (std::isnan(base) || std::isnan(exponent)) {
    if (base == 1 || exponent == 0) return 1;
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (base == 0 && exponent < 0) raise("2201F", "zero raised to a negative power is undefined");
  if (base < 0 && std::floor(exponent) != exponent) {
    raise("2201F", "a negative number raised to a non-integer power yields a complex result");
  }
  const double result = std::pow(base, exponent);
  return checked(result, std::isinf(base) || std::isinf(exponent),
                 base == 0 || std::isinf(base) || std::isinf(exponent));
}

double logarithm(double number, double (*function)(double)) {
  if (number == 0) raise("2201E", "cannot take logarithm of zero");
  if (number < 0) raise("2201E", "cannot take logarithm of a negative number");
  return checked(function(number), std::isinf(number), number == 1);
}

double exponential(double number) {
  if (std::isinf(number)) return number > 0 ? number : 0;
  return checked(std::exp(number), false, false);
}

double square_root(double number) {
  if (number < 0) raise("2201F", "cannot take square root of a negative number");
  return std::sqrt(number);
}

template <double (*operation)(double, double)>
Value binary(Arguments a, const CallSite&, const EvalContext&) {
  return Value::real(operation(a[0].real(), a[1].real()));
}
template <double (*operation)(double)>
Value unary(Arguments a, const CallSite&, const EvalContext&) {
  return Value::real(operation(a[0].real()));
}

double negate(double number) { return -number; }
double identity(double number) { return number; }
double absolute(double number) { return std::fabs(number); }
double round_to_even(double number) { return std::rint(number); }
double round_up(double number) { return std::ceil(number); }
double round_down(double number) { return std::floor(number); }
double truncate(double number) { return std::trunc(number); }
double sign(double number) { return number > 0 ? 1 : number < 0 ? -1 : number == 0 ? 0 : number; }
double ln(double number) { return logarithm(number, std::log); }
double log10(double number) { return logarithm(number, std::log10); }
double cube_root(double number) { return std::cbrt(number); }
double degrees(double number) { return number * (180.0 / 3.14159265358979323846); }
double radians(double number) { return number * (3.14159265358979323846 / 180.0); }
double sine(double number) { return std::sin(number); }
double cosine(double number) { return std::cos(number); }
double arctangent2(double y, double x) { return std::atan2(y, x); }

}  // namespace

void append_float8(std::string& out, double number) { append_float(out, number, 15); }
void append_float4(std::string& out, float number) { append_float(out, number, 6); }
double float8_from_text(std::string_view text) { return float_from_text<double>(text, "double precision"); }
float float4_from_text(std::string_view text) { return float_from_text<float>(text, "real"); }

void register_floats(Registry& registry) {
  registry.op("float8 + float8 -> float8", binary<add>);
  registry.op("float8 - float8 -> float8", binary<subtract>);
  registry.op("float8 * float8 -> float8", binary<multiply>);
  registry.op("float8 / float8 -> float8", binary<divide>);
  registry.op("float8 ^ float8 -> float8", binary<power>);
  registry.op("float4 + float8 -> float8", binary<add>);
  registry.op("float4 - float8 -> float8", binary<subtract>);
  registry.op("float4 * float8 -> float8", binary<multiply>);
  registry.op("float4 / float8 -> float8", binary<divide>);
  registry.op("float8 + float4 -> float8", binary<add>);
  registry.op("float8 - float4 -> float8", binary<subtract>);
  registry.op("float8 * float4 -> float8", binary<multiply>);
  registry.op("float8 / float4 -> float8", binary<divide>);
  registry.op("float4 + float4 -> float4", binary<in_float4<add>>);
  registry.op("float4 - float4 -> float4", binary<in_float4<subtract>>);
  registry.op("float4 * float4 -> float4", binary<in_float4<multiply>>);
  registry.op("float4 / float4 -> float4", binary<in_float4<divide>>);
  registry.op("- float8 -> float8", unary<negate>);
  registry.op("- float4 -> float4", unary<negate>);
  registry.op("+ float8 -> float8", unary<identity>);
  registry.op("+ float4 -> float4", unary<identity>);
  registry.op("@ float8 -> float8", unary<absolute>);
  registry.op("@ float4 -> float4", unary<absolute>);
  registry.op("|/ float8 -> float8", unary<square_root>);
  registry.op("||/ float8 -> float8", unary<cube_root>);
  registry.function("abs(float8) -> float8", unary<absolute>);
  registry.function("abs(float4) -> float4", unary<absolute>);
  registry.function("round(float8) -> float8", unary<round_to_even>);
  registry.function("ceil(float8) -> float8", unary<round_up>);
  registry.function("ceiling(float8) -> float8", unary<round_up>);
  registry.function("floor(float8) -> float8", unary<round_down>);
  registry.function("trunc(float8) -> float8", unary<truncate>);
  registry.function("sign(float8) -> float8", unary<sign>);
  registry.function("sqrt(float8) -> float8", unary<square_root>);
  registry.function("cbrt(float8) -> float8", unary<cube_root>);
  registry.function("exp(float8) -> float8", unary<exponential>);
  registry.function("ln(float8) -> float8", unary<ln>);
  registry.function("log(float8) -> float8", unary<log10>);
  registry.function("log10(float8) -> float8", unary<log10>);
  registry.function("power(float8, float8) -> float8", binary<power>);
  registry.function("pow(float8, float8) -> float8", binary<power>);
  registry.function("degrees(float8) -> float8", unary<degrees>);
  registry.function("radians(float8) -> float8", unary<radians>);
  registry.function("sin(float8) -> float8", unary<sine>);
  registry.function("cos(float8) -> float8", unary<cosine>);
  registry.function("atan2(float8, float8) -> float8", binary<arctangent2>);
  registry.function("pi() -> float8",
                    [](Arguments, const CallSite&, const EvalContext&) { return Value::real(3.14159265358979323846); });
  // 53 of 64 random bits, in [0, 1).
  registry.function(
      "random() -> float8",
      [](Arguments, const CallSite&, const EvalContext& context) {
        return Value::real(static_cast<double>(context.next_random() >> 11) * 0x1p-53);
      },
      kVolatile);
}

}  // namespace orrery::sim::database
