#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/time.hpp"

namespace orrery {

/// Where in a trace something happens (W3C Trace Context, level 1): the trace's 128-bit id and the span's 64-bit id.
struct TraceContext {
  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;

  [[nodiscard]] bool valid() const noexcept { return (trace_high | trace_low) != 0 && span != 0; }
  /// Another span of the same trace.
  [[nodiscard]] TraceContext with_span(std::uint64_t other) const noexcept { return {trace_high, trace_low, other}; }
  /// 32 and 16 hexadecimal digits.
  [[nodiscard]] std::string trace_id() const;
  [[nodiscard]] std::string span_id() const;
  /// "00-<trace id>-<span id>-01": the field `traceparent` of an HTTP request or an attribute of a message.
  [[nodiscard]] std::string traceparent() const;
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

inline constexpr std::string_view kTraceparent = "traceparent";

/// Reads a `traceparent`; nothing if it is malformed, or an id is zero. Of a later version (not "ff") the fields known here are
/// taken (section 3.2.4 of the recommendation, "Versioning of traceparent").
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept;

/// A part of a trace that has ended, as OpenTelemetry counts it.
struct Span {
  enum class Kind { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };  // as OTLP numbers them

  TraceContext context;
  std::uint64_t parent = 0;  // 0: the trace begins here
  std::string name;          // "POST /users": of few values, so that spans can be grouped by it
  Kind kind = Kind::internal;
  SystemTime began{};
  Duration took{0};
  bool failed = false;
  std::map<std::string, std::string> attributes;  // by OpenTelemetry's semantic conventions
};

}  // namespace orrery
