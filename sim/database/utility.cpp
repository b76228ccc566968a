#include "sim/database/utility.hpp"

#include <algorithm>
#include <array>

#include "sim/database/constraints.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/notifications.hpp"
#include "sim/database/row_writes.hpp"
#include "sim/database/statement_names.hpp"

namespace orrery::sim::database {
namespace {

/// Of VACUUM and ANALYZE; what they would do is nothing to be seen here.
void check_vacuum_options(const PgQuery__VacuumStmt& stmt) {
  static constexpr std::array<std::string_view, 10> kOptions{"verbose", "skip_locked", "analyze", "freeze", "full",
                                                            "disable_page_skipping", "index_cleanup", "process_toast", "truncate", "parallel"};
  const std::size_t known = stmt.is_vacuumcmd ? kOptions.size() : 2;  // ANALYZE has the first two
  for (const Node* node : Nodes(stmt.options, stmt.n_options)) {
    const std::string_view name = node->def_elem->defname;
    if (std::find(kOptions.begin(), kOptions.begin() + static_cast<std::ptrdiff_t>(known), name) != kOptions.begin() + static_cast<std::ptrdiff_t>(known)) continue;
    fail("42601", std::string("unrecognized ") + (stmt.is_vacuumcmd ? "VACUUM" : "ANALYZE") + " option " + in_quotes(name), position_of(node->def_elem->location));
  }
}

Isolation isolation_of(std::string_view text) {
  if (text == "repeatable read") return Isolation::repeatable_read;
  if (text == "serializable") return Isolation::serializable;
  return Isolation::read_committed;
}

const char* name_of(Isolation isolation) {
  switch (isolation) {
    case Isolation::repeatable_read:
      return "repeatable read";
    case Isolation::serializable:
      return "serializable";
    default:
      return "read committed";
  }
}

/// ISOLATION LEVEL, READ ONLY and DEFERRABLE of BEGIN and SET TRANSACTION.
void apply_modes(SessionImpl& session, Nodes options) {
  Transaction& txn = session.transaction;
  for (const Node* node : options) {
    const PgQuery__DefElem& option = *node->def_elem;
    const std::string_view name = option.defname;
    if (name == "transaction_isolation") {
      const Isolation wanted = isolation_of(option.arg->a_const->sval->sval);
      if (wanted != txn.isolation) {
        if (txn.has_snapshot) fail("25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query");
        if (txn.levels.size() > 1) {
          fail("25001", "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
        }
      }
      txn.isolation = wanted;
      continue;
    }
    const bool on = option.arg->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL && option.arg->a_const->ival->ival != 0;
    if (name == "transaction_read_only") {
      if (!on && session.replayed) fail("0A000", "cannot set transaction read-write mode during recovery");
      if (!on && txn.is_read_only && txn.levels.size() > 1) {
        fail("25001", "cannot set transaction read-write mode inside a read-only transaction");
      }
      if (!on && txn.is_read_only && txn.has_snapshot) {
        fail("25001", "transaction read-write mode must be set before any query");
      }
      txn.is_read_only = on;
    } else if (name == "transaction_deferrable") {
      txn.is_deferrable = on;
    } else {
      fail_unsupported("transaction mode " + std::string(name));
    }
  }
}

std::string constant_text(const Node& node) {
  const Node& inner = node.node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? *node.type_cast->arg : node;
  if (inner.node_case != PG_QUERY__NODE__NODE_A_CONST) fail_unsupported("this value of SET");
  const PgQuery__AConst& constant = *inner.a_const;
  switch (constant.val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      return std::to_string(constant.ival->ival);
    case PG_QUERY__A__CONST__VAL_FVAL:
      return constant.fval->fval;
    case PG_QUERY__A__CONST__VAL_SVAL:
      return constant.sval->sval;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      return constant.boolval->boolval ? "on" : "off";
    default:
      return "0";
  }
}

void set_variable(SessionImpl& session, const PgQuery__VariableSetStmt& stmt) {
  const std::string_view name = stmt.name;
  switch (stmt.kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE: {
      std::string value;
      for (std::size_t i = 0; i < stmt.n_args; ++i) {
        if (i > 0) value += ", ";
        std::string part = constant_text(*stmt.args[i]);
        if (name == "search_path" && part.find_first_of(", ") != std::string::npos) part = in_quotes(part);
        value += part;
      }
      session.settings.set(name, value, stmt.is_local);
      break;
    }
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
      session.settings.reset(name, stmt.is_local);
      break;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
      session.settings.reset_all();
      break;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI:
      if (name == "TRANSACTION") {
        apply_modes(session, Nodes(stmt.args, stmt.n_args));
      } else if (name == "SESSION CHARACTERISTICS") {
        for (const Node* node : Nodes(stmt.args, stmt.n_args)) {
          const PgQuery__DefElem& option = *node->def_elem;
          const std::string value = constant_text(*option.arg);
          session.settings.set("default_" + std::string(option.defname), value, false);
        }
      } else {
        fail_unsupported("SET " + std::string(name));
      }
      break;
    default:
      fail_unsupported("SET … FROM CURRENT");
  }
  session.apply_search_path();
}

void show_variable(SessionImpl& session, const PgQuery__VariableShowStmt& stmt, StatementResult& result) {
  std::string name = stmt.name;
  if (name == "all") fail_unsupported("SHOW ALL");
  std::optional<std::string> value = session.settings.show(name);
  if (name == "transaction_isolation") value = name_of(session.transaction.isolation);
  if (name == "transaction_read_only") value = session.transaction.is_read_only ? "on" : "off";
  if (name == "transaction_deferrable") value = session.transaction.is_deferrable ? "on" : "off";
  if (!value) fail_unknown_setting(name);
  auto shape = std::make_shared<RowShape>();
  shape->columns = {std::string(spelling_of_setting(name))};
  std::vector<SqlValue> cells;
  cells.emplace_back(*value);
  result.rows = Rows(std::move(shape), std::move(cells), 1);
  static const auto types = std::make_shared<const std::vector<TypeRef>>(1, TypeRef(Type::text));
  result.types = types;
  result.command_tag = "SHOW";
}

/// COMMIT AND CHAIN: the next transaction begins at once, with the same characteristics.
class Chain {
 public:
  explicit Chain(const Transaction& txn) : isolation_(txn.isolation), is_read_only_(txn.is_read_only), is_deferrable_(txn.is_deferrable) {}
  void begin(SessionImpl& session) const {
    session.begin_if_needed();
    Transaction& txn = session.transaction;
    txn.is_explicit = true;
    session.settings.begin_level();
    txn.isolation = isolation_;
    txn.is_read_only = is_read_only_;
    txn.is_deferrable = is_deferrable_;
  }

 private:
  Isolation isolation_;
  bool is_read_only_;
  bool is_deferrable_;
};

Task<> lock_statement(SessionImpl& session, const PgQuery__LockStmt& stmt) {
  if (!session.transaction.is_explicit) fail("25P01", "LOCK TABLE can only be used in transaction blocks");
  for (const Node* node : Nodes(stmt.relations, stmt.n_relations)) {
    co_await open_table(session, *node->range_var, static_cast<LockMode>(stmt.mode), stmt.nowait);
  }
}

}  // namespace

Task<> lock_table(SessionImpl& session, Table& table, LockMode mode, bool nowait) {
  LockManager& locks = session.engine.locks;
  Transaction& txn = session.transaction;
  if (nowait) {
    if (!locks.acquire_at_once(txn, table.lock, mode, txn.level())) {
      fail("55P03", "could not obtain lock on relation " + in_quotes(table.name));
    }
    co_return;
  }
  co_await locks.acquire(txn, table.lock, mode, txn.level());
}

Task<Table*> open_table(SessionImpl& session, const PgQuery__RangeVar& range, LockMode mode, bool nowait) {
  Table* table = &session.naming.named_table(range);
  while (true) {
    co_await lock_table(session, *table, mode, nowait);
    Table* const named = &session.naming.named_table(range);
    if (named == table) co_return table;
    table = named;
  }
}

Task<std::string> run_transaction_statement(SessionImpl& session, const PgQuery__TransactionStmt& stmt) {
  Transaction& txn = session.transaction;
  switch (stmt.kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START: {
      session.begin_if_needed();
      if (txn.is_explicit) session.notice("WARNING", "25001", "there is already a transaction in progress");
      if (!txn.is_explicit) {
        txn.is_explicit = true;
        session.settings.begin_level();
      }
      apply_modes(session, Nodes(stmt.options, stmt.n_options));
      co_return stmt.kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN ? "BEGIN" : "START TRANSACTION";
    }
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT: {
      if (stmt.chain && !txn.is_explicit) fail("25P01", "COMMIT AND CHAIN can only be used in transaction blocks");
      if (!txn.is_explicit) session.notice("WARNING", "25P01", "there is no transaction in progress");
      const Chain chain(txn);
      if (txn.has_failed) {
        session.roll_back();
        if (stmt.chain) chain.begin(session);
        co_return "ROLLBACK";
      }
      if (txn.is_open) {
        try {
          if (!txn.deferral.checks.empty()) co_await check_deferred(session);
          session.commit();
        } catch (const SqlError&) {
          session.roll_back();  // a COMMIT that fails ends the transaction, too
          throw;
        }
      }
      if (stmt.chain) chain.begin(session);
      co_return "COMMIT";
    }
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK: {
      if (stmt.chain && !txn.is_explicit) fail("25P01", "ROLLBACK AND CHAIN can only be used in transaction blocks");
      if (!txn.is_explicit) session.notice("WARNING", "25P01", "there is no transaction in progress");
      const Chain chain(txn);
      session.roll_back();
      if (stmt.chain) chain.begin(session);
      co_return "ROLLBACK";
    }
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
      if (!txn.is_explicit) fail("25P01", "SAVEPOINT can only be used in transaction blocks");
      session.define_savepoint(stmt.savepoint_name);
      co_return "SAVEPOINT";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
      if (!txn.is_explicit) fail("25P01", "RELEASE SAVEPOINT can only be used in transaction blocks");
      session.release_savepoint(stmt.savepoint_name);
      co_return "RELEASE";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
      if (!txn.is_explicit) fail("25P01", "ROLLBACK TO SAVEPOINT can only be used in transaction blocks");
      session.roll_back_to_savepoint(stmt.savepoint_name);
      co_return "ROLLBACK";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
      if (!txn.has_failed) fail_unsupported("two-phase commit");
      session.roll_back();
      co_return "ROLLBACK";
    default:
      fail_unsupported("two-phase commit");
  }
}

bool utility_takes_snapshot(const Node& node) noexcept {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
    case PG_QUERY__NODE__NODE_LOCK_STMT:
    case PG_QUERY__NODE__NODE_FETCH_STMT:
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
      return false;
    default:
      return true;
  }
}

namespace {

/// PreventCommandDuringRecovery: what a hot standby refuses though it changes no row.
void refuse_on_standby(const Node& node) {
  const char* command = nullptr;
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
      command = "LISTEN";
      break;
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
      command = "NOTIFY";
      break;
    case PG_QUERY__NODE__NODE_LOCK_STMT:
      if (node.lock_stmt->mode > static_cast<int>(LockMode::row_exclusive)) command = "LOCK TABLE";
      break;
    default:
      break;
  }
  if (command != nullptr) fail("25006", std::string("cannot execute ") + command + " during recovery");
}

}  // namespace

Task<> run_utility(SessionImpl& session, const Node& node, StatementResult& result) {
  if (session.replayed) refuse_on_standby(node);
  if (session.transaction.is_read_only) {
    switch (node.node_case) {
      case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
      case PG_QUERY__NODE__NODE_LISTEN_STMT:
      case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
      case PG_QUERY__NODE__NODE_NOTIFY_STMT:
      case PG_QUERY__NODE__NODE_LOCK_STMT:
      case PG_QUERY__NODE__NODE_DISCARD_STMT:
      case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
      case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
      case PG_QUERY__NODE__NODE_FETCH_STMT:
      case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
      case PG_QUERY__NODE__NODE_COPY_STMT:
        break;
      case PG_QUERY__NODE__NODE_SELECT_STMT:
        fail("25006", "cannot execute SELECT INTO in a read-only transaction");
      case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        fail("25006", "cannot execute CREATE TABLE AS in a read-only transaction");
      default:
        fail("25006", "cannot execute " + writing_command(node) + " in a read-only transaction");
    }
  }
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      set_variable(session, *node.variable_set_stmt);
      result.command_tag = node.variable_set_stmt->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ||
                                   node.variable_set_stmt->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL
                               ? "RESET"
                               : "SET";
      co_return;
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
      show_variable(session, *node.variable_show_stmt, result);
      co_return;
    case PG_QUERY__NODE__NODE_CREATE_STMT:
      co_await create_table(session, *node.create_stmt);
      result.command_tag = "CREATE TABLE";
      co_return;
    case PG_QUERY__NODE__NODE_INDEX_STMT:
      co_await create_index(session, *node.index_stmt);
      result.command_tag = "CREATE INDEX";
      co_return;
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
      co_await create_schema(session, *node.create_schema_stmt);
      result.command_tag = "CREATE SCHEMA";
      co_return;
    case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
      co_await create_enum(session, *node.create_enum_stmt);
      result.command_tag = "CREATE TYPE";
      co_return;
    case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
      co_await alter_enum(session, *node.alter_enum_stmt);
      result.command_tag = "ALTER TYPE";
      co_return;
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
      co_await create_sequence(session, *node.create_seq_stmt);
      result.command_tag = "CREATE SEQUENCE";
      co_return;
    case PG_QUERY__NODE__NODE_VIEW_STMT:
      co_await create_view(session, *node.view_stmt);
      result.command_tag = "CREATE VIEW";
      co_return;
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
      co_await alter_table(session, *node.alter_table_stmt);
      result.command_tag = "ALTER TABLE";
      co_return;
    case PG_QUERY__NODE__NODE_DROP_STMT: {
      co_await drop_objects(session, *node.drop_stmt);
      switch (node.drop_stmt->remove_type) {
        case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
          result.command_tag = "DROP INDEX";
          break;
        case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
          result.command_tag = "DROP SEQUENCE";
          break;
        case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
          result.command_tag = "DROP SCHEMA";
          break;
        case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
          result.command_tag = "DROP TYPE";
          break;
        case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
          result.command_tag = "DROP VIEW";
          break;
        default:
          result.command_tag = "DROP TABLE";
      }
      co_return;
    }
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
      co_await truncate(session, *node.truncate_stmt);
      result.command_tag = "TRUNCATE TABLE";
      co_return;
    case PG_QUERY__NODE__NODE_LOCK_STMT:
      co_await lock_statement(session, *node.lock_stmt);
      result.command_tag = "LOCK TABLE";
      co_return;
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
      if (session.transaction.is_explicit && node.vacuum_stmt->is_vacuumcmd) fail("25001", "VACUUM cannot run inside a transaction block");
      check_vacuum_options(*node.vacuum_stmt);
      for (const Node* each : Nodes(node.vacuum_stmt->rels, node.vacuum_stmt->n_rels)) {
        const PgQuery__VacuumRelation& named = *each->vacuum_relation;
        const CatalogEntry& entry = session.naming.relation(*named.relation);
        for (const Node* column : Nodes(named.va_cols, named.n_va_cols)) {
          const std::string name = column->string->sval;
          if (entry.table != nullptr && entry.table->column(name)) continue;
          fail("42703", "column " + in_quotes(name) + " of relation " + in_quotes(named.relation->relname) + " does not exist");
        }
      }
      session.engine.clean_up(SIZE_MAX);
      result.command_tag = node.vacuum_stmt->is_vacuumcmd ? "VACUUM" : "ANALYZE";
      co_return;
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
      change_listening(session, node.listen_stmt->conditionname, true);
      result.command_tag = "LISTEN";
      co_return;
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
      change_listening(session, node.unlisten_stmt->conditionname, false);
      result.command_tag = "UNLISTEN";
      co_return;
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
      notify(session, node.notify_stmt->conditionname, node.notify_stmt->payload);
      result.command_tag = "NOTIFY";
      co_return;
    case PG_QUERY__NODE__NODE_COPY_STMT:
      co_await copy_rows(session, *node.copy_stmt, result);
      co_return;
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
      fail_unsupported("EXPLAIN");
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
      result.command_tag = session.discard(*node.discard_stmt);
      co_return;
    case PG_QUERY__NODE__NODE_CREATE_TRIG_STMT:
      fail_unsupported("CREATE TRIGGER");
    case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
      fail_unsupported("CREATE FUNCTION");
    case PG_QUERY__NODE__NODE_DO_STMT:
      fail_unsupported("DO");
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
      co_await create_table_as(session, *node.create_table_as_stmt, result);
      co_return;
    case PG_QUERY__NODE__NODE_SELECT_STMT:
      co_await select_into(session, *node.select_stmt, result);
      co_return;
    case PG_QUERY__NODE__NODE_RENAME_STMT:
      result.command_tag = co_await rename_object(session, *node.rename_stmt);
      co_return;
    case PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT:
      fail_unsupported("CREATE EXTENSION");
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
      co_await set_constraints(session, Nodes(node.constraints_set_stmt->constraints, node.constraints_set_stmt->n_constraints),
                               node.constraints_set_stmt->deferred);
      result.command_tag = "SET CONSTRAINTS";
      co_return;
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
      co_await session.declare_cursor(*node.declare_cursor_stmt);
      result.command_tag = "DECLARE CURSOR";
      co_return;
    case PG_QUERY__NODE__NODE_FETCH_STMT:
      session.fetch(*node.fetch_stmt, result);
      co_return;
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
      session.close_cursor(node.close_portal_stmt->portalname);
      result.command_tag = node.close_portal_stmt->portalname[0] == '\0' ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
      co_return;
    default:
      fail_unsupported(statement_name(node));
  }
}

}  // namespace orrery::sim::database
