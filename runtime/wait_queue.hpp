#pragma once

#include <list>

#include "runtime/check.hpp"
#include "runtime/executor.hpp"

namespace orrery {

/// A waiter's place at the end of a queue, for as long as this lives: whatever ends the wait (a wake, a time-out, a crash that
/// destroys the coroutine) leaves no dangling entry.
class InQueue {
 public:
  InQueue(std::list<Waiter*>& queue, Waiter& waiter) : queue_(queue), at_(queue.insert(queue.end(), &waiter)) {}
  InQueue(const InQueue&) = delete;
  InQueue& operator=(const InQueue&) = delete;
  ~InQueue() { queue_.erase(at_); }

 private:
  std::list<Waiter*>& queue_;
  std::list<Waiter*>::iterator at_;
};

/// As InQueue, at a place that one waiter can have.
class InPlace {
 public:
  InPlace(Waiter*& place, Waiter& waiter) : place_(place) {
    CHECK(place_ == nullptr, "two tasks wait at a place for one");
    place_ = &waiter;
  }
  InPlace(const InPlace&) = delete;
  InPlace& operator=(const InPlace&) = delete;
  ~InPlace() { place_ = nullptr; }

 private:
  Waiter*& place_;
};

}  // namespace orrery
