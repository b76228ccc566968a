#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/check.hpp"
#include "runtime/frame_pool.hpp"

namespace orrery {

template <class T>
class Task;

namespace detail {

/// Ends a task: hands control to the task that awaits it, if that one is suspended already.
struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
    const std::coroutine_handle<> next = finished.promise().continuation;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }

  static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
  static void operator delete(void* frame) noexcept { frame_pool::release(frame); }
  static void operator delete(void* frame, std::size_t) noexcept { frame_pool::release(frame); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> result;
  std::exception_ptr error;

  Task<T> get_return_object() noexcept;
  template <class U>
    requires std::convertible_to<U&&, T>
  void return_value(U&& value) {
    result.emplace(std::forward<U>(value));
  }
  void unhandled_exception() noexcept {
    result.reset();
    error = std::current_exception();
  }

  T take() {
    if (error) std::rethrow_exception(std::move(error));
    CHECK(result.has_value(), "a task was asked for its result before it ended");
    return *std::move(result);
  }
};

template <>
struct Promise<void> : PromiseBase {
  std::exception_ptr error;

  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { error = std::current_exception(); }

  void take() {
    if (error) std::rethrow_exception(std::move(error));
  }
};

}  // namespace detail

/// A lazy coroutine with one owner: it starts when it is awaited, and destroying it at any suspension point destroys
/// its frame and everything that it awaits. An exception that leaves the body is thrown again where it is awaited.
///
/// Awaiting runs the child on the caller's stack until its first suspension and goes on without suspending if the child
/// ended by then. Symmetric transfer into the child would say the same, but g++ (-O0, -O1, sanitizers) does not make it a
/// tail call, and a loop of awaits that end at once would overflow the stack. See docs/decisions/0001-task.md.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() noexcept = default;
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(handle_); }
  [[nodiscard]] bool done() const noexcept { return handle_ && handle_.done(); }

  struct Awaiter {
    Handle child;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) const {
      child.resume();
      if (child.done()) return false;
      child.promise().continuation = parent;
      return true;
    }
    T await_resume() const { return child.promise().take(); }
  };
  Awaiter operator co_await() const& noexcept { return Awaiter{handle_}; }
  Awaiter operator co_await() && noexcept { return Awaiter{handle_}; }

  /// For worlds and tests only: runs the task until its first suspension, without anyone awaiting it.
  void start() const { handle_.resume(); }
  /// The value or the exception of a task that is done.
  T result() const { return handle_.promise().take(); }
  [[nodiscard]] Handle handle() const noexcept { return handle_; }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace detail

}  // namespace orrery
