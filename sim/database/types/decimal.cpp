#include "sim/database/types/decimal.hpp"

#include <algorithm>
#include <array>

#include "runtime/check.hpp"

namespace orrery::sim::database::limbs {
namespace {

constexpr std::array<std::uint32_t, 9> kPowers = {1,       10,        100,        1000,       10'000,
                                                  100'000, 1'000'000, 10'000'000, 100'000'000};

}  // namespace

void trim(Limbs& number) noexcept {
  while (!number.empty() && number.back() == 0) number.pop_back();
}

Limbs from_u64(std::uint64_t number) {
  Limbs limbs;
  for (; number != 0; number /= kBase) limbs.push_back(static_cast<std::uint32_t>(number % kBase));
  return limbs;
}

int compare(const Limbs& a, const Limbs& b) noexcept {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (std::size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

Limbs add(const Limbs& a, const Limbs& b) {
  const Limbs& longer = a.size() >= b.size() ? a : b;
  const Limbs& shorter = a.size() >= b.size() ? b : a;
  Limbs sum = longer;
  std::uint32_t carry = 0;
  for (std::size_t i = 0; i < sum.size() && (i < shorter.size() || carry != 0); ++i) {
    std::uint32_t limb = sum[i] + carry + (i < shorter.size() ? shorter[i] : 0);
    carry = limb >= kBase ? 1 : 0;
    if (carry != 0) limb -= kBase;
    sum[i] = limb;
  }
  if (carry != 0) sum.push_back(carry);
  return sum;
}

Limbs subtract(const Limbs& a, const Limbs& b) {
  Limbs difference = a;
  std::uint32_t borrow = 0;
  for (std::size_t i = 0; i < difference.size() && (i < b.size() || borrow != 0); ++i) {
    const std::uint32_t take = borrow + (i < b.size() ? b[i] : 0);
    borrow = difference[i] < take ? 1 : 0;
    difference[i] = difference[i] + (borrow != 0 ? kBase : 0) - take;
  }
  CHECK(borrow == 0, "a natural number became negative");
  trim(difference);
  return difference;
}

Limbs multiply(const Limbs& a, const Limbs& b) {
  if (a.empty() || b.empty()) return {};
  Limbs product(a.size() + b.size(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::uint64_t limb = std::uint64_t{a[i]} * b[j] + product[i + j] + carry;
      product[i + j] = static_cast<std::uint32_t>(limb % kBase);
      carry = limb / kBase;
    }
    product[i + b.size()] = static_cast<std::uint32_t>(carry);
  }
  trim(product);
  return product;
}

std::uint32_t divide_small(Limbs& number, std::uint32_t divisor) noexcept {
  std::uint64_t remainder = 0;
  for (std::size_t i = number.size(); i-- > 0;) {
    const std::uint64_t part = remainder * kBase + number[i];
    number[i] = static_cast<std::uint32_t>(part / divisor);
    remainder = part % divisor;
  }
  trim(number);
  return static_cast<std::uint32_t>(remainder);
}

void multiply_small(Limbs& number, std::uint32_t factor) {
  std::uint64_t carry = 0;
  for (std::uint32_t& limb : number) {
    const std::uint64_t product = std::uint64_t{limb} * factor + carry;
    limb = static_cast<std::uint32_t>(product % kBase);
    carry = product / kBase;
  }
  if (carry != 0) number.push_back(static_cast<std::uint32_t>(carry));
  trim(number);
}

void add_small(Limbs& number, std::uint32_t addend) {
  for (std::size_t i = 0; addend != 0; ++i) {
    if (i == number.size()) number.push_back(0);
    const std::uint64_t sum = std::uint64_t{number[i]} + addend;
    number[i] = static_cast<std::uint32_t>(sum % kBase);
    addend = static_cast<std::uint32_t>(sum / kBase);
  }
}

// Long division, Knuth volume 2, 4.3.1, algorithm D, in base 10^9.
Limbs divide(const Limbs& dividend, const Limbs& divisor, Limbs& remainder) {
  CHECK(!divisor.empty(), "division of natural numbers by zero");
  if (compare(dividend, divisor) < 0) {
    remainder = dividend;
    return {};
  }
  if (divisor.size() == 1) {
    Limbs quotient = dividend;
    remainder = from_u64(divide_small(quotient, divisor[0]));
    return quotient;
  }
  const std::uint32_t scale = kBase / (divisor.back() + 1);
  Limbs u = dividend;
  multiply_small(u, scale);
  u.resize(std::max(u.size(), dividend.size()) + 1, 0);
  if (u.size() < dividend.size() + 1) u.resize(dividend.size() + 1, 0);
  Limbs v = divisor;
  multiply_small(v, scale);
  const std::size_t n = v.size();
  const std::size_t m = u.size() - n - 1;
  Limbs quotient(m + 1, 0);
  for (std::size_t j = m + 1; j-- > 0;) {
    const std::uint64_t top = std::uint64_t{u[j + n]} * kBase + u[j + n - 1];
    std::uint64_t guess = top / v[n - 1];
    std::uint64_t rest = top % v[n - 1];
    while (guess >= kBase || guess * v[n - 2] > rest * kBase + u[j + n - 2]) {
      --guess;
      rest += v[n - 1];
      if (rest >= kBase) break;
    }
    std::int64_t borrow = 0;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t product = guess * v[i] + carry;
      carry = product / kBase;
      std::int64_t limb = std::int64_t{u[i + j]} - static_cast<std::int64_t>(product % kBase) - borrow;
      borrow = limb < 0 ? 1 : 0;
      if (limb < 0) limb += kBase;
      u[i + j] = static_cast<std::uint32_t>(limb);
    }
    std::int64_t limb = std::int64_t{u[j + n]} - static_cast<std::int64_t>(carry) - borrow;
    const bool too_much = limb < 0;
    if (too_much) limb += kBase;
    u[j + n] = static_cast<std::uint32_t>(limb);
    if (too_much) {
      --guess;
      std::uint32_t up = 0;
      for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t sum = u[i + j] + v[i] + up;
        up = sum >= kBase ? 1 : 0;
        if (up != 0) sum -= kBase;
        u[i + j] = sum;
      }
      u[j + n] = (u[j + n] + up) % kBase;
    }
    quotient[j] = static_cast<std::uint32_t>(guess);
  }
  trim(quotient);
  u.resize(n);
  trim(u);
  divide_small(u, scale);
  remainder = std::move(u);
  return quotient;
}

Limbs times_power_of_ten(const Limbs& number, std::int64_t exponent) {
  if (number.empty() || exponent == 0) return number;
  Limbs product(static_cast<std::size_t>(exponent / 9), 0);
  product.insert(product.end(), number.begin(), number.end());
  if (exponent % 9 != 0) multiply_small(product, kPowers[static_cast<std::size_t>(exponent % 9)]);
  return product;
}

Limbs over_power_of_ten(const Limbs& number, std::int64_t exponent) {
  const auto whole = static_cast<std::size_t>(exponent / 9);
  if (whole >= number.size()) return {};
  Limbs quotient(number.begin() + static_cast<std::ptrdiff_t>(whole), number.end());
  if (exponent % 9 != 0) divide_small(quotient, kPowers[static_cast<std::size_t>(exponent % 9)]);
  return quotient;
}

std::int64_t digits(const Limbs& number) noexcept {
  if (number.empty()) return 0;
  std::int64_t count = static_cast<std::int64_t>(number.size() - 1) * 9;
  for (std::uint32_t top = number.back(); top != 0; top /= 10) ++count;
  return count;
}

std::uint32_t digit_at(const Limbs& number, std::int64_t place) noexcept {
  const auto limb = static_cast<std::size_t>(place / 9);
  if (place < 0 || limb >= number.size()) return 0;
  return number[limb] / kPowers[static_cast<std::size_t>(place % 9)] % 10;
}

// Newton's method from above; it falls until it stands.
Limbs square_root(const Limbs& number) {
  if (number.empty()) return {};
  Limbs root = times_power_of_ten({1}, (digits(number) + 1) / 2);
  while (true) {
    Limbs remainder;
    Limbs next = add(root, divide(number, root, remainder));
    divide_small(next, 2);
    if (compare(next, root) >= 0) return root;
    root = std::move(next);
  }
}

}  // namespace orrery::sim::database::limbs
