#include "real-mode/guardian.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace orrery::real {
namespace {

namespace fs = std::filesystem;

/// Also those that are stopped, which neither notice their parent's end nor heed anything but SIGKILL.
bool kill_those_in(const std::string& folder, const std::string& program) {
  bool any = false;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    const pid_t pid = std::atoi(name.c_str());
    if (pid <= 0 || pid == ::getpid()) continue;
    const std::string at = fs::read_symlink(entry.path() / "cwd", error).string();
    if (error || (at != folder && !at.starts_with(folder + "/"))) continue;
    const std::string runs = fs::read_symlink(entry.path() / "exe", error).string();
    // Debian's redis-server is a link to redis-check-rdb.
    const bool is_ours = runs == program || runs.ends_with("/postgres") || runs.ends_with("/pg_basebackup") ||
                         runs.ends_with("/redis-server") || runs.ends_with("/redis-check-rdb");
    if (error || !is_ours) continue;
    ::kill(pid, SIGKILL);
    any = true;
  }
  return any;
}

[[noreturn]] void guard(int pipe, const std::string& folder, const std::string& program) {
  ::setsid();  // an interrupt at the terminal is not for it
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_NAME, "orrery-guardian");
  (void)!::chdir("/");
  // Nothing of the parent's may stay open because of this process: not even the other end of its own pipe.
  if (::dup2(pipe, 0) == 0) ::close_range(1, ~0U, 0);
  char byte = 0;
  ssize_t got = 0;
  while ((got = ::read(0, &byte, 1)) < 0 && errno == EINTR) {
  }
  if (got == 1) ::_exit(0);
  for (int tries = 0; tries < 100; ++tries) {
    const bool any = kill_those_in(folder, program);
    std::error_code error;
    fs::remove_all(folder, error);
    if (!any && !fs::exists(folder, error)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ::_exit(0);
}

}  // namespace

Guardian::Guardian(std::string folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  std::error_code error;
  const std::string program = fs::read_symlink("/proc/self/exe", error).string();
  child_ = ::fork();
  if (child_ == 0) guard(ends[0], folder, program);
  ::close(ends[0]);
  if (child_ < 0) {
    ::close(ends[1]);
    throw std::runtime_error(std::string("cannot start a process: ") + std::strerror(errno));
  }
  pipe_ = ends[1];
}

Guardian::~Guardian() {
  const char done = 1;
  (void)!::write(pipe_, &done, 1);  // it cannot be full, and who reads it cannot be gone before
  ::close(pipe_);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace orrery::real
