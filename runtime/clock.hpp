#pragma once

#include "runtime/executor.hpp"
#include "runtime/time.hpp"

namespace orrery {

/// Time as a host sees it. The steady clock never goes back; the system clock is UTC as far as this host knows: in a
/// simulated world it is skewed, drifts and jumps when a fault says so, in real mode a fault may offset it too.
class Clock {
 public:
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  [[nodiscard]] virtual SystemTime system_now() const noexcept = 0;

  /// Suspends for at least this long; a paused host sleeps on until it is resumed.
  class Sleep {
   public:
    Sleep(Executor& executor, Instant until) noexcept : waiter_(executor), until_(until) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) { waiter_.wait_until(until_).await_suspend(handle); }
    void await_resume() const noexcept {}

   private:
    Waiter waiter_;
    Instant until_;
  };
  [[nodiscard]] Sleep sleep(Duration duration) noexcept { return {executor(), now() + duration}; }
  [[nodiscard]] Sleep sleep_until(Instant until) noexcept { return {executor(), until}; }

  [[nodiscard]] virtual Executor& executor() noexcept = 0;

 protected:
  ~Clock() = default;
};

}  // namespace orrery
