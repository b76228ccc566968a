#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "real-mode/loop.hpp"

namespace orrery::real {

/// Threads for calls that block (files), so that the loop's never waits for a disk.
class BlockingCalls {
 public:
  BlockingCalls(Loop& loop, std::size_t threads);
  BlockingCalls(const BlockingCalls&) = delete;
  BlockingCalls& operator=(const BlockingCalls&) = delete;
  /// Waits for the calls that run; those that have not begun are left out. The loop must run no more tasks that wait here.
  ~BlockingCalls();

  /// Runs `work` on one of the threads; it must not throw, nor refer to what goes with the caller's frame. When it is done
  /// `done` is called on the loop's thread, whether or not the caller is still there, and then the caller goes on.
  [[nodiscard]] Task<void> run(std::function<void()> work, std::function<void()> done = {});

 private:
  struct Call {
    std::function<void()> work;
    std::function<void()> done;
    Waiter* waiter = nullptr;  // the loop's thread only; null: nobody waits any more
  };
  void serve();

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Call>> queue_;
  bool quit_ = false;
  /// False once this is gone: what is posted to the loop then does nothing.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::thread> threads_;
};

}  // namespace orrery::real
