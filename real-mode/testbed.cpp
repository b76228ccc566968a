#include "real-mode/testbed.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "real-mode/pg_link.hpp"
#include "real-mode/temporary_folder.hpp"

namespace orrery::real {
namespace {

namespace fs = std::filesystem;
constexpr Duration kReadyWithin = 60s;
constexpr const char* kBroker = "broker";

Duration wall_minus_monotonic() {
  return std::chrono::system_clock::now().time_since_epoch() - monotonic_now().time_since_epoch();
}

bool is_url(const std::string& connection) {
  return connection.starts_with("postgresql://") || connection.starts_with("postgres://");
}

/// The last value of a name counts, in both forms.
std::string with(std::string connection, const std::string& name, const std::string& value) {
  if (!is_url(connection)) return connection + " " + name + "=" + value;
  return connection + (connection.find('?') == std::string::npos ? "?" : "&") + name + "=" + value;
}

}  // namespace

TestBed::TestBed(Loop& loop, BedSettings settings) : loop_(loop), settings_(std::move(settings)) {
  folder_ = make_temporary_folder("orrery-bed");
  guardian_ = std::make_unique<Guardian>(folder_);  // before there are threads
  if (!settings_.small_disks.empty()) static_cast<void>(SmallDisk::why_not());  // what is started later is to see them
  ::chmod(folder_.c_str(), 0711);                                               // the servers run as another user
  proxy_ = std::make_unique<Proxy>([this, alive = std::weak_ptr<bool>(alive_)](const Fault& fault) {
    loop_.post([this, alive, fault] {
      if (!alive.expired() && !ending_) strike(fault);
    });
  });
  for (const BedSettings::ServiceSpec& service : settings_.services) {
    for (int number = 1; number <= service.replicas; ++number) {
      auto replica = std::make_unique<Replica>();
      replica->service = service.name;
      replica->host = service.name + "-" + std::to_string(number);
      replica->address = proxy_->fresh_address();
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
  proxy_.reset();
  held_.clear();
  try {
    if (!made_databases_.empty()) {
      for (Capture& capture : captures_) capture.changes.drop();
      PgLink link(settings_.postgres, "orrery");
      for (const std::string& name : made_databases_) link.script("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
    }
  } catch (const PgError& error) {
    std::fprintf(stderr, "orrery: the test bed's databases are left behind: %s\n", error.what());
  }
  cache_.reset();
  servers_.clear();
  replaced_.clear();
  disks_.clear();
  std::error_code ignored;  // what is left is in the folder for temporary files
  fs::remove_all(folder_, ignored);
}

std::vector<std::string> TestBed::database_hosts() const {
  std::vector<std::string> hosts = {kBroker};
  for (const BedSettings::DatabaseSpec& database : settings_.databases) {
    hosts.push_back(database.name);
    if (has_standby(database.name)) hosts.push_back(standby_of(database.name));
  }
  return hosts;
}

std::string TestBed::connection_to(const std::string& database) const {
  if (const Server* server = find_server(database)) return server->postgres->connection(server->database);
  return with(settings_.postgres, "dbname", database);
}

Address TestBed::server_of(const std::string& database) const {
  if (const Server* server = find_server(database)) return Address{server->postgres->socket(), 0};
  return PgLink(settings_.postgres, "orrery").server();
}

std::string TestBed::through_proxy(const std::string& host, const std::string& database) const {
  const Address& way = ways_.at({host, database});
  if (const Server* server = find_server(database)) {
    return "host=" + way.host + " port=" + std::to_string(way.port) + " user=orrery dbname=" + server->database +
           " sslmode=disable gssencmode=disable";
  }
  // The name that was given stays, for what is checked against it.
  return with(with(connection_to(database), "hostaddr", way.host), "port", std::to_string(way.port));
}

HttpClient::Peers TestBed::peers_of(const std::string& host) const {
  HttpClient::Peers peers;
  for (const auto& other : replicas_) {
    if (other->host != host) peers[other->service].push_back(ways_.at({host, other->host}));
    else peers[other->service].push_back(other->address);
  }
  return peers;
}

void TestBed::start_databases() {
  std::vector<std::pair<std::string, std::vector<std::string>>> wanted;
  for (const BedSettings::DatabaseSpec& database : settings_.databases) wanted.push_back({database.name, {database.schema}});
  wanted.push_back({kBroker, broker_migrations()});
  const std::string fresh = folder_ + "/pg0";
  if (settings_.postgres.empty()) PrivatePostgres::make_data(fresh);
  for (const auto& [name, scripts] : wanted) {
    if (settings_.postgres.empty()) {
      auto server = std::make_unique<Server>();
      server->host = server->database = name;
      server->postgres = std::make_unique<PrivatePostgres>(folder_ + "/pg" + std::to_string(++last_folder_), fresh,
                                                           has_small_disk(name) ? PrivatePostgres::Disk::small : PrivatePostgres::Disk::shared);
      server->postgres->create_database(name);
      servers_.push_back(std::move(server));
    } else {
      PgLink link(settings_.postgres, "orrery");
      link.script("CREATE DATABASE \"" + name + "\"");
      made_databases_.push_back(name);
    }
    migrate(connection_to(name), scripts);
    const auto spec = std::ranges::find(settings_.databases, name, &BedSettings::DatabaseSpec::name);
    if (spec != settings_.databases.end() && !spec->settings.empty()) {
      PgLink link(connection_to(name), "orrery");
      for (const auto& [setting, value] : spec->settings) {
        link.script("ALTER DATABASE \"" + name + "\" SET " + setting + " = '" + value + "'");
      }
    }
    captures_.push_back({name, ChangeCapture(connection_to(name), "orrery_" + name)});
    if (has_standby(name)) make_standby(*servers_.back());
  }
}

/// Asked for, and to be had.
bool TestBed::has_small_disk(const std::string& host) const {
  return std::ranges::find(settings_.small_disks, host) != settings_.small_disks.end() && SmallDisk::why_not().empty();
}

std::string TestBed::folder_of(const std::string& file_store) const {
  const std::string folder = folder_ + "/files/" + file_store;
  return has_small_disk(file_store) ? folder + "/files" : folder;  // beside what makes the disk full
}

void TestBed::make_file_stores() {
  constexpr std::uint64_t kRoom = 64 << 20;
  for (const std::string& store : settings_.file_stores) {
    if (!has_small_disk(store)) continue;
    const std::string folder = folder_ + "/files/" + store;
    fs::create_directories(folder);
    disks_[store] = std::make_unique<SmallDisk>(folder, kRoom);
  }
}

void TestBed::connect_hosts() {
  std::vector<std::string> callers;
  for (const auto& replica : replicas_) callers.push_back(replica->host);
  for (const std::string& from : callers) {
    for (const std::string& database : database_hosts()) {
      ways_[{from, database}] = proxy_->carry(from, database, server_of(database), Proxy::Protocol::bytes);
    }
  }
  for (int number = 1; number <= settings_.clients; ++number) callers.push_back("client-" + std::to_string(number));
  for (const std::string& from : callers) {
    for (const auto& to : replicas_) {
      if (from == to->host) continue;
      ways_[{from, to->host}] = proxy_->carry(from, to->host, to->address, Proxy::Protocol::http);
    }
  }
  for (const std::string& database : database_hosts()) proxy_->open(database);
}

void TestBed::start_clients() {
  for (int number = 1; number <= settings_.clients; ++number) {
    NodeSettings client;
    client.service = "client";
    client.host = "client-" + std::to_string(number);
    client.peers = peers_of(client.host);
    client.log = Level::error;
    auto node = std::make_unique<Node>(loop_, std::move(client));
    node->recorder().on_event([this](Event event) { events_.push_back(std::move(event)); });
    clients_.emplace("client-" + std::to_string(number), std::move(node));
  }
}

void TestBed::start() {
  start_databases();
  make_file_stores();
  connect_hosts();
  start_cache();
  start_clients();
  if (cache_ != nullptr) loop_.run([&] { return !cache_->down || !broken_.empty(); }, loop_.now() + kReadyWithin);
  for (const auto& replica : replicas_) launch(*replica);
  loop_.spawn("watch", watch());
  const Instant until = loop_.now() + kReadyWithin;
  for (const auto& replica : replicas_) {
    loop_.run([&] { return replica->ready || !broken_.empty(); }, until);
    if (!broken_.empty()) throw std::runtime_error(broken_);
    if (!replica->ready) throw std::runtime_error(replica->host + " was not ready within " + to_string(kReadyWithin));
  }
}

Node& TestBed::client(const std::string& name) { return *clients_.at(name); }

void TestBed::begin() {
  wall_offset_ = wall_minus_monotonic();
  began_ = loop_.now();
  proxy_->draw(rates_);
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

void TestBed::at(Instant when, std::string name, std::function<void()> action) {
  const auto wait = [](Loop& loop, Instant until, std::function<void()> act) -> Task<void> {
    Waiter waiter(loop);
    co_await waiter.wait_until(until);
    act();
  };
  loop_.spawn(std::move(name), wait(loop_, when, std::move(action)));
}

TestBed::Replica* TestBed::find(std::string_view host) const {
  for (const auto& replica : replicas_) {
    if (replica->host == host) return replica.get();
  }
  return nullptr;
}

TestBed::Server* TestBed::find_server(std::string_view host) const {
  for (const auto& server : servers_) {
    if (server->host == host) return server.get();
  }
  return nullptr;
}

bool TestBed::is_database(std::string_view host) const {
  return host == kBroker || std::ranges::any_of(settings_.databases, [&](const BedSettings::DatabaseSpec& database) {
           return host == database.name || (host == standby_of(database.name) && has_standby(database.name));
         });
}

/// A server of its own, that is, once the test bed has started.
bool TestBed::has_standby(std::string_view database) const {
  const auto spec = std::ranges::find(settings_.databases, database, &BedSettings::DatabaseSpec::name);
  return spec != settings_.databases.end() && spec->has_standby && settings_.postgres.empty();
}

bool TestBed::is_client(std::string_view host) const {
  for (int number = 1; number <= settings_.clients; ++number) {
    if (host == "client-" + std::to_string(number)) return true;
  }
  return false;
}

}  // namespace orrery::real
