// Functions about what stands in the catalogs (manual, 9.26).

#include <algorithm>

#include "sim/database/catalogs/contents.hpp"
#include "sim/database/catalogs/definitions.hpp"
#include "sim/database/catalogs/objects.hpp"
#include "sim/database/catalogs/rule_text.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/session_impl.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

using Site = CallSite;
using Context = EvalContext;
using Kind = CatalogEntry::Kind;

const Naming& naming_of(const Context& context) { return static_cast<const Execution&>(context).session->naming; }
std::uint32_t oid_in(const Value& value) { return static_cast<std::uint32_t>(value.integer()); }

Value format_type(Arguments a, const Site&, const Context& context) {
  if (a[0].is_null()) return {};
  if (oid_in(a[0]) == 0) return Value::bytes("-");
  const CatalogReader reader(naming_of(context));
  std::optional<std::int32_t> typmod;
  if (!a[1].is_null()) typmod = static_cast<std::int32_t>(a[1].integer());
  const std::string text = reader.type_text(oid_in(a[0]), typmod);
  return Value::bytes(text.empty() ? "???" : text);
}

Value expression_text(Arguments a, const Site&, const Context&) {
  const std::string_view both = a[0].bytes();
  const std::size_t zero = both.find('\0');
  const bool pretty = a.size() > 2 && a[2].boolean();
  return Value::bytes(pretty ? both.substr(zero + 1) : both.substr(0, zero));
}

Value index_definition(Arguments a, const Site&, const Context& context) {
  const CatalogReader reader(naming_of(context));
  const CatalogReader::Relation* found = reader.relation(oid_in(a[0]));
  if (found == nullptr || found->entry->kind != Kind::index) return {};
  const bool pretty = a.size() > 1 && a[2].boolean();
  const RuleWriter text(reader);
  if (a.size() > 1 && a[1].integer() != 0) {
    return Value::bytes(text.index_column_text(*found->entry->index, static_cast<std::size_t>(std::max<std::int64_t>(a[1].integer(), 0)), pretty));
  }
  return Value::bytes(text.index_text(*found->entry->index, pretty, !pretty));
}

Value constraint_definition(Arguments a, const Site&, const Context& context) {
  const CatalogReader reader(naming_of(context));
  const std::uint32_t oid = oid_in(a[0]);
  const bool pretty = a.size() > 1 && a[1].boolean();
  const RuleWriter text(reader);
  for (const CatalogReader::Relation& each : reader.relations()) {
    if (each.entry->kind == Kind::index && oid != 0 && each.entry->index->constraint_oid == oid) return Value::bytes(RuleWriter::constraint_text(*each.entry->index));
    if (each.entry->kind != Kind::table) continue;
    const Table& table = *each.entry->table;
    for (const CheckConstraint& check : table.checks) {
      if (check.oid == oid) return Value::bytes(text.constraint_text(table, check, pretty));
    }
    for (const auto& key : table.foreign_keys) {
      if (key->oid == oid && !key->is_dropped) return Value::bytes(text.constraint_text(*key));
    }
  }
  return {};
}

Value view_definition(Arguments a, const Site&, const Context& context) {
  const CatalogReader reader(naming_of(context));
  const CatalogReader::Relation* found = reader.relation(oid_in(a[0]));
  if (found == nullptr || found->entry->kind != Kind::view) return {};
  const bool pretty = a.size() > 1 && a[1].boolean();
  const std::optional<std::string> text = RuleWriter(reader).view_text(*found->entry->view, pretty);
  if (!text) fail_unsupported("the text of a view with more than relations and WHERE");
  return Value::bytes(*text);
}

Value role_name(Arguments a, const Site&, const Context&) {
  for (std::string_view rest = catalog_definitions().role_rows; !rest.empty(); rest = rest.substr(rest.find('\n') + 1)) {
    const std::size_t tab = rest.find('\t');
    if (rest.substr(0, tab) == std::to_string(oid_in(a[0]))) return Value::bytes(rest.substr(tab + 1, rest.find('\t', tab + 1) - tab - 1));
  }
  return Value::bytes("unknown (OID=" + std::to_string(oid_in(a[0])) + ")");
}

Value table_is_visible(Arguments a, const Site&, const Context& context) {
  const CatalogReader reader(naming_of(context));
  if (const CatalogReader::Relation* found = reader.relation(oid_in(a[0]))) {
    return Value::boolean(reader.is_visible(found->schema, found->name, *found->entry));
  }
  const SystemRelation* system = system_relation_numbered(oid_in(a[0]));
  return system == nullptr ? Value() : Value::boolean(system->schema == "pg_catalog");
}

Value type_is_visible(Arguments a, const Site&, const Context& context) {
  const CatalogReader reader(naming_of(context));
  if (reader.type_text(oid_in(a[0]), std::nullopt).empty()) return {};
  return Value::boolean(reader.type_is_visible(oid_in(a[0])));
}

Value current_schemas(Arguments a, const Site&, const Context& context) {
  const Naming& naming = naming_of(context);
  std::vector<Value> names;
  if (a[0].boolean()) names.push_back(Value::bytes("pg_catalog"));
  for (const std::string& schema : naming.search_path) {
    if (naming.catalog->schema_exists(schema, naming.slot)) names.push_back(Value::bytes(schema));
  }
  return make_array(TypeRef(Type::name), std::move(names));
}

Value serial_sequence(Arguments a, const Site&, const Context& context) {
  const Naming& naming = naming_of(context);
  const Value named = object_named(naming, Type::regclass, a[0].bytes());
  const CatalogReader reader(naming);
  const CatalogReader::Relation* found = reader.relation(oid_of(named));
  if (found == nullptr || found->entry->kind != Kind::table) fail("42809", in_quotes(a[0].bytes()) + " is not a table");
  const Table& table = *found->entry->table;
  const std::optional<std::uint32_t> column = table.column(a[1].bytes());
  if (!column) fail("42703", "column " + in_quotes(a[1].bytes()) + " of relation " + in_quotes(table.name) + " does not exist");
  const Sequence* sequence = table.columns[*column].sequence;
  if (sequence == nullptr) return {};
  return Value::bytes(quote_identifier(sequence->schema) + "." + quote_identifier(sequence->name));
}

/// to_regclass and to_regtype: NULL where the cast would fail for want of the object.
template <Type type>
Value object_or_null(Arguments a, const Site&, const Context& context) {
  try {
    return object_named(naming_of(context), type, a[0].bytes());
  } catch (const SqlError& error) {
    if (error.sqlstate == "42P01" || error.sqlstate == "42704" || error.sqlstate == "3F000") return {};
    throw;
  }
}

Value description(Arguments a, const Site&, const Context& context) {
  const CatalogReader reader(naming_of(context));
  const bool is_public = oid_in(a[0]) == kPublicSchema && !reader.schema_name(kPublicSchema).empty() && a[1].bytes() == "pg_namespace";
  return is_public ? Value::bytes(kPublicDescription) : Value();
}

Value nothing(Arguments, const Site&, const Context&) { return {}; }

}  // namespace

void register_catalogs(Registry& registry) {
  registry.function("format_type(oid, int4) -> text", format_type, kStable | kNullable);
  registry.function("pg_get_expr(pg_node_tree, oid) -> text", expression_text, kStable);
  registry.function("pg_get_expr(pg_node_tree, oid, bool) -> text", expression_text, kStable);
  registry.function("pg_get_indexdef(oid) -> text", index_definition, kStable);
  registry.function("pg_get_indexdef(oid, int4, bool) -> text", index_definition, kStable);
  registry.function("pg_get_constraintdef(oid) -> text", constraint_definition, kStable);
  registry.function("pg_get_constraintdef(oid, bool) -> text", constraint_definition, kStable);
  registry.function("pg_get_viewdef(oid) -> text", view_definition, kStable);
  registry.function("pg_get_viewdef(oid, bool) -> text", view_definition, kStable);
  registry.function("pg_get_userbyid(oid) -> name", role_name, kStable);
  registry.function("pg_table_is_visible(oid) -> bool", table_is_visible, kStable);
  registry.function("pg_type_is_visible(oid) -> bool", type_is_visible, kStable);
  registry.function("pg_relation_is_publishable(regclass) -> bool", [](Arguments a, const Site&, const Context& context) {
    const CatalogReader reader(naming_of(context));
    const CatalogReader::Relation* found = reader.relation(oid_of(a[0]));
    if (found == nullptr) return system_relation_numbered(oid_of(a[0])) == nullptr ? Value() : Value::boolean(false);
    return Value::boolean(found->entry->kind == Kind::table);
  }, kStable);
  registry.function("pg_encoding_to_char(int4) -> name", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(a[0].integer() == 6 ? "UTF8" : a[0].integer() == 0 ? "SQL_ASCII" : "");
  }, kStable);
  registry.function("pg_client_encoding() -> name", [](Arguments, const Site&, const Context&) { return Value::bytes("UTF8"); }, kStable);
  registry.function("current_schemas(bool) -> name[]", current_schemas, kStable);
  registry.function("pg_get_serial_sequence(text, text) -> text", serial_sequence, kStable);
  registry.function("to_regclass(text) -> regclass", object_or_null<Type::regclass>, kStable);
  registry.function("to_regtype(text) -> regtype", object_or_null<Type::regtype>, kStable);
  registry.function("to_regnamespace(text) -> regnamespace", object_or_null<Type::regnamespace>, kStable);
  registry.function("pg_my_temp_schema() -> oid", [](Arguments, const Site&, const Context&) { return Value::integer(0); }, kStable);
  registry.function("pg_is_other_temp_schema(oid) -> bool", [](Arguments, const Site&, const Context&) { return Value::boolean(false); }, kStable);
  registry.function("obj_description(oid, name) -> text", description, kStable);
  registry.function("pg_function_is_visible(oid) -> bool", [](Arguments, const Site&, const Context&) { return Value::boolean(true); }, kStable);
  for (const char* signature : {"pg_get_function_result(oid) -> text", "pg_get_function_arguments(oid) -> text", "pg_get_function_identity_arguments(oid) -> text"}) {
    registry.function(signature, [](Arguments, const Site&, const Context&) -> Value { fail_unsupported("the signature of a function"); }, kStable);
  }
  // Nobody can comment on anything, and there are no triggers, rules or statistics: for an OID of none of these
  // PostgreSQL gives NULL, too.
  for (const char* signature :
       {"obj_description(oid) -> text", "pg_statistics_obj_is_visible(oid) -> bool", "col_description(oid, int4) -> text",
        "shobj_description(oid, name) -> text", "pg_get_triggerdef(oid) -> text", "pg_get_triggerdef(oid, bool) -> text",
        "pg_get_ruledef(oid) -> text", "pg_get_ruledef(oid, bool) -> text", "pg_get_statisticsobjdef_columns(oid) -> text",
        "pg_get_partkeydef(oid) -> text"}) {
    registry.function(signature, nothing, kStable);
  }
  // A table here is never a partition.
  registry.set_function("pg_partition_ancestors(regclass) -> setof (relid regclass)",
                        [](Arguments, const Site&, const Context&, std::vector<Value>&) {}, kStable);
}

}  // namespace orrery::sim::database
