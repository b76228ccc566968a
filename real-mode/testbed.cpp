#include "real-mode/testbed.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "real-mode/config.hpp"
#include "real-mode/pg_link.hpp"

namespace orrery::real {
namespace {

namespace fs = std::filesystem;
constexpr Duration kReadyWithin = 30s;
constexpr Duration kWatchEvery = 5ms;
constexpr Duration kAfterFailure = 500ms;  // a process that ended by itself is started again
constexpr const char* kBroker = "broker";

Duration wall_minus_monotonic() {
  return std::chrono::system_clock::now().time_since_epoch() - monotonic_now().time_since_epoch();
}

/// A port that nobody uses now. Between this and the process's bind somebody might take it; then that process says so.
std::uint16_t free_port(Loop& loop) { return Listener(loop, Address{"127.0.0.1", 0}).port(); }

bool in_process(FaultKind kind) {
  switch (kind) {
    case FaultKind::kill_session:
    case FaultKind::deadlock:
    case FaultKind::break_statement:
    case FaultKind::break_before_commit:
    case FaultKind::break_after_commit:
    case FaultKind::lose_publish:
    case FaultKind::lose_confirmation:
    case FaultKind::lose_ack: return true;
    default: return false;
  }
}

}  // namespace

TestBed::TestBed(Loop& loop, BedSettings settings) : loop_(loop), settings_(std::move(settings)) {
  std::string pattern = (fs::temp_directory_path() / "orrery-bed-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder " + pattern);
  folder_ = pattern;
  for (const BedSettings::ServiceSpec& service : settings_.services) {
    for (int number = 1; number <= service.replicas; ++number) {
      auto replica = std::make_unique<Replica>();
      replica->service = service.name;
      replica->host = service.name + "-" + std::to_string(number);
      replica->address = Address{"127.0.0.1", free_port(loop_)};
      replica->config = service.config;
      replica->events = folder_ + "/" + replica->host + ".events";
      replicas_.push_back(std::move(replica));
    }
  }
}

TestBed::~TestBed() {
  ending_ = true;
  loop_.end_tasks();  // they refer to what goes now
  replicas_.clear();
  clients_.clear();
  if (postgres_ == nullptr && !made_databases_.empty()) {
    try {
      for (auto& [name, capture] : captures_) capture.drop();
      PgLink link(settings_.postgres, "orrery");
      for (const std::string& name : made_databases_) link.script("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
    } catch (const PgError& error) {
      std::fprintf(stderr, "orrery: the test bed's databases are left behind: %s\n", error.what());
    }
  }
  postgres_.reset();
  std::error_code ignored;  // what is left is in the folder for temporary files
  fs::remove_all(folder_, ignored);
}

std::string TestBed::connection_to(const std::string& database) const {
  if (postgres_ != nullptr) return postgres_->connection(database);
  // The last dbname of a connection string counts.
  const std::string& given = settings_.postgres;
  const bool is_url = given.starts_with("postgresql://") || given.starts_with("postgres://");
  if (!is_url) return given + " dbname=" + database;
  return given + (given.find('?') == std::string::npos ? "?" : "&") + "dbname=" + database;
}

void TestBed::start() {
  if (settings_.postgres.empty()) {
    postgres_ = std::make_unique<PrivatePostgres>();
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> wanted;
  for (const BedSettings::DatabaseSpec& database : settings_.databases) wanted.push_back({database.name, {database.schema}});
  wanted.push_back({kBroker, broker_migrations()});
  for (const auto& [name, scripts] : wanted) {
    if (postgres_ != nullptr) {
      postgres_->create_database(name);
    } else {
      PgLink link(settings_.postgres, "orrery");
      link.script("CREATE DATABASE \"" + name + "\"");
    }
    made_databases_.push_back(name);
    migrate(connection_to(name), scripts);
    const auto spec = std::ranges::find(settings_.databases, name, &BedSettings::DatabaseSpec::name);
    if (spec != settings_.databases.end() && !spec->settings.empty()) {
      PgLink link(connection_to(name), "orrery");
      for (const auto& [setting, value] : spec->settings) {
        link.script("ALTER DATABASE \"" + name + "\" SET " + setting + " = '" + value + "'");
      }
    }
    captures_.emplace_back(name, ChangeCapture(connection_to(name), "orrery_" + name));
  }

  HttpClient::Peers peers;
  for (const auto& replica : replicas_) peers[replica->service].push_back(replica->address);
  for (int number = 1; number <= settings_.clients; ++number) {
    NodeSettings client;
    client.service = "client";
    client.host = "client-" + std::to_string(number);
    client.peers = peers;
    client.log = Level::error;
    auto node = std::make_unique<Node>(loop_, std::move(client));
    node->recorder().on_event([this](Event event) { events_.push_back(std::move(event)); });
    clients_.emplace("client-" + std::to_string(number), std::move(node));
  }

  for (const auto& replica : replicas_) launch(*replica);
  loop_.spawn("watch", watch());
  const Instant until = loop_.now() + kReadyWithin;
  for (const auto& replica : replicas_) {
    while (!is_ready(*replica)) {
      if (!broken_.empty()) throw std::runtime_error(broken_);
      if (loop_.now() > until) throw std::runtime_error(replica->host + " was not ready within " + to_string(kReadyWithin));
      loop_.run({}, loop_.now() + 20ms);
    }
  }
}

bool TestBed::is_ready(Replica& replica) {
  bool ready = false;
  bool done = false;
  const auto ask = [](Loop& loop, Address address, bool& answer, bool& ended) -> Task<void> {
    try {
      Socket socket = co_await connect(loop, address, loop.now() + 1s);
      answer = true;
    } catch (const SocketError&) {
      answer = false;  // not yet
    }
    ended = true;
  };
  loop_.spawn("is ready", ask(loop_, replica.address, ready, done));
  loop_.run([&] { return done; });
  return ready;
}

Json TestBed::config_of(Replica& replica) {
  Json peers = Json::object();
  for (const auto& other : replicas_) peers[other->service].push_back(other->address.text());
  Json databases = Json::object();
  for (const BedSettings::DatabaseSpec& database : settings_.databases) {
    const std::string connection = connection_to(database.name);
    databases[database.name] = connection;
    if (!database.has_standby) continue;
    const bool is_url = connection.starts_with("postgresql://") || connection.starts_with("postgres://");
    const char* more = connection.find('?') == std::string::npos ? "?" : "&";
    databases[standby_of(database.name)] =
        connection + (is_url ? std::string(more) + "options=-c%20default_transaction_read_only%3Don"
                             : std::string(" options='-c default_transaction_read_only=on'"));
  }
  NodeSettings bed;
  bed.events = replica.events;
  bed.incarnation = ++replica.incarnation;
  bed.rates = rates_;
  bed.rates_until = began_ == Instant{} ? loop_.now() + settings_.faults_for : began_ + settings_.faults_for;
  if (healed_) bed.rates_until = Instant{};
  const std::string own_links = replica.host + ">";
  for (const Fault& fault : armed_) {
    if (healed_) break;
    const bool at_place = !fault.place.empty() && fault.place.starts_with(replica.host + "/");
    if (at_place || (in_process(fault.kind) && fault.target.starts_with(own_links))) bed.faults.push_back(fault);
  }
  if (replica.incarnation > 1) {
    for (const Event& event : read_events(replica.events)) {
      if (event.kind != EventKind::place_reached) continue;
      std::uint64_t& count = bed.reached[event.subject];
      count = std::max(count, static_cast<std::uint64_t>(event.number));
    }
  }
  return Json{{"host", replica.host},           {"listen", replica.address.text()}, {"peers", std::move(peers)},
              {"databases", std::move(databases)}, {"broker", connection_to(kBroker)}, {"settings", replica.config},
              {"log", "warning"},               {"testbed", testbed_json(bed)}};
}

void TestBed::launch(Replica& replica) {
  const std::string path = folder_ + "/" + replica.host + ".json";
  const Json config = config_of(replica);
  {
    std::ofstream file(path);
    file << config.dump(2) << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
  }
  Child::Options options;
  options.output = folder_ + "/" + replica.host + ".log";
  replica.process = Child({settings_.program, "serve", replica.service, "--config", path}, options);
  replica.down = false;
}

Node& TestBed::client(const std::string& name) { return *clients_.at(name); }

void TestBed::begin() {
  wall_offset_ = wall_minus_monotonic();
  began_ = loop_.now();
  enter_phase("faults");
}

void TestBed::note(EventKind kind, const std::string& host, std::string_view subject, std::string_view key,
                   std::int64_t number, std::string_view text) {
  Event event;
  event.at = loop_.now();
  event.kind = kind;
  event.host = host;
  event.subject = subject;
  event.key = key;
  event.number = number;
  event.text = text;
  events_.push_back(std::move(event));
}

void TestBed::enter_phase(std::string_view phase) { note(EventKind::phase, {}, phase); }

// ---- processes ----

TestBed::Replica* TestBed::find(std::string_view host) {
  for (const auto& replica : replicas_) {
    if (replica->host == host) return replica.get();
  }
  return nullptr;
}

const TestBed::Replica* TestBed::find(std::string_view host) const { return const_cast<TestBed*>(this)->find(host); }

bool TestBed::is_database(std::string_view host) const {
  return host == kBroker || std::ranges::find(settings_.databases, host, &BedSettings::DatabaseSpec::name) !=
                                settings_.databases.end();
}

void TestBed::at(Instant when, std::string name, std::function<void()> action) {
  const auto wait = [](Loop& loop, Instant until, std::function<void()> act) -> Task<void> {
    Waiter waiter(loop);
    co_await waiter.wait_until(until);
    act();
  };
  loop_.spawn(std::move(name), wait(loop_, when, std::move(action)));
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

/// It ended although nobody asked it to: at a place where a crash was armed, or because the service failed.
void TestBed::died(Replica& replica) {
  const int status = replica.process.poll().value_or(0);
  replica.down = true;
  Duration lasts = kAfterFailure;
  bool expected = false;
  const std::vector<Event> events = read_events(replica.events);
  if (!events.empty() && events.back().kind == EventKind::fault_injected && events.back().subject == "crash") {
    expected = true;
    // " … for 1.5s"
    const std::size_t at = events.back().text.rfind(" for ");
    if (at != std::string::npos) lasts = parse_duration(events.back().text.substr(at + 5)).value_or(lasts);
  }
  note(EventKind::host_crashed, replica.host, {}, {}, replica.incarnation, describe_end(status));
  const bool failed_itself = WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 70;
  if (!expected && failed_itself && began_ == Instant{}) {
    std::ifstream log(folder_ + "/" + replica.host + ".log");
    std::string line, last;
    while (std::getline(log, line)) last = line;
    broken_ = replica.host + " " + describe_end(status) + ": " + last;
    return;
  }
  at(loop_.now() + (healed_ ? Duration::zero() : lasts), "start again", [this, &replica] {
    if (!ending_ && replica.down) launch(replica);
  });
}

// ---- faults ----

std::string TestBed::unsupported(const Fault& fault) const {
  if (in_process(fault.kind)) {
    if (fault.ordinal == 0) return "it needs an occasion in real mode, too";
    const std::string from = fault.target.substr(0, fault.target.find('>'));
    return find(from) != nullptr ? "" : "there is no service host \"" + from + "\"";
  }
  switch (fault.kind) {
    case FaultKind::failover:
    case FaultKind::switchover:
    case FaultKind::standby_lag:
      return "real mode has one server and no standby: what it calls one leads to the database itself";
    case FaultKind::read_only_database:
    case FaultKind::connection_limit:
      return "real mode does not change the settings of a server while it runs";
    case FaultKind::disk_full:
      return "real mode does not fill the disk of the machine it runs on";
    case FaultKind::serialization_failure:
      return "a real server decides by itself which transactions it fails";
    default:
      break;
  }
  if (!is_episode(fault.kind) || (fault.kind != FaultKind::crash && fault.kind != FaultKind::stop &&
                                  fault.kind != FaultKind::pause)) {
    return "real mode cannot do " + std::string(to_string(fault.kind)) + " yet";
  }
  if (fault.ordinal > 0) {
    if (fault.kind != FaultKind::crash) return "at a place real mode can only crash";
    const std::string host = fault.place.substr(0, fault.place.find('/'));
    return host == fault.target && find(host) != nullptr ? "" : "at a place real mode can only crash the host that is there";
  }
  if (is_database(fault.target)) {
    if (fault.kind != FaultKind::crash) return "real mode can only crash a database's server";
    return settings_.postgres.empty() ? "" : "the server given with --postgres is not the test bed's to kill";
  }
  return find(fault.target) != nullptr ? "" : "there is no host \"" + fault.target + "\"";
}

bool TestBed::draws(FaultKind kind) noexcept { return in_process(kind); }

void TestBed::set_rates(const FaultRates& rates) { rates_ = rates; }

void TestBed::arm(const std::vector<Fault>& faults) { armed_.insert(armed_.end(), faults.begin(), faults.end()); }

void TestBed::inject(const Fault& fault) {
  if (ending_ || healed_) return;
  if (is_database(fault.target)) return crash_server(fault);
  Replica* replica = find(fault.target);
  CHECK(replica != nullptr, "a fault that is not supported was injected");
  if (replica->down) return;
  struck_.push_back(fault);
  const std::string kind(to_string(fault.kind));
  const std::string address = address_of(fault);
  note(EventKind::fault_injected, fault.target, kind, address, 0, to_string(fault));
  const auto end = [this, target = fault.target, kind, address] { note(EventKind::fault_healed, target, kind, address); };
  switch (fault.kind) {
    case FaultKind::crash:
      replica->down = true;
      replica->process.signal(SIGKILL);
      replica->process.wait(2s);
      note(EventKind::host_crashed, replica->host, {}, {}, replica->incarnation, to_string(fault));
      at(loop_.now() + fault.lasts, "start again", [this, replica, end] {
        if (!ending_ && replica->down) launch(*replica);
        end();
      });
      break;
    case FaultKind::stop: {
      replica->down = true;
      replica->process.signal(SIGTERM);
      const auto again = [](TestBed& bed, Replica& of, Duration lasts, std::function<void()> ended) -> Task<void> {
        const Instant until = bed.loop_.now() + 20s;
        while (of.process.running() && bed.loop_.now() < until) {
          Waiter waiter(bed.loop_);
          co_await waiter.wait_until(bed.loop_.now() + kWatchEvery);
        }
        Waiter waiter(bed.loop_);
        co_await waiter.wait_until(bed.loop_.now() + lasts);
        if (!bed.ending_ && of.down) bed.launch(of);
        ended();
      };
      loop_.spawn("stop", again(*this, *replica, fault.lasts, end));
      break;
    }
    case FaultKind::pause:
      ++replica->paused;
      replica->process.signal(SIGSTOP);
      note(EventKind::host_paused, replica->host);
      at(loop_.now() + fault.lasts, "resume", [this, replica, end] {
        if (replica->paused > 0 && --replica->paused == 0) {
          replica->process.signal(SIGCONT);
          note(EventKind::host_resumed, replica->host);
        }
        end();
      });
      break;
    default: break;
  }
}

/// All databases are on one server: it crashes for all of them.
void TestBed::crash_server(const Fault& fault) {
  if (server_down_) return;
  server_down_ = true;
  struck_.push_back(fault);
  note(EventKind::fault_injected, fault.target, to_string(fault.kind), address_of(fault), 0, to_string(fault));
  postgres_->kill();
  for (const std::string& host : database_hosts()) note(EventKind::host_crashed, host, {}, {}, 1, to_string(fault));
  crashed_ = fault;
  at(loop_.now() + fault.lasts, "start the server again", [this, crash = ++server_crashes_] {
    if (crash == server_crashes_) restart_server();
  });
}

void TestBed::restart_server() {
  if (ending_ || !server_down_ || server_starts_) return;
  server_starts_ = true;
  loop_.spawn("start the server again", start_server());
}

Task<void> TestBed::start_server() {
  const Instant until = loop_.now() + kReadyWithin;
  while (!postgres_->try_start()) {
    if (loop_.now() > until) {
      broken_ = "PostgreSQL did not start again within " + to_string(kReadyWithin);
      co_return;
    }
    Waiter waiter(loop_);
    co_await waiter.wait_until(loop_.now() + 20ms);
  }
  server_down_ = server_starts_ = false;
  for (const std::string& host : database_hosts()) note(EventKind::host_started, host, {}, {}, 2);
  note(EventKind::fault_healed, crashed_.target, to_string(crashed_.kind), address_of(crashed_));
}

std::vector<std::string> TestBed::database_hosts() const {
  std::vector<std::string> hosts = {kBroker};
  for (const BedSettings::DatabaseSpec& database : settings_.databases) hosts.push_back(database.name);
  return hosts;
}

void TestBed::heal() {
  if (healed_) return;
  healed_ = true;
  for (const auto& replica : replicas_) {
    if (replica->paused > 0) {
      replica->paused = 0;
      replica->process.signal(SIGCONT);
      note(EventKind::host_resumed, replica->host);
    }
    // One that is being stopped is started when it has ended; one that is down, now.
    if (replica->down && !replica->process.running()) launch(*replica);
  }
  restart_server();
  enter_phase("healed");
}

}  // namespace orrery::real
