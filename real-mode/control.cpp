#include "real-mode/control.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace orrery::real {

struct ControlLink::State {
  State(Loop& loop, int socket, OnLine heard) : socket(loop.io(), socket), heard(std::move(heard)) {}
  boost::asio::posix::stream_descriptor socket;
  OnLine heard;  // empty once the link is gone
  std::string bytes;
  bool ended = false;
};

ControlLink::ControlLink(Loop& loop, int socket, OnLine heard)
    : state_(std::make_shared<State>(loop, socket, std::move(heard))) {
  arm(state_);
}

ControlLink::~ControlLink() {
  state_->heard = nullptr;
  boost::system::error_code ignored;  // it is gone either way
  state_->socket.close(ignored);
}

void ControlLink::arm(const std::shared_ptr<State>& state) {
  state->socket.async_wait(boost::asio::posix::stream_descriptor::wait_read, [state](const boost::system::error_code& error) {
    if (error || !state->heard) return;
    std::vector<Json> lines;
    const bool open = read(*state, lines);
    for (const Json& line : lines) {
      const OnLine heard = state->heard;  // a copy: what it does may end the link
      if (heard) heard(line);
    }
    if (open && state->heard) arm(state);
  });
}

/// What has come, without waiting. False: nothing will come any more.
bool ControlLink::read(State& state, std::vector<Json>& lines) {
  char chunk[4096];
  for (;;) {
    const ssize_t got = ::recv(state.socket.native_handle(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0) {
      state.bytes.append(chunk, static_cast<std::size_t>(got));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) state.ended = true;
    break;
  }
  for (std::size_t end = state.bytes.find('\n'); end != std::string::npos; end = state.bytes.find('\n')) {
    Json line = Json::parse(state.bytes.substr(0, end), nullptr, false);
    CHECK(line.is_object(), "what came from the other end of a control link is no JSON object");
    lines.push_back(std::move(line));
    state.bytes.erase(0, end + 1);
  }
  return !state.ended;
}

void ControlLink::send(const Json& line) noexcept {
  const std::string text = line.dump() + "\n";
  // A line is far shorter than the socket's buffer, and few are on their way at a time.
  const ssize_t sent = ::send(state_->socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  CHECK(sent < 0 || sent == static_cast<ssize_t>(text.size()), "a control link took a part of a line");
}

bool ControlLink::wait_for(const std::function<bool(const Json&)>& is_it) {
  for (;;) {
    pollfd asked{state_->socket.native_handle(), POLLIN, 0};
    if (::poll(&asked, 1, -1) < 0 && errno != EINTR) return false;
    std::vector<Json> lines;
    const bool open = read(*state_, lines);
    bool found = false;
    for (const Json& line : lines) {
      if (!found && is_it(line)) {
        found = true;
      } else {
        state_->heard(line);
      }
    }
    if (found) return true;
    if (!open) return false;
  }
}

std::pair<int, int> control_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error(std::string("cannot make a pair of sockets: ") + std::strerror(errno));
  }
  return {ends[0], ends[1]};
}

}  // namespace orrery::real
