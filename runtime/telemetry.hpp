#pragma once

#include <string>
#include <string_view>

#include "runtime/json.hpp"
#include "runtime/time.hpp"

namespace orrery {

enum class Level { debug, info, warning, error };

/// Logs and metrics of a service. In simulation they become events of the history.
class Telemetry {
 public:
  /// One structured log line; `fields` is an object.
  virtual void log(Level level, std::string_view message, const Json& fields = {}) = 0;
  /// Adds to a counter, by its Prometheus name ("outbox_publish_failures_total").
  virtual void count(std::string_view counter, std::int64_t by = 1) = 0;
  /// Sets a gauge.
  virtual void gauge(std::string_view name, double value) = 0;
  /// Observes a duration in a histogram.
  virtual void observe(std::string_view histogram, Duration value) = 0;

 protected:
  ~Telemetry() = default;
};

}  // namespace orrery
