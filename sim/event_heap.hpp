#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/executor.hpp"

namespace orrery::sim {

/// One entry of the queue.
struct QueueEntry {
  std::int64_t at = 0;
  std::uint64_t order = 0;
  Scheduled* scheduled = nullptr;
  std::uint64_t is_waiter = 0;

  QueueEntry() noexcept = default;
  QueueEntry(Scheduled& scheduled, bool is_waiter) noexcept
      : at(scheduled.at.time_since_epoch().count()),
        order(scheduled.order),
        scheduled(&scheduled),
        is_waiter(is_waiter) {}
  // Member by member: a copy in larger pieces would wait until the members just written are in the cache.
  QueueEntry(const QueueEntry& other) noexcept
      : at(other.at), order(other.order), scheduled(other.scheduled), is_waiter(other.is_waiter) {}
  QueueEntry& operator=(const QueueEntry& other) noexcept {
    at = other.at;
    order = other.order;
    scheduled = other.scheduled;
    is_waiter = other.is_waiter;
    return *this;
  }

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

}  // namespace orrery::sim
