#pragma once

#include <string>

#include "runtime/context.hpp"
#include "services/patterns/lease.hpp"
#include "services/patterns/saga_store.hpp"

namespace orrery::services {

struct SagaSettings {
  std::int64_t workers = 2;  // sagas in work at once on a replica
  Duration poll = 1s;        // between looks that found nothing due
  Duration lease = 20s;      // of a claim, on the database's clock; each write renews it
  Duration margin = 8s;      // a call is not begun when less of the lease is left: for the call and the write after it
  Backoff backoff{200ms, 5s};  // of a worker while the database is away

  [[nodiscard]] static SagaSettings read(Settings settings);
};

/// Carries sagas out until each is completed or compensated, on every replica at once.
///
/// A worker claims a due saga, with a lease and a fencing token, and does what `next_move` says until the saga ends, has to
/// wait, or its lease does not cover another call. What it is about to do is committed before it does it, and what came of
/// it after: a crash or a pause anywhere leaves a saga that another worker takes over when the lease ends, and that does the
/// same step again, which its participants take for one. A worker that was thought dead cannot write; what it still asks of
/// participants they have done already, or refuse, because a compensation left its fence there.
class SagaRunner {
 public:
  SagaRunner(Context& context, Database& db, SagaDeclaration saga, SagaSettings settings, const Twin& twin);

  /// Stores the declaration and starts the workers, until the service is asked to stop.
  void start();
  [[nodiscard]] SagaStore& store() noexcept { return store_; }
  [[nodiscard]] const SagaDeclaration& saga() const noexcept { return saga_; }

 private:
  Task<void> work();
  /// Claims one saga and brings it as far as it goes. False: none is due. Throws DatabaseError.
  Task<bool> advance_one();
  /// False: the saga has ended, waits, or was lost.
  Task<bool> attempt(SagaRecord& saga, std::size_t step);
  Task<bool> undo(SagaRecord& saga, std::size_t step);
  [[nodiscard]] SagaMove decide(const SagaRecord& saga) const;
  Task<StepOutcome> call(const SagaRecord& saga, std::size_t step, bool forward);

  Context& context_;
  SagaDeclaration saga_;
  SagaSettings settings_;
  Twin twin_;
  SagaStore store_;
  bool declared_ = false;
};

}  // namespace orrery::services
