#pragma once

#include <string>

#include "real-mode/child.hpp"
#include "real-mode/loop.hpp"
#include "real-mode/socket.hpp"

namespace orrery::real {

/// A Redis server of one's own, in memory only: a crash leaves it empty. It is gone with the object.
class PrivateRedis {
 public:
  /// Where the server's program is; empty: none is installed.
  [[nodiscard]] static std::string program();
  /// Starts nothing yet. `folder`: where it runs and logs.
  PrivateRedis(Loop& loop, Address address, std::string folder);

  /// Starts the process, which listens soon. Throws std::runtime_error.
  void launch();
  /// True once it answers; then it does what `refuse` said last.
  [[nodiscard]] Task<bool> answers();
  /// It refuses every command (NOPERM) or carries them out again; what it holds stays. Has no effect while it does not answer.
  [[nodiscard]] Task<void> refuse(bool refuses);

  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] Child& process() noexcept { return server_; }

 private:
  [[nodiscard]] Task<bool> ask(std::string command);

  Loop& loop_;
  const Address address_;
  const std::string folder_;
  bool refuses_ = false;
  Child server_;
};

}  // namespace orrery::real
