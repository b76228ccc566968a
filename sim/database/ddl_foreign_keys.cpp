#include <algorithm>
#include <utility>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/foreign_keys.hpp"
#include "sim/database/utility.hpp"

namespace orrery::sim::database {
namespace {

KeyAction action_of(const char* letter, std::int32_t location) {
  switch (letter[0]) {
    case 'r':
      return KeyAction::restrict;
    case 'c':
      return KeyAction::cascade;
    case 'n':
      return KeyAction::set_null;
    case 'd':
      fail_unsupported("SET DEFAULT of a foreign key", position_of(location));
    default:
      return KeyAction::no_action;
  }
}

std::vector<std::uint32_t> columns_of(const Table& table, Nodes names) {
  std::vector<std::uint32_t> columns;
  for (const Node* node : names) {
    const auto column = table.column(node->string->sval);
    if (!column) {
      fail("42703", "column " + in_quotes(node->string->sval) + " referenced in foreign key constraint does not exist");
    }
    columns.push_back(*column);
  }
  return columns;
}

}  // namespace

void validate_foreign_key(SessionImpl& session, ForeignKey& key) {
  if (key.is_valid) return;
  check_children(session, key);
  key.is_valid = true;
  Catalog& catalog = session.engine.catalog;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, &key](bool committed) {
    if (!committed) key.is_valid = false;
    ++catalog.version;
  });
}

void add_foreign_key(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint,
                     const std::string& only_column) {
  const std::int32_t position = position_of(constraint.location);
  if (constraint.n_fk_del_set_cols > 0) fail_unsupported("ON DELETE SET NULL of some columns", position);
  auto key = std::make_unique<ForeignKey>();
  key->child = &table;
  key->parent = &session.naming.named_table(*constraint.pktable);
  key->on_delete = action_of(constraint.fk_del_action, constraint.location);
  key->on_update = action_of(constraint.fk_upd_action, constraint.location);
  key->is_deferrable = constraint.deferrable || constraint.initdeferred;
  key->is_deferred = constraint.initdeferred;
  key->match_full = constraint.fk_matchtype[0] == 'f';
  key->child_columns = columns_of(table, Nodes(constraint.fk_attrs, constraint.n_fk_attrs));
  if (key->child_columns.empty()) key->child_columns.push_back(*table.column(only_column));
  for (const std::uint32_t column : key->child_columns) {
    if (!table.columns[column].is_generated) continue;
    if (key->on_update == KeyAction::cascade || key->on_update == KeyAction::set_null) {
      fail("42601", "invalid ON UPDATE action for foreign key constraint containing generated column");
    }
    if (key->on_delete == KeyAction::set_null) {
      fail("42601", "invalid ON DELETE action for foreign key constraint containing generated column");
    }
  }
  key->parent_columns = columns_of(*key->parent, Nodes(constraint.pk_attrs, constraint.n_pk_attrs));
  if (key->parent_columns.empty()) {
    key->parent_index = key->parent->primary_key();
    if (key->parent_index == nullptr) {
      fail("42704", "there is no primary key for referenced table " + in_quotes(key->parent->name));
    }
    if (key->parent_index->is_deferrable) {
      fail("55000", "cannot use a deferrable primary key for referenced table " + in_quotes(key->parent->name));
    }
    for (const KeyElement& element : key->parent_index->elements) {
      key->parent_columns.push_back(static_cast<std::uint32_t>(element.column));
    }
  }
  if (key->parent_columns.size() != key->child_columns.size()) {
    fail("42830", "number of referencing and referenced columns for foreign key disagree");
  }
  bool is_deferrable = false;
  for (const auto& index : key->parent->indexes) {
    if (!index->is_unique || index->is_dropped || index->predicate != nullptr) continue;
    if (index->elements.size() != key->parent_columns.size()) continue;
    const bool covers = std::all_of(index->elements.begin(), index->elements.end(), [&](const KeyElement& element) {
      return std::find(key->parent_columns.begin(), key->parent_columns.end(), static_cast<std::uint32_t>(element.column)) !=
             key->parent_columns.end();
    });
    if (!covers) continue;
    is_deferrable = is_deferrable || index->is_deferrable;
    if (!index->is_deferrable) key->parent_index = index.get();
  }
  if (key->parent_index == nullptr && is_deferrable) {
    fail("55000", "cannot use a deferrable unique constraint for referenced table " + in_quotes(key->parent->name));
  }
  if (key->parent_index == nullptr) {
    fail("42830", "there is no unique constraint matching given keys for referenced table " + in_quotes(key->parent->name));
  }
  for (std::size_t i = 0; i < key->child_columns.size(); ++i) {
    const TypeRef child_type = table.columns[key->child_columns[i]].type;
    const TypeRef parent_type = key->parent->columns[key->parent_columns[i]].type;
    if (!child_type.same(parent_type)) {
      const bool both_integers = category_of(child_type) == TypeCategory::numeric && category_of(parent_type) == TypeCategory::numeric &&
                                 !child_type.is(Type::numeric) && !parent_type.is(Type::numeric);
      if (both_integers && compare_function(child_type) != nullptr && !child_type.is(Type::float8) && !parent_type.is(Type::float8)) continue;
      fail_unsupported("a foreign key between different types", position);
    }
  }
  key->name = constraint.conname;
  refuse_known_constraint(table, key->name);
  if (key->name.empty()) {
    std::string columns;
    for (const std::uint32_t column : key->child_columns) columns += (columns.empty() ? "" : "_") + table.columns[column].name;
    key->name = object_name(table.name, columns, "fkey");
    const auto taken = [&] {
      return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                         [&](const auto& other) { return other->name == key->name && !other->is_dropped; });
    };
    for (int number = 1; taken(); ++number) key->name = object_name(table.name, columns, "fkey" + std::to_string(number));
  }
  key->is_valid = !constraint.skip_validation;
  if (key->is_valid) check_children(session, *key);
  ForeignKey* added = table.foreign_keys.emplace_back(std::move(key)).get();
  added->parent->referenced_by.push_back(added);
  Catalog& catalog = session.engine.catalog;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, added](bool committed) {
    if (!committed) added->is_dropped = true;
    ++catalog.version;
  });
}

}  // namespace orrery::sim::database
