#include "sim/episodes.hpp"

#include <algorithm>
#include <utility>

#include "sim/broker.hpp"
#include "sim/cache.hpp"
#include "sim/context.hpp"
#include "sim/database_server.hpp"
#include "sim/directory.hpp"
#include "sim/files.hpp"

namespace orrery::sim {
namespace {

/// How long a process that was asked to stop may take before it is killed.
constexpr Duration kGrace = 3s;

bool is_on_links(FaultKind kind) {
  return kind == FaultKind::partition || kind == FaultKind::one_way_partition || kind == FaultKind::slow_link;
}

bool changes_primary(FaultKind kind) { return kind == FaultKind::failover || kind == FaultKind::switchover; }

bool is_of_database(FaultKind kind) {
  return kind == FaultKind::read_only_database || kind == FaultKind::connection_limit ||
         kind == FaultKind::idle_transaction;
}

/// How long an old primary takes until it follows the new one (pg_rewind, or a new base backup).
constexpr Duration kRejoins = 5s;

struct Ends {
  std::string_view from;
  std::string_view to;
  bool both_ways;
};

/// Splits "a|b" or "a>b"; empty names if it is neither.
Ends split_link(std::string_view target) {
  const std::size_t at = target.find_first_of("|>");
  if (at == std::string_view::npos) return {{}, {}, false};
  return {target.substr(0, at), target.substr(at + 1), target[at] == '|'};
}

}  // namespace

std::string Episodes::unsupported(const Fault& fault) const {
  const auto exists = [&](std::string_view name) { return directory_.kernel.find_host(name) != nullptr; };
  if (!is_episode(fault.kind)) {
    if (fault.ordinal == 0) return "it strikes at an occasion and cannot be injected at a time";
    if (fault.kind == FaultKind::redeliver) return {};  // "topic/group": it may come into being later
    const Ends ends = split_link(fault.target);
    for (const std::string_view name : {ends.from, ends.to}) {
      if (!exists(name)) return "its target \"" + fault.target + "\" is no link between two hosts";
    }
    return {};
  }
  if (is_on_links(fault.kind)) {
    const Ends ends = split_link(fault.target);
    if (ends.from.empty() || ends.to.empty()) return "its target \"" + fault.target + "\" is not a link: \"a|b\" or \"a>b\"";
    for (const std::string_view name : {ends.from, ends.to}) {
      if (name != "*" && !exists(name)) return "there is no host \"" + std::string(name) + "\"";
    }
    return {};
  }
  if (!exists(fault.target)) return "there is no host \"" + fault.target + "\"";
  const bool is_database = directory_.databases.contains(fault.target);
  const bool is_broker = fault.target == "broker";
  const bool is_store = directory_.file_stores.contains(fault.target);
  const bool is_cache = directory_.cache != nullptr && fault.target == "cache";
  if (fault.kind == FaultKind::slow_database && !is_database) return "\"" + fault.target + "\" is no database";
  if (changes_primary(fault.kind) || fault.kind == FaultKind::standby_lag) {
    if (!is_database) return "\"" + fault.target + "\" is no database";
    if (directory_.databases.find(fault.target)->second->standby() == nullptr) return "\"" + fault.target + "\" has no standby";
  }
  if (is_of_database(fault.kind) || (fault.kind == FaultKind::disk_full && is_database)) {
    if (!is_database) return "\"" + fault.target + "\" is no database";
    if (directory_.databases.find(fault.target)->second->is_standby()) return "\"" + fault.target + "\" is a standby";
    if (fault.amount < 0) return "a negative number of connections";
  }
  if (fault.kind == FaultKind::broker_delay && !is_broker) return "\"" + fault.target + "\" is no broker";
  if (fault.kind == FaultKind::disk_full && !is_store && !is_database) {
    return "\"" + fault.target + "\" is neither a file store nor a database";
  }
  if (fault.kind == FaultKind::cache_down && !is_cache) return "\"" + fault.target + "\" is no cache";
  if ((fault.kind == FaultKind::slow_service || fault.kind == FaultKind::error_burst) &&
      (is_database || is_broker || is_store || is_cache)) {
    return "\"" + fault.target + "\" serves no HTTP";
  }
  return {};
}

std::vector<Host*> Episodes::side(std::string_view name) const {
  std::vector<Host*> hosts;
  for (Host& host : directory_.kernel.hosts()) {
    if (name == "*" || host.name == name) hosts.push_back(&host);
  }
  return hosts;
}

std::vector<Episodes::Pair> Episodes::links(const Fault& fault) const {
  const Ends ends = split_link(fault.target);
  std::vector<Pair> pairs;
  for (Host* from : side(ends.from)) {
    for (Host* to : side(ends.to)) {
      if (from == to) continue;
      pairs.push_back({from, to});
      if (ends.both_ways) pairs.push_back({to, from});
    }
  }
  return pairs;
}

void Episodes::start_later(Host& host, Duration after) {
  Kernel& kernel = directory_.kernel;
  kernel.at(kernel.now() + after, [&kernel, &host] {
    if (!host.alive()) kernel.start(host);
  });
}

void Episodes::begin(const Fault& fault) {
  Kernel& kernel = directory_.kernel;
  if (fault.kind == FaultKind::crash) {
    Host& host = *kernel.find_host(fault.target);
    kernel.crash(host, "fault");
    start_later(host, fault.lasts);
    return;
  }
  if (fault.kind == FaultKind::stop) {
    Host& host = *kernel.find_host(fault.target);
    if (auto* node = dynamic_cast<NodeMachine*>(host.machine())) {
      node->stop();
      const std::uint32_t incarnation = host.incarnation();
      kernel.at(kernel.now() + kGrace, [&kernel, &host, incarnation] {
        if (host.alive() && host.incarnation() == incarnation) kernel.crash(host, "stopped");
      });
      start_later(host, kGrace + fault.lasts);
    } else {
      kernel.crash(host, "stopped");
      start_later(host, fault.lasts);
    }
    return;
  }
  if (changes_primary(fault.kind)) {
    change_primary(fault);
    return;
  }
  const std::uint64_t id = ++last_;
  active_.push_back({id, fault});
  apply(fault, true);
  kernel.at(kernel.now() + fault.lasts, [this, id] { end(id); });
}

void Episodes::change_primary(const Fault& fault) {
  Kernel& kernel = directory_.kernel;
  DatabaseServer& primary = *directory_.databases.find(fault.target)->second;
  const bool planned = fault.kind == FaultKind::switchover;
  if (planned && !primary.host().alive()) return;
  const std::string why_not = primary.promote_standby(planned);
  const std::string kind(to_string(fault.kind));
  if (!why_not.empty()) {
    kernel.recorder().fact(EventKind::log, fault.target, "warning", {}, 0, "no " + kind + ": " + why_not);
    if (planned) return;
    kernel.crash(primary.host(), "fault");
    start_later(primary.host(), fault.lasts);
    return;
  }
  Host& standby = primary.standby()->host();
  kernel.crash(primary.host(), kind);
  kernel.crash(standby, kind + ": it becomes the primary");
  start_later(primary.host(), fault.lasts);
  start_later(standby, fault.lasts + kRejoins);
}

void Episodes::end(std::uint64_t id) {
  const auto found = std::ranges::find(active_, id, &Active::id);
  if (found == active_.end()) return;
  const Fault fault = std::move(found->fault);
  active_.erase(found);
  apply(fault, false);
  directory_.kernel.recorder().fact(EventKind::fault_healed, fault.target, to_string(fault.kind), address_of(fault));
}

void Episodes::apply(const Fault& fault, bool begins) {
  Kernel& kernel = directory_.kernel;
  const Duration by = std::chrono::microseconds(begins ? fault.amount : -fault.amount);
  switch (fault.kind) {
    case FaultKind::pause: {
      Host& host = *kernel.find_host(fault.target);
      const bool again = std::ranges::any_of(active_, [&](const Active& active) {
        return active.fault.kind == FaultKind::pause && active.fault.target == fault.target;
      });
      if (begins) {
        kernel.pause(host);
      } else if (!again) {
        kernel.resume(host);
      }
      return;
    }
    case FaultKind::clock_jump:
    case FaultKind::clock_drift: {
      Host& host = *kernel.find_host(fault.target);
      if (!begins) {
        host.set_clock(std::chrono::microseconds(0), 0);  // as after a synchronisation
      } else if (fault.kind == FaultKind::clock_jump) {
        host.set_clock(std::chrono::microseconds(fault.amount), 0);
      } else {
        host.set_clock(host.clock_offset(), fault.amount);
      }
      return;
    }
    case FaultKind::partition:
    case FaultKind::one_way_partition:
      for (const Pair& pair : links(fault)) {
        if (begins) {
          directory_.network.block(*pair.from, *pair.to);
        } else {
          directory_.network.unblock(*pair.from, *pair.to);
        }
      }
      return;
    case FaultKind::slow_link:
      for (const Pair& pair : links(fault)) directory_.network.slow(*pair.from, *pair.to, by);
      return;
    case FaultKind::slow_service: directory_.ailment(*kernel.find_host(fault.target)).slower += by; return;
    case FaultKind::error_burst: directory_.ailment(*kernel.find_host(fault.target)).failing += begins ? 1 : -1; return;
    case FaultKind::slow_database: directory_.databases.find(fault.target)->second->slow(by); return;
    case FaultKind::standby_lag: directory_.databases.find(fault.target)->second->replication()->lag(by); return;
    case FaultKind::read_only_database: directory_.databases.find(fault.target)->second->set_read_only(begins); return;
    case FaultKind::connection_limit:
      directory_.databases.find(fault.target)->second->limit_connections(static_cast<std::size_t>(fault.amount), begins);
      return;
    case FaultKind::idle_transaction: directory_.databases.find(fault.target)->second->hold_transaction(begins); return;
    case FaultKind::broker_delay: directory_.broker->set_delivery_delay(directory_.broker->delivery_delay() + by); return;
    case FaultKind::disk_full:
      if (const auto store = directory_.file_stores.find(fault.target); store != directory_.file_stores.end()) {
        store->second->fill(begins);
      } else {
        directory_.databases.find(fault.target)->second->set_disk_full(begins);
      }
      return;
    case FaultKind::cache_down: directory_.cache->refuse(begins); return;
    default: CHECK(false, "this fault is not an episode of its own");
  }
}

void Episodes::heal() {
  while (!active_.empty()) end(active_.front().id);
  for (Host& host : directory_.kernel.hosts()) {
    // A process that is still stopping has had its time: it must not go away once all is well.
    auto* node = dynamic_cast<NodeMachine*>(host.machine());
    if (node != nullptr && node->context().stopping()) directory_.kernel.crash(host, "stopped");
    if (host.alive()) {
      directory_.kernel.resume(host);
    } else {
      directory_.kernel.start(host);
    }
  }
}

}  // namespace orrery::sim
