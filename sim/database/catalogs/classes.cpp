// pg_class, pg_namespace, pg_attribute, pg_attrdef.

#include "sim/database/catalogs/fills.hpp"

#include <algorithm>

#include "sim/database/catalogs/rule_text.hpp"

namespace orrery::sim::database {
namespace {

using Relation = CatalogReader::Relation;
using Kind = CatalogEntry::Kind;

constexpr std::int64_t kHeap = 2;
constexpr std::int64_t kBtree = 403;

void begin_class(RowWriter& rows, std::int64_t oid, std::string_view name, std::int64_t schema, const char* kind, std::size_t columns) {
  rows.begin();
  rows.set_number("oid", oid);
  rows.set("relname", name);
  rows.set_number("relnamespace", schema);
  rows.set_number("relowner", kOwner);
  rows.set("relpersistence", "p");
  rows.set("relkind", kind);
  rows.set_number("relnatts", static_cast<std::int64_t>(columns));
  rows.set("relispopulated", true);
  rows.set("relreplident", "n");
  if (kind[0] != 'v') rows.set_number("relfilenode", oid);
}

void set_storage_parameters(RowWriter& rows, const std::vector<std::string>& parameters) {
  if (parameters.empty()) return;
  std::vector<Value> texts;
  for (const std::string& each : parameters) texts.push_back(Value::bytes(each));
  rows.set("reloptions", make_array(TypeRef(Type::text), std::move(texts)));
}

}  // namespace

void fill_class(const CatalogReader& reader, RowWriter& rows) {
  for (const Relation& each : reader.relations()) {
    const std::int64_t schema = reader.schema_oid(each.schema);
    switch (each.entry->kind) {
      case Kind::table: {
        const Table& table = *each.entry->table;
        begin_class(rows, each.oid, each.name, schema, "r", table.columns.size());
        rows.set_number("reltype", table.type_oid);
        rows.set_number("relam", kHeap);
        rows.set("reltuples", Value::real(-1));
        rows.set("relhasindex", !indexes_of(reader, table).empty());
        rows.set_number("relchecks", static_cast<std::int64_t>(table.checks.size()));
        const bool is_referenced = std::ranges::any_of(table.referenced_by, [](const ForeignKey* key) { return !key->is_dropped; });
        rows.set("relhastriggers", is_referenced || !foreign_keys_of(table).empty());
        rows.set("relreplident", "d");
        set_storage_parameters(rows, table.storage_parameters);
        break;
      }
      case Kind::index:
        begin_class(rows, each.oid, each.name, schema, "i", each.entry->index->elements.size() + each.entry->index->included.size());
        rows.set_number("relam", kBtree);
        set_storage_parameters(rows, each.entry->index->storage_parameters);
        break;
      case Kind::sequence:
        begin_class(rows, each.oid, each.name, schema, "S", 3);
        rows.set_number("relpages", 1);
        rows.set("reltuples", Value::real(1));
        break;
      case Kind::view:
        begin_class(rows, each.oid, each.name, schema, "v", each.entry->view->columns.size());
        rows.set_number("reltype", each.oid + 1);
        rows.set("reltuples", Value::real(-1));
        rows.set("relhasrules", true);
        break;
      case Kind::type:
        break;
    }
  }
  for (const SystemRelation& each : system_relations()) {
    const char kind[2] = {each.kind, '\0'};
    begin_class(rows, each.oid, each.name, reader.schema_oid(each.schema), kind, each.columns.size());
    rows.set_number("reltype", each.type_oid);
    rows.set("reltuples", Value::real(-1));
    if (each.kind == 'r') rows.set_number("relam", kHeap);
    rows.set("relhasrules", each.kind == 'v');
  }
}

void fill_namespace(const CatalogReader& reader, RowWriter& rows) {
  const auto access = [](std::string_view owner) {
    const std::string name(owner);
    return make_array(TypeRef(Type::aclitem), {Value::bytes(name + "=UC/" + name), Value::bytes("=U/" + name)});
  };
  for (const auto& [name, oid] : reader.schemas()) {
    rows.begin();
    rows.set_number("oid", oid);
    rows.set("nspname", name);
    rows.set_number("nspowner", oid == kPublicSchema ? 6171 : kOwner);  // pg_database_owner
    if (oid == kPublicSchema) rows.set("nspacl", access("pg_database_owner"));
    if (oid == kCatalogSchema || oid == kInformationSchema) rows.set("nspacl", access("postgres"));
  }
}

namespace {

void add_attribute(const CatalogReader& reader, RowWriter& rows, std::int64_t relation, std::string_view name, std::int64_t place, TypeRef type) {
  rows.begin();
  rows.set_number("attrelid", relation);
  rows.set("attname", name);
  const std::uint32_t oid = reader.type_oid(type);
  const bool is_array_of_enum = type.enumeration != nullptr && type.is_array;
  const TypeStorage storage = is_array_of_enum ? TypeStorage{} : storage_of(oid);
  rows.set_number("atttypid", oid);
  rows.set_number("attstattarget", -1);
  rows.set_number("attlen", storage.length);
  rows.set_number("attnum", place);
  rows.set_number("attndims", type.is_array && !type.is_vector() ? 1 : 0);
  rows.set_number("attcacheoff", -1);
  rows.set_number("atttypmod", std::max(type.typmod, -1));
  rows.set("attbyval", storage.by_value);
  rows.set("attalign", std::string_view(&storage.align, 1));
  rows.set("attstorage", std::string_view(&storage.storage, 1));
  rows.set_number("attcollation", storage.collation);
  rows.set("attislocal", true);
}

void add_columns(const CatalogReader& reader, RowWriter& rows, std::int64_t relation, const Table& table) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    add_attribute(reader, rows, relation, column.name, static_cast<std::int64_t>(i) + 1, column.type);
    rows.set("attnotnull", column.not_null);
    rows.set("atthasdef", has_default(column));
    if (column.identity != Identity::none) rows.set("attidentity", column.identity == Identity::always ? "a" : "d");
    if (column.is_generated) rows.set("attgenerated", "s");
  }
  struct System {
    const char* name;
    std::int64_t place;
    Type type;
  };
  for (const System& each : {System{"ctid", -1, Type::tid}, {"xmin", -2, Type::xid}, {"cmin", -3, Type::xid}, {"xmax", -4, Type::xid},
                             {"cmax", -5, Type::xid}, {"tableoid", -6, Type::oid}}) {
    add_attribute(reader, rows, relation, each.name, each.place, TypeRef(each.type));
    if (each.place == -3 || each.place == -5) rows.set_number("atttypid", 29);  // cid
    rows.set_number("attstattarget", 0);
    rows.set("attnotnull", true);
  }
}

}  // namespace

void fill_attribute(const CatalogReader& reader, RowWriter& rows) {
  for (const Relation& each : reader.relations()) {
    switch (each.entry->kind) {
      case Kind::table:
        add_columns(reader, rows, each.oid, *each.entry->table);
        break;
      case Kind::view: {
        const View& view = *each.entry->view;
        for (std::size_t i = 0; i < view.columns.size(); ++i) {
          add_attribute(reader, rows, each.oid, view.columns[i], static_cast<std::int64_t>(i) + 1, view.types[i]);
        }
        break;
      }
      case Kind::index: {
        const std::vector<std::string> names = index_column_names(*each.entry->index);
        const Index& index = *each.entry->index;
        for (std::size_t i = 0; i < names.size(); ++i) {
          const TypeRef type = i < index.elements.size() ? index.tree->columns()[i].type
                                                         : index.table->columns[index.included[i - index.elements.size()]].type;
          add_attribute(reader, rows, each.oid, names[i], static_cast<std::int64_t>(i) + 1, type);
        }
        break;
      }
      case Kind::sequence:
        add_attribute(reader, rows, each.oid, "last_value", 1, TypeRef(Type::int8));
        rows.set("attnotnull", true);
        add_attribute(reader, rows, each.oid, "log_cnt", 2, TypeRef(Type::int8));
        rows.set("attnotnull", true);
        add_attribute(reader, rows, each.oid, "is_called", 3, TypeRef(Type::boolean));
        rows.set("attnotnull", true);
        break;
      case Kind::type:
        break;
    }
  }
  for (const SystemRelation& each : system_relations()) {
    for (std::size_t i = 0; i < each.columns.size(); ++i) {
      add_attribute(reader, rows, each.oid, each.columns[i], static_cast<std::int64_t>(i) + 1, each.types[i]);
      rows.set("attnotnull", static_cast<bool>(each.not_null[i]));
      if (each.types[i].base == Type::text) rows.set_number("attcollation", 950);
    }
  }
}

void fill_attrdef(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Table* table : reader.tables()) {
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      const Column& column = table->columns[i];
      if (!has_default(column)) continue;
      rows.begin();
      rows.set_number("oid", column.default_oid);
      rows.set_number("adrelid", table->id);
      rows.set_number("adnum", static_cast<std::int64_t>(i) + 1);
      rows.set("adbin", tree_value(text.default_text(*table, column, false), text.default_text(*table, column, true)));
    }
  }
}

}  // namespace orrery::sim::database
