#pragma once

#include "runtime/task.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {

/// BEGIN, COMMIT, SAVEPOINT and their like. Gives the command tag.
Task<std::string> run_transaction_statement(SessionImpl& session, const PgQuery__TransactionStmt& stmt);

/// False of statements that run without a snapshot (PlannedStmtRequiresSnapshot): they leave the level of isolation open.
[[nodiscard]] bool utility_takes_snapshot(const Node& node) noexcept;
/// Every other statement that is no query. Throws 0A000 for those that are not supported.
Task<> run_utility(SessionImpl& session, const Node& node, StatementResult& result);

/// Definitions of tables, indexes, sequences, types, schemas (ddl*.cpp).
Task<> create_table(SessionImpl& session, const PgQuery__CreateStmt& stmt);
/// CREATE TABLE AS and SELECT INTO; sets the command tag.
Task<> create_table_as(SessionImpl& session, const PgQuery__CreateTableAsStmt& stmt, StatementResult& result);
Task<> select_into(SessionImpl& session, const PgQuery__SelectStmt& stmt, StatementResult& result);
Task<> create_index(SessionImpl& session, const PgQuery__IndexStmt& stmt);
Task<> alter_table(SessionImpl& session, const PgQuery__AlterTableStmt& stmt);
/// ALTER … RENAME. Gives the command tag.
Task<std::string> rename_object(SessionImpl& session, const PgQuery__RenameStmt& stmt);
Task<> drop_objects(SessionImpl& session, const PgQuery__DropStmt& stmt);
Task<> truncate(SessionImpl& session, const PgQuery__TruncateStmt& stmt);
/// COPY … FROM STDIN and TO STDOUT (copy.cpp). Sets the command tag. Throws 22P04 and what reading values throws.
Task<> copy_rows(SessionImpl& session, const PgQuery__CopyStmt& stmt, StatementResult& result);
Task<> create_schema(SessionImpl& session, const PgQuery__CreateSchemaStmt& stmt);
Task<> create_enum(SessionImpl& session, const PgQuery__CreateEnumStmt& stmt);
Task<> alter_enum(SessionImpl& session, const PgQuery__AlterEnumStmt& stmt);
Task<> create_sequence(SessionImpl& session, const PgQuery__CreateSeqStmt& stmt);
Task<> create_view(SessionImpl& session, const PgQuery__ViewStmt& stmt);
/// Takes a view away, and with CASCADE those that read it. Throws 2BP01.
void drop_view(SessionImpl& session, View& view, bool cascades);
/// Before a table goes: with CASCADE the views that read it go first. Throws 2BP01.
void drop_views_of(SessionImpl& session, const Table& table, bool cascades);

/// Applies the options of CREATE SEQUENCE or GENERATED … AS IDENTITY.
void apply_sequence_options(Sequence& sequence, Nodes options);
/// Adds an object's entry; it becomes visible to others when the transaction commits.
CatalogEntry& register_object(SessionImpl& session, const std::string& schema, const std::string& name, CatalogEntry entry);
/// Takes an object's entry away, for others when the transaction commits.
void unregister_object(SessionImpl& session, const std::string& schema, const std::string& name, CatalogEntry& entry);
/// A free name in the schema: `base`, `base1`, …
/// "first_second_label", or "first_label", in at most 63 bytes: the longer of the first two is cut (makeObjectName).
[[nodiscard]] std::string object_name(std::string_view first, std::string_view second, std::string_view label);
/// The same with a number at its end if a relation has that name already.
[[nodiscard]] std::string free_name(SessionImpl& session, const std::string& schema, std::string_view first, std::string_view second, std::string_view label);

struct IndexDefinition {
  std::string name;  // empty: chosen
  std::vector<KeyElement> elements;
  std::vector<std::pair<bool, bool>> orders;  // descending, NULLS FIRST
  std::vector<std::uint32_t> included;           // columns of INCLUDE: no part of the key
  std::shared_ptr<const Expr> predicate;
  std::string predicate_text;
  bool is_unique = false;
  bool is_primary = false;
  bool is_constraint = false;
  bool nulls_not_distinct = false;
  Deferrable deferral;
  std::vector<std::string> storage_parameters;
};
/// Makes the index and fills it. Throws 23505 if rows contradict.
Index& build_index(SessionImpl& session, Table& table, IndexDefinition definition);
void add_foreign_key(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint,
                     const std::string& only_column);
/// VALIDATE CONSTRAINT. Throws 23503.
void validate_foreign_key(SessionImpl& session, ForeignKey& key);
void add_check(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint);
/// A statement's own locking of a table.
/// Of a view or a sequence, until the end of the transaction.
Task<> lock_other(SessionImpl& session, Lock& lock, LockMode mode);
Task<> lock_table(SessionImpl& session, Table& table, LockMode mode, bool nowait = false);
/// Finds the table and locks it; if its name has come to mean something else meanwhile, that. Throws as named_table.
Task<Table*> open_table(SessionImpl& session, const PgQuery__RangeVar& range, LockMode mode, bool nowait = false);

/// What a new name is a key of in a real server's catalog: of tables, views and types, of indexes and sequences, of schemas.
enum class NewName : std::uint8_t { type, relation, schema, label };
/// Waits while another transaction is making something of this name, and lets others wait for this one. Throws 23505 if it
/// was made meanwhile.
Task<> claim_name(SessionImpl& session, NewName kind, std::string schema, std::string name);
/// Waits while another transaction adds labels to the type.
Task<> claim_labels(SessionImpl& session, std::string type);
/// Waits while other transactions are making something in the schema, and lets them wait from now on.
Task<> claim_schema_to_drop(SessionImpl& session, std::string name);

}  // namespace orrery::sim::database
