#include <algorithm>
#include <array>

#include "sim/database/engine_functions.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/expression.hpp"
#include "sim/database/subquery.hpp"

namespace orrery::sim::database {

const Value kNull;

namespace {

const Value kTrue = Value::boolean(true);
const Value kFalse = Value::boolean(false);

const Value& boolean(bool truth) { return truth ? kTrue : kFalse; }

/// Whether a comparison holds; nothing: NULL.
enum class Truth : std::int8_t { no, yes, unknown };
constexpr Truth truth_of(bool holds) { return holds ? Truth::yes : Truth::no; }

Truth compare_operands(const Expr& expr, Execution& execution) {
  Value left_local;
  Value right_local;
  const Value& left = evaluate(*expr.args[0], execution, left_local);
  const Value& right = evaluate(*expr.args[1], execution, right_local);
  if (left.is_null() || right.is_null()) return Truth::unknown;
  if (expr.kind == ExprKind::compare_integers) {
    const std::int64_t a = left.integer();
    const std::int64_t b = right.integer();
    return truth_of(holds(expr.comparison, a < b ? -1 : a > b ? 1 : 0));
  }
  if (expr.kind == ExprKind::compare_bytes_equal) {
    return truth_of((left.bytes() == right.bytes()) == (expr.comparison == Comparison::equal));
  }
  return truth_of(holds(expr.comparison, expr.compare_by(left, right)));
}

Truth truth_of_value(const Value& value) { return value.is_null() ? Truth::unknown : truth_of(value.boolean()); }

/// The value of a boolean expression, without making one.
Truth judge(const Expr& expr, Execution& execution);

Truth judge_and_or(const Expr& expr, Execution& execution, Truth ends_with) {
  bool unknown = false;
  for (const ExprPtr& arg : expr.args) {
    const Truth truth = judge(*arg, execution);
    if (truth == ends_with) return ends_with;
    unknown = unknown || truth == Truth::unknown;
  }
  if (unknown) return Truth::unknown;
  return ends_with == Truth::yes ? Truth::no : Truth::yes;
}

Truth judge(const Expr& expr, Execution& execution) {
  switch (expr.kind) {
    case ExprKind::compare_integers:
    case ExprKind::compare_bytes_equal:
    case ExprKind::compare:
      return compare_operands(expr, execution);
    case ExprKind::and_:
      return judge_and_or(expr, execution, Truth::no);
    case ExprKind::or_:
      return judge_and_or(expr, execution, Truth::yes);
    default: {
      Value local;
      return truth_of_value(evaluate(expr, execution, local));
    }
  }
}

const Value& boolean_of(Truth truth) {
  return truth == Truth::unknown ? kNull : truth == Truth::yes ? kTrue : kFalse;
}

/// A call whose arguments are put into `arguments`, which are all NULL.
inline const Value& call_with(const Expr& expr, Execution& execution, Value& scratch, std::span<Value> arguments) {
  bool has_null = false;  // all arguments are computed first: one of them may fail
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    Value& argument = arguments[i];
    const Value& value = evaluate(*expr.args[i], execution, argument);
    if (&value != &argument) argument = value;
    has_null = has_null || is_given_null(*expr.args[i], argument);
  }
  if (has_null && expr.function->is_strict) return kNull;
  scratch = expr.function->call(arguments, expr.site, execution);
  return scratch;
}

const Value& evaluate_call(const Expr& expr, Execution& execution, Value& scratch) {
  const std::size_t size = expr.args.size();
  if (size == 2) {  // most are operators
    std::array<Value, 2> arguments;
    return call_with(expr, execution, scratch, arguments);
  }
  constexpr std::size_t kInPlace = 4;
  if (size <= kInPlace) {
    std::array<Value, kInPlace> arguments;
    return call_with(expr, execution, scratch, std::span(arguments).first(size));
  }
  std::vector<Value> arguments(size);
  return call_with(expr, execution, scratch, arguments);
}

const Value& evaluate_case(const Expr& expr, Execution& execution, Value& scratch) {
  Value operand;
  std::size_t i = 0;
  if (expr.truth == 1) {  // CASE x WHEN …: the operand comes first
    const Value& value = evaluate(*expr.args[0], execution, operand);
    if (&value != &operand) operand = value;
    execution.locals[expr.column] = &operand;
    i = 1;
  }
  for (; i + 1 < expr.args.size(); i += 2) {
    if (is_true(*expr.args[i], execution)) return evaluate(*expr.args[i + 1], execution, scratch);
    if (expr.truth == 1) execution.locals[expr.column] = &operand;
  }
  if (expr.args.back() == nullptr) return kNull;
  return evaluate(*expr.args.back(), execution, scratch);
}

const Value& evaluate_any_array(const Expr& expr, Execution& execution) {
  Value local;
  const Value& value = evaluate(*expr.args[0], execution, local);
  Value array_local;
  const Value& array = evaluate(*expr.args[1], execution, array_local);
  if (array.is_null()) return kNull;
  bool unknown = false;
  for (const Value& element : array.array().elements) {
    execution.locals[expr.column] = &value;
    execution.locals[expr.column + 1] = &element;
    Value result_local;
    const Value& result = evaluate(*expr.args[2], execution, result_local);
    if (result.is_null()) {
      unknown = true;
    } else if (result.boolean() != expr.negated) {
      return boolean(!expr.negated);
    }
  }
  return unknown ? kNull : boolean(expr.negated);
}

const Value& evaluate_in_list(const Expr& expr, Execution& execution) {
  Value local;
  const Value& value = evaluate(*expr.args[0], execution, local);
  // IN computes its elements all the same, and one of them may fail. Of NOT IN, whose comparisons are conditions of their own,
  // the first that is unknown decides.
  if (value.is_null() && (expr.negated || expr.args[0]->kind == ExprKind::constant)) return kNull;
  bool unknown = value.is_null();
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    Value element_local;
    const Value& element = evaluate(*expr.args[i], execution, element_local);
    if (element.is_null() || value.is_null()) {
      unknown = true;
    } else if (expr.equal_by(value, element)) {
      return boolean(!expr.negated);
    }
  }
  return unknown ? kNull : boolean(expr.negated);
}

const Value& evaluate_extreme(const Expr& expr, Execution& execution, Value& scratch, bool greatest) {
  Value best;
  for (const ExprPtr& arg : expr.args) {
    Value local;
    const Value& value = evaluate(*arg, execution, local);
    if (value.is_null()) continue;
    if (!best.is_null()) {
      const int order = expr.compare_by(value, best);
      if (greatest ? order <= 0 : order >= 0) continue;
    }
    best = value;
  }
  scratch = std::move(best);
  return scratch;
}

/// (a, b) < (x, y): args are triples of left, right and nothing; `column` locals; `site` unused. Each pair has its
/// equality (args[2i]) and, for the last step, the comparison itself (args[2i + 1]) as expressions of their own.
const Value& evaluate_row_compare(const Expr& expr, Execution& execution, Value& scratch) {
  const std::size_t pairs = expr.args.size() / 2;
  if (expr.comparison == Comparison::equal || expr.comparison == Comparison::not_equal) {
    const bool wants_equal = expr.comparison == Comparison::equal;
    bool unknown = false;
    for (std::size_t i = 0; i < pairs; ++i) {
      Value local;
      const Value& equal = evaluate(*expr.args[2 * i], execution, local);
      if (equal.is_null()) {
        unknown = true;
      } else if (!equal.boolean()) {
        return boolean(!wants_equal);
      }
    }
    return unknown ? kNull : boolean(wants_equal);
  }
  for (std::size_t i = 0; i < pairs; ++i) {
    if (i + 1 == pairs) return evaluate(*expr.args[2 * i + 1], execution, scratch);
    Value local;
    const Value& equal = evaluate(*expr.args[2 * i], execution, local);
    if (equal.is_null()) return kNull;
    if (!equal.boolean()) return evaluate(*expr.args[2 * i + 1], execution, scratch);
  }
  return kNull;
}

const Value& evaluate_array(const Expr& expr, Execution& execution, Value& scratch) {
  std::vector<Value> elements;
  elements.reserve(expr.args.size());
  if (expr.negated) {  // ARRAY[[…], […]]: the arguments are arrays of equal dimensions
    ArrayData data;
    data.element = expr.type.element();
    bool is_first = true;
    for (const ExprPtr& arg : expr.args) {
      Value local;
      const Value& value = evaluate(*arg, execution, local);
      if (value.is_null()) fail("2202E", "multidimensional arrays must have array expressions with matching dimensions");
      const ArrayData& part = value.array();
      if (is_first) {
        data.dimensions.push_back({static_cast<std::int32_t>(expr.args.size()), 1});
        data.dimensions.insert(data.dimensions.end(), part.dimensions.begin(), part.dimensions.end());
        is_first = false;
      } else if (!std::equal(part.dimensions.begin(), part.dimensions.end(), data.dimensions.begin() + 1,
                             data.dimensions.end())) {
        fail("2202E", "multidimensional arrays must have array expressions with matching dimensions");
      }
      data.elements.insert(data.elements.end(), part.elements.begin(), part.elements.end());
    }
    if (data.elements.empty()) data.dimensions.clear();
    scratch = Value::array(std::move(data));
    return scratch;
  }
  for (const ExprPtr& arg : expr.args) {
    Value local;
    elements.push_back(evaluate(*arg, execution, local));
  }
  scratch = make_array(expr.type.element(), std::move(elements));
  return scratch;
}

const Value& evaluate_row(const Expr& expr, Execution& execution, Value& scratch) {
  RecordData record;
  record.shape = expr.shape;
  if (expr.kind == ExprKind::whole_row) {
    const Value* row = execution.slots[expr.slot].row;
    if (row == nullptr) return kNull;
    record.fields.assign(row, row + expr.column);
  } else {
    for (const ExprPtr& arg : expr.args) {
      Value local;
      record.fields.push_back(evaluate(*arg, execution, local));
    }
  }
  scratch = Value::record(std::move(record));
  return scratch;
}

const Value& evaluate_subscript(const Expr& expr, Execution& execution, Value& scratch) {
  Value array_local;
  const Value& array = evaluate(*expr.args[0], execution, array_local);
  if (array.is_null()) return kNull;
  const ArrayData& data = array.array();
  const bool fits = data.dimensions.size() + 1 == expr.args.size();
  std::int64_t place = 0;
  bool is_inside = fits;
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    Value index_local;
    const Value& index = evaluate(*expr.args[i], execution, index_local);
    if (index.is_null()) return kNull;
    if (!fits) continue;
    const ArrayData::Dimension& dimension = data.dimensions[i - 1];
    const std::int64_t step = index.integer() - dimension.lower_bound;
    is_inside = is_inside && step >= 0 && step < dimension.length;
    place = place * dimension.length + step;
  }
  if (!is_inside) return kNull;
  scratch = data.elements[static_cast<std::size_t>(place)];
  return scratch;
}

const Value& evaluate_system_column(const Expr& expr, Execution& execution, Value& scratch) {
  const Slot& slot = execution.slots[expr.slot];
  if (slot.row == nullptr) return kNull;
  if (expr.system == SystemColumn::tableoid) {  // also of a row that is not stored yet, for its check constraints
    scratch = Value::integer(expr.table->id);
    return scratch;
  }
  if (slot.version == kNoVersion) return kNull;
  const Version& version = (*expr.table->heap)[slot.version];
  switch (expr.system) {
    case SystemColumn::ctid:
      scratch = Value::integer(static_cast<std::int64_t>(slot.version / 100) << 16 | (slot.version % 100 + 1));
      break;
    case SystemColumn::xmin:
      scratch = Value::integer(static_cast<std::int64_t>(version.xmin));
      break;
    case SystemColumn::xmax: {
      Xid xmax = version.xmax;
      if (xmax == 0 && version.lockers != nullptr && !version.lockers->empty()) xmax = version.lockers->front().xid;
      scratch = Value::integer(static_cast<std::int64_t>(xmax));
      break;
    }
    case SystemColumn::cmin:
      scratch = Value::integer(version.cmin);
      break;
    case SystemColumn::cmax:
      scratch = Value::integer(version.xmax == 0 ? version.cmin : version.cmax);
      break;
    case SystemColumn::tableoid:
      break;
  }
  return scratch;
}

}  // namespace

const Value& compute(const Expr& expr, Execution& execution, Value& scratch) {
  switch (expr.kind) {
    case ExprKind::constant:
    case ExprKind::parameter:
    case ExprKind::column:
    case ExprKind::local:
      CHECK(false, "evaluate knows these kinds itself");
      break;
    case ExprKind::collated:
      CHECK(false, "a definition that is read back is not run");
      break;
    case ExprKind::system_column:
      return evaluate_system_column(expr, execution, scratch);
    case ExprKind::compare_integers:
    case ExprKind::compare_bytes_equal:
    case ExprKind::compare:
    case ExprKind::and_:
    case ExprKind::or_:
      return boolean_of(judge(expr, execution));
    case ExprKind::distinct: {
      Value left_local;
      Value right_local;
      const Value& left = evaluate(*expr.args[0], execution, left_local);
      const Value& right = evaluate(*expr.args[1], execution, right_local);
      bool differs = left.is_null() != right.is_null();
      if (!differs && !left.is_null()) {
        execution.locals[expr.column] = &left;
        execution.locals[expr.column + 1] = &right;
        differs = !is_true(*expr.args[2], execution);
      }
      return boolean(differs != expr.negated);
    }
    case ExprKind::not_: {
      Value local;
      const Value& value = evaluate(*expr.args[0], execution, local);
      return value.is_null() ? kNull : boolean(!value.boolean());
    }
    case ExprKind::is_null: {
      Value local;
      const Value& value = evaluate(*expr.args[0], execution, local);
      if (expr.truth == 1 && !value.is_null()) {  // a row: all of its fields
        const auto& fields = value.record().fields;
        const bool holds_for_all = std::all_of(fields.begin(), fields.end(), [&](const Value& field) {
          return field.is_null() != expr.negated;
        });
        return boolean(holds_for_all);
      }
      return boolean(value.is_null() != expr.negated);
    }
    case ExprKind::is_boolean: {
      Value local;
      const Value& value = evaluate(*expr.args[0], execution, local);
      const int truth = value.is_null() ? -1 : value.boolean() ? 1 : 0;
      return boolean((truth == expr.truth) != expr.negated);
    }
    case ExprKind::call:
      return evaluate_call(expr, execution, scratch);
    case ExprKind::cast: {
      Value local;
      const Value& value = evaluate(*expr.args[0], execution, local);
      if (value.is_null()) return kNull;
      scratch = (*expr.cast)(value, &execution);
      return scratch;
    }
    case ExprKind::case_:
      return evaluate_case(expr, execution, scratch);
    case ExprKind::coalesce:
      for (const ExprPtr& arg : expr.args) {
        const Value& value = evaluate(*arg, execution, scratch);
        if (!value.is_null()) return value;
      }
      return kNull;
    case ExprKind::greatest:
      return evaluate_extreme(expr, execution, scratch, true);
    case ExprKind::least:
      return evaluate_extreme(expr, execution, scratch, false);
    case ExprKind::nullif: {
      Value left_local;
      Value right_local;
      const Value& left = evaluate(*expr.args[0], execution, left_local);
      const Value& right = evaluate(*expr.args[2], execution, right_local);
      if (left.is_null()) return kNull;
      if (!right.is_null()) {
        execution.locals[expr.column] = &left;
        execution.locals[expr.column + 1] = &right;
        if (is_true(*expr.args[1], execution)) return kNull;
      }
      scratch = left;
      return scratch;
    }
    case ExprKind::array:
      return evaluate_array(expr, execution, scratch);
    case ExprKind::row:
    case ExprKind::whole_row:
      return evaluate_row(expr, execution, scratch);
    case ExprKind::row_compare:
      return evaluate_row_compare(expr, execution, scratch);
    case ExprKind::any_array:
      return evaluate_any_array(expr, execution);
    case ExprKind::in_list:
      return evaluate_in_list(expr, execution);
    case ExprKind::subscript:
      return evaluate_subscript(expr, execution, scratch);
    case ExprKind::scalar_subquery:
    case ExprKind::exists:
    case ExprKind::in_subquery:
    case ExprKind::array_subquery:
      scratch = evaluate_subquery(expr, execution);
      return scratch;
    case ExprKind::engine_call:
      scratch = call_engine_function(expr, execution);
      return scratch;
  }
  return kNull;
}

bool is_true(const Expr& expr, Execution& execution) { return judge(expr, execution) == Truth::yes; }

bool same_expression(const Expr& left, const Expr& right, std::uint32_t left_slot, std::uint32_t right_slot) {
  if (left.kind != right.kind || !left.type.same(right.type) || left.args.size() != right.args.size() ||
      left.comparison != right.comparison || left.negated != right.negated || left.truth != right.truth ||
      left.function != right.function || left.query != right.query) {
    return false;
  }
  switch (left.kind) {
    case ExprKind::constant:
      if (left.constant.is_null() || right.constant.is_null()) return left.constant.is_null() == right.constant.is_null();
      if (const EqualFunction equal = equal_function(left.type)) return equal(left.constant, right.constant);
      return false;
    case ExprKind::parameter:
      if (left.column != right.column) return false;
      break;
    case ExprKind::column:
    case ExprKind::whole_row:
    case ExprKind::system_column:
      if (left.column != right.column || left.system != right.system) return false;
      if (left.slot != right.slot && !(left.slot == left_slot && right.slot == right_slot)) return false;
      break;
    case ExprKind::engine_call:
      return false;
    case ExprKind::call:
      if (left.function->volatility == Volatility::volatile_) return false;
      break;
    default:
      break;
  }
  for (std::size_t i = 0; i < left.args.size(); ++i) {
    if ((left.args[i] == nullptr) != (right.args[i] == nullptr)) return false;
    if (left.args[i] != nullptr && !same_expression(*left.args[i], *right.args[i], left_slot, right_slot)) return false;
  }
  return true;
}

}  // namespace orrery::sim::database
