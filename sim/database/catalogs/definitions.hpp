#pragma once

#include <string_view>

namespace orrery::sim::database {

/// What postgres_catalogs.sh wrote, see there.
struct CatalogDefinitions {
  std::string_view relations;
  std::string_view type_rows;
  std::string_view range_rows;
  std::string_view access_method_rows;
  std::string_view collation_rows;
  std::string_view role_rows;
  std::string_view membership_rows;
  std::string_view tablespace_rows;
  std::string_view operator_class_rows;
  std::string_view function_rows;
  std::string_view type_names;  // OID, space, name: of all types, of those too that are not simulated
};
[[nodiscard]] const CatalogDefinitions& catalog_definitions();

}  // namespace orrery::sim::database
