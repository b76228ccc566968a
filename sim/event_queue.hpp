#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/executor.hpp"

namespace orrery::sim {

/// An event of the world itself, such as a message's arrival. It must stay where it is while it is queued.
class WorldEvent : public Scheduled {
 public:
  WorldEvent() = default;
  WorldEvent(const WorldEvent&) = delete;
  WorldEvent& operator=(const WorldEvent&) = delete;
  /// Carries the event out. It is no longer queued then and may delete itself.
  virtual void fire() = 0;
  /// The run ends with the event still queued: whoever is owned by the queue deletes itself.
  virtual void discard() {}

 protected:
  ~WorldEvent() = default;
};

/// The queue of everything that will happen: a 4-ary heap over (time, order), which knows where each entry stands, so
/// that a waiter whose coroutine is destroyed leaves at once.
class EventQueue {
 public:
  struct Entry {
    std::int64_t at;
    std::uint64_t order;
    Scheduled* scheduled;
    bool is_waiter;
  };

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] const Entry& top() const noexcept { return heap_.front(); }
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return heap_; }

  void push(Scheduled& scheduled, bool is_waiter) {
    heap_.emplace_back();
    sift_up(heap_.size() - 1, {scheduled.at.time_since_epoch().count(), scheduled.order, &scheduled, is_waiter});
  }
  Entry pop() noexcept {
    const Entry top = heap_.front();
    top.scheduled->queue_index = Scheduled::kNotQueued;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0, last);
    return top;
  }
  void remove(Scheduled& scheduled) noexcept {
    const std::size_t index = scheduled.queue_index;
    scheduled.queue_index = Scheduled::kNotQueued;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (index == heap_.size()) return;
    if (index > 0 && before(last, heap_[(index - 1) / 4])) {
      sift_up(index, last);
    } else {
      sift_down(index, last);
    }
  }

 private:
  static bool before(const Entry& a, const Entry& b) noexcept {
    return a.at < b.at || (a.at == b.at && a.order < b.order);
  }
  void place(std::size_t index, const Entry& entry) noexcept {
    heap_[index] = entry;
    entry.scheduled->queue_index = static_cast<std::uint32_t>(index);
  }
  void sift_up(std::size_t index, const Entry& entry) noexcept {
    while (index > 0) {
      const std::size_t parent = (index - 1) / 4;
      if (!before(entry, heap_[parent])) break;
      place(index, heap_[parent]);
      index = parent;
    }
    place(index, entry);
  }
  void sift_down(std::size_t index, const Entry& entry) noexcept {
    const std::size_t size = heap_.size();
    for (;;) {
      const std::size_t first = 4 * index + 1;
      if (first >= size) break;
      std::size_t least = first;
      const std::size_t end = first + 4 < size ? first + 4 : size;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap_[child], heap_[least])) least = child;
      }
      if (!before(heap_[least], entry)) break;
      place(index, heap_[least]);
      index = least;
    }
    place(index, entry);
  }

  std::vector<Entry> heap_;
};

}  // namespace orrery::sim
