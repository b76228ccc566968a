#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "real-mode/database.hpp"
#include "real-mode/node.hpp"
#include "real-mode/pg_link.hpp"
#include "real-mode/private_postgres.hpp"
#include "real-mode/temporary_folder.hpp"
#include "scenarios/simulation.hpp"
#include "tests/conformance/bench.hpp"

namespace orrery::conformance {
namespace {

class SimBench final : public Bench {
 public:
  void start(std::string schema, std::vector<std::pair<std::string, ServiceFactory>> services) override {
    Topology topology;
    Topology::DatabaseSpec database;
    database.name = "db";
    database.schema = std::move(schema);
    topology.databases.push_back(std::move(database));
    for (auto& [name, factory] : services) {
      Topology::ServiceSpec spec;
      spec.name = name;
      spec.factory = std::move(factory);
      topology.services.push_back(std::move(spec));
    }
    topology.file_stores = {"store"};
    topology.cache = true;
    topology.clients = 1;
    world_ = std::make_unique<Simulation>(std::move(topology));
  }
  void ask_to_stop(const std::string& service) override {
    Fault stop;
    stop.kind = FaultKind::stop;
    stop.target = service + "-1";
    stop.at = world_->now();
    stop.lasts = std::chrono::hours(1);
    world_->inject(stop);
  }
  void arm(const std::string&, const Fault& fault) override { world_->inject(fault); }
  void end_listening_sessions() override {
    Fault crash;
    crash.kind = FaultKind::crash;
    crash.target = "db";
    crash.at = world_->now();
    crash.lasts = 200ms;
    world_->inject(crash);
  }
  bool let_time_pass(const std::function<bool()>& until) override {
    const Duration limit = world_->now() + std::chrono::minutes(5);
    while (!until() && world_->now() < limit) world_->run_for(1ms);
    return until();
  }

 protected:
  void begin(const std::string& service, std::function<Task<void>(Context&)> body) override {
    world_->spawn(service + "-1", "test", std::move(body));
  }

 private:
  std::unique_ptr<Simulation> world_;
};

class RealBench final : public Bench {
 public:
  ~RealBench() override {
    for (auto& [name, node] : nodes_) node->stop();
    loop_.end_tasks();
    nodes_.clear();
  }
  void start(std::string schema, std::vector<std::pair<std::string, ServiceFactory>> services) override {
    static int made = 0;
    const std::string number = std::to_string(++made);
    real::PrivatePostgres& server = postgres();
    server.create_database("db_" + number);
    server.create_database("broker_" + number);
    real::migrate(server.connection("db_" + number), {std::move(schema)});
    real::migrate(server.connection("broker_" + number), real::broker_migrations());
    real::HttpClient::Peers peers;
    for (const auto& [name, factory] : services) {
      peers[name].push_back(real::Address{"127.0.0.1", real::Listener(loop_, real::Address{"127.0.0.1", 0}).port()});
    }
    for (const auto& [name, factory] : services) {
      real::NodeSettings settings;
      settings.service = name;
      settings.host = name + "-1";
      settings.listen = peers[name].front();
      settings.peers = peers;
      settings.databases["db"] = server.connection("db_" + number);
      settings.broker = server.connection("broker_" + number);
      settings.files["store"] = folder_.path() + "/store";
      settings.log = Level::error;
      auto node = std::make_unique<real::Node>(loop_, std::move(settings));
      node->start(factory);
      nodes_.emplace(name, std::move(node));
    }
  }
  void ask_to_stop(const std::string& service) override { nodes_.at(service)->stop(); }
  void arm(const std::string& service, const Fault& fault) override { nodes_.at(service)->mishaps().arm({fault}, {}); }
  void end_listening_sessions() override {
    real::PgLink killer(postgres().connection("postgres"), "killer");
    (void)killer.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%-listen'", {});
  }
  bool let_time_pass(const std::function<bool()>& until) override {
    loop_.run(until, loop_.now() + std::chrono::seconds(60));
    return until();
  }

 protected:
  void begin(const std::string& service, std::function<Task<void>(Context&)> body) override {
    bodies_.push_back(std::make_unique<std::function<Task<void>(Context&)>>(std::move(body)));
    real::Node& node = *nodes_.at(service);
    node.spawn("test", (*bodies_.back())(node));
  }

 private:
  /// One for all tests of this program.
  static real::PrivatePostgres& postgres() {
    static real::PrivatePostgres server;
    return server;
  }

  real::TemporaryFolder folder_{"orrery-test"};
  real::Loop loop_;
  std::map<std::string, std::unique_ptr<real::Node>> nodes_;
  std::vector<std::unique_ptr<std::function<Task<void>(Context&)>>> bodies_;  // whose frames may still run
};

}  // namespace

std::unique_ptr<Bench> Sim::make() { return std::make_unique<SimBench>(); }
std::unique_ptr<Bench> Real::make() { return std::make_unique<RealBench>(); }

}  // namespace orrery::conformance
