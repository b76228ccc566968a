#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/catalogs/contents.hpp"
#include "sim/database/catalogs/objects.hpp"

// The rows of each relation of pg_catalog, and what their files share.

namespace orrery::sim::database {

// classes.cpp
void fill_class(const CatalogReader& reader, RowWriter& rows);
void fill_namespace(const CatalogReader& reader, RowWriter& rows);
void fill_attribute(const CatalogReader& reader, RowWriter& rows);
void fill_attrdef(const CatalogReader& reader, RowWriter& rows);
// types.cpp
void fill_type(const CatalogReader& reader, RowWriter& rows);
void fill_enum(const CatalogReader& reader, RowWriter& rows);
// constraints.cpp
void fill_index(const CatalogReader& reader, RowWriter& rows);
void fill_constraint(const CatalogReader& reader, RowWriter& rows);
// activity.cpp
void fill_database(const SessionImpl& session, RowWriter& rows);
void fill_activity(const SessionImpl& asking, RowWriter& rows);
void fill_locks(const SessionImpl& asking, RowWriter& rows);

inline constexpr std::int64_t kOwner = 10;  // the role postgres

[[nodiscard]] std::vector<const Index*> indexes_of(const CatalogReader& reader, const Table& table);
/// But those that are dropped.
[[nodiscard]] std::vector<const ForeignKey*> foreign_keys_of(const Table& table);

}  // namespace orrery::sim::database
