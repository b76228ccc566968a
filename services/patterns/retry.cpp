#include "services/patterns/retry.hpp"

#include <algorithm>

namespace orrery::services {

Duration Backoff::ceiling(std::int64_t attempt) const noexcept {
  Duration delay = std::min(base, cap);
  for (std::int64_t i = 1; i < attempt && delay < cap; ++i) delay = delay > cap / 2 ? cap : delay * 2;
  return delay;
}

Duration Backoff::delay(std::int64_t attempt, Random& random) const noexcept {
  return random.between(Duration::zero(), ceiling(attempt));
}

RetryBudget::RetryBudget(const Clock& clock, Limits limits) noexcept
    : clock_(&clock), limits_(limits), thousandths_(limits.burst * 1000), refilled_(clock.now()) {}

void RetryBudget::earn() noexcept {
  refill();
  thousandths_ = std::min(limits_.burst * 1000, thousandths_ + limits_.percent * 10);
}

bool RetryBudget::has_one() noexcept {
  refill();
  return thousandths_ >= 1000;
}

bool RetryBudget::spend() noexcept {
  if (!has_one()) return false;
  thousandths_ -= 1000;
  return true;
}

void RetryBudget::refill() noexcept {
  // Whole milliseconds only, so that nothing is lost to rounding however often it is asked.
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now() - refilled_);
  refilled_ += passed;
  const std::int64_t useful = std::min<std::int64_t>(passed.count(), 1'000'000);
  thousandths_ = std::min(limits_.burst * 1000, thousandths_ + useful * limits_.per_second);
}

RetryPolicy RetryPolicy::read(Settings settings, RetryPolicy standard) {
  RetryPolicy policy;
  policy.backoff.base = settings.duration("base", standard.backoff.base);
  policy.backoff.cap = settings.duration("cap", standard.backoff.cap);
  policy.max_attempts = settings.integer("max_attempts", standard.max_attempts, 1);
  settings.refuse_unknown();
  return policy;
}

Task<bool> Retry::again() {
  if (attempts_ >= policy_.max_attempts) co_return false;
  const Duration delay = policy_.backoff.delay(attempts_, context_->random);
  if (deadline_ - context_->clock.now() <= delay) co_return false;
  if (budget_ != nullptr && !budget_->spend()) co_return false;
  ++attempts_;
  co_await context_->clock.sleep(delay);
  co_return true;
}

bool is_transient(const DatabaseError& error) noexcept {
  // 53xxx: the server lacks connections, space or memory; 25006: it is read-only, as a standby before its promotion is.
  return error.is_transient_conflict() || error.is_connection_loss() || error.sqlstate().starts_with("53") ||
         error.sqlstate() == "25006" || error.sqlstate() == "57014";
}

}  // namespace orrery::services
