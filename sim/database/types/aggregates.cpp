// Aggregate functions (manual, 9.21), but for those that make JSON and the statistical ones.

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

using Direct = std::span<const Value>;

template <class State>
std::unique_ptr<Aggregator> make(const CallSite&, Direct) {
  return std::make_unique<State>();
}
template <class State>
std::unique_ptr<Aggregator> make_for_site(const CallSite& site, Direct) {
  return std::make_unique<State>(site);
}

class CountRows final : public Aggregator {
 public:
  void add(Arguments) override { ++count_; }
  [[nodiscard]] Value result() const override { return Value::integer(count_); }

 private:
  std::int64_t count_ = 0;
};

class CountValues final : public Aggregator {
 public:
  void add(Arguments a) override { count_ += a[0].is_null() ? 0 : 1; }
  [[nodiscard]] Value result() const override { return Value::integer(count_); }

 private:
  std::int64_t count_ = 0;
};

/// Sums of integers: of smallint and integer a bigint, of bigint a numeric; averages a numeric.
enum class IntegerResult : std::uint8_t { sum_as_bigint, sum_as_numeric, average };
template <IntegerResult kind>
class Integers final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    sum_ += a[0].integer();
    ++count_;
  }
  [[nodiscard]] Value result() const override {
    if (count_ == 0) return {};
    switch (kind) {
      case IntegerResult::sum_as_bigint:
        if (sum_ > INT64_MAX || sum_ < INT64_MIN) raise("22003", "bigint out of range");
        return Value::integer(static_cast<std::int64_t>(sum_));
      case IntegerResult::sum_as_numeric:
        return numeric_from_int128(sum_);
      case IntegerResult::average:
        return numeric_divide(numeric_from_int128(sum_), numeric_from_integer(count_));
    }
    return {};
  }

 private:
  Int128 sum_ = 0;
  std::int64_t count_ = 0;
};

template <bool average>
class Numerics final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    sum_ = count_++ == 0 ? a[0] : numeric_add(sum_, a[0], Range::open);
  }
  [[nodiscard]] Value result() const override {
    if (count_ == 0) return {};
    const Value sum = numeric_in_range(sum_);
    return average ? numeric_divide(sum, numeric_from_integer(count_)) : sum;
  }

 private:
  Value sum_;
  std::int64_t count_ = 0;
};

template <bool average, bool single>
class Reals final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    const double before = sum_;
    const double number = a[0].real();
    sum_ = single ? static_cast<double>(static_cast<float>(sum_ + number)) : sum_ + number;
    if (sum_ - sum_ != 0 && before - before == 0 && number - number == 0)
      raise("22003", "value out of range: overflow");
    ++count_;
  }
  [[nodiscard]] Value result() const override {
    if (count_ == 0) return {};
    return Value::real(average ? sum_ / static_cast<double>(count_) : sum_);
  }

 private:
  double sum_ = average ? 0.0 : -0.0;  // a sum begins with its first number, and -0 leaves each as it is
  std::int64_t count_ = 0;
};

template <bool average>
class Intervals final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    sum_ = interval_add(sum_, a[0].interval());
    ++count_;
  }
  [[nodiscard]] Value result() const override {
    if (count_ == 0) return {};
    return Value::interval(average ? interval_divide(sum_, static_cast<double>(count_)) : sum_);
  }

 private:
  Interval sum_;
  std::int64_t count_ = 0;
};

template <bool smallest>
class Extreme final : public Aggregator {
 public:
  explicit Extreme(const CallSite& site) : compare_(compare_function(site.arguments[0])) {}
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    if (best_.is_null() || (smallest ? compare_(a[0], best_) < 0 : compare_(a[0], best_) > 0)) best_ = a[0];
  }
  [[nodiscard]] Value result() const override { return best_; }

 private:
  CompareFunction compare_;
  Value best_;
};

template <bool all>
class Booleans final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    const bool truth = a[0].boolean();
    result_ = seen_ ? (all ? result_ && truth : result_ || truth) : truth;
    seen_ = true;
  }
  [[nodiscard]] Value result() const override { return seen_ ? Value::boolean(result_) : Value(); }

 private:
  bool result_ = false;
  bool seen_ = false;
};

enum class BitOperation : std::uint8_t { and_, or_, xor_ };
template <BitOperation operation>
class Bits final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    const std::int64_t bits = a[0].integer();
    if (!seen_) {
      bits_ = bits;
    } else if (operation == BitOperation::and_) {
      bits_ &= bits;
    } else if (operation == BitOperation::or_) {
      bits_ |= bits;
    } else {
      bits_ ^= bits;
    }
    seen_ = true;
  }
  [[nodiscard]] Value result() const override { return seen_ ? Value::integer(bits_) : Value(); }

 private:
  std::int64_t bits_ = 0;
  bool seen_ = false;
};

/// Keeps NULLs, as array_agg does.
class ArrayOfValues final : public Aggregator {
 public:
  explicit ArrayOfValues(const CallSite& site) : element_(site.arguments[0]) {}
  void add(Arguments a) override { values_.push_back(a[0]); }
  [[nodiscard]] Value result() const override { return values_.empty() ? Value() : make_array(element_, values_); }

 private:
  TypeRef element_;
  std::vector<Value> values_;
};

/// array_agg of arrays: one dimension more.
class ArrayOfArrays final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) raise("22004", "cannot accumulate null arrays");
    const ArrayData& array = a[0].array();
    if (array.dimensions.empty()) raise("2202E", "cannot accumulate empty arrays");
    if (count_ == 0) {
      result_.element = array.element;
      result_.dimensions = array.dimensions;
      result_.dimensions.insert(result_.dimensions.begin(), {0, 1});
    } else if (result_.dimensions.size() != array.dimensions.size() + 1) {
      raise("2202E", "cannot accumulate arrays of different dimensionality");
    }
    for (std::size_t i = 0; i < array.dimensions.size(); ++i) {
      if (result_.dimensions[i + 1] != array.dimensions[i]) {
        raise("2202E", "cannot accumulate arrays of different dimensionality");
      }
    }
    result_.dimensions[0].length = static_cast<std::int32_t>(++count_);
    result_.elements.insert(result_.elements.end(), array.elements.begin(), array.elements.end());
  }
  [[nodiscard]] Value result() const override { return count_ == 0 ? Value() : Value::array(result_); }

 private:
  ArrayData result_;
  std::int64_t count_ = 0;
};

/// The separator stands before each value but the first; NULL values are left out, a NULL separator is empty.
class Joined final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    if (seen_ && !a[1].is_null()) text_ += a[1].bytes();
    text_ += a[0].bytes();
    seen_ = true;
  }
  [[nodiscard]] Value result() const override { return seen_ ? Value::bytes(text_) : Value(); }

 private:
  std::string text_;
  bool seen_ = false;
};

}  // namespace

void register_aggregates(Registry& registry) {
  registry.aggregate("count() -> int8", make<CountRows>);
  registry.aggregate("count(any) -> int8", make<CountValues>);
  registry.aggregate("sum(int2) -> int8", make<Integers<IntegerResult::sum_as_bigint>>);
  registry.aggregate("sum(int4) -> int8", make<Integers<IntegerResult::sum_as_bigint>>);
  registry.aggregate("sum(int8) -> numeric", make<Integers<IntegerResult::sum_as_numeric>>);
  registry.aggregate("sum(numeric) -> numeric", make<Numerics<false>>);
  registry.aggregate("sum(float4) -> float4", make<Reals<false, true>>);
  registry.aggregate("sum(float8) -> float8", make<Reals<false, false>>);
  registry.aggregate("sum(interval) -> interval", make<Intervals<false>>);
  registry.aggregate("avg(int2) -> numeric", make<Integers<IntegerResult::average>>);
  registry.aggregate("avg(int4) -> numeric", make<Integers<IntegerResult::average>>);
  registry.aggregate("avg(int8) -> numeric", make<Integers<IntegerResult::average>>);
  registry.aggregate("avg(numeric) -> numeric", make<Numerics<true>>);
  registry.aggregate("avg(float4) -> float8", make<Reals<true, false>>);
  registry.aggregate("avg(float8) -> float8", make<Reals<true, false>>);
  registry.aggregate("avg(interval) -> interval", make<Intervals<true>>);
#define EXTREMES(type)                                                        \
  registry.aggregate("min(" type ") -> " type, make_for_site<Extreme<true>>); \
  registry.aggregate("max(" type ") -> " type, make_for_site<Extreme<false>>)
  EXTREMES("int2");
  EXTREMES("int4");
  EXTREMES("int8");
  EXTREMES("oid");
  EXTREMES("numeric");
  EXTREMES("float4");
  EXTREMES("float8");
  EXTREMES("text");
  EXTREMES("bpchar");
  EXTREMES("date");
  EXTREMES("time");
  EXTREMES("timestamp");
  EXTREMES("timestamptz");
  EXTREMES("interval");
  EXTREMES("xid8");
  EXTREMES("tid");
  EXTREMES("anyenum");
  EXTREMES("anyarray");
#undef EXTREMES
  registry.aggregate("bool_and(bool) -> bool", make<Booleans<true>>);
  registry.aggregate("every(bool) -> bool", make<Booleans<true>>);
  registry.aggregate("bool_or(bool) -> bool", make<Booleans<false>>);
#define BITS(type)                                                                  \
  registry.aggregate("bit_and(" type ") -> " type, make<Bits<BitOperation::and_>>); \
  registry.aggregate("bit_or(" type ") -> " type, make<Bits<BitOperation::or_>>);   \
  registry.aggregate("bit_xor(" type ") -> " type, make<Bits<BitOperation::xor_>>)
  BITS("int2");
  BITS("int4");
  BITS("int8");
#undef BITS
  registry.aggregate("array_agg(anynonarray) -> anyarray", make_for_site<ArrayOfValues>);
  registry.aggregate("array_agg(anyarray) -> anyarray", make<ArrayOfArrays>);
  registry.aggregate("string_agg(text, text) -> text", make<Joined>);
  registry.aggregate("string_agg(bytea, bytea) -> bytea", make<Joined>);
}

}  // namespace orrery::sim::database
