#include "runtime/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "runtime/executor.hpp"

namespace orrery {
namespace {

/// Resumes by hand, so that a test decides when.
class ByHand final : public Executor {
 public:
  [[nodiscard]] Instant now() const noexcept override { return Instant{}; }
  void schedule(Waiter& waiter, Instant) override {
    waiter.scheduled().queue_index = 0;
    due = &waiter;
  }
  void cancel(Waiter& waiter) noexcept override {
    waiter.scheduled().queue_index = Scheduled::kNotQueued;
    if (due == &waiter) due = nullptr;
  }
  [[nodiscard]] Fiber* current_fiber() const noexcept override { return nullptr; }
  void resume() {
    Waiter* waiter = std::exchange(due, nullptr);
    ASSERT_NE(waiter, nullptr);
    waiter->scheduled().queue_index = Scheduled::kNotQueued;
    waiter->take().resume();
  }

  Waiter* due = nullptr;
};

// Not inlined: clang would put the frame of a task that it sees whole into its caller.
[[gnu::noinline]] Task<int> seven() { co_return 7; }

Task<int> add(int a, Waiter& waiter) {
  co_await waiter.wait();
  co_return a + co_await seven();
}

Task<void> fails() {
  throw std::runtime_error("no");
  co_return;
}

Task<std::string> catches() {
  try {
    co_await fails();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing thrown";
}

Task<std::int64_t> sums(std::int64_t n) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += co_await seven();
  co_return sum;
}

struct Notes {
  explicit Notes(int& destroyed) : destroyed(destroyed) {}
  ~Notes() { ++destroyed; }
  int& destroyed;
};

Task<void> holds(std::unique_ptr<Notes> notes, Waiter& waiter) {
  const Notes local(notes->destroyed);
  co_await waiter.wait();
}

Task<void> awaits(Task<void> inner) { co_await std::move(inner); }

TEST(Task, DoesNothingUntilItIsAwaited) {
  bool ran = false;
  const auto make = [](bool& flag) -> Task<void> {
    flag = true;
    co_return;
  };
  const Task<void> task = make(ran);
  EXPECT_FALSE(ran);
  task.start();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(task.done());
}

TEST(Task, GivesItsValueAfterASuspension) {
  ByHand executor;
  Waiter waiter(executor);
  const Task<int> task = add(5, waiter);
  task.start();
  EXPECT_FALSE(task.done());
  waiter.wake();
  executor.resume();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), 12);
}

TEST(Task, PassesAnExceptionToWhoeverAwaitsIt) {
  const Task<std::string> task = catches();
  task.start();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), "no");
}

TEST(Task, AMillionAwaitsThatEndAtOnceDoNotGrowTheStack) {
  const Task<std::int64_t> task = sums(1'000'000);
  task.start();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.result(), 7'000'000);
}

TEST(Task, DestroyedWhileItWaitsDestroysEverythingItHolds) {
  ByHand executor;
  Waiter waiter(executor);
  int destroyed = 0;
  {
    auto notes = std::make_unique<Notes>(destroyed);
    const Task<void> task = awaits(holds(std::move(notes), waiter));
    task.start();
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 2);
}

TEST(Task, ChargesItsFramesToTheAccountThatIsOpenWhenItIsMade) {
  const FrameAccount::Owner account = FrameAccount::open();
  FrameAccount* before = frame_pool::charge(account.get());
  {
    const Task<int> task = seven();
    EXPECT_EQ(account->live(), 1);
  }
  EXPECT_EQ(account->live(), 0);
  frame_pool::charge(before);
}

TEST(Task, MayOutliveTheAccountThatItIsChargedTo) {
  FrameAccount::Owner account = FrameAccount::open();
  FrameAccount* before = frame_pool::charge(account.get());
  {
    const Task<int> task = seven();
    account = nullptr;
    frame_pool::charge(before);
  }  // a sanitizer sees a write to an account that is gone, or one that was never freed
}

TEST(Waiter, KeepsAWakeThatCameBeforeTheWait) {
  ByHand executor;
  Waiter waiter(executor);
  waiter.wake();
  const Task<int> task = add(1, waiter);
  task.start();
  EXPECT_TRUE(task.done());
}

TEST(Waiter, LeavesTheQueueWhenItsCoroutineIsDestroyed) {
  ByHand executor;
  {
    Waiter waiter(executor);
    const Task<int> task = add(1, waiter);
    task.start();
    waiter.wake();
    EXPECT_EQ(executor.due, &waiter);
  }
  EXPECT_EQ(executor.due, nullptr);
}

}  // namespace
}  // namespace orrery
