#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>

#include "sim/network.hpp"

namespace orrery::sim {

/// A small message without a protocol: what tests and benchmarks of the network send.
struct Datagram {
  Host* from = nullptr;
  std::array<std::byte, 64> bytes{};
};

/// Where datagrams for a host arrive, in its memory. One task receives.
class Mailbox {
 public:
  Mailbox(Host& host, Network& network) : host_(host), network_(network), waiter_(host.executor()) {}

  /// Sends to the mailbox of another host. It must outlive the message.
  void send(Mailbox& to, const Datagram& datagram);

  /// Waits for the next datagram.
  struct Receive {
    Mailbox& mailbox;
    [[nodiscard]] bool await_ready() const noexcept { return mailbox.received_.has_value(); }
    void await_suspend(std::coroutine_handle<> handle) const { mailbox.waiter_.wait().await_suspend(handle); }
    [[nodiscard]] Datagram await_resume() const { return mailbox.take(); }
  };
  [[nodiscard]] Receive receive() noexcept { return {*this}; }

 private:
  friend class DatagramPacket;
  void put(const Datagram& datagram);
  Datagram take();

  Host& host_;
  Network& network_;
  Waiter waiter_;
  std::optional<Datagram> received_;
  std::deque<Datagram> more_;
};

}  // namespace orrery::sim
