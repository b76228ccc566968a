#include "services/patterns/saga_runner.hpp"

#include <chrono>
#include <utility>

namespace orrery::services {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

SagaSettings SagaSettings::read(Settings settings) {
  SagaSettings saga;
  saga.workers = settings.integer("workers", saga.workers, 1, 100);
  saga.poll = settings.duration("poll", saga.poll);
  saga.margin = settings.duration("margin", saga.margin);
  saga.lease = settings.duration("lease", saga.lease, saga.margin);
  saga.backoff.base = settings.duration("backoff_base", saga.backoff.base);
  saga.backoff.cap = settings.duration("backoff_cap", saga.backoff.cap);
  settings.refuse_unknown();
  return saga;
}

SagaRunner::SagaRunner(Context& context, Database& db, SagaDeclaration saga, SagaSettings settings, const Twin& twin)
    : context_(context), saga_(std::move(saga)), settings_(settings), twin_(twin), store_(db, saga_, twin) {}

void SagaRunner::start() {
  for (std::int64_t i = 1; i <= settings_.workers; ++i) context_.spawn("saga-worker-" + std::to_string(i), work());
}

Task<void> SagaRunner::work() {
  std::int64_t failures = 0;
  while (!context_.stopping()) {
    bool worked = false;
    try {
      if (!declared_) co_await store_.declare();
      declared_ = true;
      worked = co_await advance_one();
      failures = 0;
    } catch (const DatabaseError& error) {
      ++failures;
      context_.telemetry.count("saga_worker_errors_total");
      context_.telemetry.log(Level::warning, "saga not advanced", Json{{"error", error.what()}});
      if (twin_.is("database-blip-ends-worker")) co_return;  // twin: database-blip-ends-worker
    }
    if (failures > 0) {
      co_await context_.clock.sleep(settings_.poll + settings_.backoff.delay(failures, context_.random));
    } else if (!worked) {
      co_await context_.clock.sleep(context_.random.between(settings_.poll * 3 / 4, settings_.poll * 5 / 4));
    }
  }
}

Task<bool> SagaRunner::advance_one() {
  SagaRecord saga;
  Lease lease(context_.clock, settings_.lease);
  const bool claimed = co_await store_.claim(context_.host, seconds(settings_.lease), saga);
  if (!claimed) co_return false;
  co_await store_.load(saga);
  bool goes_on = true;
  while (goes_on && lease.covers(settings_.margin) && !context_.stopping()) {
    lease = Lease(context_.clock, settings_.lease);
    const SagaMove next = decide(saga);
    switch (next.kind) {
      case SagaMove::Kind::attempt:
        goes_on = co_await attempt(saga, next.step);
        break;
      case SagaMove::Kind::undo:
        goes_on = co_await undo(saga, next.step);
        break;
      case SagaMove::Kind::succeed:
        goes_on = co_await store_.conclude(saga, next.step, StepState::done, "", seconds(settings_.lease));
        break;
      case SagaMove::Kind::give_up: {
        const std::string why(to_string(next.as));
        goes_on = co_await store_.conclude(saga, next.step, next.as, why, seconds(settings_.lease));
        break;
      }
      case SagaMove::Kind::end: {
        const bool ended = co_await store_.end(saga, next.ended);
        if (ended) context_.telemetry.count("sagas_" + std::string(to_string(next.ended)) + "_total");
        goes_on = false;
        break;
      }
    }
  }
  co_return true;
}

SagaMove SagaRunner::decide(const SagaRecord& saga) const {
  SagaMove next = next_move(saga_, saga.state, saga.steps);
  // twin: turns-round-behind-the-pivot. Enough is enough, also where nothing can be undone any more.
  if (twin_.is("turns-round-behind-the-pivot") && next.kind == SagaMove::Kind::attempt && next.step > saga_.pivot() &&
      saga.steps[next.step].attempts >= 1) {
    next.kind = SagaMove::Kind::give_up;
  }
  if (next.kind != SagaMove::Kind::undo) return next;
  const auto begun = [&saga](std::size_t step) {
    return saga.steps[step].state != StepState::pending && saga.steps[step].state != StepState::compensated;
  };
  if (twin_.is("compensates-in-order-of-doing")) {  // twin: compensates-in-order-of-doing
    next.step = 0;
    while (!begun(next.step) || saga_.steps()[next.step].compensation == nullptr) ++next.step;
  }
  // twin: only-finished-steps-are-undone. What did not succeed has left nothing behind, has it?
  const StepState state = saga.steps[next.step].state;
  if (twin_.is("only-finished-steps-are-undone") && (state == StepState::refused || state == StepState::timed_out)) {
    if (next.step == 0) {
      next.kind = SagaMove::Kind::end;
      next.ended = SagaState::compensated;
    } else {
      --next.step;
    }
  }
  return next;
}

Task<bool> SagaRunner::attempt(SagaRecord& saga, std::size_t step) {
  const SagaStep& declared = saga_.steps()[step];
  const bool begun = co_await store_.begin_attempt(saga, step, seconds(settings_.lease));
  if (!begun) co_return false;
  StepOutcome outcome = co_await call(saga, step, true);
  // twin: step-failure-swallowed. What was asked for is as good as done.
  if (twin_.is("step-failure-swallowed")) outcome.result = StepResult::done;
  const bool only_forward = step > saga_.pivot();
  switch (outcome.result) {
    case StepResult::done: {
      const bool written = co_await store_.conclude(saga, step, StepState::done, "", seconds(settings_.lease));
      co_return written;
    }
    case StepResult::refused:
      if (!only_forward) {
        const bool written =
            co_await store_.conclude(saga, step, StepState::refused, outcome.detail, seconds(settings_.lease));
        co_return written;
      }
      break;
    case StepResult::requested:
      co_await store_.put_back(saga, step, StepState::awaiting, seconds(declared.resend_after), "", false);
      co_return false;
    case StepResult::failed:
      break;
  }
  context_.telemetry.count("saga_step_failures_total");
  const std::int64_t attempts = saga.steps[step].attempts;
  const bool escalate = only_forward && attempts >= declared.max_attempts;
  const Duration delay = declared.backoff.delay(attempts, context_.random);
  co_await store_.put_back(saga, step, StepState::running, seconds(delay), outcome.detail, escalate);
  co_return false;
}

Task<bool> SagaRunner::undo(SagaRecord& saga, std::size_t step) {
  const SagaStep& declared = saga_.steps()[step];
  // twin: compensation-cancelled-with-its-scope. The step's time has run out, and that of its compensation with it.
  const bool cancelled = twin_.is("compensation-cancelled-with-its-scope") && saga.steps[step].late;
  if (!cancelled) {
    const bool begun = co_await store_.begin_undo(saga, step, seconds(settings_.lease));
    if (!begun) co_return false;
    const StepOutcome outcome = co_await call(saga, step, false);
    if (outcome.result != StepResult::done) {
      context_.telemetry.count("saga_compensation_failures_total");
      const std::int64_t attempts = saga.steps[step].undo_attempts;
      const bool escalate = attempts >= declared.max_attempts;
      if (escalate) {
        context_.telemetry.log(Level::error, "compensation is stuck",
                               Json{{"saga_id", saga.id}, {"step", declared.name}, {"error", outcome.detail}});
      }
      const Duration delay = declared.backoff.delay(attempts, context_.random);
      co_await store_.put_back(saga, step, StepState::compensating, seconds(delay), outcome.detail, escalate);
      co_return false;
    }
  }
  const bool written = co_await store_.conclude_undo(saga, step, seconds(settings_.lease));
  co_return written;
}

Task<StepOutcome> SagaRunner::call(const SagaRecord& saga, std::size_t step, bool forward) {
  const SagaStep& declared = saga_.steps()[step];
  SagaCall call;
  call.saga_id = saga.id;
  call.business_key = saga.business_key;
  call.step = declared.name;
  call.attempt = forward ? saga.steps[step].attempts : saga.steps[step].undo_attempts;
  call.input = saga.input;
  const SagaAction& action = forward ? declared.action : declared.compensation;
  Task<StepOutcome> task = action(std::move(call));
  StepOutcome outcome = co_await std::move(task);
  co_return outcome;
}

}  // namespace orrery::services
