// A disk of its own for a folder: full, it refuses what needs room with ENOSPC; nobody outside sees it.
#include "real-mode/small_disk.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "real-mode/temporary_folder.hpp"

namespace orrery::real {
namespace {

/// 0, or why so many bytes cannot be written to the file.
int write_error(const std::string& path, std::size_t bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  const std::vector<char> content(bytes, 'x');
  const ssize_t written = ::write(file, content.data(), content.size());
  const int error = written < 0 ? errno : static_cast<std::size_t>(written) < bytes ? ENOSPC : 0;
  ::close(file);
  return error;
}

class SmallDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!SmallDisk::why_not().empty()) GTEST_SKIP() << SmallDisk::why_not();
    std::filesystem::create_directory(folder_);
  }
  const TemporaryFolder temporary_{"orrery-disk"};
  const std::string folder_ = temporary_.path() + "/disk";
};

TEST_F(SmallDiskTest, TakesNothingMoreWhenItIsFullAndDoesAgainWhenThereIsRoom) {
  SmallDisk disk(folder_, 1 << 20);
  EXPECT_EQ(write_error(folder_ + "/before", 100'000), 0);
  disk.fill();
  EXPECT_EQ(write_error(folder_ + "/while", 100'000), ENOSPC);
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/before"), 100'000U);
  disk.fill();  // it is full already
  disk.make_room();
  EXPECT_EQ(write_error(folder_ + "/after", 100'000), 0);
}

TEST_F(SmallDiskTest, BelongsToWhomTheFolderBelongsTo) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0750), 0);
  struct stat before {}, now {};
  ASSERT_EQ(::stat(folder_.c_str(), &before), 0);
  const SmallDisk disk(folder_, 1 << 20);
  ASSERT_EQ(::stat(folder_.c_str(), &now), 0);
  EXPECT_NE(now.st_dev, before.st_dev);
  EXPECT_EQ(now.st_mode, before.st_mode);
  EXPECT_EQ(now.st_uid, before.st_uid);
}

TEST_F(SmallDiskTest, IsNotThereForThoseOutside) {
  const SmallDisk disk(folder_, 1 << 20);
  std::ifstream mounts("/proc/" + std::to_string(::getppid()) + "/mounts");
  std::string line;
  bool any = false;
  while (std::getline(mounts, line)) {
    any = true;
    EXPECT_EQ(line.find(folder_), std::string::npos) << line;
  }
  EXPECT_TRUE(any);
}

TEST_F(SmallDiskTest, LeavesTheFolderAsItWas) {
  ASSERT_EQ(write_error(folder_ + "/kept", 10), 0);
  {
    const SmallDisk disk(folder_, 1 << 20);
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/kept"));
    ASSERT_EQ(write_error(folder_ + "/gone", 10), 0);
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/kept"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/gone"));
}

}  // namespace
}  // namespace orrery::real
