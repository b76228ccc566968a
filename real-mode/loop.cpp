#include "real-mode/loop.hpp"

#include <sys/random.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace orrery::real {
namespace {

/// So many waiters run before sockets are looked at again.
constexpr int kBatch = 64;
/// After a handler that was ready alone, so many more are taken one at a time.
constexpr int kAlone = 16;
/// A loop that nothing wakes still looks at its condition so often.
constexpr Duration kLongestSleep = 1s;

}  // namespace

Instant monotonic_now() noexcept {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

/// A task that nobody awaits.
class Loop::Running final : public Fiber {
 public:
  Running(Loop& loop, std::unique_ptr<std::string> name, Task<void> task)
      : Fiber(*name), name_(std::move(name)), task(std::move(task)), start(loop) {}

 private:
  std::unique_ptr<std::string> name_;

 public:
  Task<void> task;
  Waiter start;
  TraceContext trace;
  std::list<std::unique_ptr<Running>>::iterator at;
};

Loop::Loop() : io_(std::make_unique<boost::asio::io_context>(1)) {}

Loop::~Loop() { end_tasks(); }

void Loop::end_tasks() noexcept {
  // A frame's destructor may start another task.
  while (!tasks_.empty()) {
    std::list<std::unique_ptr<Running>> dying;
    dying.swap(tasks_);
    dying.clear();
  }
}

TraceContext Loop::trace() const noexcept {
  return current_ == nullptr ? TraceContext() : static_cast<const Running*>(current_)->trace;
}

void Loop::set_trace(const TraceContext& trace) noexcept {
  if (current_ != nullptr) static_cast<Running*>(current_)->trace = trace;
}

// ---- the queue ----

void Loop::place(std::size_t index, Entry entry) noexcept {
  entry.scheduled->queue_index = static_cast<std::uint32_t>(index);
  heap_[index] = entry;
}

void Loop::sift_up(std::size_t index) noexcept {
  const Entry entry = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!before(entry, heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void Loop::sift_down(std::size_t index) noexcept {
  const Entry entry = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], entry)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, entry);
}

void Loop::remove(std::size_t index) noexcept {
  heap_[index].scheduled->queue_index = Scheduled::kNotQueued;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  place(index, last);
  sift_up(index);
  sift_down(last.scheduled->queue_index);
}

void Loop::schedule(Waiter& waiter, Instant at) {
  Scheduled& scheduled = waiter.scheduled();
  if (scheduled.queue_index != Scheduled::kNotQueued) remove(scheduled.queue_index);
  // What is to run now must not run before what has been due for longer.
  if (at == Instant::min()) at = recent_;
  heap_.push_back({at, ++last_order_, &scheduled});
  scheduled.queue_index = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
}

void Loop::cancel(Waiter& waiter) noexcept {
  Scheduled& scheduled = waiter.scheduled();
  if (scheduled.queue_index != Scheduled::kNotQueued) remove(scheduled.queue_index);
}

// ---- running ----

void Loop::spawn(std::string name, Task<void> task) {
  auto running = std::make_unique<Running>(*this, std::make_unique<std::string>(std::move(name)), std::move(task));
  Running& started = *running;
  started.at = tasks_.insert(tasks_.end(), std::move(running));
  started.start.adopt(started.task.handle(), &started);
  schedule(started.start, Instant::min());
}

void Loop::run_due() {
  recent_ = this->now();
  for (int i = 0; i < kBatch && !heap_.empty() && heap_.front().at <= recent_ && !stopped_; ++i) {
    Scheduled& scheduled = *heap_.front().scheduled;
    remove(0);
    Waiter& waiter = Waiter::of(scheduled);
    const std::coroutine_handle<> handle = waiter.take();
    if (!handle) continue;
    auto* fiber = static_cast<Running*>(scheduled.fiber);
    CHECK(fiber != nullptr, "a coroutine waits outside of any task");
    current_ = fiber;
    handle.resume();
    current_ = nullptr;
    if (fiber->task.done()) finish(*fiber);
  }
}

void Loop::finish(Running& task) {
  const std::unique_ptr<Running> ended = std::move(*task.at);
  tasks_.erase(ended->at);
  if (!on_failure_) {
    ended->task.result();
    return;
  }
  try {
    ended->task.result();
  } catch (const std::exception& error) {
    on_failure_(ended->name(), error.what());
  } catch (...) {
    on_failure_(ended->name(), "an exception that is not a std::exception");
  }
}

void Loop::post(std::function<void()> action) { boost::asio::post(*io_, std::move(action)); }

bool Loop::run(const std::function<bool()>& done, Instant until) {
  stopped_ = false;
  const auto work = boost::asio::make_work_guard(*io_);
  for (;;) {
    run_due();
    if (stopped_ || (done && done())) return true;
    const Instant now = this->now();
    if (now >= until) return false;
    Duration wait = std::min<Duration>(kLongestSleep, until - now);
    if (!heap_.empty()) wait = std::clamp<Duration>(heap_.front().at - now, Duration::zero(), wait);
    if (io_->stopped()) io_->restart();
    const bool waits = wait > Duration::zero();
    if (waits) io_->run_one_for(wait);
    // The rest of what is ready; to find that there is none costs a system call, so that it is not tried each time.
    if (waits && alone_ > 0) --alone_;
    else if (io_->poll() == 0) alone_ = kAlone;
  }
}

// ---- clock and random ----

SystemTime RealClock::system_now() const noexcept {
  const SystemTime true_time = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  if (ppm_ == 0) return true_time + offset_;
  const std::int64_t passed_us = (monotonic_now() - since_) / 1us;
  return true_time + offset_ + std::chrono::microseconds(passed_us / 1'000'000 * ppm_ + passed_us % 1'000'000 * ppm_ / 1'000'000);
}

std::uint64_t RealRandom::next() noexcept {
  if (used_ == kBlock) {
    // More than 256 bytes may come in parts, when a signal arrives (getrandom(2)).
    char* const bytes = reinterpret_cast<char*>(block_);
    for (std::size_t had = 0; had < sizeof block_;) {
      const ssize_t got = ::getrandom(bytes + had, sizeof block_ - had, 0);
      CHECK(got > 0 || errno == EINTR, "getrandom failed");
      if (got > 0) had += static_cast<std::size_t>(got);
    }
    used_ = 0;
  }
  return block_[used_++];
}

}  // namespace orrery::real
