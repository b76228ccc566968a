#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/database/types/functions.hpp"

namespace orrery::sim::database {

class CatalogReader;
class RowWriter;

/// A relation of pg_catalog or information_schema: its rows are computed when a statement reads it.
struct SystemRelation {
  std::string_view schema;
  std::string_view name;
  std::uint32_t oid = 0;
  std::uint32_t type_oid = 0;  // of its rows
  char kind = 'r';             // pg_class.relkind
  std::vector<std::string_view> columns;
  std::vector<TypeRef> types;
  std::vector<bool> not_null;
  void (*fill)(const CatalogReader& reader, RowWriter& rows) = nullptr;  // null: it is empty
  Function function;  // gives its rows
};

/// Null: there is none of that name. Without a schema it is one of pg_catalog, which is searched first.
[[nodiscard]] const SystemRelation* find_system_relation(std::string_view schema, std::string_view name);
[[nodiscard]] const SystemRelation* system_relation_numbered(std::uint32_t oid);
[[nodiscard]] const std::vector<SystemRelation>& system_relations();

/// pg_namespace.oid of information_schema here.
inline constexpr std::uint32_t kInformationSchema = 13'000;

/// Makes rows of a system relation. A column that nothing is said of is 0, false, or NULL if it may be.
class RowWriter {
 public:
  RowWriter(const SystemRelation& relation, std::vector<Value>& cells) : relation_(relation), cells_(cells) {}

  void begin();
  void set(std::string_view column, Value value);
  void set(std::string_view column, std::string_view text) { set(column, Value::bytes(text)); }
  void set(std::string_view column, const char* text) { set(column, Value::bytes(text)); }
  void set(std::string_view column, bool truth) { set(column, Value::boolean(truth)); }
  void set_number(std::string_view column, std::int64_t number) { set(column, Value::integer(number)); }
  /// Rows as postgres_catalogs.sh writes them.
  void add_written(std::string_view rows);

  [[nodiscard]] const SystemRelation& relation() const noexcept { return relation_; }

 private:
  const SystemRelation& relation_;
  std::vector<Value>& cells_;
  std::size_t row_ = 0;  // where it begins
};

}  // namespace orrery::sim::database
