#include "real-mode/proxy.hpp"

#include <algorithm>
#include <exception>
#include <future>
#include <utility>

#include "real-mode/http.hpp"
#include "real-mode/pg_refusal.hpp"

namespace orrery::real {
namespace {

constexpr std::size_t kReadAtOnce = 64 * 1024;
constexpr Duration kConnectWithin = 10s;
constexpr Duration kWriteWithin = 60s;
/// As in simulation, a copy comes up to two seconds later; here half of them come while the first is in work, usually.
constexpr Duration kCopySoon = 10ms;
constexpr Duration kCopyLate = 2s;
constexpr Duration kCopyAnswerWithin = 10s;

bool matches(const std::string& wanted, const std::string& name) { return wanted == "*" || wanted == name; }

/// The length of the HTTP request at the front of `bytes`, or 0 while it is not whole. One whose body is chunked is not known.
std::size_t request_length(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  constexpr std::string_view kField = "\r\nContent-Length: ";
  const std::size_t field = bytes.substr(0, end).find(kField);
  std::size_t body = 0;
  if (field != std::string_view::npos) {
    for (std::size_t i = field + kField.size(); i < end && bytes[i] >= '0' && bytes[i] <= '9'; ++i) {
      body = body * 10 + static_cast<std::size_t>(bytes[i] - '0');
    }
  }
  return bytes.size() >= end + 4 + body ? end + 4 + body : 0;
}

/// The copy of a request is another one in the history, as in simulation.
void rename_request(std::string& bytes, std::uint64_t word) {
  const std::string field = "\r\n" + std::string(kRequestIdField) + ": ";
  const std::size_t at = bytes.find(field);
  if (at == std::string::npos) return;
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t i = at + field.size(); i < bytes.size() && bytes[i] != '\r'; ++i, word >>= 4) bytes[i] = kHex[word & 15];
}

}  // namespace

struct Proxy::Link {
  std::string from;
  std::string to;
  std::string name;
  int blocked = 0;
  Duration slower{0};
  std::uint64_t bytes_per_second = 0;
  std::uint64_t messages = 0;
  std::list<Waiter*> waiting;  // until it passes again

  void wake() {
    for (Waiter* waiter : waiting) waiter->wake();
  }
};

struct Proxy::Route {
  std::string from;
  std::string to;
  Address listens;
  Address upstream;
  Protocol protocol = Protocol::bytes;
  std::unique_ptr<Listener> listener;
  std::uint64_t opened = 0;  // how often
};

struct Proxy::Connection {
  Connection(Proxy& proxy, Route& route, Socket client)
      : proxy(proxy),
        route(route),
        up(proxy.link(route.from, route.to)),
        down(proxy.link(route.to, route.from)),
        client(std::move(client)),
        at(proxy.connections_.insert(proxy.connections_.end(), this)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { proxy.connections_.erase(at); }
  void reset() {
    client.reset();
    server.reset();
    up.wake();  // whoever waits for a link sees that there is nothing to wait for
    down.wake();
  }

  Proxy& proxy;
  Route& route;
  Link& up;
  Link& down;
  Socket client;
  Socket server;
  enum class Speaks { nobody, client, server } speaks = Speaks::nobody;
  bool lost = false;           // a message was dropped: nothing passes any more
  bool copies = false;         // this request is to be sent twice
  std::string copied;
  std::list<Connection*>::iterator at;
};

Proxy::Proxy(OnStrike on_strike) : on_strike_(std::move(on_strike)) {
  // The whole of 127.0.0.0/8 is this machine: on an address of its own no port is anybody else's, and none has to be asked for
  // at a moment at which it happens to be free.
  RealRandom random;
  address_ = "127." + std::to_string(1 + random.below(254)) + "." + std::to_string(random.below(256)) + "." +
             std::to_string(1 + random.below(254));
  thread_ = std::thread([this] {
    loop_.run([this] { return quit_; });
    loop_.end_tasks();
  });
}

Proxy::~Proxy() {
  call([this] { quit_ = true; });
  thread_.join();
}

void Proxy::call(std::function<void()> action) {
  std::promise<void> done;
  loop_.post([&] {
    try {
      action();
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  done.get_future().get();
}

Proxy::Link& Proxy::link(const std::string& from, const std::string& to) {
  std::unique_ptr<Link>& link = links_[{from, to}];
  if (link == nullptr) {
    link = std::make_unique<Link>();
    link->from = from;
    link->to = to;
    link->name = from + ">" + to;
  }
  return *link;
}

void Proxy::for_links(const std::string& from, const std::string& to, const std::function<void(Link&)>& action) {
  for (const auto& [ends, link] : links_) {
    if (matches(from, link->from) && matches(to, link->to)) action(*link);
  }
}

Address Proxy::fresh_address() { return Address{address_, ++last_port_}; }

Address Proxy::carry(const std::string& from, const std::string& to, const Address& upstream, Protocol protocol) {
  Address listens;
  call([&] {
    Route& route = routes_.emplace_back();
    route.from = from;
    route.to = to;
    route.upstream = upstream;
    route.protocol = protocol;
    (void)link(from, to);
    (void)link(to, from);
    route.listens = fresh_address();
    listens = route.listens;
  });
  return listens;
}

void Proxy::listen(Route& route) {
  if (route.listener != nullptr) return;
  route.listener = std::make_unique<Listener>(loop_, route.listens);
  loop_.spawn("proxy " + route.from + ">" + route.to, accept(route, ++route.opened));
}

void Proxy::open(const std::string& to) {
  call([&] {
    for (Route& route : routes_) {
      if (route.to == to) listen(route);
    }
  });
}

void Proxy::close(const std::string& to) {
  call([&] {
    for (Route& route : routes_) {
      if (route.to == to) route.listener.reset();
    }
  });
}

void Proxy::move(const std::string& to, const Address& upstream) {
  call([&] {
    for (Route& route : routes_) {
      if (route.to == to) route.upstream = upstream;
    }
  });
}

// ---- what strikes ----

void Proxy::block(const std::string& from, const std::string& to) {
  call([&] { for_links(from, to, [](Link& link) { ++link.blocked; }); });
}

void Proxy::unblock(const std::string& from, const std::string& to) {
  call([&] {
    for_links(from, to, [](Link& link) {
      if (link.blocked > 0 && --link.blocked == 0) link.wake();
    });
  });
}

void Proxy::slow(const std::string& from, const std::string& to, Duration by) {
  call([&] { for_links(from, to, [by](Link& link) { link.slower = std::max(link.slower + by, Duration::zero()); }); });
}

void Proxy::limit(const std::string& from, const std::string& to, std::uint64_t bytes_per_second) {
  call([&] { for_links(from, to, [=](Link& link) { link.bytes_per_second = bytes_per_second; }); });
}

void Proxy::limit_connections(const std::string& to, std::size_t most) {
  call([&] { most_connections_.emplace(to, most); });
}

void Proxy::unlimit_connections(const std::string& to, std::size_t most) {
  call([&] {
    const auto [begin, end] = most_connections_.equal_range(to);
    const auto found = std::find_if(begin, end, [&](const auto& limit) { return limit.second == most; });
    if (found != end) most_connections_.erase(found);
  });
}

bool Proxy::is_full(const std::string& to) const {
  const auto [begin, end] = most_connections_.equal_range(to);
  const auto there = static_cast<std::size_t>(
      std::ranges::count_if(connections_, [&](const Connection* connection) { return connection->route.to == to; }));
  return std::any_of(begin, end, [&](const auto& limit) { return there >= limit.second; });
}

void Proxy::reset(const std::string& a, const std::string& b) {
  call([&] {
    for (Connection* connection : connections_) {
      const Route& route = connection->route;
      const bool is_between = (matches(a, route.from) && matches(b, route.to)) || (matches(b, route.from) && matches(a, route.to));
      if (is_between) connection->reset();
    }
  });
}

void Proxy::arm(std::vector<Fault> faults) {
  call([&] { armed_.insert(armed_.end(), faults.begin(), faults.end()); });
}

void Proxy::draw(const FaultRates& rates) {
  call([&] { rates_ = rates; });
}

void Proxy::heal() {
  call([&] {
    armed_.clear();
    rates_ = FaultRates();
    most_connections_.clear();
    for (const auto& [ends, link] : links_) {
      link->blocked = 0;
      link->slower = Duration::zero();
      link->bytes_per_second = 0;
      link->wake();
    }
  });
}

std::size_t Proxy::connections() {
  std::size_t count = 0;
  call([&] { count = connections_.size(); });
  return count;
}

const Fault* Proxy::strike(FaultKind kind, const Link& link) {
  const Fault* strikes = nullptr;
  for (const Fault& fault : armed_) {
    if (fault.kind == kind && fault.target == link.name && fault.ordinal == link.messages) strikes = &fault;
  }
  const FaultRates::Rate& rate = rates_[kind];
  if (strikes == nullptr && rate.per_million > 0 && random_.below(1'000'000) < rate.per_million) {
    drawn_ = Fault();
    drawn_.kind = kind;
    drawn_.target = link.name;
    drawn_.ordinal = link.messages;
    const auto spread = static_cast<std::uint64_t>(rate.amount_high - rate.amount_low + 1);
    drawn_.amount = rate.amount_low + static_cast<std::int64_t>(random_.below(spread));
    strikes = &drawn_;
  }
  if (strikes != nullptr && on_strike_) on_strike_(*strikes);
  return strikes;
}

// ---- carrying ----

/// `opened`: a listener that was opened again meanwhile has a task of its own, perhaps before this one began.
Task<void> Proxy::accept(Route& route, std::uint64_t opened) {
  while (route.listener != nullptr && route.opened == opened) {
    Task<Socket> accepting = route.listener->accept();
    Socket socket = co_await std::move(accepting);
    if (!socket) co_return;
    if (is_full(route.to)) {
      loop_.spawn("proxy", refuse_session(std::move(socket), "53300", "sorry, too many clients already", loop_.now() + kConnectWithin));
      continue;
    }
    loop_.spawn("proxy", carry_on(route, std::move(socket)));
  }
}

Task<void> Proxy::carry_on(Route& route, Socket socket) {
  const auto connection = std::make_shared<Connection>(*this, route, std::move(socket));
  // The handshake goes there and back.
  Task<bool> there = pass(*connection, connection->up, connection->client);
  const bool came_there = co_await std::move(there);
  if (!came_there) co_return;
  Task<bool> back = pass(*connection, connection->down, connection->client);
  const bool came_back = co_await std::move(back);
  if (!came_back) co_return;
  bool connected = false;
  try {
    Task<Socket> connecting = connect(loop_, route.upstream, loop_.now() + kConnectWithin);
    connection->server = co_await std::move(connecting);
    connected = true;
  } catch (const SocketError&) {
    connected = false;  // it is going down, or was not there: its callers see a reset
  }
  if (!connected || !connection->client) {
    connection->reset();
    co_return;
  }
  loop_.spawn("proxy", pump(connection, false));
  Task<void> pumping = pump(connection, true);
  co_await std::move(pumping);
}

/// Waits until the link passes. False: there is nobody left who waits for it, and the connection is gone.
Task<bool> Proxy::pass(Connection& connection, Link& link, Socket& source) {
  bool waited = false;
  while (link.blocked > 0 && connection.client) {
    waited = true;
    Waiter waiter(loop_);
    struct InLine {
      InLine(std::list<Waiter*>& line, Waiter& waiter) : line(line), at(line.insert(line.end(), &waiter)) {}
      ~InLine() { line.erase(at); }
      std::list<Waiter*>& line;
      std::list<Waiter*>::iterator at;
    };
    const InLine in_line(link.waiting, waiter);
    co_await waiter.wait();
  }
  if (waited && source.hung_up()) connection.reset();
  co_return static_cast<bool>(connection.client);
}

Task<void> Proxy::pump(std::shared_ptr<Connection> connection, bool upwards) {
  Link& link = upwards ? connection->up : connection->down;
  Socket& source = upwards ? connection->client : connection->server;
  Socket& target = upwards ? connection->server : connection->client;
  const auto self = upwards ? Connection::Speaks::client : Connection::Speaks::server;
  std::vector<char> buffer(kReadAtOnce);
  try {
    for (;;) {
      if (!source) co_return;
      Task<std::size_t> reading = source.read(buffer.data(), buffer.size(), Instant::max());
      const std::size_t got = co_await std::move(reading);
      if (connection->lost) {
        if (got > 0) continue;
        connection->reset();
        co_return;
      }
      Duration slower{0};
      if (connection->route.protocol == Protocol::log) {
        slower = link.slower;
      } else if (got > 0 && connection->speaks != self) {
        connection->speaks = self;
        connection->copies = false;
        connection->copied.clear();
        ++link.messages;
        slower = link.slower;
        if (strike(FaultKind::drop, link) != nullptr) {
          connection->lost = true;
          continue;
        }
        if (const Fault* fault = strike(FaultKind::delay, link)) slower += std::chrono::microseconds(fault->amount);
        if (upwards && connection->route.protocol == Protocol::http) {
          connection->copies = strike(FaultKind::duplicate, link) != nullptr;
        }
      }
      if (slower > Duration::zero()) {
        Waiter patience(loop_);
        co_await patience.wait_until(loop_.now() + slower);
      }
      Task<bool> passing = pass(*connection, link, source);
      const bool passes = co_await std::move(passing);
      if (!passes || !target) co_return;
      if (got == 0) {
        target.end_sending();
        co_return;
      }
      Task<void> writing = target.write({buffer.data(), got}, loop_.now() + kWriteWithin);
      co_await std::move(writing);
      if (upwards && connection->copies) {
        connection->copied.append(buffer.data(), got);
        const std::size_t whole = request_length(connection->copied);
        if (whole > 0) {
          connection->copies = false;
          rename_request(connection->copied, random_.next());
          loop_.spawn("proxy", send_again(connection->route.upstream, connection->copied.substr(0, whole)));
        }
      }
      if (link.bytes_per_second > 0) {
        const auto nanoseconds = static_cast<std::int64_t>(got * 1'000'000'000 / link.bytes_per_second);
        Waiter patience(loop_);
        co_await patience.wait_until(loop_.now() + Duration(nanoseconds));
      }
    }
  } catch (const SocketError&) {
    connection->reset();  // what one side did to it the other side gets to see
  }
}

/// A request once more, on a connection of its own; nobody reads the answer.
Task<void> Proxy::send_again(Address upstream, std::string bytes) {
  const Duration longest = random_.below(2) == 0 ? kCopySoon : kCopyLate;
  Waiter patience(loop_);
  co_await patience.wait_until(loop_.now() + Duration(random_.below(static_cast<std::uint64_t>(longest.count()))));
  try {
    Task<Socket> connecting = connect(loop_, upstream, loop_.now() + kConnectWithin);
    Socket socket = co_await std::move(connecting);
    Task<void> writing = socket.write(bytes, loop_.now() + kWriteWithin);
    co_await std::move(writing);
    char waste[4096];
    Task<std::size_t> reading = socket.read(waste, sizeof waste, loop_.now() + kCopyAnswerWithin);
    co_await std::move(reading);
  } catch (const SocketError&) {
    // The host is gone: so is the copy.
  }
}

}  // namespace orrery::real
