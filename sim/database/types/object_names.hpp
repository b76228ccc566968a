#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

/// regclass, regtype, regnamespace and regproc: an OID that is printed as a name. A value is the OID's four bytes, the highest
/// first, and then the text as it is printed under the search path of the statement that made it.
[[nodiscard]] constexpr bool is_object_name(TypeRef type) noexcept {
  return !type.is_array && type.base >= Type::regclass && type.base <= Type::regproc;
}

[[nodiscard]] inline Value object_value(std::uint32_t oid, std::string_view text) {
  return Value::bytes_filled_by(text.size() + 4, [&](char* room) {
    for (int i = 0; i < 4; ++i) room[i] = static_cast<char>(oid >> (8 * (3 - i)));
    text.copy(room + 4, text.size());
  });
}
[[nodiscard]] inline std::uint32_t oid_of(const Value& object) noexcept {
  std::uint32_t oid = 0;
  const std::string_view bytes = object.bytes();
  for (std::size_t i = 0; i < 4; ++i) oid = oid << 8U | static_cast<unsigned char>(bytes[i]);
  return oid;
}
[[nodiscard]] inline std::string object_text(const Value& object) { return std::string(object.bytes().substr(4)); }

/// A name as SQL takes it: quoted if it has to be.
[[nodiscard]] std::string quote_identifier(std::string_view name);

/// An expression as catalogs hold it: as pg_get_expr gives it, and prettily.
[[nodiscard]] inline Value tree_value(std::string_view text, std::string_view pretty) {
  std::string both(text);
  both += '\0';
  both += pretty;
  return Value::bytes(both);
}

}  // namespace orrery::sim::database
