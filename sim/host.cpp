#include "sim/host.hpp"

#include "sim/kernel.hpp"

namespace orrery::sim {

Host::Host(Kernel& kernel, std::uint32_t id, std::string host_name, Boot boot)
    : kernel_(kernel), id(id), entity(entity_of(host_name)), name(std::move(host_name)), boot_(std::move(boot)) {}

Host::~Host() = default;

SimFiber& Host::spawn(std::string_view fiber_name, Task<void> task, std::uint64_t identity) {
  CHECK(alive_, "a task was started on a host that is down");
  CHECK(static_cast<bool>(task), "an empty task was started");
  const std::uint64_t ordinal = ++spawned_;
  if (identity == 0) {
    SimFiber* parent = kernel_.current_fiber();
    identity = parent != nullptr && &parent->host == this ? mix(parent->identity, entity_of(fiber_name) + parent->calls++)
                                                          : mix(entity ^ incarnation_, entity_of(fiber_name) + ordinal);
  }
  // The fiber itself is the world's: it must not count as a frame that the host has left behind.
  const std::uint64_t wake_key =
      decision_key(kernel_.seed(), static_cast<std::uint64_t>(Site::wake_order), identity);
  auto* fiber = new SimFiber(*this, kernel_.intern(fiber_name), identity, wake_key, kernel_, std::move(task));
  fiber->next = fibers_;
  if (fibers_ != nullptr) fibers_->previous = fiber;
  fibers_ = fiber;
  kernel_.recorder().tick(EventKind::fiber_started, entity, fiber->identity);
  if (kernel_.recorder().full()) kernel_.recorder().describe(EventKind::fiber_started, name, fiber->name(), {}, 0, {});
  fiber->start.adopt(fiber->task.handle(), fiber);
  kernel_.schedule(fiber->start, kernel_.now());
  return *fiber;
}

TraceContext Host::new_span(const TraceContext& parent, std::uint64_t identity, std::uint64_t which) const noexcept {
  TraceContext span = parent;
  if (!parent.valid()) {
    span.trace_high = kernel_.draw(Site::trace_id, identity, 4 * which);
    span.trace_low = kernel_.draw(Site::trace_id, identity, 4 * which + 1) | 1;
  }
  span.span = kernel_.draw(Site::trace_id, identity, 4 * which + 2) | 1;
  return span;
}

Instant Host::now() const noexcept { return kernel_.now(); }

std::chrono::microseconds Host::clock_offset() const noexcept {
  const auto elapsed_us = (kernel_.now() - drift_since_).count() / 1000;
  return clock_offset_ + std::chrono::microseconds(elapsed_us * drift_ppm_ / 1'000'000);
}

SystemTime Host::system_now() const noexcept { return kernel_.true_time() + clock_offset(); }

void Host::set_clock(std::chrono::microseconds offset, std::int64_t ppm) noexcept {
  clock_offset_ = offset;
  drift_ppm_ = ppm;
  drift_since_ = kernel_.now();
}

Executor& Host::executor() noexcept { return kernel_; }

std::uint64_t Host::next() noexcept {
  SimFiber* fiber = kernel_.current_fiber();
  if (fiber != nullptr && &fiber->host == this) {
    return kernel_.draw(Site::host_random, fiber->identity, ++fiber->draws);
  }
  return kernel_.draw(Site::host_random, entity ^ incarnation_, ++draws_);
}

}  // namespace orrery::sim
