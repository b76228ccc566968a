#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "real-mode/child.hpp"
#include "real-mode/decoding.hpp"
#include "real-mode/node.hpp"
#include "real-mode/private_postgres.hpp"
#include "runtime/controls.hpp"

namespace orrery::real {

/// What a test bed is made of: the real counterpart of a scenario's topology.
struct BedSettings {
  struct DatabaseSpec {
    std::string name;
    std::string schema;
    std::vector<std::pair<std::string, std::string>> settings;  // of every session
    /// The name standby_of(name) leads to the database itself, in read-only sessions.
    bool has_standby = false;
  };
  struct ServiceSpec {
    std::string name;
    int replicas = 1;
    Json config = Json::object();
  };
  std::vector<DatabaseSpec> databases;
  std::vector<ServiceSpec> services;
  int clients = 4;
  std::string program;   // that has the verb "serve"
  std::string postgres;  // how to connect to a server as a superuser; empty: a private one
  Duration faults_for{};
};

/// Services as processes of this machine, on a PostgreSQL server, with clients in this process; and what can be done to them.
/// Everything that it made is gone when it is destroyed: processes, databases, files, and the tasks of its loop.
class TestBed final : public Controls {
 public:
  /// Starts everything; nothing has been asked yet. Throws std::runtime_error.
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
  /// Decisions of this kind are drawn with the rates that are set.
  [[nodiscard]] static bool draws(FaultKind kind) noexcept;
  /// Why the run cannot go on; empty: it can.
  [[nodiscard]] const std::string& broken() const noexcept { return broken_; }

  // Controls
  [[nodiscard]] std::string unsupported(const Fault& fault) const override;
  /// To be called before `start`: processes are told when they start.
  void set_rates(const FaultRates& rates) override;
  void arm(const std::vector<Fault>& faults) override;
  void inject(const Fault& fault) override;
  void heal() override;
  [[nodiscard]] const std::vector<Fault>& struck() const noexcept override { return struck_; }

  /// Starts the services' processes, and waits until all are ready. Throws std::runtime_error.
  void start();

 private:
  struct Replica {
    std::string service;
    std::string host;
    Address address;
    Json config;
    Child process;
    int incarnation = 0;
    int paused = 0;
    bool down = false;  // on purpose, until it is started again
    std::string events;
  };
  void launch(Replica& replica);
  [[nodiscard]] Json config_of(Replica& replica);
  [[nodiscard]] bool is_ready(Replica& replica);
  Task<void> watch();
  void died(Replica& replica);
  void crash_server(const Fault& fault);
  void restart_server();
  Task<void> start_server();
  [[nodiscard]] std::vector<std::string> database_hosts() const;
  void note(EventKind kind, const std::string& host, std::string_view subject = {}, std::string_view key = {},
            std::int64_t number = 0, std::string_view text = {});
  void at(Instant when, std::string name, std::function<void()> action);
  [[nodiscard]] Replica* find(std::string_view host);
  [[nodiscard]] const Replica* find(std::string_view host) const;
  [[nodiscard]] bool is_database(std::string_view host) const;
  [[nodiscard]] std::string connection_to(const std::string& database) const;
  void add_committed(std::vector<Event>& events);

  Loop& loop_;
  const BedSettings settings_;
  std::string folder_;
  std::unique_ptr<PrivatePostgres> postgres_;
  std::vector<std::string> made_databases_;
  std::vector<std::pair<std::string, ChangeCapture>> captures_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::map<std::string, std::unique_ptr<Node>> clients_;
  std::vector<Event> events_;
  std::vector<Fault> armed_;
  FaultRates rates_;
  std::vector<Fault> struck_;
  Instant began_{};
  bool healed_ = false;
  bool ending_ = false;
  bool server_down_ = false;
  bool server_starts_ = false;
  int server_crashes_ = 0;
  Fault crashed_;  // the last crash of the server
  std::string broken_;
  std::chrono::nanoseconds wall_offset_{};  // system time minus monotonic time at the beginning
};

}  // namespace orrery::real
