#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/database/constraints.hpp"
#include "sim/database/utility.hpp"

// What statements that define tables share (ddl_*.cpp).

namespace orrery::sim::database {

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

[[nodiscard]] inline bool is_alive(const Version& version) { return version.row != nullptr && version.xmax == 0; }

/// Says how to take a change of the catalog back if the transaction rolls back. Plans are made anew, now and then.
void undo(SessionImpl& session, std::function<void()> action);

/// A column of CREATE TABLE or ADD COLUMN, without the constraints that need the others. Throws SqlError.
[[nodiscard]] Column make_column(SessionImpl& session, Table& table, const PgQuery__ColumnDef& definition);

/// The expression of a generated column, when all columns are known. Throws SqlError.
void add_generation(SessionImpl& session, Table& table, const PgQuery__ColumnDef& definition);
/// Throws 0A000 unless it is the session's own role: there are no others here.
void refuse_other_roles(const PgQuery__RoleSpec* role);
enum class StorageOwner : std::uint8_t { table, index };
/// What `before` becomes with WITH (…) or SET (…): "name=value", as pg_class.reloptions has them. Throws 0A000 for a parameter or
/// a value that is not known here, 22023 for a number out of bounds and for one that is given twice.
[[nodiscard]] std::vector<std::string> storage_parameters(Nodes options, StorageOwner owner, std::vector<std::string> before = {});
/// What RESET (…) leaves. Throws 42601 if there are values.
[[nodiscard]] std::vector<std::string> without_storage_parameters(Nodes options, std::vector<std::string> before);
/// Throws 42710 if the table has a constraint of this name. Empty: made up later.
void refuse_known_constraint(const Table& table, const std::string& name);

/// A constraint, and the column that it was written behind.
struct ConstraintItem {
  std::string column;
  PgQuery__Constraint constraint;  // the same with its attributes; what it points to belongs to the parse tree
};
/// Adds a column's constraints. DEFERRABLE and its like stand behind one as constraints of their own.
void add_items(const PgQuery__ColumnDef& definition, std::vector<ConstraintItem>& items);

/// `only_column`: that the constraint was written behind.
void add_constraint(SessionImpl& session, Table& table, const PgQuery__Constraint& constraint, const std::string& only_column);
/// Throws 42704 unless `missing_ok`.
void drop_constraint(SessionImpl& session, Table& table, const std::string& name, bool missing_ok);

/// Throws 23503 or 23514 if a row violates it, 42704, 42809.
void validate_constraint(SessionImpl& session, Table& table, const std::string& name);

/// Adds the rows that are there. Throws 23505.
void fill_index(SessionImpl& session, Index& index);
/// Throws 42703.
[[nodiscard]] std::uint32_t included_column(const Table& table, const std::string& name);

}  // namespace orrery::sim::database
