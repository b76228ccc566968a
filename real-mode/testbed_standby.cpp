// The test bed's hot standbys: how one is made, takes its primary's place, and is made again.
#include <stdexcept>
#include <utility>

#include "real-mode/pg_link.hpp"
#include "real-mode/testbed.hpp"

namespace orrery::real {
namespace {

/// How far a standby is behind without any fault, as one in another zone: so the commit at which a primary dies is lost with it.
constexpr Duration kBehind = 20ms;
/// As in simulation: how long an old primary takes until it follows the new one.
constexpr Duration kRejoins = 5s;
constexpr Duration kFollowsWithin = 60s;
constexpr Duration kHandsOverWithin = 20s;
constexpr Duration kLookEvery = 20ms;
constexpr Duration kTryAgainAfter = 1s;

}  // namespace

/// Where a standby finds its primary: behind the proxy, so that what holds the link up holds the log up.
std::string TestBed::standby_way(const Server& standby) const {
  const Address& way = ways_.at({standby.host, standby.database});
  return "host=" + way.host + " port=" + std::to_string(way.port) + " user=orrery sslmode=disable gssencmode=disable";
}

void TestBed::make_standby(Server& primary) {
  auto standby = std::make_unique<Server>();
  standby->host = standby_of(primary.host);
  standby->database = primary.database;
  ways_[{standby->host, primary.host}] =
      proxy_->carry(standby->host, primary.host, Address{primary.postgres->socket(), 0}, Proxy::Protocol::log);
  proxy_->open(primary.host);
  proxy_->slow(primary.host, standby->host, kBehind);
  standby->postgres = primary.postgres->make_standby(folder_ + "/pg" + std::to_string(++last_folder_), standby_way(*standby));
  servers_.push_back(std::move(standby));
}

/// Empty: its standby can take its place.
std::string TestBed::why_not_replaced(const Server& primary) const {
  const Server& standby = *find_server(standby_of(primary.host));
  if (standby.down || standby.postgres == nullptr) return "its standby is down";
  return standby.postgres->follows() ? "" : "its standby is too far behind";
}

/// A failover or a switchover.
void TestBed::replace(Server& server, const Fault& fault) {
  const std::string why_not = why_not_replaced(server);
  const bool planned = fault.kind == FaultKind::switchover;
  if (!why_not.empty()) {
    note(EventKind::log, server.host, "warning", {}, 0, "no " + std::string(to_string(fault.kind)) + ": " + why_not);
    if (!planned) end(server, fault);
    return;
  }
  server.is_replaced = true;
  // What is on its way to the standby is lost, and what is committed from now on.
  if (!planned) proxy_->reset(server.host, standby_of(server.host));
  end(server, fault);
}

/// False: it is started again itself.
Task<bool> TestBed::begin_take_over(Server& server) {
  server.is_replaced = false;
  Server& standby = *find_server(standby_of(server.host));
  // One that hands over ends when its standby has everything.
  const Instant until = loop_.now() + kHandsOverWithin;
  while (server.postgres->running() && loop_.now() < until) {
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kLookEvery);
  }
  std::string why_not;
  if (server.postgres->running()) {
    server.postgres->kill();
    why_not = "its standby does not receive everything";
  } else if (standby.down || standby.postgres == nullptr) {
    why_not = "its standby is down";
  } else {
    try {
      standby.postgres->resume();
      standby.postgres->begin_promotion();
    } catch (const PgError& error) {
      why_not = error.what();
    }
  }
  if (!why_not.empty()) {
    note(EventKind::log, server.host, "warning", {}, 0, "its standby does not take its place: " + why_not);
    co_return false;
  }
  proxy_->close(standby.host);
  standby.down = true;
  note(EventKind::host_stopped, standby.host, {}, {}, standby.incarnation, "it becomes the primary");
  replaced_.push_back(std::move(server.postgres));
  server.postgres = std::move(standby.postgres);
  co_return true;
}

/// The promoted server runs, and nobody is connected to it yet.
void TestBed::finish_take_over(Server& server) {
  const std::uint64_t survives = server.postgres->took_over_at();
  for (Capture& capture : captures_) {
    if (capture.database != server.database || capture.replaced != Instant::max()) continue;
    capture.survives = survives;
    capture.replaced = loop_.now();
  }
  captures_.push_back({server.database, ChangeCapture(server.postgres->connection(server.database), "orrery_" + server.database)});
  proxy_->move(server.host, Address{server.postgres->socket(), 0});
  Server& standby = *find_server(standby_of(server.host));
  loop_.spawn("a new standby", follow_again(standby));
}

Task<void> TestBed::follow_again(Server& standby) {
  Waiter patience(loop_);
  co_await patience.wait_until(loop_.now() + kRejoins);
  Server& primary = *find_server(standby.database);
  while (!ending_) {
    std::string failed;
    try {
      const Instant until = loop_.now() + kFollowsWithin;
      std::unique_ptr<PrivatePostgres> made;
      if (!primary.down) made = primary.postgres->begin_standby(folder_ + "/pg" + std::to_string(++last_folder_), standby_way(standby));
      while (made != nullptr && !primary.down && loop_.now() < until) {
        if (made->try_follow()) {
          standby.postgres = std::move(made);
          standby.down = false;
          proxy_->move(standby.host, Address{standby.postgres->socket(), 0});
          open(standby.host);
          note(EventKind::host_started, standby.host, {}, {}, ++standby.incarnation);
          co_return;
        }
        Waiter waiter(loop_);
        co_await waiter.wait_until(loop_.now() + kLookEvery);
      }
    } catch (const std::runtime_error& error) {
      failed = error.what();
    }
    if (!failed.empty()) note(EventKind::log, standby.host, "warning", {}, 0, "it is made again: " + failed);
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kTryAgainAfter);
  }
}

}  // namespace orrery::real
