#include "sim/kernel.hpp"

#include <algorithm>
#include <utility>

namespace orrery::sim {
namespace {

/// So many events at one instant mean that a task goes round without ever letting time pass.
constexpr std::uint64_t kStandingStill = 1'000'000;

constexpr std::uint32_t kHeld = EventQueue::kHeld;

class Action final : public WorldEvent {
 public:
  explicit Action(std::function<void()> action) : action_(std::move(action)) {}
  ~Action() = default;
  void discard() override { delete this; }
  void fire() override {
    const std::unique_ptr<Action> self(this);
    action_();
  }

 private:
  std::function<void()> action_;
};

}  // namespace

Kernel::Kernel(std::uint64_t seed, bool full_recording) : seed_(mix(seed, 0x0BADC0FFEE0DDF00ULL)), recorder_(full_recording) {
  watched.store(this, std::memory_order_relaxed);
}

void Kernel::clear() {
  crash_observers_.clear();
  for (Host& host : hosts_) host.alive_ = false;
  for (Host& host : hosts_) {
    while (host.fibers_ != nullptr) destroy(*host.fibers_);
    host.machine_.reset();
  }
}

Kernel::~Kernel() {
  const Watched* self = this;
  watched.compare_exchange_strong(self, nullptr, std::memory_order_relaxed);
  clear();
  while (!queue_.empty()) {
    const QueueEntry entry = queue_.pop();
    // Waiters that are still queued belong to whoever holds their coroutine.
    if (!entry.is_waiter) static_cast<WorldEvent*>(entry.scheduled)->discard();
  }
}

Host& Kernel::add_host(std::string name, Host::Boot boot) {
  CHECK(find_host(name) == nullptr, "two hosts have the same name");
  return hosts_.emplace_back(*this, static_cast<std::uint32_t>(hosts_.size()), std::move(name), std::move(boot));
}

Host* Kernel::find_host(std::string_view name) noexcept {
  const auto found = std::ranges::find_if(hosts_, [&](const Host& host) { return host.name == name; });
  return found == hosts_.end() ? nullptr : &*found;
}

void Kernel::start(Host& host) {
  CHECK(!host.alive_, "a host that runs was started");
  host.alive_ = true;
  host.paused_ = false;
  ++host.incarnation_;
  recorder_.fact(EventKind::host_started, host.name, {}, {}, host.incarnation_);
  SimFiber* before = std::exchange(current_, nullptr);
  FrameAccount* account = frame_pool::charge(host.frames_.get());
  if (host.boot_) host.machine_ = host.boot_(host);
  frame_pool::charge(account);
  current_ = before;
}

void Kernel::crash(Host& host, std::string_view why) {
  if (!host.alive_) return;
  if (current_ != nullptr && &current_->host == &host) {
    // Its frames are on the stack: they are destroyed when the task has suspended.
    if (std::ranges::none_of(dying_, [&](const Crash& crash) { return crash.host == &host; })) {
      dying_.push_back({&host, std::string(why)});
    }
    return;
  }
  bury(host, why);
}

void Kernel::bury(Host& host, std::string_view why) {
  if (!host.alive_) return;
  recorder_.fact(EventKind::host_crashed, host.name, {}, {}, host.incarnation_, why);
  host.alive_ = false;  // from here on, destructors of the host's objects have no effect on the world
  host.paused_ = false;
  SimFiber* before = std::exchange(current_, nullptr);
  while (host.fibers_ != nullptr) destroy(*host.fibers_);
  host.machine_.reset();
  host.held_.clear();
  current_ = before;
  if (host.frames_->live() != 0) {
    const std::string what = "the host crashed, but " + std::to_string(host.frames_->live()) +
                             " of its tasks live on: a service keeps a Task outside of its own objects";
    host.frames_ = FrameAccount::open();
    recorder_.fact(EventKind::service_failed, host.name, "leak", {}, 0, what);
  }
  for (const auto& observer : crash_observers_) observer(host);
}

void Kernel::pause(Host& host) {
  if (!host.alive_ || host.paused_) return;
  host.paused_ = true;
  recorder_.fact(EventKind::host_paused, host.name, {});
}

void Kernel::resume(Host& host) {
  if (!host.alive_ || !host.paused_) return;
  host.paused_ = false;
  recorder_.fact(EventKind::host_resumed, host.name, {});
  const std::vector<Scheduled*> held = std::exchange(host.held_, {});
  for (const auto& observer : resume_observers_) observer(host);
  for (Scheduled* scheduled : held) {
    if (scheduled == nullptr) continue;
    scheduled->at = now_;
    queue_.push(*scheduled, true, now_);
  }
}

SystemTime Kernel::true_time() const noexcept {
  constexpr SystemTime kBegin = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1};
  return kBegin + std::chrono::floor<std::chrono::microseconds>(now_.time_since_epoch());
}

void Kernel::schedule(Waiter& waiter, Instant at) {
  Scheduled& entry = waiter.scheduled();
  if (entry.queue_index != Scheduled::kNotQueued) cancel(waiter);
  entry.at = std::max(at, now_);
  entry.cause = recorder_.cause();
  auto* fiber = static_cast<SimFiber*>(entry.fiber);
  // Without a fiber the waiter belongs to a test that runs tasks by hand.
  entry.order = fiber != nullptr ? decide_keyed(fiber->wake_key, ++fiber->wakes)
                                 : draw(Site::wake_order, 0, ++posted_actions_);
  queue_.push(entry, true, now_);
}

void Kernel::cancel(Waiter& waiter) noexcept {
  Scheduled& entry = waiter.scheduled();
  if (entry.queue_index == Scheduled::kNotQueued) return;
  if ((entry.queue_index & kHeld) != 0) {
    static_cast<SimFiber*>(entry.fiber)->host.held_[entry.queue_index & ~kHeld] = nullptr;
    entry.queue_index = Scheduled::kNotQueued;
    return;
  }
  queue_.remove(entry);
}

void Kernel::post(WorldEvent& event, Instant at, std::uint64_t order) {
  CHECK(event.queue_index == Scheduled::kNotQueued, "an event is posted twice");
  event.at = std::max(at, now_);
  event.cause = recorder_.cause();
  event.order = order;
  queue_.push(event, false, now_);
}

void Kernel::withdraw(WorldEvent& event) noexcept {
  if (event.queue_index != Scheduled::kNotQueued) queue_.remove(event);
}

void Kernel::at(Instant at, std::function<void()> action) {
  auto* event = new Action(std::move(action));
  post(*event, at, draw(Site::wake_order, 1, ++posted_actions_));
}

Instant Kernel::next_at() {
  return queue_.empty() ? Instant::max() : Instant(Duration(queue_.top().at));
}

bool Kernel::step() {
  if (queue_.empty()) return false;
  const QueueEntry entry = queue_.pop();
  ++steps_;
  const Instant at{Duration(entry.at)};
  if (at != now_) {
    now_ = at;
    recorder_.set_now(at);
    steps_at_this_instant_ = 0;
  } else if (++steps_at_this_instant_ > kStandingStill) {
    if (entry.is_waiter) current_ = static_cast<SimFiber*>(entry.scheduled->fiber);
    standing_still();
  }
  recorder_.set_cause(entry.scheduled->cause);
  if (entry.is_waiter) {
    run(Waiter::of(*entry.scheduled));
  } else {
    static_cast<WorldEvent*>(entry.scheduled)->fire();
  }
  while (!dying_.empty()) {
    const Crash crash = std::move(dying_.back());
    dying_.pop_back();
    bury(*crash.host, crash.why);
  }
  return true;
}

void Kernel::run(Waiter& waiter) {
  auto* fiber = static_cast<SimFiber*>(waiter.scheduled().fiber);
  if (fiber == nullptr) {
    waiter.take().resume();
    return;
  }
  Host& host = fiber->host;
  if (host.paused_) {
    waiter.scheduled().queue_index = kHeld | static_cast<std::uint32_t>(host.held_.size());
    host.held_.push_back(&waiter.scheduled());
    return;
  }
  recorder_.tick(EventKind::fiber_woken, fiber->identity, fiber->wakes);
  if (recorder_.full()) recorder_.describe(EventKind::fiber_woken, host.name, fiber->name(), {}, 0, {});
  current_ = fiber;
  FrameAccount* account = frame_pool::charge(host.frames_.get());
  waiter.take().resume();
  frame_pool::charge(account);
  current_ = nullptr;
  if (fiber->task.done()) finish(*fiber);
}

void Kernel::finish(SimFiber& fiber) {
  Host& host = fiber.host;
  recorder_.tick(EventKind::fiber_ended, host.entity, fiber.identity);
  if (recorder_.full()) recorder_.describe(EventKind::fiber_ended, host.name, fiber.name(), {}, 0, {});
  std::string error;
  bool failed = false;
  try {
    fiber.task.result();
  } catch (const std::exception& exception) {
    failed = true;
    error = exception.what();
  } catch (...) {
    failed = true;
    error = "an exception that is not a std::exception";
  }
  const std::string_view name = fiber.name();
  destroy(fiber);
  if (failed) {
    recorder_.fact(EventKind::service_failed, host.name, name, {}, 0, error);
    if (failure_handler_) failure_handler_(host, name, error);
  }
}

void Kernel::destroy(SimFiber& fiber) noexcept {
  Host& host = fiber.host;
  if (fiber.previous != nullptr) fiber.previous->next = fiber.next;
  if (fiber.next != nullptr) fiber.next->previous = fiber.previous;
  if (host.fibers_ == &fiber) host.fibers_ = fiber.next;
  delete &fiber;
}

void Kernel::run_until(Instant until) {
  while (!queue_.empty() && queue_.top().at <= until.time_since_epoch().count()) step();
  if (until > now_) {
    now_ = until;
    recorder_.set_now(until);
    steps_at_this_instant_ = 0;
  }
}

void Kernel::standing_still() {
  std::string who = current_ != nullptr ? current_->host.name + "/" + std::string(current_->name()) : "the world";
  throw Stuck("virtual time stands still at " + to_string(now_.time_since_epoch()) + ": " + who +
              " is woken without end and never waits for anything that takes time");
}

bool Kernel::running_task(char* into, std::size_t size) const noexcept {
  const SimFiber* fiber = current_;
  if (fiber == nullptr || size == 0) return false;
  std::size_t used = 0;
  for (const std::string_view part : {std::string_view(fiber->host.name), std::string_view("/"), fiber->name()}) {
    for (const char c : part) {
      if (used + 1 < size) into[used++] = c;
    }
  }
  into[used] = '\0';
  return true;
}

std::string_view Kernel::intern(std::string_view name) {
  const auto known = names_.find(name);
  return known != names_.end() ? *known : *names_.emplace(name).first;
}

}  // namespace orrery::sim
