#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/frame_pool.hpp"
#include "runtime/random.hpp"
#include "runtime/task.hpp"
#include "runtime/trace.hpp"
#include "sim/decide.hpp"

namespace orrery::sim {

class Host;
class Kernel;
struct Link;

/// A top-level task of a simulated host.
class alignas(64) SimFiber final : public Fiber {
 public:
  SimFiber(Host& host, std::string_view name, std::uint64_t identity, std::uint64_t wake_key, Executor& executor,
           Task<void> task)
      : Fiber(name), host(host), identity(identity), wake_key(wake_key), task(std::move(task)), start(executor) {}

  Host& host;
  const std::uint64_t identity;  // the same in every run of the seed that gets here by the same way
  const std::uint64_t wake_key;  // of the decisions when it runs among those that are ready
  std::uint64_t wakes = 0;
  Task<void> task;
  std::uint64_t draws = 0;
  std::uint64_t calls = 0;
  Waiter start;
  TraceContext trace;  // the span that it is in; invalid: none
  SimFiber* previous = nullptr;
  SimFiber* next = nullptr;
};

/// What runs on a host between a start and a crash: its memory. Destroying it is the crash.
class Machine {
 public:
  virtual ~Machine() = default;
};

/// A host: tasks, memory and clocks that die together. Durable things (a database's rows, a broker's messages) belong
/// to the world and are handed to the machine that is built anew at each start.
class alignas(64) Host final : public Clock, public Random {
  // What each message and each task's turn look at: one cache line.
  Kernel& kernel_;
  FrameAccount::Owner frames_ = FrameAccount::open();
  std::uint32_t incarnation_ = 0;
  bool alive_ = false;
  bool paused_ = false;

 public:
  using Boot = std::function<std::unique_ptr<Machine>(Host&)>;

  Host(Kernel& kernel, std::uint32_t id, std::string name, Boot boot);
  ~Host();

  const std::uint32_t id;
  const std::uint64_t entity;  // of decisions
  /// The link that the network used last from here, so that it need not be looked up again. Only the network uses it.
  mutable Link* recent_link = nullptr;
  const std::string name;

  [[nodiscard]] Kernel& kernel() noexcept { return kernel_; }
  [[nodiscard]] bool alive() const noexcept { return alive_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// Counts starts, from 1; whoever remembers an incarnation can tell that the host was restarted since.
  [[nodiscard]] std::uint32_t incarnation() const noexcept { return incarnation_; }
  /// Null while the host is down.
  [[nodiscard]] Machine* machine() const noexcept { return machine_.get(); }

  /// A new span of `parent`'s trace; of none, of a new trace. Ids are the seed's, for `identity` and `which` of its spans.
  [[nodiscard]] TraceContext new_span(const TraceContext& parent, std::uint64_t identity, std::uint64_t which) const noexcept;

  /// Starts a task here. `identity` makes its decisions independent of how many other tasks were started before;
  /// 0 takes the host's next ordinal.
  SimFiber& spawn(std::string_view name, Task<void> task, std::uint64_t identity = 0);

  // Clock
  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] SystemTime system_now() const noexcept override;
  [[nodiscard]] Executor& executor() noexcept override;
  /// Moves the system clock by `offset` against true time, and lets it gain `ppm` microseconds a second from now on.
  void set_clock(std::chrono::microseconds offset, std::int64_t ppm) noexcept;
  [[nodiscard]] std::chrono::microseconds clock_offset() const noexcept;

  // Random
  std::uint64_t next() noexcept override;

 private:
  friend class Kernel;

  Boot boot_;
  std::uint64_t spawned_ = 0;
  std::uint64_t draws_ = 0;
  std::chrono::microseconds clock_offset_{0};
  std::int64_t drift_ppm_ = 0;
  Instant drift_since_{};
  SimFiber* fibers_ = nullptr;    // newest first
  std::vector<Scheduled*> held_;  // waiters that came due while the host was paused
  std::unique_ptr<Machine> machine_;
};

}  // namespace orrery::sim
