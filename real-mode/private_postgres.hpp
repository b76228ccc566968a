#pragma once

#include <string>

#include "real-mode/child.hpp"

namespace orrery::real {

/// A PostgreSQL server of one's own in a temporary folder, reached by a unix socket there, as the superuser "orrery". It
/// keeps what was committed when its processes are killed, not when the machine stops (fsync is off), and it logs changes
/// so that they can be decoded (wal_level=logical). Everything is gone with the object. Blocking.
class PrivatePostgres {
 public:
  /// Throws std::runtime_error, which says what is missing, if no server can be started.
  PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;
  ~PrivatePostgres();

  /// How to connect to one of its databases.
  [[nodiscard]] std::string connection(const std::string& database) const;
  void create_database(const std::string& name);

  /// SIGKILL: all sessions break, and what was not committed is lost.
  void kill();
  /// Starts it again and waits until it has recovered.
  void start();
  /// Starts it if it does not run; true once it can be used. To be called again until then, by the thread that lives as
  /// long as the server is to: the kernel kills it when its parent thread ends.
  [[nodiscard]] bool try_start();
  [[nodiscard]] bool running() noexcept { return server_.running(); }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  [[nodiscard]] std::string log_tail() const;

  std::string programs_;
  std::string user_;  // who runs it; empty: this process's user
  std::string folder_;
  Child server_;
};

}  // namespace orrery::real
