#include <algorithm>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

TypeRef serial_type(const PgQuery__TypeName& type) {
  if (type.n_names != 1) return {};
  const std::string_view name = type.names[0]->string->sval;
  if (name == "bigserial" || name == "serial8") return TypeRef(Type::int8);
  if (name == "serial" || name == "serial4") return TypeRef(Type::int4);
  if (name == "smallserial" || name == "serial2") return TypeRef(Type::int2);
  return {};
}

void limit_sequence(Sequence& sequence, TypeRef type) {
  if (type.is(Type::int4)) sequence.maximum = INT32_MAX;
  if (type.is(Type::int2)) sequence.maximum = INT16_MAX;
}

Sequence& make_sequence(SessionImpl& session, Table& table, const std::string& column, TypeRef type, Nodes options) {
  const std::string name = free_name(session, table.schema, table.name, column, "seq");
  Sequence& sequence = session.engine.catalog.new_sequence(table.schema, name);
  limit_sequence(sequence, type);
  apply_sequence_options(sequence, options);
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::sequence;
  entry.sequence = &sequence;
  register_object(session, table.schema, name, entry);
  return sequence;
}

}  // namespace

Column make_column(SessionImpl& session, Table& table, const PgQuery__ColumnDef& definition) {
  Column column;
  column.name = definition.colname;
  if (definition.coll_clause != nullptr) {
    const PgQuery__CollateClause& clause = *definition.coll_clause;
    const std::string_view name = clause.collname[clause.n_collname - 1]->string->sval;
    if (name != "C" && name != "default") fail_unsupported("COLLATE " + in_quotes(name));
  }
  for (const std::string_view system : {"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"}) {
    if (column.name == system) fail("42701", "column name " + in_quotes(column.name) + " conflicts with a system column name");
  }
  if (table.column(column.name)) {
    fail("42701", "column " + in_quotes(column.name) + " specified more than once");
  }
  const TypeRef serial = serial_type(*definition.type_name);
  if (!serial.is_unknown()) {
    column.type = serial;
    column.not_null = true;
    column.sequence = &make_sequence(session, table, column.name, serial, {});
  } else {
    column.type = session.naming.type(*definition.type_name);
    if (column.type.is_unknown()) fail("42P16", "column " + in_quotes(column.name) + " has pseudo-type unknown");
    if (definition.coll_clause != nullptr && category_of(column.type.element()) != TypeCategory::string) {
      fail("42804", "collations are not supported by type " + type_name(column.type));
    }
  }
  for (const Node* node : Nodes(definition.constraints, definition.n_constraints)) {
    const PgQuery__Constraint& constraint = *node->constraint;
    switch (constraint.contype) {
      case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        column.not_null = true;
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        column.default_value = Analyzer(session.naming).default_expression(*constraint.raw_expr, column.type, column.name);
        column.default_text = expression_text(*constraint.raw_expr);
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
        if (!column.type.same(TypeRef(Type::int2)) && !column.type.same(TypeRef(Type::int4)) && !column.type.same(TypeRef(Type::int8))) {
          fail("22023", "identity column type must be smallint, integer, or bigint");
        }
        column.identity = constraint.generated_when[0] == 'a' ? Identity::always : Identity::by_default;
        column.not_null = true;
        column.sequence = &make_sequence(session, table, column.name, column.type,
                                         Nodes(constraint.options, constraint.n_options));
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        column.is_generated = true;
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        column.not_null = true;
        break;
      default:
        break;  // keys and checks: when all columns are known
    }
  }
  if (column.is_generated) {
    const std::string of = " and generation expression specified for column " + in_quotes(column.name) + " of table " + in_quotes(table.name);
    if (column.identity != Identity::none) fail("42601", "both identity" + of);
    if (column.default_value != nullptr || column.sequence != nullptr) fail("42601", "both default" + of);
  }
  return column;
}

void add_generation(SessionImpl& session, Table& table, const PgQuery__ColumnDef& definition) {
  for (const Node* node : Nodes(definition.constraints, definition.n_constraints)) {
    const PgQuery__Constraint& constraint = *node->constraint;
    if (constraint.contype != PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED) continue;
    Column& column = table.columns[*table.column(definition.colname)];
    if (column.generation != nullptr) {
      fail("42601", "multiple generation clauses specified for column " + in_quotes(column.name) + " of table " + in_quotes(table.name),
           position_of(constraint.location));
    }
    column.generation = Analyzer(session.naming).generation_expression(table, *constraint.raw_expr, column);
    column.generation_text = expression_text(*constraint.raw_expr);
  }
}

void undo(SessionImpl& session, std::function<void()> action) {
  Catalog& catalog = session.engine.catalog;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, action = std::move(action)](bool committed) {
    if (!committed) action();
    ++catalog.version;
  });
}

void add_items(const PgQuery__ColumnDef& definition, std::vector<ConstraintItem>& items) {
  const std::size_t first = items.size();
  for (const Node* node : Nodes(definition.constraints, definition.n_constraints)) {
    const PgQuery__Constraint& constraint = *node->constraint;
    const bool is_attribute = constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE ||
                              constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED ||
                              constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE ||
                              constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE;
    if (!is_attribute) {
      items.push_back({definition.colname, constraint});
      continue;
    }
    const bool is_deferred = constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED;
    const bool is_deferrable = is_deferred || constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE;
    const auto type = items.size() == first ? PG_QUERY__CONSTR_TYPE__CONSTR_NULL : items.back().constraint.contype;
    if (type != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN && type != PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE &&
        type != PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY) {
      fail("42601", "misplaced DEFERRABLE clause", position_of(constraint.location));
    }
    if (is_deferrable) items.back().constraint.deferrable = 1;
    if (is_deferred) items.back().constraint.initdeferred = 1;
  }
}

Task<> create_table(SessionImpl& session, const PgQuery__CreateStmt& stmt) {
  if (stmt.n_inh_relations > 0) fail_unsupported("INHERITS and PARTITION OF", position_of(stmt.relation->location));
  if (stmt.partspec != nullptr) fail_unsupported("PARTITION BY", position_of(stmt.relation->location));
  if (stmt.of_typename != nullptr) fail_unsupported("CREATE TABLE OF", position_of(stmt.relation->location));
  if (stmt.relation->relpersistence[0] == 't') fail_unsupported("temporary tables", position_of(stmt.relation->location));
  if (stmt.relation->relpersistence[0] == 'u') fail_unsupported("unlogged tables", position_of(stmt.relation->location));
  if (stmt.relation->schemaname == std::string_view("pg_temp")) fail_unsupported("temporary tables", position_of(stmt.relation->location));
  if (stmt.oncommit > PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP) fail("42P16", "ON COMMIT can only be used on temporary tables");
  if (stmt.access_method[0] != '\0' && stmt.access_method != std::string_view("heap")) fail_unsupported("table access method " + std::string(stmt.access_method));
  if (stmt.tablespacename[0] != '\0' && stmt.tablespacename != std::string_view("pg_default")) fail_unsupported("tablespace " + std::string(stmt.tablespacename));
  std::vector<std::string> parameters = storage_parameters(Nodes(stmt.options, stmt.n_options), StorageOwner::table);
  const std::string schema = session.naming.schema_of(*stmt.relation);
  if (schema == "pg_catalog") {
    fail("42501", "permission denied to create " + in_quotes("pg_catalog." + std::string(stmt.relation->relname)), 0,
         "System catalog modifications are currently disallowed.");
  }
  const std::string name = stmt.relation->relname;
  Catalog& catalog = session.engine.catalog;
  if (catalog.find_relation(schema, name, session.transaction.slot) != nullptr) {
    if (stmt.if_not_exists) {
      session.notice("NOTICE", "42P07", "relation " + in_quotes(name) + " already exists, skipping");
      co_return;
    }
    fail("42P07", "relation " + in_quotes(name) + " already exists");
  }
  if (catalog.find_type(schema, name, session.transaction.slot) != nullptr) {
    fail("42710", "type " + in_quotes(name) + " already exists", 0, {},
         "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type.");
  }
  co_await claim_name(session, NewName::type, schema, name);
  Table& table = catalog.new_table(schema, name);
  table.storage_parameters = std::move(parameters);
  table.heap = std::make_unique<Heap>(0, session.engine.options.lies_like_small_tables);
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::table;
  entry.table = &table;
  register_object(session, schema, name, entry);
  session.transaction.fresh_tables.push_back({&table, session.transaction.level()});
  co_await lock_table(session, table, LockMode::access_exclusive);
  for (const Node* node : Nodes(stmt.table_elts, stmt.n_table_elts)) {
    if (node->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) fail_unsupported("LIKE in CREATE TABLE");
    if (node->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF) continue;
    Column column = make_column(session, table, *node->column_def);
    table.columns.push_back(std::move(column));
  }
  table.heap->set_width(table.columns.size());
  table.refresh_shape();
  for (const Node* node : Nodes(stmt.table_elts, stmt.n_table_elts)) {
    if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) add_generation(session, table, *node->column_def);
  }
  // Keys first, the primary one before others, as PostgreSQL numbers its indexes; then checks and foreign keys.
  std::vector<ConstraintItem> items;
  for (const Node* node : Nodes(stmt.table_elts, stmt.n_table_elts)) {
    if (node->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
      items.push_back({{}, *node->constraint});
    } else if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
      add_items(*node->column_def, items);
    }
  }
  for (int pass = 0; pass < 4; ++pass) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const PgQuery__Constraint& constraint = items[i].constraint;
      const int wanted = constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY  ? 1
                         : constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE ? 2
                         : constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK  ? 0
                                                                                      : 3;
      if (wanted == pass) add_constraint(session, table, constraint, items[i].column);
    }
  }
}

}  // namespace orrery::sim::database
