// pg_index, pg_constraint.

#include "sim/database/catalogs/fills.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "sim/database/catalogs/definitions.hpp"
#include "sim/database/catalogs/rule_text.hpp"

namespace orrery::sim::database {

std::vector<const Index*> indexes_of(const CatalogReader& reader, const Table& table) {
  std::vector<const Index*> indexes;
  for (const CatalogReader::Relation& each : reader.relations()) {
    if (each.entry->kind == CatalogEntry::Kind::index && each.entry->index->table == &table) indexes.push_back(each.entry->index);
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

namespace {

using Relation = CatalogReader::Relation;
using Kind = CatalogEntry::Kind;

Value number(std::int64_t value) { return Value::integer(value); }

Value numbers(Type element, const std::vector<std::int64_t>& values, bool is_vector = false) {
  ArrayData array;
  array.element = TypeRef(element);
  if (!values.empty()) array.dimensions.push_back({static_cast<std::int32_t>(values.size()), is_vector ? 0 : 1});
  for (const std::int64_t value : values) array.elements.push_back(number(value));
  return Value::array(std::move(array));
}

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

}  // namespace

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

namespace {

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

}  // namespace

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

}  // namespace orrery::sim::database
