#include <algorithm>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

namespace orrery::sim::database {

void fill_index(SessionImpl& session, Index& index) {
  UtilityRun run(session);
  Heap& heap = *index.table->heap;
  const std::uint32_t bit = 1U << index.number;
  for (VersionId id = 0; id < heap.end(); ++id) {
    Version& version = heap[id];
    if (version.row == nullptr) continue;
    version.breaks |= bit;
    if (!prepare_key(index, version.row, run.get())) continue;
    if (index.is_unique && is_alive(version)) {
      if (find_conflict(index, version.row, id, session)) {
        fail_constraint("23505", "could not create unique index " + in_quotes(index.name),
                        "Key " + describe_key(index, version.row) + " is duplicated.", index.name);
      }
    }
    index.tree->add(id);
    version.entries |= bit;
  }
}

std::uint32_t included_column(const Table& table, const std::string& name) {
  const auto column = table.column(name);
  if (!column) fail("42703", "column " + in_quotes(name) + " does not exist");
  return *column;
}

Task<> create_index(SessionImpl& session, const PgQuery__IndexStmt& stmt) {
  static_cast<void>(session.naming.named_table(*stmt.relation));
  const std::string_view method = stmt.access_method;
  if (!method.empty() && method != "btree") {
    // GIN and the others would only make queries faster: results are the same without.
    if (stmt.unique) fail("0A000", "access method " + in_quotes(method) + " does not support unique indexes");
    fail_unsupported("CREATE INDEX USING " + std::string(method), position_of(stmt.relation->location));
  }
  if (stmt.concurrent && session.transaction.is_explicit) fail("25001", "CREATE INDEX CONCURRENTLY cannot run inside a transaction block");
  if (stmt.table_space[0] != '\0' && stmt.table_space != std::string_view("pg_default")) fail_unsupported("tablespace " + std::string(stmt.table_space));
  std::vector<std::string> parameters = storage_parameters(Nodes(stmt.options, stmt.n_options), StorageOwner::index);
  Table& table = *co_await open_table(session, *stmt.relation, LockMode::share);
  if (stmt.idxname[0] != '\0' &&
      session.engine.catalog.find_relation(table.schema, stmt.idxname, session.transaction.slot) != nullptr) {
    if (stmt.if_not_exists) {
      session.notice("NOTICE", "42P07", "relation " + in_quotes(stmt.idxname) + " already exists, skipping");
      co_return;
    }
    fail("42P07", "relation " + in_quotes(stmt.idxname) + " already exists");
  }
  if (stmt.idxname[0] != '\0') co_await claim_name(session, NewName::relation, table.schema, stmt.idxname);
  IndexDefinition definition;
  definition.name = stmt.idxname;
  definition.is_unique = stmt.unique;
  definition.nulls_not_distinct = stmt.nulls_not_distinct;
  definition.storage_parameters = std::move(parameters);
  for (const Node* node : Nodes(stmt.index_params, stmt.n_index_params)) {
    const PgQuery__IndexElem& element = *node->index_elem;
    if (element.n_opclass > 0) {
      const std::string_view name = element.opclass[element.n_opclass - 1]->string->sval;
      if (name != "text_pattern_ops" && name != "varchar_pattern_ops") fail_unsupported("operator class " + std::string(name));
    }
    if (element.n_collation > 0) fail_unsupported("COLLATE in an index");
    KeyElement key;
    if (element.name[0] != '\0') {
      const auto column = table.column(element.name);
      if (!column) {
        for (const std::string_view system : {"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"}) {
          if (element.name == system) fail("0A000", "index creation on system columns is not supported");
        }
        fail("42703", "column " + in_quotes(element.name) + " does not exist");
      }
      key.column = static_cast<std::int32_t>(*column);
    } else {
      key.expression = Analyzer(session.naming).row_expression(table, *element.expr);
      for_each_expression(*key.expression, [](const Expr& each) {
        if (each.kind == ExprKind::system_column) fail("0A000", "index creation on system columns is not supported");
      });
      if (key.expression->type.is(Type::record)) fail("42P16", "column \"row\" has pseudo-type record");
      key.text = expression_text(*element.expr);
      const std::string name = Analyzer(session.naming).output_name(element.expr);
      key.name = name == "?column?" ? "expr" : name;
    }
    const bool descending = element.ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    const bool nulls_first = element.nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                                 ? descending
                                 : element.nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
    definition.elements.push_back(std::move(key));
    definition.orders.emplace_back(descending, nulls_first);
  }
  for (const Node* node : Nodes(stmt.index_including_params, stmt.n_index_including_params)) {
    definition.included.push_back(included_column(table, node->index_elem->name));
  }
  if (stmt.where_clause != nullptr) {
    definition.predicate = Analyzer(session.naming).row_condition(table, *stmt.where_clause, Clause::index_predicate);
    for_each_expression(*definition.predicate, [](const Expr& each) {
      if (each.kind == ExprKind::system_column) fail("0A000", "index creation on system columns is not supported");
    });
    definition.predicate_text = expression_text(*stmt.where_clause);
  }
  Index& index = build_index(session, table, std::move(definition));
  fill_index(session, index);
}

}  // namespace orrery::sim::database
