// Ordered-set aggregates and statistics (manual, 9.21).

#include <cmath>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/float_text.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

using Direct = std::span<const Value>;

double checked_fraction(const Value& fraction) {
  const double number = fraction.real();
  if (number < 0 || number > 1 || std::isnan(number)) {
    std::string text;
    append_float8(text, number);
    raise("22003", "percentile value " + text + " is not between 0 and 1");
  }
  return number;
}

/// The values come sorted; NULLs do not count.
class Sorted : public Aggregator {
 public:
  explicit Sorted(Direct direct) {
    if (!direct.empty()) fraction_ = direct[0];
  }
  void add(Arguments a) final {
    if (!a.back().is_null()) values_.push_back(a.back());
  }

 protected:
  Value fraction_;
  std::vector<Value> values_;
};

enum class Between : std::uint8_t { numbers, intervals };
template <Between kind>
class Continuous final : public Sorted {
 public:
  using Sorted::Sorted;
  [[nodiscard]] Value result() const override {
    if (fraction_.is_null()) return {};
    const double fraction = checked_fraction(fraction_);
    if (values_.empty()) return {};
    const double place = fraction * static_cast<double>(values_.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(place));
    const auto above = static_cast<std::size_t>(std::ceil(place));
    if (below == above) return values_[below];
    const double share = place - static_cast<double>(below);
    if (kind == Between::numbers) {
      const double low = values_[below].real();
      return Value::real(low + share * (values_[above].real() - low));
    }
    const Interval low = values_[below].interval();
    const Interval difference = interval_add(values_[above].interval(), negate_interval(low));
    return Value::interval(interval_add(interval_multiply(difference, share), low));
  }
};

class Discrete final : public Sorted {
 public:
  using Sorted::Sorted;
  [[nodiscard]] Value result() const override {
    if (fraction_.is_null()) return {};
    const double fraction = checked_fraction(fraction_);
    if (values_.empty()) return {};
    const auto place = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(values_.size())));
    return values_[place == 0 ? 0 : place - 1];
  }
};

class Mode final : public Sorted {
 public:
  Mode(const CallSite& site, Direct direct) : Sorted(direct), equal_(equal_function(site.arguments.back())) {}
  [[nodiscard]] Value result() const override {
    std::size_t best = 0;
    std::size_t best_count = 0;
    for (std::size_t i = 0; i < values_.size();) {
      std::size_t end = i + 1;
      while (end < values_.size() && equal_(values_[i], values_[end])) ++end;
      if (end - i > best_count) {
        best = i;
        best_count = end - i;
      }
      i = end;
    }
    return values_.empty() ? Value() : values_[best];
  }

 private:
  EqualFunction equal_;
};

enum class Spread : std::uint8_t { variance, deviation };
/// By the Youngs-Cramer update, as float.c does it.
template <Spread spread, bool sample>
class Reals final : public Aggregator {
 public:
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    const double number = a[0].real();
    count_ += 1;
    sum_ += number;
    if (count_ > 1) {
      const double difference = number * count_ - sum_;
      squares_ += difference * difference / (count_ * (count_ - 1));
    } else if (std::isnan(number) || std::isinf(number)) {
      squares_ = std::nan("");
    }
  }
  [[nodiscard]] Value result() const override {
    if (count_ == 0 || (sample && count_ <= 1)) return {};
    const double variance = squares_ / (sample ? count_ - 1 : count_);
    return Value::real(spread == Spread::variance ? variance : std::sqrt(variance));
  }

 private:
  double count_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

template <Spread spread, bool sample>
class Numerics final : public Aggregator {
 public:
  explicit Numerics(bool integers) : integers_(integers) {}
  void add(Arguments a) override {
    if (a[0].is_null()) return;
    const Value number = integers_ ? numeric_from_integer(a[0].integer()) : a[0];
    const Value square = numeric_multiply(number, number, Range::open);
    sum_ = count_ == 0 ? number : numeric_add(sum_, number, Range::open);
    squares_ = count_ == 0 ? square : numeric_add(squares_, square, Range::open);
    ++count_;
  }
  [[nodiscard]] Value result() const override {
    if (count_ == 0 || (sample && count_ == 1)) return {};
    if (!numeric_is_finite(squares_)) return numeric_from_text("NaN");
    const Value n = numeric_from_integer(count_);
    const Value top = numeric_subtract(numeric_multiply(n, squares_, Range::open),
                                       numeric_multiply(sum_, sum_, Range::open), Range::open);
    if (numeric_sign(top) <= 0) return Value::small_numeric(0, 0);
    const Value pairs = numeric_multiply(n, numeric_from_integer(sample ? count_ - 1 : count_));
    const Value variance = numeric_divide(top, pairs, Range::open);
    return spread == Spread::variance ? numeric_in_range(variance) : numeric_sqrt(variance, numeric_scale(variance));
  }

 private:
  bool integers_;
  std::int64_t count_ = 0;
  Value sum_;
  Value squares_;
};

template <class State>
std::unique_ptr<Aggregator> make_sorted(const CallSite&, Direct direct) {
  return std::make_unique<State>(direct);
}
template <class State>
std::unique_ptr<Aggregator> make_numeric(const CallSite& site, Direct) {
  return std::make_unique<State>(!site.arguments[0].is(Type::numeric));
}
template <class State>
std::unique_ptr<Aggregator> make_real(const CallSite&, Direct) {
  return std::make_unique<State>();
}

#define SPREAD(name, spread, sample)                                                               \
  registry.aggregate(name "(int2) -> numeric", make_numeric<Numerics<Spread::spread, sample>>);    \
  registry.aggregate(name "(int4) -> numeric", make_numeric<Numerics<Spread::spread, sample>>);    \
  registry.aggregate(name "(int8) -> numeric", make_numeric<Numerics<Spread::spread, sample>>);    \
  registry.aggregate(name "(numeric) -> numeric", make_numeric<Numerics<Spread::spread, sample>>); \
  registry.aggregate(name "(float4) -> float8", make_real<Reals<Spread::spread, sample>>);         \
  registry.aggregate(name "(float8) -> float8", make_real<Reals<Spread::spread, sample>>)

}  // namespace

void register_statistics(Registry& registry) {
  registry.ordered_set_aggregate("percentile_cont(float8, float8) -> float8", 1,
                                 make_sorted<Continuous<Between::numbers>>);
  registry.ordered_set_aggregate("percentile_cont(float8, interval) -> interval", 1,
                                 make_sorted<Continuous<Between::intervals>>);
  registry.ordered_set_aggregate("percentile_disc(float8, anyelement) -> anyelement", 1, make_sorted<Discrete>);
  registry.ordered_set_aggregate("mode(anyelement) -> anyelement", 0,
                                 [](const CallSite& site, Direct direct) -> std::unique_ptr<Aggregator> {
                                   return std::make_unique<Mode>(site, direct);
                                 });
  SPREAD("variance", variance, true);
  SPREAD("var_samp", variance, true);
  SPREAD("var_pop", variance, false);
  SPREAD("stddev", deviation, true);
  SPREAD("stddev_samp", deviation, true);
  SPREAD("stddev_pop", deviation, false);
}

#undef SPREAD

}  // namespace orrery::sim::database
