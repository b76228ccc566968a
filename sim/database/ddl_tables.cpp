#include <algorithm>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/utility.hpp"

namespace orrery::sim::database {
namespace {

/// A run without a statement, for constraints and index expressions.
class UtilityRun {
 public:
  explicit UtilityRun(SessionImpl& session) : execution_(session, session.engine) {
    execution_.start(plan_, session);
    session.take_snapshot();
    execution_.snapshot = session.transaction.snapshot;
  }
  UtilityRun(const UtilityRun&) = delete;
  UtilityRun& operator=(const UtilityRun&) = delete;
  [[nodiscard]] Execution& get() { return execution_; }

 private:
  StatementPlan plan_;
  Execution execution_;
};

bool is_alive(const Version& version) { return version.row != nullptr && version.xmax == 0; }

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
  const std::string name = free_name(session, table.schema, table.name + "_" + column + "_seq");
  Sequence& sequence = session.engine.catalog.new_sequence(table.schema, name);
  limit_sequence(sequence, type);
  apply_sequence_options(sequence, options);
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::sequence;
  entry.sequence = &sequence;
  register_object(session, table.schema, name, entry);
  return sequence;
}

Column make_column(SessionImpl& session, Table& table, const PgQuery__ColumnDef& definition) {
  Column column;
  column.name = definition.colname;
  if (definition.coll_clause != nullptr) {
    const PgQuery__CollateClause& clause = *definition.coll_clause;
    const std::string_view name = clause.collname[clause.n_collname - 1]->string->sval;
    if (name != "C" && name != "POSIX" && name != "default") fail_unsupported("COLLATE " + in_quotes(name));
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
        column.identity = constraint.generated_when[0] == 'a' ? Identity::always : Identity::by_default;
        column.not_null = true;
        column.sequence = &make_sequence(session, table, column.name, column.type,
                                         Nodes(constraint.options, constraint.n_options));
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        fail_unsupported("generated columns", position_of(constraint.location));
      case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        column.not_null = true;
        break;
      default:
        break;  // keys and checks: when all columns are known
    }
  }
  return column;
}

std::uint32_t included_column(const Table& table, const std::string& name) {
  const auto column = table.column(name);
  if (!column) fail("42703", "column " + in_quotes(name) + " does not exist");
  return *column;
}

void add_key(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint, const std::string& only_column) {
  IndexDefinition definition;
  definition.is_unique = true;
  definition.is_constraint = true;
  definition.is_primary = constraint.contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
  definition.nulls_not_distinct = constraint.nulls_not_distinct;
  definition.name = constraint.conname;
  if (constraint.deferrable || constraint.initdeferred) fail_unsupported("DEFERRABLE unique constraints", position_of(constraint.location));
  for (const Node* node : Nodes(constraint.including, constraint.n_including)) {
    definition.included.push_back(included_column(table, node->string->sval));
  }
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
    }
    definition.elements.push_back({static_cast<std::int32_t>(*column), nullptr, {}});
  }
  Index& index = build_index(session, table, std::move(definition));
  fill_index(session, index);
}

void add_constraint(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint, const std::string& only_column) {
  switch (constraint.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
      add_key(session, table, constraint, only_column);
      return;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
      add_check(session, table, constraint, only_column);
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

void undo(SessionImpl& session, std::function<void()> action) {
  Catalog& catalog = session.engine.catalog;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, action = std::move(action)](bool committed) {
    if (!committed) action();
    ++catalog.version;
  });
}

/// A constraint, and the column that it was written behind.
struct ConstraintItem {
  std::string column;
  PgQuery__Constraint constraint;  // the same with its attributes; what it points to belongs to the parse tree
};

/// Adds a column's constraints. DEFERRABLE and its like stand behind one as constraints of their own.
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
  UtilityRun run(session);
  for (VersionId id = 0; id < table.heap->end(); ++id) {
    Version& version = (*table.heap)[id];
    if (version.row == nullptr) continue;
    if (column.default_value != nullptr) {
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

void alter_column_default(SessionImpl& session, Table& table, const PgQuery__AlterTableCmd& command, std::uint32_t column) {
  Column& target = table.columns[column];
  const auto before = target.default_value;
  const std::string text_before = target.default_text;
  target.default_value = command.def == nullptr
                             ? nullptr
                             : Analyzer(session.naming).default_expression(*command.def, target.type, target.name);
  target.default_text = command.def == nullptr ? "" : expression_text(*command.def);
  undo(session, [&target, before, text_before] {
    target.default_value = before;
    target.default_text = text_before;
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
  const bool before = target.not_null;
  target.not_null = not_null;
  undo(session, [&target, before] { target.not_null = before; });
}

}  // namespace

void add_check(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint, const std::string& only_column) {
  CheckConstraint check;
  check.condition = Analyzer(session.naming).row_condition(table, *constraint.raw_expr, Clause::check);
  check.text = expression_text(*constraint.raw_expr);
  check.name = constraint.conname;
  if (check.name.empty()) {
    // Named after its column, if there is just one.
    std::vector<std::uint32_t> columns;
    for_each_expression(*check.condition, [&](const Expr& each) {
      if (each.kind == ExprKind::column && std::find(columns.begin(), columns.end(), each.column) == columns.end()) {
        columns.push_back(each.column);
      }
    });
    (void)only_column;
    const std::string base = table.name + (columns.size() == 1 ? "_" + table.columns[columns[0]].name : "") + "_check";
    check.name = base;
    for (int number = 1; std::any_of(table.checks.begin(), table.checks.end(),
                                     [&](const CheckConstraint& other) { return other.name == check.name; });
         ++number) {
      check.name = base + std::to_string(number);
    }
  }
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
  const auto place = std::find_if(table.checks.begin(), table.checks.end(),
                                  [&](const CheckConstraint& other) { return other.name > check.name; });
  const std::string name = check.name;
  table.checks.insert(place, std::move(check));
  undo(session, [&table, name] { std::erase_if(table.checks, [&](const CheckConstraint& each) { return each.name == name; }); });
}

Task<> create_table(SessionImpl& session, const PgQuery__CreateStmt& stmt) {
  if (stmt.n_inh_relations > 0) fail_unsupported("INHERITS and PARTITION OF", position_of(stmt.relation->location));
  if (stmt.partspec != nullptr) fail_unsupported("PARTITION BY", position_of(stmt.relation->location));
  if (stmt.of_typename != nullptr) fail_unsupported("CREATE TABLE OF", position_of(stmt.relation->location));
  if (stmt.relation->relpersistence[0] == 't') fail_unsupported("temporary tables", position_of(stmt.relation->location));
  const std::string schema = session.naming.schema_of(*stmt.relation);
  const std::string name = stmt.relation->relname;
  Catalog& catalog = session.engine.catalog;
  if (catalog.find_relation(schema, name, session.transaction.slot) != nullptr) {
    if (stmt.if_not_exists) {
      session.notice("NOTICE", "42P07", "relation " + in_quotes(name) + " already exists, skipping");
      co_return;
    }
    fail("42P07", "relation " + in_quotes(name) + " already exists");
  }
  Table& table = catalog.new_table(schema, name);
  table.heap = std::make_unique<Heap>(0);
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::table;
  entry.table = &table;
  register_object(session, schema, name, entry);
  co_await lock_table(session, table, LockMode::access_exclusive);
  for (const Node* node : Nodes(stmt.table_elts, stmt.n_table_elts)) {
    if (node->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) fail_unsupported("LIKE in CREATE TABLE");
    if (node->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF) continue;
    Column column = make_column(session, table, *node->column_def);
    table.columns.push_back(std::move(column));
  }
  table.heap->set_width(table.columns.size());
  table.refresh_shape();
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

Task<> create_index(SessionImpl& session, const PgQuery__IndexStmt& stmt) {
  Table& table = session.naming.table(*stmt.relation);
  const std::string_view method = stmt.access_method;
  if (!method.empty() && method != "btree") {
    // GIN and the others would only make queries faster: results are the same without.
    if (stmt.unique) fail("0A000", "access method " + in_quotes(method) + " does not support unique indexes");
    fail_unsupported("CREATE INDEX USING " + std::string(method), position_of(stmt.relation->location));
  }
  co_await lock_table(session, table, LockMode::share);
  if (stmt.idxname[0] != '\0' &&
      session.engine.catalog.find_relation(table.schema, stmt.idxname, session.transaction.slot) != nullptr) {
    if (stmt.if_not_exists) {
      session.notice("NOTICE", "42P07", "relation " + in_quotes(stmt.idxname) + " already exists, skipping");
      co_return;
    }
    fail("42P07", "relation " + in_quotes(stmt.idxname) + " already exists");
  }
  IndexDefinition definition;
  definition.name = stmt.idxname;
  definition.is_unique = stmt.unique;
  definition.nulls_not_distinct = stmt.nulls_not_distinct;
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
      if (!column) fail("42703", "column " + in_quotes(element.name) + " does not exist");
      key.column = static_cast<std::int32_t>(*column);
    } else {
      key.expression = Analyzer(session.naming).row_expression(table, *element.expr);
      key.text = expression_text(*element.expr);
      if (key.expression->kind == ExprKind::call) {
        auto named = std::make_shared<Expr>(*key.expression);
        named->name = std::string(key.expression->function->name);
        key.expression = std::move(named);
      }
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
    definition.predicate_text = expression_text(*stmt.where_clause);
  }
  Index& index = build_index(session, table, std::move(definition));
  fill_index(session, index);
}

Task<> alter_table(SessionImpl& session, const PgQuery__AlterTableStmt& stmt) {
  if (stmt.objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) fail_unsupported("ALTER of this kind of object");
  if (stmt.missing_ok && session.naming.find_relation(stmt.relation->schemaname, stmt.relation->relname) == nullptr) co_return;
  Table& table = session.naming.table(*stmt.relation);
  co_await lock_table(session, table, LockMode::access_exclusive);
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
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
      case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
        break;  // no effect on results
      default:
        fail_unsupported("this form of ALTER TABLE", position_of(stmt.relation->location));
    }
  }
}

Task<> drop_objects(SessionImpl& session, const PgQuery__DropStmt& stmt) {
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
      if (!catalog.schema_exists(name)) {
        if (stmt.missing_ok) {
          session.notice("NOTICE", "00000", "schema " + in_quotes(name) + " does not exist, skipping");
          continue;
        }
        fail("3F000", "schema " + in_quotes(name) + " does not exist");
      }
      if (!catalog.schema_is_empty(name)) fail_unsupported("DROP SCHEMA of a schema that is not empty");
      catalog.remove_schema(name);
      session.transaction.ddl.emplace_back([&catalog, name](bool committed) {
        if (!committed) catalog.add_schema(name);
      });
      continue;
    }
    if (stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE) fail_unsupported("DROP TYPE");
    if (node->node_case != PG_QUERY__NODE__NODE_LIST) fail_unsupported("DROP of this kind of object");
    const Nodes names(node->list->items, node->list->n_items);
    const std::string name = names.back()->string->sval;
    const std::string schema = names.size() > 1 ? names[names.size() - 2]->string->sval : "";
    CatalogEntry* entry = session.naming.find_relation(schema, name);
    const char* kind_name = stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE      ? "table"
                            : stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? "index"
                            : stmt.remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "sequence"
                                                                                         : "view";
    if (entry == nullptr) {
      const std::string shown = schema.empty() ? name : schema + "." + name;
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
      co_await lock_table(session, table, LockMode::access_exclusive);
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
      co_await lock_table(session, table, LockMode::access_exclusive);
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
  for (const Node* node : Nodes(stmt.relations, stmt.n_relations)) tables.push_back(&session.naming.table(*node->range_var));
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (const ForeignKey* key : tables[i]->referenced_by) {
      if (key->is_dropped || std::find(tables.begin(), tables.end(), key->child) != tables.end()) continue;
      if (stmt.behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE) {
        tables.push_back(key->child);
        continue;
      }
      fail("0A000", "cannot truncate a table referenced in a foreign key constraint", 0,
           "Table " + in_quotes(key->child->name) + " references " + in_quotes(tables[i]->name) + ".",
           "Truncate table " + in_quotes(key->child->name) + " at the same time, or use TRUNCATE ... CASCADE.");
    }
  }
  for (Table* table : tables) {
    co_await lock_table(session, *table, LockMode::access_exclusive);
    session.take_snapshot();
    if (auto* const writer = session.transaction.serializable) session.engine.serializable.check_table(*writer, *table);
    for (VersionId id = 0; id < table->heap->end(); ++id) {
      if (is_alive((*table->heap)[id])) write_remove(session, *table, id);
    }
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
