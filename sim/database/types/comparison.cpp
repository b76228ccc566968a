// Order, equality and hash of each type, and the operators that come from them.

#include <cmath>
#include <cstring>
#include <string_view>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/object_names.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

int sign_of(bool less, bool greater) noexcept { return static_cast<int>(greater) - static_cast<int>(less); }

int compare_integer(const Value& left, const Value& right) {
  return sign_of(left.integer() < right.integer(), left.integer() > right.integer());
}
bool equal_integer(const Value& left, const Value& right) { return left.integer() == right.integer(); }
std::uint64_t hash_integer(const Value& value) { return mix_hash(static_cast<std::uint64_t>(value.integer())); }

int compare_unsigned(const Value& left, const Value& right) {
  const auto a = static_cast<std::uint64_t>(left.integer());
  const auto b = static_cast<std::uint64_t>(right.integer());
  return sign_of(a<b, a> b);
}

// PostgreSQL's order of floats: NaN equals NaN and is above everything else; -0 equals 0.
int compare_doubles(double a, double b) noexcept {
  if (std::isnan(a)) return std::isnan(b) ? 0 : 1;
  if (std::isnan(b)) return -1;
  return sign_of(a<b, a> b);
}
int compare_real(const Value& left, const Value& right) { return compare_doubles(left.real(), right.real()); }
bool equal_real(const Value& left, const Value& right) { return compare_doubles(left.real(), right.real()) == 0; }
std::uint64_t hash_real(const Value& value) {
  const double number = value.real();
  if (number == 0) return mix_hash(0);
  if (std::isnan(number)) return mix_hash(0x7ff8000000000000ULL);
  return mix_hash(std::bit_cast<std::uint64_t>(number));
}

int compare_bytes(std::string_view a, std::string_view b) noexcept {
  const int order = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
  if (order != 0) return order < 0 ? -1 : 1;
  return sign_of(a.size() < b.size(), a.size() > b.size());
}
int compare_text(const Value& left, const Value& right) { return compare_bytes(left.bytes(), right.bytes()); }
bool equal_text(const Value& left, const Value& right) { return left.bytes() == right.bytes(); }

std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  std::uint64_t hash = 0x2545f4914f6cdd1dULL ^ bytes.size();
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = mix_hash(hash ^ word);
    bytes.remove_prefix(8);
  }
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return mix_hash(hash ^ word);
}
std::uint64_t hash_text(const Value& value) { return hash_bytes(value.bytes()); }

// Trailing spaces of character(n) do not count.
std::string_view without_padding(std::string_view text) noexcept {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}
int compare_padded(const Value& left, const Value& right) {
  return compare_bytes(without_padding(left.bytes()), without_padding(right.bytes()));
}
bool equal_padded(const Value& left, const Value& right) { return compare_padded(left, right) == 0; }
std::uint64_t hash_padded(const Value& value) { return hash_bytes(without_padding(value.bytes())); }

bool equal_uuid(const Value& left, const Value& right) {
  return std::memcmp(left.bytes().data(), right.bytes().data(), 16) == 0;
}
int compare_uuid(const Value& left, const Value& right) {
  const int order = std::memcmp(left.bytes().data(), right.bytes().data(), 16);
  return sign_of(order < 0, order > 0);
}

int compare_interval(const Value& left, const Value& right) {
  return compare_intervals(left.interval(), right.interval());
}
bool equal_interval(const Value& left, const Value& right) { return compare_interval(left, right) == 0; }
std::uint64_t hash_interval(const Value& value) { return hash_interval_span(value.interval()); }

int compare_numeric(const Value& left, const Value& right) { return compare_numerics(left, right); }
bool equal_numeric(const Value& left, const Value& right) { return compare_numerics(left, right) == 0; }

int compare_jsonb(const Value& left, const Value& right) {
  return compare_jsonb_documents(JsonbView(left), JsonbView(right));
}
bool equal_jsonb(const Value& left, const Value& right) { return compare_jsonb(left, right) == 0; }
std::uint64_t hash_jsonb(const Value& value) { return hash_jsonb_node(JsonbView(value)); }

int compare_label(const Value& left, const Value& right) {
  const float a = left.label().sort_order;
  const float b = right.label().sort_order;
  return sign_of(a<b, a> b);
}
// By its text: an address differs from run to run.
std::uint64_t hash_label(const Value& value) { return hash_bytes(value.label().text); }

/// Elements first, NULL above all; then the number of elements, of dimensions, their lengths and bounds.
int compare_array(const Value& left, const Value& right) {
  const ArrayData& a = left.array();
  const ArrayData& b = right.array();
  const CompareFunction compare = compare_function(a.element);
  if (compare == nullptr) {
    raise("42883", "could not identify a comparison function for type " + type_name(a.element));
  }
  const std::size_t common = std::min(a.elements.size(), b.elements.size());
  for (std::size_t i = 0; i < common; ++i) {
    const Value& x = a.elements[i];
    const Value& y = b.elements[i];
    if (x.is_null() || y.is_null()) {
      if (x.is_null() && y.is_null()) continue;
      return x.is_null() ? 1 : -1;
    }
    const int order = compare(x, y);
    if (order != 0) return order;
  }
  if (a.elements.size() != b.elements.size()) return a.elements.size() < b.elements.size() ? -1 : 1;
  if (a.dimensions.size() != b.dimensions.size()) return a.dimensions.size() < b.dimensions.size() ? -1 : 1;
  for (std::size_t i = 0; i < a.dimensions.size(); ++i) {
    if (a.dimensions[i].length != b.dimensions[i].length) {
      return a.dimensions[i].length < b.dimensions[i].length ? -1 : 1;
    }
  }
  for (std::size_t i = 0; i < a.dimensions.size(); ++i) {
    if (a.dimensions[i].lower_bound != b.dimensions[i].lower_bound) {
      return a.dimensions[i].lower_bound < b.dimensions[i].lower_bound ? -1 : 1;
    }
  }
  return 0;
}
bool equal_array(const Value& left, const Value& right) { return compare_array(left, right) == 0; }
std::uint64_t hash_array(const Value& value) {
  const ArrayData& array = value.array();
  const HashFunction hash_element = hash_function(array.element);
  std::uint64_t hash = array.elements.size();
  for (const Value& element : array.elements) {
    hash = mix_hash(hash * 31 + (element.is_null() || hash_element == nullptr ? 0 : hash_element(element)));
  }
  return hash;
}

int compare_record(const Value& left, const Value& right) {
  const RecordData& a = left.record();
  const RecordData& b = right.record();
  if (a.fields.size() != b.fields.size()) {
    raise("42804", "cannot compare record types with different numbers of columns");
  }
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    const TypeRef type = a.shape->types[i];
    if (!type.same(b.shape->types[i])) {
      raise("42804", "cannot compare dissimilar column types " + type_name(type) + " and " +
                         type_name(b.shape->types[i]) + " at record column " + std::to_string(i + 1));
    }
    const Value& x = a.fields[i];
    const Value& y = b.fields[i];
    if (x.is_null() || y.is_null()) {
      if (x.is_null() && y.is_null()) continue;
      return x.is_null() ? 1 : -1;
    }
    const CompareFunction compare = compare_function(type);
    if (compare == nullptr) {
      raise("42883", "could not identify a comparison function for type " + type_name(type));
    }
    const int order = compare(x, y);
    if (order != 0) return order;
  }
  return 0;
}
bool equal_record(const Value& left, const Value& right) { return compare_record(left, right) == 0; }
std::uint64_t hash_record(const Value& value) {
  const RecordData& record = value.record();
  std::uint64_t hash = record.fields.size();
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    const HashFunction hash_field = hash_function(record.shape->types[i]);
    const Value& field = record.fields[i];
    hash = mix_hash(hash * 31 + (field.is_null() || hash_field == nullptr ? 0 : hash_field(field)));
  }
  return hash;
}

struct Behaviour {
  CompareFunction compare;
  EqualFunction equal;
  HashFunction hash;
};

int compare_object(const Value& left, const Value& right) {
  const std::uint32_t a = oid_of(left);
  const std::uint32_t b = oid_of(right);
  return a < b ? -1 : a > b ? 1 : 0;
}
bool equal_object(const Value& left, const Value& right) { return oid_of(left) == oid_of(right); }
std::uint64_t hash_object(const Value& value) { return hash_integer(Value::integer(oid_of(value))); }

Behaviour behaviour_of(TypeRef type) noexcept {
  if (type.is_array) return {compare_array, equal_array, hash_array};
  switch (type.base) {
    case Type::boolean:
    case Type::int2:
    case Type::int4:
    case Type::int8:
    case Type::oid:
    case Type::timestamptz:
    case Type::timestamp:
    case Type::date:
    case Type::time:
    case Type::tid:
      return {compare_integer, equal_integer, hash_integer};
    case Type::xid:
      return {nullptr, equal_integer, hash_integer};
    case Type::xid8:
      return {compare_unsigned, equal_integer, hash_integer};
    case Type::numeric:
      return {compare_numeric, equal_numeric, hash_numeric};
    case Type::float4:
    case Type::float8:
      return {compare_real, equal_real, hash_real};
    case Type::unknown:
    case Type::text:
    case Type::varchar:
    case Type::name:
    case Type::bytea:
    case Type::char_:
      return {compare_text, equal_text, hash_text};
    case Type::regclass:
    case Type::regtype:
    case Type::regnamespace:
    case Type::regproc:
      return {compare_object, equal_object, hash_object};
    case Type::bpchar:
      return {compare_padded, equal_padded, hash_padded};
    case Type::uuid:
      return {compare_uuid, equal_uuid, hash_text};
    case Type::jsonb:
      return {compare_jsonb, equal_jsonb, hash_jsonb};
    case Type::interval:
      return {compare_interval, equal_interval, hash_interval};
    case Type::enumeration:
      return {compare_label, equal_integer, hash_label};
    case Type::record:
      return {compare_record, equal_record, hash_record};
    case Type::aclitem:
      return {nullptr, equal_text, hash_text};  // without an order
    default:
      return {nullptr, nullptr, nullptr};
  }
}

template <int (*compare)(const Value&, const Value&)>
void register_order(Registry& registry, std::string_view less, std::string_view less_equal, std::string_view greater,
                    std::string_view greater_equal) {
  registry.op(less,
              [](Arguments a, const CallSite&, const EvalContext&) { return Value::boolean(compare(a[0], a[1]) < 0); });
  registry.op(less_equal, [](Arguments a, const CallSite&, const EvalContext&) {
    return Value::boolean(compare(a[0], a[1]) <= 0);
  });
  registry.op(greater,
              [](Arguments a, const CallSite&, const EvalContext&) { return Value::boolean(compare(a[0], a[1]) > 0); });
  registry.op(greater_equal, [](Arguments a, const CallSite&, const EvalContext&) {
    return Value::boolean(compare(a[0], a[1]) >= 0);
  });
}
template <bool (*equal)(const Value&, const Value&)>
void register_equality(Registry& registry, std::string_view equals, std::string_view differs) {
  registry.op(equals,
              [](Arguments a, const CallSite&, const EvalContext&) { return Value::boolean(equal(a[0], a[1])); });
  registry.op(differs,
              [](Arguments a, const CallSite&, const EvalContext&) { return Value::boolean(!equal(a[0], a[1])); });
}

// The signatures must be literals: functions keep views of them.
#define EQUALITY(equal, left, right) \
  register_equality<equal>(registry, left " = " right " -> bool", left " <> " right " -> bool")
#define ORDER(compare, left, right)                                                            \
  register_order<compare>(registry, left " < " right " -> bool", left " <= " right " -> bool", \
                          left " > " right " -> bool", left " >= " right " -> bool")
#define COMPARISON(compare, equal, left, right) \
  EQUALITY(equal, left, right);                 \
  ORDER(compare, left, right)

bool equal_date_timestamp(const Value& left, const Value& right) {
  return timestamp_of_date_saturating(left.integer()) == right.integer();
}
int compare_date_timestamp(const Value& left, const Value& right) {
  const std::int64_t a = timestamp_of_date_saturating(left.integer());
  return sign_of(a<right.integer(), a> right.integer());
}
bool equal_timestamp_date(const Value& left, const Value& right) { return equal_date_timestamp(right, left); }
int compare_timestamp_date(const Value& left, const Value& right) { return -compare_date_timestamp(right, left); }

}  // namespace

CompareFunction compare_function(TypeRef type) noexcept { return behaviour_of(type).compare; }
EqualFunction equal_function(TypeRef type) noexcept { return behaviour_of(type).equal; }
HashFunction hash_function(TypeRef type) noexcept { return behaviour_of(type).hash; }

void register_comparisons(Registry& registry) {
  COMPARISON(compare_integer, equal_integer, "bool", "bool");
  COMPARISON(compare_integer, equal_integer, "int2", "int2");
  COMPARISON(compare_integer, equal_integer, "int2", "int4");
  COMPARISON(compare_integer, equal_integer, "int2", "int8");
  COMPARISON(compare_integer, equal_integer, "int4", "int2");
  COMPARISON(compare_integer, equal_integer, "int4", "int4");
  COMPARISON(compare_integer, equal_integer, "int4", "int8");
  COMPARISON(compare_integer, equal_integer, "int8", "int2");
  COMPARISON(compare_integer, equal_integer, "int8", "int4");
  COMPARISON(compare_integer, equal_integer, "int8", "int8");
  COMPARISON(compare_integer, equal_integer, "oid", "oid");
  COMPARISON(compare_real, equal_real, "float4", "float4");
  COMPARISON(compare_real, equal_real, "float4", "float8");
  COMPARISON(compare_real, equal_real, "float8", "float4");
  COMPARISON(compare_real, equal_real, "float8", "float8");
  COMPARISON(compare_numeric, equal_numeric, "numeric", "numeric");
  COMPARISON(compare_text, equal_text, "text", "text");
  COMPARISON(compare_text, equal_text, "name", "name");
  COMPARISON(compare_text, equal_text, "name", "text");
  COMPARISON(compare_text, equal_text, "text", "name");
  COMPARISON(compare_padded, equal_padded, "bpchar", "bpchar");
  COMPARISON(compare_text, equal_text, "bytea", "bytea");
  COMPARISON(compare_uuid, equal_uuid, "uuid", "uuid");
  COMPARISON(compare_jsonb, equal_jsonb, "jsonb", "jsonb");
  COMPARISON(compare_integer, equal_integer, "timestamptz", "timestamptz");
  COMPARISON(compare_integer, equal_integer, "timestamptz", "timestamp");
  COMPARISON(compare_integer, equal_integer, "timestamp", "timestamptz");
  COMPARISON(compare_integer, equal_integer, "timestamp", "timestamp");
  COMPARISON(compare_integer, equal_integer, "date", "date");
  COMPARISON(compare_date_timestamp, equal_date_timestamp, "date", "timestamp");
  COMPARISON(compare_date_timestamp, equal_date_timestamp, "date", "timestamptz");
  COMPARISON(compare_timestamp_date, equal_timestamp_date, "timestamp", "date");
  COMPARISON(compare_timestamp_date, equal_timestamp_date, "timestamptz", "date");
  COMPARISON(compare_integer, equal_integer, "time", "time");
  COMPARISON(compare_interval, equal_interval, "interval", "interval");
  COMPARISON(compare_unsigned, equal_integer, "xid8", "xid8");
  COMPARISON(compare_integer, equal_integer, "tid", "tid");
  EQUALITY(equal_integer, "xid", "xid");
  EQUALITY(equal_integer, "xid", "int4");
  COMPARISON(compare_text, equal_text, "char", "char");
  COMPARISON(compare_label, equal_integer, "anyenum", "anyenum");
  COMPARISON(compare_array, equal_array, "anyarray", "anyarray");
  registry.op("aclitem = aclitem -> bool",
              [](Arguments a, const CallSite&, const EvalContext&) { return Value::boolean(equal_text(a[0], a[1])); });
  COMPARISON(compare_record, equal_record, "record", "record");
}

#undef COMPARISON
#undef ORDER
#undef EQUALITY

}  // namespace orrery::sim::database
