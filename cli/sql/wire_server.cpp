#include "cli/sql/wire_server.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/input.hpp"
#include "cli/sql/wire_session.hpp"
#include "scenarios/campaign_worker.hpp"

namespace orrery::cli::sql {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using asio::ip::tcp;

class Server;

/// One socket and the session behind it.
class Connection {
 public:
  Connection(Server& server, tcp::socket socket);
  void start() { read(); }
  /// Sends what there is, reads on, closes at the end.
  void proceed();
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_ && !reads_ && !writes_; }
  void close();

 private:
  // Input of this size waits until the session has worked on it.
  static constexpr std::size_t kMuch = 2 * MessageReader::kMaxMessage;
  void read();
  void write();

  Server& server_;
  tcp::socket socket_;
  WireSession session_;
  std::array<char, 16384> buffer_{};
  std::string sending_;
  bool reads_ = false;
  bool writes_ = false;
  bool at_end_ = false;  // of what the client sends
  bool is_closed_ = false;
};

class Server {
 public:
  Server(std::uint16_t port, std::uint64_t seed, bool natural_order)
      : hub(seed, std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()), natural_order),
        began_(std::chrono::steady_clock::now()),
        acceptor_(io_),
        timer_(io_),
        signals_(io_, SIGINT, SIGTERM) {
    const tcp::endpoint where(asio::ip::address_v4::loopback(), port);
    acceptor_.open(where.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(where);
    acceptor_.listen();
  }

  void run() {
    std::fputs(fmt::format("listening on 127.0.0.1 port {}; psql -h 127.0.0.1 -p {} -U postgres\n", port(), port()).c_str(), stdout);
    std::fflush(stdout);
    signals_.async_wait([this](error_code, int) { io_.stop(); });
    accept();
    io_.run();
    connections_.clear();
  }

  /// Everything that became possible goes on: virtual time is brought to the wall clock's, and all sessions proceed.
  void proceed() {
    hub.environment.time.run_until(wall_now());
    for (auto& connection : connections_) connection->proceed();
    std::erase_if(connections_, [](const auto& connection) { return connection->is_closed(); });
    const auto next = hub.environment.time.next();
    if (!next) return;
    timer_.expires_at(began_ + (*next - Instant{}));
    timer_.async_wait([this](error_code error) {
      if (!error) proceed();
    });
  }

  WireHub hub;

 private:
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] Instant wall_now() const { return Instant(std::chrono::steady_clock::now() - began_); }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!error) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);  // slower without, but not wrong
        connections_.push_back(std::make_unique<Connection>(*this, std::move(socket)));
        connections_.back()->start();
      }
      accept();
    });
  }

  asio::io_context io_{1};
  std::chrono::steady_clock::time_point began_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  asio::signal_set signals_;
  std::list<std::unique_ptr<Connection>> connections_;
};

Connection::Connection(Server& server, tcp::socket socket)
    : server_(server), socket_(std::move(socket)), session_(server.hub) {}

void Connection::read() {
  if (reads_ || at_end_ || is_closed_ || session_.buffered() > kMuch) return;
  reads_ = true;
  socket_.async_read_some(asio::buffer(buffer_), [this](error_code error, std::size_t size) {
    reads_ = false;
    if (error) {
      at_end_ = true;
      session_.disconnect();
    } else {
      session_.receive({buffer_.data(), size});
    }
    server_.proceed();
  });
}

void Connection::write() {
  if (writes_ || is_closed_ || !session_.has_output()) return;
  sending_ = session_.take_output();
  writes_ = true;
  asio::async_write(socket_, asio::buffer(sending_), [this](error_code error, std::size_t) {
    writes_ = false;
    if (error && !at_end_) {
      at_end_ = true;
      session_.disconnect();
    }
    server_.proceed();
  });
}

void Connection::proceed() {
  write();
  read();
  if (session_.is_over() && !writes_ && !session_.has_output()) close();
}

void Connection::close() {
  if (is_closed_) return;
  is_closed_ = true;
  error_code ignored;  // the other side may be gone already
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace

std::uint16_t parse_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > 65535) {
    throw UsageError(fmt::format("--wire \"{}\": not a port; write a number from 0 to 65535", text));
  }
  return static_cast<std::uint16_t>(number);
}

int serve(std::uint16_t port, std::uint64_t seed, bool natural_order) {
  std::unique_ptr<Server> server;
  try {
    server = std::make_unique<Server>(port, seed, natural_order);
  } catch (const boost::system::system_error& error) {
    throw SetupError(fmt::format("--wire {}: cannot listen on 127.0.0.1: {}", port, error.code().message()));
  }
  server->run();
  return kHeld;
}

}  // namespace orrery::cli::sql
