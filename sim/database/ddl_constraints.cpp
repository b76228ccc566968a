#include <algorithm>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

void add_key(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint, const std::string& only_column) {
  IndexDefinition definition;
  definition.is_unique = true;
  definition.is_constraint = true;
  definition.is_primary = constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
  definition.nulls_not_distinct = constraint.nulls_not_distinct;
  definition.name = constraint.conname;
  definition.storage_parameters = storage_parameters(Nodes(constraint.options, constraint.n_options), StorageOwner::index);
  definition.deferral = {constraint.deferrable || constraint.initdeferred, constraint.initdeferred != 0};
  for (const Node* node : Nodes(constraint.including, constraint.n_including)) {
    definition.included.push_back(included_column(table, node->string->sval));
  }
  refuse_known_constraint(table, definition.name);
  if (constraint.indexspace[0] != '\0' && constraint.indexspace != std::string_view("pg_default")) fail_unsupported("tablespace " + std::string(constraint.indexspace));
  if (constraint.indexname[0] != '\0') fail_unsupported("UNIQUE USING INDEX", position_of(constraint.location));
  if (definition.is_primary && table.primary_key() != nullptr) {
    fail("42P16", "multiple primary keys for table " + in_quotes(table.name) + " are not allowed", position_of(constraint.location));
  }
  std::vector<std::string> names;
  for (const Node* node : Nodes(constraint.keys, constraint.n_keys)) names.emplace_back(node->string->sval);
  if (names.empty()) names.push_back(only_column);
  for (const std::string& name : names) {
    const auto column = table.column(name);
    if (!column) fail("42703", "column " + in_quotes(name) + " named in key does not exist", position_of(constraint.location));
    if (definition.is_primary && !table.columns[*column].not_null) {
      for (VersionId id = 0; id < table.heap->end(); ++id) {
        const Version& version = (*table.heap)[id];
        if (is_alive(version) && version.row[*column].is_null()) {
          fail_constraint("23502", "column " + in_quotes(name) + " of relation " + in_quotes(table.name) + " contains null values", {}, {});
        }
      }
      table.columns[*column].not_null = true;
      undo(session, [&table, place = *column] { table.columns[place].not_null = false; });
    }
    definition.elements.push_back({static_cast<std::int32_t>(*column), nullptr, {}});
  }
  Index& index = build_index(session, table, std::move(definition));
  fill_index(session, index);
}

/// Throws 23514 unless no row violates it.
void check_rows_of(SessionImpl& session, const Table& table, const CheckConstraint& check) {
  UtilityRun run(session);
  for (VersionId id = 0; id < table.heap->end(); ++id) {
    const Version& version = (*table.heap)[id];
    if (!is_alive(version)) continue;
    run.get().slots[0] = {version.row, id};
    Value local;
    const Value& result = evaluate(*check.condition, run.get(), local);
    if (!result.is_null() && !result.boolean()) {
      fail_constraint("23514", "check constraint " + in_quotes(check.name) + " of relation " + in_quotes(table.name) + " is violated by some row",
                      {}, check.name);
    }
  }
}

}  // namespace

void validate_constraint(SessionImpl& session, Table& table, const std::string& name) {
  for (const auto& key : table.foreign_keys) {
    if (key->name != name || key->is_dropped) continue;
    validate_foreign_key(session, *key);
    return;
  }
  for (CheckConstraint& check : table.checks) {
    if (check.name != name) continue;
    if (check.is_valid) return;
    check_rows_of(session, table, check);
    check.is_valid = true;
    undo(session, [&table, name] {
      for (CheckConstraint& each : table.checks) {
        if (each.name == name) each.is_valid = false;
      }
    });
    return;
  }
  for (const auto& index : table.indexes) {
    if (index->is_dropped || !index->is_constraint || index->name != name) continue;
    fail("42809", "constraint " + in_quotes(name) + " of relation " + in_quotes(table.name) + " is not a foreign key or check constraint");
  }
  fail("42704", "constraint " + in_quotes(name) + " of relation " + in_quotes(table.name) + " does not exist");
}

void add_constraint(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint, const std::string& only_column) {
  switch (constraint.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
      add_key(session, table, constraint, only_column);
      return;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
      add_check(session, table, constraint);
      return;
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
      add_foreign_key(session, table, constraint, only_column);
      return;
    case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
      fail_unsupported("EXCLUDE constraints", position_of(constraint.location));
    default:
      return;
  }
}

void add_check(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint) {
  CheckConstraint check;
  check.condition = Analyzer(session.naming).row_condition(table, *constraint.raw_expr, Clause::check);
  check.text = expression_text(*constraint.raw_expr);
  check.name = constraint.conname;
  refuse_known_constraint(table, check.name);
  for_each_expression(*check.condition, [](const Expr& each) {
    if (each.kind == ExprKind::system_column && each.system != SystemColumn::tableoid) fail_unsupported("a system column in a check constraint");
  });
  if (check.name.empty()) {
    // Named after its column, if there is just one.
    std::vector<std::uint32_t> columns;
    bool has_system_column = false;
    for_each_expression(*check.condition, [&](const Expr& each) {
      has_system_column = has_system_column || each.kind == ExprKind::system_column;
      if (each.kind == ExprKind::column && std::find(columns.begin(), columns.end(), each.column) == columns.end()) {
        columns.push_back(each.column);
      }
    });
    const std::string column = columns.size() == 1 && !has_system_column ? table.columns[columns[0]].name : std::string();
    check.name = object_name(table.name, column, "check");
    for (int number = 1; std::any_of(table.checks.begin(), table.checks.end(),
                                     [&](const CheckConstraint& other) { return other.name == check.name; });
         ++number) {
      check.name = object_name(table.name, column, "check" + std::to_string(number));
    }
  }
  check.is_valid = !constraint.skip_validation;
  if (check.is_valid) check_rows_of(session, table, check);
  const auto place = std::find_if(table.checks.begin(), table.checks.end(),
                                  [&](const CheckConstraint& other) { return other.name > check.name; });
  const std::string name = check.name;
  table.checks.insert(place, std::move(check));
  undo(session, [&table, name] { std::erase_if(table.checks, [&](const CheckConstraint& each) { return each.name == name; }); });
}

void refuse_known_constraint(const Table& table, const std::string& name) {
  const auto has_name = [&](const auto& other) { return other->name == name && !other->is_dropped; };
  const bool is_known = std::any_of(table.checks.begin(), table.checks.end(), [&](const CheckConstraint& other) { return other.name == name; }) ||
                        std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(), has_name) ||
                        std::any_of(table.indexes.begin(), table.indexes.end(), [&](const auto& other) { return other->is_constraint && has_name(other); });
  if (is_known && !name.empty()) fail("42710", "constraint " + in_quotes(name) + " for relation " + in_quotes(table.name) + " already exists");
}

void drop_constraint(SessionImpl& session, Table& table, const std::string& name, bool missing_ok) {
  for (std::size_t i = 0; i < table.checks.size(); ++i) {
    if (table.checks[i].name != name) continue;
    const CheckConstraint dropped = table.checks[i];
    table.checks.erase(table.checks.begin() + static_cast<std::ptrdiff_t>(i));
    undo(session, [&table, dropped] { table.checks.push_back(dropped); });
    return;
  }
  for (const auto& key : table.foreign_keys) {
    if (key->name != name || key->is_dropped) continue;
    key->is_dropped = true;
    undo(session, [each = key.get()] { each->is_dropped = false; });
    return;
  }
  for (const auto& index : table.indexes) {
    if (index->name == name && index->is_constraint && !index->is_dropped) fail_unsupported("ALTER TABLE DROP CONSTRAINT of a key");
  }
  if (missing_ok) return;
  fail("42704", "constraint " + in_quotes(name) + " of relation " + in_quotes(table.name) + " does not exist");
}

}  // namespace orrery::sim::database
