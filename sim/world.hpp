#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/context.hpp"
#include "runtime/controls.hpp"
#include "runtime/history.hpp"
#include "sim/database_options.hpp"
#include "sim/decisions.hpp"
#include "sim/kernel.hpp"
#include "sim/network.hpp"
#include "sim/places.hpp"

namespace orrery::sim {

class BrokerServer;
class CacheServer;
class DatabaseServer;
class Directory;
class Episodes;
class FileStore;

/// One process of a service: a replica.
struct Node {
  std::string host;     // "user-1"
  std::string service;  // "user": what others call it by
  ServiceFactory factory;
  Json config = Json::object();
};

/// A simulated world: hosts on a network, databases and a broker, all from one seed. It is put together, started, run,
/// judged and thrown away; nothing of it is shared with another world in the process.
class World final : public Controls {
 public:
  /// `full`: the history keeps traces, too.
  World(std::uint64_t seed, bool full);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- putting together, before start() ----
  /// A database server on a host of that name, and its standby, if it has one, on "<name>_standby". Throws database::SqlError
  /// if the schema or a setting is refused.
  void add_database(std::string name, std::string_view schema, DatabaseOptions options = {});
  /// The broker's host is "broker".
  void add_broker();
  /// A file store on a host of that name; it is empty.
  void add_file_store(std::string name);
  /// The cache's host is "cache". Without it services that ask for one are refused.
  void add_cache();
  /// A replica of a service. It may open every database of the world by its name.
  void add_node(Node node);
  /// Starts databases, broker and nodes, in the order in which they were added.
  void start();

  // ---- running ----
  /// Throws Stuck.
  void run_until(Instant until) { kernel_.run_until(until); }
  [[nodiscard]] Kernel& kernel() noexcept { return kernel_; }
  [[nodiscard]] Network& network() noexcept { return network_; }
  [[nodiscard]] Places& places() noexcept { return places_; }
  [[nodiscard]] Decisions& decisions() noexcept { return decisions_; }
  [[nodiscard]] Recorder& recorder() noexcept { return kernel_.recorder(); }
  /// CHECKs that it exists.
  [[nodiscard]] Host& host(std::string_view name);
  /// The hosts that serve `service`, in the order in which they were added.
  [[nodiscard]] const std::vector<Host*>& replicas(std::string_view service) const;
  [[nodiscard]] DatabaseServer& database(std::string_view name);
  [[nodiscard]] BrokerServer& broker();
  [[nodiscard]] FileStore& file_store(std::string_view name);
  [[nodiscard]] CacheServer& cache();
  /// What a new transaction would see, outside of the simulation: for tests and checkers.
  [[nodiscard]] Rows query(std::string_view database, std::string_view sql);
  /// Runs a task on a host beside its service: how a workload's client works, and how a test makes a call by hand. The host
  /// is up. `identity` makes the task's decisions independent of how many others were started before; 0 does not.
  void spawn(std::string_view host, std::string_view name, std::function<Task<void>(Context&)> body,
             std::uint64_t identity = 0);
  /// Notes a phase in the history ("faults", "healed", "end").
  void enter_phase(std::string_view phase);

  // ---- Controls ----
  [[nodiscard]] std::string unsupported(const Fault& fault) const override;
  void set_rates(const FaultRates& rates) override { decisions_.set_rates(rates); }
  void arm(const std::vector<Fault>& faults) override { decisions_.arm(faults); }
  void inject(const Fault& fault) override;
  void heal() override;
  [[nodiscard]] const std::vector<Fault>& struck() const noexcept override { return decisions_.struck(); }
  /// Armed faults whose occasion or place never came.
  [[nodiscard]] std::vector<Fault> unused() const { return decisions_.unused(); }

 private:
  Kernel kernel_;
  Decisions decisions_;
  Network network_;
  Places places_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Episodes> episodes_;
  bool healed_ = false;
};

}  // namespace orrery::sim
