#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/suite.hpp"

namespace orrery::conformance {
namespace {

template <class World>
class ConformanceOfFilesAndCache : public Conformance<World> {};
TYPED_TEST_SUITE(ConformanceOfFilesAndCache, Worlds, Names);

TYPED_TEST(ConformanceOfFilesAndCache, AFileIsReadAsItWasWrittenLastByEveryHost) {
  this->start({{"a", service([](Context&) {})}, {"b", service([](Context&) {})}});
  std::optional<std::string> none, first, last;
  const std::string bytes("a\0b\n", 4);
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Files& files = context.files("store");
    none = co_await files.read("x/y.bin");
    co_await files.write("x/y.bin", bytes);
    first = co_await files.read("x/y.bin");
    co_await files.write("x/y.bin", "longer than before");
  });
  this->bench.run("b", [&](Context& context) -> Task<void> { last = co_await context.files("store").read("x/y.bin"); });
  EXPECT_EQ(none, std::nullopt);
  EXPECT_EQ(first, bytes);
  EXPECT_EQ(last, "longer than before");
}

TYPED_TEST(ConformanceOfFilesAndCache, FilesAreListedInOrderAndRemovedOnce) {
  this->start();
  std::vector<std::string> all, some;
  bool removed = false, again = true;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Files& files = context.files("store");
    for (const char* path : {"b/2", "a", "b/10", "c"}) co_await files.write(path, "x");
    all = co_await files.list("");
    removed = co_await files.remove("c");
    again = co_await files.remove("c");
    some = co_await files.list("b/");
  });
  EXPECT_EQ(all, (std::vector<std::string>{"a", "b/10", "b/2", "c"}));
  EXPECT_EQ(some, (std::vector<std::string>{"b/10", "b/2"}));
  EXPECT_TRUE(removed);
  EXPECT_FALSE(again);
}

TYPED_TEST(ConformanceOfFilesAndCache, APathThatIsNoneIsRefused) {
  this->start();
  int refused = 0;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    for (const char* path : {"", "/etc/passwd", "a/../b", "a//b", "a b", "a/."}) {
      try {
        co_await context.files("store").write(path, "x");
      } catch (const FilesFailed& error) {
        if (!error.may_have_happened()) ++refused;
      }
    }
  });
  EXPECT_EQ(refused, 6);
}

TYPED_TEST(ConformanceOfFilesAndCache, ACachedValueLivesUntilItsTimeIsOver) {
  this->start();
  std::optional<std::string> none, soon, late;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    none = co_await context.cache().get("k");
    co_await context.cache().set("k", "v", 300ms);
    soon = co_await context.cache().get("k");
    co_await context.clock.sleep(400ms);
    late = co_await context.cache().get("k");
  });
  EXPECT_EQ(none, std::nullopt);
  EXPECT_EQ(soon, "v");
  EXPECT_EQ(late, std::nullopt);
}

TYPED_TEST(ConformanceOfFilesAndCache, OnlyTheFirstSetsAValueThatIsAbsent) {
  this->start();
  bool first = false, second = true, removed = false, again = true;
  std::optional<std::string> value;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    first = co_await context.cache().set_if_absent("k", "one", 10s);
    second = co_await context.cache().set_if_absent("k", "two", 10s);
    value = co_await context.cache().get("k");
    removed = co_await context.cache().remove("k");
    again = co_await context.cache().remove("k");
  });
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
  EXPECT_EQ(value, "one");
  EXPECT_TRUE(removed);
  EXPECT_FALSE(again);
}

TYPED_TEST(ConformanceOfFilesAndCache, ACounterCountsAndRefusesWhatIsNoNumber) {
  this->start();
  std::vector<std::int64_t> sums;
  bool refused = false;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    for (const std::int64_t by : {5, -7}) {
      const std::int64_t sum = co_await context.cache().increment("n", by, 10s);
      sums.push_back(sum);
    }
    co_await context.cache().set("n", "no number", 10s);
    try {
      co_await context.cache().increment("n", 1, 10s);
    } catch (const CacheFailed& error) {
      refused = !error.may_have_happened();
    }
  });
  EXPECT_EQ(sums, (std::vector<std::int64_t>{5, -2}));
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace orrery::conformance
