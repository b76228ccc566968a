#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "real-mode/socket.hpp"
#include "runtime/json.hpp"
#include "runtime/random.hpp"
#include "runtime/telemetry.hpp"
#include "runtime/trace.hpp"

namespace orrery::real {

/// `ExportTraceServiceRequest` in OTLP's JSON encoding (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): ids in
/// hexadecimal, 64-bit integers as strings, enumerations as integers.
[[nodiscard]] Json to_otlp(const std::vector<Span>& spans, const std::string& service, const std::string& host);

/// Hands spans to an OpenTelemetry collector by OTLP/HTTP, in batches and behind the service's back: a span is put aside in
/// memory, and what finds no place there is dropped and counted. A batch that the collector does not take is tried again twice
/// (429, 502, 503, 504, and without an answer), then dropped and counted.
class SpanExporter {
 public:
  struct Settings {
    Address collector;          // listens for POST /v1/traces
    std::size_t most = 4096;    // spans in memory
    std::size_t batch = 512;
    Duration every = 1s;        // a batch that is not full waits at most so long
    Duration within = 5s;       // for the collector's answer
    Duration retry_after = 1s;
  };
  SpanExporter(Loop& loop, Settings settings, std::string service, std::string host, Telemetry& telemetry);

  /// Never waits.
  void add(Span span);
  /// Starts the task that exports. After `stop` it ends when it is the last task, and has sent
  /// what was left.
  void start();
  void stop() noexcept;
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  [[nodiscard]] std::uint64_t exported() const noexcept { return exported_; }

 private:
  Task<void> work();
  Task<void> send(std::vector<Span> batch);
  /// The status, or 0 without an answer.
  Task<int> post(std::string wire);
  void drop(std::size_t spans);

  Loop& loop_;
  const Settings settings_;
  const std::string service_;
  const std::string host_;
  Telemetry& telemetry_;
  std::deque<Span> spans_;
  Waiter wake_;
  Socket socket_;  // to the collector, kept
  bool stopping_ = false;
  std::uint64_t dropped_ = 0;
  std::uint64_t exported_ = 0;
};

/// The spans that a process has under way, by the task that is in them; and where the ended ones go. Without an exporter ids
/// still travel, because somebody else may collect.
class Tracer {
 public:
  Tracer(Loop& loop, Clock& clock, Random& random) : loop_(loop), clock_(clock), random_(random) {}
  void export_to(SpanExporter* exporter) noexcept { exporter_ = exporter; }

  /// The innermost span of the task that runs; invalid: it has none.
  [[nodiscard]] TraceContext current() const noexcept { return loop_.trace(); }

  /// A span from here to its end of life, within the task that runs. It must end in the task that began it.
  class Scope {
   public:
    /// A child of `parent`; of none a trace begins. `enters`: it is the task's current span until it ends.
    Scope(Tracer& tracer, TraceContext parent, Span::Kind kind, std::string_view name, bool enters);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    [[nodiscard]] const TraceContext& context() const noexcept { return span_.context; }
    /// Does nothing if nobody collects.
    void attribute(const char* name, std::string_view value) {
      if (tracer_.exporter_ != nullptr) span_.attributes.insert_or_assign(name, std::string(value));
    }
    void fail() noexcept { span_.failed = true; }

   private:
    Tracer& tracer_;
    Span span_;
    Instant began_{};
    const bool enters_;
    TraceContext before_;
  };

 private:
  Loop& loop_;
  Clock& clock_;
  Random& random_;
  SpanExporter* exporter_ = nullptr;
};

}  // namespace orrery::real
