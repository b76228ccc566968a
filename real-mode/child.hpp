#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/time.hpp"

namespace orrery::real {

/// A child process. It is killed when this object goes, and by the kernel when this process, or the
/// thread that started it, ends.
class Child {
 public:
  struct Options {
    std::string output;        // its stdout and stderr are appended there; empty: they are this process's
    std::string as_user;       // run as this user; empty: as this process. Needs root
    std::string directory;     // where it runs; empty: here
    int input = -1;            // becomes its stdin; -1: this process's is
  };
  Child() = default;
  /// `arguments[0]` is the program's path. Throws std::runtime_error if it cannot be started.
  Child(std::vector<std::string> arguments, const Options& options);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool running() noexcept { return pid_ > 0 && !poll(); }
  /// How it ended, as waitpid says; nothing while it runs.
  std::optional<int> poll() noexcept;
  /// Waits at most so long; nothing if it still runs then. Blocks.
  std::optional<int> wait(Duration at_most);
  void signal(int number) noexcept;

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// "was killed by signal 9", "ended with status 2".
[[nodiscard]] std::string describe_end(int status);

}  // namespace orrery::real
