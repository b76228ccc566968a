#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "real-mode/ailments.hpp"
#include "real-mode/broker.hpp"
#include "real-mode/cache.hpp"
#include "real-mode/database.hpp"
#include "real-mode/files.hpp"
#include "real-mode/http.hpp"
#include "real-mode/telemetry.hpp"
#include "runtime/context.hpp"

namespace orrery::real {

/// What one replica of a service is started with.
struct NodeSettings {
  std::string service;  // "user"
  std::string host;     // "user-1"; the service's name if there is one replica
  Json config = Json::object();  // the service's own settings
  Address listen{"127.0.0.1", 0};
  HttpClient::Peers peers;
  std::map<std::string, std::string, std::less<>> databases;  // how to connect to them, by name
  std::string broker;                                         // how to connect to its database; empty: none
  std::map<std::string, std::string, std::less<>> files;      // file stores' directories, by name
  std::string cache;                                          // "127.0.0.1:6379", a Redis server; empty: in this process
  std::optional<Address> traces;                              // a collector that takes OTLP/HTTP; none: nothing is exported
  PoolSettings pool;   // of each database; `connection`, `session` are filled in
  HttpLimits limits;
  Level log = Level::info;
  Duration drain_within = 10s;  // when asked to stop: what is in work by then is given up

  // For the test bed:
  std::string events;        // a file for what happens; empty: nothing is kept
  int incarnation = 1;       // counts the starts of this host
  bool controlled = false;   // its stdin is the test bed's control link
  std::vector<Fault> faults;
  FaultRates rates;
  Instant rates_until{};     // then nothing is drawn any more
  std::map<std::string, std::uint64_t, std::less<>> reached;  // what earlier processes of the host counted
};

/// One replica's memory: what a service touches, made of sockets and connections. The loop outlives it; the node's tasks must
/// be gone (`Loop::end_tasks`) before it is destroyed.
class Node final : public Context {
 public:
  Node(Loop& loop, NodeSettings settings);
  ~Node();

  [[nodiscard]] Database& database(std::string_view name) override;
  [[nodiscard]] Files& files(std::string_view store) override;
  [[nodiscard]] Cache& cache() override;
  void spawn(std::string name, Task<void> task) override;
  [[nodiscard]] bool stopping() const noexcept override { return stopping_; }

  /// Builds the service, adds `GET /metrics` and `GET /readyz`, and listens. Returns the port.
  std::uint16_t start(const ServiceFactory& factory);
  /// Asks it to stop: no new requests and deliveries, loops see `stopping()`.
  void stop();
  /// What faults make it suffer from now on.
  void ail(const Ailments& ailments);
  /// Its faults, for whoever carries out those at a place.
  [[nodiscard]] Mishaps& mishaps() noexcept;
  /// Nothing is in work any more, and every task has ended.
  [[nodiscard]] bool at_rest() const noexcept;
  [[nodiscard]] Recorder& recorder() noexcept;
  [[nodiscard]] RealTelemetry& real_telemetry() noexcept;

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  Task<Response> metrics(Request request);
  Task<Response> ready(Request request);

  std::unique_ptr<Parts> parts_;
  std::map<std::string, std::unique_ptr<DatabasePool>, std::less<>> databases_;
  std::map<std::string, std::unique_ptr<DirectoryFiles>, std::less<>> file_stores_;
  std::unique_ptr<Service> service_;
  bool stopping_ = false;
};

/// One process: serves until SIGTERM or SIGINT, then finishes what is in work. A second signal ends it at once. An exception that
/// leaves a task of the service ends it, too. Returns the exit status: 0, or 70 after such an exception. Throws what the
/// service's constructor throws, and SocketError if it cannot listen.
int serve(const NodeSettings& settings, const ServiceFactory& factory);

}  // namespace orrery::real
