#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/database/transactions.hpp"
#include "sim/database/types/functions.hpp"
#include "sim/database/types/type.hpp"
#include "sim/database/types/value.hpp"

namespace orrery::sim::database {

class Execution;
class Table;
struct QueryPlan;
struct Sequence;

enum class ExprKind : std::uint8_t {
  constant,
  parameter,       // `column`: its index from 0
  column,          // of the row in `slot`
  system_column,   // `system` of the row in `slot` of `table`
  local,           // bound by the surrounding expression: `column`
  whole_row,       // of `slot` as a record; `column`: number of fields
  compare,         // args[0] `comparison` args[1], by `compare_by`; NULL if either is
  compare_integers,
  compare_bytes_equal,
  distinct,        // IS DISTINCT FROM; `negated`: IS NOT DISTINCT FROM
  and_,
  or_,
  not_,
  is_null,         // `negated`: IS NOT NULL
  is_boolean,      // IS [NOT] TRUE, FALSE, UNKNOWN: `truth` (1, 0, -1), `negated`
  call,
  cast,
  case_,           // args: condition, result, …, else; with an operand the conditions compare local `column` to it
  coalesce,
  greatest,
  least,
  nullif,          // args: value, comparison over locals `column` and `column` + 1, other value
  array,
  row,
  row_compare,     // args: pairs of `=` and `<` tests, see analyzer_operators.cpp
  any_array,       // args: value, array, comparison over locals; `negated`: ALL
  in_list,         // args: value, then the list, all of one type: by `equal_by`; `negated`: NOT IN
  subscript,
  scalar_subquery,
  exists,
  in_subquery,     // args: values, then comparisons over locals; `negated`: NOT IN as op ALL
  array_subquery,
  engine_call,     // functions that need the engine: `engine_function`
  collated,        // COLLATE `name`, only of a definition that is read back
};

enum class Comparison : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };
enum class SystemColumn : std::uint8_t { ctid, xmin, cmin, xmax, cmax, tableoid };

enum class EngineFunction : std::uint8_t {
  nextval,
  currval,
  lastval,
  setval,
  pg_notify,
  notification_queue_usage,
  advisory_lock,
  advisory_unlock,
  advisory_unlock_all,
  current_schema,
  current_user,
  current_database,
  pg_backend_pid,
  set_config,
  pg_sleep,
  blocking_pids,       // pg_blocking_pids
  is_in_recovery,      // pg_is_in_recovery
  is_session_blocked,  // pg_isolation_test_session_is_blocked
};

/// In `Expr::truth` of a NULL that stands for an argument which the call left out: a strict function is called all the same.
inline constexpr std::int8_t kLeftOut = 2;

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct Expr {
  ExprKind kind = ExprKind::constant;
  Comparison comparison = Comparison::equal;
  SystemColumn system = SystemColumn::ctid;
  EngineFunction engine_function = EngineFunction::nextval;
  bool negated = false;
  std::int8_t truth = 0;
  std::uint32_t slot = 0;
  std::uint32_t column = 0;
  std::vector<ExprPtr> args;
  CompareFunction compare_by = nullptr;
  EqualFunction equal_by = nullptr;
  const Function* function = nullptr;
  Value constant;
  CallSite site;
  std::optional<Cast> cast;
  const Table* table = nullptr;
  std::shared_ptr<const QueryPlan> query;  // of subqueries
  std::uint32_t cache = 0;                 // where an uncorrelated subquery keeps its result
  std::uint32_t flags = 0;                 // of engine functions
  std::shared_ptr<const RecordShape> shape;

  TypeRef type;
  std::int32_t position = 0;
  std::string name;  // of a column, for messages
};

/// The same expression, where `left_slot` in one stands for `right_slot` in the other. Volatile ones never are.
[[nodiscard]] bool same_expression(const Expr& left, const Expr& right, std::uint32_t left_slot = 0,
                                   std::uint32_t right_slot = 0);

/// Calls `visit(const Expr&)` for the expression and all within it (not for what is inside of subqueries).
template <class Visit>
void for_each_expression(const Expr& expr, const Visit& visit) {
  visit(expr);
  for (const ExprPtr& arg : expr.args) {
    if (arg != nullptr) for_each_expression(*arg, visit);
  }
}

/// True of a NULL that keeps a strict function from being called.
[[nodiscard]] inline bool is_given_null(const Expr& argument, const Value& value) noexcept {
  return value.is_null() && argument.truth != kLeftOut;
}

[[nodiscard]] constexpr bool holds(Comparison comparison, int order) noexcept {
  switch (comparison) {
    case Comparison::equal:
      return order == 0;
    case Comparison::not_equal:
      return order != 0;
    case Comparison::less:
      return order < 0;
    case Comparison::less_equal:
      return order <= 0;
    case Comparison::greater:
      return order > 0;
    case Comparison::greater_equal:
      return order >= 0;
  }
  return false;
}

}  // namespace orrery::sim::database
