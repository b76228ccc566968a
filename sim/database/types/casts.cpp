// Which casts there are and what they do: PostgreSQL's pg_cast for the simulated types, and casts through text.

#include <cmath>
#include <limits>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/object_names.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

constexpr CastContext kImplicit = CastContext::implicit;
constexpr CastContext kAssignment = CastContext::assignment;
constexpr CastContext kExplicit = CastContext::explicit_;

struct IntegerRange {
  std::int64_t low;
  std::int64_t high;
  const char* name;
};
IntegerRange range_of(Type type) {
  switch (type) {
    case Type::int2:
      return {INT16_MIN, INT16_MAX, "smallint"};
    case Type::int4:
      return {INT32_MIN, INT32_MAX, "integer"};
    case Type::oid:
      return {0, UINT32_MAX, "OID"};
    default:
      return {INT64_MIN, INT64_MAX, "bigint"};
  }
}
[[noreturn]] void raise_range(Type type) { raise("22003", std::string(range_of(type).name) + " out of range"); }

Value integer_to_integer(const Value& value, const Cast& cast, const EvalContext*) {
  const IntegerRange range = range_of(cast.to.base);
  if (value.integer() < range.low || value.integer() > range.high) raise_range(cast.to.base);
  return value;
}
// integer and oid share their 32 bits.
Value integer_to_oid(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(static_cast<std::uint32_t>(value.integer()));
}
Value oid_to_integer(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(static_cast<std::int32_t>(value.integer()));
}
Value integer_to_boolean(const Value& value, const Cast&, const EvalContext*) {
  return Value::boolean(value.integer() != 0);
}
Value integer_to_real(const Value& value, const Cast& cast, const EvalContext*) {
  const std::int64_t number = value.integer();
  return Value::real(cast.to.base == Type::float4 ? static_cast<double>(static_cast<float>(number))
                                                  : static_cast<double>(number));
}
Value integer_to_numeric(const Value& value, const Cast&, const EvalContext*) {
  return numeric_from_integer(value.integer());
}
Value real_to_integer(const Value& value, const Cast& cast, const EvalContext*) {
  // To the nearest even, as rint() does.
  const double number = std::rint(value.real());
  const IntegerRange range = range_of(cast.to.base);
  if (std::isnan(number) || number < static_cast<double>(range.low) || number >= -static_cast<double>(range.low)) {
    raise_range(cast.to.base);
  }
  return Value::integer(static_cast<std::int64_t>(number));
}
Value real_to_float4(const Value& value, const Cast&, const EvalContext*) {
  const auto number = static_cast<float>(value.real());
  if (std::isinf(number) && !std::isinf(value.real())) raise("22003", "value out of range: overflow");
  if (number == 0 && value.real() != 0) raise("22003", "value out of range: underflow");
  return Value::real(number);
}
Value float8_to_numeric(const Value& value, const Cast&, const EvalContext*) {
  return numeric_from_double(value.real());
}
Value float4_to_numeric(const Value& value, const Cast&, const EvalContext*) {
  return numeric_from_float(static_cast<float>(value.real()));
}
Value numeric_to_any_integer(const Value& value, const Cast& cast, const EvalContext*) {
  const IntegerRange range = range_of(cast.to.base);
  const std::optional<std::int64_t> number = numeric_to_integer(value, range.name);
  if (!number || *number < range.low || *number > range.high) raise_range(cast.to.base);
  return Value::integer(*number);
}
Value numeric_to_float8(const Value& value, const Cast&, const EvalContext*) {
  return Value::real(numeric_to_double(value));
}
Value numeric_to_float4(const Value& value, const Cast& cast, const EvalContext* context) {
  std::string text;
  append_numeric(text, value);
  return input_text(cast.to.without_typmod(), text, context);
}

Value timestamp_to_date(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(date_of_timestamp(value.integer()));
}
Value timestamp_to_time(const Value& value, const Cast&, const EvalContext*) {
  if (is_infinite(value.integer())) return {};
  return Value::integer(split_timestamp(value.integer()).time);
}
Value date_to_timestamp(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(timestamp_of_date(value.integer()));
}
Value time_to_interval(const Value& value, const Cast&, const EvalContext*) {
  return Value::interval({value.integer(), 0, 0});
}
Value interval_to_time(const Value& value, const Cast&, const EvalContext*) {
  const std::int64_t rest = value.interval().microseconds % kDayUs;
  return Value::integer(rest < 0 ? rest + kDayUs : rest);
}

/// jsonb to a number or boolean; anything else in it is 22023.
Value jsonb_to_scalar(const Value& value, const Cast& cast, const EvalContext* context) {
  const JsonbView node(value);
  const JsonKind wanted = cast.to.base == Type::boolean ? JsonKind::boolean : JsonKind::number;
  if (node.kind() != wanted) {
    const std::string what = node.kind() == JsonKind::number ? std::string("numeric") : json_kind_name(node.kind());
    raise("22023", "cannot cast jsonb " + what + " to type " + type_name(cast.to.without_typmod()));
  }
  if (wanted == JsonKind::boolean) return Value::boolean(node.truth());
  const Value number = node.number();
  switch (cast.to.base) {
    case Type::numeric:
      return number;
    case Type::float8:
      return numeric_to_float8(number, cast, context);
    case Type::float4:
      return numeric_to_float4(number, cast, context);
    default:
      return numeric_to_any_integer(number, cast, context);
  }
}

Value text_to_name(const Value& value, const Cast&, const EvalContext*) {
  return Value::bytes(utf8_prefix_of_bytes(value.bytes(), 63));
}
// Trailing spaces of character(n) do not outlive a cast.
Value padded_to_text(const Value& value, const Cast&, const EvalContext*) {
  std::string_view text = value.bytes();
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return Value::bytes(text);
}
Value boolean_to_text(const Value& value, const Cast&, const EvalContext*) {
  return Value::bytes(value.boolean() ? "true" : "false");
}
Value wide_xid_to_xid(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(static_cast<std::uint32_t>(value.integer()));
}

Value through_text(const Value& value, const Cast& cast, const EvalContext* context) {
  const std::string text = output_text(cast.from, value);
  return input_text(cast.to.without_typmod(), text, context);
}
/// For types whose value is their text: the input function alone.
Value from_text(const Value& value, const Cast& cast, const EvalContext* context) {
  return input_text(cast.to.without_typmod(), value.bytes(), context);
}
Value to_text(const Value& value, const Cast& cast, const EvalContext*) {
  return Value::bytes(output_text(cast.from, value));
}

Value oid_to_object(const Value& value, const Cast& cast, const EvalContext* context) {
  if (context == nullptr) raise_unsupported("a cast to " + type_name(cast.to) + " here");
  return context->object_numbered(cast.to.base, static_cast<std::uint32_t>(integer_to_integer(value, Cast{.from = cast.from, .to = TypeRef(Type::oid)}, context).integer()));
}
Value object_to_oid(const Value& value, const Cast&, const EvalContext*) { return Value::integer(oid_of(value)); }
Value object_to_integer(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(static_cast<std::int32_t>(oid_of(value)));
}
Value char_to_integer(const Value& value, const Cast&, const EvalContext*) {
  return Value::integer(value.bytes().empty() ? 0 : static_cast<signed char>(value.bytes()[0]));
}

Value cast_elements(const Value& value, const Cast& cast, const EvalContext* context) {
  const ArrayData& from = value.array();
  ArrayData to;
  to.element = cast.to.element().without_typmod();
  to.dimensions = from.dimensions;
  to.elements.reserve(from.elements.size());
  for (const Value& element : from.elements) to.elements.push_back((*cast.element)(element, context));
  return Value::array(std::move(to));
}

// ------------------------------------------------------------------------------------------------------- typmods

Value limit_numeric(const Value& value, const Cast& cast, const EvalContext*) {
  return numeric_apply_typmod(value, cast.to.typmod);
}

/// Too long: an explicit cast cuts, an assignment cuts spaces only.
std::string_view cut(std::string_view text, const Cast& cast) {
  const auto limit = static_cast<std::size_t>(cast.to.typmod - 4);
  const std::size_t end = utf8_offset(text, limit);
  if (end == text.size()) return text;
  if (cast.context != kExplicit && text.find_first_not_of(' ', end) != std::string_view::npos) {
    raise("22001", "value too long for type " + type_name_with_typmod(cast.to.element()));
  }
  return text.substr(0, end);
}
Value limit_varchar(const Value& value, const Cast& cast, const EvalContext*) {
  const std::string_view text = cut(value.bytes(), cast);
  return text.size() == value.bytes().size() ? value : Value::bytes(text);
}
Value pad_bpchar(const Value& value, const Cast& cast, const EvalContext*) {
  std::string text(cut(value.bytes(), cast));
  const std::size_t length = utf8_length(text);
  const auto limit = static_cast<std::size_t>(cast.to.typmod - 4);
  if (length < limit) text.append(limit - length, ' ');
  return Value::bytes(text);
}
Value round_timestamp(const Value& value, const Cast& cast, const EvalContext*) {
  if (is_infinite(value.integer())) return value;
  return Value::integer(round_to_decimals(value.integer(), cast.to.typmod));
}
Value round_interval(const Value& value, const Cast& cast, const EvalContext*) {
  Interval interval = value.interval();
  const std::int32_t decimals = cast.to.typmod & 0xffff;
  if (decimals != 0xffff) interval.microseconds = round_to_decimals(interval.microseconds, decimals);
  return Value::interval(interval);
}

CastImplementation typmod_call_of(Type type) {
  switch (type) {
    case Type::numeric:
      return limit_numeric;
    case Type::varchar:
      return limit_varchar;
    case Type::bpchar:
      return pad_bpchar;
    case Type::timestamptz:
    case Type::timestamp:
    case Type::time:
      return round_timestamp;
    case Type::interval:
      return round_interval;
    default:
      return nullptr;
  }
}

// --------------------------------------------------------------------------------------------------------- the table

struct Entry {
  Type from;
  Type to;
  CastContext context;
  CastImplementation call;
};

constexpr Entry kCasts[] = {
    {Type::int2, Type::int4, kImplicit, nullptr},
    {Type::int2, Type::int8, kImplicit, nullptr},
    {Type::int4, Type::int8, kImplicit, nullptr},
    {Type::int4, Type::int2, kAssignment, integer_to_integer},
    {Type::int8, Type::int2, kAssignment, integer_to_integer},
    {Type::int8, Type::int4, kAssignment, integer_to_integer},
    {Type::int2, Type::float4, kImplicit, integer_to_real},
    {Type::int2, Type::float8, kImplicit, integer_to_real},
    {Type::int4, Type::float4, kImplicit, integer_to_real},
    {Type::int4, Type::float8, kImplicit, integer_to_real},
    {Type::int8, Type::float4, kImplicit, integer_to_real},
    {Type::int8, Type::float8, kImplicit, integer_to_real},
    {Type::int2, Type::numeric, kImplicit, integer_to_numeric},
    {Type::int4, Type::numeric, kImplicit, integer_to_numeric},
    {Type::int8, Type::numeric, kImplicit, integer_to_numeric},
    {Type::int4, Type::boolean, kExplicit, integer_to_boolean},
    {Type::boolean, Type::int4, kExplicit, nullptr},
    {Type::float4, Type::float8, kImplicit, nullptr},
    {Type::float8, Type::float4, kAssignment, real_to_float4},
    {Type::float4, Type::int2, kAssignment, real_to_integer},
    {Type::float4, Type::int4, kAssignment, real_to_integer},
    {Type::float4, Type::int8, kAssignment, real_to_integer},
    {Type::float8, Type::int2, kAssignment, real_to_integer},
    {Type::float8, Type::int4, kAssignment, real_to_integer},
    {Type::float8, Type::int8, kAssignment, real_to_integer},
    {Type::float4, Type::numeric, kAssignment, float4_to_numeric},
    {Type::float8, Type::numeric, kAssignment, float8_to_numeric},
    {Type::numeric, Type::int2, kAssignment, numeric_to_any_integer},
    {Type::numeric, Type::int4, kAssignment, numeric_to_any_integer},
    {Type::numeric, Type::int8, kAssignment, numeric_to_any_integer},
    {Type::numeric, Type::float4, kImplicit, numeric_to_float4},
    {Type::numeric, Type::float8, kImplicit, numeric_to_float8},
    {Type::int2, Type::oid, kImplicit, integer_to_oid},
    {Type::int4, Type::oid, kImplicit, integer_to_oid},
    {Type::int8, Type::oid, kImplicit, integer_to_integer},
    {Type::oid, Type::int4, kAssignment, oid_to_integer},
    {Type::oid, Type::int8, kAssignment, nullptr},
    {Type::text, Type::varchar, kImplicit, nullptr},
    {Type::text, Type::bpchar, kImplicit, nullptr},
    {Type::text, Type::name, kImplicit, text_to_name},
    {Type::text, Type::regclass, kImplicit, from_text},
    {Type::text, Type::char_, kAssignment, from_text},
    {Type::char_, Type::text, kImplicit, to_text},
    {Type::char_, Type::varchar, kAssignment, nullptr},
    {Type::char_, Type::bpchar, kAssignment, to_text},
    {Type::char_, Type::int4, kExplicit, char_to_integer},
    {Type::pg_node_tree, Type::text, kImplicit, to_text},
    {Type::varchar, Type::text, kImplicit, nullptr},
    {Type::varchar, Type::bpchar, kImplicit, nullptr},
    {Type::varchar, Type::name, kImplicit, text_to_name},
    {Type::varchar, Type::regclass, kImplicit, from_text},
    {Type::varchar, Type::char_, kAssignment, from_text},
    {Type::bpchar, Type::text, kImplicit, padded_to_text},
    {Type::bpchar, Type::varchar, kImplicit, padded_to_text},
    {Type::bpchar, Type::name, kImplicit, padded_to_text},
    {Type::name, Type::text, kImplicit, nullptr},
    {Type::name, Type::varchar, kImplicit, nullptr},
    {Type::name, Type::bpchar, kAssignment, nullptr},
    {Type::boolean, Type::text, kAssignment, boolean_to_text},
    {Type::boolean, Type::varchar, kAssignment, boolean_to_text},
    {Type::boolean, Type::bpchar, kAssignment, boolean_to_text},
    {Type::timestamptz, Type::timestamp, kAssignment, nullptr},
    {Type::timestamptz, Type::date, kAssignment, timestamp_to_date},
    {Type::timestamptz, Type::time, kAssignment, timestamp_to_time},
    {Type::timestamp, Type::timestamptz, kImplicit, nullptr},
    {Type::timestamp, Type::date, kAssignment, timestamp_to_date},
    {Type::timestamp, Type::time, kAssignment, timestamp_to_time},
    {Type::date, Type::timestamp, kImplicit, date_to_timestamp},
    {Type::date, Type::timestamptz, kImplicit, date_to_timestamp},
    {Type::time, Type::interval, kImplicit, time_to_interval},
    {Type::interval, Type::time, kAssignment, interval_to_time},
    {Type::json, Type::jsonb, kAssignment, from_text},
    {Type::jsonb, Type::json, kAssignment, to_text},
    {Type::jsonb, Type::boolean, kExplicit, jsonb_to_scalar},
    {Type::jsonb, Type::int2, kExplicit, jsonb_to_scalar},
    {Type::jsonb, Type::int4, kExplicit, jsonb_to_scalar},
    {Type::jsonb, Type::int8, kExplicit, jsonb_to_scalar},
    {Type::jsonb, Type::numeric, kExplicit, jsonb_to_scalar},
    {Type::jsonb, Type::float4, kExplicit, jsonb_to_scalar},
    {Type::jsonb, Type::float8, kExplicit, jsonb_to_scalar},
    {Type::xid8, Type::xid, kExplicit, wide_xid_to_xid},
    {Type::int2, Type::regclass, kImplicit, oid_to_object},
    {Type::int4, Type::regclass, kImplicit, oid_to_object},
    {Type::int8, Type::regclass, kImplicit, oid_to_object},
    {Type::oid, Type::regclass, kImplicit, oid_to_object},
    {Type::regclass, Type::oid, kImplicit, object_to_oid},
    {Type::regclass, Type::int4, kAssignment, object_to_integer},
    {Type::regclass, Type::int8, kAssignment, object_to_oid},
    {Type::int2, Type::regtype, kImplicit, oid_to_object},
    {Type::int4, Type::regtype, kImplicit, oid_to_object},
    {Type::int8, Type::regtype, kImplicit, oid_to_object},
    {Type::oid, Type::regtype, kImplicit, oid_to_object},
    {Type::regtype, Type::oid, kImplicit, object_to_oid},
    {Type::regtype, Type::int4, kAssignment, object_to_integer},
    {Type::regtype, Type::int8, kAssignment, object_to_oid},
    {Type::int2, Type::regnamespace, kImplicit, oid_to_object},
    {Type::int4, Type::regnamespace, kImplicit, oid_to_object},
    {Type::int8, Type::regnamespace, kImplicit, oid_to_object},
    {Type::oid, Type::regnamespace, kImplicit, oid_to_object},
    {Type::regnamespace, Type::oid, kImplicit, object_to_oid},
    {Type::regnamespace, Type::int4, kAssignment, object_to_integer},
    {Type::regnamespace, Type::int8, kAssignment, object_to_oid},
    {Type::int2, Type::regproc, kImplicit, oid_to_object},
    {Type::int4, Type::regproc, kImplicit, oid_to_object},
    {Type::int8, Type::regproc, kImplicit, oid_to_object},
    {Type::oid, Type::regproc, kImplicit, oid_to_object},
    {Type::regproc, Type::oid, kImplicit, object_to_oid},
    {Type::regproc, Type::int4, kAssignment, object_to_integer},
    {Type::regproc, Type::int8, kAssignment, object_to_oid},
};

const Entry* find_entry(Type from, Type to) {
  for (const Entry& entry : kCasts) {
    if (entry.from == from && entry.to == to) return &entry;
  }
  return nullptr;
}

bool is_string(TypeRef type) { return category_of(type) == TypeCategory::string; }

/// The cast without the typmod.
bool choose_call(Cast& cast) {
  const TypeRef from = cast.from;
  const TypeRef to = cast.to;
  if (from.same(to)) return true;
  if (from.is_unknown()) {
    cast.call = from_text;
    return true;
  }
  if (to.is(Type::any)) return true;
  if (from.is_array && to.is_array) {
    std::optional<Cast> element = find_cast(from.element(), to.element(), cast.context);
    if (!element) return false;
    cast.element = std::make_shared<const Cast>(std::move(*element));
    cast.call = cast_elements;
    return true;
  }
  if (!from.is_array && !to.is_array) {
    if (const Entry* entry = find_entry(from.base, to.base)) {
      cast.call = entry->call;
      return cast.context >= entry->context;
    }
  }
  if (is_polymorphic(from.base) || is_polymorphic(to.base) || from.is(Type::void_) || to.is(Type::void_)) return false;
  // Through text: to a string type in an assignment already, from one only when it is written.
  if (is_string(to) && cast.context >= kAssignment) {
    cast.call = to.is(Type::name) ? through_text : to_text;
    return true;
  }
  if (is_string(from) && cast.context == kExplicit && !to.is(Type::record)) {
    cast.call = from.is(Type::bpchar) ? through_text : from_text;
    return true;
  }
  return false;
}

}  // namespace

std::optional<Cast> find_cast(TypeRef from, TypeRef to, CastContext context) {
  Cast cast;
  cast.from = from;
  cast.to = to;
  cast.context = context;
  if (!choose_call(cast)) return std::nullopt;
  if (to.typmod >= 0 && !(from.same(to) && from.typmod == to.typmod)) {
    if (!to.is_array) {
      cast.typmod_call = typmod_call_of(to.base);
    } else if (from.same(to) || from.is_unknown()) {
      // An array's typmod is its elements'.
      Cast elements;
      elements.from = to.without_typmod().element();
      elements.to = to.element();
      elements.context = context;
      elements.typmod_call = typmod_call_of(to.base);
      cast.element = std::make_shared<const Cast>(std::move(elements));
      cast.typmod_call = cast_elements;
    }
  }
  return cast;
}

bool coerces_implicitly(TypeRef from, TypeRef to) {
  if (from.same(to) || from.is_unknown() || to.is(Type::any)) return true;
  if (from.is_array != to.is_array) return false;
  if (from.is_array) return coerces_implicitly(from.element(), to.element());
  const Entry* entry = find_entry(from.base, to.base);
  return entry != nullptr && entry->context == kImplicit;
}

bool is_stable_cast(TypeRef from, TypeRef to) noexcept {
  if (is_object_name(to)) return true;
  if (from.is_array && to.is_array) return is_stable_cast(from.element(), to.element());
  const auto is_string = [](TypeRef type) { return category_of(type) == TypeCategory::string; };
  // Through text: the output function of the one and the input function of the other (pg_proc.provolatile).
  if (is_string(from) && is_string(to)) return false;
  if (is_string(to)) {
    return from.is_array || from.is(Type::date) || from.is(Type::timestamp) || from.is(Type::timestamptz) || from.is(Type::interval) ||
           is_object_name(from) || from.is(Type::record) || from.is(Type::enumeration);
  }
  if (is_string(from)) {
    return to.is_array || to.is(Type::date) || to.is(Type::time) || to.is(Type::timestamp) || to.is(Type::timestamptz) ||
           to.is(Type::interval) || to.is(Type::record);
  }
  const bool crosses_zone = from.is(Type::timestamptz) != to.is(Type::timestamptz);
  const auto is_of_time = [](TypeRef type) { return type.is(Type::date) || type.is(Type::time) || type.is(Type::timestamp) || type.is(Type::timestamptz); };
  return crosses_zone && is_of_time(from) && is_of_time(to);
}

}  // namespace orrery::sim::database
