#include "real-mode/child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

namespace orrery::real {

Child::Child(std::vector<std::string> arguments, const Options& options) {
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  uid_t user = 0;
  gid_t group = 0;
  if (!options.as_user.empty()) {
    const passwd* entry = ::getpwnam(options.as_user.c_str());
    if (entry == nullptr) throw std::runtime_error("there is no user " + options.as_user);
    user = entry->pw_uid;
    group = entry->pw_gid;
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error(std::string("cannot start a process: ") + std::strerror(errno));
  if (pid_ > 0) return;

  // In the child, until exec: nothing that allocates or locks. glibc's own setuid() would speak to this process's other threads.
  if (!options.output.empty()) {
    const int out = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0) ::_exit(126);
  }
  if (options.input >= 0 && ::dup2(options.input, 0) < 0) ::_exit(126);
  if (!options.as_user.empty() && (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setgid, group) != 0 ||
                                    ::syscall(SYS_setuid, user) != 0)) {
    ::_exit(126);
  }
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(126);
  // An interrupt at the terminal is for the parent, which ends its children in order. After setuid, which clears it:
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // Sockets that another thread has just opened, too: a listener that lives on in a child cannot be opened again.
  ::close_range(3, ~0U, 0);
  ::execv(words[0], words.data());
  ::_exit(127);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, {})) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    Child dying(std::move(*this));
    pid_ = std::exchange(other.pid_, -1);
    status_ = std::exchange(other.status_, {});
  }
  return *this;
}

Child::~Child() {
  if (pid_ <= 0 || poll()) return;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> Child::poll() noexcept {
  if (status_ || pid_ <= 0) return status_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

std::optional<int> Child::wait(Duration at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  while (!poll() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return status_;
}

void Child::signal(int number) noexcept {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace orrery::real
