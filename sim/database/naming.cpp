#include "sim/database/analyzer.hpp"
#include "sim/database/types/postgres_names.hpp"

namespace orrery::sim::database {
namespace {

const char* text_of(const Node* node) { return node->string->sval; }

}  // namespace

CatalogEntry* Naming::find_relation(std::string_view schema, std::string_view name) const {
  if (!schema.empty()) return catalog->find_relation(schema, name, slot);
  for (const std::string& each : search_path) {
    if (CatalogEntry* entry = catalog->find_relation(each, name, slot)) return entry;
  }
  return nullptr;
}

CatalogEntry& Naming::relation(const PgQuery__RangeVar& range) const {
  if (range.catalogname[0] != '\0') fail_unsupported("database name before a relation", position_of(range.location));
  CatalogEntry* entry = find_relation(range.schemaname, range.relname);
  if (entry == nullptr) {
    std::string name = range.relname;
    if (range.schemaname[0] != '\0') {
      if (!catalog->schema_exists(range.schemaname, slot)) {
        if (range.schemaname == std::string_view("information_schema")) {
          fail_unsupported("information_schema", position_of(range.location));
        }
      }
      if (range.schemaname == std::string_view("pg_catalog")) {
        fail_unsupported("pg_catalog." + name, position_of(range.location));
      }
      name = std::string(range.schemaname) + "." + name;
    } else if (name.starts_with("pg_")) {
      fail_unsupported("system catalog " + name, position_of(range.location));
    }
    fail("42P01", "relation " + in_quotes(name) + " does not exist", position_of(range.location));
  }
  return *entry;
}

Table& Naming::table(const PgQuery__RangeVar& range) const {
  const CatalogEntry& entry = relation(range);
  if (entry.kind != CatalogEntry::Kind::table) {
    if (entry.kind == CatalogEntry::Kind::view) fail_unsupported("changing a view's rows", position_of(range.location));
    fail("42809", in_quotes(range.relname) + " is not a table", position_of(range.location));
  }
  return *entry.table;
}

Table& Naming::changed_table(const PgQuery__RangeVar& range) const {
  const CatalogEntry& entry = relation(range);
  if (entry.kind == CatalogEntry::Kind::index) fail("42809", in_quotes(range.relname) + " is an index", position_of(range.location));
  if (entry.kind == CatalogEntry::Kind::sequence) fail("42809", "cannot change sequence " + in_quotes(range.relname));
  return table(range);
}

Table& Naming::named_table(const PgQuery__RangeVar& range) const {
  const std::string_view schema = range.schemaname;
  const bool is_system = schema == "information_schema" || schema == "pg_catalog" || schema == "pg_temp";
  if (!schema.empty() && !is_system && !catalog->schema_exists(range.schemaname, slot)) {
    fail("3F000", "schema " + in_quotes(schema) + " does not exist", position_of(range.location));
  }
  return table(range);
}

std::string Naming::schema_of(const PgQuery__RangeVar& range) const {
  if (range.schemaname[0] != '\0') {
    if (!catalog->schema_exists(range.schemaname, slot)) {
      fail("3F000", "schema " + in_quotes(range.schemaname) + " does not exist", position_of(range.location));
    }
    return range.schemaname;
  }
  for (const std::string& each : search_path) {
    if (catalog->schema_exists(each, slot)) return each;
  }
  fail("3F000", "no schema has been selected to create in", position_of(range.location));
}

namespace {

/// "schema.name" as regclass takes it.
std::pair<std::string, std::string> schema_and_name(std::string_view text) {
  std::string schema;
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) name.push_back(text[i]);
    } else if (text[i] == '.') {
      schema = std::exchange(name, {});
    } else {
      name.push_back(text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i]);
    }
  }
  return {std::move(schema), std::move(name)};
}

}  // namespace

Sequence* Naming::find_sequence(std::string_view text) const {
  const auto [schema, name] = schema_and_name(text);
  const CatalogEntry* const entry = find_relation(schema, name);
  return entry != nullptr && entry->kind == CatalogEntry::Kind::sequence ? entry->sequence : nullptr;
}

Sequence& Naming::sequence(std::string_view text) const {
  if (Sequence* const found = find_sequence(text)) return *found;
  const auto [schema, name] = schema_and_name(text);
  if (find_relation(schema, name) != nullptr) fail("42809", in_quotes(name) + " is not a sequence");
  fail("42P01", "relation " + in_quotes(schema.empty() ? name : schema + "." + name) + " does not exist");
}

TypeRef Naming::type(const PgQuery__TypeName& name) const {
  if (name.setof) fail_unsupported("SETOF", position_of(name.location));
  if (name.pct_type) fail_unsupported("%TYPE", position_of(name.location));
  const Nodes names(name.names, name.n_names);
  const std::string base = text_of(names.back());
  const std::string schema = names.size() > 1 ? text_of(names[names.size() - 2]) : "";
  TypeRef type;
  if (const auto built_in = schema.empty() || schema == "pg_catalog" ? type_by_name(base) : std::nullopt) {
    type = TypeRef(*built_in);
    if (base.starts_with('_')) type.is_array = true;
  } else {
    CatalogEntry* entry = nullptr;
    if (!schema.empty()) {
      entry = catalog->find_type(schema, base, slot);
    } else {
      for (const std::string& each : search_path) {
        entry = catalog->find_type(each, base, slot);
        if (entry != nullptr) break;
      }
    }
    if (entry == nullptr) {
      const bool is_array = base.starts_with('_');
      if ((schema.empty() || schema == "pg_catalog") && postgres_has_type(is_array ? std::string_view(base).substr(1) : base)) {
        fail_unsupported("type " + base, position_of(name.location));
      }
      const CatalogEntry* const relation = find_relation(schema, base);
      if (relation != nullptr && (relation->kind == CatalogEntry::Kind::table || relation->kind == CatalogEntry::Kind::view)) {
        fail_unsupported("the row type " + base, position_of(name.location));
      }
      fail("42704", "type " + in_quotes(schema.empty() ? base : schema + "." + base) + " does not exist",
           position_of(name.location));
    }
    type = TypeRef(*entry->type);
  }
  if (name.n_typmods > 0 && type.base == Type::timetz) fail_unsupported("type time(n) with time zone", position_of(name.location));
  if (name.n_typmods > 0) {
    std::vector<std::int32_t> modifiers;
    bool is_full_interval = false;
    for (std::size_t i = 0; i < name.n_typmods; ++i) {
      const Node& node = *name.typmods[i];
      if (node.node_case != PG_QUERY__NODE__NODE_A_CONST || node.a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL) {
        fail_unsupported("type modifier", position_of(name.location));
      }
      const std::int32_t value = node.a_const->ival->ival;
      if (type.base == Type::interval && i == 0) {
        // The fields of an interval as a bit mask; only all of them.
        if (value != 0x7FFF) fail_unsupported("interval fields", position_of(name.location));
        is_full_interval = true;
        continue;
      }
      modifiers.push_back(value);
    }
    if (!(is_full_interval && modifiers.empty())) type.typmod = typmod_of(type.base, modifiers);
  } else if (type.base == Type::bpchar && base == "bpchar" && name.typemod >= 0) {
    type.typmod = name.typemod;
  }
  if (name.n_array_bounds > 0) type.is_array = true;
  return type;
}

}  // namespace orrery::sim::database
