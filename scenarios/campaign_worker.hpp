#pragma once

#include <sys/types.h>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/time.hpp"

namespace orrery {

/// The machine does not give what a campaign needs: processes, memory, pipes, a world that can be put together.
class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// When a run counts as one that will never end.
struct RunLimits {
  Duration standstill = 3s;  // CPU time in one task that does not give control back
  Duration cpu = 60s;        // CPU time of one run
  Duration wall = 600s;      // wall time of one run: long, for a busy machine may hardly let it run
};

/// The machine's monotonic clock, for limits and speeds; no world sees it.
[[nodiscard]] Duration wall_now() noexcept;

/// As many processes as this one may run at once.
[[nodiscard]] unsigned usable_cores() noexcept;

/// While one of these lives, SIGINT, SIGTERM and SIGHUP no longer end the process but are noted, and `wait_for_workers`
/// returns when one comes.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  /// The signal that came; 0: none.
  [[nodiscard]] static int caught() noexcept;
};

/// Memory that a worker shares with its parent: what is in it survives the worker's death.
struct WorkerCell {
  enum class End : std::uint8_t { none, stuck, invalid_argument, exception };
  std::atomic<std::uint64_t> seed{0};
  std::atomic<std::int64_t> started_ns{0};  // on the wall clock; 0: no run is under way
  std::atomic<End> end{End::none};
  char why[1024] = {};
};

/// The worker's own view of itself.
class WorkerSide {
 public:
  WorkerSide(int pipe, int output, WorkerCell& cell) : pipe_(pipe), output_(output), cell_(cell) {}
  /// A run begins: if the process dies from now on, this seed is to blame.
  void begin(std::uint64_t seed);
  /// Sends these bytes to the parent.
  void send(std::string_view bytes);
  /// The pipe that send() writes to, for what replaces this process (exec).
  [[nodiscard]] int pipe() const noexcept { return pipe_; }
  void end() noexcept { cell_.started_ns.store(0, std::memory_order_relaxed); }

 private:
  int pipe_;
  int output_;
  WorkerCell& cell_;
};

/// A forked process that works for this one, and dies with it. What it writes to stdout and stderr is kept aside.
class Worker {
 public:
  using Body = std::function<void(WorkerSide&)>;
  /// Throws SetupError.
  Worker(const Body& body, const RunLimits& limits);
  /// Kills the process if it still runs.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// What it has sent since it was asked last.
  [[nodiscard]] std::string received() { return std::exchange(inbox_, {}); }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  void kill() noexcept;

  // ---- after it ended ----
  /// It did all that it was started for.
  [[nodiscard]] bool succeeded() const noexcept;
  /// A run was under way when it died; its seed.
  [[nodiscard]] bool was_running() const noexcept { return cell_->started_ns.load() != 0; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return cell_->seed.load(); }
  /// The watchdog ended it.
  [[nodiscard]] bool was_stuck() const noexcept { return cell_->end.load() == WorkerCell::End::stuck; }
  /// The run refused what it was asked with std::invalid_argument: why() says why.
  [[nodiscard]] bool was_refused() const noexcept { return cell_->end.load() == WorkerCell::End::invalid_argument; }
  /// Another exception left the run.
  [[nodiscard]] bool threw() const noexcept { return cell_->end.load() == WorkerCell::End::exception; }
  /// In one line: "killed by signal 11 (Segmentation fault)", or what the watchdog says.
  [[nodiscard]] std::string why() const;
  /// The part of its output that says most: a sanitizer's report, or the last lines.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] double cpu_s() const noexcept { return cpu_s_; }

 private:
  friend bool wait_for_workers(const std::vector<Worker*>& workers, Duration at_most);
  void collect();
  void reap(bool block);
  void check_wall_limit();

  RunLimits limits_;
  pid_t pid_ = -1;
  int pipe_ = -1;
  int output_ = -1;
  WorkerCell* cell_ = nullptr;
  std::string inbox_;
  bool ended_ = false;
  int status_ = 0;
  double cpu_s_ = 0;
  Duration asked_at_{0};  // when the watchdog asked it to say what it does; 0: not asked
  Duration overdue_{0};   // by how much, for the words
};

/// Waits until a worker has sent something or ended, a signal came, or the time is over; watches over the limits.
/// True: something was received or ended.
bool wait_for_workers(const std::vector<Worker*>& workers, Duration at_most);

/// What a worker that was started for one answer gave.
struct ChildAnswer {
  bool good = false;     // it answered
  bool stuck = false;    // not good: the watchdog ended it
  bool refused = false;  // not good: std::invalid_argument
  bool interrupted = false;
  std::string text;    // the answer
  std::string why;     // not good: in one line
  std::string output;  // not good: what it wrote
};
/// Calls `body` in a process of its own, so that whatever it does this process lives on.
[[nodiscard]] ChildAnswer in_child(std::uint64_t seed, const RunLimits& limits,
                                   const std::function<std::string()>& body);

}  // namespace orrery
