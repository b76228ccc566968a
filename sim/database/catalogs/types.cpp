// pg_type, pg_enum.

#include "sim/database/catalogs/fills.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "sim/database/catalogs/definitions.hpp"

namespace orrery::sim::database {
namespace {

using Kind = CatalogEntry::Kind;

void add_type(RowWriter& rows, std::int64_t oid, std::string_view name, std::int64_t schema, const char* kind, const char* category) {
  rows.begin();
  rows.set_number("oid", oid);
  rows.set("typname", name);
  rows.set_number("typnamespace", schema);
  rows.set_number("typowner", kOwner);
  rows.set_number("typlen", -1);
  rows.set("typtype", kind);
  rows.set("typcategory", category);
  rows.set("typisdefined", true);
  rows.set("typdelim", ",");
  rows.set_number("typtypmod", -1);
  rows.set("typstorage", "x");
}

void set_functions(RowWriter& rows, std::string_view kind) {
  struct Functions {
    std::string_view kind;
    std::array<std::pair<std::uint32_t, const char*>, 4> four;
  };
  // pg_proc.dat
  static constexpr Functions all[] = {
      {"enum", {{{3506, "enum_in"}, {3507, "enum_out"}, {3532, "enum_recv"}, {3533, "enum_send"}}}},
      {"record", {{{2290, "record_in"}, {2291, "record_out"}, {2402, "record_recv"}, {2403, "record_send"}}}},
      {"array", {{{750, "array_in"}, {751, "array_out"}, {2400, "array_recv"}, {2401, "array_send"}}}},
  };
  static constexpr const char* columns[] = {"typinput", "typoutput", "typreceive", "typsend"};
  for (const Functions& each : all) {
    if (each.kind != kind) continue;
    for (std::size_t i = 0; i < 4; ++i) rows.set(columns[i], object_value(each.four[i].first, each.four[i].second));
  }
}

/// `_name`, with more underscores in front while there is such a type already (makeArrayTypeName).
void add_array_type(RowWriter& rows, std::int64_t element, std::string_view name, std::int64_t schema, const char* align) {
  add_type(rows, element + 1, ("_" + std::string(name)).substr(0, 63), schema, "b", "A");
  rows.set_number("typelem", element);
  rows.set("typsubscript", object_value(6179, "array_subscript_handler"));
  rows.set("typanalyze", object_value(3816, "array_typanalyze"));
  rows.set("typalign", align);
  set_functions(rows, "array");
}

}  // namespace

void fill_type(const CatalogReader& reader, RowWriter& rows) {
  rows.add_written(catalog_definitions().type_rows);
  for (const Catalog::Seen& each : reader.seen()) {
    const std::int64_t schema = reader.schema_oid(each.schema);
    if (each.entry->type != nullptr) {
      const std::int64_t oid = reader.type_oid(TypeRef(*each.entry->type));
      add_type(rows, oid, each.name, schema, "e", "E");
      rows.set_number("typlen", 4);
      rows.set("typbyval", true);
      rows.set("typalign", "i");
      rows.set("typstorage", "p");
      rows.set_number("typarray", oid + 1);
      set_functions(rows, "enum");
      add_array_type(rows, oid, each.name, schema, "i");
      continue;
    }
    std::int64_t oid = 0;
    if (each.entry->kind == Kind::table) oid = each.entry->table->type_oid;
    if (each.entry->kind == Kind::view) oid = each.entry->view->oid + 1;
    if (oid == 0) continue;
    add_type(rows, oid, each.name, schema, "c", "C");
    rows.set_number("typrelid", relation_oid(*each.entry));
    rows.set_number("typarray", oid + 1);
    rows.set("typalign", "d");
    set_functions(rows, "record");
    add_array_type(rows, oid, each.name, schema, "d");
  }
}

void fill_enum(const CatalogReader& reader, RowWriter& rows) {
  for (const Catalog::Seen& each : reader.seen()) {
    if (each.entry->type == nullptr) continue;
    for (const EnumLabel* label : each.entry->type->labels) {
      rows.begin();
      rows.set_number("oid", label->oid);
      rows.set_number("enumtypid", reader.type_oid(TypeRef(*each.entry->type)));
      rows.set("enumsortorder", Value::real(label->sort_order));
      rows.set("enumlabel", label->text);
    }
  }
}

TypeStorage storage_of(std::uint32_t type_oid) {
  static const std::map<std::uint32_t, TypeStorage> all = [] {
    std::map<std::uint32_t, TypeStorage> found;
    const SystemRelation* types = find_system_relation("pg_catalog", "pg_type");
    std::vector<Value> cells;
    RowWriter rows(*types, cells);
    rows.add_written(catalog_definitions().type_rows);
    const auto place = [&](std::string_view column) {
      return static_cast<std::size_t>(std::ranges::find(types->columns, column) - types->columns.begin());
    };
    const std::size_t oid = place("oid");
    const std::size_t length = place("typlen");
    const std::size_t by_value = place("typbyval");
    const std::size_t align = place("typalign");
    const std::size_t storage = place("typstorage");
    const std::size_t collation = place("typcollation");
    for (std::size_t row = 0; row < cells.size(); row += types->columns.size()) {
      found[static_cast<std::uint32_t>(cells[row + oid].integer())] = {
          cells[row + length].integer(), cells[row + by_value].boolean(), cells[row + align].bytes()[0], cells[row + storage].bytes()[0],
          static_cast<std::uint32_t>(cells[row + collation].integer())};
    }
    found[29] = {4, true, 'i', 'p', 0};  // cid
    return found;
  }();
  const auto found = all.find(type_oid);
  if (found != all.end()) return found->second;
  // An enum, or an array of one, which have OIDs side by side: told apart by the caller's type only, and both align alike.
  return {4, true, 'i', 'p', 0};
}

}  // namespace orrery::sim::database
