#include <deque>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

// CREATE TABLE AS and SELECT INTO: a table with the columns of a query, and an INSERT of what the query gives.

namespace orrery::sim::database {
namespace {

Table& make_table(SessionImpl& session, const PgQuery__IntoClause& into, const StatementPlan& plan, const std::string& schema) {
  const std::string name = into.rel->relname;
  std::vector<std::string> parameters = storage_parameters(Nodes(into.options, into.n_options), StorageOwner::table);
  if (into.n_col_names > plan.query->names.size()) fail("42601", "too many column names were specified");
  Table& table = session.engine.catalog.new_table(schema, name);
  table.storage_parameters = std::move(parameters);
  table.heap = std::make_unique<Heap>(0, session.engine.options.lies_like_small_tables);
  for (std::size_t i = 0; i < plan.query->names.size(); ++i) {
    Column column;
    column.name = i < into.n_col_names ? into.col_names[i]->string->sval : plan.query->names[i];
    column.type = plan.query->types[i];
    if (table.column(column.name)) fail("42701", "column " + in_quotes(column.name) + " specified more than once");
    if (column.type.is(Type::record)) {
      fail("42P16", "column " + in_quotes(column.name) + " has pseudo-type " + type_name(column.type));
    }
    table.columns.push_back(std::move(column));
  }
  table.heap->set_width(table.columns.size());
  table.refresh_shape();
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::table;
  entry.table = &table;
  register_object(session, schema, name, entry);
  session.transaction.fresh_tables.push_back({&table, session.transaction.level()});
  return table;
}

Task<> make_and_fill(SessionImpl& session, PgQuery__Node& query, const PgQuery__IntoClause& into, bool if_not_exists,
                     StatementResult& result) {
  if (into.rel->relpersistence[0] == 't') fail_unsupported("temporary tables", position_of(into.rel->location));
  if (into.rel->relpersistence[0] == 'u') fail_unsupported("unlogged tables", position_of(into.rel->location));
  if (query.node_case != PG_QUERY__NODE__NODE_SELECT_STMT) fail_unsupported("CREATE TABLE AS of this statement");
  std::string schema = session.naming.schema_of(*into.rel);
  const std::string name = into.rel->relname;
  if (session.engine.catalog.find_relation(schema, name, session.transaction.slot) != nullptr) {
    if (!if_not_exists) fail("42P07", "relation " + in_quotes(name) + " already exists");
    session.notice("NOTICE", "42P07", "relation " + in_quotes(name) + " already exists, skipping");
    result.command_tag = "CREATE TABLE AS";
    co_return;
  }
  Task<std::shared_ptr<const StatementPlan>> planning = session.plan_when_free(query);
  const std::shared_ptr<const StatementPlan> plan = co_await std::move(planning);
  if (!plan->parameters.empty()) fail_unsupported("parameters of CREATE TABLE AS");
  co_await claim_name(session, NewName::type, schema, name);
  Table& table = make_table(session, into, *plan, schema);
  co_await lock_table(session, table, LockMode::access_exclusive);
  if (into.skip_data) {
    result.command_tag = "CREATE TABLE AS";
    co_return;
  }
  PgQuery__RangeVar relation = *into.rel;
  relation.schemaname = schema.data();
  PgQuery__InsertStmt insert = PG_QUERY__INSERT_STMT__INIT;
  insert.relation = &relation;
  insert.select_stmt = &query;
  insert.override = PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET;
  PgQuery__Node node = PG_QUERY__NODE__INIT;
  node.node_case = PG_QUERY__NODE__NODE_INSERT_STMT;
  node.insert_stmt = &insert;
  StatementResult inserted;
  co_await session.run_query_within(node, inserted);
  const std::string& tag = inserted.command_tag;  // "INSERT 0 n"
  result.command_tag = "SELECT" + tag.substr(tag.rfind(' '));
}

}  // namespace

Task<> create_table_as(SessionImpl& session, const PgQuery__CreateTableAsStmt& stmt, StatementResult& result) {
  if (stmt.objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) fail_unsupported("materialized views");
  co_await make_and_fill(session, *stmt.query, *stmt.into, stmt.if_not_exists, result);
}

Task<> select_into(SessionImpl& session, const PgQuery__SelectStmt& stmt, StatementResult& result) {
  // The same query without INTO, which stands in its leftmost SELECT.
  std::deque<PgQuery__SelectStmt> copies;
  copies.push_back(stmt);
  while (copies.back().larg != nullptr) {
    const PgQuery__SelectStmt left = *copies.back().larg;
    PgQuery__SelectStmt& around = copies.back();
    copies.push_back(left);
    around.larg = &copies.back();
  }
  const PgQuery__IntoClause& into = *copies.back().into_clause;
  copies.back().into_clause = nullptr;
  PgQuery__Node node = PG_QUERY__NODE__INIT;
  node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
  node.select_stmt = &copies.front();
  co_await make_and_fill(session, node, into, false, result);
}

}  // namespace orrery::sim::database
