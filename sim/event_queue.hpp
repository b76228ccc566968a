#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/event_calendar.hpp"
#include "sim/event_heap.hpp"

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

/// The queue of everything that will happen. What is ready now (a task woken by a message, say) is kept apart from the
/// timers and messages of the future: it is most of the traffic, and waits in a heap that is hardly ever deep.
class EventQueue {
 public:
  /// Bits of Scheduled::queue_index that are not the index.
  static constexpr std::uint32_t kReady = 0x4000'0000U;
  static constexpr std::uint32_t kHeld = 0x8000'0000U;  // not in the queue: its host is paused

  [[nodiscard]] bool empty() const noexcept { return ready_.empty() && future_.empty(); }
  /// Not to be called when it is empty.
  [[nodiscard]] const QueueEntry& top() { return ready_is_next() ? ready_.top() : future_.top(); }
  void push(Scheduled& scheduled, bool is_waiter, Instant now) {
    const QueueEntry entry(scheduled, is_waiter);
    if (scheduled.at <= now) {
      ready_.push(entry);
    } else {
      future_.push(entry);
    }
  }
  QueueEntry pop() { return ready_is_next() ? ready_.pop() : future_.pop(); }
  void remove(Scheduled& scheduled) noexcept {
    if ((scheduled.queue_index & kReady) != 0) {
      ready_.remove(scheduled);
    } else {
      future_.remove(scheduled);
    }
  }

 private:
  [[nodiscard]] bool ready_is_next() { return !ready_.empty() && future_.comes_after(ready_.top()); }

  IndexedHeap<kReady> ready_;
  EventCalendar future_;
};

}  // namespace orrery::sim
