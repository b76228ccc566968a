#include "real-mode/small_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace orrery::real {
namespace {

constexpr off_t kLargestPiece = 1 << 20;
constexpr off_t kSmallestPiece = 4096;

std::string enter_namespace() {
  // Nothing that is mounted from now on may show outside.
  if (::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return {};
  return std::string("a full disk needs a mount namespace, which cannot be had: ") + std::strerror(errno);
}

[[noreturn]] void fail(const std::string& what, int error) { throw std::runtime_error(what + ": " + std::strerror(error)); }

}  // namespace

const std::string& SmallDisk::why_not() {
  static const std::string why = enter_namespace();
  return why;
}

SmallDisk::SmallDisk(std::string folder, std::uint64_t bytes) : folder_(std::move(folder)) {
  if (!why_not().empty()) throw std::runtime_error(why_not());
  struct stat owner {};
  if (::stat(folder_.c_str(), &owner) != 0) fail("cannot look at " + folder_, errno);
  char mode[8];
  std::snprintf(mode, sizeof mode, "%o", static_cast<unsigned>(owner.st_mode & 07777));
  const std::string options = "size=" + std::to_string(bytes) + ",uid=" + std::to_string(owner.st_uid) + ",gid=" + std::to_string(owner.st_gid) +
                              ",mode=" + mode;
  if (::mount("orrery", folder_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) fail("cannot mount a disk at " + folder_, errno);
}

SmallDisk::~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }

/// By this name a server's data may have a file that is no part of them: backups leave it out.
std::string SmallDisk::filler() const { return folder_ + "/pgsql_tmp.filler"; }

void SmallDisk::fill() {
  const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 && errno == ENOSPC) return;
  if (file < 0) fail("cannot fill the disk at " + folder_, errno);
  off_t size = ::lseek(file, 0, SEEK_END);
  int error = 0;
  for (off_t piece = kLargestPiece; piece >= kSmallestPiece;) {
    error = ::posix_fallocate(file, size, piece);
    if (error == 0) {
      size += piece;
    } else if (error == ENOSPC) {
      piece /= 2;
    } else if (error != EINTR) {
      break;
    }
  }
  ::close(file);
  if (error != ENOSPC) fail("cannot fill the disk at " + folder_, error);
}

void SmallDisk::make_room() noexcept { ::unlink(filler().c_str()); }

}  // namespace orrery::real
