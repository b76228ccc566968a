#pragma once

#include <coroutine>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "runtime/check.hpp"
#include "runtime/time.hpp"

namespace orrery {

class Waiter;

/// A top-level task of a host; each world derives its own.
class Fiber {
 public:
  [[nodiscard]] std::string_view name() const noexcept { return name_; }

 protected:
  explicit Fiber(std::string_view name) noexcept : name_(name) {}
  ~Fiber() = default;

 private:
  std::string_view name_;  // outlives the fiber
};

/// What an executor's queue holds: a waiter, or an event of the world itself.
struct Scheduled {
  static constexpr std::uint32_t kNotQueued = std::numeric_limits<std::uint32_t>::max();

  Instant at{};
  std::uint64_t order = 0;                 // breaks ties of `at`
  std::uint64_t cause = 0;                 // the event that scheduled it
  Fiber* fiber = nullptr;                  // whose coroutine waits; null for an event of the world
  std::uint32_t queue_index = kNotQueued;  // where the executor holds it
  Scheduled* next = nullptr;               // for an executor's lists; undefined while it is in none
  Scheduled* previous = nullptr;
};

/// What resumes coroutines: the virtual-time event queue in simulation, an io_context in real mode. One thread.
class Executor {
 public:
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  /// Resumes `waiter` at `at` (in the past or now: soon, but never inside this call). A waiter that was scheduled already
  /// is moved.
  virtual void schedule(Waiter& waiter, Instant at) = 0;
  /// Takes a scheduled waiter out of the queue.
  virtual void cancel(Waiter& waiter) noexcept = 0;
  /// The fiber that runs now; null outside of any.
  [[nodiscard]] virtual Fiber* current_fiber() const noexcept = 0;

 protected:
  ~Executor() = default;
};

/// The one way to suspend: a place for one coroutine that sleeps until `wake()` or until a time. It lives in the
/// coroutine's frame (or in an object the frame owns), needs no allocation, and destroying it (a crash, a cancelled
/// call) takes it out of every queue.
///
///   Waiter waiter(executor);
///   queue.push_back(waiter);
///   if (!co_await waiter.wait_until(deadline)) throw TimedOut();
class Waiter : private Scheduled {
 public:
  explicit Waiter(Executor& executor) noexcept : executor_(&executor) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (queue_index != kNotQueued) executor_->cancel(*this);
  }

  /// Makes the waiting coroutine go on soon with `true`. Without a waiting coroutine the wake is kept: the next wait
  /// ends at once. Waking twice is waking once.
  void wake() {
    if (woken_) return;
    woken_ = true;
    if (handle_) executor_->schedule(*this, Instant::min());
  }
  [[nodiscard]] bool is_waiting() const noexcept { return static_cast<bool>(handle_); }
  [[nodiscard]] Executor& executor() const noexcept { return *executor_; }

  struct Awaiter {
    Waiter& waiter;
    Instant deadline;
    [[nodiscard]] bool await_ready() const noexcept { return waiter.woken_; }
    void await_suspend(std::coroutine_handle<> handle) const {
      CHECK(!waiter.handle_, "two coroutines wait at one waiter");
      waiter.handle_ = handle;
      waiter.fiber = waiter.executor_->current_fiber();
      if (deadline != Instant::max()) waiter.executor_->schedule(waiter, deadline);
    }
    /// True: woken. False: the deadline came first.
    bool await_resume() const noexcept { return std::exchange(waiter.woken_, false); }
  };
  [[nodiscard]] Awaiter wait() noexcept { return Awaiter{*this, Instant::max()}; }
  [[nodiscard]] Awaiter wait_until(Instant deadline) noexcept { return Awaiter{*this, deadline}; }

  // --- for executors only ---
  /// Gives the coroutine to be resumed, once.
  [[nodiscard]] std::coroutine_handle<> take() noexcept { return std::exchange(handle_, {}); }
  /// Lets `handle` wait here without a co_await: how a world starts a task.
  void adopt(std::coroutine_handle<> handle, Fiber* owner) noexcept {
    handle_ = handle;
    fiber = owner;
  }
  [[nodiscard]] Scheduled& scheduled() noexcept { return *this; }
  [[nodiscard]] static Waiter& of(Scheduled& entry) noexcept { return static_cast<Waiter&>(entry); }

 private:
  Executor* executor_;
  std::coroutine_handle<> handle_;
  bool woken_ = false;
};

}  // namespace orrery
