#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/database/catalog.hpp"
#include "sim/database/expression.hpp"
#include "sim/database/locks.hpp"

namespace orrery::sim::database {

/// A set of slots of a statement. Statements with more than 64 range table entries are refused.
using SlotSet = std::uint64_t;

/// How a table is read.
struct TableAccess {
  Index* index = nullptr;        // null: all versions in heap order
  std::vector<ExprPtr> equal;    // values of the first key columns
  ExprPtr any;                   // an array, or…
  std::vector<ExprPtr> any_list; // …a list of values for the next key column
  ExprPtr lower;                 // bounds of the key column after `equal`
  ExprPtr upper;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  bool is_backward = false;
  bool is_ordered = false;       // the query relies on the index's order
  std::vector<ExprPtr> implied;  // conditions that the access already ensures; judged again after a lock wait
};

/// A node of the FROM clause. Running it fills the slots of its range table entries, row by row.
struct FromNode {
  enum class Kind : std::uint8_t { nothing, table, store, query, function, join };
  Kind kind = Kind::nothing;
  std::uint32_t slot = 0;
  std::vector<ExprPtr> conditions;  // judged once the node's slots are filled

  Table* table = nullptr;
  TableAccess access;

  std::uint32_t store = 0;                 // of a CTE, or of a subquery that was run before
  std::shared_ptr<const QueryPlan> query;  // of a subquery; of a CTE that is filled when it is first read
  std::uint32_t width = 0;
  SlotSet needs = 0;                       // slots of the same FROM clause that a LATERAL item reads

  std::vector<ExprPtr> functions;  // set-returning calls side by side (ROWS FROM, unnest with several arrays)
  std::vector<std::uint32_t> function_widths;
  bool with_ordinality = false;

  enum class Join : std::uint8_t { inner, left, full };
  Join join = Join::inner;
  std::unique_ptr<FromNode> left;
  std::unique_ptr<FromNode> right;
  SlotSet slots = 0;  // all slots below

  /// Of a join whose right side is the same for every left row: `hash_left[i] = hash_right[i]` are among its conditions, so
  /// the right side is read once and looked up by hash.
  std::vector<ExprPtr> hash_left;
  std::vector<ExprPtr> hash_right;
  std::vector<HashFunction> hashes;
};

struct SortKey {
  std::uint32_t output = 0;  // place in QueryPlan::outputs
  CompareFunction compare = nullptr;
  bool descending = false;
  bool nulls_first = false;
};

struct AggregateCall {
  ResolvedCall call;
  std::vector<ExprPtr> arguments;  // for ordered-set aggregates: direct ones first, then the sort expressions
  std::vector<ExprPtr> filter;     // zero or one
  bool is_distinct = false;
  std::vector<ExprPtr> order;
  std::vector<SortKey> order_keys;  // `output` counts in `order`
};

struct WindowCall {
  enum class Kind : std::uint8_t { aggregate, row_number, rank, dense_rank, lag, lead, first_value, last_value, ntile };
  Kind kind = Kind::aggregate;
  ResolvedCall call;
  std::vector<ExprPtr> arguments;
  std::vector<ExprPtr> filter;
  std::vector<ExprPtr> partition;
  std::vector<ExprPtr> order;
  std::vector<SortKey> order_keys;
  bool whole_partition = false;  // the frame has no ORDER BY, or goes to UNBOUNDED FOLLOWING
  bool rows_frame = false;       // ROWS … CURRENT ROW: peers do not count
};

enum class WaitPolicy : std::uint8_t { block, skip, error };

struct RowMark {
  std::uint32_t slot = 0;
  Table* table = nullptr;
  RowLock mode = RowLock::update;
  WaitPolicy policy = WaitPolicy::block;
};

enum class SetOperation : std::uint8_t { none, union_, intersect, except };

/// SELECT, VALUES or a set operation.
struct QueryPlan {
  std::unique_ptr<FromNode> from;
  std::vector<ExprPtr> conditions;  // without any slot of this level: judged once

  std::vector<std::vector<ExprPtr>> values;  // of VALUES

  SetOperation operation = SetOperation::none;
  bool all = false;
  std::shared_ptr<const QueryPlan> left;
  std::shared_ptr<const QueryPlan> right;

  bool is_grouped = false;
  std::vector<ExprPtr> group_keys;
  std::vector<AggregateCall> aggregates;
  std::uint32_t aggregate_slot = 0;
  std::vector<ExprPtr> having;

  std::vector<WindowCall> windows;
  std::uint32_t window_slot = 0;

  std::vector<ExprPtr> outputs;  // the visible ones, then sort and DISTINCT ON expressions
  std::uint32_t visible = 0;
  std::vector<std::string> names;
  std::vector<TypeRef> types;  // of the visible ones
  bool has_set_functions = false;          // a set-returning function in the select list
  std::uint32_t set_function_slot = 0;
  std::vector<ExprPtr> set_functions;

  bool is_distinct = false;
  std::vector<std::uint32_t> distinct_on;  // places in `outputs`
  std::vector<SortKey> sort;
  bool is_sorted_by_access = false;  // the scan gives the order
  ExprPtr limit;
  ExprPtr offset;
  std::vector<RowMark> marks;
  std::vector<std::uint32_t> slots;  // of this level's FROM clause

  /// WITH RECURSIVE: the recursive term reads `recursive_store`, which holds the rows of the round before.
  std::shared_ptr<const QueryPlan> recursive_term;
  std::uint32_t recursive_store = 0;

  SlotSet outer_slots = 0;     // slots of outer queries that it refers to
  bool is_correlated = false;  // there are any
};

enum class ConflictAction : std::uint8_t { none, nothing, update };

struct Assignment {
  std::uint32_t column;
  ExprPtr value;
};

struct ModifyPlan;

/// WHEN … THEN … of MERGE.
struct MergeAction {
  bool is_matched = false;
  std::vector<ExprPtr> conditions;
  std::unique_ptr<ModifyPlan> write;  // null: DO NOTHING. Of an INSERT only `columns` is used, over the source's own slots
};

struct ModifyPlan {
  RowWrite operation = RowWrite::insert;
  Table* table = nullptr;
  std::uint32_t slot = 0;  // of the target's row

  // INSERT
  std::shared_ptr<const QueryPlan> source;  // null: DEFAULT VALUES
  std::uint32_t source_slot = 0;
  std::vector<ExprPtr> columns;  // a value for each column, over the source's row; null: NULL
  bool reads_source = false;     // false: `columns` are made of constants and parameters, so that one row needs no source
  ConflictAction conflict = ConflictAction::none;
  std::vector<Index*> arbiters;  // empty with DO NOTHING: all unique indexes
  std::uint32_t excluded_slot = 0;
  std::vector<ExprPtr> conflict_where;

  // UPDATE, DELETE, DO UPDATE
  std::unique_ptr<FromNode> from;
  std::vector<ExprPtr> conditions;
  std::vector<std::uint32_t> slots;
  std::vector<Assignment> assignments;
  std::vector<std::uint32_t> assigned;  // their columns
  bool may_change_entries = false;  // an index looks at a column that is assigned
  bool may_change_key = false;  // a column of a unique index that a foreign key could refer to is assigned

  /// MERGE: `from` gives the source's rows with the target's, which are empty if there is no match; `may_change_key` is of all
  /// its actions together.
  std::vector<MergeAction> merge;

  std::vector<ExprPtr> returning;
  std::vector<std::string> names;
  std::vector<TypeRef> types;
};

/// A part of a statement that may wait or writes: its rows go into a store.
struct Step {
  std::uint32_t store = 0;
  /// Of WITH: it is run when its rows are first wanted; one that writes and whose rows nobody has read runs at the end (manual,
  /// 7.8.4). Otherwise it is run before the statement.
  bool is_run_when_read = false;
  bool may_run_again = false;  // x IN (SELECT … LIMIT n FOR UPDATE): a join may run it once or for each row
  std::shared_ptr<const QueryPlan> query;
  std::unique_ptr<ModifyPlan> modify;
};

/// A compiled statement. Nothing in it changes while it runs: sessions share it.
struct StatementPlan {
  std::shared_ptr<const QueryPlan> query;
  std::unique_ptr<ModifyPlan> modify;  // or neither: a utility statement
  std::vector<Step> steps;

  std::uint32_t slots = 1;  // slot 0 holds the row that constraints and index expressions look at
  std::uint32_t stores = 0;
  std::uint32_t caches = 0;
  std::uint32_t locals = 0;
  std::vector<TypeRef> parameters;
  std::vector<std::pair<Table*, LockMode>> tables;
  std::vector<std::pair<std::shared_ptr<Lock>, LockMode>> other_locks;  // of views and sequences
  bool writes = false;     // changes rows, or locks them
  std::string_view tag;    // the command tag up to its number
  bool has_waiting_call = false;  // pg_advisory_lock and the like in its select list
  std::shared_ptr<const RowShape> shape;
  std::vector<TypeRef> types;
};

}  // namespace orrery::sim::database
