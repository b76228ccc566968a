#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/task.hpp"
#include "sim/database/analyzer.hpp"
#include "sim/database/catalog.hpp"
#include "sim/database/execution.hpp"

namespace orrery::sim::database {

/// Computes the row's generated columns; then NOT NULL and CHECK. Throws 23502, 23514, and what computing throws.
void complete_row(const Table& table, Value* row, Execution& execution);

/// Another row with the same key in a unique index, or one that may come to be there.
struct KeyConflict {
  VersionId version = kNoVersion;
  Xid in_flight = 0;  // running: whether it is a conflict shows when this transaction ends
};
/// `self` is left out of the search (with all versions of its own row).
[[nodiscard]] std::optional<KeyConflict> find_conflict(const Index& index, const Value* row, VersionId self,
                                                       const SessionImpl& session);
/// True if the row belongs into the index; computes its expressions into the row.
[[nodiscard]] bool prepare_key(const Index& index, Value* row, Execution& execution);
[[noreturn]] void fail_duplicate(const Index& index, const Value* row);

/// INSERT … ON CONFLICT: a conflict in one of the arbiters is no error, the row is then taken back.
struct SpeculativeInsert {
  const std::vector<Index*>* arbiters;  // empty: all unique indexes
  bool has_conflict = false;
};

/// Adds the version's entries to the indexes whose bits are in `wanted`, from index number `next` on. Gives the
/// transaction that must end first, if some index holds a key in flight; call it again then. Throws 23505.
[[nodiscard]] std::optional<Xid> add_entries(Table& table, VersionId version, std::uint32_t wanted, std::uint32_t& next,
                                             Execution& execution, SpeculativeInsert* speculative = nullptr);

/// "(a, b)=(1, 2)" as details of key errors print it.
[[nodiscard]] std::string describe_key(const Index& index, const Value* row);

/// Whether a statement that wrote from `first_write` on left checks to be made: of foreign keys on either side, of deferrable keys.
[[nodiscard]] bool leaves_checks(const Transaction& transaction, std::size_t first_write) noexcept;
/// After a statement: keys that it may have written twice, then the rows that it wrote from the foreign keys on both sides.
/// What is deferred is noted instead.
Task<> check_after_statement(SessionImpl& session, std::size_t first_write);
/// At COMMIT.
Task<> check_deferred(SessionImpl& session);
/// SET CONSTRAINTS. What becomes immediate is checked at once. Throws what the checks find, 42704, 42809.
Task<> set_constraints(SessionImpl& session, Nodes names, bool deferred);

}  // namespace orrery::sim::database
