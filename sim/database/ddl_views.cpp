#include <pg_query.h>
#include <protobuf-c/protobuf-c.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "sim/database/catalogs/relations.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/parser.hpp"
#include "sim/database/utility.hpp"

// A view is the text of its SELECT. Its relations are named with their schemas, so that it means the same under every
// search_path.

namespace orrery::sim::database {
namespace {

/// Calls `visit` for each message of a parse tree, from the outside inwards.
void for_each_message(ProtobufCMessage& message, const std::function<void(ProtobufCMessage&)>& visit) {
  visit(message);
  auto* const bytes = reinterpret_cast<char*>(&message);
  for (unsigned i = 0; i < message.descriptor->n_fields; ++i) {
    const ProtobufCFieldDescriptor& field = message.descriptor->fields[i];
    if (field.type != PROTOBUF_C_TYPE_MESSAGE) continue;
    if (field.label == PROTOBUF_C_LABEL_REPEATED) {
      const std::size_t count = *reinterpret_cast<std::size_t*>(bytes + field.quantifier_offset);
      auto** const items = *reinterpret_cast<ProtobufCMessage***>(bytes + field.offset);
      for (std::size_t k = 0; k < count; ++k) for_each_message(*items[k], visit);
      continue;
    }
    const bool is_of_union = (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (is_of_union && *reinterpret_cast<std::uint32_t*>(bytes + field.quantifier_offset) != field.id) continue;
    if (auto* const inner = *reinterpret_cast<ProtobufCMessage**>(bytes + field.offset)) for_each_message(*inner, visit);
  }
}

struct FreeNode {
  void operator()(PgQuery__Node* node) const { pg_query__node__free_unpacked(node, nullptr); }
};
using OwnNode = std::unique_ptr<PgQuery__Node, FreeNode>;

OwnNode copy_of(const PgQuery__Node& node) {
  std::string packed(pg_query__node__get_packed_size(&node), '\0');
  pg_query__node__pack(&node, reinterpret_cast<std::uint8_t*>(packed.data()));
  return OwnNode(pg_query__node__unpack(nullptr, packed.size(), reinterpret_cast<const std::uint8_t*>(packed.data())));
}

/// Writes the schema before each relation, and notes the views among them. False: not all of them exist.
bool qualify(SessionImpl& session, PgQuery__Node& select, View& view) {
  bool all_exist = true;
  std::vector<std::string> ctes;
  for_each_message(select.base, [&](ProtobufCMessage& message) {
    if (message.descriptor != &pg_query__common_table_expr__descriptor) return;
    ctes.emplace_back(reinterpret_cast<PgQuery__CommonTableExpr&>(message).ctename);
  });
  for_each_message(select.base, [&](ProtobufCMessage& message) {
    if (message.descriptor == &pg_query__param_ref__descriptor) {
      const auto& parameter = reinterpret_cast<const PgQuery__ParamRef&>(message);
      fail("42P02", "there is no parameter $" + std::to_string(parameter.number), position_of(parameter.location));
    }
    if (message.descriptor != &pg_query__range_var__descriptor) return;
    auto& range = reinterpret_cast<PgQuery__RangeVar&>(message);
    if (range.schemaname[0] == '\0' && std::find(ctes.begin(), ctes.end(), range.relname) != ctes.end()) return;
    const CatalogEntry* const entry = session.naming.find_relation(range.schemaname, range.relname);
    if (entry == nullptr && find_system_relation(range.schemaname, range.relname) == nullptr) {
      all_exist = false;
      return;
    }
    if (entry == nullptr) static_cast<void>(session.naming.relation(range));  // refuses a catalog
    if (entry->kind == CatalogEntry::Kind::view) view.views.push_back(entry->view);
    if (range.schemaname[0] != '\0') return;
    for (const std::string& schema : session.naming.search_path) {
      if (session.naming.find_relation(schema, range.relname) != entry) continue;
      range.schemaname = strdup(schema.c_str());
      return;
    }
  });
  return all_exist;
}

std::string text_of(const PgQuery__Node& select) {
  std::string error;
  std::string text = statement_text(select, &error);
  if (text.empty()) fail_unsupported("this SELECT of a view (" + error + ")");
  return text;
}

/// By PostgreSQL's rule (view_query_is_auto_updatable): one relation, and no row of the view is made of several of its rows.
std::optional<View::Writable> writable_of(const SessionImpl& session, const PgQuery__SelectStmt& select, const QueryPlan& query) {
  if (select.op != PG_QUERY__SET_OPERATION__SETOP_NONE || select.n_values_lists > 0 || select.with_clause != nullptr) return {};
  if (select.n_distinct_clause > 0 || select.n_group_clause > 0 || select.having_clause != nullptr) return {};
  if (select.limit_count != nullptr || select.limit_offset != nullptr) return {};
  if (query.is_grouped || !query.aggregates.empty() || !query.windows.empty() || query.has_set_functions) return {};
  if (select.n_from_clause != 1 || select.from_clause[0]->node_case != PG_QUERY__NODE__NODE_RANGE_VAR) return {};
  const PgQuery__RangeVar& range = *select.from_clause[0]->range_var;
  const CatalogEntry* const read = session.naming.find_relation(range.schemaname, range.relname);
  if (read == nullptr) return {};
  View::Writable writable;
  if (read->kind == CatalogEntry::Kind::view) writable.view = read->view;
  for (std::uint32_t i = 0; i < query.visible; ++i) {
    const Expr& output = *query.outputs[i];
    const bool is_its_own = output.kind == ExprKind::column && query.from != nullptr && output.slot == query.from->slot;
    writable.columns.push_back(is_its_own ? static_cast<std::int32_t>(output.column) : -1);
  }
  return writable;
}

void check_replacement(const View& old_view, const View& view) {
  if (view.columns.size() < old_view.columns.size()) fail("42P16", "cannot drop columns from view");
  for (std::size_t i = 0; i < old_view.columns.size(); ++i) {
    if (view.columns[i] != old_view.columns[i]) {
      fail("42P16", "cannot change name of view column " + in_quotes(old_view.columns[i]) + " to " + in_quotes(view.columns[i]), 0,
           {}, "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.");
    }
    if (!view.types[i].same(old_view.types[i]) || view.types[i].typmod != old_view.types[i].typmod) {
      fail("42P16", "cannot change data type of view column " + in_quotes(view.columns[i]) + " from " +
                        type_name_with_typmod(old_view.types[i]) + " to " + type_name_with_typmod(view.types[i]));
    }
  }
}

[[nodiscard]] CatalogEntry* entry_of(SessionImpl& session, const View& view) {
  CatalogEntry* entry = session.engine.catalog.find_relation(view.schema, view.name, session.transaction.slot);
  return entry != nullptr && entry->kind == CatalogEntry::Kind::view && entry->view == &view ? entry : nullptr;
}

/// Drops the views for which `reads` holds, or refuses to.
void drop_readers(SessionImpl& session, const std::string& what, bool cascades, const std::function<bool(const View&)>& reads) {
  for (std::size_t i = 0; i < session.engine.catalog.views().size(); ++i) {
    View& view = *session.engine.catalog.views()[i];
    if (!reads(view) || entry_of(session, view) == nullptr) continue;
    if (!cascades) {
      fail("2BP01", "cannot drop " + what + " because other objects depend on it", 0,
           "view " + view.name + " depends on " + what, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    drop_view(session, view, true);
  }
}

}  // namespace

Task<> create_view(SessionImpl& session, const PgQuery__ViewStmt& stmt) {
  if (stmt.n_options > 0) fail_unsupported("options of a view");
  if (stmt.with_check_option != PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION) fail_unsupported("WITH CHECK OPTION");
  if (stmt.view->relpersistence[0] == 't') fail_unsupported("temporary views");
  const bool is_select = stmt.query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT;
  if (is_select && Analyzer::into_of(*stmt.query->select_stmt) != nullptr) fail("0A000", "views must not contain SELECT INTO");
  const OwnNode select = copy_of(*stmt.query);
  View made;
  if (!qualify(session, *select, made)) {
    // Of several that do not exist the analysis tells the one that is looked for first.
    Task<std::shared_ptr<const StatementPlan>> failing = session.plan_when_free(*select);
    static_cast<void>(co_await std::move(failing));
  }
  const std::string schema = session.naming.schema_of(*stmt.view);
  Catalog& catalog = session.engine.catalog;
  CatalogEntry* existing = catalog.find_relation(schema, stmt.view->relname, session.transaction.slot);
  if (existing != nullptr && stmt.replace && existing->kind != CatalogEntry::Kind::view) {
    fail("42809", in_quotes(stmt.view->relname) + " is not a view");
  }
  made.schema = schema;
  made.name = stmt.view->relname;
  made.definition = text_of(*select);
  if (existing == nullptr) co_await claim_name(session, NewName::type, schema, stmt.view->relname);
  if (existing != nullptr && stmt.replace) co_await lock_other(session, *existing->view->lock, LockMode::access_exclusive);
  Task<std::shared_ptr<const StatementPlan>> planning = session.plan_when_free(*select);
  const std::shared_ptr<const StatementPlan> plan = co_await std::move(planning);
  existing = catalog.find_relation(schema, stmt.view->relname, session.transaction.slot);
  if (plan->query != nullptr && !plan->query->marks.empty()) fail_unsupported("FOR UPDATE in a view");
  if (plan->query == nullptr || plan->writes || !plan->steps.empty()) {
    fail("0A000", "views must not contain data-modifying statements in WITH");
  }
  made.columns = plan->query->names;
  made.types = plan->query->types;
  if (stmt.n_aliases > made.columns.size()) fail("42601", "CREATE VIEW specifies more column names than columns");
  for (std::size_t i = 0; i < stmt.n_aliases; ++i) made.columns[i] = stmt.aliases[i]->string->sval;
  for (std::size_t i = 0; i < made.columns.size(); ++i) {
    if (std::count(made.columns.begin(), made.columns.end(), made.columns[i]) > 1) {
      fail("42701", "column " + in_quotes(made.columns[i]) + " specified more than once");
    }
  }
  if (is_select) made.writable = writable_of(session, *select->select_stmt, *plan->query);
  for (const auto& [table, mode] : plan->tables) {
    made.tables.push_back(table);
    made.widths.push_back(table->columns.size());
  }
  if (existing != nullptr && stmt.replace) {
    check_replacement(*existing->view, made);
    const auto is_old = [&](const View& view) {
      return std::find(view.views.begin(), view.views.end(), existing->view) != view.views.end() &&
             entry_of(session, view) != nullptr;
    };
    if (std::any_of(catalog.views().begin(), catalog.views().end(), [&](const auto& view) { return is_old(*view); })) {
      fail_unsupported("CREATE OR REPLACE of a view that other views read");
    }
    unregister_object(session, schema, made.name, *existing);
  }
  View& view = catalog.new_view();
  made.lock = view.lock;
  view = std::move(made);
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::view;
  entry.view = &view;
  register_object(session, schema, view.name, entry);
}

void drop_view(SessionImpl& session, View& view, bool cascades) {
  drop_readers(session, "view " + view.name, cascades, [&](const View& other) {
    return std::find(other.views.begin(), other.views.end(), &view) != other.views.end();
  });
  if (CatalogEntry* const entry = entry_of(session, view)) unregister_object(session, view.schema, view.name, *entry);
}

void drop_views_of(SessionImpl& session, const Table& table, bool cascades) {
  drop_readers(session, "table " + table.name, cascades, [&](const View& view) {
    return std::find(view.tables.begin(), view.tables.end(), &table) != view.tables.end();
  });
}

}  // namespace orrery::sim::database
