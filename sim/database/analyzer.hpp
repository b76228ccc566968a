#pragma once

#include <pg_query/pg_query.pb-c.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/catalog.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/plan.hpp"

namespace orrery::sim::database {

using Node = PgQuery__Node;
/// A list of nodes as protobuf-c gives it.
using Nodes = std::span<Node* const>;

struct SystemRelation;

/// What names mean: the catalog as one transaction sees it, through its search_path.
struct Naming {
  Catalog* catalog = nullptr;
  std::vector<std::string> search_path;
  std::uint32_t slot = 0;

  /// Null: there is none. `schema` empty: the first match in the search path.
  [[nodiscard]] CatalogEntry* find_relation(std::string_view schema, std::string_view name) const;
  /// Throws 42P01.
  [[nodiscard]] CatalogEntry& relation(const PgQuery__RangeVar& range) const;
  /// Throws 42P01, or 42809 if it is not a table.
  [[nodiscard]] Table& table(const PgQuery__RangeVar& range) const;
  /// The same of INSERT, UPDATE, DELETE and MERGE, which tell other kinds of relations in other words.
  [[nodiscard]] Table& changed_table(const PgQuery__RangeVar& range) const;
  /// The same of a statement that is no query: an unknown schema is missed before the table is (3F000).
  [[nodiscard]] Table& named_table(const PgQuery__RangeVar& range) const;
  /// Throws 42704 `type "x" does not exist`.
  [[nodiscard]] TypeRef type(const PgQuery__TypeName& name) const;
  [[nodiscard]] std::string schema_of(const PgQuery__RangeVar& range) const;
  /// The sequence named by text, as nextval('x') takes it. Throws 42P01.
  [[nodiscard]] Sequence& sequence(std::string_view text) const;
  /// Null: there is none of that name.
  [[nodiscard]] Sequence* find_sequence(std::string_view text) const;
};

/// A statement names a table that another transaction is changing: its lock is to be waited for, and then the names mean what
/// they mean afterwards.
struct TableBusy {
  Lock* lock;
  LockMode mode;
};

/// A name in a FROM clause, with its columns.
struct RangeEntry {
  std::string name;
  std::string schema;  // empty when there is an alias
  std::vector<std::string> columns;
  std::vector<TypeRef> types;
  std::uint32_t slot = 0;
  Table* table = nullptr;
  bool only_qualified = false;      // excluded, and the target of RETURNING's other table: no part in `*`
  std::vector<bool> merged;         // joined with USING: a part of the left side's column
  bool is_hidden = false;           // under an alias of the join
  bool is_subquery = false;         // or a view
  std::int32_t tableoid = -1;       // of a system catalog: which column of its rows, behind those that have names
};

/// A SELECT of relations, a select list and WHERE, as it is read back.
struct SelectParts {
  std::vector<RangeEntry> entries;  // of FROM, one for each of its items
  std::vector<ExprPtr> outputs;
  ExprPtr condition;  // null: there is no WHERE
};

/// One column that USING or NATURAL made of two.
struct MergedColumn {
  std::string name;
  ExprPtr value;
  SlotSet slots = 0;  // of the join that made it
};

struct CteEntry {
  std::string name;
  std::vector<std::string> columns;
  std::vector<TypeRef> types;
  std::uint32_t store = 0;
  std::shared_ptr<const QueryPlan> query;  // null: a step fills the store
};

enum class Clause : std::uint8_t {
  select,
  from_function,
  where,
  join_on,
  group_by,
  having,
  order_by,
  limit,
  values,
  returning,
  set,
  check,
  index,
  index_predicate,
  default_,
  aggregate,
  window,             // arguments of a window function
  window_definition,  // what stands in its OVER
  conflict_where,
  merge_when,
  execute,
  generation,
};

/// One query of a statement while it is analysed.
struct Level {
  Level* outer = nullptr;
  std::vector<RangeEntry> entries;
  std::vector<MergedColumn> merged;
  std::vector<CteEntry> ctes;
  QueryPlan* plan = nullptr;  // null in UPDATE, DELETE and constraints
  Clause clause = Clause::select;
  SlotSet outer_slots = 0;
  bool sees_entries = true;  // false while a FROM item that is not LATERAL is analysed
  std::vector<std::pair<std::string, const PgQuery__WindowDef*>> named_windows;
};

/// Turns parse trees into plans: names and types are resolved, functions chosen, constants folded, access paths picked.
/// Looks at every field of the tree: what is not implemented is refused (0A000), never ignored.
class Analyzer {
 public:
  explicit Analyzer(const Naming& naming) : naming_(naming) {}

  /// Lets a table that another transaction is changing end the analysis by TableBusy; otherwise it is taken as it stands.
  Analyzer& minds_changes() noexcept {
    minds_changes_ = true;
    return *this;
  }
  /// Computes nothing in advance and leaves no cast out, so that an expression can be written out as it was meant.
  Analyzer& keeps_form() noexcept {
    keeps_form_ = true;
    return *this;
  }
  /// Leaves what is constant to the execution, as PREPARE does, which only analyses: it need not fail for what cannot be computed.
  Analyzer& leaves_constants() noexcept {
    leaves_constants_ = true;
    return *this;
  }
  /// Lets queries that sort all they find read the heap (EngineOptions::lies_like_small_tables).
  Analyzer& sorts_small_tables(bool sorts) noexcept {
    sorts_small_tables_ = sorts;
    return *this;
  }
  /// What an output of SELECT is called without AS, "?column?" if nothing gives it a name (FigureColname).
  [[nodiscard]] std::string output_name(const Node* node) const;
  /// A SELECT, INSERT, UPDATE, DELETE or MERGE. Throws SqlError.
  /// `declared`: types of the first parameters; unknown ones are inferred.
  [[nodiscard]] std::unique_ptr<StatementPlan> statement(const Node& node, std::span<const TypeRef> declared = {});

  /// A condition over the row in slot 0 (CHECK, a partial index's WHERE).
  [[nodiscard]] ExprPtr row_condition(Table& table, const Node& node, Clause clause);
  /// A value over the row in slot 0 (the key of an expression index).
  [[nodiscard]] ExprPtr row_expression(Table& table, const Node& node);
  /// What a generated column is computed from the row in slot 0. Throws 42P17 unless it is immutable, 42804.
  [[nodiscard]] ExprPtr generation_expression(Table& table, const Node& node, const Column& column);
  /// DEFAULT of a column: no row at all.
  [[nodiscard]] ExprPtr default_expression(const Node& node, TypeRef type, std::string_view column);
  /// The arguments of EXECUTE as a query of one row. Throws 42804.
  [[nodiscard]] std::unique_ptr<StatementPlan> execute_arguments(const PgQuery__ExecuteStmt& stmt, std::span<const TypeRef> types);
  /// The SELECT of a view. Throws 0A000 if it has more than a select list, FROM of relations and WHERE.
  [[nodiscard]] SelectParts parts_of(const PgQuery__SelectStmt& stmt, const View& view);
  /// A constant for a utility statement.
  [[nodiscard]] ExprPtr constant_expression(const Node& node);

  [[nodiscard]] static bool is_query(const Node& node) noexcept;
  /// INTO of SELECT INTO, which stands in the leftmost SELECT of a set operation. Null: there is none.
  [[nodiscard]] static const PgQuery__IntoClause* into_of(const PgQuery__SelectStmt& select) noexcept;

 private:
  friend class Planner;

  const View* view_ = nullptr;  // whose text is being analysed
  bool keeps_form_ = false;
  bool leaves_constants_ = false;

  // analyzer.cpp
  void limit_locals() const;
  std::uint32_t new_slot();
  std::uint32_t new_locals(std::uint32_t count);
  void use_table(Table& table, LockMode mode);
  /// The same of a view or a sequence.
  void use_other(const std::shared_ptr<Lock>& lock, LockMode mode);
  void throw_if_busy(Lock& lock, LockMode mode) const;
  void finish_parameters();
  void add_ctes(const PgQuery__WithClause* with, Level& level);
  void add_cte(const PgQuery__CommonTableExpr& cte, bool recursive, Level& level);
  bool add_recursive_cte(const PgQuery__CommonTableExpr& cte, Level& level, CteEntry& entry);
  [[nodiscard]] const CteEntry* find_cte(std::string_view name, const Level& level) const;
  std::uint32_t add_step_for_locking(std::shared_ptr<QueryPlan> query);
  /// Locks of a subquery may have to be waited for: it is run before the statement, and the result is read where it stands.
  [[nodiscard]] std::shared_ptr<QueryPlan> run_first(std::shared_ptr<QueryPlan> query);

  // analyzer_from.cpp
  std::unique_ptr<FromNode> from_item(const Node& node, Level& level);
  std::unique_ptr<FromNode> from_table(const PgQuery__RangeVar& range, Level& level);
  std::unique_ptr<FromNode> from_subquery(const PgQuery__RangeSubselect& range, Level& level);
  std::unique_ptr<FromNode> from_function(const PgQuery__RangeFunction& range, Level& level);
  std::unique_ptr<FromNode> from_join(const PgQuery__JoinExpr& join, Level& level);
  std::unique_ptr<FromNode> from_system(const SystemRelation& relation, const PgQuery__RangeVar& range, Level& level);
  std::unique_ptr<FromNode> from_view(const View& view, const PgQuery__RangeVar& range, Level& level);
  /// Reads a query's rows, which are computed once in a statement. The entry learns its slot.
  std::unique_ptr<FromNode> from_stored(std::shared_ptr<const QueryPlan> query, RangeEntry& entry);
  void apply_alias(RangeEntry& entry, const PgQuery__Alias* alias, const char* fallback, std::int32_t location);
  void add_entry(Level& level, RangeEntry entry, std::int32_t location);

  // analyzer_select.cpp
  std::shared_ptr<QueryPlan> select(const PgQuery__SelectStmt& stmt, Level* outer, std::span<const TypeRef> targets = {});
  std::shared_ptr<QueryPlan> simple_select(const PgQuery__SelectStmt& stmt, Level& level, std::span<const TypeRef> targets);
  std::shared_ptr<QueryPlan> values_select(const PgQuery__SelectStmt& stmt, Level& level, std::span<const TypeRef> targets);
  std::shared_ptr<QueryPlan> set_operation(const PgQuery__SelectStmt& stmt, Level& level, std::span<const TypeRef> targets);
  void refuse_unknown_select_parts(const PgQuery__SelectStmt& stmt);
  void target_list(Nodes targets, Level& level, std::vector<ExprPtr>& outputs, std::vector<std::string>& names);
  void expand_star(const PgQuery__ColumnRef& ref, Level& level, std::vector<ExprPtr>& outputs, std::vector<std::string>& names);
  void group_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan);
  void sort_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan);
  void distinct_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan);
  void limit_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan);
  void locking_clause(const PgQuery__SelectStmt& stmt, Level& level, QueryPlan& plan);
  void check_grouping(const QueryPlan& plan, const Level& level);
  void check_grouped(const Expr& expr, const QueryPlan& plan, const Level& level, bool inside_subquery);
  std::uint32_t output_for_key(const Node& node, Level& level, QueryPlan& plan, std::string_view construct);
  SortKey sort_key(const PgQuery__SortBy& by, std::uint32_t output, const Expr& expr);
  void set_types(QueryPlan& plan);
  [[nodiscard]] int name_strength(const Node* node) const;

  // analyzer_modify.cpp
  std::unique_ptr<ModifyPlan> insert(const PgQuery__InsertStmt& stmt, Level& level);
  std::unique_ptr<ModifyPlan> update(const PgQuery__UpdateStmt& stmt, Level& level);
  std::unique_ptr<ModifyPlan> remove(const PgQuery__DeleteStmt& stmt, Level& level);
  void on_conflict(const PgQuery__OnConflictClause& clause, Level& level, ModifyPlan& plan);
  void infer_arbiters(const PgQuery__InferClause& infer, ModifyPlan& plan);
  void assignments(Nodes targets, Level& level, ModifyPlan& plan);
  void returning(Nodes targets, Level& level, ModifyPlan& plan);
  const Node& node_of_value(const PgQuery__ResTarget& target);
  ExprPtr default_value(const Table& table, std::uint32_t column);
  ExprPtr default_of(const Table& table, std::uint32_t column);
  ExprPtr coerce_for_column(ExprPtr value, const Column& column, std::int32_t position);
  /// What reads the rows that UPDATE, DELETE or MERGE is about.
  static std::unique_ptr<FromNode> target_node(const ModifyPlan& plan);
  RangeEntry target_entry(Table& table, const PgQuery__RangeVar& range, std::uint32_t slot);

  /// The columns that INSERT names, all of them if it names none. Throws 42703, 42701.
  std::vector<std::uint32_t> insert_targets(Nodes columns, const Table& table);
  static void check_insert_count(Nodes columns, std::size_t targets, std::size_t given, std::int32_t position);

  // analyzer_merge.cpp
  std::unique_ptr<ModifyPlan> merge(const PgQuery__MergeStmt& stmt);
  MergeAction merge_action(const PgQuery__MergeWhenClause& clause, const ModifyPlan& plan, Level& level);
  void merge_insert(const PgQuery__MergeWhenClause& clause, Level& level, ModifyPlan& insert);
  Table& merge_target(const PgQuery__RangeVar& range);

  // analyzer_expressions.cpp
  ExprPtr expression(const Node& node, Level& level);
  ExprPtr expression_or_null(const Node* node, Level& level);
  ExprPtr condition(const Node& node, Level& level, std::string_view construct);
  ExprPtr constant(const PgQuery__AConst& constant);
  ExprPtr column_reference(const PgQuery__ColumnRef& ref, Level& level);
  ExprPtr find_column(std::string_view name, std::int32_t location, Level& level);
  ExprPtr find_qualified(std::string_view schema, std::string_view relation, std::string_view name, std::int32_t location,
                         Level& level);
  ExprPtr column_of(const RangeEntry& entry, std::uint32_t column, std::int32_t location);
  ExprPtr system_column_of(const RangeEntry& entry, std::string_view name, std::int32_t location);
  ExprPtr whole_row_of(const RangeEntry& entry, std::int32_t location);
  void note_outer(Level& from, const Level& owner, std::uint32_t slot);
  ExprPtr parameter(const PgQuery__ParamRef& ref);
  ExprPtr type_cast(const PgQuery__TypeCast& cast, Level& level);
  ExprPtr boolean_expression(const PgQuery__BoolExpr& expr, Level& level);
  ExprPtr case_expression(const PgQuery__CaseExpr& expr, Level& level);
  ExprPtr sublink(const PgQuery__SubLink& link, Level& level);
  ExprPtr null_test(const PgQuery__NullTest& test, Level& level);
  ExprPtr boolean_test(const PgQuery__BooleanTest& test, Level& level);
  ExprPtr sql_value_function(const PgQuery__SQLValueFunction& function);
  ExprPtr array_expression(const PgQuery__AArrayExpr& array, Level& level, TypeRef element);
  ExprPtr row_expression(const PgQuery__RowExpr& row, Level& level);
  ExprPtr indirection(const PgQuery__AIndirection& node, Level& level);
  ExprPtr common(std::vector<ExprPtr> args, ExprKind kind, std::string_view construct, std::int32_t position);

  // analyzer_operators.cpp
  ExprPtr operator_expression(const PgQuery__AExpr& expr, Level& level);
  ExprPtr make_operator(std::string_view name, ExprPtr left, ExprPtr right, std::int32_t position);
  ExprPtr make_row_comparison(std::string_view name, const PgQuery__RowExpr& left, const PgQuery__RowExpr& right, Level& level,
                              std::int32_t position);
  ExprPtr in_list(const PgQuery__AExpr& expr, Level& level);
  ExprPtr any_array(const PgQuery__AExpr& expr, Level& level);
  ExprPtr in_subquery(const PgQuery__SubLink& link, Level& level);
  ExprPtr make_and(std::vector<ExprPtr> args);
  ExprPtr make_not(ExprPtr arg);
  ExprPtr local(std::uint32_t place, TypeRef type);
  ExprPtr coerce(ExprPtr expr, TypeRef target, CastContext context);
  /// Null if there is no such cast.
  ExprPtr try_coerce(ExprPtr expr, TypeRef target, CastContext context);
  /// To the common type of a construct's parts: "CASE/WHEN could not convert type …" (42846) if there is no cast.
  ExprPtr coerce_to_common(ExprPtr expr, TypeRef target, std::string_view construct);
  ExprPtr coerce_to_boolean(ExprPtr expr, std::string_view construct);
  ExprPtr fold(ExprPtr expr);
  void set_parameter_type(const Expr& parameter, TypeRef type);
  [[nodiscard]] bool is_open_parameter(const Expr& expr) const;
  /// Text for a parameter or literal whose type nothing decided.
  ExprPtr resolve_unknown(ExprPtr expr);

  // analyzer_functions.cpp
  ExprPtr function_call(const PgQuery__FuncCall& call, Level& level);
  ExprPtr resolved_call(const ResolvedCall& call, std::vector<ExprPtr> args, std::int32_t position);
  ExprPtr aggregate_call(const PgQuery__FuncCall& call, const ResolvedCall& resolved, std::vector<ExprPtr> args,
                         std::vector<ExprPtr> order, Level& level);
  ExprPtr window_call(const PgQuery__FuncCall& call, Level& level);
  ExprPtr engine_call(const struct EngineFunctionEntry& entry, const PgQuery__FuncCall& call, Level& level);
  void window_definition(const PgQuery__WindowDef& window, Level& level, WindowCall& result);
  std::vector<ExprPtr> coerce_arguments(const ResolvedCall& call, std::vector<ExprPtr> args);
  void refuse_aggregate(const Level& level, std::string_view what, std::int32_t position) const;

  const Naming& naming_;
  std::unique_ptr<StatementPlan> plan_ = std::make_unique<StatementPlan>();
  std::vector<std::shared_ptr<Expr>> parameter_uses_;
  std::uint32_t depth_ = 0;
  bool minds_changes_ = false;
  bool sorts_small_tables_ = false;
  bool keeps_unknown_ = false;  // of the next SELECT: one side of a set operation
  bool has_effect_call_ = false;  // nextval and others that must not be run twice
  bool has_lock_call_ = false;    // of advisory locks
  std::vector<std::uint32_t> read_stores_;  // of WITH, that are named somewhere…
  bool reads_with_late_ = false;  // …and that where it is evaluated when something has been written or locked already
  bool is_late_ = false;          // what is analysed just now is such a place
};

/// Slots that an expression reads, those of subqueries' outer references too.
[[nodiscard]] SlotSet slots_of(const Expr& expr);
/// A value is given to a column by INSERT. `overrides`: OVERRIDING … VALUE. Throws 428C9.
void refuse_value_of(const Column& column, bool overrides);
/// The parts of an AND.
void split_conjunction(const ExprPtr& condition, std::vector<ExprPtr>& parts);
/// Slots whose rows an outer join may replace by NULLs. `not_null`: slots of which a condition above wants a value, which
/// makes the outer join an inner one.
[[nodiscard]] SlotSet nullable_slots(const FromNode& node, SlotSet not_null);
/// True if `condition` follows from the conjuncts, as far as PostgreSQL's simple rules see it.
[[nodiscard]] bool is_implied(const Expr& condition, const std::vector<ExprPtr>& conjuncts, std::uint32_t condition_slot,
                              std::uint32_t conjunct_slot);

/// What the planner knows of the order that the query wants.
struct WantedOrder {
  std::vector<std::pair<ExprPtr, SortKey>> keys;
  bool has_limit = false;
};
/// Joins the FROM items, puts each condition where its slots are known first, and picks indexes. Conditions without any
/// slot of `level_slots` are left in `conditions`. Returns true in `is_ordered` if the rows come in the wanted order.
[[nodiscard]] std::unique_ptr<FromNode> plan_from(std::vector<std::unique_ptr<FromNode>> items,
                                                  std::vector<ExprPtr>& conditions, const WantedOrder& order,
                                                  bool& is_ordered);

}  // namespace orrery::sim::database
