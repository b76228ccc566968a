#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/context.hpp"
#include "sim/broker.hpp"
#include "sim/cache.hpp"
#include "sim/database_client.hpp"
#include "sim/files.hpp"
#include "sim/http.hpp"
#include "sim/kernel.hpp"

namespace orrery::sim {

class Directory;
struct Node;

/// Logs and metrics as events of the history.
class SimTelemetry final : public Telemetry {
 public:
  explicit SimTelemetry(Host& host) : host_(host) {}
  void log(Level level, std::string_view message, const Json& fields) override;
  void count(std::string_view counter, std::int64_t by) override;
  void gauge(std::string_view name, double value) override;
  void observe(std::string_view histogram, Duration value) override;

 private:
  Host& host_;
};

/// What a service of a simulated host touches.
class NodeContext final : public Context {
 public:
  NodeContext(Host& host, Directory& directory, const Node& node, HttpEndpoint& http, BrokerClient& broker,
              SimTelemetry& telemetry);

  [[nodiscard]] Database& database(std::string_view name) override;
  [[nodiscard]] Files& files(std::string_view store) override;
  [[nodiscard]] Cache& cache() override;
  void spawn(std::string name, Task<void> task) override;
  [[nodiscard]] bool stopping() const noexcept override { return stopping_; }
  void stop() noexcept { stopping_ = true; }

 private:
  Host& host_;
  Directory& directory_;
  bool stopping_ = false;
  std::map<std::string, std::unique_ptr<DatabaseClient>, std::less<>> databases_;
  std::map<std::string, std::unique_ptr<FileClient>, std::less<>> file_stores_;
  std::unique_ptr<CacheClient> cache_;
};

/// The memory of a service's host: its context and the service itself, which goes first.
class NodeMachine final : public Machine {
 public:
  NodeMachine(Host& host, Directory& directory, const Node& node);

  [[nodiscard]] HttpEndpoint& http() noexcept { return http_; }
  [[nodiscard]] NodeContext& context() noexcept { return context_; }
  /// The process is asked to stop: no new requests, loops see `stopping()`.
  void stop() noexcept;

 private:
  SimTelemetry telemetry_;
  HttpEndpoint http_;
  BrokerClient broker_;
  NodeContext context_;
  std::unique_ptr<Service> service_;
};

}  // namespace orrery::sim
