#include "scenarios/campaign_watchdog.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "runtime/progress.hpp"

namespace orrery {
namespace {

constexpr int kLooks = 8;  // so often within the limit

WorkerCell* cell_of_this_process = nullptr;
Duration wall_limit{0};
Duration standstill_limit{0};
Duration cpu_limit{0};
std::uint64_t steps_seen = 0;
int looks_without_progress = 0;
std::int64_t looks_in_this_run = 0;
std::int64_t looks_allowed = 0;
std::int64_t run_seen = 0;  // when it began

/// Text in a fixed buffer: a signal handler may not allocate.
class Words {
 public:
  Words(char* into, std::size_t size) : next_(into), end_(into + size - 1) {}
  ~Words() { *next_ = '\0'; }
  Words& operator<<(const char* text) {
    while (*text != '\0' && next_ < end_) *next_++ = *text++;
    return *this;
  }
  Words& operator<<(std::uint64_t value) {
    char digits[21];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0 && next_ < end_) *next_++ = digits[--count];
    return *this;
  }
  /// Seconds with milliseconds: "12.345s".
  Words& operator<<(Duration time) {
    const auto milliseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0) / 1'000'000);
    const std::uint64_t rest = milliseconds % 1000;
    *this << milliseconds / 1000;
    if (rest != 0) {
      char decimals[] = {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10), '\0'};
      *this << decimals;
    }
    return *this << "s";
  }

 private:
  char* next_;
  char* end_;
};

[[noreturn]] void end_as_stuck() {
  cell_of_this_process->end.store(WorkerCell::End::stuck);
  ::_exit(1);
}

/// Where the run is: "at virtual time 1.250s after 41 steps, in user-1/relay".
void say_where(Words& words, const Watched* world) {
  char task[256];
  if (world == nullptr) {
    words << "no world runs";
    return;
  }
  words << "at virtual time " << world->watched_now().time_since_epoch() << " after " << world->steps() << " steps, ";
  if (world->running_task(task, sizeof task)) {
    words << "in " << task;
  } else {
    words << "in no task";
  }
}

/// Every eighth of the standstill limit, in CPU time.
void look(int) {
  const Watched* world = watched.load(std::memory_order_relaxed);
  const std::int64_t run = cell_of_this_process->started_ns.load(std::memory_order_relaxed);
  if (run != run_seen) {
    run_seen = run;
    looks_in_this_run = 0;
  } else if (run != 0 && ++looks_in_this_run >= looks_allowed) {
    {
      Words words(cell_of_this_process->why, sizeof cell_of_this_process->why);
      words << "did not end within " << cpu_limit << " of CPU time: ";
      say_where(words, world);
    }
    end_as_stuck();
  }
  char task[256];
  if (world == nullptr || !world->running_task(task, sizeof task) || world->steps() != steps_seen) {
    looks_without_progress = 0;
    steps_seen = world != nullptr ? world->steps() : 0;
    return;
  }
  if (++looks_without_progress < kLooks) return;
  Words(cell_of_this_process->why, sizeof cell_of_this_process->why)
      << "virtual time stands still at " << world->watched_now().time_since_epoch() << ": " << task << " has run for "
      << standstill_limit << " of CPU time without a co_await that takes time";
  end_as_stuck();
}

void say_what_you_do(int) {
  const Watched* world = watched.load(std::memory_order_relaxed);
  {
    Words words(cell_of_this_process->why, sizeof cell_of_this_process->why);
    words << "did not end within " << wall_limit << " of wall time: ";
    say_where(words, world);
  }
  end_as_stuck();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

void watch_this_process(WorkerCell& cell, const RunLimits& limits) {
  cell_of_this_process = &cell;
  wall_limit = limits.wall;
  standstill_limit = limits.standstill;
  cpu_limit = limits.cpu;
  struct sigaction action{};
  action.sa_flags = SA_RESTART;
  action.sa_handler = say_what_you_do;
  ::sigaction(kSayWhatYouDo, &action, nullptr);
  action.sa_handler = look;
  ::sigaction(SIGVTALRM, &action, nullptr);
  const Duration every = std::max<Duration>(limits.standstill / kLooks, 1ms);
  looks_allowed = std::max<std::int64_t>(limits.cpu / every, 1);
  itimerval timer{};
  timer.it_interval.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(every).count();
  timer.it_interval.tv_usec = (every % 1s).count() / 1000;
  timer.it_value = timer.it_interval;
  ::setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

std::string telling_part(std::string_view output) {
  constexpr std::size_t kLines = 40;
  const std::vector<std::string_view> lines = lines_of(output);
  std::size_t from = lines.size() > kLines ? lines.size() - kLines : 0;
  std::size_t to = lines.size();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find("Sanitizer: ") == std::string_view::npos &&
        lines[i].find("runtime error: ") == std::string_view::npos) {
      continue;
    }
    from = i;
    to = std::min(lines.size(), i + kLines);
    break;
  }
  std::string part;
  for (std::size_t i = from; i < to; ++i) {
    if (lines[i].starts_with("Shadow bytes around")) break;
    if (lines[i].starts_with("=====")) continue;
    part.append(lines[i]).push_back('\n');
  }
  return part;
}

std::string telling_line(std::string_view output) {
  for (const std::string_view mark :
       {"SUMMARY: ", "runtime error: ", "CHECK(", "Assertion ", "  what():  ", "terminate called"}) {
    for (const std::string_view line : lines_of(output)) {
      if (line.find(mark) != std::string_view::npos) {
        const std::size_t start = line.find_first_not_of(' ');
        return std::string(line.substr(start == std::string_view::npos ? 0 : start));
      }
    }
  }
  return {};
}

}  // namespace orrery
