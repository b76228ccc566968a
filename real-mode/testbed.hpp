#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "real-mode/ailments.hpp"
#include "real-mode/child.hpp"
#include "real-mode/control.hpp"
#include "real-mode/gathering.hpp"
#include "real-mode/guardian.hpp"
#include "real-mode/held_transaction.hpp"
#include "real-mode/node.hpp"
#include "real-mode/private_postgres.hpp"
#include "real-mode/private_redis.hpp"
#include "real-mode/proxy.hpp"
#include "real-mode/small_disk.hpp"
#include "runtime/controls.hpp"

namespace orrery::real {

/// The host of a test bed's cache.
inline constexpr const char* kCacheHost = "cache";

/// What a test bed is made of: the real counterpart of a scenario's topology.
struct BedSettings {
  struct DatabaseSpec {
    std::string name;
    std::string schema;
    std::vector<std::pair<std::string, std::string>> settings;  // of every session
    /// A hot standby by the name standby_of(name). With `postgres` that name leads to the database itself, in read-only sessions.
    bool has_standby = false;
  };
  struct ServiceSpec {
    std::string name;
    int replicas = 1;
    Json config = Json::object();
  };
  std::vector<DatabaseSpec> databases;
  std::vector<ServiceSpec> services;
  std::vector<std::string> file_stores;  // a directory each
  std::vector<std::string> small_disks;  // databases and file stores whose disk may get full; with `postgres` file stores only
  bool cache = false;                    // a Redis server; each process's own memory where none is installed
  int clients = 4;
  std::string program;   // that has the verb "serve"
  std::string postgres;  // how to connect to a server as a superuser; empty: a private one for each database and the broker
  Duration faults_for{};
};

/// Services as processes of this machine, each database and the broker on a PostgreSQL server of its own, clients in this
/// process, and a proxy between any two of them; and what can be done to them. Everything that it made is gone when it is
/// destroyed, and soon after this process is killed: processes, databases, files, and the tasks of its loop.
class TestBed final : public Controls {
 public:
  /// Starts nothing yet. Throws std::runtime_error.
  TestBed(Loop& loop, BedSettings settings);
  ~TestBed();

  /// Where a client's tasks run. It must be one of the clients.
  [[nodiscard]] Node& client(const std::string& name);
  [[nodiscard]] bool has_client(const std::string& name) const { return clients_.contains(name); }
  /// From now on `Fault::at` counts.
  void begin();
  [[nodiscard]] Instant began() const noexcept { return began_; }
  void enter_phase(std::string_view phase);
  /// What happened from the beginning on, in order, with the rows that were committed. Ends all services first. Blocking.
  [[nodiscard]] History gather();
  /// Why the run cannot go on; empty: it can.
  [[nodiscard]] const std::string& broken() const noexcept { return broken_; }

  // Controls
  [[nodiscard]] std::string unsupported(const Fault& fault) const override;
  /// To be called before `start`: processes are told when they start.
  void set_rates(const FaultRates& rates) override;
  void arm(const std::vector<Fault>& faults) override;
  void inject(const Fault& fault) override;
  void heal() override;
  /// Those that a process carried out on itself are known after `gather`.
  [[nodiscard]] const std::vector<Fault>& struck() const noexcept override { return struck_; }

  /// Starts the services' processes, and waits until all are ready. Throws std::runtime_error.
  void start();

 private:
  struct Replica {
    std::string service;
    std::string host;
    Address address;  // its own; others reach it through the proxy
    Json config;
    Child process;
    std::unique_ptr<ControlLink> control;
    int incarnation = 0;
    bool ready = false;
    bool down = false;  // on purpose, until it is started again
    std::string events;
    std::chrono::microseconds clock_offset{0};
    std::int64_t clock_ppm = 0;
    Duration slower{0};
    int failing = 0;
  };
  /// Of a database or the broker; with a server that was given there are none.
  struct Server {
    std::string host;
    std::string database;  // that it has: its own, or that of which it is the standby
    std::unique_ptr<PrivatePostgres> postgres;  // null: a standby that is being made
    bool down = false;
    bool starts = false;
    bool is_replaced = false;  // started again, its standby is the database
    int outages = 0;
    int incarnation = 1;
    Fault ended_by;
  };
  struct CacheServer {
    CacheServer(Loop& loop, Address address, std::string folder) : redis(loop, std::move(address), std::move(folder)) {}
    PrivateRedis redis;
    bool down = false;
    int outages = 0;
    int incarnation = 0;
    int refusing = 0;
  };
  struct Active {
    std::uint64_t id;
    Fault fault;
  };

  // testbed.cpp: setting up
  void start_databases();
  void connect_hosts();
  void start_clients();
  void make_file_stores();
  [[nodiscard]] bool has_small_disk(const std::string& host) const;
  [[nodiscard]] std::string folder_of(const std::string& file_store) const;
  [[nodiscard]] std::string connection_to(const std::string& database) const;
  [[nodiscard]] Address server_of(const std::string& database) const;
  [[nodiscard]] std::string through_proxy(const std::string& host, const std::string& database) const;
  [[nodiscard]] HttpClient::Peers peers_of(const std::string& host) const;
  [[nodiscard]] std::vector<std::string> database_hosts() const;

  // testbed_processes.cpp
  void launch(Replica& replica);
  [[nodiscard]] Json config_of(Replica& replica);
  Task<void> open_when_ready(Replica& replica, int incarnation);
  Task<void> watch();
  void died(Replica& replica);
  void end(Replica& replica, const Fault& fault);
  Task<void> start_again(Replica& replica, Duration lasts, Fault fault);
  void end(Server& server, const Fault& fault);
  void restart(Server& server);
  Task<void> start_server(Server& server);
  void open(const std::string& host);
  void tell(Replica& replica);
  void held(Replica& replica, const Json& line);

  // testbed_standby.cpp
  void make_standby(Server& primary);
  [[nodiscard]] std::string standby_way(const Server& standby) const;
  [[nodiscard]] std::string why_not_replaced(const Server& primary) const;
  void replace(Server& server, const Fault& fault);
  Task<bool> begin_take_over(Server& server);
  void finish_take_over(Server& server);
  Task<void> follow_again(Server& standby);

  // testbed_cache.cpp
  [[nodiscard]] bool has_cache() const;
  [[nodiscard]] std::string why_no_cache() const;
  void start_cache();
  void launch_cache();
  Task<void> open_cache();
  void end_cache(const Fault& fault);
  void start_cache_again();
  void refuse_cache(bool begins);

  // testbed_faults.cpp
  void strike(const Fault& fault);
  void begin_episode(const Fault& fault);
  void end_episode(std::uint64_t id);
  void apply(const Fault& fault, bool begins);
  void pause(const Fault& fault, bool begins);
  void hold_transaction(const Fault& fault, bool begins);
  void fill_disk(const Fault& fault, bool begins);
  [[nodiscard]] bool others_active(const Fault& fault, bool begins) const;
  [[nodiscard]] std::string unsupported_decision(const Fault& fault) const;
  [[nodiscard]] std::string unsupported_on_link(const Fault& fault) const;
  [[nodiscard]] std::string unsupported_at_host(const Fault& fault) const;

  void note(EventKind kind, const std::string& host, std::string_view subject = {}, std::string_view key = {},
            std::int64_t number = 0, std::string_view text = {});
  void at(Instant when, std::string name, std::function<void()> action);
  [[nodiscard]] Replica* find(std::string_view host) const;
  [[nodiscard]] Server* find_server(std::string_view host) const;
  [[nodiscard]] bool is_database(std::string_view host) const;
  [[nodiscard]] bool has_standby(std::string_view database) const;
  [[nodiscard]] bool is_client(std::string_view host) const;

  Loop& loop_;
  const BedSettings settings_;
  std::string folder_;
  std::unique_ptr<Guardian> guardian_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what other threads post
  std::unique_ptr<Proxy> proxy_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::string> made_databases_;  // on a server that was given
  std::vector<std::unique_ptr<PrivatePostgres>> replaced_;  // for what they committed, which is told at the end
  int last_folder_ = 0;
  std::map<std::string, std::unique_ptr<SmallDisk>> disks_;  // of file stores
  std::unique_ptr<CacheServer> cache_;
  Captures captures_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::map<std::pair<std::string, std::string>, Address> ways_;  // where a host connects to reach another
  std::map<std::string, std::unique_ptr<Node>> clients_;
  std::vector<Event> events_;
  std::vector<Fault> armed_;
  FaultRates rates_;
  std::map<std::string, std::uint64_t> shared_;  // occasions that hosts share, by name
  std::vector<Fault> struck_;
  std::list<Active> active_;
  std::map<std::string, std::vector<std::unique_ptr<HeldTransaction>>> held_;  // by database, also those that were released
  std::uint64_t last_active_ = 0;
  Duration delivery_delay_{0};
  Instant began_{};
  bool healed_ = false;
  bool ending_ = false;
  std::string broken_;
  std::chrono::nanoseconds wall_offset_{};  // system time minus monotonic time at the beginning
};

}  // namespace orrery::real
