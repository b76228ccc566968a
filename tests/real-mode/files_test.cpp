#include "real-mode/files.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "real-mode/temporary_folder.hpp"

namespace orrery::real {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<std::string>;

class DirectoryFilesTest : public testing::Test {
 protected:
  DirectoryFilesTest() {
    recorder.on_event([this](Event event) { events.push_back(std::move(event)); });
  }
  ~DirectoryFilesTest() override {
    loop.end_tasks();
    files.reset();
  }
  DirectoryFiles& open() {
    files = std::make_unique<DirectoryFiles>(loop, recorder, mishaps, "media", folder + "/media");
    return *files;
  }
  std::string write_outcome(std::string path, std::string bytes) {
    try {
      complete(loop, files->write(std::move(path), std::move(bytes)));
    } catch (const FilesFailed& failed) {
      return to_string(failed.effect());
    }
    return "written";
  }

  const TemporaryFolder temporary{"orrery-files"};
  const std::string& folder = temporary.path();
  Loop loop;
  std::vector<Event> events;
  Recorder recorder{"host-1"};
  Mishaps mishaps{loop, recorder};
  std::unique_ptr<DirectoryFiles> files;
};

TEST_F(DirectoryFilesTest, AreReadAsTheyWereWrittenAlsoByTheNextProcess) {
  open();
  complete(loop, files->write("a/2.txt", "two"));
  complete(loop, files->write("a/1.txt", "one"));
  complete(loop, files->write("a/1.txt", "first"));
  complete(loop, files->write("b", std::string("\0\xff", 2)));
  open();
  EXPECT_EQ(complete(loop, files->read("a/1.txt")), "first");
  EXPECT_EQ(complete(loop, files->read("b")), std::string("\0\xff", 2));
  EXPECT_EQ(complete(loop, files->read("a/3.txt")), std::nullopt);
  EXPECT_EQ(complete(loop, files->list("a/")), (Paths{"a/1.txt", "a/2.txt"}));
  EXPECT_TRUE(complete(loop, files->remove("a/2.txt")));
  EXPECT_FALSE(complete(loop, files->remove("a/2.txt")));
  EXPECT_EQ(complete(loop, files->list("")), (Paths{"a/1.txt", "b"}));
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[1].kind, EventKind::file_written);
  EXPECT_EQ(events[1].subject + " " + events[1].key + " " + events[1].text, "media a/1.txt " + content_hash("one"));
  EXPECT_EQ(events[1].number, 3);
  EXPECT_EQ(events[4].kind, EventKind::file_removed);
}

TEST_F(DirectoryFilesTest, RefuseWhatIsNoPathAndWhatStandsInTheWayOfAnother) {
  open();
  std::ofstream(folder + "/secret") << "s";
  for (const char* path : {"", ".", "..", "../secret", "/etc/passwd", "a/../../secret", "a//b", "a/", "a b", "a~1"}) {
    EXPECT_EQ(write_outcome(path, "x"), "did not happen") << path;
    EXPECT_THROW(complete(loop, files->read(path)), FilesFailed) << path;
    EXPECT_THROW(complete(loop, files->remove(path)), FilesFailed) << path;
  }
  EXPECT_TRUE(fs::exists(folder + "/secret"));
  EXPECT_EQ(complete(loop, files->list("../")), Paths{});
  complete(loop, files->write("a/b", "x"));
  EXPECT_EQ(write_outcome("a", "x"), "did not happen");
  EXPECT_EQ(write_outcome("a/b/c", "x"), "did not happen");
  EXPECT_EQ(complete(loop, files->read("a")), std::nullopt);
  EXPECT_FALSE(complete(loop, files->remove("a")));
}

TEST_F(DirectoryFilesTest, FollowNoLinkOutOfTheStore) {
  open();
  std::ofstream(folder + "/secret") << "s";
  fs::create_symlink(folder + "/secret", folder + "/media/link");
  EXPECT_THROW(complete(loop, files->read("link")), FilesFailed);
  complete(loop, files->write("link", "own"));  // takes the link's place
  EXPECT_EQ(complete(loop, files->read("link")), "own");
  std::string secret;
  std::ifstream(folder + "/secret") >> secret;
  EXPECT_EQ(secret, "s");
}

TEST_F(DirectoryFilesTest, SeeNothingOfAWriteThatWasKilledAndClearItAwayLater) {
  open();
  complete(loop, files->write("a/b", "old"));
  const std::string left = folder + "/media/a/b~4711-1";
  std::ofstream(left) << "ne";
  EXPECT_EQ(complete(loop, files->read("a/b")), "old");
  EXPECT_EQ(complete(loop, files->list("")), Paths{"a/b"});
  open();
  EXPECT_TRUE(fs::exists(left)) << "another process may be writing it now";
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  open();
  EXPECT_FALSE(fs::exists(left));
}

/// A limit of the size of files stands for a disk that is full.
TEST_F(DirectoryFilesTest, ThatCannotBeWrittenSayThatItDidNotHappenAndLeaveTheOldBytes) {
  open();
  complete(loop, files->write("a", "old"));
  const auto limit = [](rlim_t bytes) {
    struct rlimit now {};
    ::getrlimit(RLIMIT_FSIZE, &now);
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  };
  ::signal(SIGXFSZ, SIG_IGN);
  limit(4096);
  const std::string outcome = write_outcome("a", std::string(100'000, 'x'));
  limit(RLIM_INFINITY);
  EXPECT_EQ(outcome, "did not happen");
  EXPECT_EQ(complete(loop, files->read("a")), "old");
  EXPECT_EQ(complete(loop, files->list("")), Paths{"a"});
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder + "/media")) ++entries;
  EXPECT_EQ(entries, 1) << "what was written of it is left";
}

}  // namespace
}  // namespace orrery::real
