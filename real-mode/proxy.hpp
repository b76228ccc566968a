#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "real-mode/loop.hpp"
#include "real-mode/socket.hpp"
#include "runtime/controls.hpp"

namespace orrery::real {

/// The network between the hosts of a test bed: every connection of one host to another goes through a listener of its own
/// here, so that whatever happens to a link happens to the connections that it has, too.
///
/// A link "a>b" carries what a sends to b, on connections of either; a *message* on it is all that goes one way on a
/// connection until something comes the other way: a request, an answer, a statement, its rows.
///
/// It has a thread of its own. All of these return when what they ask for is in force.
class Proxy {
 public:
  enum class Protocol {
    http,   // requests can be sent twice
    bytes,  // nothing is known of what is carried
    log,    // goes down to `from` all the time: each piece takes as long as the link is slow, and none is drawn for a fault
  };
  /// Called on the proxy's thread for each decision that struck.
  using OnStrike = std::function<void(const Fault&)>;

  explicit Proxy(OnStrike on_strike = {});
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy();

  /// An address of this machine that nobody else uses.
  [[nodiscard]] Address fresh_address();
  /// Where `from` is to connect to reach `to`, which listens at `upstream`. Refuses connections until `open(to)`, as a host
  /// does on which nobody listens. Throws SocketError.
  Address carry(const std::string& from, const std::string& to, const Address& upstream, Protocol protocol);
  void open(const std::string& to);
  void close(const std::string& to);
  /// New connections to `to` go there from now on: it was replaced.
  void move(const std::string& to, const Address& upstream);

  // What strikes links; `from` and `to` may be "*", every host. Each is taken back by its opposite.
  /// Nothing passes: what was sent waits, as for TCP's next try, and is lost, with its connection, if a side gives up before.
  void block(const std::string& from, const std::string& to);
  void unblock(const std::string& from, const std::string& to);
  /// Every message takes so much longer (negative: again less).
  void slow(const std::string& from, const std::string& to, Duration by);
  /// Zero: no limit.
  void limit(const std::string& from, const std::string& to, std::uint64_t bytes_per_second);
  /// While there are `most` connections to a database, new ones are refused with 53300. The lowest of several limits counts.
  void limit_connections(const std::string& to, std::size_t most);
  void unlimit_connections(const std::string& to, std::size_t most);
  /// Breaks the connections of both hosts.
  void reset(const std::string& a, const std::string& b);

  /// Drops, delays and duplicates at the n-th message of a link.
  void arm(std::vector<Fault> faults);
  void draw(const FaultRates& rates);
  /// Takes everything back, disarms, and draws no more. What is closed stays so.
  void heal();

  /// Connections that are carried now.
  [[nodiscard]] std::size_t connections();

 private:
  struct Link;
  struct Route;
  struct Connection;
  void call(std::function<void()> action);
  [[nodiscard]] Link& link(const std::string& from, const std::string& to);
  void for_links(const std::string& from, const std::string& to, const std::function<void(Link&)>& action);
  void listen(Route& route);
  Task<void> accept(Route& route, std::uint64_t opened);
  Task<void> carry_on(Route& route, Socket socket);
  Task<void> pump(std::shared_ptr<Connection> connection, bool upwards);
  Task<bool> pass(Connection& connection, Link& link, Socket& source);
  Task<void> send_again(Address upstream, std::string bytes);
  [[nodiscard]] bool is_full(const std::string& to) const;
  [[nodiscard]] const Fault* strike(FaultKind kind, const Link& link);

  OnStrike on_strike_;
  Loop loop_;
  RealRandom random_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Link>> links_;
  std::list<Route> routes_;
  std::list<Connection*> connections_;
  std::multimap<std::string, std::size_t> most_connections_;
  std::vector<Fault> armed_;
  FaultRates rates_;
  Fault drawn_;
  std::string address_;  // on the loopback network: this proxy's own
  std::uint16_t last_port_ = 20'000;
  bool quit_ = false;
  std::thread thread_;
};

}  // namespace orrery::real
