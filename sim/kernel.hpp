#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/executor.hpp"
#include "runtime/progress.hpp"
#include "sim/event_queue.hpp"
#include "sim/host.hpp"
#include "sim/recorder.hpp"

namespace orrery::sim {

/// The run cannot go on, and it is the service's fault: `what()` names the task.
class Stuck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Virtual time, the queue of events and the hosts. It knows no network and no services.
class Kernel final : public Executor, public Watched {
 public:
  Kernel(std::uint64_t seed, bool full_recording);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::uint64_t draw(Site site, std::uint64_t entity, std::uint64_t ordinal) const noexcept {
    return decide(seed_, static_cast<std::uint64_t>(site), entity, ordinal);
  }
  [[nodiscard]] Recorder& recorder() noexcept { return recorder_; }
  [[nodiscard]] const Recorder& recorder() const noexcept { return recorder_; }

  // ---- hosts ----
  /// A new host, down until `start`. `boot` builds its memory at each start. Names are unique.
  Host& add_host(std::string name, Host::Boot boot);
  [[nodiscard]] Host* find_host(std::string_view name) noexcept;
  [[nodiscard]] const std::deque<Host>& hosts() const noexcept { return hosts_; }
  [[nodiscard]] std::deque<Host>& hosts() noexcept { return hosts_; }
  void start(Host& host);
  /// Destroys every task and object of the host. Called from one of the host's own tasks, it takes effect when that
  /// task next suspends (which it then must do for ever: `co_await kernel.never()`).
  void crash(Host& host, std::string_view why);
  void pause(Host& host);
  void resume(Host& host);
  /// Destroys every host's memory without a trace: the end of a run. What hosts refer to may go after that.
  void clear();
  /// Called after each crash, when the host's memory is gone: connections break here.
  void on_crash(std::function<void(Host&)> observer) { crash_observers_.push_back(std::move(observer)); }
  /// Called when a paused host goes on, before its tasks do.
  void on_resume(std::function<void(Host&)> observer) { resume_observers_.push_back(std::move(observer)); }
  /// Called when an exception left a task: the world decides what becomes of the process.
  void on_failure(std::function<void(Host&, std::string_view fiber, std::string_view what)> handler) {
    failure_handler_ = std::move(handler);
  }

  // ---- time ----
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  /// True UTC, which the hosts' clocks show more or less well. A run begins on 2025-01-01.
  [[nodiscard]] SystemTime true_time() const noexcept;
  void schedule(Waiter& waiter, Instant at) override;
  void cancel(Waiter& waiter) noexcept override;
  [[nodiscard]] SimFiber* current_fiber() const noexcept override { return current_; }
  /// Lets `event` fire at `at`; `order` breaks ties.
  void post(WorldEvent& event, Instant at, std::uint64_t order);
  void withdraw(WorldEvent& event) noexcept;
  /// Calls `action` at `at`, on no host.
  void at(Instant at, std::function<void()> action);

  /// Suspends for ever; only the host's crash ends it.
  struct Never {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
  };
  [[nodiscard]] static Never never() noexcept { return {}; }

  // ---- running ----
  /// Carries out the next event. False: nothing is left to happen. Throws Stuck.
  bool step();
  /// Carries out everything up to and including `until`, then lets it be `until`.
  void run_until(Instant until);
  /// When the next event is due; Instant::max() if none.
  [[nodiscard]] Instant next_at();

  /// A name that lives as long as the kernel.
  [[nodiscard]] std::string_view intern(std::string_view name);

  // ---- Watched ----
  [[nodiscard]] std::uint64_t steps() const noexcept override { return steps_; }
  [[nodiscard]] Instant watched_now() const noexcept override { return now_; }
  bool running_task(char* into, std::size_t size) const noexcept override;

 private:
  friend class Host;

  void run(Waiter& waiter);
  void finish(SimFiber& fiber);
  void destroy(SimFiber& fiber) noexcept;
  void bury(Host& host, std::string_view why);
  void standing_still();

  std::uint64_t seed_;
  Recorder recorder_;
  EventQueue queue_;
  Instant now_{};
  std::uint64_t steps_ = 0;
  std::uint64_t steps_at_this_instant_ = 0;
  std::uint64_t posted_actions_ = 0;
  SimFiber* current_ = nullptr;
  struct Crash {
    Host* host;
    std::string why;
  };
  std::vector<Crash> dying_;
  std::deque<Host> hosts_;
  std::set<std::string, std::less<>> names_;
  std::vector<std::function<void(Host&)>> crash_observers_;
  std::vector<std::function<void(Host&)>> resume_observers_;
  std::function<void(Host&, std::string_view, std::string_view)> failure_handler_;
};

}  // namespace orrery::sim
