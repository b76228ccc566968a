#include "cli/sql/wire_types.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/sql/wire_messages.hpp"
#include "sim/database/engine.hpp"
#include "sim/database/types/functions.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::cli::sql {
namespace {

using sim::database::ArrayData;
using sim::database::Interval;
using sim::database::SqlError;
using sim::database::Type;
using sim::database::TypeRef;
using sim::database::Value;

struct Length {
  Type type;
  std::int16_t length;
};
// pg_type.typlen of PostgreSQL 15, where it is not -1.
constexpr std::array kLengths{
    Length{Type::boolean, 1},   Length{Type::char_, 1},     Length{Type::name, 64},        Length{Type::int8, 8},         Length{Type::int2, 2},
    Length{Type::int4, 4},      Length{Type::regproc, 4},   Length{Type::oid, 4},          Length{Type::tid, 6},          Length{Type::xid, 4},
    Length{Type::float4, 4},    Length{Type::float8, 8},    Length{Type::unknown, -2},     Length{Type::date, 4},         Length{Type::time, 8},
    Length{Type::timestamp, 8}, Length{Type::timestamptz, 8}, Length{Type::interval, 16},  Length{Type::timetz, 12},      Length{Type::regclass, 4},
    Length{Type::regtype, 4},   Length{Type::void_, 4},     Length{Type::trigger, 4},      Length{Type::uuid, 16},        Length{Type::regnamespace, 4},
    Length{Type::xid8, 8},      Length{Type::enumeration, 4}, Length{Type::aclitem, 12},
};

[[noreturn]] void refuse(std::string message) {
  SqlError error;
  error.sqlstate = "0A000";
  error.message = "not supported in the simulated database: " + std::move(message);
  throw error;
}

/// sign, digits before and after the point, as numeric's text has them.
std::string binary_of_numeric(std::string_view text) {
  constexpr std::int16_t kNegative = 0x4000;
  const auto special = [](std::uint16_t sign) {
    std::string out;
    append_int16(out, 0);
    append_int16(out, 0);
    append_int16(out, static_cast<std::int16_t>(sign));
    append_int16(out, 0);
    return out;
  };
  if (text == "NaN") return special(0xC000);
  if (text == "Infinity") return special(0xD000);
  if (text == "-Infinity") return special(0xF000);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  std::string before(text.substr(0, point));
  std::string after(point == std::string_view::npos ? std::string_view() : text.substr(point + 1));
  const auto scale = static_cast<std::int16_t>(after.size());
  before.insert(0, (4 - before.size() % 4) % 4, '0');
  after.append((4 - after.size() % 4) % 4, '0');
  std::vector<std::int16_t> digits;  // of base 10,000
  const std::string all = before + after;
  for (std::size_t i = 0; i < all.size(); i += 4) {
    digits.push_back(static_cast<std::int16_t>(std::atoi(all.substr(i, 4).c_str())));
  }
  auto weight = static_cast<std::int16_t>(before.size() / 4) - 1;
  while (!digits.empty() && digits.front() == 0) {
    digits.erase(digits.begin());
    --weight;
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  std::string out;
  append_int16(out, static_cast<std::int16_t>(digits.size()));
  append_int16(out, static_cast<std::int16_t>(digits.empty() ? 0 : weight));
  append_int16(out, negative ? kNegative : std::int16_t{0});
  append_int16(out, scale);
  for (const std::int16_t digit : digits) append_int16(out, digit);
  return out;
}

/// Throws ProtocolError for what is no numeric.
std::string text_of_numeric(BodyReader& in) {
  const int count = in.int16();
  const int weight = in.int16();
  const auto sign = static_cast<std::uint16_t>(in.int16());
  const int scale = in.int16();
  if (sign == 0xC000) return "NaN";
  if (sign == 0xD000) return "Infinity";
  if (sign == 0xF000) return "-Infinity";
  if (count < 0 || scale < 0 || scale > 16383 || (sign != 0 && sign != 0x4000)) throw ProtocolError("numeric");
  std::vector<int> digits;
  for (int i = 0; i < count; ++i) {
    digits.push_back(in.int16());
    if (digits.back() < 0 || digits.back() > 9999) throw ProtocolError("numeric");
  }
  const auto digit_at = [&](int place) { return place >= 0 && place < count ? digits[static_cast<std::size_t>(place)] : 0; };
  std::string text = sign == 0x4000 ? "-" : "";
  if (weight < 0) text += '0';
  for (int place = 0; place <= weight; ++place) text += place == 0 ? fmt::format("{}", digit_at(0)) : fmt::format("{:04}", digit_at(place));
  if (scale == 0) return text;
  std::string after;
  for (int place = weight + 1; static_cast<int>(after.size()) < scale; ++place) after += fmt::format("{:04}", digit_at(place));
  return text + "." + after.substr(0, static_cast<std::size_t>(scale));
}

void append_binary(std::string& out, const Value& value, TypeRef type, TypeNumbers& numbers) {
  if (type.is_array) {
    const ArrayData& array = value.array();
    append_int32(out, static_cast<std::int32_t>(array.dimensions.size()));
    const bool has_null = std::ranges::any_of(array.elements, [](const Value& each) { return each.is_null(); });
    append_int32(out, has_null ? 1 : 0);
    append_int32(out, static_cast<std::int32_t>(numbers.number_of(type.element())));
    for (const auto& dimension : array.dimensions) {
      append_int32(out, dimension.length);
      append_int32(out, dimension.lower_bound);
    }
    for (const Value& element : array.elements) {
      if (element.is_null()) {
        append_int32(out, -1);
        continue;
      }
      std::string bytes;
      append_binary(bytes, element, type.element(), numbers);
      append_int32(out, static_cast<std::int32_t>(bytes.size()));
      out += bytes;
    }
    return;
  }
  switch (type.base) {
    case Type::boolean:
      out += value.boolean() ? '\1' : '\0';
      return;
    case Type::int2:
      return append_int16(out, static_cast<std::int16_t>(value.integer()));
    case Type::int4:
    case Type::oid:
    case Type::xid:
    case Type::date:
      return append_int32(out, static_cast<std::int32_t>(value.integer()));
    case Type::int8:
    case Type::xid8:
    case Type::time:
    case Type::timestamp:
    case Type::timestamptz:
      return append_int64(out, value.integer());
    case Type::float4:
      return append_int32(out, std::bit_cast<std::int32_t>(static_cast<float>(value.real())));
    case Type::float8:
      return append_int64(out, std::bit_cast<std::int64_t>(value.real()));
    case Type::interval: {
      const Interval interval = value.interval();
      append_int64(out, interval.microseconds);
      append_int32(out, interval.days);
      return append_int32(out, interval.months);
    }
    case Type::numeric:
      out += binary_of_numeric(output_text(type, value));
      return;
    case Type::jsonb:
      out += '\1';  // the format's version
      out += output_text(type, value);
      return;
    case Type::text:
    case Type::varchar:
    case Type::bpchar:
    case Type::name:
    case Type::unknown:
    case Type::json:
    case Type::enumeration:
    case Type::char_:
      out += output_text(type, value);
      return;
    case Type::uuid:
    case Type::bytea:
      out += value.bytes();
      return;
    case Type::void_:
      return;
    default:
      refuse("the binary format of type " + type_name(type));
  }
}

Value value_of(BodyReader& in, TypeRef type);

Value array_of(BodyReader& in, TypeRef type) {
  const std::int32_t dimensions = in.int32();
  if (dimensions < 0 || dimensions > 6) throw ProtocolError("array");
  static_cast<void>(in.int32());  // flags
  static_cast<void>(in.int32());  // the element's type, which the statement decides
  ArrayData array;
  array.element = type.element();
  std::size_t count = dimensions == 0 ? 0 : 1;
  for (std::int32_t i = 0; i < dimensions; ++i) {
    const std::int32_t length = in.int32();
    const std::int32_t lower_bound = in.int32();
    // Each element has a length of four bytes.
    if (length < 0 || count * static_cast<std::size_t>(length) > in.left() / 4) throw ProtocolError("array");
    count *= static_cast<std::size_t>(length);
    array.dimensions.push_back({length, lower_bound});
  }
  if (count == 0) array.dimensions.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t size = in.int32();
    if (size < 0) {
      array.elements.emplace_back();
      continue;
    }
    BodyReader element(in.bytes(static_cast<std::size_t>(size)));
    array.elements.push_back(value_of(element, type.element()));
    element.expect_end();
  }
  return Value::array(std::move(array));
}

/// Throws ProtocolError for bytes that are no such value; SqlError from input functions.
Value value_of(BodyReader& in, TypeRef type) {
  if (type.is_array) return array_of(in, type);
  switch (type.base) {
    case Type::boolean:
      return Value::boolean(in.byte() != 0);
    case Type::int2:
      return Value::integer(in.int16());
    case Type::int4:
    case Type::date:
      return Value::integer(in.int32());
    case Type::oid:
    case Type::xid:
      return Value::integer(static_cast<std::uint32_t>(in.int32()));
    case Type::int8:
    case Type::xid8:
    case Type::time:
    case Type::timestamp:
    case Type::timestamptz:
      return Value::integer(in.int64());
    case Type::float4:
      return Value::real(std::bit_cast<float>(in.int32()));
    case Type::float8:
      return Value::real(std::bit_cast<double>(in.int64()));
    case Type::interval: {
      Interval interval;
      interval.microseconds = in.int64();
      interval.days = in.int32();
      interval.months = in.int32();
      return Value::interval(interval);
    }
    case Type::numeric:
      return input_text(type.without_typmod(), text_of_numeric(in));
    case Type::uuid:
      return Value::bytes(in.bytes(16));
    case Type::bytea:
      return Value::bytes(in.bytes(in.left()));
    case Type::jsonb:
      if (in.byte() != 1) throw ProtocolError("jsonb");
      [[fallthrough]];
    case Type::text:
    case Type::varchar:
    case Type::bpchar:
    case Type::name:
    case Type::unknown:
    case Type::json:
    case Type::enumeration:
    case Type::char_: {
      const std::string_view text = in.bytes(in.left());
      std::string offending;
      if (!is_valid_utf8(text, offending)) throw ProtocolError("text");
      return input_text(type.without_typmod(), text);
    }
    default:
      refuse("the binary format of type " + type_name(type));
  }
}

}  // namespace

std::uint32_t TypeNumbers::number_of(TypeRef type) {
  if (type.base == Type::enumeration) {
    if (std::find(enums_.begin(), enums_.end(), type.enumeration) == enums_.end()) enums_.push_back(type.enumeration);
    return type.enumeration->oid + (type.is_array ? 1 : 0);
  }
  if (const std::uint32_t number = sim::database::builtin_oid(type)) return number;
  refuse("type " + type_name(type) + " in the protocol");
}

TypeRef TypeNumbers::type_of(std::uint32_t number) const {
  if (number == 0) return TypeRef();
  if (const std::optional<TypeRef> type = sim::database::builtin_type(number)) return *type;
  for (const sim::database::EnumType* each : enums_) {
    if (each->oid == number) return TypeRef(*each);
    if (each->oid + 1 == number) return TypeRef(*each).array();
  }
  refuse(fmt::format("a parameter of the type with OID {}", number));
}

std::int16_t TypeNumbers::length_of(TypeRef type) {
  if (type.is_array) return -1;
  for (const Length& each : kLengths) {
    if (each.type == type.base) return each.length;
  }
  return -1;
}

std::string binary_of(const SqlValue& cell, TypeRef type, TypeNumbers& numbers) {
  const TypeRef plain = type.without_typmod();  // the cell has been brought into its typmod already
  std::string out;
  append_binary(out, from_sql_value(cell, plain), plain, numbers);
  return out;
}

SqlValue value_of_binary(std::string_view bytes, TypeRef type, std::size_t parameter) {
  try {
    BodyReader in(bytes);
    const Value value = value_of(in, type);
    in.expect_end();
    return to_sql_value(value, type.without_typmod());
  } catch (const ProtocolError&) {
    SqlError error;
    error.sqlstate = "22P03";
    error.message = fmt::format("incorrect binary data format in bind parameter {}", parameter);
    throw error;
  }
}

}  // namespace orrery::cli::sql
