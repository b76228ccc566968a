#pragma once

#include "runtime/clock.hpp"

namespace orrery::services {

/// How long a claim on a row is surely still ours, on the steady clock of this host.
///
/// The database alone decides who holds a row (`claimed_until` against its own `now()`, and the fencing token). This is
/// the holder's own, more cautious view: it counts from before the claim was sent, so that it ends first however long
/// the claim took and however wrong the host's system clock is. A pause between the question and the act can still
/// outlive the lease: that is what the fencing token is for (Kleppmann, "How to do distributed locking", 2016).
class Lease {
 public:
  /// Taken before the claim is sent.
  Lease(const Clock& clock, Duration length) noexcept : clock_(&clock), ends_(clock.now() + length) {}

  /// True if work that takes at most this long ends within the lease.
  [[nodiscard]] bool covers(Duration work) const noexcept { return clock_->now() + work <= ends_; }

 private:
  const Clock* clock_;
  Instant ends_;
};

}  // namespace orrery::services
