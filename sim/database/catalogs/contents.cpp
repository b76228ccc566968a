// What stands in the catalogs that are about what users made.

#include "sim/database/catalogs/contents.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "sim/database/catalogs/definitions.hpp"
#include "sim/database/catalogs/objects.hpp"
#include "sim/database/catalogs/rule_text.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

using Relation = CatalogReader::Relation;
using Kind = CatalogEntry::Kind;

constexpr std::int64_t kOwner = 10;  // the role postgres
constexpr std::int64_t kHeap = 2;
constexpr std::int64_t kBtree = 403;

Value number(std::int64_t value) { return Value::integer(value); }

Value numbers(Type element, const std::vector<std::int64_t>& values, bool is_vector = false) {
  ArrayData array;
  array.element = TypeRef(element);
  if (!values.empty()) array.dimensions.push_back({static_cast<std::int32_t>(values.size()), is_vector ? 0 : 1});
  for (const std::int64_t value : values) array.elements.push_back(number(value));
  return Value::array(std::move(array));
}

std::vector<const Index*> indexes_of(const CatalogReader& reader, const Table& table) {
  std::vector<const Index*> indexes;
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind == Kind::index && each.entry->index->table == &table) indexes.push_back(each.entry->index);
  }
  return indexes;
}

std::vector<const ForeignKey*> foreign_keys_of(const Table& table) {
  std::vector<const ForeignKey*> keys;
  for (const auto& key : table.foreign_keys) {
    if (!key->is_dropped) keys.push_back(key.get());
  }
  return keys;
}

// --------------------------------------------------------------------------------------------------- pg_class

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
        break;
      }
      case Kind::index:
        begin_class(rows, each.oid, each.name, schema, "i", each.entry->index->elements.size() + each.entry->index->included.size());
        rows.set_number("relam", kBtree);
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

// ------------------------------------------------------------------------------------------------- pg_attribute

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

// --------------------------------------------------------------------------------------------- pg_type, pg_enum

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

// ------------------------------------------------------------------------------------- pg_index, pg_constraint

/// The operator class that an index of this type has by itself.
std::int64_t operator_class_of(TypeRef type) {
  static const std::map<std::uint32_t, std::uint32_t> defaults = [] {
    std::map<std::uint32_t, std::uint32_t> found;
    for (std::string_view rest = catalog_definitions().operator_class_rows; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      std::vector<std::string_view> cells;
      for (std::string_view line = rest.substr(0, end); cells.size() < 9;) {
        const std::size_t tab = line.find('\t');
        cells.push_back(line.substr(0, tab));
        line = tab == std::string_view::npos ? std::string_view() : line.substr(tab + 1);
      }
      const auto number_in = [&](std::size_t cell) {
        std::uint32_t value = 0;
        std::from_chars(cells[cell].data(), cells[cell].data() + cells[cell].size(), value);
        return value;
      };
      if (cells[7] == "true") found[number_in(6)] = number_in(0);
      rest = rest.substr(end + 1);
    }
    return found;
  }();
  constexpr std::uint32_t kAnyArray = 2277;
  constexpr std::uint32_t kAnyEnum = 3500;
  std::uint32_t oid = builtin_oid(type.base == Type::varchar && !type.is_array ? TypeRef(Type::text) : type);
  if (type.is_array) oid = kAnyArray;
  if (type.is(Type::enumeration)) oid = kAnyEnum;
  const auto found = defaults.find(oid);
  return found == defaults.end() ? 0 : found->second;
}

void fill_index(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::index) continue;
    const Index& index = *each.entry->index;
    rows.begin();
    rows.set_number("indexrelid", each.oid);
    rows.set_number("indrelid", index.table->id);
    rows.set_number("indnatts", static_cast<std::int64_t>(index.elements.size() + index.included.size()));
    rows.set_number("indnkeyatts", static_cast<std::int64_t>(index.elements.size()));
    rows.set("indisunique", index.is_unique);
    rows.set("indnullsnotdistinct", index.nulls_not_distinct);
    rows.set("indisprimary", index.is_primary);
    rows.set("indimmediate", !index.is_deferrable);
    rows.set("indisvalid", true);
    rows.set("indisready", true);
    rows.set("indislive", true);
    std::vector<std::int64_t> key;
    std::vector<std::int64_t> collations;
    std::vector<std::int64_t> classes;
    std::vector<std::int64_t> options;
    std::string expressions;
    std::string pretty;
    for (std::size_t i = 0; i < index.elements.size(); ++i) {
      const KeyElement& element = index.elements[i];
      const KeyColumn& column = index.tree->columns()[i];
      key.push_back(element.column + 1);
      collations.push_back(storage_of(reader.type_oid(column.type)).collation);
      classes.push_back(operator_class_of(column.type));
      options.push_back((column.descending ? 1 : 0) | (column.nulls_first ? 2 : 0));
      if (element.column >= 0) continue;
      const char* comma = expressions.empty() ? "" : ", ";
      expressions += comma + text.key_text(index, element, false);
      pretty += comma + text.key_text(index, element, true);
    }
    for (const std::uint32_t column : index.included) key.push_back(column + 1);
    rows.set("indkey", numbers(Type::int2, key, true));
    rows.set("indcollation", numbers(Type::oid, collations, true));
    rows.set("indclass", numbers(Type::oid, classes, true));
    rows.set("indoption", numbers(Type::int2, options, true));
    if (!expressions.empty()) rows.set("indexprs", tree_value(expressions, pretty));
    if (index.predicate != nullptr) rows.set("indpred", tree_value(text.predicate_text(index, false), text.predicate_text(index, true)));
  }
}

const char* action_letter(KeyAction action) {
  switch (action) {
    case KeyAction::no_action:
      return "a";
    case KeyAction::restrict:
      return "r";
    case KeyAction::cascade:
      return "c";
    case KeyAction::set_null:
      return "n";
    case KeyAction::set_default:
      return "d";
  }
  return " ";
}

void begin_constraint(const CatalogReader& reader, RowWriter& rows, std::int64_t oid, std::string_view name, const Table& table, const char* kind) {
  rows.begin();
  rows.set_number("oid", oid);
  rows.set("conname", name);
  rows.set_number("connamespace", reader.schema_oid(table.schema));
  rows.set("contype", kind);
  rows.set("convalidated", true);
  rows.set_number("conrelid", table.id);
  rows.set("confupdtype", " ");
  rows.set("confdeltype", " ");
  rows.set("confmatchtype", " ");
  rows.set("conislocal", true);
  rows.set("connoinherit", kind[0] != 'c');
}

std::vector<std::int64_t> places(const std::vector<std::uint32_t>& columns) {
  std::vector<std::int64_t> result;
  for (const std::uint32_t column : columns) result.push_back(column + 1);
  return result;
}

void fill_constraint(const CatalogReader& reader, RowWriter& rows) {
  const RuleWriter text(reader);
  for (const Table* table : reader.tables()) {
    for (const CheckConstraint& check : table->checks) {
      begin_constraint(reader, rows, check.oid, check.name, *table, "c");
      rows.set("convalidated", check.is_valid);
      std::vector<std::int64_t> key;
      for_each_expression(*check.condition, [&](const Expr& each) {
        if (each.kind == ExprKind::column && std::ranges::find(key, each.column + 1) == key.end()) key.push_back(each.column + 1);
      });
      if (!key.empty()) rows.set("conkey", numbers(Type::int2, key));
      rows.set("conbin", tree_value(text.check_text(*table, check, false), text.check_text(*table, check, true)));
    }
    for (const Index* index : indexes_of(reader, *table)) {
      if (index->constraint_oid == 0) continue;
      begin_constraint(reader, rows, index->constraint_oid, index->name, *table, index->is_primary ? "p" : "u");
      rows.set("condeferrable", index->is_deferrable);
      rows.set("condeferred", index->is_deferred);
      rows.set_number("conindid", index->oid);
      std::vector<std::int64_t> key;
      for (const KeyElement& element : index->elements) key.push_back(element.column + 1);
      rows.set("conkey", numbers(Type::int2, key));
    }
    for (const ForeignKey* key : foreign_keys_of(*table)) {
      begin_constraint(reader, rows, key->oid, key->name, *table, "f");
      rows.set("condeferrable", key->is_deferrable);
      rows.set("condeferred", key->is_deferred);
      rows.set("convalidated", key->is_valid);
      rows.set_number("conindid", key->parent_index->oid);
      rows.set_number("confrelid", key->parent->id);
      rows.set("confupdtype", action_letter(key->on_update));
      rows.set("confdeltype", action_letter(key->on_delete));
      rows.set("confmatchtype", key->match_full ? "f" : "s");
      rows.set("conkey", numbers(Type::int2, places(key->child_columns)));
      rows.set("confkey", numbers(Type::int2, places(key->parent_columns)));
    }
  }
}

// --------------------------------------------------------------------------------------------------- the others

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
  for (const Relation& each : reader.relations()) {
    if (each.entry->kind != Kind::view) continue;
    rows.begin();
    rows.set("schemaname", each.schema);
    rows.set("viewname", each.name);
    rows.set("viewowner", "postgres");
    rows.set("definition", each.entry->view->definition + ";");
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

// ------------------------------------------------------------------------------------------- what sessions do

constexpr std::int64_t kDatabase = 5;

void fill_database(const SessionImpl& session, RowWriter& rows) {
  rows.begin();
  rows.set_number("oid", kDatabase);
  rows.set("datname", session.engine.name);
  rows.set_number("datdba", kOwner);
  rows.set_number("encoding", 6);  // UTF8
  rows.set("datlocprovider", "c");
  rows.set("datallowconn", true);
  rows.set_number("datconnlimit", -1);
  rows.set_number("dattablespace", 1663);
  rows.set("datcollate", "C");
  rows.set("datctype", "C");
}

const char* wait_event(const LockWait& wait) {
  if (wait.lock == nullptr) return "transactionid";
  switch (wait.lock->tag().kind) {
    case LockTag::Kind::relation:
      return "relation";
    case LockTag::Kind::tuple:
      return "tuple";
    case LockTag::Kind::advisory:
      return "advisory";
  }
  return "";
}

void fill_activity(const SessionImpl& asking, RowWriter& rows) {
  for (const SessionImpl* session : asking.engine.sessions) {
    if (session == nullptr) continue;
    const Transaction& txn = session->transaction;
    rows.begin();
    rows.set_number("datid", kDatabase);
    rows.set("datname", asking.engine.name);
    rows.set_number("pid", txn.process_id);
    rows.set_number("usesysid", kOwner);
    rows.set("usename", "postgres");
    rows.set("application_name", session->settings.show("application_name").value_or(""));
    rows.set("backend_type", "client backend");
    if (txn.is_open) rows.set_number("xact_start", txn.start_time);
    if (session->shown_text != nullptr) rows.set_number("query_start", txn.statement_time);
    rows.set("state", session->is_running   ? "active"
                      : !txn.is_explicit    ? "idle"
                      : txn.has_failed      ? "idle in transaction (aborted)"
                                            : "idle in transaction");
    if (txn.waiting != nullptr && !txn.waiting->granted) {
      rows.set("wait_event_type", "Lock");
      rows.set("wait_event", wait_event(*txn.waiting));
    } else if (session->sleeper != nullptr) {
      rows.set("wait_event_type", "Timeout");
      rows.set("wait_event", "PgSleep");
    } else if (txn.waits_for_safe_snapshot) {
      rows.set("wait_event_type", "IPC");
      rows.set("wait_event", "SafeSnapshot");
    } else if (!session->is_running) {
      rows.set("wait_event_type", "Client");
      rows.set("wait_event", "ClientRead");
    }
    if (txn.is_open && !txn.xids.empty()) rows.set_number("backend_xid", static_cast<std::int64_t>(txn.xids.front()));
    rows.set("query", session->shown_text == nullptr ? std::string_view() : std::string_view(session->shown_text->text));
  }
}

/// One row of pg_locks, of which the columns that tell the object are left.
void begin_lock(RowWriter& rows, const Transaction& owner, const char* kind, LockMode mode, bool granted) {
  rows.begin();
  rows.set("locktype", kind);
  rows.set("virtualtransaction", std::to_string(owner.slot + 1) + "/1");
  rows.set_number("pid", owner.process_id);
  rows.set("mode", lock_mode_name(mode));
  rows.set("granted", granted);
  rows.set("fastpath", false);
}

void add_lock(RowWriter& rows, const Transaction& owner, const Lock& lock, LockMode mode, bool granted) {
  const LockTag& tag = lock.tag();
  begin_lock(rows, owner, tag.kind == LockTag::Kind::relation ? "relation" : tag.kind == LockTag::Kind::tuple ? "tuple" : "advisory", mode, granted);
  rows.set_number("database", kDatabase);
  if (tag.kind == LockTag::Kind::advisory) {
    rows.set_number("classid", static_cast<std::uint32_t>(tag.form == 1 ? tag.first >> 32U : tag.first));
    rows.set_number("objid", static_cast<std::uint32_t>(tag.form == 1 ? tag.first : tag.second));
    rows.set_number("objsubid", tag.form);
    return;
  }
  rows.set_number("relation", static_cast<std::int64_t>(tag.first));
  if (tag.kind != LockTag::Kind::tuple) return;
  rows.set_number("page", static_cast<std::int64_t>(tag.second / 100));  // as ctid has it
  rows.set_number("tuple", static_cast<std::int64_t>(tag.second % 100 + 1));
}

void fill_locks(const SessionImpl& asking, RowWriter& rows) {
  for (const SessionImpl* session : asking.engine.sessions) {
    if (session == nullptr) continue;
    const Transaction& txn = session->transaction;
    std::vector<std::pair<const Lock*, LockMode>> told;
    for (const HeldLock& held : txn.held) {
      const std::pair<const Lock*, LockMode> each{held.lock, held.mode};
      if (std::ranges::find(told, each) != told.end()) continue;
      told.push_back(each);
      add_lock(rows, txn, *held.lock, held.mode, true);
    }
    if (txn.is_open) {
      begin_lock(rows, txn, "virtualxid", LockMode::exclusive, true);
      rows.set("virtualxid", std::to_string(txn.slot + 1) + "/1");
      for (const Xid xid : txn.xids) {
        begin_lock(rows, txn, "transactionid", LockMode::exclusive, true);
        rows.set_number("transactionid", static_cast<std::int64_t>(xid));
      }
    }
    const LockWait* wait = txn.waiting;
    if (wait == nullptr || wait->granted) continue;
    if (wait->lock != nullptr) {
      add_lock(rows, txn, *wait->lock, wait->mode, false);
    } else {
      begin_lock(rows, txn, "transactionid", LockMode::share, false);
      rows.set_number("transactionid", static_cast<std::int64_t>(wait->xid));
    }
  }
}

/// The only comment there is.
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
    "pg_range",            "pg_user_mapping",    "pg_matviews",     "pg_policies",
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
