#include <algorithm>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/row_writes.hpp"

namespace orrery::sim::database {

namespace {

/// What the name means once nobody else is changing it: a table is locked, and that of an index.
Task<CatalogEntry*> find_to_drop(SessionImpl& session, std::string schema, std::string name, CatalogEntry::Kind kind) {
  while (true) {
    CatalogEntry* const entry = session.naming.find_relation(schema, name);
    if (entry == nullptr || entry->kind != kind) co_return entry;
    Table* const table = entry->table;
    View* const view = entry->view;
    Sequence* const sequence = entry->sequence;
    if (table != nullptr) co_await lock_table(session, *table, LockMode::access_exclusive);
    if (view != nullptr) co_await lock_other(session, *view->lock, LockMode::access_exclusive);
    if (table == nullptr && sequence != nullptr) co_await lock_other(session, *sequence->lock, LockMode::access_exclusive);
    const CatalogEntry* const again = session.naming.find_relation(schema, name);
    if (again == entry && again->kind == kind && again->table == table && again->view == view && again->sequence == sequence) co_return entry;
  }
}

}  // namespace

Task<> drop_objects(SessionImpl& session, const PgQuery__DropStmt& stmt) {
  switch (stmt.remove_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
      break;
    default:  // others are not named by strings alone
      fail_unsupported("DROP of this kind of object");
  }
  if (stmt.concurrent && stmt.n_objects > 1) fail("0A000", "DROP INDEX CONCURRENTLY does not support dropping multiple objects");
  Catalog& catalog = session.engine.catalog;
  const bool cascades = stmt.behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  // Tables that go together do not keep each other.
  const auto is_listed = [&](const Table& table) {
    return std::any_of(stmt.objects, stmt.objects + stmt.n_objects, [&](const Node* node) {
      if (node->node_case != PG_QUERY__NODE__NODE_LIST) return false;
      const Nodes names(node->list->items, node->list->n_items);
      const std::string_view schema = names.size() > 1 ? names[names.size() - 2]->string->sval : "";
      const CatalogEntry* entry = session.naming.find_relation(schema, names.back()->string->sval);
      return entry != nullptr && entry->kind == CatalogEntry::Kind::table && entry->table == &table;
    });
  };
  for (const Node* node : Nodes(stmt.objects, stmt.n_objects)) {
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA) {
      const std::string name = node->string->sval;
      if (catalog.schema_exists(name, session.transaction.slot)) co_await claim_schema_to_drop(session, name);
      if (!catalog.schema_exists(name, session.transaction.slot)) {
        if (stmt.missing_ok) {
          session.notice("NOTICE", "00000", "schema " + in_quotes(name) + " does not exist, skipping");
          continue;
        }
        fail("3F000", "schema " + in_quotes(name) + " does not exist");
      }
      if (!catalog.schema_is_empty(name)) fail_unsupported("DROP SCHEMA of a schema that is not empty");
      catalog.drop_schema(name, session.transaction.slot + 1);
      session.transaction.ddl.emplace_back([&catalog, name, own = session.transaction.slot + 1](bool committed) {
        if (committed) {
          catalog.end_schema(name, own);
        } else {
          catalog.drop_schema(name, 0);
        }
      });
      continue;
    }
    if (stmt.concurrent && session.transaction.is_explicit) fail("25001", "DROP INDEX CONCURRENTLY cannot run inside a transaction block");
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE) fail_unsupported("DROP TYPE");
    if (node->node_case != PG_QUERY__NODE__NODE_LIST) fail_unsupported("DROP of this kind of object");
    const Nodes names(node->list->items, node->list->n_items);
    const std::string name = names.back()->string->sval;
    const std::string schema = names.size() > 1 ? names[names.size() - 2]->string->sval : "";
    const bool is_index = stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX;
    const bool is_table = stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    const CatalogEntry::Kind wanted = is_table                                                                ? CatalogEntry::Kind::table
                                      : is_index                                                              ? CatalogEntry::Kind::index
                                      : stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? CatalogEntry::Kind::sequence
                                                                                                              : CatalogEntry::Kind::view;
    CatalogEntry* const entry = co_await find_to_drop(session, schema, name, wanted);
    const char* kind_name = stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE      ? "table"
                            : stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? "index"
                            : stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "sequence"
                                                                                         : "view";
    if (entry == nullptr) {
      if (!schema.empty() && !session.engine.catalog.schema_exists(schema, session.transaction.slot)) {
        if (!stmt.missing_ok) fail("3F000", "schema " + in_quotes(schema) + " does not exist");
        session.notice("NOTICE", "00000", "schema " + in_quotes(schema) + " does not exist, skipping");
        continue;
      }
      const std::string& shown = name;
      if (stmt.missing_ok) {
        session.notice("NOTICE", "00000", std::string(kind_name) + " " + in_quotes(name) + " does not exist, skipping");
        continue;
      }
      if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX) fail("42704", "index " + in_quotes(shown) + " does not exist");
      fail("42P01", std::string(kind_name) + " " + in_quotes(shown) + " does not exist");
    }
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
      if (entry->kind != CatalogEntry::Kind::table) fail("42809", in_quotes(name) + " is not a table");
      Table& table = *entry->table;
      drop_views_of(session, table, cascades);
      for (const ForeignKey* key : table.referenced_by) {
        if (key->is_dropped || key->child == &table) continue;
        if (!cascades && !is_listed(*key->child)) {
          fail("2BP01", "cannot drop table " + name + " because other objects depend on it", 0,
               "constraint " + key->name + " on table " + key->child->name + " depends on table " + name,
               "Use DROP ... CASCADE to drop the dependent objects too.");
        }
        ForeignKey* dropped = const_cast<ForeignKey*>(key);
        dropped->is_dropped = true;
        undo(session, [dropped] { dropped->is_dropped = false; });
      }
      for (const auto& key : table.foreign_keys) {
        if (key->is_dropped) continue;
        key->is_dropped = true;
        undo(session, [each = key.get()] { each->is_dropped = false; });
      }
      for (const auto& index : table.indexes) {
        if (index->is_dropped) continue;
        if (CatalogEntry* own = catalog.find_relation(table.schema, index->name, session.transaction.slot)) {
          unregister_object(session, table.schema, index->name, *own);
        }
      }
      for (const Column& column : table.columns) {
        if (column.sequence == nullptr) continue;
        if (CatalogEntry* own = catalog.find_relation(table.schema, column.sequence->name, session.transaction.slot)) {
          unregister_object(session, table.schema, column.sequence->name, *own);
        }
      }
      unregister_object(session, table.schema, table.name, *entry);
      continue;
    }
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX) {
      if (entry->kind != CatalogEntry::Kind::index) fail("42809", in_quotes(name) + " is not an index");
      Index& index = *entry->index;
      Table& table = *entry->table;
      if (index.is_constraint) {
        fail("2BP01", "cannot drop index " + name + " because constraint " + name + " on table " + table.name + " requires it", 0,
             {}, "You can drop constraint " + name + " on table " + table.name + " instead.");
      }
      index.is_dropped = true;
      undo(session, [&index] { index.is_dropped = false; });
      unregister_object(session, table.schema, name, *entry);
      continue;
    }
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE && entry->kind == CatalogEntry::Kind::sequence) {
      unregister_object(session, entry->sequence->schema, name, *entry);
      continue;
    }
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW) {
      if (entry->kind != CatalogEntry::Kind::view) fail("42809", in_quotes(name) + " is not a view");
      drop_view(session, *entry->view, cascades);
      continue;
    }
    fail_unsupported("DROP of this kind of object");
  }
}

Task<> truncate(SessionImpl& session, const PgQuery__TruncateStmt& stmt) {
  std::vector<Table*> tables;
  for (const Node* node : Nodes(stmt.relations, stmt.n_relations)) {
    Table* const table = co_await open_table(session, *node->range_var, LockMode::access_exclusive);
    tables.push_back(table);
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const Table* oldest = nullptr;  // PostgreSQL names the referencing table with the lowest OID
    for (const ForeignKey* key : tables[i]->referenced_by) {
      if (key->is_dropped || std::find(tables.begin(), tables.end(), key->child) != tables.end()) continue;
      if (stmt.behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE) {
        tables.push_back(key->child);
        continue;
      }
      if (oldest == nullptr || key->child->id < oldest->id) oldest = key->child;
    }
    if (oldest == nullptr) continue;
    fail("0A000", "cannot truncate a table referenced in a foreign key constraint", 0,
         "Table " + in_quotes(oldest->name) + " references " + in_quotes(tables[i]->name) + ".",
         "Truncate table " + in_quotes(oldest->name) + " at the same time, or use TRUNCATE ... CASCADE.");
  }
  for (Table* table : tables) {
    co_await lock_table(session, *table, LockMode::access_exclusive);
    session.take_snapshot();
    if (auto* const writer = session.transaction.serializable) session.engine.serializable.check_table(*writer, *table);
    session.transaction.fresh_tables.push_back({table, session.transaction.level()});
    std::vector<VersionId> emptied;
    for (VersionId id = 0; id < table->heap->end(); ++id) {
      if (!is_alive((*table->heap)[id])) continue;
      write_remove(session, *table, id);
      emptied.push_back(id);
    }
    // Once it is committed, older snapshots find the table empty, too (manual, 13.6): no row has ever been there to see.
    session.transaction.ddl.emplace_back([heap = table->heap.get(), emptied = std::move(emptied)](bool committed) {
      if (!committed) return;
      for (const VersionId id : emptied) (*heap)[id].xmax = (*heap)[id].xmin;
    });
    if (!stmt.restart_seqs) continue;
    for (const Column& column : table->columns) {
      if (column.sequence == nullptr) continue;
      Sequence& sequence = *column.sequence;
      const Sequence before = sequence;
      sequence.restart(sequence.start, false);
      undo(session, [&sequence, before] { sequence = before; });
    }
  }
}

}  // namespace orrery::sim::database
