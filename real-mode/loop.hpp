#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/executor.hpp"
#include "runtime/random.hpp"
#include "runtime/task.hpp"
#include "runtime/trace.hpp"

namespace boost::asio {
class io_context;
}

namespace orrery::real {

/// The machine's monotonic clock, the same for all processes of the machine since it was started.
[[nodiscard]] Instant monotonic_now() noexcept;

/// A process's one thread of tasks: an asio::io_context for sockets, and the queue of waiters that are due. A Task awaits an
/// Asio operation by a Waiter that the operation's handler wakes.
class Loop final : public Executor {
 public:
  /// Told of an exception that left a task; without one the exception ends the process.
  using OnFailure = std::function<void(std::string_view task, const std::string& what)>;

  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  /// Destroys the tasks that are left, at whatever they wait for.
  ~Loop();

  // Executor
  [[nodiscard]] Instant now() const noexcept override { return monotonic_now(); }
  /// The time when this batch of waiters began to run: good enough for a deadline, and free.
  [[nodiscard]] Instant recent() const noexcept { return recent_; }
  void schedule(Waiter& waiter, Instant at) override;
  void cancel(Waiter& waiter) noexcept override;
  [[nodiscard]] Fiber* current_fiber() const noexcept override { return current_; }

  /// The innermost span of the task that runs; invalid: it has none.
  [[nodiscard]] TraceContext trace() const noexcept;
  /// Outside of any task it does nothing.
  void set_trace(const TraceContext& trace) noexcept;

  /// Starts a task soon, never inside this call.
  void spawn(std::string name, Task<void> task);
  /// How many tasks have not ended.
  [[nodiscard]] std::size_t tasks() const noexcept { return tasks_.size(); }
  /// Destroys all tasks, as a crash does. Not from within a task.
  void end_tasks() noexcept;
  void on_failure(OnFailure handler) { on_failure_ = std::move(handler); }

  /// Runs `action` on the loop's thread soon. From any thread.
  void post(std::function<void()> action);

  /// Runs until `stop()` was called, or until `done` says so, or until the time has come: true if it was not the time.
  bool run(const std::function<bool()>& done = {}, Instant until = Instant::max());
  void stop() noexcept { stopped_ = true; }

  [[nodiscard]] boost::asio::io_context& io() noexcept { return *io_; }

 private:
  class Running;
  struct Entry {
    Instant at;
    std::uint64_t order;
    Scheduled* scheduled;
  };
  void place(std::size_t index, Entry entry) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;
  void remove(std::size_t index) noexcept;
  static bool before(const Entry& a, const Entry& b) noexcept {
    return a.at != b.at ? a.at < b.at : a.order < b.order;
  }
  void run_due();
  void finish(Running& task);

  std::unique_ptr<boost::asio::io_context> io_;
  std::vector<Entry> heap_;  // a binary heap, the next first
  std::uint64_t last_order_ = 0;
  Instant recent_ = monotonic_now();
  std::list<std::unique_ptr<Running>> tasks_;
  Fiber* current_ = nullptr;
  bool stopped_ = false;
  int alone_ = 0;  // so many times it is not looked for further handlers
  OnFailure on_failure_;
};

/// The clocks of this process.
class RealClock final : public Clock {
 public:
  explicit RealClock(Loop& loop) : loop_(loop) {}
  /// For a fault: the system clock is off by `offset` and gains `ppm` microseconds a second from now on.
  void set(std::chrono::microseconds offset, std::int64_t ppm) noexcept {
    offset_ = offset;
    ppm_ = ppm;
    since_ = monotonic_now();
  }
  [[nodiscard]] Instant now() const noexcept override { return monotonic_now(); }
  [[nodiscard]] SystemTime system_now() const noexcept override;
  [[nodiscard]] Executor& executor() noexcept override { return loop_; }

 private:
  Loop& loop_;
  std::chrono::microseconds offset_{0};
  std::int64_t ppm_ = 0;
  Instant since_{};
};

/// Bits of the operating system (getrandom), a block at a time.
class RealRandom final : public Random {
 public:
  std::uint64_t next() noexcept override;

 private:
  static constexpr std::size_t kBlock = 512;
  std::uint64_t block_[kBlock] = {};
  std::size_t used_ = kBlock;
};

/// Runs a task to its end on the loop and gives its result; for programs' main functions and tests.
template <class T>
T complete(Loop& loop, Task<T> task) {
  std::exception_ptr failed;
  std::conditional_t<std::is_void_v<T>, bool, std::optional<T>> result{};
  bool done = false;
  const auto carry = [&]() -> Task<void> {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
      } else {
        result.emplace(co_await std::move(task));
      }
    } catch (...) {
      failed = std::current_exception();
    }
    done = true;
  };
  Task<void> carrying = carry();
  loop.spawn("main", std::move(carrying));
  loop.run([&] { return done; });
  if (failed) std::rethrow_exception(failed);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace orrery::real
