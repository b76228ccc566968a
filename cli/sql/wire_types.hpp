#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sql.hpp"
#include "sim/database/types/type.hpp"

namespace orrery::cli::sql {

/// Types by their numbers in pg_type. What a number of an enum means is known once the client has been told of it.
class TypeNumbers {
 public:
  [[nodiscard]] std::uint32_t number_of(sim::database::TypeRef type);
  /// 0 is the unknown type. Throws SqlError 0A000 for a type that is not simulated.
  [[nodiscard]] sim::database::TypeRef type_of(std::uint32_t number) const;
  /// pg_type.typlen: -1 of varying length, -2 of text that ends with a zero byte.
  [[nodiscard]] static std::int16_t length_of(sim::database::TypeRef type);

 private:
  std::vector<const sim::database::EnumType*> enums_;
};

/// A cell in the binary format of its type (the send functions of PostgreSQL's types). Not for NULL. Throws SqlError 0A000
/// for types whose binary format is not simulated.
[[nodiscard]] std::string binary_of(const SqlValue& cell, sim::database::TypeRef type, TypeNumbers& numbers);

/// A parameter in the binary format of its type. Throws SqlError 22P03 if it is none, 0A000 as `binary_of`.
[[nodiscard]] SqlValue value_of_binary(std::string_view bytes, sim::database::TypeRef type, std::size_t parameter);

}  // namespace orrery::cli::sql
