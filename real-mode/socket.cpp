#include "real-mode/socket.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstring>
#include <thread>
#include <utility>

#include "runtime/wait_queue.hpp"

namespace orrery::real {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
namespace errors = boost::asio::error;

constexpr Duration kAfterFailedAccept = 50ms;  // no file descriptor was free: do not spin

bool would_block(const error_code& error) { return error == errors::would_block || error == errors::try_again; }

/// One direction of a socket: at most one task waits until it is ready.
struct Gate {
  Waiter* waiter = nullptr;
  bool armed = false;  // an operation of Asio is under way
};

/// Suspends until `gate` opens (true) or the deadline comes (false). The Asio handler keeps the state alive and touches the
/// task only through the gate, so a task that is destroyed while it waits leaves nothing dangling.
template <class State, class SocketType>
Task<bool> wait_at(Loop& loop, std::shared_ptr<State> state, SocketType& socket, Gate& gate,
                   tcp::socket::wait_type type, Instant deadline) {
  Waiter waiter(loop);
  const InPlace at_gate(gate.waiter, waiter);
  if (!gate.armed) {
    gate.armed = true;
    socket.async_wait(type, [state, &gate](const error_code&) {
      gate.armed = false;
      if (gate.waiter != nullptr) gate.waiter->wake();
    });
  }
  co_return co_await waiter.wait_until(deadline);
}

}  // namespace

/// What Asio has read before anybody asked for it.
struct Incoming {
  std::array<char, 16 * 1024> bytes;
  std::size_t size = 0;
  error_code error;
  bool ready = false;
};

struct Socket::State {
  explicit State(Loop& loop) : loop(loop), socket(loop.io()) {}
  Loop& loop;
  tcp::socket socket;
  Gate input;
  Gate output;
  std::unique_ptr<Incoming> incoming;  // of `take`
};

struct Listener::State {
  explicit State(Loop& loop) : loop(loop), acceptor(loop.io()) {}
  Loop& loop;
  tcp::acceptor acceptor;
  Gate input;
};

namespace {

/// A look-up is asked so often whether it has ended.
constexpr Duration kLookAtAnswer = 1ms;

/// An IP address, or a name of letters, digits, '-' and '.' that does not look like an address of numbers.
bool is_host(const std::string& text) {
  error_code not_an_address;
  boost::asio::ip::make_address(text, not_an_address);
  if (!not_an_address) return true;
  const auto known = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return std::ranges::all_of(text, known) && text.find_first_not_of("0123456789.") != std::string::npos;
}

/// What the system's resolver (a hosts file, DNS) says now. A name of several addresses gives them in turns, as its server
/// says. Each look-up has a thread of its own, which may outlive it: one name that nobody answers for must not hold up the
/// others, as it would on the one thread that Asio has for them. Throws SocketError.
Task<tcp::endpoint> resolve(Loop& loop, const Address& address, Instant deadline) {
  error_code error;
  const auto literal = boost::asio::ip::make_address(address.host, error);
  if (!error) co_return tcp::endpoint(literal, address.port);
  struct Answer {
    std::atomic<bool> done{false};
    int failed = 0;
    tcp::endpoint endpoint;
  };
  const auto answer = std::make_shared<Answer>();
  std::thread([answer, host = address.host, port = address.port] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    answer->failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (answer->failed == 0) {
      std::memcpy(answer->endpoint.data(), found->ai_addr, found->ai_addrlen);
      answer->endpoint.resize(found->ai_addrlen);
      answer->endpoint.port(port);
      ::freeaddrinfo(found);
    }
    answer->done.store(true, std::memory_order_release);
  }).detach();
  while (!answer->done.load(std::memory_order_acquire)) {
    if (loop.now() >= deadline) {
      throw SocketError(SocketError::Reason::timed_out, address.text() + ": its name was not resolved in time");
    }
    Waiter pause(loop);
    co_await pause.wait_until(std::min(deadline, loop.now() + kLookAtAnswer));
  }
  if (answer->failed != 0) {
    throw SocketError(SocketError::Reason::broken, address.text() + ": " + ::gai_strerror(answer->failed));
  }
  co_return answer->endpoint;
}

}  // namespace

Address Address::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Address address;
  if (colon != std::string_view::npos && colon > 0) {
    address.host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error == std::errc{} && end == port.data() + port.size() && !port.empty() && is_host(address.host)) return address;
  }
  throw std::invalid_argument("\"" + std::string(text) + "\" is no host and port such as 127.0.0.1:8080");
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Socket::close() noexcept {
  if (state_ == nullptr) return;
  error_code ignored;  // it is gone either way
  state_->socket.close(ignored);
  state_.reset();
}

bool Socket::hung_up() const noexcept {
  if (state_ == nullptr) return true;
  pollfd asked{state_->socket.native_handle(), POLLRDHUP, 0};
  return ::poll(&asked, 1, 0) > 0;
}

void Socket::end_sending() noexcept {
  if (state_ == nullptr) return;
  error_code ignored;  // it may be gone already
  state_->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Socket::reset() noexcept {
  if (state_ == nullptr) return;
  error_code ignored;  // a unix socket has no reset: its other side sees an end
  state_->socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close();
}

void Socket::shut() noexcept {
  error_code ignored;  // it may be gone already
  state_->socket.shutdown(tcp::socket::shutdown_both, ignored);
}

Task<void> Socket::linger(Duration at_most) {
  const Instant deadline = state_->loop.now() + at_most;
  error_code ignored;
  state_->socket.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 4096> waste;
  try {
    for (std::size_t got = 1; got > 0;) {
      Task<std::size_t> reading = read(waste.data(), waste.size(), deadline);
      got = co_await std::move(reading);
    }
  } catch (const SocketError&) {
    // It resets or goes on sending: its own loss.
  }
}

bool Socket::has_input() const {
  char byte = 0;
  error_code error;
  state_->socket.receive(boost::asio::buffer(&byte, 1), tcp::socket::message_peek, error);
  return !would_block(error);
}

Task<std::size_t> Socket::read(char* into, std::size_t size, Instant deadline) {
  const std::shared_ptr<State> state = state_;
  for (;;) {
    error_code error;
    const std::size_t got = state->socket.read_some(boost::asio::buffer(into, size), error);
    if (!error) co_return got;
    if (error == errors::eof) co_return 0;
    if (!would_block(error)) throw SocketError(SocketError::Reason::broken, error.message());
    Task<bool> waiting =
        wait_at(state->loop, state, state->socket, state->input, tcp::socket::wait_read, deadline);
    if (!co_await std::move(waiting)) throw SocketError(SocketError::Reason::timed_out, "nothing came in time");
  }
}

Task<std::string_view> Socket::take(Instant deadline) {
  const std::shared_ptr<State> state = state_;
  if (state->incoming == nullptr) state->incoming = std::make_unique<Incoming>();
  Incoming& incoming = *state->incoming;
  if (!incoming.ready && !state->input.armed) {
    state->input.armed = true;
    // Unlike async_wait, this asks the system for nothing but the bytes.
    state->socket.async_receive(boost::asio::buffer(incoming.bytes), [state](const error_code& error, std::size_t size) {
      state->input.armed = false;
      state->incoming->ready = true;
      state->incoming->error = error;
      state->incoming->size = size;
      if (state->input.waiter != nullptr) state->input.waiter->wake();
    });
  }
  while (!incoming.ready) {
    Waiter waiter(state->loop);
    const InPlace at_gate(state->input.waiter, waiter);
    const bool came = co_await waiter.wait_until(deadline);
    if (!came) throw SocketError(SocketError::Reason::timed_out, "nothing came in time");
  }
  incoming.ready = false;
  if (incoming.error == errors::eof) co_return std::string_view();
  if (incoming.error) throw SocketError(SocketError::Reason::broken, incoming.error.message());
  co_return std::string_view(incoming.bytes.data(), incoming.size);
}

Task<void> Socket::write(std::string_view data, Instant deadline) {
  const std::shared_ptr<State> state = state_;
  while (!data.empty()) {
    error_code error;
    const std::size_t sent = state->socket.write_some(boost::asio::buffer(data.data(), data.size()), error);
    data.remove_prefix(sent);
    if (!error) continue;
    if (!would_block(error)) throw SocketError(SocketError::Reason::broken, error.message());
    Task<bool> waiting =
        wait_at(state->loop, state, state->socket, state->output, tcp::socket::wait_write, deadline);
    if (!co_await std::move(waiting)) throw SocketError(SocketError::Reason::timed_out, "nothing was taken in time");
  }
}

namespace {

/// It connects at once or not at all. Asio reads and writes it as it does any stream.
Socket connect_unix(Loop& loop, const std::string& path) {
  const auto state = std::make_shared<Socket::State>(loop);
  Socket socket(state);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw SocketError(SocketError::Reason::broken, path + ": the path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  error_code error;
  if (made < 0) throw SocketError(SocketError::Reason::broken, path + ": " + std::strerror(errno));
  const bool connected = ::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int why = errno;
  state->socket.assign(tcp::v4(), made, error);
  if (error) ::close(made);
  if (connected && !error) state->socket.non_blocking(true, error);
  if (!connected || error) {
    throw SocketError(connected ? SocketError::Reason::broken : SocketError::Reason::refused,
                      path + ": " + (connected ? error.message() : std::strerror(why)));
  }
  return socket;
}

}  // namespace

Task<Socket> connect(Loop& loop, Address address, Instant deadline) {
  if (address.host.starts_with('/')) co_return connect_unix(loop, address.host);
  const auto state = std::make_shared<Socket::State>(loop);
  Socket socket(state);
  Task<tcp::endpoint> resolving = resolve(loop, address, deadline);
  const tcp::endpoint endpoint = co_await std::move(resolving);
  error_code error;
  state->socket.open(endpoint.protocol(), error);
  if (!error) state->socket.non_blocking(true, error);
  if (error) throw SocketError(SocketError::Reason::broken, address.text() + ": " + error.message());
  // Asio's own connect() waits, also on a socket that is not to block.
  if (::connect(state->socket.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
    if (errno == EINPROGRESS) {
      Task<bool> waiting = wait_at(loop, state, state->socket, state->output, tcp::socket::wait_write, deadline);
      if (!co_await std::move(waiting)) {
        throw SocketError(SocketError::Reason::timed_out, address.text() + ": no connection in time");
      }
      int pending = 0;
      socklen_t size = sizeof pending;
      ::getsockopt(state->socket.native_handle(), SOL_SOCKET, SO_ERROR, &pending, &size);
      error.assign(pending, boost::system::system_category());
    } else {
      error.assign(errno, boost::system::system_category());
    }
  }
  if (error) {
    throw SocketError(error == errors::connection_refused ? SocketError::Reason::refused : SocketError::Reason::broken,
                      address.text() + ": " + error.message());
  }
  state->socket.set_option(tcp::no_delay(true), error);
  co_return std::move(socket);
}

Listener::Listener(Loop& loop, const Address& address) : state_(std::make_shared<State>(loop)) {
  error_code error;
  const tcp::endpoint endpoint(boost::asio::ip::make_address(address.host, error), address.port);
  tcp::acceptor& acceptor = state_->acceptor;
  if (!error) acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) acceptor.non_blocking(true, error);
  if (!error) port_ = acceptor.local_endpoint(error).port();
  if (error) throw SocketError(SocketError::Reason::broken, "cannot listen on " + address.text() + ": " + error.message());
}

Listener::~Listener() { close(); }

void Listener::close() noexcept {
  error_code ignored;
  state_->acceptor.close(ignored);
  if (state_->input.waiter != nullptr) state_->input.waiter->wake();
}

Task<Socket> Listener::accept() {
  const std::shared_ptr<State> state = state_;
  while (state->acceptor.is_open()) {
    auto accepted = std::make_shared<Socket::State>(state->loop);
    error_code error;
    state->acceptor.accept(accepted->socket, error);
    if (!error) {
      accepted->socket.non_blocking(true, error);
      if (!error) accepted->socket.set_option(tcp::no_delay(true), error);
      if (!error) co_return Socket(std::move(accepted));
      continue;  // it went away while it was being accepted
    }
    if (would_block(error)) {
      Task<bool> waiting = wait_at(state->loop, state, state->acceptor, state->input, tcp::socket::wait_read,
                                   Instant::max());
      co_await std::move(waiting);
    } else if (state->acceptor.is_open()) {
      Waiter pause(state->loop);
      co_await pause.wait_until(state->loop.now() + kAfterFailedAccept);
    }
  }
  co_return Socket();
}

}  // namespace orrery::real
