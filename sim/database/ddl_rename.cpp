#include <algorithm>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

/// Views keep their text, in which the old name stands.
void refuse_read_by_view(SessionImpl& session, const Table& table) {
  for (const auto& view : session.engine.catalog.views()) {
    const CatalogEntry* entry = session.engine.catalog.find_relation(view->schema, view->name, session.transaction.slot);
    if (entry == nullptr || entry->view != view.get()) continue;
    if (std::find(view->tables.begin(), view->tables.end(), &table) != view->tables.end()) {
      fail_unsupported("RENAME in a table that a view reads");
    }
  }
}

/// The catalog entry goes to the new name; others see that when the transaction commits. Throws 42P07.
void rename_entry(SessionImpl& session, const std::string& schema, const std::string& name, const std::string& wanted) {
  CatalogEntry* entry = session.engine.catalog.find_relation(schema, name, session.transaction.slot);
  CHECK(entry != nullptr, "what is renamed was found");
  CatalogEntry renamed = *entry;
  renamed.dropper = 0;
  register_object(session, schema, wanted, renamed);
  unregister_object(session, schema, name, *entry);
}

void rename_table(SessionImpl& session, Table& table, const std::string& wanted) {
  refuse_read_by_view(session, table);
  rename_entry(session, table.schema, table.name, wanted);
  Catalog& catalog = session.engine.catalog;
  const std::string before = table.name;
  const auto set = [&catalog, &table](const std::string& name) {
    table.name = name;
    table.qualified_name = catalog.qualified_name(table.schema, name);
  };
  set(wanted);
  undo(session, [set, before] { set(before); });
}

void rename_index(SessionImpl& session, Index& index, const std::string& wanted) {
  rename_entry(session, index.table->schema, index.name, wanted);
  const std::string before = index.name;
  index.name = wanted;
  undo(session, [&index, before] { index.name = before; });
}

void rename_column(SessionImpl& session, Table& table, const std::string& name, const std::string& wanted) {
  const auto place = table.column(name);
  if (!place) fail("42703", "column " + in_quotes(name) + " does not exist");
  if (table.column(wanted)) {
    fail("42701", "column " + in_quotes(wanted) + " of relation " + in_quotes(table.name) + " already exists");
  }
  refuse_read_by_view(session, table);
  // Listings show conditions and expressions as they were written.
  const auto names = [&](const Expr& expr) {
    bool found = false;
    for_each_expression(expr, [&](const Expr& part) { found = found || (part.kind == ExprKind::column && part.column == *place); });
    return found;
  };
  for (const CheckConstraint& check : table.checks) {
    if (names(*check.condition)) fail_unsupported("RENAME of a column that a CHECK constraint names");
  }
  for (const auto& index : table.indexes) {
    if (index->is_dropped) continue;
    const bool in_key = std::any_of(index->elements.begin(), index->elements.end(),
                                    [&](const KeyElement& element) { return element.expression != nullptr && names(*element.expression); });
    if (in_key || (index->predicate != nullptr && names(*index->predicate))) {
      fail_unsupported("RENAME of a column that an index's expression or condition names");
    }
  }
  const auto set = [&table, column = *place](const std::string& text) {
    table.columns[column].name = text;
    table.refresh_shape();
  };
  set(wanted);
  undo(session, [set, name] { set(name); });
}

void rename_constraint(SessionImpl& session, Table& table, const std::string& name, const std::string& wanted) {
  const auto is_taken = [&] {
    return std::any_of(table.checks.begin(), table.checks.end(), [&](const CheckConstraint& each) { return each.name == wanted; }) ||
           std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                       [&](const auto& each) { return !each->is_dropped && each->name == wanted; });
  };
  for (const auto& index : table.indexes) {
    if (index->is_dropped || !index->is_constraint || index->name != name) continue;
    rename_index(session, *index, wanted);
    return;
  }
  for (const auto& key : table.foreign_keys) {
    if (key->is_dropped || key->name != name) continue;
    if (is_taken()) fail("42710", "constraint " + in_quotes(wanted) + " for relation " + in_quotes(table.name) + " already exists");
    key->name = wanted;
    undo(session, [each = key.get(), name] { each->name = name; });
    return;
  }
  if (std::any_of(table.checks.begin(), table.checks.end(), [&](const CheckConstraint& each) { return each.name == name; })) {
    fail_unsupported("RENAME of a CHECK constraint");
  }
  fail("42704", "constraint " + in_quotes(name) + " for table " + in_quotes(table.name) + " does not exist");
}

}  // namespace

Task<std::string> rename_object(SessionImpl& session, const PgQuery__RenameStmt& stmt) {
  const bool is_part = stmt.rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN || stmt.rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT;
  const bool is_table = stmt.rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
  if (!is_part && !is_table && stmt.rename_type != PG_QUERY__OBJECT_TYPE__OBJECT_INDEX) fail_unsupported("RENAME of this kind of object");
  const bool is_column = stmt.rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN;
  if (is_column && stmt.relation_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) fail_unsupported("RENAME of a part of this kind of object");
  CatalogEntry* entry = session.naming.find_relation(stmt.relation->schemaname, stmt.relation->relname);
  if (entry == nullptr) {
    const std::string message = "relation " + in_quotes(stmt.relation->relname) + " does not exist";
    if (!stmt.missing_ok) fail("42P01", message);
    session.notice("NOTICE", "00000", message + ", skipping");
    co_return is_table || is_part ? "ALTER TABLE" : "ALTER INDEX";
  }
  if (entry->kind == CatalogEntry::Kind::index && !is_part) {  // ALTER TABLE may name an index, too
    co_await lock_table(session, *entry->table, LockMode::share_update_exclusive);
    entry = session.naming.find_relation(stmt.relation->schemaname, stmt.relation->relname);
    if (entry == nullptr || entry->kind != CatalogEntry::Kind::index) {
      fail("42P01", "relation " + in_quotes(stmt.relation->relname) + " does not exist");
    }
    rename_index(session, *entry->index, stmt.newname);
    co_return is_table ? "ALTER TABLE" : "ALTER INDEX";
  }
  if (entry->kind != CatalogEntry::Kind::table) fail_unsupported("RENAME of this kind of object");
  if (!is_part && !is_table) fail("42809", in_quotes(stmt.relation->relname) + " is not an index");
  Table& table = *co_await open_table(session, *stmt.relation, LockMode::access_exclusive);
  if (is_table) {
    const bool is_taken = session.engine.catalog.find_relation(table.schema, stmt.newname, session.transaction.slot) != nullptr;
    if (!is_taken) co_await claim_name(session, NewName::relation, table.schema, stmt.newname);
    rename_table(session, table, stmt.newname);
  } else if (is_column) {
    rename_column(session, table, stmt.subname, stmt.newname);
  } else {
    rename_constraint(session, table, stmt.subname, stmt.newname);
  }
  co_return "ALTER TABLE";
}

}  // namespace orrery::sim::database
