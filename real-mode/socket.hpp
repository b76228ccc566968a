#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "real-mode/loop.hpp"

namespace orrery::real {

/// Something with a socket did not work.
class SocketError : public std::runtime_error {
 public:
  enum class Reason {
    refused,    // nobody listens there
    timed_out,  // the deadline came first
    broken,     // reset, closed, or not to be had
  };
  SocketError(Reason reason, const std::string& what) : std::runtime_error(what), reason_(reason) {}
  [[nodiscard]] Reason reason() const noexcept { return reason_; }

 private:
  Reason reason_;
};

/// "127.0.0.1:8080" or "mail:8080": a name is resolved for each connection. One to listen on is no name. `parse` throws
/// std::invalid_argument if it is no host and port. To connect to, `host` may also be the path of
/// a unix socket; `port` says nothing then.
struct Address {
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] static Address parse(std::string_view text);
  [[nodiscard]] std::string text() const { return host + ":" + std::to_string(port); }
  friend auto operator<=>(const Address&, const Address&) = default;
};

/// A TCP connection. Destroying it closes it; nothing of an operation in flight touches its buffers afterwards.
class Socket {
 public:
  struct State;
  Socket() = default;
  explicit Socket(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Socket(Socket&&) noexcept = default;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  /// At least one byte, or 0 at the end of what the other side sends. Throws SocketError.
  [[nodiscard]] Task<std::size_t> read(char* into, std::size_t size, Instant deadline);
  /// What has come, at least one byte; empty at the end of what the other side sends. It is valid until the socket is used
  /// again, and costs a system call less than `read` where a task mostly waits. Throws SocketError.
  [[nodiscard]] Task<std::string_view> take(Instant deadline);
  /// All of `data`, which must live until then. Throws SocketError; a part may have been sent.
  [[nodiscard]] Task<void> write(std::string_view data, Instant deadline);
  /// There is something to read, or the other side has closed: an idle connection that is no longer good.
  [[nodiscard]] bool has_input() const;
  /// The other side has ended what it sends, or the connection is broken, whatever is left to read.
  [[nodiscard]] bool hung_up() const noexcept;
  /// Says that nothing more is sent.
  void end_sending() noexcept;
  /// Closes it so that the other side sees a reset instead of an end.
  void reset() noexcept;
  /// Ends both directions: a task that waits here goes on at once, and reads the end.
  void shut() noexcept;
  /// Says that nothing more is sent, and throws away what still comes until the other side ends too, so that a last answer
  /// is not lost in a reset.
  [[nodiscard]] Task<void> linger(Duration at_most);
  void close() noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  std::shared_ptr<State> state_;
};

/// Throws SocketError.
[[nodiscard]] Task<Socket> connect(Loop& loop, Address address, Instant deadline);

class Listener {
 public:
  /// Port 0: one that is free. Throws SocketError.
  Listener(Loop& loop, const Address& address);
  ~Listener();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// An empty socket once the listener was closed.
  [[nodiscard]] Task<Socket> accept();
  void close() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::uint16_t port_ = 0;
};

}  // namespace orrery::real
