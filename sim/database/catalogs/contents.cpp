#include "sim/database/catalogs/contents.hpp"

#include <algorithm>

#include "sim/database/catalogs/definitions.hpp"
#include "sim/database/catalogs/fills.hpp"
#include "sim/database/catalogs/rule_text.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

using Relation = CatalogReader::Relation;
using Kind = CatalogEntry::Kind;

std::uint32_t sequence_type(const CatalogReader& reader, const Sequence& sequence) {
  if (const SequenceOwner owner = owner_of(reader, sequence); owner.column != nullptr) return reader.type_oid(owner.column->type);
  return builtin_oid(TypeRef(sequence.largest == INT16_MAX ? Type::int2 : sequence.largest == INT32_MAX ? Type::int4 : Type::int8));
}

void fill_sequence(const CatalogReader& reader, RowWriter& rows) {
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::sequence) continue;
    const Sequence& sequence = *each.entry->sequence;
    rows.begin();
    rows.set_number("seqrelid", each.oid);
    rows.set_number("seqtypid", sequence_type(reader, sequence));
    rows.set_number("seqstart", sequence.start);
    rows.set_number("seqincrement", sequence.increment);
    rows.set_number("seqmax", sequence.maximum);
    rows.set_number("seqmin", sequence.minimum);
    rows.set_number("seqcache", 1);
    rows.set("seqcycle", sequence.cycles);
  }
}

void fill_sequences(const CatalogReader& reader, RowWriter& rows) {
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::sequence) continue;
    const Sequence& sequence = *each.entry->sequence;
    rows.begin();
    rows.set("schemaname", each.schema);
    rows.set("sequencename", each.name);
    rows.set("sequenceowner", "postgres");
    const std::uint32_t type = sequence_type(reader, sequence);
    rows.set("data_type", object_value(type, reader.type_text(type, std::nullopt)));
    rows.set_number("start_value", sequence.start);
    rows.set_number("min_value", sequence.minimum);
    rows.set_number("max_value", sequence.maximum);
    rows.set_number("increment_by", sequence.increment);
    rows.set("cycle", sequence.cycles);
    rows.set_number("cache_size", 1);
    if (sequence.is_called) rows.set_number("last_value", sequence.last_value);
  }
}

void fill_depend(const CatalogReader& reader, RowWriter& rows) {
  constexpr std::int64_t kClass = 1259;
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::sequence) continue;
    const SequenceOwner owner = owner_of(reader, *each.entry->sequence);
    if (owner.table == nullptr) continue;
    rows.begin();
    rows.set_number("classid", kClass);
    rows.set_number("objid", each.oid);
    rows.set_number("refclassid", kClass);
    rows.set_number("refobjid", owner.table->id);
    rows.set_number("refobjsubid", owner.number);
    rows.set("deptype", owner.column->identity == Identity::none ? "a" : "i");
  }
}

void fill_tables(const CatalogReader& reader, RowWriter& rows) {
  const auto add = [&](std::string_view schema, std::string_view name, bool has_indexes, bool has_triggers) {
    rows.begin();
    rows.set("schemaname", schema);
    rows.set("tablename", name);
    rows.set("tableowner", "postgres");
    rows.set("hasindexes", has_indexes);
    rows.set("hasrules", false);
    rows.set("hastriggers", has_triggers);
    rows.set("rowsecurity", false);
  };
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::table) continue;
    const Table& table = *each.entry->table;
    const bool is_referenced = std::ranges::any_of(table.referenced_by, [](const ForeignKey* key) { return !key->is_dropped; });
    add(each.schema, each.name, !indexes_of(reader, table).empty(), is_referenced || !foreign_keys_of(table).empty());
  }
  for (const SystemRelation& each : system_relations()) {
    if (each.kind == 'r') add(each.schema, each.name, false, false);
  }
}

void fill_views(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::view) continue;
    rows.begin();
    rows.set("schemaname", each.schema);
    rows.set("viewname", each.name);
    rows.set("viewowner", "postgres");
    rows.set("definition", text.any_view_text(*each.entry->view));
  }
}

void fill_indexes(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::index) continue;
    rows.begin();
    rows.set("schemaname", each.schema);
    rows.set("tablename", each.entry->index->table->name);
    rows.set("indexname", each.name);
    rows.set("indexdef", text.index_text(*each.entry->index, false, true));
  }
}

void fill_written(const CatalogReader&, RowWriter& rows) {
  const CatalogDefinitions& written = catalog_definitions();
  const std::string_view name = rows.relation().name;
  rows.add_written(name == "pg_am"           ? written.access_method_rows
                   : name == "pg_collation"  ? written.collation_rows
                   : name == "pg_authid"     ? written.role_rows
                   : name == "pg_tablespace" ? written.tablespace_rows
                   : name == "pg_range"      ? written.range_rows
                   : name == "pg_proc"       ? written.function_rows
                   : name == "pg_auth_members" ? written.membership_rows
                                             : written.operator_class_rows);
}

void fill_roles(const CatalogReader&, RowWriter& rows) {
  for (std::string_view rest = catalog_definitions().role_rows; !rest.empty();) {
    std::vector<std::string_view> cells;
    const std::size_t end = rest.find('\n');
    for (std::string_view line = rest.substr(0, end); cells.size() < 12;) {
      const std::size_t tab = line.find('\t');
      cells.push_back(line.substr(0, tab));
      line = tab == std::string_view::npos ? std::string_view() : line.substr(tab + 1);
    }
    rest = rest.substr(end + 1);
    if (rows.relation().name == "pg_user") {
      if (cells[6] != "true") continue;  // it may not log in
      rows.begin();
      rows.set("usename", cells[1]);
      rows.set("usesysid", input_text(TypeRef(Type::oid), cells[0]));
      rows.set("usecreatedb", cells[5] == "true");
      rows.set("usesuper", cells[2] == "true");
      rows.set("userepl", cells[7] == "true");
      rows.set("usebypassrls", cells[8] == "true");
      rows.set("passwd", "********");
      continue;
    }
    rows.begin();
    rows.set("rolname", cells[1]);
    rows.set("oid", input_text(TypeRef(Type::oid), cells[0]));
    static constexpr const char* flags[] = {"rolsuper", "rolinherit", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolreplication"};
    for (std::size_t i = 0; i < 6; ++i) rows.set(flags[i], cells[i + 2] == "true");
    rows.set("rolbypassrls", cells[8] == "true");
    rows.set_number("rolconnlimit", -1);
    rows.set("rolpassword", "********");
  }
}

void fill_description(const CatalogReader& reader, RowWriter& rows) {
  if (reader.schema_name(kPublicSchema).empty()) return;
  rows.begin();
  rows.set_number("objoid", kPublicSchema);
  rows.set_number("classoid", 2615);  // pg_namespace
  rows.set("description", kPublicDescription);
}

void fill_nothing(const CatalogReader&, RowWriter&) {}

struct Content {
  std::string_view name;
  Fill fill;
};
constexpr Content kContents[] = {
    {"pg_class", fill_class},
    {"pg_namespace", fill_namespace},
    {"pg_attribute", fill_attribute},
    {"pg_attrdef", fill_attrdef},
    {"pg_type", fill_type},
    {"pg_enum", fill_enum},
    {"pg_index", fill_index},
    {"pg_constraint", fill_constraint},
    {"pg_am", fill_written},
    {"pg_collation", fill_written},
    {"pg_authid", fill_written},
    {"pg_tablespace", fill_written},
    {"pg_opclass", fill_written},
    {"pg_sequence", fill_sequence},
    {"pg_sequences", fill_sequences},
    {"pg_depend", fill_depend},
    {"pg_roles", fill_roles},
    {"pg_user", fill_roles},
    {"pg_tables", fill_tables},
    {"pg_views", fill_views},
    {"pg_indexes", fill_indexes},
    {"pg_auth_members", fill_written},
    {"pg_proc", fill_written},
    {"pg_range", fill_written},
    {"pg_description", fill_description},
    {"pg_database", fill_nothing},
    {"pg_locks", fill_nothing},
    {"pg_stat_activity", fill_nothing},
};
/// What nobody can make here.
constexpr std::string_view kEmpty[] = {
    "pg_policy",           "pg_inherits",        "pg_trigger",      "pg_rewrite",      "pg_statistic_ext", "pg_publication",
    "pg_publication_rel",  "pg_publication_namespace", "pg_foreign_table", "pg_foreign_server", "pg_foreign_data_wrapper",
    "pg_shdescription",   "pg_partitioned_table", "pg_event_trigger", "pg_extension",
    "pg_db_role_setting", "pg_default_acl",  "pg_subscription", "pg_seclabel",      "pg_shseclabel",
    "pg_user_mapping",    "pg_matviews",     "pg_policies",
};

}  // namespace

bool find_content(std::string_view schema, std::string_view name, Fill& fill) {
  if (schema == "information_schema") {
    fill = information_content(name);
    return fill != nullptr;
  }
  for (const Content& each : kContents) {
    if (each.name != name) continue;
    fill = each.fill;
    return true;
  }
  fill = nullptr;
  return std::ranges::find(kEmpty, name) != std::end(kEmpty);
}

FillLive live_content(const SystemRelation& relation) {
  if (relation.name == "pg_database") return fill_database;
  if (relation.name == "pg_stat_activity") return fill_activity;
  if (relation.name == "pg_locks") return fill_locks;
  return nullptr;
}

bool has_default(const Column& column) {
  if (column.is_generated) return true;
  if (column.identity != Identity::none) return false;
  if (column.default_value == nullptr) return column.sequence != nullptr;
  const Expr& value = *column.default_value;
  return !(value.kind == ExprKind::constant && value.constant.is_null() && column.type.typmod < 0);
}

SequenceOwner owner_of(const CatalogReader& reader, const Sequence& sequence) {
  for (const Table* table : reader.tables()) {
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      if (table->columns[i].sequence == &sequence) return {table, static_cast<std::int16_t>(i + 1), &table->columns[i]};
    }
  }
  return {};
}

}  // namespace orrery::sim::database
