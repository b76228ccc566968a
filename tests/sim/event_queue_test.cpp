#include "sim/event_queue.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <tuple>
#include <vector>

namespace orrery::sim {
namespace {

using Choice = std::tuple<std::uint8_t, std::uint32_t, std::uint32_t>;  // push, pop or remove; and which

/// Near and far, now and at the same instant: a 131 µs slot, the 33 ms that have slots, and what is beyond.
Duration delay_of(std::uint32_t how, std::uint32_t much) {
  switch (how % 5) {
    case 0:
      return Duration::zero();
    case 1:
      return Duration(much % 3);
    case 2:
      return Duration(much % 200'000);
    case 3:
      return Duration(much % 60'000'000);
    default:
      return Duration(much) * 100;
  }
}

bool later(const Scheduled* a, const Scheduled* b) { return a->at != b->at ? a->at > b->at : a->order > b->order; }

TEST(EventQueue, GivesWhatIsNextWhateverWasPutInAndTakenOut) {
  const bool held = rc::check("as a sorted list does", [](const std::vector<Choice>& choices) {
    EventQueue queue;
    std::deque<Scheduled> entries;
    std::vector<Scheduled*> expected;  // the next last
    Instant now{};
    std::uint64_t pops = 0;
    const auto pop = [&] {
      std::ranges::sort(expected, later);
      RC_ASSERT(queue.top().scheduled == expected.back());
      const QueueEntry next = queue.pop();
      RC_ASSERT(next.scheduled == expected.back());
      RC_ASSERT(next.scheduled->queue_index == Scheduled::kNotQueued);
      RC_ASSERT((next.is_waiter != 0) == (next.scheduled->cause == 1));
      now = next.scheduled->at;
      expected.pop_back();
      ++pops;
    };
    for (const auto& [what, a, b] : choices) {
      if (what % 4 < 2 || expected.empty()) {
        Scheduled& entry = entries.emplace_back();
        entry.at = now + delay_of(a, b);
        entry.order = std::uint64_t{b} << 32 | entries.size();
        entry.cause = b % 2;  // stands for "is a waiter"
        queue.push(entry, entry.cause == 1, now);
        expected.push_back(&entry);
      } else if (what % 4 == 2) {
        pop();
      } else {
        const auto gone = expected.begin() + static_cast<std::ptrdiff_t>(a % expected.size());
        queue.remove(**gone);
        RC_ASSERT((*gone)->queue_index == Scheduled::kNotQueued);
        expected.erase(gone);
      }
      RC_ASSERT(queue.empty() == expected.empty());
    }
    while (!expected.empty()) pop();
    RC_ASSERT(queue.empty());
    RC_CLASSIFY(pops > 10);
  });
  EXPECT_TRUE(held);
}

TEST(EventQueue, KeepsTheOrderOfManyOverALongTime) {
  EventQueue queue;
  std::deque<Scheduled> entries(20'000);
  std::uint64_t random = 1;
  for (Scheduled& entry : entries) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    entry.at = Instant(Duration(static_cast<std::int64_t>(random >> 24)));  // up to eighteen minutes
    entry.order = random;
    queue.push(entry, false, Instant{});
  }
  for (std::size_t i = 0; i < entries.size(); i += 3) queue.remove(entries[i]);
  const Scheduled* before = nullptr;
  std::size_t given = 0;
  while (!queue.empty()) {
    const QueueEntry entry = queue.pop();
    if (before != nullptr) {
      ASSERT_TRUE(later(entry.scheduled, before));
    }
    before = entry.scheduled;
    ++given;
  }
  EXPECT_EQ(given, entries.size() - (entries.size() + 2) / 3);
}

}  // namespace
}  // namespace orrery::sim
