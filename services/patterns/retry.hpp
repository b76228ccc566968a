#pragma once

#include <cstdint>

#include "runtime/context.hpp"
#include "services/patterns/settings.hpp"

namespace orrery::services {

/// Exponential backoff with full jitter: uniform in [0, min(cap, base · 2^(attempt−1))], so that clients that failed
/// together do not come back together (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
struct Backoff {
  Duration base = 100ms;
  Duration cap = 5s;

  /// The longest delay after this attempt, counted from 1.
  [[nodiscard]] Duration ceiling(std::int64_t attempt) const noexcept;
  [[nodiscard]] Duration delay(std::int64_t attempt, Random& random) const noexcept;
};

/// Keeps retries a bounded part of the traffic, so that they cannot multiply an outage: each first attempt earns a
/// fraction of a retry, a trickle is earned by time so that a quiet service can still retry, and each retry costs one
/// (Finagle's RetryBudget; Google SRE Book, ch. 22, "Addressing Cascading Failures").
class RetryBudget {
 public:
  struct Limits {
    std::int64_t percent = 20;     // retries for each hundred first attempts
    std::int64_t per_second = 10;  // in any case
    std::int64_t burst = 50;       // saved up at most
  };
  RetryBudget(const Clock& clock, Limits limits) noexcept;

  /// A first attempt was made.
  void earn() noexcept;
  /// True if at least one retry may be made now.
  [[nodiscard]] bool has_one() noexcept;
  /// Takes one retry if there is one.
  [[nodiscard]] bool spend() noexcept;

 private:
  void refill() noexcept;

  const Clock* clock_;
  Limits limits_;
  std::int64_t thousandths_;
  Instant refilled_;
};

struct RetryPolicy {
  Backoff backoff;
  std::int64_t max_attempts = 4;

  [[nodiscard]] static RetryPolicy read(Settings settings, RetryPolicy standard);
};

/// Counts and spaces the attempts of one call that is safe to repeat:
///
///   Retry retry(context, policy, budget, deadline);
///   while (true) {
///     try { co_return co_await attempt(); } catch (const DatabaseError& error) { if (!is_worth_a_retry(error)) throw;
///     } if (!co_await retry.again()) co_return unavailable();
///   }
///
/// It keeps nothing: a crash forgets the attempts. What must survive one (an outbox row, a job) counts in its row.
class Retry {
 public:
  /// `budget` may be null. No attempt is begun at `deadline` or later.
  Retry(Context& context, const RetryPolicy& policy, RetryBudget* budget, Instant deadline) noexcept
      : context_(&context), policy_(policy), budget_(budget), deadline_(deadline) {
    if (budget_ != nullptr) budget_->earn();
  }

  /// Waits as the policy says. False, at once: no attempt is left, the budget is spent, or the deadline comes first.
  [[nodiscard]] Task<bool> again();
  /// Attempts begun so far.
  [[nodiscard]] std::int64_t attempts() const noexcept { return attempts_; }

 private:
  Context* context_;
  RetryPolicy policy_;
  RetryBudget* budget_;
  Instant deadline_;
  std::int64_t attempts_ = 1;
};

/// True for errors that go away by themselves and left nothing behind, if they came before COMMIT was sent: a
/// serialization failure or deadlock, a lost or refused connection, a server that lacks connections, space or memory (53xxx),
/// or is read-only (25006), a cancelled statement (57014).
[[nodiscard]] bool is_transient(const DatabaseError& error) noexcept;

}  // namespace orrery::services
