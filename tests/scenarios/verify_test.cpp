#include "scenarios/verify.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

#include "runtime/frame_pool.hpp"
#include "runtime/sanitizers.hpp"
#include "scenarios/verify_trace.hpp"
#include "tests/scenarios/fake_run.hpp"

#ifdef ORRERY_ADDRESS_SANITIZER
constexpr bool kAsan = true;
#else
constexpr bool kAsan = false;
#endif

namespace orrery {
namespace {

using testing::fake_result;
using testing::options_for;

/// A run of ten events; the seventh's number is what `leak` gives.
RunFunction leaking(std::function<std::int64_t()> leak) {
  return [leak](const RunRequest& request) {
    RunResult result = fake_result(request.seed);
    for (EventId id = 1; id <= 10; ++id) {
      Event event;
      event.id = id;
      event.at = Instant(std::chrono::milliseconds(id * 10));
      event.kind = EventKind::log;
      event.host = "user-1";
      event.subject = "info";
      event.number = id == 7 ? leak() : static_cast<std::int64_t>(id * 11);
      result.hash = result.hash * 31 + static_cast<std::uint64_t>(event.number);
      result.history.add(std::move(event));
    }
    return result;
  };
}

VerifyResult verify_leak(std::function<std::int64_t()> leak) {
  VerifyOptions options;
  options.campaign = options_for(1, 6);
  return verify(leaking(std::move(leak)), options);
}

void expect_caught(const VerifyResult& result) {
  ASSERT_FALSE(result.divergences.empty()) << "the leak was not seen";
  const Divergence& first = result.divergences.front();
  EXPECT_NE(first.one_hash, first.other_hash);
  ASSERT_TRUE(first.located);
  EXPECT_TRUE(first.before.starts_with("#6 0.060000000s user-1 | log | info | number=66")) << first.before;
  EXPECT_TRUE(first.one.starts_with("#7 0.070000000s user-1 | log | info")) << first.one;
  EXPECT_TRUE(first.other.starts_with("#7 0.070000000s user-1 | log | info")) << first.other;
  EXPECT_NE(first.one, first.other);
}

TEST(Verify, FindsNothingInARunThatDependsOnItsSeedAlone) {
  const VerifyResult result = verify_leak([] { return 77; });
  EXPECT_TRUE(result.divergences.empty());
  EXPECT_EQ(result.first.hashes.size(), 6U);
}

TEST(Verify, CatchesTheWallClock) {
  expect_caught(verify_leak([] { return std::chrono::system_clock::now().time_since_epoch().count(); }));
}

TEST(Verify, CatchesARandomDevice) {
  expect_caught(verify_leak([] { return static_cast<std::int64_t>(std::random_device{}()); }));
}

TEST(Verify, CatchesTheOrderOfPointers) {
  if (kAsan) GTEST_SKIP() << "AddressSanitizer's allocator hands out rising addresses in every process";
  expect_caught(verify_leak([] {
    std::set<int*> ordered;
    std::vector<std::unique_ptr<int>> owned;
    for (int i = 0; i < 12; ++i) ordered.insert(owned.emplace_back(std::make_unique<int>(i)).get());
    std::int64_t order = 0;
    for (const int* number : ordered) order = order * 13 + *number;
    return order;
  }));
}

TEST(Verify, CatchesIterationOverAnUnorderedMapOfPointers) {
  if (kAsan) GTEST_SKIP() << "AddressSanitizer's allocator hands out rising addresses in every process";
  expect_caught(verify_leak([] {
    std::unordered_map<int*, int> numbers;
    std::vector<std::unique_ptr<int>> owned;
    for (int i = 0; i < 40; ++i) numbers[owned.emplace_back(std::make_unique<int>(i)).get()] = i;
    std::int64_t order = 0;
    for (const auto& [pointer, number] : numbers) order = (order * 41 + number) % 1'000'000'007;
    return order;
  }));
}

TEST(Verify, CatchesAReadOfUninitialisedHeapMemory) {
  if (kAsan) GTEST_SKIP() << "AddressSanitizer fills memory itself; a second process of the program catches it";
  expect_caught(verify_leak([] {
    void* memory = std::malloc(4096);
    auto* bytes = static_cast<unsigned char*>(memory);
    asm volatile("" : "+r"(bytes) : : "memory");  // the compiler forgets where it comes from
    const std::int64_t leaked = bytes[100] & 1;
    std::free(memory);
    return leaked;
  }));
}

TEST(Verify, CatchesAReadOfUninitialisedFrameMemory) {
  expect_caught(verify_leak([] {
    void* frame = frame_pool::allocate(300);
    auto* bytes = static_cast<unsigned char*>(frame);
    asm volatile("" : "+r"(bytes) : : "memory");
    const std::int64_t leaked = bytes[200] & 1;
    frame_pool::release(frame);
    return leaked;
  }));
}

TEST(Verify, CatchesStateThatOutlivesARun) {
  // Two runs of one process see it, and the first of a full recording does not: the seed is named all the same.
  static int runs = 0;
  const VerifyResult result = verify_leak([] { return ++runs; });
  EXPECT_FALSE(result.divergences.empty());
}

TEST(Verify, CatchesARunThatDiesOnlyOnce) {
  VerifyOptions options;
  options.campaign = options_for(1, 4);
  options.second_pass = [] {
    return Hashes{{1, fake_result(1).hash}, {2, fake_result(2).hash}, {4, fake_result(4).hash}};
  };
  const VerifyResult result = verify([](const RunRequest& request) { return fake_result(request.seed); }, options);
  ASSERT_EQ(result.divergences.size(), 1U);
  EXPECT_EQ(result.divergences[0].seed, 3U);
  EXPECT_EQ(result.divergences[0].other_hash, 0U);
}

TEST(TraceLine, HoldsAllFieldsInOneLine) {
  Event event;
  event.id = 42;
  event.cause = 41;
  event.at = Instant(1'250'000'001ns);
  event.kind = EventKind::statement;
  event.host = "user_db";
  event.subject = "user_db";
  event.key = "user-1/3";
  event.text = "SELECT 1\n  FROM x";
  EXPECT_EQ(trace_line(event),
            "#42 1.250000001s user_db | statement | user_db | key=user-1/3 | text=SELECT 1\\n  FROM x | cause=#41");
}

TEST(TraceLine, ShowsRowsWithWhatChanged) {
  Event event;
  event.id = 1;
  event.kind = EventKind::transaction_committed;
  event.host = "user_db";
  event.subject = "user_db";
  event.number = 7;
  RowChange change;
  change.table = "users";
  change.operation = RowOperation::update;
  change.shape = std::make_shared<RowShape>(RowShape{{"id", "email"}});
  change.before = {SqlValue(1), SqlValue("a@x")};
  change.after = {SqlValue(1), SqlValue(nullptr)};
  event.changes.push_back(change);
  EXPECT_EQ(
      trace_line(event),
      "#1 0.000000000s user_db | transaction committed | user_db | number=7 | update users(id=1, email=a@x -> NULL)");
}

}  // namespace
}  // namespace orrery
