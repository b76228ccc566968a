#include "real-mode/otlp.hpp"

#include <array>
#include <utility>

#include "real-mode/http_wire.hpp"

namespace orrery::real {
namespace {

constexpr int kAttempts = 3;
constexpr Duration kWhileStopping = 20ms;
constexpr int kStatusError = 2;  // STATUS_CODE_ERROR

Json attribute(const std::string& name, const std::string& value) {
  return Json{{"key", name}, {"value", {{"stringValue", value}}}};
}

std::string nanoseconds(SystemTime time) {
  return std::to_string(std::chrono::duration_cast<Duration>(time.time_since_epoch()).count());
}

/// What the specification says may be tried again ("OTLP/HTTP Response", "Retryable Response Codes").
bool may_try_again(int status) {
  return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

Json to_otlp(const std::vector<Span>& spans, const std::string& service, const std::string& host) {
  Json list = Json::array();
  for (const Span& span : spans) {
    Json attributes = Json::array();
    for (const auto& [name, value] : span.attributes) attributes.push_back(attribute(name, value));
    Json one{{"traceId", span.context.trace_id()},
             {"spanId", span.context.span_id()},
             {"name", span.name},
             {"kind", static_cast<int>(span.kind)},
             {"startTimeUnixNano", nanoseconds(span.began)},
             {"endTimeUnixNano", nanoseconds(span.began + std::chrono::floor<std::chrono::microseconds>(span.took))},
             {"attributes", std::move(attributes)},
             {"status", Json::object()}};
    if (span.parent != 0) one["parentSpanId"] = span.context.with_span(span.parent).span_id();
    if (span.failed) one["status"]["code"] = kStatusError;
    list.push_back(std::move(one));
  }
  Json scope{{"scope", {{"name", "orrery"}}}, {"spans", std::move(list)}};
  Json resource{{"attributes", Json::array({attribute("service.name", service), attribute("service.instance.id", host)})}};
  Json of_service{{"resource", std::move(resource)}, {"scopeSpans", Json::array({std::move(scope)})}};
  return Json{{"resourceSpans", Json::array({std::move(of_service)})}};
}

SpanExporter::SpanExporter(Loop& loop, Settings settings, std::string service, std::string host, Telemetry& telemetry)
    : loop_(loop),
      settings_(std::move(settings)),
      service_(std::move(service)),
      host_(std::move(host)),
      telemetry_(telemetry),
      wake_(loop) {}

void SpanExporter::drop(std::size_t spans) {
  dropped_ += spans;
  telemetry_.count("otlp_spans_dropped_total", static_cast<std::int64_t>(spans));
}

void SpanExporter::add(Span span) {
  if (spans_.size() >= settings_.most) return drop(1);
  spans_.push_back(std::move(span));
  if (spans_.size() == settings_.batch) wake_.wake();
}

void SpanExporter::start() { loop_.spawn("otlp export", work()); }

void SpanExporter::stop() noexcept {
  stopping_ = true;
  wake_.wake();
}

Task<void> SpanExporter::work() {
  for (;;) {
    // What is still in work when it is asked to stop has spans to end.
    const bool last = stopping_ && loop_.tasks() == 1;
    while (!spans_.empty()) {
      std::vector<Span> batch;
      while (!spans_.empty() && batch.size() < settings_.batch) {
        batch.push_back(std::move(spans_.front()));
        spans_.pop_front();
      }
      Task<void> sending = send(std::move(batch));
      co_await std::move(sending);
    }
    if (last) co_return;
    co_await wake_.wait_until(loop_.now() + (stopping_ ? kWhileStopping : settings_.every));
  }
}

Task<void> SpanExporter::send(std::vector<Span> batch) {
  Request request("POST", "/v1/traces");
  request.headers.set("Content-Type", "application/json");
  request.body = to_otlp(batch, service_, host_).dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string wire = to_wire(request, settings_.collector.text());
  int status = 0;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    std::string copy = wire;
    Task<int> posting = post(std::move(copy));
    status = co_await std::move(posting);
    if (!may_try_again(status) || stopping_) break;
    Waiter pause(loop_);
    co_await pause.wait_until(loop_.now() + settings_.retry_after);
  }
  if (status >= 200 && status < 300) {
    exported_ += batch.size();
    telemetry_.count("otlp_spans_exported_total", static_cast<std::int64_t>(batch.size()));
  } else {
    drop(batch.size());
  }
}

Task<int> SpanExporter::post(std::string wire) {
  const Instant deadline = loop_.now() + settings_.within;
  int status = 0;
  try {
    if (!socket_ || socket_.has_input()) {
      Task<Socket> connecting = connect(loop_, settings_.collector, deadline);
      socket_ = co_await std::move(connecting);
    }
    Task<void> writing = socket_.write(wire, deadline);
    co_await std::move(writing);
    constexpr std::size_t kHeader = 16 * 1024;
    constexpr std::uint64_t kBody = 1024 * 1024;
    ResponseReader reader(kHeader, kBody);
    std::array<char, 4096> chunk;
    std::string bytes;
    Reading reading = Reading::more;
    bool ended = false;
    while (reading == Reading::more) {
      Task<std::size_t> read = socket_.read(chunk.data(), chunk.size(), deadline);
      const std::size_t got = co_await std::move(read);
      ended = got == 0;
      bytes.append(chunk.data(), got);
      reading = ended ? reader.end() : reader.feed(bytes);
    }
    const bool stays = reading == Reading::whole && !ended && reader.keeps_alive();
    if (reading == Reading::whole) status = reader.take().status;
    if (!stays) socket_ = Socket();
  } catch (const SocketError&) {
    socket_ = Socket();  // counted by the caller: a log line for each would only add to what is wrong
  }
  co_return status;
}

Tracer::Scope::Scope(Tracer& tracer, TraceContext parent, Span::Kind kind, std::string_view name, bool enters)
    : tracer_(tracer), enters_(enters), before_(tracer.current()) {
  span_.context = parent;
  span_.parent = parent.valid() ? parent.span : 0;
  if (!parent.valid()) {
    span_.context.trace_high = tracer_.random_.next();
    span_.context.trace_low = tracer_.random_.next() | 1;
  }
  span_.context.span = tracer_.random_.next() | 1;
  if (enters_) tracer_.loop_.set_trace(span_.context);
  if (tracer_.exporter_ == nullptr) return;
  span_.name = name;
  span_.kind = kind;
  span_.began = tracer_.clock_.system_now();
  began_ = tracer_.loop_.now();
}

Tracer::Scope::~Scope() {
  // A task that is destroyed from outside has no span any more.
  if (enters_ && tracer_.current() == span_.context) tracer_.loop_.set_trace(before_);
  if (tracer_.exporter_ == nullptr) return;
  span_.took = tracer_.loop_.now() - began_;
  tracer_.exporter_->add(std::move(span_));
}

}  // namespace orrery::real
