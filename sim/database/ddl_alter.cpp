#include <algorithm>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

/// Every version gets the new column; the values of expression indexes lie behind it and move.
void add_column(SessionImpl& session, Table& table, const PgQuery__ColumnDef& definition, bool if_not_exists) {
  if (table.column(definition.colname)) {
    if (if_not_exists) return;
    fail("42701", "column " + in_quotes(definition.colname) + " of relation " + in_quotes(table.name) + " already exists");
  }
  for (const auto& index : table.indexes) {
    const bool has_expression = std::any_of(index->elements.begin(), index->elements.end(),
                                            [](const KeyElement& element) { return element.column < 0; });
    if (!index->is_dropped && has_expression) fail_unsupported("ALTER TABLE ADD COLUMN with an expression index");
  }
  if (table.heap->width() != table.columns.size()) fail_unsupported("ALTER TABLE ADD COLUMN after an expression index");
  Column column = make_column(session, table, definition);
  const auto place = static_cast<std::uint32_t>(table.columns.size());
  table.heap->set_width(place + 1);
  table.columns.push_back(column);
  table.refresh_shape();
  undo(session, [&table] {
    table.columns.pop_back();
    table.heap->set_width(table.columns.size());
    table.refresh_shape();
  });
  add_generation(session, table, definition);
  column = table.columns.back();
  UtilityRun run(session);
  for (VersionId id = 0; id < table.heap->end(); ++id) {
    Version& version = (*table.heap)[id];
    if (version.row == nullptr) continue;
    if (column.generation != nullptr) {
      run.get().slots[0] = {version.row, id};
      Value local;
      const Value computed = evaluate(*column.generation, run.get(), local);
      version.row[place] = computed;
    } else if (column.default_value != nullptr) {
      Value local;
      version.row[place] = evaluate(*column.default_value, run.get(), local);
    } else if (column.sequence != nullptr) {
      version.row[place] = Value::integer(column.sequence->next());
    }
    if (column.not_null && is_alive(version) && version.row[place].is_null()) {
      fail_constraint("23502", "column " + in_quotes(column.name) + " of relation " + in_quotes(table.name) + " contains null values", {}, {});
    }
  }
  std::vector<ConstraintItem> items;
  add_items(definition, items);
  for (const ConstraintItem& item : items) add_constraint(session, table, item.constraint, item.column);
}

void alter_column_default(SessionImpl& session, Table& table, const PgQuery__AlterTableCmd& command, std::uint32_t column) {
  Column& target = table.columns[column];
  if (target.is_generated) {
    fail("42601", "column " + in_quotes(target.name) + " of relation " + in_quotes(table.name) + " is a generated column", 0, {},
         command.def != nullptr ? "" : "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.");
  }
  const auto before = target.default_value;
  const std::string text_before = target.default_text;
  target.default_value = command.def == nullptr
                             ? nullptr
                             : Analyzer(session.naming).default_expression(*command.def, target.type, target.name);
  target.default_text = command.def == nullptr ? "" : expression_text(*command.def);
  undo(session, [&table, column, before, text_before] {  // the columns may have moved by then
    table.columns[column].default_value = before;
    table.columns[column].default_text = text_before;
  });
}

void alter_not_null(SessionImpl& session, Table& table, std::uint32_t column, bool not_null) {
  Column& target = table.columns[column];
  if (not_null) {
    for (VersionId id = 0; id < table.heap->end(); ++id) {
      const Version& version = (*table.heap)[id];
      if (is_alive(version) && version.row[column].is_null()) {
        fail_constraint("23502", "column " + in_quotes(target.name) + " of relation " + in_quotes(table.name) + " contains null values", {}, {});
      }
    }
  }
  if (const Index* key = table.primary_key(); !not_null && key != nullptr) {
    for (const KeyElement& element : key->elements) {
      if (element.column == static_cast<std::int32_t>(column)) fail("42P16", "column " + in_quotes(target.name) + " is in a primary key");
    }
  }
  const bool before = target.not_null;
  target.not_null = not_null;
  undo(session, [&table, column, before] { table.columns[column].not_null = before; });
}

void alter_storage_parameters(SessionImpl& session, Table& table, const PgQuery__AlterTableCmd& command) {
  const Nodes options(command.def->list->items, command.def->list->n_items);
  std::vector<std::string> before = table.storage_parameters;
  table.storage_parameters = command.subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions
                                 ? storage_parameters(options, StorageOwner::table, before)
                                 : without_storage_parameters(options, before);
  undo(session, [&table, before = std::move(before)] { table.storage_parameters = before; });
}

LockMode lock_mode_of(const PgQuery__AlterTableCmd& command, std::int32_t position) {
  switch (command.subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint: {
      const PgQuery__Constraint& constraint = *command.def->constraint;
      const bool is_foreign = constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN;
      return is_foreign ? LockMode::share_row_exclusive : LockMode::access_exclusive;
    }
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
      return LockMode::share_update_exclusive;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
      return LockMode::access_exclusive;
    default:
      fail_unsupported("this form of ALTER TABLE", position);
  }
}

}  // namespace

Task<> alter_table(SessionImpl& session, const PgQuery__AlterTableStmt& stmt) {
  if (stmt.objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) fail_unsupported("ALTER of this kind of object");
  if (stmt.missing_ok && session.naming.find_relation(stmt.relation->schemaname, stmt.relation->relname) == nullptr) co_return;
  static_cast<void>(session.naming.named_table(*stmt.relation));
  // AlterTableGetLockLevel: the strongest that a command needs. What is refused is refused before anybody waits.
  LockMode mode = LockMode::share_update_exclusive;
  std::vector<Table*> parents;
  for (const Node* node : Nodes(stmt.cmds, stmt.n_cmds)) {
    const PgQuery__AlterTableCmd& command = *node->alter_table_cmd;
    const LockMode needed = lock_mode_of(command, position_of(stmt.relation->location));
    mode = std::max(mode, needed);
    if (needed == LockMode::share_row_exclusive) parents.push_back(&session.naming.named_table(*command.def->constraint->pktable));
  }
  Table& table = *co_await open_table(session, *stmt.relation, mode);
  for (Table* parent : parents) co_await lock_table(session, *parent, LockMode::share_row_exclusive);
  for (const Node* node : Nodes(stmt.cmds, stmt.n_cmds)) {
    const PgQuery__AlterTableCmd& command = *node->alter_table_cmd;
    const auto column = [&]() -> std::uint32_t {
      const auto found = table.column(command.name);
      if (!found) fail("42703", "column " + in_quotes(command.name) + " of relation " + in_quotes(table.name) + " does not exist");
      return *found;
    };
    switch (command.subtype) {
      case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        add_column(session, table, *command.def->column_def, command.missing_ok);
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
        add_constraint(session, table, *command.def->constraint, {});
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        drop_constraint(session, table, command.name, command.missing_ok);
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
        validate_constraint(session, table, command.name);
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault:
        alter_column_default(session, table, command, column());
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
        alter_not_null(session, table, column(), true);
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
        alter_not_null(session, table, column(), false);
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner:
        refuse_other_roles(command.newowner);
        break;
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
        if (command.name[0] != '\0') static_cast<void>(column());
        break;  // no effect on results
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
      case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions:
        alter_storage_parameters(session, table, command);
        break;
      default:
        fail_unsupported("this form of ALTER TABLE", position_of(stmt.relation->location));
    }
  }
}

}  // namespace orrery::sim::database
