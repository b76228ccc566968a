#include "sim/database/subquery.hpp"

#include <algorithm>

#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

Value scalar(const Expr& expr, Execution& execution) {
  Value result;
  std::uint32_t rows = 0;
  auto sink = [&](Value* row) {
    if (++rows > 1) fail("21000", "more than one row returned by a subquery used as an expression");
    result = std::move(row[0]);
    return true;
  };
  run_query(*expr.query, execution, sink);
  return result;
}

/// Compares a row of the subquery with the values on the left, by the expressions over locals.
/// 1: true, 0: false, -1: unknown.
int compare_row(const Expr& expr, Execution& execution, const std::vector<Value>& left, const Value* row) {
  bool unknown = false;
  const std::size_t width = left.size();
  for (std::size_t i = 0; i < width; ++i) {
    execution.locals[expr.column] = &left[i];
    execution.locals[expr.column + 1] = &row[i];
    Value local;
    const Value& result = evaluate(*expr.args[width + i], execution, local);
    if (result.is_null()) {
      unknown = true;
    } else if (!result.boolean()) {
      return 0;
    }
  }
  return unknown ? -1 : 1;
}

Value in_subquery(const Expr& expr, Execution& execution) {
  const std::size_t width = expr.args.size() / 2;
  std::vector<Value> left(width);
  for (std::size_t i = 0; i < width; ++i) {
    Value local;
    left[i] = evaluate(*expr.args[i], execution, local);
  }
  // ANY is true as soon as one comparison is; ALL (negated) is false as soon as one is false.
  bool unknown = false;
  bool decided = false;
  auto judge = [&](Value* row) {
    const int result = compare_row(expr, execution, left, row);
    if (result < 0) unknown = true;
    if (result == (expr.negated ? 0 : 1)) decided = true;
    return !decided;
  };
  if (expr.query->is_correlated) {
    run_query(*expr.query, execution, judge);
  } else {
    SubqueryCache& cache = cached_rows(expr, execution);
    if (width == 1 && expr.equal_by != nullptr && !expr.negated && cache.rows.rows > 8) {
      if (left[0].is_null()) return {};
      const HashFunction hash = hash_function(expr.args[0]->type);
      if (cache.by_hash.empty()) {
        for (std::size_t i = 0; i < cache.rows.rows; ++i) {
          const Value& value = cache.rows.row(i)[0];
          if (value.is_null()) {
            cache.has_null = true;
          } else {
            cache.by_hash.emplace_back(hash(value), static_cast<std::uint32_t>(i));
          }
        }
        std::sort(cache.by_hash.begin(), cache.by_hash.end());
      }
      const std::uint64_t wanted = hash(left[0]);
      auto found = std::lower_bound(cache.by_hash.begin(), cache.by_hash.end(), std::pair{wanted, std::uint32_t{0}});
      for (; found != cache.by_hash.end() && found->first == wanted; ++found) {
        if (expr.equal_by(left[0], cache.rows.row(found->second)[0])) return Value::boolean(true);
      }
      return cache.has_null ? Value() : Value::boolean(false);
    }
    for (std::size_t i = 0; i < cache.rows.rows && !decided; ++i) {
      const int result = compare_row(expr, execution, left, cache.rows.row(i));
      if (result < 0) unknown = true;
      if (result == (expr.negated ? 0 : 1)) decided = true;
    }
  }
  if (decided) return Value::boolean(!expr.negated);
  return unknown ? Value() : Value::boolean(expr.negated);
}

bool exists(const Expr& expr, Execution& execution) {
  bool found = false;
  auto sink = [&](Value*) {
    found = true;
    return false;
  };
  run_query(*expr.query, execution, sink);
  return found;
}

}  // namespace

SubqueryCache& cached_rows(const Expr& expr, Execution& execution) {
  SubqueryCache& cache = execution.caches[expr.cache];
  if (!cache.is_filled) {
    fill_store(*expr.query, execution, cache.rows);
    cache.is_filled = true;
  }
  return cache;
}

Value evaluate_subquery(const Expr& expr, Execution& execution) {
  const bool is_cached = !expr.query->is_correlated && expr.kind != ExprKind::in_subquery;
  if (is_cached && execution.caches[expr.cache].is_filled) return execution.caches[expr.cache].rows.cells[0];
  Value result;
  switch (expr.kind) {
    case ExprKind::scalar_subquery:
      result = scalar(expr, execution);
      break;
    case ExprKind::exists:
      result = Value::boolean(exists(expr, execution));
      break;
    case ExprKind::array_subquery: {
      std::vector<Value> elements;
      auto sink = [&](Value* row) {
        elements.push_back(std::move(row[0]));
        return true;
      };
      run_query(*expr.query, execution, sink);
      result = make_array(expr.type.element(), std::move(elements));
      break;
    }
    default:
      return in_subquery(expr, execution);
  }
  if (is_cached) {
    SubqueryCache& cache = execution.caches[expr.cache];
    cache.rows.cells.assign(1, result);
    cache.is_filled = true;
  }
  return result;
}

}  // namespace orrery::sim::database
