// What the test bed does to its hosts and to the links between them.
#include <signal.h>

#include <algorithm>
#include <utility>

#include "real-mode/testbed.hpp"

namespace orrery::real {
namespace {

constexpr const char* kBroker = "broker";

struct Ends {
  std::string from;
  std::string to;
  bool both_ways = false;
};

/// Splits "a|b" or "a>b"; empty names if it is neither.
Ends split_link(const std::string& target) {
  const std::size_t at = target.find_first_of("|>");
  if (at == std::string::npos) return {};
  return {target.substr(0, at), target.substr(at + 1), target[at] == '|'};
}

bool is_on_links(FaultKind kind) {
  return kind == FaultKind::partition || kind == FaultKind::one_way_partition || kind == FaultKind::slow_link;
}

}  // namespace

// ---- what can be done ----

std::string TestBed::unsupported_decision(const Fault& fault) const {
  if (fault.ordinal == 0) return "it strikes at an occasion and cannot be injected at a time";
  if (fault.kind == FaultKind::redeliver) return {};  // "topic/group": it may come into being later
  const Ends ends = split_link(fault.target);
  const bool from_service = find(ends.from) != nullptr;
  const bool to_service = find(ends.to) != nullptr;
  switch (fault.kind) {
    case FaultKind::drop:
    case FaultKind::delay: return unsupported_on_link(fault);
    case FaultKind::duplicate:
      if ((from_service && ends.to == kBroker) || (to_service && ends.from == kBroker)) return {};
      if ((from_service || is_client(ends.from)) && to_service) return {};
      return "only an HTTP request or a broker message can be sent twice";
    case FaultKind::break_statement:
    case FaultKind::break_before_commit:
    case FaultKind::break_during_commit:
    case FaultKind::break_after_commit:
    case FaultKind::kill_session:
    case FaultKind::deadlock:
    case FaultKind::break_listening:
      return from_service && is_database(ends.to) ? "" : "its target is no link from a service to a database";
    case FaultKind::lose_publish:
    case FaultKind::lose_confirmation:
    case FaultKind::lose_ack:
      return from_service && ends.to == kBroker ? "" : "its target is no link from a service to the broker";
    case FaultKind::cache_flush:
    case FaultKind::cache_evict:
      if (!has_cache()) return why_no_cache();
      return from_service && ends.to == kCacheHost ? "" : "its target is no link from a service to the cache";
    case FaultKind::serialization_failure: return "a real server decides by itself which transactions it fails";
    default: return "real mode has nothing like it";
  }
}

std::string TestBed::unsupported_on_link(const Fault& fault) const {
  const Ends ends = split_link(fault.target);
  for (const std::string& name : {ends.from, ends.to}) {
    if (name == kCacheHost && has_cache()) continue;
    if (name != "*" && find(name) == nullptr && !is_database(name) && !is_client(name)) {
      return "there is no host \"" + name + "\"";
    }
  }
  const bool is_log = (has_standby(ends.from) && ends.to == standby_of(ends.from)) ||
                      (has_standby(ends.to) && ends.from == standby_of(ends.to));
  if (is_log && is_on_links(fault.kind)) return {};
  // Every other connection has a service at one end at least.
  const auto serves = [&](const std::string& name) { return name == "*" || find(name) != nullptr; };
  return serves(ends.from) || serves(ends.to) ? "" : "no connection goes between these hosts";
}

std::string TestBed::unsupported_at_host(const Fault& fault) const {
  if (fault.target == kCacheHost || fault.kind == FaultKind::cache_down) {
    if (!has_cache()) return why_no_cache();
    if (fault.target != kCacheHost) return "it is no cache";
    const bool can = fault.kind == FaultKind::cache_down || fault.kind == FaultKind::crash || fault.kind == FaultKind::stop ||
                     fault.kind == FaultKind::pause;
    return can ? "" : "it is a cache, which real mode cannot do this to";
  }
  if (fault.kind == FaultKind::disk_full) {
    const bool is_of_service = std::ranges::find(settings_.databases, fault.target, &BedSettings::DatabaseSpec::name) != settings_.databases.end();
    const bool is_store = std::ranges::find(settings_.file_stores, fault.target) != settings_.file_stores.end();
    if (!is_of_service && !is_store) return "it is no service's database and no file store";
    if (is_of_service && !settings_.postgres.empty()) return "the disk of the server given with --postgres is not the test bed's to fill";
    return SmallDisk::why_not();
  }
  if (find(fault.target) != nullptr) {
    switch (fault.kind) {
      case FaultKind::crash:
      case FaultKind::stop:
      case FaultKind::pause:
      case FaultKind::clock_jump:
      case FaultKind::clock_drift:
      case FaultKind::slow_service:
      case FaultKind::error_burst: return {};
      default: return "it is a service, which real mode cannot do this to";
    }
  }
  if (!is_database(fault.target)) return "there is no host \"" + fault.target + "\" that it could strike";
  switch (fault.kind) {
    case FaultKind::crash:
    case FaultKind::stop:
    case FaultKind::pause:
      return settings_.postgres.empty() ? "" : "the server given with --postgres is not the test bed's to end or stop";
    case FaultKind::clock_jump:
    case FaultKind::clock_drift: return "a database server's clock is this machine's";
    case FaultKind::slow_database: return {};
    case FaultKind::failover:
    case FaultKind::switchover:
    case FaultKind::standby_lag:
      if (has_standby(fault.target)) return {};
      return settings_.postgres.empty() ? "it has no standby" : "with a server given with --postgres no database has a standby";
    case FaultKind::read_only_database:
      return settings_.postgres.empty() ? "" : "the server given with --postgres is not the test bed's to set";
    case FaultKind::connection_limit: return {};
    case FaultKind::idle_transaction:
      if (std::ranges::find(settings_.databases, fault.target, &BedSettings::DatabaseSpec::name) != settings_.databases.end()) return {};
      return "it is no service's database, or a standby";
    case FaultKind::broker_delay: return fault.target == kBroker ? "" : "it is no broker";
    default: return "real mode cannot do this to a database or the broker";
  }
}

std::string TestBed::unsupported(const Fault& fault) const {
  if (fault.kind >= FaultKind::count_) return "there is no such fault";
  if (!is_episode(fault.kind)) return unsupported_decision(fault);
  if (fault.ordinal > 0) {
    const std::string host = fault.place.substr(0, fault.place.find('/'));
    if (find(host) == nullptr) return "there are places at services only, and \"" + host + "\" is none";
  }
  return is_on_links(fault.kind) ? unsupported_on_link(fault) : unsupported_at_host(fault);
}

// ---- doing it ----

void TestBed::set_rates(const FaultRates& rates) { rates_ = rates; }

void TestBed::arm(const std::vector<Fault>& faults) {
  armed_.insert(armed_.end(), faults.begin(), faults.end());
  std::vector<Fault> on_links;
  for (const Fault& fault : faults) {
    const Ends ends = split_link(fault.target);
    const bool is_message = ends.from == kBroker || ends.to == kBroker;  // which is sent twice by those who know of it
    const bool on_link = fault.kind == FaultKind::drop || fault.kind == FaultKind::delay ||
                         (fault.kind == FaultKind::duplicate && !is_message);
    if (on_link) on_links.push_back(fault);
  }
  proxy_->arm(std::move(on_links));
}

void TestBed::strike(const Fault& fault) {
  struck_.push_back(fault);
  note(EventKind::fault_injected, fault.target, to_string(fault.kind), address_of(fault), 0, to_string(fault));
}

void TestBed::inject(const Fault& fault) {
  if (ending_ || healed_) return;
  const bool ends_host = fault.kind == FaultKind::crash || fault.kind == FaultKind::stop || fault.kind == FaultKind::failover ||
                         fault.kind == FaultKind::switchover;
  if (!ends_host) return begin_episode(fault);
  if (fault.target == kCacheHost) {
    if (cache_->down) return;
    strike(fault);
    end_cache(fault);
  } else if (Server* server = find_server(fault.target)) {
    if (server->down) return;
    strike(fault);
    if (fault.kind == FaultKind::failover || fault.kind == FaultKind::switchover) return replace(*server, fault);
    end(*server, fault);
  } else {
    Replica* replica = find(fault.target);
    CHECK(replica != nullptr, "a fault that is not supported was injected");
    if (replica->down) return;
    strike(fault);
    end(*replica, fault);
  }
}

void TestBed::begin_episode(const Fault& fault) {
  strike(fault);
  const std::uint64_t id = ++last_active_;
  active_.push_back({id, fault});
  apply(fault, true);
  at(loop_.now() + fault.lasts, "episode", [this, id] { end_episode(id); });
}

void TestBed::end_episode(std::uint64_t id) {
  const auto found = std::ranges::find(active_, id, &Active::id);
  if (found == active_.end()) return;
  const Fault fault = std::move(found->fault);
  active_.erase(found);
  apply(fault, false);
  note(EventKind::fault_healed, fault.target, to_string(fault.kind), address_of(fault));
}

void TestBed::apply(const Fault& fault, bool begins) {
  const Duration by = std::chrono::microseconds(begins ? fault.amount : -fault.amount);
  const Ends ends = split_link(fault.target);
  Replica* replica = find(fault.target);
  switch (fault.kind) {
    case FaultKind::pause: return pause(fault, begins);
    case FaultKind::read_only_database:
      if (!others_active(fault, begins)) find_server(fault.target)->postgres->set_read_only(begins);
      return;
    case FaultKind::idle_transaction: return hold_transaction(fault, begins);
    case FaultKind::disk_full: return fill_disk(fault, begins);
    case FaultKind::partition:
    case FaultKind::one_way_partition:
      begins ? proxy_->block(ends.from, ends.to) : proxy_->unblock(ends.from, ends.to);
      if (ends.both_ways) begins ? proxy_->block(ends.to, ends.from) : proxy_->unblock(ends.to, ends.from);
      return;
    case FaultKind::slow_link: return proxy_->slow(ends.from, ends.to, by);
    case FaultKind::slow_database: return proxy_->slow("*", fault.target, by);
    case FaultKind::connection_limit: {
      const auto most = static_cast<std::size_t>(fault.amount);
      return begins ? proxy_->limit_connections(fault.target, most) : proxy_->unlimit_connections(fault.target, most);
    }
    case FaultKind::cache_down: return refuse_cache(begins);
    case FaultKind::standby_lag: return proxy_->slow(fault.target, standby_of(fault.target), by);
    case FaultKind::clock_jump:
      replica->clock_offset = std::chrono::microseconds(begins ? fault.amount : 0);
      replica->clock_ppm = 0;
      return tell(*replica);
    case FaultKind::clock_drift:
      if (!begins) replica->clock_offset = std::chrono::microseconds(0);  // as after a synchronisation
      replica->clock_ppm = begins ? fault.amount : 0;
      return tell(*replica);
    case FaultKind::slow_service:
      replica->slower += by;
      return tell(*replica);
    case FaultKind::error_burst:
      replica->failing += begins ? 1 : -1;
      return tell(*replica);
    case FaultKind::broker_delay:
      delivery_delay_ += by;
      for (const auto& one : replicas_) tell(*one);
      return;
    default: CHECK(false, "this fault is not an episode of its own");
  }
}

/// Other episodes of the kind go on at this host: the first begins it, and the last ends it.
bool TestBed::others_active(const Fault& fault, bool begins) const {
  return std::ranges::count_if(active_, [&](const Active& active) {
    return active.fault.kind == fault.kind && active.fault.target == fault.target;
  }) > (begins ? 1 : 0);
}

void TestBed::hold_transaction(const Fault& fault, bool begins) {
  if (others_active(fault, begins)) return;
  auto& held = held_[fault.target];
  if (!begins) return held.back()->release();
  const auto failed = [this, alive = std::weak_ptr<bool>(alive_), database = fault.target](const std::string& why) {
    loop_.post([this, alive, database, why] {
      if (!alive.expired()) note(EventKind::log, database, "warning", {}, 0, "nobody has a transaction open: " + why);
    });
  };
  held.push_back(std::make_unique<HeldTransaction>(connection_to(fault.target), failed));
}

void TestBed::fill_disk(const Fault& fault, bool begins) {
  if (others_active(fault, begins)) return;
  if (const auto store = disks_.find(fault.target); store != disks_.end()) {
    return begins ? store->second->fill() : store->second->make_room();
  }
  if (begins) return find_server(fault.target)->postgres->fill_disk();
  find_server(fault.target)->postgres->make_room();
  // Its standby, with a disk of its own, may have taken its place meanwhile.
  for (const auto& old : replaced_) old->make_room();
}

void TestBed::pause(const Fault& fault, bool begins) {
  if (others_active(fault, begins)) return;
  const std::string& host = fault.target;
  if (host == kCacheHost) {
    cache_->redis.process().signal(begins ? SIGSTOP : SIGCONT);
  } else if (Server* server = find_server(host)) {
    if (server->postgres == nullptr) return;
    begins ? server->postgres->pause() : server->postgres->resume();
  } else {
    find(host)->process.signal(begins ? SIGSTOP : SIGCONT);
  }
  note(begins ? EventKind::host_paused : EventKind::host_resumed, host);
}

void TestBed::heal() {
  if (healed_) return;
  while (!active_.empty()) end_episode(active_.front().id);
  healed_ = true;
  proxy_->heal();
  for (const auto& replica : replicas_) {
    tell(*replica);
    // One that is being stopped is started when it has ended; one that is down, now.
    if (replica->down && !replica->process.running()) launch(*replica);
  }
  for (const auto& server : servers_) restart(*server);
  start_cache_again();
  enter_phase("healed");
}

}  // namespace orrery::real
