// smallint, integer and bigint; and numeric's operators, which follow the same pattern.

#include <bit>
#include <cstdint>
#include <limits>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

template <class Number>
constexpr const char* kOutOfRange = "bigint out of range";
template <>
constexpr const char* kOutOfRange<std::int32_t> = "integer out of range";
template <>
constexpr const char* kOutOfRange<std::int16_t> = "smallint out of range";

template <class Number>
[[noreturn]] void raise_range() {
  raise("22003", kOutOfRange<Number>);
}

template <class Number>
Value add(Arguments a, const CallSite&, const EvalContext&) {
  Number result;
  if (__builtin_add_overflow(a[0].integer(), a[1].integer(), &result)) raise_range<Number>();
  return Value::integer(result);
}
template <class Number>
Value subtract(Arguments a, const CallSite&, const EvalContext&) {
  Number result;
  if (__builtin_sub_overflow(a[0].integer(), a[1].integer(), &result)) raise_range<Number>();
  return Value::integer(result);
}
template <class Number>
Value multiply(Arguments a, const CallSite&, const EvalContext&) {
  Number result;
  if (__builtin_mul_overflow(a[0].integer(), a[1].integer(), &result)) raise_range<Number>();
  return Value::integer(result);
}
template <class Number>
Value divide(Arguments a, const CallSite&, const EvalContext&) {
  const std::int64_t dividend = a[0].integer();
  const std::int64_t divisor = a[1].integer();
  if (divisor == 0) raise("22012", "division by zero");
  if (divisor == -1) {
    if (dividend == std::numeric_limits<Number>::min()) raise_range<Number>();
    return Value::integer(-dividend);
  }
  return Value::integer(dividend / divisor);
}
Value modulo(Arguments a, const CallSite&, const EvalContext&) {
  const std::int64_t divisor = a[1].integer();
  if (divisor == 0) raise("22012", "division by zero");
  return Value::integer(divisor == -1 ? 0 : a[0].integer() % divisor);
}
template <class Number>
Value negate(Arguments a, const CallSite&, const EvalContext&) {
  if (a[0].integer() == std::numeric_limits<Number>::min()) raise_range<Number>();
  return Value::integer(-a[0].integer());
}
template <class Number>
Value absolute(Arguments a, const CallSite& site, const EvalContext& context) {
  return a[0].integer() < 0 ? negate<Number>(a, site, context) : a[0];
}
Value identity(Arguments a, const CallSite&, const EvalContext&) { return a[0]; }
Value bit_and(Arguments a, const CallSite&, const EvalContext&) {
  return Value::integer(a[0].integer() & a[1].integer());
}
Value bit_or(Arguments a, const CallSite&, const EvalContext&) {
  return Value::integer(a[0].integer() | a[1].integer());
}
Value bit_xor(Arguments a, const CallSite&, const EvalContext&) {
  return Value::integer(a[0].integer() ^ a[1].integer());
}
Value bit_not(Arguments a, const CallSite&, const EvalContext&) { return Value::integer(~a[0].integer()); }
// As on x86-64, where PostgreSQL's shift counts wrap at the width of the register.
template <class Number>
Value shift_left(Arguments a, const CallSite&, const EvalContext&) {
  using Wide = std::conditional_t<sizeof(Number) == 8, std::uint64_t, std::uint32_t>;
  const auto count = static_cast<unsigned>(a[1].integer()) & (sizeof(Wide) * 8 - 1);
  return Value::integer(static_cast<Number>(static_cast<Wide>(a[0].integer()) << count));
}
template <class Number>
Value shift_right(Arguments a, const CallSite&, const EvalContext&) {
  const unsigned width = sizeof(Number) == 8 ? 64 : 32;
  return Value::integer(a[0].integer() >> (static_cast<unsigned>(a[1].integer()) & (width - 1)));
}

std::uint64_t magnitude(std::int64_t number) {
  return number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
}
template <class Number>
Value greatest_divisor(Arguments a, const CallSite&, const EvalContext&) {
  std::uint64_t x = magnitude(a[0].integer());
  std::uint64_t y = magnitude(a[1].integer());
  while (y != 0) {
    const std::uint64_t rest = x % y;
    x = y;
    y = rest;
  }
  if (x > static_cast<std::uint64_t>(std::numeric_limits<Number>::max())) raise_range<Number>();
  return Value::integer(static_cast<std::int64_t>(x));
}

template <Value (*operation)(const Value&, const Value&)>
Value numeric_binary(Arguments a, const CallSite&, const EvalContext&) {
  return operation(a[0], a[1]);
}
template <Value (*operation)(const Value&, const Value&, Range)>
Value numeric_binary(Arguments a, const CallSite&, const EvalContext&) {
  return operation(a[0], a[1], Range::numeric);
}
template <Value (*operation)(const Value&)>
Value numeric_unary(Arguments a, const CallSite&, const EvalContext&) {
  return operation(a[0]);
}
Value numeric_absolute(const Value& value) { return numeric_sign(value) < 0 ? numeric_negate(value) : value; }
Value numeric_round_whole(const Value& value) { return numeric_round(value, 0); }
Value numeric_truncate_whole(const Value& value) { return numeric_truncate(value, 0); }

#define ARITHMETIC(Number, left, right, result)                  \
  registry.op(left " + " right " -> " result, add<Number>);      \
  registry.op(left " - " right " -> " result, subtract<Number>); \
  registry.op(left " * " right " -> " result, multiply<Number>); \
  registry.op(left " / " right " -> " result, divide<Number>)

#define OWN_OPERATORS(Number, type)                              \
  registry.op(type " % " type " -> " type, modulo);              \
  registry.op(type " & " type " -> " type, bit_and);             \
  registry.op(type " | " type " -> " type, bit_or);              \
  registry.op(type " # " type " -> " type, bit_xor);             \
  registry.op(type " << int4 -> " type, shift_left<Number>);     \
  registry.op(type " >> int4 -> " type, shift_right<Number>);    \
  registry.op("~ " type " -> " type, bit_not);                   \
  registry.op("- " type " -> " type, negate<Number>);            \
  registry.op("+ " type " -> " type, identity);                  \
  registry.op("@ " type " -> " type, absolute<Number>);          \
  registry.function("abs(" type ") -> " type, absolute<Number>); \
  registry.function("mod(" type ", " type ") -> " type, modulo)

}  // namespace

void register_integers(Registry& registry) {
  ARITHMETIC(std::int16_t, "int2", "int2", "int2");
  ARITHMETIC(std::int32_t, "int2", "int4", "int4");
  ARITHMETIC(std::int64_t, "int2", "int8", "int8");
  ARITHMETIC(std::int32_t, "int4", "int2", "int4");
  ARITHMETIC(std::int32_t, "int4", "int4", "int4");
  ARITHMETIC(std::int64_t, "int4", "int8", "int8");
  ARITHMETIC(std::int64_t, "int8", "int2", "int8");
  ARITHMETIC(std::int64_t, "int8", "int4", "int8");
  ARITHMETIC(std::int64_t, "int8", "int8", "int8");
  OWN_OPERATORS(std::int16_t, "int2");
  OWN_OPERATORS(std::int32_t, "int4");
  OWN_OPERATORS(std::int64_t, "int8");
  registry.function("gcd(int4, int4) -> int4", greatest_divisor<std::int32_t>);
  registry.function("gcd(int8, int8) -> int8", greatest_divisor<std::int64_t>);
}

#undef ARITHMETIC
#undef OWN_OPERATORS

void register_numeric(Registry& registry) {
  registry.op("numeric + numeric -> numeric", numeric_binary<numeric_add>);
  registry.op("numeric - numeric -> numeric", numeric_binary<numeric_subtract>);
  registry.op("numeric * numeric -> numeric", numeric_binary<numeric_multiply>);
  registry.op("numeric / numeric -> numeric", numeric_binary<numeric_divide>);
  registry.op("numeric % numeric -> numeric", numeric_binary<numeric_modulo>);
  registry.op("numeric ^ numeric -> numeric", numeric_binary<numeric_power>);
  registry.op("- numeric -> numeric", numeric_unary<numeric_negate>);
  registry.op("+ numeric -> numeric", identity);
  registry.op("@ numeric -> numeric", numeric_unary<numeric_absolute>);
  registry.function("abs(numeric) -> numeric", numeric_unary<numeric_absolute>);
  registry.function("mod(numeric, numeric) -> numeric", numeric_binary<numeric_modulo>);
  registry.function("div(numeric, numeric) -> numeric", numeric_binary<numeric_divide_whole>);
  registry.function("gcd(numeric, numeric) -> numeric", [](Arguments a, const CallSite&, const EvalContext&) {
    Value x = numeric_absolute(a[0]);
    Value y = numeric_absolute(a[1]);
    for (const Value& each : a) {
      if (!numeric_is_finite(each)) return numeric_from_text("NaN");
    }
    while (numeric_sign(y) != 0) {
      Value rest = numeric_modulo(x, y);
      x = std::move(y);
      y = std::move(rest);
    }
    return x;
  });
  registry.function("power(numeric, numeric) -> numeric", numeric_binary<numeric_power>);
  registry.function("pow(numeric, numeric) -> numeric", numeric_binary<numeric_power>);
  registry.function("sqrt(numeric) -> numeric", numeric_unary<numeric_sqrt>);
  registry.function("ceil(numeric) -> numeric", numeric_unary<numeric_ceil>);
  registry.function("ceiling(numeric) -> numeric", numeric_unary<numeric_ceil>);
  registry.function("floor(numeric) -> numeric", numeric_unary<numeric_floor>);
  registry.function("trim_scale(numeric) -> numeric", numeric_unary<numeric_trim_scale>);
  registry.function("round(numeric) -> numeric", numeric_unary<numeric_round_whole>);
  registry.function("trunc(numeric) -> numeric", numeric_unary<numeric_truncate_whole>);
  registry.function("round(numeric, int4) -> numeric", [](Arguments a, const CallSite&, const EvalContext&) {
    return numeric_round(a[0], static_cast<std::int32_t>(a[1].integer()));
  });
  registry.function("trunc(numeric, int4) -> numeric", [](Arguments a, const CallSite&, const EvalContext&) {
    return numeric_truncate(a[0], static_cast<std::int32_t>(a[1].integer()));
  });
  registry.function("scale(numeric) -> int4", [](Arguments a, const CallSite&, const EvalContext&) {
    return Decimal::from_value(a[0]).kind == Decimal::Kind::finite ? Value::integer(numeric_scale(a[0])) : Value();
  });
  registry.function("sign(numeric) -> numeric", [](Arguments a, const CallSite&, const EvalContext&) {
    return numeric_is_nan(a[0]) ? a[0] : Value::small_numeric(numeric_sign(a[0]), 0);
  });
  // These are computed in double precision only: an exact result of numeric is refused, not approximated.
  for (const std::string_view signature :
       {"exp(numeric) -> numeric", "ln(numeric) -> numeric", "log(numeric) -> numeric", "log10(numeric) -> numeric",
        "log(numeric, numeric) -> numeric"}) {
    registry.function(signature, [](Arguments, const CallSite&, const EvalContext&) -> Value {
      raise_unsupported("a logarithm or exponential of numeric (cast to double precision)");
    });
  }
}

}  // namespace orrery::sim::database
