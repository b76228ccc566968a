#include "real-mode/telemetry.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace orrery::real {
namespace {

constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};

std::string braces(std::string_view labels, std::string_view more = {}) {
  if (labels.empty() && more.empty()) return {};
  return fmt::format("{{{}{}{}}}", labels, labels.empty() || more.empty() ? "" : ",", more);
}

/// Prometheus wants one HELP and one TYPE line before all series of a name; a name says all that is known of a service's own.
void begin(std::string& text, std::string& last, const std::string& name, const char* type) {
  if (name == last) return;
  last = name;
  std::string words = name;
  std::ranges::replace(words, '_', ' ');
  text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, words, name, type);
}

}  // namespace

std::string label_value(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

void RealTelemetry::log(Level level, std::string_view message, const Json& fields) {
  const bool has_fields = fields.is_object() && !fields.empty();
  const auto bytes = [](const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); };
  recorder_.fact(EventKind::log, kLevels[static_cast<int>(level)], {}, 0, message, has_fields ? bytes(fields) : "");
  if (level < least_) return;
  nlohmann::ordered_json line{{"time", to_rfc3339(clock_.system_now())},
                              {"level", kLevels[static_cast<int>(level)]},
                              {"service", service_},
                              {"host", recorder_.host()},
                              {"message", message}};
  if (has_fields) {
    for (const auto& [name, value] : fields.items()) line[name] = value;
  }
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void RealTelemetry::Histogram::add(Duration value) noexcept {
  const double seconds = std::chrono::duration<double>(value).count();
  for (std::size_t i = 0; i < kBounds.size(); ++i) buckets[i] += seconds <= kBounds[i] ? 1 : 0;
  ++count;
  sum_s += seconds;
}

std::string RealTelemetry::metrics() const {
  std::string text;
  std::string last;
  for (const auto& [series, value] : counters_) {
    begin(text, last, series.name, "counter");
    text += fmt::format("{}{} {}\n", series.name, braces(series.labels), value);
  }
  for (const auto& [series, value] : gauges_) {
    begin(text, last, series.name, "gauge");
    text += fmt::format("{}{} {}\n", series.name, braces(series.labels), value);
  }
  for (const auto& [name, read] : watched_) {
    begin(text, last, name, "gauge");
    text += fmt::format("{} {}\n", name, read());
  }
  for (const auto& [series, histogram] : histograms_) {
    begin(text, last, series.name, "histogram");
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
      text += fmt::format("{}_bucket{} {}\n", series.name, braces(series.labels, fmt::format("le=\"{}\"", Histogram::kBounds[i])),
                          histogram.buckets[i]);
    }
    text += fmt::format("{}_bucket{} {}\n", series.name, braces(series.labels, "le=\"+Inf\""), histogram.count);
    text += fmt::format("{}_sum{} {}\n", series.name, braces(series.labels), histogram.sum_s);
    text += fmt::format("{}_count{} {}\n", series.name, braces(series.labels), histogram.count);
  }
  return text;
}

}  // namespace orrery::real
