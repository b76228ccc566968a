#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/event_heap.hpp"

namespace orrery::sim {

/// What will happen later: a calendar queue (R. Brown, "Calendar queues", CACM 31(10), 1988). The near future is
/// divided into slots of 131 µs, each an unsorted list, so that most entries are put in and taken out without a
/// comparison; only the slot whose time has come is sorted. What is further away than 255 slots waits in a heap.
class EventCalendar {
 public:
  static constexpr std::uint32_t kFar = 0x2000'0000U;

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Not to be called when it is empty.
  [[nodiscard]] const QueueEntry& top() {
    if (open_.empty()) open_next();
    return open_.back();
  }
  /// Whether `entry`, which is not in it, comes before all that is.
  [[nodiscard]] bool comes_after(const QueueEntry& entry) {
    if (size_ == 0 || (open_.empty() && slot_of(entry) <= slot_)) return true;
    return entry.before(top());
  }
  void push(const QueueEntry& entry) {
    ++size_;
    const std::int64_t slot = slot_of(entry);
    if (slot <= slot_) {
      insert_open(entry);
    } else if (slot - slot_ < kSlots) {
      list(entry, static_cast<std::uint32_t>(slot & (kSlots - 1)));
    } else {
      far_.push(entry);
    }
  }
  QueueEntry pop() {
    const QueueEntry entry = top();
    open_.pop_back();
    entry.scheduled->queue_index = Scheduled::kNotQueued;
    --size_;
    return entry;
  }
  void remove(Scheduled& scheduled) noexcept {
    --size_;
    if ((scheduled.queue_index & kFar) != 0) {
      far_.remove(scheduled);
    } else if ((scheduled.queue_index & kOpen) != 0) {
      std::erase_if(open_, [&](const QueueEntry& entry) { return entry.scheduled == &scheduled; });
    } else {
      unlist(scheduled);
    }
    scheduled.queue_index = Scheduled::kNotQueued;
  }

 private:
  static constexpr int kShift = 17;
  static constexpr std::int64_t kSlots = 256;
  // Bits of Scheduled::queue_index. Without kFar and kOpen the rest is the number of the slot's list.
  static constexpr std::uint32_t kOpen = 0x1000'0000U;
  static constexpr std::uint32_t kWaiter = 0x0800'0000U;

  [[nodiscard]] static std::int64_t slot_of(const QueueEntry& entry) noexcept { return entry.at >> kShift; }

  void insert_open(const QueueEntry& entry) {
    const auto place = std::upper_bound(open_.begin(), open_.end(), entry,
                                        [](const QueueEntry& a, const QueueEntry& b) { return b.before(a); });
    open_.insert(place, entry);
    entry.scheduled->queue_index = kOpen;
  }
  void list(const QueueEntry& entry, std::uint32_t number) noexcept {
    Scheduled& scheduled = *entry.scheduled;
    Scheduled*& head = lists_[number];
    scheduled.previous = nullptr;
    scheduled.next = head;
    if (head != nullptr) head->previous = &scheduled;
    head = &scheduled;
    scheduled.queue_index = number | (entry.is_waiter != 0 ? kWaiter : 0);
    occupied_[number / 64] |= std::uint64_t{1} << (number % 64);
    ++listed_;
  }
  void unlist(Scheduled& scheduled) noexcept {
    const std::uint32_t number = scheduled.queue_index & ~kWaiter;
    if (scheduled.next != nullptr) scheduled.next->previous = scheduled.previous;
    if (scheduled.previous != nullptr) {
      scheduled.previous->next = scheduled.next;
    } else {
      lists_[number] = scheduled.next;
      if (scheduled.next == nullptr) occupied_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    }
    --listed_;
  }

  /// The first slot after the open one whose list has entries; there is one.
  [[nodiscard]] std::int64_t next_listed() const noexcept {
    for (std::int64_t slot = slot_ + 1;;) {
      const auto number = static_cast<std::uint32_t>(slot & (kSlots - 1));
      const std::uint64_t rest = occupied_[number / 64] >> (number % 64);
      if (rest != 0) return slot + std::countr_zero(rest);
      slot += 64 - number % 64;
    }
  }
  void open_next() {
    constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    const std::int64_t listed = listed_ > 0 ? next_listed() : kNever;
    slot_ = far_.empty() ? listed : std::min(listed, slot_of(far_.top()));
    if (slot_ == listed) {
      const auto number = static_cast<std::uint32_t>(listed & (kSlots - 1));
      for (Scheduled* scheduled = lists_[number]; scheduled != nullptr; scheduled = scheduled->next) {
        open_.emplace_back(*scheduled, (scheduled->queue_index & kWaiter) != 0);
        scheduled->queue_index = kOpen;
        --listed_;
      }
      lists_[number] = nullptr;
      occupied_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    }
    while (!far_.empty() && slot_of(far_.top()) == slot_) {
      open_.push_back(far_.pop());
      open_.back().scheduled->queue_index = kOpen;
    }
    if (open_.size() > 1) {
      std::sort(open_.begin(), open_.end(), [](const QueueEntry& a, const QueueEntry& b) { return b.before(a); });
    }
  }

  std::size_t size_ = 0;
  std::int64_t slot_ = -1;        // the open slot; later ones are in lists, or far away
  std::vector<QueueEntry> open_;  // of the open slot and before it, the next last
  std::array<Scheduled*, kSlots> lists_{};
  std::array<std::uint64_t, kSlots / 64> occupied_{};
  std::size_t listed_ = 0;
  IndexedHeap<kFar> far_;
};

}  // namespace orrery::sim
