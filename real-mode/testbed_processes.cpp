// The test bed's processes: services and database servers, how they start, end and are told what to suffer.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "real-mode/config.hpp"
#include "real-mode/testbed.hpp"

namespace orrery::real {
namespace {

constexpr const char* kBroker = "broker";
constexpr Duration kServerWithin = 30s;
constexpr Duration kWatchEvery = 5ms;
constexpr Duration kLookEvery = 10ms;
constexpr Duration kAfterFailure = 500ms;  // a process that ended by itself is started again
constexpr Duration kStopWithin = 20s;

}  // namespace

Json TestBed::config_of(Replica& replica) {
  Json peers = Json::object();
  for (const auto& [service, addresses] : peers_of(replica.host)) {
    for (const Address& address : addresses) peers[service].push_back(address.text());
  }
  Json databases = Json::object();
  for (const BedSettings::DatabaseSpec& database : settings_.databases) {
    const std::string connection = through_proxy(replica.host, database.name);
    databases[database.name] = connection;
    if (!database.has_standby) continue;
    if (has_standby(database.name)) {
      databases[standby_of(database.name)] = through_proxy(replica.host, standby_of(database.name));
      continue;
    }
    const bool is_url = connection.starts_with("postgresql://") || connection.starts_with("postgres://");
    const char* more = connection.find('?') == std::string::npos ? "?" : "&";
    databases[standby_of(database.name)] =
        connection + (is_url ? std::string(more) + "options=-c%20default_transaction_read_only%3Don"
                             : std::string(" options='-c default_transaction_read_only=on'"));
  }
  Json files = Json::object();
  for (const std::string& store : settings_.file_stores) files[store] = folder_of(store);
  NodeSettings bed;
  bed.events = replica.events;
  bed.incarnation = ++replica.incarnation;
  bed.controlled = true;
  bed.rates = rates_;
  bed.rates_until = began_ == Instant{} ? loop_.now() + settings_.faults_for : began_ + settings_.faults_for;
  if (healed_) bed.rates_until = Instant{};
  for (const Fault& fault : armed_) {
    if (healed_) break;
    const bool is_here = !fault.place.empty() ? fault.place.starts_with(replica.host + "/")
                                              : fault.target.starts_with(replica.host + ">") ||
                                                    fault.target == "broker>" + replica.host ||
                                                    fault.kind == FaultKind::redeliver;
    if (is_here) bed.faults.push_back(fault);
  }
  if (replica.incarnation > 1) {
    for (const Event& event : read_events(replica.events)) {
      if (event.kind != EventKind::place_reached) continue;
      std::uint64_t& count = bed.reached[event.subject];
      count = std::max(count, static_cast<std::uint64_t>(event.number));
    }
  }
  Json config = Json{{"host", replica.host},
              {"listen", replica.address.text()},
              {"peers", std::move(peers)},
              {"databases", std::move(databases)},
              {"broker", through_proxy(replica.host, kBroker)},
              {"files", std::move(files)},
              {"settings", replica.config},
              {"log", "warning"},
              {"testbed", testbed_json(bed)}};
  if (cache_ != nullptr) config["cache"] = ways_.at({replica.host, kCacheHost}).text();
  return config;
}

void TestBed::launch(Replica& replica) {
  const std::string path = folder_ + "/" + replica.host + ".json";
  const Json config = config_of(replica);
  {
    std::ofstream file(path);
    file << config.dump(2) << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
  }
  const auto [ours, theirs] = control_sockets();
  replica.control = std::make_unique<ControlLink>(loop_, ours, [this, &replica](const Json& line) { held(replica, line); });
  Child::Options options;
  options.output = folder_ + "/" + replica.host + ".log";
  options.directory = folder_;  // by which the guardian knows it
  options.input = theirs;
  replica.process = Child({settings_.program, "serve", replica.service, "--config", path}, options);
  ::close(theirs);
  replica.down = replica.ready = false;
  tell(replica);
  loop_.spawn("ready", open_when_ready(replica, replica.incarnation));
}

/// Lets connections to a process through once it listens, so that before they are refused, as by a host where nobody does.
Task<void> TestBed::open_when_ready(Replica& replica, int incarnation) {
  while (!ending_ && replica.incarnation == incarnation && !replica.down) {
    bool listens = false;
    try {
      Task<Socket> connecting = connect(loop_, replica.address, loop_.now() + 1s);
      const Socket socket = co_await std::move(connecting);
      listens = true;
    } catch (const SocketError&) {
      listens = false;  // not yet
    }
    if (listens && replica.incarnation == incarnation && !replica.down) {
      open(replica.host);
      replica.ready = true;
      co_return;
    }
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kLookEvery);
  }
}

/// Lets connections to a host through again.
void TestBed::open(const std::string& host) {
  try {
    proxy_->open(host);
  } catch (const SocketError& error) {
    broken_ = error.what();
  }
}

void TestBed::tell(Replica& replica) {
  if (replica.control == nullptr) return;
  Ailments ailments;
  ailments.clock_offset = replica.clock_offset;
  ailments.clock_ppm = replica.clock_ppm;
  ailments.slower = replica.slower;
  ailments.failing = replica.failing > 0;
  ailments.delivery_delay = delivery_delay_;
  ailments.healed = healed_;
  replica.control->send(Json{{"state", ailments.to_json()}});
}

/// A process stands at a place: what is to strike there strikes, and then it may go on, if it still can.
void TestBed::held(Replica& replica, const Json& line) {
  if (line.contains("reached") && replica.control != nullptr) {
    replica.control->send(Json{{"number", ++shared_[line["reached"].get<std::string>()]}});
  }
  if (!line.contains("held")) return;
  const Fault fault = fault_of(line["held"], "held");
  if (!ending_ && !healed_) inject(fault);
  if (replica.control != nullptr) replica.control->send(Json{{"go", true}});
}

Task<void> TestBed::watch() {
  while (!ending_) {
    for (const auto& replica : replicas_) {
      if (!replica->down && !replica->process.running()) died(*replica);
    }
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kWatchEvery);
  }
}

/// It ended although nobody asked it to: the service failed.
void TestBed::died(Replica& replica) {
  const int status = replica.process.poll().value_or(0);
  replica.down = true;
  replica.control.reset();
  proxy_->close(replica.host);
  note(EventKind::host_crashed, replica.host, {}, {}, replica.incarnation, describe_end(status));
  if (began_ == Instant{}) {
    std::ifstream log(folder_ + "/" + replica.host + ".log");
    std::string line, last;
    while (std::getline(log, line)) last = line;
    broken_ = replica.host + " " + describe_end(status) + ": " + last;
    return;
  }
  at(loop_.now() + (healed_ ? Duration::zero() : kAfterFailure), "start again", [this, &replica] {
    if (!ending_ && replica.down) launch(replica);
  });
}

/// A crash or a stop.
void TestBed::end(Replica& replica, const Fault& fault) {
  replica.down = true;
  proxy_->close(replica.host);
  if (fault.kind == FaultKind::crash) {
    replica.control.reset();
    replica.process.signal(SIGKILL);
    replica.process.wait(2s);
    note(EventKind::host_crashed, replica.host, {}, {}, replica.incarnation, to_string(fault));
  } else {
    replica.process.signal(SIGTERM);
  }
  loop_.spawn("start again", start_again(replica, fault.lasts, fault));
}

Task<void> TestBed::start_again(Replica& replica, Duration lasts, Fault fault) {
  const int incarnation = replica.incarnation;
  const Instant until = loop_.now() + kStopWithin;
  while (replica.process.running() && loop_.now() < until) {
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kWatchEvery);
  }
  if (!healed_) {
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + lasts);
  }
  if (ending_ || !replica.down || replica.incarnation != incarnation) co_return;  // healing was faster
  launch(replica);
  note(EventKind::fault_healed, fault.target, to_string(fault.kind), address_of(fault));
}

// ---- database servers ----

void TestBed::end(Server& server, const Fault& fault) {
  server.down = true;
  server.ended_by = fault;
  proxy_->close(server.host);
  const bool in_order = fault.kind == FaultKind::stop || fault.kind == FaultKind::switchover;
  if (in_order) {
    server.postgres->stop();
  } else {
    server.postgres->kill();
  }
  note(in_order ? EventKind::host_stopped : EventKind::host_crashed, server.host, {}, {}, server.incarnation, to_string(fault));
  at(loop_.now() + fault.lasts, "start the server again", [this, &server, outage = ++server.outages] {
    if (outage == server.outages) restart(server);
  });
}

void TestBed::restart(Server& server) {
  if (ending_ || !server.down || server.starts || server.postgres == nullptr) return;
  server.starts = true;
  loop_.spawn("start the server again", start_server(server));
}

Task<void> TestBed::start_server(Server& server) {
  bool is_successor = false;
  if (server.is_replaced) {
    Task<bool> taking = begin_take_over(server);
    is_successor = co_await std::move(taking);
  }
  const Instant until = loop_.now() + kServerWithin;
  while (!server.postgres->try_start()) {
    if (loop_.now() > until) {
      broken_ = "PostgreSQL of " + server.host + " did not start again within " + to_string(kServerWithin);
      co_return;
    }
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + kLookEvery * 2);
  }
  if (is_successor) finish_take_over(server);
  server.down = server.starts = false;
  open(server.host);
  note(EventKind::host_started, server.host, {}, {}, ++server.incarnation);
  note(EventKind::fault_healed, server.host, to_string(server.ended_by.kind), address_of(server.ended_by));
}

}  // namespace orrery::real
