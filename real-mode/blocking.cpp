#include "real-mode/blocking.hpp"

#include <utility>

namespace orrery::real {

BlockingCalls::BlockingCalls(Loop& loop, std::size_t threads) : loop_(loop) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

BlockingCalls::~BlockingCalls() {
  *alive_ = false;
  {
    const std::scoped_lock lock(mutex_);
    quit_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Task<void> BlockingCalls::run(std::function<void()> work, std::function<void()> done) {
  const auto call = std::make_shared<Call>();
  call->work = std::move(work);
  call->done = std::move(done);
  Waiter waiter(loop_);
  struct Waiting {
    Waiting(Call& call, Waiter& waiter) : call(call) { call.waiter = &waiter; }
    ~Waiting() { call.waiter = nullptr; }
    Call& call;
  };
  const Waiting waiting(*call, waiter);
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(call);
  }
  wake_.notify_one();
  co_await waiter.wait();
}

void BlockingCalls::serve() {
  for (;;) {
    std::shared_ptr<Call> call;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return quit_ || !queue_.empty(); });
      if (quit_) return;
      call = std::move(queue_.front());
      queue_.pop_front();
    }
    call->work();
    loop_.post([call = std::move(call), alive = alive_] {
      if (!*alive) return;
      if (call->done) call->done();
      if (call->waiter != nullptr) call->waiter->wake();
    });
  }
}

}  // namespace orrery::real
