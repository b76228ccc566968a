#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace orrery::testing {

/// `orrery sql --wire` as a process, on a port of its own choice. Needs the program's path in $ORRERY.
class WireServer {
 public:
  WireServer() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::execl(std::getenv("ORRERY"), "orrery", "sql", "--wire", "0", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    std::FILE* said = ::fdopen(ends[0], "r");
    std::array<char, 200> line{};
    if (std::fgets(line.data(), line.size(), said) != nullptr) {
      static_cast<void>(std::sscanf(line.data(), "listening on 127.0.0.1 port %d", &port_));
    }
    std::fclose(said);
  }
  WireServer(const WireServer&) = delete;
  WireServer& operator=(const WireServer&) = delete;
  ~WireServer() { static_cast<void>(stop()); }

  /// Its exit status; -1 if it had none.
  int stop() {
    if (process_ <= 0) return -1;
    int status = 0;
    ::kill(process_, SIGINT);
    ::waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string connection() const {
    return "host=127.0.0.1 user=postgres dbname=postgres port=" + std::to_string(port_);
  }

 private:
  pid_t process_ = 0;
  int port_ = 0;
};

}  // namespace orrery::testing
