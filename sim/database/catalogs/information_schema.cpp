// information_schema: the standard's views, with the columns that PostgreSQL fills (manual, chapter 37).

#include <algorithm>

#include "sim/database/catalogs/contents.hpp"
#include "sim/database/catalogs/objects.hpp"
#include "sim/database/catalogs/rule_text.hpp"

namespace orrery::sim::database {
namespace {

using Relation = CatalogReader::Relation;
using Kind = CatalogEntry::Kind;


void set_place(RowWriter& rows, const char* catalog_column, const char* schema_column, const char* name_column, std::string_view catalog,
               std::string_view schema, std::string_view name) {
  rows.set(catalog_column, catalog);
  rows.set(schema_column, schema);
  if (name_column != nullptr) rows.set(name_column, name);
}

/// What a domain over bool is in information_schema.
const char* yes_or_no(bool truth) { return truth ? "YES" : "NO"; }

/// What PostgreSQL would do to rows through a view (relation_is_updatable).
struct ViewWrites {
  bool inserts_and_updates = false;
  bool deletes = false;
};

/// `wanted`: which of its columns are asked for, by place.
ViewWrites writes_of(const View& view, const std::vector<std::int32_t>& wanted) {
  if (!view.writable) return {};
  std::vector<std::int32_t> below;
  for (const std::int32_t place : wanted) {
    const std::int32_t column = view.writable->columns[static_cast<std::size_t>(place)];
    if (column >= 0) below.push_back(column);
  }
  const bool any = !below.empty();
  ViewWrites writes{true, true};
  if (view.writable->view != nullptr) writes = writes_of(*view.writable->view, below);
  writes.inserts_and_updates = writes.inserts_and_updates && any;
  return writes;
}

ViewWrites writes_of(const View& view) {
  std::vector<std::int32_t> all;
  for (std::size_t i = 0; i < view.columns.size(); ++i) all.push_back(static_cast<std::int32_t>(i));
  return writes_of(view, all);
}

void fill_tables(const CatalogReader& reader, RowWriter& rows) {
  const auto add = [&](std::string_view schema, std::string_view name, bool is_view, bool takes_rows) {
    rows.begin();
    set_place(rows, "table_catalog", "table_schema", "table_name", reader.database(), schema, name);
    rows.set("table_type", is_view ? "VIEW" : "BASE TABLE");
    rows.set("is_insertable_into", yes_or_no(takes_rows));
    rows.set("is_typed", "NO");
  };
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind == Kind::table) add(each.schema, each.name, false, true);
    if (each.entry->kind == Kind::view) add(each.schema, each.name, true, writes_of(*each.entry->view).inserts_and_updates);
  }
  for (const SystemRelation& each : system_relations()) add(each.schema, each.name, each.kind == 'v', each.kind != 'v');
}

void set_column_type(const CatalogReader& reader, RowWriter& rows, TypeRef type) {
  const bool is_user_defined = type.enumeration != nullptr && !type.is_array;
  rows.set("data_type", type.is_array ? "ARRAY" : is_user_defined ? "USER-DEFINED" : type_name(type.without_typmod()));
  set_place(rows, "udt_catalog", "udt_schema", nullptr, reader.database(), "pg_catalog", "");
  if (type.enumeration != nullptr) {
    for (const Catalog::Seen& each : reader.seen()) {
      if (each.entry->type != type.enumeration) continue;
      rows.set("udt_schema", each.schema);
      rows.set("udt_name", (type.is_array ? "_" : "") + std::string(each.name));
    }
  } else {
    rows.set("udt_name", (type.is_array ? "_" : "") + std::string(catalog_name(type.base)));
  }
  if (type.is_array) return;
  switch (type.base) {
    case Type::int2:
    case Type::int4:
    case Type::int8:
      rows.set_number("numeric_precision", type.base == Type::int2 ? 16 : type.base == Type::int4 ? 32 : 64);
      rows.set_number("numeric_precision_radix", 2);
      rows.set_number("numeric_scale", 0);
      break;
    case Type::float4:
    case Type::float8:
      rows.set_number("numeric_precision", type.base == Type::float4 ? 24 : 53);
      rows.set_number("numeric_precision_radix", 2);
      break;
    case Type::numeric:
      rows.set_number("numeric_precision_radix", 10);
      if (type.typmod < 0) break;
      rows.set_number("numeric_precision", ((type.typmod - 4) >> 16) & 0xffff);
      rows.set_number("numeric_scale", (((type.typmod - 4) & 0x7ff) ^ 1024) - 1024);
      break;
    case Type::text:
      rows.set_number("character_octet_length", 1'073'741'824);
      break;
    case Type::varchar:
    case Type::bpchar:
      if (type.typmod >= 0) rows.set_number("character_maximum_length", type.typmod - 4);
      rows.set_number("character_octet_length", type.typmod >= 0 ? (type.typmod - 4) * 4 : 1'073'741'824);
      break;
    case Type::date:
      rows.set_number("datetime_precision", 0);
      break;
    case Type::time:
    case Type::timestamp:
    case Type::timestamptz:
      rows.set_number("datetime_precision", type.typmod >= 0 ? type.typmod : 6);
      break;
    case Type::interval:
      rows.set_number("datetime_precision", type.typmod >= 0 && (type.typmod & 0xffff) != 0xffff ? type.typmod & 0xffff : 6);
      break;
    default:
      break;
  }
}

void begin_column(const CatalogReader& reader, RowWriter& rows, std::string_view schema, std::string_view table, std::string_view name,
                  std::size_t place, TypeRef type, bool takes_rows) {
  rows.begin();
  set_place(rows, "table_catalog", "table_schema", "table_name", reader.database(), schema, table);
  rows.set("column_name", name);
  rows.set_number("ordinal_position", static_cast<std::int64_t>(place) + 1);
  rows.set("is_nullable", "YES");
  set_column_type(reader, rows, type);
  rows.set("dtd_identifier", std::to_string(place + 1));
  rows.set("is_self_referencing", "NO");
  rows.set("is_identity", "NO");
  rows.set("identity_cycle", "NO");
  rows.set("is_generated", "NEVER");
  rows.set("is_updatable", yes_or_no(takes_rows));
}

void fill_columns(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind == Kind::view) {
      const View& view = *each.entry->view;
      for (std::size_t i = 0; i < view.columns.size(); ++i) {
        const ViewWrites writes = writes_of(view, {static_cast<std::int32_t>(i)});
        begin_column(reader, rows, each.schema, each.name, view.columns[i], i, view.types[i], writes.inserts_and_updates && writes.deletes);
      }
    }
    if (each.entry->kind != Kind::table) continue;
    const Table& table = *each.entry->table;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const Column& column = table.columns[i];
      begin_column(reader, rows, each.schema, each.name, column.name, i, column.type, true);
      rows.set("is_nullable", yes_or_no(!column.not_null));
      if (column.is_generated) {
        rows.set("is_generated", "ALWAYS");
        rows.set("generation_expression", text.default_text(table, column, false));
        rows.set("is_updatable", "YES");
      } else if (has_default(column)) {
        rows.set("column_default", text.default_text(table, column, false));
      }
      if (column.identity == Identity::none || column.sequence == nullptr) continue;
      const Sequence& sequence = *column.sequence;
      rows.set("is_identity", "YES");
      rows.set("identity_generation", column.identity == Identity::always ? "ALWAYS" : "BY DEFAULT");
      rows.set("identity_start", std::to_string(sequence.start));
      rows.set("identity_increment", std::to_string(sequence.increment));
      rows.set("identity_maximum", std::to_string(sequence.maximum));
      rows.set("identity_minimum", std::to_string(sequence.minimum));
      rows.set("identity_cycle", yes_or_no(sequence.cycles));
    }
  }
  for (const SystemRelation& each : system_relations()) {
    for (std::size_t i = 0; i < each.columns.size(); ++i) {
      begin_column(reader, rows, each.schema, each.name, each.columns[i], i, each.types[i].is_vector() ? each.types[i].without_typmod() : each.types[i],
                   each.kind == 'r');
      rows.set("is_nullable", yes_or_no(!each.not_null[i]));
    }
  }
}

void add_constraint(const CatalogReader& reader, RowWriter& rows, const Table& table, std::string_view name, const char* kind, const Deferrable& when) {
  rows.begin();
  set_place(rows, "constraint_catalog", "constraint_schema", "constraint_name", reader.database(), table.schema, name);
  set_place(rows, "table_catalog", "table_schema", "table_name", reader.database(), table.schema, table.name);
  rows.set("constraint_type", kind);
  rows.set("is_deferrable", yes_or_no(when.is_deferrable));
  rows.set("initially_deferred", yes_or_no(when.is_deferred));
  rows.set("enforced", "YES");
}

template <class Visit>
void for_each_key(const CatalogReader& reader, const Table& table, const Visit& visit) {
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::index || each.entry->index->table != &table) continue;
    if (each.entry->index->constraint_oid != 0) visit(*each.entry->index);
  }
}

std::string not_null_name(const CatalogReader& reader, const Table& table, std::size_t column) {
  return std::to_string(reader.schema_oid(table.schema)) + "_" + std::to_string(table.id) + "_" + std::to_string(column + 1) + "_not_null";
}

void fill_table_constraints(const CatalogReader& reader, RowWriter& rows) {
  for (const Table* table : reader.tables()) {
    for (const CheckConstraint& check : table->checks) add_constraint(reader, rows, *table, check.name, "CHECK", {});
    for_each_key(reader, *table, [&](const Index& index) {
      add_constraint(reader, rows, *table, index.name, index.is_primary ? "PRIMARY KEY" : "UNIQUE", index);
      if (!index.is_primary) rows.set("nulls_distinct", yes_or_no(!index.nulls_not_distinct));
    });
    for (const auto& key : table->foreign_keys) {
      if (!key->is_dropped) add_constraint(reader, rows, *table, key->name, "FOREIGN KEY", *key);
    }
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      if (table->columns[i].not_null) add_constraint(reader, rows, *table, not_null_name(reader, *table, i), "CHECK", {});
    }
  }
}

void add_usage(const CatalogReader& reader, RowWriter& rows, const Table& table, std::string_view name, std::uint32_t column, std::size_t place) {
  rows.begin();
  set_place(rows, "constraint_catalog", "constraint_schema", "constraint_name", reader.database(), table.schema, name);
  set_place(rows, "table_catalog", "table_schema", "table_name", reader.database(), table.schema, table.name);
  rows.set("column_name", table.columns[column].name);
  rows.set_number("ordinal_position", static_cast<std::int64_t>(place) + 1);
}

void fill_key_column_usage(const CatalogReader& reader, RowWriter& rows) {
  for (const Table* table : reader.tables()) {
    for_each_key(reader, *table, [&](const Index& index) {
      for (std::size_t i = 0; i < index.elements.size(); ++i) {
        add_usage(reader, rows, *table, index.name, static_cast<std::uint32_t>(index.elements[i].column), i);
      }
    });
    for (const auto& key : table->foreign_keys) {
      if (key->is_dropped) continue;
      for (std::size_t i = 0; i < key->child_columns.size(); ++i) {
        add_usage(reader, rows, *table, key->name, key->child_columns[i], i);
        const auto& keys = key->parent_index->elements;
        const auto place = std::ranges::find(keys, static_cast<std::int32_t>(key->parent_columns[i]), &KeyElement::column);
        rows.set_number("position_in_unique_constraint", place - keys.begin() + 1);
      }
    }
  }
}

void fill_referential_constraints(const CatalogReader& reader, RowWriter& rows) {
  for (const Table* table : reader.tables()) {
    for (const auto& key : table->foreign_keys) {
      if (key->is_dropped) continue;
      rows.begin();
      set_place(rows, "constraint_catalog", "constraint_schema", "constraint_name", reader.database(), table->schema, key->name);
      if (key->parent_index->constraint_oid != 0) {
        set_place(rows, "unique_constraint_catalog", "unique_constraint_schema", "unique_constraint_name", reader.database(), key->parent->schema,
                  key->parent_index->name);
      }
      rows.set("match_option", key->match_full ? "FULL" : "NONE");
      rows.set("update_rule", action_text(key->on_update));
      rows.set("delete_rule", action_text(key->on_delete));
    }
  }
}

void fill_check_constraints(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  const auto add = [&](const Table& table, std::string_view name, std::string_view clause) {
    rows.begin();
    set_place(rows, "constraint_catalog", "constraint_schema", "constraint_name", reader.database(), table.schema, name);
    rows.set("check_clause", clause);
  };
  for (const Table* table : reader.tables()) {
    for (const CheckConstraint& check : table->checks) {
      add(*table, check.name, "(" + text.check_text(*table, check, false) + (check.is_valid ? ")" : ") NOT VALID"));
    }
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      if (table->columns[i].not_null) add(*table, not_null_name(reader, *table, i), quote_identifier(table->columns[i].name) + " IS NOT NULL");
    }
  }
}

void fill_sequences(const CatalogReader& reader, RowWriter& rows) {
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::sequence) continue;
    const Sequence& sequence = *each.entry->sequence;
    const SequenceOwner owner = owner_of(reader, sequence);
    if (owner.column != nullptr && owner.column->identity != Identity::none) continue;  // as in PostgreSQL
    Type type = sequence.largest == INT16_MAX ? Type::int2 : sequence.largest == INT32_MAX ? Type::int4 : Type::int8;
    if (owner.column != nullptr) type = owner.column->type.base;
    rows.begin();
    set_place(rows, "sequence_catalog", "sequence_schema", "sequence_name", reader.database(), each.schema, each.name);
    rows.set("data_type", type_name(TypeRef(type)));
    rows.set_number("numeric_precision", type == Type::int2 ? 16 : type == Type::int4 ? 32 : 64);
    rows.set_number("numeric_precision_radix", 2);
    rows.set_number("numeric_scale", 0);
    rows.set("start_value", std::to_string(sequence.start));
    rows.set("minimum_value", std::to_string(sequence.minimum));
    rows.set("maximum_value", std::to_string(sequence.maximum));
    rows.set("increment", std::to_string(sequence.increment));
    rows.set("cycle_option", yes_or_no(sequence.cycles));
  }
}

void fill_views(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::view) continue;
    rows.begin();
    set_place(rows, "table_catalog", "table_schema", "table_name", reader.database(), each.schema, each.name);
    rows.set("view_definition", text.any_view_text(*each.entry->view));
    rows.set("check_option", "NONE");
    const ViewWrites writes = writes_of(*each.entry->view);
    rows.set("is_updatable", yes_or_no(writes.inserts_and_updates && writes.deletes));
    rows.set("is_insertable_into", yes_or_no(writes.inserts_and_updates));
    for (const char* column : {"is_trigger_updatable", "is_trigger_deletable", "is_trigger_insertable_into"}) {
      rows.set(column, "NO");
    }
  }
}

void fill_schemata(const CatalogReader& reader, RowWriter& rows) {
  for (const auto& [name, oid] : reader.schemas()) {
    rows.begin();
    set_place(rows, "catalog_name", "schema_name", "schema_owner", reader.database(), name, oid == kPublicSchema ? "pg_database_owner" : "postgres");
  }
}

}  // namespace

Fill information_content(std::string_view name) {
  if (name == "tables") return fill_tables;
  if (name == "columns") return fill_columns;
  if (name == "table_constraints") return fill_table_constraints;
  if (name == "key_column_usage") return fill_key_column_usage;
  if (name == "referential_constraints") return fill_referential_constraints;
  if (name == "check_constraints") return fill_check_constraints;
  if (name == "sequences") return fill_sequences;
  if (name == "views") return fill_views;
  if (name == "schemata") return fill_schemata;
  return nullptr;
}

}  // namespace orrery::sim::database
