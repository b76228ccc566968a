#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::sim::database {

/// PostgreSQL's built-in types, as far as they are simulated. An array is a TypeRef with its array flag set.
enum class Type : std::uint8_t {
  unknown,  // a string literal or a parameter whose type is not known yet
  boolean,
  int2,
  int4,
  int8,
  numeric,
  float4,
  float8,
  text,
  varchar,
  bpchar,  // character(n)
  name,
  bytea,
  uuid,
  json,
  jsonb,
  timestamptz,
  timestamp,
  date,
  time,
  timetz,  // has a name only: casts to it are refused
  interval,
  oid,
  xid,
  xid8,
  tid,
  regclass,      // names by OIDs: see types/object_names.hpp
  regtype,
  regnamespace,
  regproc,
  char_,         // "char": one byte
  pg_node_tree,  // an expression in a catalog: its text as pg_get_expr gives it, a zero byte, the same prettily
  aclitem,       // has a name only: nobody is granted anything
  pg_snapshot,
  enumeration,  // user-defined; TypeRef::enumeration tells which
  record,
  void_,
  trigger,
  // pseudo-types of function signatures
  any,            // "any": each argument on its own
  anyelement,     // all of them the same type
  anyarray,       // an array of anyelement
  anynonarray,    // anyelement that is no array
  anyenum,        // anyelement that is an enum
  anycompatible,  // all of them convertible to one common type
  anycompatiblearray,
};

/// One label of an enum type. Its address is its identity and lives as long as the database.
struct EnumLabel {
  std::string text;
  mutable float sort_order = 0;  // ALTER TYPE … ADD VALUE BEFORE may choose a value between two others, or number all of them anew
  mutable std::uint32_t oid = 0;
};

/// A user-defined enum: owned by the catalog, which never frees it, since values point to its labels.
struct EnumType {
  std::string name;                      // as it is printed in messages
  std::vector<const EnumLabel*> labels;  // in sort order
  mutable std::uint32_t oid = 0;         // once somebody asked; its array type has the next one

  /// Null: there is no such label.
  [[nodiscard]] const EnumLabel* find(std::string_view text) const noexcept;
};

/// In TypeRef::typmod of an array: an int2vector or oidvector, whose text has no braces.
inline constexpr std::int32_t kVector = -2;

/// A type as an expression or a column has it.
struct TypeRef {
  Type base = Type::unknown;
  bool is_array = false;
  /// PostgreSQL's encoding: length + 4 for varchar and bpchar; ((precision << 16) | (scale & 0x7ff)) + 4 for numeric;
  /// the number of decimals of seconds for time types (and in an interval's low 16 bits); -1: none.
  std::int32_t typmod = -1;
  const EnumType* enumeration = nullptr;  // of Type::enumeration

  constexpr TypeRef() noexcept = default;
  constexpr TypeRef(Type type, std::int32_t modifier = -1) noexcept : base(type), typmod(modifier) {}
  constexpr explicit TypeRef(const EnumType& type) noexcept : base(Type::enumeration), enumeration(&type) {}

  [[nodiscard]] constexpr bool is(Type type) const noexcept { return base == type && !is_array; }
  [[nodiscard]] constexpr bool is_vector() const noexcept { return is_array && typmod == kVector; }
  [[nodiscard]] constexpr bool is_unknown() const noexcept { return is(Type::unknown); }
  /// The type of the array's elements; only of arrays.
  [[nodiscard]] constexpr TypeRef element() const noexcept {
    TypeRef type = *this;
    type.is_array = false;
    return type;
  }
  [[nodiscard]] constexpr TypeRef array() const noexcept {
    TypeRef type = *this;
    type.is_array = true;
    return type;
  }
  [[nodiscard]] constexpr TypeRef without_typmod() const noexcept {
    TypeRef type = *this;
    type.typmod = -1;
    return type;
  }
  /// The same type, whatever the typmod.
  [[nodiscard]] constexpr bool same(const TypeRef& other) const noexcept {
    return base == other.base && is_array == other.is_array && enumeration == other.enumeration;
  }
  friend constexpr bool operator==(const TypeRef&, const TypeRef&) noexcept = default;
};

/// PostgreSQL's type categories (pg_type.typcategory), by which it chooses among overloads.
enum class TypeCategory : char {
  array = 'A',
  boolean = 'B',
  date_time = 'D',
  enumeration = 'E',
  numeric = 'N',
  pseudo = 'P',
  string = 'S',
  timespan = 'T',
  user = 'U',
  unknown = 'X',
  internal = 'Z',
};
[[nodiscard]] TypeCategory category_of(TypeRef type) noexcept;
/// True of the types that win in their category: boolean, float8, oid, text, timestamptz, interval.
[[nodiscard]] bool is_preferred(TypeRef type) noexcept;
/// True of any, anyelement, anyarray, …
[[nodiscard]] bool is_polymorphic(Type type) noexcept;

/// A type by its name in pg_type ("int4", "timestamptz", "bpchar", "varchar"); also SQL's words that the parser leaves
/// alone ("char" is pg's one-byte type and is not supported). Serial types are the analyzer's. "_int4" is an array.
[[nodiscard]] std::optional<Type> type_by_name(std::string_view name) noexcept;

/// The name as format_type() prints it, without typmod: "timestamp with time zone", "integer[]", "character varying".
[[nodiscard]] std::string type_name(TypeRef type);
/// pg_type.oid of a built-in type, or of its array type; 0: an enum, which the catalog has numbered, or no type with one.
[[nodiscard]] std::uint32_t builtin_oid(TypeRef type) noexcept;
/// The built-in type with this OID; nothing: none that is simulated.
[[nodiscard]] std::optional<TypeRef> builtin_type(std::uint32_t oid) noexcept;
/// The name in pg_type, as "int4".
[[nodiscard]] std::string_view catalog_name(Type type) noexcept;
/// The name with its typmod, as in "numeric(12,2)" and "character varying(10)".
[[nodiscard]] std::string type_name_with_typmod(TypeRef type);

/// The typmod of a type that was written with modifiers, as numeric(12,2) or varchar(10). Throws SqlError (22023) as
/// PostgreSQL does when they are out of range.
[[nodiscard]] std::int32_t typmod_of(Type type, const std::vector<std::int32_t>& modifiers);

}  // namespace orrery::sim::database
