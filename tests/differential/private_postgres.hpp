#pragma once

#include <string>

namespace orrery::testing {

/// A real PostgreSQL of its own: initdb in a temporary directory, a unix socket, gone with the object. As root it runs as the
/// user postgres, since the server refuses to be root.
class PrivatePostgres {
 public:
  PrivatePostgres();
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  /// Why there is none; empty: it runs.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] std::string url() const { return "host=" + folder_ + " user=postgres dbname=postgres"; }

 private:
  [[nodiscard]] bool run(const std::string& command) const;

  std::string folder_;
  std::string programs_;
  std::string as_;  // how to become the server's user
  std::string problem_;
};

}  // namespace orrery::testing
