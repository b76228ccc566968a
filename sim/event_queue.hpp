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

/// One entry of the queue.
struct QueueEntry {
  std::int64_t at;
  std::uint64_t order;
  Scheduled* scheduled;
  bool is_waiter;

  /// One comparison of 128 bits: which of two comes first cannot be predicted, so it must not be a branch.
  [[nodiscard]] bool before(const QueueEntry& other) const noexcept { return key() < other.key(); }
  [[nodiscard]] unsigned __int128 key() const noexcept {
    return static_cast<unsigned __int128>(static_cast<std::uint64_t>(at)) << 64 | order;
  }
};

/// A 4-ary heap over (time, order) that knows where each entry stands, so that a waiter whose coroutine is destroyed
/// leaves at once. `kMark` tells the entries of one heap from those of another.
template <std::uint32_t kMark>
class IndexedHeap {
 public:
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] const QueueEntry& top() const noexcept { return heap_.front(); }

  void push(const QueueEntry& entry) {
    heap_.emplace_back();
    sift_up(heap_.size() - 1, entry);
  }
  QueueEntry pop() noexcept {
    const QueueEntry top = heap_.front();
    top.scheduled->queue_index = Scheduled::kNotQueued;
    const QueueEntry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0, last);
    return top;
  }
  void remove(Scheduled& scheduled) noexcept {
    const std::size_t index = scheduled.queue_index & ~kMark;
    scheduled.queue_index = Scheduled::kNotQueued;
    const QueueEntry last = heap_.back();
    heap_.pop_back();
    if (index == heap_.size()) return;
    if (index > 0 && last.before(heap_[(index - 1) / 4])) {
      sift_up(index, last);
    } else {
      sift_down(index, last);
    }
  }

 private:
  void place(std::size_t index, const QueueEntry& entry) noexcept {
    heap_[index] = entry;
    entry.scheduled->queue_index = static_cast<std::uint32_t>(index) | kMark;
  }
  void sift_up(std::size_t index, const QueueEntry& entry) noexcept {
    while (index > 0) {
      const std::size_t parent = (index - 1) / 4;
      if (!entry.before(heap_[parent])) break;
      place(index, heap_[parent]);
      index = parent;
    }
    place(index, entry);
  }
  void sift_down(std::size_t index, const QueueEntry& entry) noexcept {
    const std::size_t size = heap_.size();
    for (;;) {
      const std::size_t first = 4 * index + 1;
      if (first >= size) break;
      std::size_t least = first;
      if (first + 4 <= size) {
        // A tournament: the first two comparisons do not wait for each other.
        const std::size_t left = heap_[first + 1].before(heap_[first]) ? first + 1 : first;
        const std::size_t right = heap_[first + 3].before(heap_[first + 2]) ? first + 3 : first + 2;
        least = heap_[right].before(heap_[left]) ? right : left;
      } else {
        for (std::size_t child = first + 1; child < size; ++child) {
          least = heap_[child].before(heap_[least]) ? child : least;
        }
      }
      if (!heap_[least].before(entry)) break;
      place(index, heap_[least]);
      index = least;
    }
    place(index, entry);
  }

  std::vector<QueueEntry> heap_;
};

/// The queue of everything that will happen. What is ready now (a task woken by a message, say) is kept apart from the
/// timers and messages of the future: it is most of the traffic, and then costs no walk through a deep heap.
class EventQueue {
 public:
  /// Bits of Scheduled::queue_index that are not the index.
  static constexpr std::uint32_t kReady = 0x4000'0000U;
  static constexpr std::uint32_t kHeld = 0x8000'0000U;  // not in the queue: its host is paused

  [[nodiscard]] bool empty() const noexcept { return ready_.empty() && future_.empty(); }
  [[nodiscard]] const QueueEntry& top() const noexcept {
    if (ready_.empty()) return future_.top();
    if (future_.empty() || ready_.top().before(future_.top())) return ready_.top();
    return future_.top();
  }
  void push(Scheduled& scheduled, bool is_waiter, Instant now) {
    const QueueEntry entry{scheduled.at.time_since_epoch().count(), scheduled.order, &scheduled, is_waiter};
    if (scheduled.at <= now) {
      ready_.push(entry);
    } else {
      future_.push(entry);
    }
  }
  QueueEntry pop() noexcept {
    if (ready_.empty()) return future_.pop();
    if (future_.empty() || ready_.top().before(future_.top())) return ready_.pop();
    return future_.pop();
  }
  void remove(Scheduled& scheduled) noexcept {
    if ((scheduled.queue_index & kReady) != 0) {
      ready_.remove(scheduled);
    } else {
      future_.remove(scheduled);
    }
  }

 private:
  IndexedHeap<kReady> ready_;
  IndexedHeap<0> future_;
};

}  // namespace orrery::sim
