#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "real-mode/recorder.hpp"
#include "runtime/clock.hpp"
#include "runtime/telemetry.hpp"

namespace orrery::real {

/// Logs as JSON lines on stderr, {"time", "level", "service", "host", "message", …fields}, and metrics as Prometheus reads
/// them. What a service logs also becomes an event.
class RealTelemetry final : public Telemetry {
 public:
  RealTelemetry(std::string service, Clock& clock, Recorder& recorder, Level least = Level::info)
      : service_(std::move(service)), clock_(clock), recorder_(recorder), least_(least) {}

  void log(Level level, std::string_view message, const Json& fields = {}) override;
  void count(std::string_view counter, std::int64_t by = 1) override { counters_[series(counter, "")] += by; }
  void gauge(std::string_view name, double value) override { gauges_[series(name, "")] = value; }
  void observe(std::string_view histogram, Duration value) override { observe(histogram, "", value); }

  /// The same with labels, as they stand between braces: `route="GET /users",status="200"`.
  void count(std::string_view counter, std::string_view labels, std::int64_t by) { counters_[series(counter, labels)] += by; }
  void observe(std::string_view histogram, std::string_view labels, Duration value) {
    histograms_[series(histogram, labels)].add(value);
  }
  /// A series that is counted often: to be added to without another look-up. It stays where it is.
  [[nodiscard]] std::int64_t& counter(std::string_view name, std::string_view labels) { return counters_[series(name, labels)]; }
  class Histogram;
  [[nodiscard]] Histogram& histogram(std::string_view name, std::string_view labels) { return histograms_[series(name, labels)]; }
  /// A gauge that is read when it is asked for.
  void watch(std::string name, std::function<double()> read) { watched_[std::move(name)] = std::move(read); }

  /// All metrics in Prometheus's text format 0.0.4.
  [[nodiscard]] std::string metrics() const;

  class Histogram {
   public:
    static constexpr std::array<double, 12> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                       0.1,   0.25,   0.5,   1.0,  2.5,   5.0};  // seconds
    void add(Duration value) noexcept;
    std::array<std::uint64_t, kBounds.size()> buckets{};
    std::uint64_t count = 0;
    double sum_s = 0;
  };

 private:
  struct Series {
    std::string name;
    std::string labels;
    friend auto operator<=>(const Series&, const Series&) = default;
  };
  static Series series(std::string_view name, std::string_view labels) { return {std::string(name), std::string(labels)}; }

  const std::string service_;
  Clock& clock_;
  Recorder& recorder_;
  const Level least_;
  std::map<Series, std::int64_t> counters_;
  std::map<Series, double> gauges_;
  std::map<Series, Histogram> histograms_;
  std::map<std::string, std::function<double()>> watched_;
};

/// A label's value, with what would end it escaped.
[[nodiscard]] std::string label_value(std::string_view text);

}  // namespace orrery::real
