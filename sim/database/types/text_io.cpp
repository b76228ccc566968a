// Input and output functions of all types, and the way to and from the seam's SqlValue.

#include <algorithm>
#include <charconv>
#include <limits>

#include "runtime/check.hpp"
#include "sim/database/types/array.hpp"
#include "sim/database/types/bytes.hpp"
#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/float_text.hpp"
#include "sim/database/types/functions.hpp"
#include "sim/database/types/json.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/scan.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

bool boolean_from_text(std::string_view text) {
  const std::string_view word = trim_spaces(text);
  const auto starts = [word](std::string_view whole, std::size_t least) {
    return word.size() >= least && word.size() <= whole.size() &&
           equals_ignoring_case(word, whole.substr(0, word.size()));
  };
  if (starts("true", 1) || starts("yes", 1) || starts("on", 2) || word == "1") return true;
  if (starts("false", 1) || starts("no", 1) || starts("off", 2) || word == "0") return false;
  raise_invalid_input("boolean", text);
}

std::int64_t integer_from_text(std::string_view text, std::string_view type, std::int64_t low, std::int64_t high) {
  std::string_view word = trim_spaces(text);
  if (!word.empty() && word.front() == '+') {
    word.remove_prefix(1);
    if (!word.empty() && word.front() == '-') raise_invalid_input(type, text);
  }
  std::int64_t number = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  if (error == std::errc::invalid_argument || stop != end) raise_invalid_input(type, text);
  if (error != std::errc{} || number < low || number > high) {
    raise("22003", "value \"" + std::string(text) + "\" is out of range for type " + std::string(type));
  }
  return number;
}

/// As strtoul() reads with base 0; gives how much it has read, 0 if there is no number. Too large: the largest number.
std::size_t scan_unsigned(std::string_view text, int base, std::uint64_t& number) {
  std::size_t at = 0;
  while (at < text.size() && is_space(text[at])) ++at;
  const bool negative = at < text.size() && text[at] == '-';
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  if (base == 0) {
    base = 10;
    if (at < text.size() && text[at] == '0') {
      base = at + 2 < text.size() && to_lower(text[at + 1]) == 'x' && hex_digit(text[at + 2]) >= 0 ? 16 : 8;
      if (base == 16) at += 2;
    }
  }
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + at, end, number, base);
  if (error == std::errc::invalid_argument) {
    number = 0;
    return 0;
  }
  if (error != std::errc{}) {
    number = UINT64_MAX;
  } else if (negative) {
    number = ~number + 1;
  }
  return static_cast<std::size_t>(stop - text.data());
}

/// PostgreSQL 15 takes anything for xid and xid8; what is no number counts 0.
std::int64_t xid_from_text(std::string_view text, bool wide) {
  std::uint64_t number = 0;
  (void)scan_unsigned(text, 0, number);
  return static_cast<std::int64_t>(wide ? number : static_cast<std::uint32_t>(number));
}

std::int64_t oid_from_text(std::string_view text) {
  std::uint64_t number = 0;
  const std::size_t size = scan_unsigned(text, 10, number);
  if (size == 0 || !trim_spaces(text.substr(size)).empty()) raise_invalid_input("oid", text);
  // Negative numbers of 32 bits are taken too, as their unsigned counterparts.
  const bool negative = trim_spaces(text).front() == '-';
  const bool fits = number <= UINT32_MAX || (negative && size < 20 && number >= static_cast<std::uint64_t>(std::int64_t{INT32_MIN}));
  if (!fits) raise("22003", "value \"" + std::string(text) + "\" is out of range for type oid");
  return static_cast<std::uint32_t>(number);
}

/// Any of the forms with braces and hyphens after each group of four digits that PostgreSQL reads.
Value uuid_from_text(std::string_view text) {
  std::string_view rest = text;
  const bool braces = !rest.empty() && rest.front() == '{';
  if (braces) rest.remove_prefix(1);
  return Value::bytes_filled_by(16, [&](char* room) {
    for (int i = 0; i < 16; ++i) {
      const int high = rest.size() >= 2 ? hex_digit(rest[0]) : -1;
      const int low = rest.size() >= 2 ? hex_digit(rest[1]) : -1;
      if (high < 0 || low < 0) raise_invalid_input("uuid", text);
      room[i] = static_cast<char>(high * 16 + low);
      rest.remove_prefix(2);
      if (i % 2 == 1 && i < 15 && !rest.empty() && rest.front() == '-') rest.remove_prefix(1);
    }
    if (braces) {
      if (rest != "}") raise_invalid_input("uuid", text);
    } else if (!rest.empty()) {
      raise_invalid_input("uuid", text);
    }
  });
}

void append_uuid(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(kHex[static_cast<unsigned char>(bytes[i]) >> 4]);
    out.push_back(kHex[static_cast<unsigned char>(bytes[i]) & 15]);
  }
}

/// "(block,offset)"; as strtoul reads them: spaces and a sign may stand before each, and -1 is the last block.
Value tid_from_text(std::string_view text) {
  std::string_view rest = text;
  const auto number = [&](char before, char after, std::int64_t least, std::int64_t most) {
    if (rest.empty() || rest.front() != before) raise_invalid_input("tid", text);
    rest.remove_prefix(1);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.starts_with('+')) rest.remove_prefix(1);
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    if (error != std::errc{} || rest.empty() || rest.front() != after || value < least || value > most) {
      raise_invalid_input("tid", text);
    }
    return value;
  };
  const auto block = static_cast<std::uint32_t>(number('(', ',', INT32_MIN, UINT32_MAX));
  const auto offset = static_cast<std::uint16_t>(number(',', ')', 0, UINT16_MAX));
  return Value::integer(std::int64_t{block} << 16 | offset);
}

/// "xmin:xmax:xip,…" with rising numbers between xmin and xmax.
Value snapshot_from_text(std::string_view text) {
  const auto fail = [text] { raise_invalid_input("pg_snapshot", text); };
  std::string_view rest = text;
  const auto number = [&] {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc{}) fail();
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    return value;
  };
  const auto colon = [&] {
    if (rest.empty() || rest.front() != ':') fail();
    rest.remove_prefix(1);
  };
  const std::uint64_t low = number();
  colon();
  const std::uint64_t high = number();
  colon();
  constexpr std::uint64_t kLast = INT64_MAX;
  if (low == 0 || high == 0 || low > high || high > kLast) fail();
  std::string normal = std::to_string(low) + ":" + std::to_string(high) + ":";
  std::uint64_t last = 0;
  while (!rest.empty()) {
    const std::uint64_t running = number();
    if (running < low || running >= high || running < last) fail();
    if (running != last) normal += (last == 0 ? "" : ",") + std::to_string(running);
    last = running;
    if (rest.empty()) break;
    if (rest.front() != ',') fail();
    rest.remove_prefix(1);
    if (rest.empty()) fail();
  }
  return Value::bytes(normal);
}

Value enum_from_text(TypeRef type, std::string_view text) {
  CHECK(type.enumeration != nullptr, "an enum type without its definition");
  const EnumLabel* label = type.enumeration->find(text);
  if (label == nullptr) {
    raise("22P02", "invalid input value for enum " + type.enumeration->name + ": \"" + std::string(text) + "\"");
  }
  return Value::label(*label);
}

/// "char" is one byte: the text's first, or the one that \ooo says (charin).
Value char_from_text(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  if (text.size() != 4 || text[0] != '\\' || text[1] > '3' || !std::all_of(text.begin() + 1, text.end(), is_octal)) {
    return Value::bytes(text.substr(0, 1));
  }
  const char byte = static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
  return Value::bytes(std::string_view(&byte, byte == '\0' ? 0 : 1));
}

void append_char(std::string& out, std::string_view byte) {
  if (byte.empty() || static_cast<unsigned char>(byte[0]) < 0x80) {
    out += byte;
    return;
  }
  const auto number = static_cast<unsigned char>(byte[0]);
  for (const char c : {'\\', static_cast<char>('0' + number / 64), static_cast<char>('0' + number / 8 % 8), static_cast<char>('0' + number % 8)}) out += c;
}

Value scalar_from_text(TypeRef type, std::string_view text, const EvalContext* context) {
  switch (type.base) {
    case Type::boolean:
      return Value::boolean(boolean_from_text(text));
    case Type::int2:
      return Value::integer(integer_from_text(text, "smallint", INT16_MIN, INT16_MAX));
    case Type::int4:
      return Value::integer(integer_from_text(text, "integer", INT32_MIN, INT32_MAX));
    case Type::int8:
      return Value::integer(integer_from_text(text, "bigint", INT64_MIN, INT64_MAX));
    case Type::numeric:
      return numeric_from_text(text);
    case Type::float4:
      return Value::real(float4_from_text(text));
    case Type::float8:
      return Value::real(float8_from_text(text));
    case Type::unknown:
    case Type::text:
    case Type::varchar:
    case Type::bpchar:
      return Value::bytes(text);
    case Type::char_:
      return char_from_text(text);
    case Type::regclass:
    case Type::regtype:
    case Type::regnamespace:
    case Type::regproc:
      if (context == nullptr) raise_unsupported("type " + type_name(type) + " here");
      return context->object_named(type.base, text);
    case Type::name:
      return Value::bytes(utf8_prefix_of_bytes(text, 63));
    case Type::bytea:
      return bytea_from_text(text);
    case Type::uuid:
      return uuid_from_text(text);
    case Type::json:
      check_json(text);
      return Value::bytes(text);
    case Type::jsonb:
      return parse_jsonb(text);
    case Type::timestamptz:
      return Value::integer(timestamp_from_text(text, true, context));
    case Type::timestamp:
      return Value::integer(timestamp_from_text(text, false, context));
    case Type::date:
      return Value::integer(date_from_text(text, context));
    case Type::time:
      return Value::integer(time_from_text(text, context));
    case Type::interval:
      return Value::interval(interval_from_text(text));
    case Type::oid:
      return Value::integer(oid_from_text(text));
    case Type::xid:
      return Value::integer(xid_from_text(text, false));
    case Type::xid8:
      return Value::integer(xid_from_text(text, true));
    case Type::tid:
      return tid_from_text(text);
    case Type::pg_snapshot:
      return snapshot_from_text(text);
    case Type::enumeration:
      return enum_from_text(type, text);
    case Type::void_:
      return Value::bytes({});
    case Type::record:
      raise("0A000", "input of anonymous composite types is not implemented");
    case Type::timetz:
      raise_unsupported("type time with time zone");
    default:
      raise_unsupported("input of type " + type_name(type));
  }
}

void append_integer(std::string& out, std::int64_t number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  CHECK(error == std::errc{});
  out.append(digits, end);
}

}  // namespace

Value input_text(TypeRef type, std::string_view text, const EvalContext* context) {
  Value value = type.is_array ? array_from_text(type.element(), text, context) : scalar_from_text(type, text, context);
  if (type.typmod < 0) return value;
  const std::optional<Cast> cast = find_cast(type.without_typmod(), type, CastContext::explicit_);
  CHECK(cast.has_value(), "a type casts to itself");
  return (*cast)(std::move(value), context);
}

void append_output_text(std::string& out, TypeRef type, const Value& value) {
  if (type.is_vector()) {
    for (const Value& element : value.array().elements) {
      if (&element != &value.array().elements.front()) out += ' ';
      append_integer(out, element.integer());
    }
    return;
  }
  if (type.is_array) return append_array(out, value.array());
  switch (type.base) {
    case Type::boolean:
      out.push_back(value.boolean() ? 't' : 'f');
      return;
    case Type::int2:
    case Type::int4:
    case Type::int8:
    case Type::oid:
    case Type::xid:
      return append_integer(out, value.integer());
    case Type::xid8:
      out += std::to_string(static_cast<std::uint64_t>(value.integer()));
      return;
    case Type::numeric:
      return append_numeric(out, value);
    case Type::float4:
      return append_float4(out, static_cast<float>(value.real()));
    case Type::float8:
      return append_float8(out, value.real());
    case Type::bytea:
      return append_bytea(out, value.bytes());
    case Type::char_:
      return append_char(out, value.bytes());
    case Type::uuid:
      return append_uuid(out, value.bytes());
    case Type::jsonb:
      return append_jsonb(out, JsonbView(value));
    case Type::timestamptz:
      return append_timestamp(out, value.integer(), true);
    case Type::timestamp:
      return append_timestamp(out, value.integer(), false);
    case Type::date:
      return append_date(out, value.integer());
    case Type::time:
      return append_time(out, value.integer());
    case Type::interval:
      return append_interval(out, value.interval());
    case Type::tid:
      out += "(" + std::to_string(value.integer() >> 16) + "," + std::to_string(value.integer() & 0xffff) + ")";
      return;
    case Type::enumeration:
      out += value.label().text;
      return;
    case Type::regclass:
    case Type::regtype:
    case Type::regnamespace:
    case Type::regproc:
      out += value.bytes().substr(4);
      return;
    case Type::pg_node_tree:
      out += value.bytes().substr(0, value.bytes().find('\0'));
      return;
    case Type::record:
      return append_record(out, value.record());
    default:
      out += value.bytes();
      return;
  }
}

std::string text_of(TypeRef type, const Value& value) {
  if (type.is(Type::boolean)) return value.boolean() ? "true" : "false";
  std::string text = output_text(type, value);
  if (type.is(Type::bpchar)) {
    while (text.ends_with(' ')) text.pop_back();
  }
  return text;
}

std::string output_text(TypeRef type, const Value& value) {
  std::string text;
  append_output_text(text, type, value);
  return text;
}

namespace {

Value from_integer(std::int64_t number, TypeRef type, const EvalContext* context) {
  if (!type.is_array) {
    switch (type.base) {
      case Type::int8:
        return Value::integer(number);
      case Type::int4:
        if (number >= INT32_MIN && number <= INT32_MAX) return Value::integer(number);
        break;
      case Type::int2:
        if (number >= INT16_MIN && number <= INT16_MAX) return Value::integer(number);
        break;
      case Type::float8:
        return Value::real(static_cast<double>(number));
      case Type::numeric:
        if (type.typmod < 0) return numeric_from_integer(number);
        break;
      default:
        break;
    }
  }
  // Through the text, as a client library sends it: errors are those of the input function.
  return input_text(type, std::to_string(number), context);
}

}  // namespace

Value from_sql_value(const SqlValue& parameter, TypeRef type, const EvalContext* context) {
  struct Converter {
    TypeRef type;
    const EvalContext* context;
    Value operator()(std::monostate) const { return {}; }
    Value operator()(bool truth) const {
      if (type.is(Type::boolean)) return Value::boolean(truth);
      return input_text(type, truth ? "true" : "false", context);
    }
    Value operator()(std::int64_t number) const { return from_integer(number, type, context); }
    Value operator()(double number) const {
      if (type.is(Type::float8)) return Value::real(number);
      std::string text;
      append_float8(text, number);
      return input_text(type, text, context);
    }
    Value operator()(const std::string& text) const {
      check_utf8(text);
      return input_text(type, text, context);
    }
  };
  return std::visit(Converter{type, context}, parameter.variant());
}

namespace {

/// Calls `give` with what an SqlValue of the value is made of.
template <class Give>
decltype(auto) give_sql_value(const Value& value, const TypeRef& type, const Give& give) {
  if (value.is_null()) return give(nullptr);
  if (!type.is_array) {
    switch (type.base) {
      case Type::boolean:
        return give(value.boolean());
      case Type::int2:
      case Type::int4:
      case Type::int8:
        return give(value.integer());
      case Type::float8:
        return give(value.real());
      case Type::float4: {
        // The shortest decimal, as the text of it would be read back.
        std::string text;
        append_float4(text, static_cast<float>(value.real()));
        return give(float8_from_text(text));
      }
      case Type::text:
      case Type::varchar:
        return give(std::string(value.bytes()));
      default:
        break;
    }
  }
  return give(output_text(type, value));
}

}  // namespace

SqlValue to_sql_value(const Value& value, TypeRef type) {
  return give_sql_value(value, type, [](auto&& given) { return SqlValue(std::forward<decltype(given)>(given)); });
}

void append_sql_value(const Value& value, const TypeRef& type, std::vector<SqlValue>& cells) {
  give_sql_value(value, type, [&cells](auto&& given) { cells.emplace_back(std::forward<decltype(given)>(given)); });
}

}  // namespace orrery::sim::database
