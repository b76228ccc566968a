#include "sim/database/types/type.hpp"

#include <array>
#include <utility>

#include "sim/database/types/errors.hpp"

namespace orrery::sim::database {
namespace {

struct TypeInfo {
  std::string_view name;     // in pg_type
  std::string_view printed;  // by format_type
  TypeCategory category;
  bool preferred = false;
};

constexpr std::array<TypeInfo, 45> kTypes{{
    {"unknown", "unknown", TypeCategory::unknown},
    {"bool", "boolean", TypeCategory::boolean, true},
    {"int2", "smallint", TypeCategory::numeric},
    {"int4", "integer", TypeCategory::numeric},
    {"int8", "bigint", TypeCategory::numeric},
    {"numeric", "numeric", TypeCategory::numeric},
    {"float4", "real", TypeCategory::numeric},
    {"float8", "double precision", TypeCategory::numeric, true},
    {"text", "text", TypeCategory::string, true},
    {"varchar", "character varying", TypeCategory::string},
    {"bpchar", "character", TypeCategory::string},
    {"name", "name", TypeCategory::string},
    {"bytea", "bytea", TypeCategory::user},
    {"uuid", "uuid", TypeCategory::user},
    {"json", "json", TypeCategory::user},
    {"jsonb", "jsonb", TypeCategory::user},
    {"timestamptz", "timestamp with time zone", TypeCategory::date_time, true},
    {"timestamp", "timestamp without time zone", TypeCategory::date_time},
    {"date", "date", TypeCategory::date_time},
    {"time", "time without time zone", TypeCategory::date_time},
    {"timetz", "time with time zone", TypeCategory::date_time},
    {"interval", "interval", TypeCategory::timespan, true},
    {"oid", "oid", TypeCategory::numeric, true},
    {"xid", "xid", TypeCategory::user},
    {"xid8", "xid8", TypeCategory::user},
    {"tid", "tid", TypeCategory::user},
    {"regclass", "regclass", TypeCategory::numeric},
    {"regtype", "regtype", TypeCategory::numeric},
    {"regnamespace", "regnamespace", TypeCategory::numeric},
    {"regproc", "regproc", TypeCategory::numeric},
    {"char", "\"char\"", TypeCategory::internal},
    {"pg_node_tree", "pg_node_tree", TypeCategory::internal},
    {"aclitem", "aclitem", TypeCategory::user},
    {"pg_snapshot", "pg_snapshot", TypeCategory::user},
    {"", "", TypeCategory::enumeration},
    {"record", "record", TypeCategory::pseudo},
    {"void", "void", TypeCategory::pseudo},
    {"trigger", "trigger", TypeCategory::pseudo},
    {"any", "\"any\"", TypeCategory::pseudo},
    {"anyelement", "anyelement", TypeCategory::pseudo},
    {"anyarray", "anyarray", TypeCategory::pseudo},
    {"anynonarray", "anynonarray", TypeCategory::pseudo},
    {"anyenum", "anyenum", TypeCategory::pseudo},
    {"anycompatible", "anycompatible", TypeCategory::pseudo},
    {"anycompatiblearray", "anycompatiblearray", TypeCategory::pseudo},
}};

struct Number {
  Type type;
  std::uint32_t oid;
  std::uint32_t array;
};
// pg_type.dat of PostgreSQL 15.
constexpr Number kNumbers[] = {
    {Type::boolean, 16, 1000},     {Type::bytea, 17, 1001},         {Type::char_, 18, 1002},        {Type::name, 19, 1003},
    {Type::int8, 20, 1016},        {Type::int2, 21, 1005},          {Type::int4, 23, 1007},         {Type::regproc, 24, 1008},
    {Type::text, 25, 1009},        {Type::oid, 26, 1028},           {Type::tid, 27, 1010},          {Type::xid, 28, 1011},
    {Type::json, 114, 199},        {Type::pg_node_tree, 194, 0},    {Type::float4, 700, 1021},      {Type::float8, 701, 1022},
    {Type::unknown, 705, 0},       {Type::aclitem, 1033, 1034},     {Type::bpchar, 1042, 1014},     {Type::varchar, 1043, 1015},
    {Type::date, 1082, 1182},      {Type::time, 1083, 1183},        {Type::timestamp, 1114, 1115},  {Type::timestamptz, 1184, 1185},
    {Type::interval, 1186, 1187},  {Type::timetz, 1266, 1270},      {Type::numeric, 1700, 1231},    {Type::regclass, 2205, 2210},
    {Type::regtype, 2206, 2211},   {Type::record, 2249, 2287},      {Type::void_, 2278, 0},         {Type::trigger, 2279, 0},      {Type::anyarray, 2277, 0},
    {Type::uuid, 2950, 2951},      {Type::jsonb, 3802, 3807},       {Type::regnamespace, 4089, 4090}, {Type::pg_snapshot, 5038, 5039},
    {Type::xid8, 5069, 271},
};
constexpr std::uint32_t kInt2Vector = 22;
constexpr std::uint32_t kOidVector = 30;

constexpr std::size_t kTypeCount = kTypes.size();
static_assert(kTypeCount == static_cast<std::size_t>(Type::anycompatiblearray) + 1);

const TypeInfo& info(Type type) noexcept { return kTypes[static_cast<std::size_t>(type)]; }

// SQL's own words for types, for callers that have a name from elsewhere than the parser.
constexpr std::array<std::pair<std::string_view, Type>, 12> kAliases{{
    {"boolean", Type::boolean},
    {"smallint", Type::int2},
    {"integer", Type::int4},
    {"int", Type::int4},
    {"bigint", Type::int8},
    {"decimal", Type::numeric},
    {"real", Type::float4},
    {"double precision", Type::float8},
    {"character varying", Type::varchar},
    {"character", Type::bpchar},
    {"timestamp with time zone", Type::timestamptz},
    {"timestamp without time zone", Type::timestamp},
}};

std::string modifier_text(TypeRef type) {
  if (type.typmod < 0) return {};
  switch (type.base) {
    case Type::varchar:
    case Type::bpchar:
      return "(" + std::to_string(type.typmod - 4) + ")";
    case Type::numeric: {
      const std::int32_t packed = type.typmod - 4;
      const std::int32_t scale = ((packed & 0x7ff) ^ 1024) - 1024;
      return "(" + std::to_string((packed >> 16) & 0xffff) + "," + std::to_string(scale) + ")";
    }
    case Type::timestamptz:
    case Type::timestamp:
    case Type::time:
    case Type::interval: {
      const std::int32_t decimals = type.typmod & 0xffff;
      return decimals == 0xffff ? std::string{} : "(" + std::to_string(decimals) + ")";
    }
    default:
      return {};
  }
}

}  // namespace

const EnumLabel* EnumType::find(std::string_view text) const noexcept {
  for (const EnumLabel* label : labels) {
    if (label->text == text) return label;
  }
  return nullptr;
}

TypeCategory category_of(TypeRef type) noexcept {
  if (type.is_array) return TypeCategory::array;
  return info(type.base).category;
}

bool is_preferred(TypeRef type) noexcept { return !type.is_array && info(type.base).preferred; }

bool is_polymorphic(Type type) noexcept { return type >= Type::any; }

std::optional<Type> type_by_name(std::string_view name) noexcept {
  if (name.empty()) return std::nullopt;
  for (std::size_t i = 0; i < kTypeCount; ++i) {
    if (info(static_cast<Type>(i)).name == name) return static_cast<Type>(i);
  }
  for (const auto& [alias, type] : kAliases) {
    if (alias == name) return type;
  }
  return std::nullopt;
}

std::string_view catalog_name(Type type) noexcept { return info(type).name; }

std::uint32_t builtin_oid(TypeRef type) noexcept {
  if (type.is_vector()) return type.base == Type::oid ? kOidVector : kInt2Vector;
  for (const Number& each : kNumbers) {
    if (each.type == type.base) return type.is_array ? each.array : each.oid;
  }
  return 0;
}

std::optional<TypeRef> builtin_type(std::uint32_t oid) noexcept {
  if (oid == 0) return std::nullopt;
  if (oid == kInt2Vector || oid == kOidVector) {
    TypeRef type = TypeRef(oid == kInt2Vector ? Type::int2 : Type::oid).array();
    type.typmod = kVector;
    return type;
  }
  for (const Number& each : kNumbers) {
    if (each.oid == oid) return TypeRef(each.type);
    if (each.array == oid) return TypeRef(each.type).array();
  }
  return std::nullopt;
}

std::string type_name(TypeRef type) {
  if (type.is_vector()) return type.base == Type::oid ? "oidvector" : "int2vector";
  std::string name = type.enumeration != nullptr ? type.enumeration->name : std::string(info(type.base).printed);
  if (type.is_array) name += "[]";
  return name;
}

std::string type_name_with_typmod(TypeRef type) {
  const std::string modifier = modifier_text(type);
  std::string name = type_name(type.element());
  // "timestamp(3) with time zone": the modifier follows the first word of time types.
  const std::size_t place = name.starts_with("time") ? name.find(' ') : std::string::npos;
  if (place == std::string::npos) {
    name += modifier;
  } else {
    name.insert(place, modifier);
  }
  if (type.is_array) name += "[]";
  return name;
}

std::int32_t typmod_of(Type type, const std::vector<std::int32_t>& modifiers) {
  if (modifiers.empty()) return -1;
  switch (type) {
    case Type::varchar:
    case Type::bpchar: {
      const std::string name = type == Type::varchar ? "varchar" : "char";
      if (modifiers.size() != 1) raise("22023", "invalid type modifier");
      if (modifiers[0] < 1) raise("22023", "length for type " + name + " must be at least 1");
      if (modifiers[0] > 10'485'760) raise("22023", "length for type " + name + " cannot exceed 10485760");
      return modifiers[0] + 4;
    }
    case Type::numeric: {
      if (modifiers.size() > 2) raise("22023", "invalid NUMERIC type modifier");
      const std::int32_t precision = modifiers[0];
      const std::int32_t scale = modifiers.size() == 2 ? modifiers[1] : 0;
      if (precision < 1 || precision > 1000) {
        raise("22023", "NUMERIC precision " + std::to_string(precision) + " must be between 1 and 1000");
      }
      if (scale < -1000 || scale > 1000) {
        raise("22023", "NUMERIC scale " + std::to_string(scale) + " must be between -1000 and 1000");
      }
      return ((precision << 16) | (scale & 0x7ff)) + 4;
    }
    case Type::timestamptz:
    case Type::timestamp:
    case Type::time:
      if (modifiers.size() != 1) raise("22023", "invalid type modifier");
      if (modifiers[0] < 0) {
        raise("22023", (type == Type::time ? "TIME(" : "TIMESTAMP(") + std::to_string(modifiers[0]) +
                           (type == Type::timestamptz ? ") WITH TIME ZONE" : ")") + " precision must not be negative");
      }
      return modifiers[0] > 6 ? 6 : modifiers[0];
    case Type::interval:
      // The parser gives (fields, decimals); only the decimals are kept, the fields 0x7fff mean all of them.
      if (modifiers.size() == 1 && modifiers[0] == 0x7fff) return -1;
      if (modifiers.size() == 2 && modifiers[0] == 0x7fff)
        return (0x7fff << 16) | (modifiers[1] > 6 ? 6 : modifiers[1]);
      raise_unsupported("an interval that is restricted to some fields");
    default:
      raise("42601", "type modifier is not allowed for type \"" + std::string(info(type).name) + "\"");
  }
}

}  // namespace orrery::sim::database
