#include "sim/context.hpp"

#include <utility>

#include "sim/directory.hpp"
#include "sim/world.hpp"

namespace orrery::sim {

void SimTelemetry::log(Level level, std::string_view message, const Json& fields) {
  static constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
  host_.kernel().recorder().fact(EventKind::log, host_.name, kLevels[static_cast<int>(level)], {}, 0, message,
                                 fields.is_null() || fields.empty() ? std::string() : fields.dump());
}

// Metrics are for real mode's dashboards: a simulated run has its whole history instead.
void SimTelemetry::count(std::string_view, std::int64_t) {}
void SimTelemetry::gauge(std::string_view, double) {}
void SimTelemetry::observe(std::string_view, Duration) {}

NodeContext::NodeContext(Host& host, Directory& directory, const Node& node, HttpEndpoint& http, BrokerClient& broker,
                         SimTelemetry& telemetry)
    : Context(node.service, node.host, node.config, host, host, http, broker, telemetry),
      host_(host),
      directory_(directory) {}

Database& NodeContext::database(std::string_view name) {
  const auto known = databases_.find(name);
  if (known != databases_.end()) return *known->second;
  const auto server = directory_.databases.find(name);
  if (server == directory_.databases.end()) {
    throw std::invalid_argument(service + " asks for the database \"" + std::string(name) +
                                "\", which the topology does not have");
  }
  return *databases_.emplace(name, std::make_unique<DatabaseClient>(host_, directory_, *server->second)).first->second;
}

Files& NodeContext::files(std::string_view store) {
  const auto known = file_stores_.find(store);
  if (known != file_stores_.end()) return *known->second;
  const auto server = directory_.file_stores.find(store);
  if (server == directory_.file_stores.end()) {
    throw std::invalid_argument(service + " asks for the file store \"" + std::string(store) +
                                "\", which the topology does not have");
  }
  return *file_stores_.emplace(store, std::make_unique<FileClient>(host_, *server->second)).first->second;
}

Cache& NodeContext::cache() {
  if (directory_.cache == nullptr) {
    throw std::invalid_argument(service + " asks for a cache, which the topology does not have");
  }
  if (cache_ == nullptr) cache_ = std::make_unique<CacheClient>(host_, *directory_.cache);
  return *cache_;
}

void NodeContext::spawn(std::string name, Task<void> task) { host_.spawn(name, std::move(task)); }

NodeMachine::NodeMachine(Host& host, Directory& directory, const Node& node)
    : telemetry_(host),
      http_(host, directory),
      broker_(host, *directory.broker, directory.places),
      context_(host, directory, node, http_, broker_, telemetry_) {
  if (node.factory) service_ = node.factory(context_);
}

void NodeMachine::stop() noexcept {
  http_.stop_accepting();
  broker_.stop();
  context_.stop();
}

}  // namespace orrery::sim
