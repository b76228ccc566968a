#include "scenarios/campaign_worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/campaign_watchdog.hpp"

namespace orrery {
namespace {

constexpr std::array kCaught = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t caught_signal = 0;
int interrupts_alive = 0;
sigset_t mask_before;
std::array<struct sigaction, kCaught.size()> actions_before;

void note_signal(int number) { caught_signal = number; }

[[noreturn]] void fail(const char* what) { throw SetupError(std::string(what) + ": " + std::strerror(errno)); }

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) ::_exit(0);  // the parent is gone, or no longer wants it
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void note(WorkerCell& cell, WorkerCell::End end, const char* why) {
  std::strncpy(cell.why, why, sizeof cell.why - 1);
  cell.end.store(end);
}

/// Everything in a worker from the fork to its end.
[[noreturn]] void live(const Worker::Body& body, const RunLimits& limits, pid_t parent, int pipe, int output,
                       WorkerCell& cell) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  for (const int number : kCaught) ::signal(number, SIG_IGN);  // the parent decides
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  watch_this_process(cell, limits);
  WorkerSide side(pipe, output, cell);
  try {
    body(side);
  } catch (const std::invalid_argument& error) {
    note(cell, WorkerCell::End::invalid_argument, error.what());
    ::_exit(1);
  } catch (const std::exception& error) {
    note(cell, WorkerCell::End::exception, (std::string("threw: ") + error.what()).c_str());
    ::_exit(1);
  } catch (...) {
    note(cell, WorkerCell::End::exception, "threw something that is not a std::exception");
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace

Duration wall_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

unsigned usable_cores() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

Interrupts::Interrupts() {
  if (interrupts_alive++ > 0) return;
  caught_signal = 0;
  sigset_t blocked;
  sigemptyset(&blocked);
  struct sigaction action{};
  action.sa_handler = note_signal;
  for (std::size_t i = 0; i < kCaught.size(); ++i) {
    ::sigaction(kCaught[i], nullptr, &actions_before[i]);
    if (actions_before[i].sa_handler == SIG_IGN) continue;  // as under nohup
    sigaddset(&blocked, kCaught[i]);
    ::sigaction(kCaught[i], &action, nullptr);
  }
  ::sigprocmask(SIG_BLOCK, &blocked, &mask_before);
}

Interrupts::~Interrupts() {
  if (--interrupts_alive > 0) return;
  for (std::size_t i = 0; i < kCaught.size(); ++i) ::sigaction(kCaught[i], &actions_before[i], nullptr);
  ::sigprocmask(SIG_SETMASK, &mask_before, nullptr);
}

int Interrupts::caught() noexcept {
  if (caught_signal != 0) return caught_signal;
  // Blocked outside of waiting: it may be pending.
  if (interrupts_alive > 0) {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : kCaught) sigaddset(&wanted, number);
    const timespec now{};
    const int number = ::sigtimedwait(&wanted, nullptr, &now);
    if (number > 0) caught_signal = number;
  }
  return caught_signal;
}

void WorkerSide::begin(std::uint64_t seed) {
  // What earlier runs wrote does not explain this one's death.
  struct stat output{};
  if (::fstat(output_, &output) == 0 && output.st_size > 0 && ::ftruncate(output_, 0) != 0) ::_exit(1);
  cell_.seed.store(seed, std::memory_order_relaxed);
  cell_.started_ns.store(wall_now().count(), std::memory_order_relaxed);
}

void WorkerSide::send(std::string_view bytes) { write_all(pipe_, bytes); }

Worker::Worker(const Body& body, const RunLimits& limits) : limits_(limits) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("a worker cannot be started, pipe");
  pipe_ = ends[0];
  const int other_end = ends[1];
  output_ = ::memfd_create("worker output", MFD_CLOEXEC);
  void* memory = ::mmap(nullptr, sizeof(WorkerCell), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (output_ < 0 || memory == MAP_FAILED) {
    ::close(other_end);
    fail("a worker cannot be started, memory");
  }
  cell_ = new (memory) WorkerCell;
  ::fcntl(output_, F_SETFL, O_APPEND);
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(pipe_);
    live(body, limits, parent, other_end, output_, *cell_);
  }
  ::close(other_end);
  if (pid_ < 0) fail("a worker cannot be started, fork");
  ::fcntl(pipe_, F_SETFL, O_NONBLOCK);
}

Worker::~Worker() {
  if (pid_ > 0 && !ended_) {
    kill();
    reap(true);
  }
  if (pipe_ >= 0) ::close(pipe_);
  if (output_ >= 0) ::close(output_);
  if (cell_ != nullptr) ::munmap(cell_, sizeof(WorkerCell));
}

void Worker::kill() noexcept {
  if (pid_ > 0 && !ended_) ::kill(pid_, SIGKILL);
}

void Worker::reap(bool block) {
  if (ended_) return;
  rusage usage{};
  pid_t got = 0;
  do {
    got = ::wait4(pid_, &status_, block ? 0 : WNOHANG, &usage);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return;
  ended_ = true;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  cpu_s_ = seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Worker::collect() {
  char bytes[1 << 16];
  for (;;) {
    const ssize_t got = ::read(pipe_, bytes, sizeof bytes);
    if (got > 0) {
      inbox_.append(bytes, static_cast<std::size_t>(got));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) reap(true);
    return;
  }
}

void Worker::check_wall_limit() {
  if (ended_) return;
  const Duration started{cell_->started_ns.load()};
  const Duration now = wall_now();
  if (started.count() == 0 || now - started < limits_.wall) {
    asked_at_ = Duration(0);
  } else if (asked_at_.count() == 0) {
    asked_at_ = now;
    overdue_ = now - started;
    ::kill(pid_, kSayWhatYouDo);
  } else if (now - asked_at_ > 2s) {
    kill();
  }
}

bool Worker::succeeded() const noexcept { return ended_ && WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }

std::string Worker::why() const {
  if (cell_->end.load() != WorkerCell::End::none) return cell_->why;
  if (asked_at_.count() != 0)
    return "did not end within " + to_string(limits_.wall) + " of wall time, and gave no answer";
  if (WIFSIGNALED(status_)) {
    const int number = WTERMSIG(status_);
    return "killed by signal " + std::to_string(number) + " (" + ::strsignal(number) + ")" +
           (number == SIGKILL ? ": out of memory?" : "");
  }
  return "ended with exit status " + std::to_string(WEXITSTATUS(status_));
}

std::string Worker::output() const {
  struct stat output{};
  if (::fstat(output_, &output) != 0 || output.st_size == 0) return {};
  constexpr off_t kRead = 64 * 1024;
  std::string text(static_cast<std::size_t>(std::min(output.st_size, kRead)), '\0');
  const ssize_t got = ::pread(output_, text.data(), text.size(), output.st_size - static_cast<off_t>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return telling_part(text);
}

bool wait_for_workers(const std::vector<Worker*>& workers, Duration at_most) {
  std::vector<pollfd> fds;
  std::vector<Worker*> alive;
  for (Worker* worker : workers) {
    if (worker->ended_) continue;
    fds.push_back({worker->pipe_, POLLIN, 0});
    alive.push_back(worker);
  }
  if (alive.empty()) return false;
  const timespec timeout{std::chrono::duration_cast<std::chrono::seconds>(at_most).count(),
                         static_cast<long>((at_most % 1s).count())};
  sigset_t open;
  if (interrupts_alive > 0) {
    open = mask_before;
  } else {
    ::sigprocmask(SIG_SETMASK, nullptr, &open);
  }
  const int ready = ::ppoll(fds.data(), fds.size(), &timeout, &open);
  bool something = false;
  for (std::size_t i = 0; i < alive.size(); ++i) {
    if (ready > 0 && fds[i].revents != 0) {
      alive[i]->collect();
      something = true;
    } else if (ready <= 0) {
      // A process that the worker itself started may hold the pipe open.
      alive[i]->reap(false);
      if (alive[i]->ended_) {
        alive[i]->collect();
        something = true;
      }
    }
    alive[i]->check_wall_limit();
  }
  return something;
}

ChildAnswer in_child(std::uint64_t seed, const RunLimits& limits, const std::function<std::string()>& body) {
  Worker worker(
      [&](WorkerSide& side) {
        side.begin(seed);
        const std::string answer = body();
        side.end();
        side.send(answer);
      },
      limits);
  ChildAnswer answer;
  while (!worker.ended() && Interrupts::caught() == 0) wait_for_workers({&worker}, 200ms);
  if (!worker.ended()) {
    answer.interrupted = true;
    answer.why = "interrupted";
    return answer;
  }
  answer.good = worker.succeeded();
  answer.text = worker.received();
  if (answer.good) return answer;
  answer.stuck = worker.was_stuck();
  answer.refused = worker.was_refused();
  answer.why = worker.why();
  answer.output = worker.output();
  return answer;
}

}  // namespace orrery
