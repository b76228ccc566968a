#include "sim/world.hpp"

#include <utility>

#include "sim/broker.hpp"
#include "sim/cache.hpp"
#include "sim/context.hpp"
#include "sim/database_server.hpp"
#include "sim/directory.hpp"
#include "sim/episodes.hpp"
#include "sim/files.hpp"

namespace orrery::sim {
namespace {

/// A process that an exception ended is started again by its supervisor after this long.
constexpr Duration kSupervisorRestart = 1s;

/// Keeps a task's function object alive while the task runs.
Task<void> run_body(std::function<Task<void>(Context&)> body, Context& context) {
  Task<void> task = body(context);
  co_await std::move(task);
}

}  // namespace

Directory::Directory(Kernel& kernel, Network& network, Places& places, Decisions& decisions)
    : kernel(kernel), network(network), places(places), decisions(decisions), exchanges(*this) {}

Directory::~Directory() = default;

World::World(std::uint64_t seed, bool full)
    : kernel_(seed, full),
      decisions_(kernel_),
      network_(kernel_, decisions_),
      places_(kernel_, decisions_),
      directory_(std::make_unique<Directory>(kernel_, network_, places_, decisions_)),
      episodes_(std::make_unique<Episodes>(*directory_)) {
  places_.on_strike([this](const Fault& fault) { episodes_->begin(fault); });
  kernel_.on_crash([this](Host& host) {
    network_.crashed(host);
    directory_->exchanges.crashed(host);
    directory_->connections.server_crashed(*directory_, host);
  });
  kernel_.on_resume([this](Host& host) { network_.resumed(host); });
  kernel_.on_failure([this](Host& host, std::string_view fiber, std::string_view what) {
    kernel_.crash(host, std::string(fiber) + " threw: " + std::string(what));
    kernel_.at(kernel_.now() + kSupervisorRestart, [this, &host] {
      if (!host.alive()) kernel_.start(host);
    });
  });
}

World::~World() { kernel_.clear(); }

void World::add_database(std::string name, std::string_view schema, DatabaseOptions options) {
  const bool has_standby = options.has_standby;
  const auto add = [this](std::unique_ptr<DatabaseServer> server) -> DatabaseServer& {
    DatabaseServer* durable = server.get();
    durable->attach(kernel_.add_host(durable->name(), [durable](Host& booted) { return durable->boot(booted); }));
    directory_->databases.emplace(durable->name(), std::move(server));
    return *durable;
  };
  auto server = std::make_unique<DatabaseServer>(*directory_, name, std::move(options));
  server->load(schema);
  static_cast<void>(server->open_session("settings"));
  DatabaseServer& primary = add(std::move(server));
  if (!has_standby) return;
  primary.replicate_to(add(std::make_unique<DatabaseServer>(*directory_, standby_of(name), primary)));
}

void World::add_broker() {
  directory_->broker = std::make_unique<BrokerServer>(kernel_, network_, decisions_);
  BrokerServer* durable = directory_->broker.get();
  durable->attach(kernel_.add_host("broker", [durable](Host& booted) { return durable->boot(booted); }));
}

void World::add_file_store(std::string name) {
  auto store = std::make_unique<FileStore>(kernel_, network_, places_, name);
  store->attach(kernel_.add_host(name, [](Host&) { return std::make_unique<Machine>(); }));
  directory_->file_stores.emplace(std::move(name), std::move(store));
}

void World::add_cache() {
  directory_->cache = std::make_unique<CacheServer>(kernel_, network_, decisions_);
  CacheServer* server = directory_->cache.get();
  server->attach(kernel_.add_host("cache", [server](Host&) { return server->boot(); }));
}

void World::add_node(Node node) {
  CHECK(directory_->broker != nullptr, "the broker is added before the services");
  std::string name = node.host;
  std::string service = node.service;
  Host& host = kernel_.add_host(std::move(name), [this, node = std::move(node)](Host& booted) -> std::unique_ptr<Machine> {
    return std::make_unique<NodeMachine>(booted, *directory_, node);
  });
  directory_->services[std::move(service)].push_back(&host);
}

void World::start() {
  for (Host& host : kernel_.hosts()) {
    if (!host.alive()) kernel_.start(host);
  }
}

Host& World::host(std::string_view name) {
  Host* host = kernel_.find_host(name);
  CHECK(host != nullptr, "no host has that name");
  return *host;
}

const std::vector<Host*>& World::replicas(std::string_view service) const {
  const auto known = directory_->services.find(service);
  CHECK(known != directory_->services.end(), "no service has that name");
  return known->second;
}

DatabaseServer& World::database(std::string_view name) {
  const auto known = directory_->databases.find(name);
  CHECK(known != directory_->databases.end(), "no database has that name");
  return *known->second;
}

BrokerServer& World::broker() {
  CHECK(directory_->broker != nullptr, "the world has no broker");
  return *directory_->broker;
}

FileStore& World::file_store(std::string_view name) {
  const auto known = directory_->file_stores.find(name);
  CHECK(known != directory_->file_stores.end(), "no file store has that name");
  return *known->second;
}

CacheServer& World::cache() {
  CHECK(directory_->cache != nullptr, "the world has no cache");
  return *directory_->cache;
}

Rows World::query(std::string_view database_name, std::string_view sql) { return database(database_name).query(sql); }

void World::spawn(std::string_view on, std::string_view name, std::function<Task<void>(Context&)> body,
                  std::uint64_t identity) {
  Host& at = host(on);
  auto* node = dynamic_cast<NodeMachine*>(at.machine());
  CHECK(node != nullptr, "a task is started on a host that is down or no service");
  FrameAccount* account = frame_pool::charge(nullptr);
  Task<void> task = run_body(std::move(body), node->context());
  frame_pool::charge(account);
  at.spawn(name, std::move(task), identity);
}

void World::enter_phase(std::string_view phase) { kernel_.recorder().fact(EventKind::phase, {}, phase); }

std::string World::unsupported(const Fault& fault) const { return episodes_->unsupported(fault); }

void World::inject(const Fault& fault) {
  if (healed_) return;
  const std::string why = episodes_->unsupported(fault);
  CHECK(why.empty(), why);
  decisions_.note(fault);
  episodes_->begin(fault);
}

void World::heal() {
  healed_ = true;
  decisions_.disarm();
  episodes_->heal();
  enter_phase("healed");
}

}  // namespace orrery::sim
