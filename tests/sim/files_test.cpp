#include <gtest/gtest.h>

#include "tests/sim/stores_lab.hpp"

namespace orrery::sim {
namespace {

using Paths = std::vector<std::string>;

Task<std::string> write_outcome(Files& files, std::string path, std::string bytes) {
  std::string outcome = "written";
  try {
    Task<void> writing = files.write(std::move(path), std::move(bytes));
    co_await std::move(writing);
  } catch (const FilesFailed& failed) {
    outcome = to_string(failed.effect());
  }
  co_return outcome;
}

TEST(SimFiles, AreReadAsTheyWereWrittenByEveryHost) {
  StoresLab lab;
  lab.carry_out([](Context& context) -> Task<void> {
    Files& files = context.files("media");
    co_await files.write("a/2.txt", "two");
    co_await files.write("a/1.txt", "one");
    co_await files.write("b", std::string("\0\xff", 2));
    co_await files.write("a/1.txt", "first");
    const auto first = co_await files.read("a/1.txt");
    EXPECT_EQ(first, "first");
    const auto bytes = co_await files.read("b");
    EXPECT_EQ(bytes, std::string("\0\xff", 2));
    const auto none = co_await files.read("a/3.txt");
    EXPECT_EQ(none, std::nullopt);
    const Paths below = co_await files.list("a/");
    EXPECT_EQ(below, (Paths{"a/1.txt", "a/2.txt"}));
    const bool removed = co_await files.remove("a/2.txt");
    const bool again = co_await files.remove("a/2.txt");
    EXPECT_TRUE(removed);
    EXPECT_FALSE(again);
    const Paths all = co_await files.list("");
    EXPECT_EQ(all, (Paths{"a/1.txt", "b"}));
  });
  bool read = false;
  lab.world.spawn("client-2", "reads", [&read](Context& context) -> Task<void> {
    const auto first = co_await context.files("media").read("a/1.txt");
    read = first == "first";
  });
  lab.run_for(1s);
  EXPECT_TRUE(read);
  const History& history = lab.world.recorder().history();
  const std::vector<const Event*> written = history.of(EventKind::file_written, "media");
  ASSERT_EQ(written.size(), 4U);
  EXPECT_EQ(written[1]->key, "a/1.txt");
  EXPECT_EQ(written[1]->number, 3);
  EXPECT_EQ(written[1]->text, content_hash("one"));
  ASSERT_EQ(history.of(EventKind::file_removed, "media").size(), 1U);
}

TEST(SimFiles, RefuseWhatIsNoPathAndWhatStandsInTheWayOfAnother) {
  StoresLab lab;
  lab.carry_out([](Context& context) -> Task<void> {
    Files& files = context.files("media");
    for (const char* path : {"", ".", "..", "/etc/passwd", "a/../b", "a//b", "a/", "a b", "a\\b", "a~1"}) {
      const std::string outcome = co_await write_outcome(files, path, "x");
      EXPECT_EQ(outcome, "did not happen") << path;
    }
    co_await files.write("a/b", "x");
    const std::string above = co_await write_outcome(files, "a", "x");
    const std::string beneath = co_await write_outcome(files, "a/b/c", "x");
    EXPECT_EQ(above + ", " + beneath, "did not happen, did not happen");
    const auto folder = co_await files.read("a");
    EXPECT_EQ(folder, std::nullopt);
    const bool removed = co_await files.remove("a");
    EXPECT_FALSE(removed);
    // No longer in the way.
    co_await files.remove("a/b");
    co_await files.write("a", "x");
  });
}

TEST(SimFiles, OutliveACrashOfTheStoreWholeOrNotAtAll) {
  int done = 0, undone = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    StoresLab lab(seed);
    std::string outcome;
    lab.begin([&outcome](Context& context) -> Task<void> {
      Files& files = context.files("media");
      co_await files.write("old", "kept");
      co_await files.write("new", "before");
      outcome = co_await write_outcome(files, "new", "after, and longer");
    });
    while (lab.world.file_store("media").stored().count("new") == 0) lab.run_for(50us);
    lab.run_for(std::chrono::microseconds(100 * seed));
    const bool had_ended = lab.ended();
    lab.inject(FaultKind::crash, "media", 2s);
    const std::string stored = lab.world.file_store("media").stored().find("new")->second;
    lab.run_for(20s);
    ASSERT_TRUE(lab.ended());
    const auto& after = lab.world.file_store("media").stored();
    EXPECT_EQ(after.find("old")->second, "kept");
    EXPECT_EQ(after.find("new")->second, stored) << "a dead store has gone on";
    EXPECT_TRUE(stored == "before" || stored == "after, and longer") << stored;
    if (outcome == "written") EXPECT_EQ(stored, "after, and longer");
    if (outcome == "did not happen") EXPECT_EQ(stored, "before");
    if (had_ended) continue;
    ++(stored == "before" ? undone : done);
  }
  EXPECT_GT(done, 0) << "no crash came between the write and its answer's arrival";
  EXPECT_GT(undone, 0) << "no crash came before the write";
}

TEST(SimFiles, AFullDiskRefusesToWriteAndLetsReadAndRemove) {
  StoresLab lab;
  lab.carry_out([&lab](Context& context) -> Task<void> {
    Files& files = context.files("media");
    co_await files.write("a", "x");
    lab.inject(FaultKind::disk_full, "media", 5s);
    const std::string refused = co_await write_outcome(files, "b", "y");
    EXPECT_EQ(refused, "did not happen");
    const auto read = co_await files.read("a");
    EXPECT_EQ(read, "x");
    const bool removed = co_await files.remove("a");
    EXPECT_TRUE(removed);
    co_await context.clock.sleep(6s);
    const std::string written = co_await write_outcome(files, "b", "y");
    EXPECT_EQ(written, "written");
  });
}

TEST(SimFiles, AStoreThatIsDownRefusesAndOneThatIsCutOffLeavesTheCallerInDoubt) {
  StoresLab lab;
  lab.carry_out([&lab](Context& context) -> Task<void> {
    Files& files = context.files("media");
    lab.inject(FaultKind::crash, "media", 3s);
    const std::string down = co_await write_outcome(files, "a", "x");
    EXPECT_EQ(down, "did not happen");
    co_await context.clock.sleep(4s);
    lab.inject(FaultKind::partition, "client-1|media", 30s);
    const std::string cut_off = co_await write_outcome(files, "a", "x");
    EXPECT_EQ(cut_off, "may have happened");
  });
}

TEST(SimFiles, AHostCanDieBetweenAWriteAndWhatFollows) {
  StoresLab lab;
  Fault fault;
  fault.kind = FaultKind::crash;
  fault.target = "client-1";
  fault.place = "client-1/task after file write";
  fault.ordinal = 1;
  fault.lasts = 1s;
  lab.world.arm({fault});
  lab.begin([](Context& context) -> Task<void> {
    co_await context.files("media").write("a", "x");
    co_await context.files("media").write("b", "y");
  });
  lab.run_for(10s);
  EXPECT_FALSE(lab.ended());
  EXPECT_EQ(lab.world.file_store("media").stored().count("a"), 1U);
  EXPECT_EQ(lab.world.file_store("media").stored().count("b"), 0U);
}

}  // namespace
}  // namespace orrery::sim
