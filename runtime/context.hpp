#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/broker.hpp"
#include "runtime/cache.hpp"
#include "runtime/clock.hpp"
#include "runtime/database.hpp"
#include "runtime/files.hpp"
#include "runtime/http.hpp"
#include "runtime/json.hpp"
#include "runtime/random.hpp"
#include "runtime/task.hpp"
#include "runtime/telemetry.hpp"

namespace orrery {

/// Everything that a service may touch. It outlives the service; both worlds implement it.
class Context {
 public:
  Context(std::string service, std::string host, Json config, Clock& clock, Random& random, Http& http, Broker& broker,
          Telemetry& telemetry)
      : service(std::move(service)),
        host(std::move(host)),
        config(std::move(config)),
        clock(clock),
        random(random),
        http(http),
        broker(broker),
        telemetry(telemetry) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const std::string service;  // "user"
  const std::string host;     // "user-1": this replica
  /// The service's settings, an object. A broken twin is selected with "defect".
  const Json config;

  Clock& clock;
  Random& random;
  Http& http;
  Broker& broker;
  Telemetry& telemetry;

  /// The database of that name; it lives as long as the context.
  [[nodiscard]] virtual Database& database(std::string_view name) = 0;
  /// The file store of that name, likewise; every host that names it has the same files.
  [[nodiscard]] virtual Files& files(std::string_view store) = 0;
  /// The cache of this system, likewise.
  [[nodiscard]] virtual Cache& cache() = 0;

  /// Runs a task of its own on this host until it ends or the host stops. An exception that leaves it ends the process,
  /// as it would in production, and is reported.
  virtual void spawn(std::string name, Task<void> task) = 0;

  /// True once the process was asked to stop: loops end, work in flight is finished.
  [[nodiscard]] virtual bool stopping() const noexcept = 0;

 protected:
  ~Context() = default;
};

/// A service of a process: built when the process starts, destroyed when it ends.
class Service {
 public:
  virtual ~Service() = default;
};

using ServiceFactory = std::function<std::unique_ptr<Service>(Context&)>;

/// The factory of a service class with a constructor from `Context&`.
template <class S>
[[nodiscard]] ServiceFactory make_service() {
  return [](Context& context) -> std::unique_ptr<Service> { return std::make_unique<S>(context); };
}

}  // namespace orrery
