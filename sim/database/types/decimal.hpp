#pragma once

#include <cstdint>
#include <vector>

namespace orrery::sim::database::limbs {

// Natural numbers in base 10^9, lowest limb first, without zeros at the top (zero has no limbs).
using Limbs = std::vector<std::uint32_t>;
inline constexpr std::uint32_t kBase = 1'000'000'000;

void trim(Limbs& number) noexcept;
[[nodiscard]] Limbs from_u64(std::uint64_t number);
[[nodiscard]] int compare(const Limbs& a, const Limbs& b) noexcept;
[[nodiscard]] Limbs add(const Limbs& a, const Limbs& b);
/// a - b; a must not be smaller.
[[nodiscard]] Limbs subtract(const Limbs& a, const Limbs& b);
[[nodiscard]] Limbs multiply(const Limbs& a, const Limbs& b);
/// Returns the remainder.
std::uint32_t divide_small(Limbs& number, std::uint32_t divisor) noexcept;
void multiply_small(Limbs& number, std::uint32_t factor);
void add_small(Limbs& number, std::uint32_t addend);
/// Quotient, and `remainder`. The divisor is not zero.
[[nodiscard]] Limbs divide(const Limbs& dividend, const Limbs& divisor, Limbs& remainder);
[[nodiscard]] Limbs times_power_of_ten(const Limbs& number, std::int64_t exponent);
/// Truncated quotient by 10^exponent.
[[nodiscard]] Limbs over_power_of_ten(const Limbs& number, std::int64_t exponent);
/// Decimal digits; 0 of zero.
[[nodiscard]] std::int64_t digits(const Limbs& number) noexcept;
/// The decimal digit that stands for 10^place.
[[nodiscard]] std::uint32_t digit_at(const Limbs& number, std::int64_t place) noexcept;
[[nodiscard]] Limbs square_root(const Limbs& number);

}  // namespace orrery::sim::database::limbs
