// Set-returning functions: generate_series, unnest, string_to_table (manual, 9.25).

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

/// A series is made as a whole before its first row is read: what does not fit is refused, not begun.
void check_size(const std::vector<Value>& cells, std::size_t rows_before) {
  constexpr std::size_t kMost = 20'000'000;
  if (cells.size() - rows_before > kMost) raise_unsupported("a series of more than " + std::to_string(kMost) + " values");
}

void integer_series(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  const std::int64_t last = a[1].integer();
  const std::int64_t step = a.size() == 3 ? a[2].integer() : 1;
  if (step == 0) raise("22023", "step size cannot equal zero");
  std::int64_t current = a[0].integer();
  const std::size_t before = cells.size();
  while (step > 0 ? current <= last : current >= last) {
    cells.push_back(Value::integer(current));
    check_size(cells, before);
    if (__builtin_add_overflow(current, step, &current)) break;
  }
}

void refuse_special(const Value& value, const char* what) {
  if (numeric_is_nan(value)) raise("22023", std::string(what) + " cannot be NaN");
  if (Decimal::from_value(value).kind != Decimal::Kind::finite) raise("22023", std::string(what) + " cannot be infinity");
}

void numeric_series(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  refuse_special(a[0], "start value");
  refuse_special(a[1], "stop value");
  if (a.size() == 3) refuse_special(a[2], "step size");
  const std::size_t before = cells.size();
  const Value step = a.size() == 3 ? a[2] : Value::small_numeric(1, 0);
  const int direction = numeric_sign(step);
  if (direction == 0) raise("22023", "step size cannot equal zero");
  for (Value current = a[0]; compare_numerics(current, a[1]) * direction <= 0; current = numeric_add(current, step)) {
    cells.push_back(current);
    check_size(cells, before);
  }
}

void timestamp_series(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  const std::int64_t last = a[1].integer();
  const Interval step = a[2].interval();
  const int direction = compare_intervals(step, Interval{});
  if (direction == 0) raise("22023", "step size cannot equal zero");
  std::int64_t current = a[0].integer();
  if (is_infinite(current) || is_infinite(last)) raise_unsupported("a series to infinity");
  while (direction > 0 ? current <= last : current >= last) {
    cells.push_back(Value::integer(current));
    current = timestamp_plus(current, step);
  }
}

/// One column for each array; the shorter ones go on with NULL. NULL stands for an empty array.
void unnest(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  std::size_t rows = 0;
  for (const Value& array : a) {
    if (!array.is_null()) rows = std::max(rows, array.array().elements.size());
  }
  for (std::size_t row = 0; row < rows; ++row) {
    for (const Value& array : a) {
      const bool there = !array.is_null() && row < array.array().elements.size();
      cells.push_back(there ? array.array().elements[row] : Value());
    }
  }
}

void subscripts(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  const ArrayData& array = a[0].array();
  const std::int64_t number = a[1].integer();
  if (number < 1 || number > static_cast<std::int64_t>(array.dimensions.size())) return;
  const ArrayData::Dimension& d = array.dimensions[static_cast<std::size_t>(number - 1)];
  for (std::int32_t i = 0; i < d.length; ++i) cells.push_back(Value::integer(std::int64_t{d.lower_bound} + i));
}

void string_to_table(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  std::string_view rest = a[0].bytes();
  if (rest.empty()) return;
  const std::string_view separator = a[1].bytes();
  while (true) {
    const std::size_t found = separator.empty() ? std::string_view::npos : rest.find(separator);
    cells.push_back(Value::bytes(rest.substr(0, found)));
    if (found == std::string_view::npos) break;
    rest.remove_prefix(found + separator.size());
  }
}

}  // namespace

void register_series(Registry& registry) {
  registry.set_function("generate_series(int4, int4) -> setof int4", integer_series);
  registry.set_function("generate_series(int4, int4, int4) -> setof int4", integer_series);
  registry.set_function("generate_series(int8, int8) -> setof int8", integer_series);
  registry.set_function("generate_series(int8, int8, int8) -> setof int8", integer_series);
  registry.set_function("generate_series(numeric, numeric) -> setof numeric", numeric_series);
  registry.set_function("generate_series(numeric, numeric, numeric) -> setof numeric", numeric_series);
  registry.set_function("generate_series(timestamp, timestamp, interval) -> setof timestamp", timestamp_series);
  registry.set_function("generate_series(timestamptz, timestamptz, interval) -> setof timestamptz", timestamp_series,
                        kStable);
  registry.set_function("unnest(anyarray) -> setof anyelement", unnest);
  registry.set_function("generate_subscripts(anyarray, int4) -> setof int4", subscripts);
  registry.set_function("string_to_table(text, text) -> setof text", string_to_table);
}

}  // namespace orrery::sim::database
