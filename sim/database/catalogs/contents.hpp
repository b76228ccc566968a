#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/database/catalogs/relations.hpp"

namespace orrery::sim::database {

class CatalogReader;
class SessionImpl;
class Table;
struct Column;
struct Sequence;

using Fill = void (*)(const CatalogReader& reader, RowWriter& rows);
using FillLive = void (*)(const SessionImpl& session, RowWriter& rows);

/// What fills the relation, null: it is empty. False: it is not simulated.
[[nodiscard]] bool find_content(std::string_view schema, std::string_view name, Fill& fill);
/// Of relations that show what sessions do. Null: it is none of them.
[[nodiscard]] FillLive live_content(const SystemRelation& relation);

// information_schema.cpp
[[nodiscard]] Fill information_content(std::string_view name);

/// What PostgreSQL says of the schema that it makes.
inline constexpr std::string_view kPublicDescription = "standard public schema";

/// What pg_type says of a type that decides how a column is stored.
struct TypeStorage {
  std::int64_t length = -1;
  bool by_value = false;
  char align = 'i';
  char storage = 'x';
  std::uint32_t collation = 0;
};
[[nodiscard]] TypeStorage storage_of(std::uint32_t type_oid);

/// Has it an entry in pg_attrdef? Identity columns have none.
[[nodiscard]] bool has_default(const Column& column);

/// The column that a serial or identity sequence belongs to.
struct SequenceOwner {
  const Table* table = nullptr;
  std::int16_t number = 0;
  const Column* column = nullptr;
};
[[nodiscard]] SequenceOwner owner_of(const CatalogReader& reader, const Sequence& sequence);

}  // namespace orrery::sim::database
