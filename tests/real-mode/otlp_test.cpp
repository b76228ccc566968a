#include "real-mode/otlp.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "real-mode/http.hpp"
#include "real-mode/telemetry.hpp"

namespace orrery::real {
namespace {

Span span_of(std::uint64_t id) {
  Span span;
  span.context = TraceContext{0x0af7651916cd43ddULL, 0x8448eb211c80319cULL, id};
  span.name = "POST /users";
  span.kind = Span::Kind::server;
  span.began = SystemTime(std::chrono::microseconds(1'700'000'000'000'001));
  span.took = 2500us;
  return span;
}

/// A collector that keeps what it is sent, and a process that exports to it.
class OtlpTest : public testing::Test {
 protected:
  OtlpTest() {
    server.on("POST /v1/traces", [this](Request request) { return take(std::move(request)); });
    port = server.listen(Address{"127.0.0.1", 0});
  }
  ~OtlpTest() override { loop.end_tasks(); }
  SpanExporter& start(std::size_t most = 4096) {
    SpanExporter::Settings settings;
    settings.collector = Address{"127.0.0.1", port};
    settings.most = most;
    settings.batch = 10;
    settings.every = 50ms;
    settings.retry_after = 20ms;
    settings.within = 200ms;
    exporter = std::make_unique<SpanExporter>(loop, std::move(settings), "user", "user-1", telemetry);
    tracer.export_to(exporter.get());
    exporter->start();
    return *exporter;
  }
  Task<Response> take(Request request) {
    types.emplace_back(request.headers.get("Content-Type"));
    if (silent) co_await clock.sleep(1h);
    if (refusals > 0) {
      --refusals;
      co_return Response(refuse_with);
    }
    const Json json = Json::parse(request.body);
    for (const Json& span : json["resourceSpans"][0]["scopeSpans"][0]["spans"]) spans.push_back(span);
    ++batches;
    co_return Response(200, "{}");
  }
  bool until(const std::function<bool()>& done) { return loop.run(done, loop.now() + 5s); }

  Loop loop;
  RealClock clock{loop};
  RealRandom random;
  Tracer tracer{loop, clock, random};
  Recorder recorder{"user-1"};
  Mishaps mishaps{loop, recorder};
  RealTelemetry telemetry{"user", clock, recorder, Level::error};
  Tracer untraced{loop, clock, random};
  HttpServer server{loop, random, untraced, recorder, mishaps, "collector"};
  std::uint16_t port = 0;
  std::unique_ptr<SpanExporter> exporter;
  std::vector<Json> spans;
  std::vector<std::string> types;
  int batches = 0;
  int refusals = 0;
  int refuse_with = 503;
  bool silent = false;
};

TEST(Otlp, JsonIsAsTheSpecificationSays) {
  Span child = span_of(0x17);
  child.parent = 0xb7ad6b7169203331ULL;
  child.failed = true;
  child.attributes["http.route"] = "/users";
  const Json json = to_otlp({span_of(1), child}, "user", "user-1");
  EXPECT_EQ(json, Json::parse(R"({"resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "user"}},
                                {"key": "service.instance.id", "value": {"stringValue": "user-1"}}]},
    "scopeSpans": [{"scope": {"name": "orrery"}, "spans": [
      {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "0000000000000001", "name": "POST /users", "kind": 2,
       "startTimeUnixNano": "1700000000000001000", "endTimeUnixNano": "1700000000002501000", "attributes": [], "status": {}},
      {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "0000000000000017", "parentSpanId": "b7ad6b7169203331",
       "name": "POST /users", "kind": 2, "startTimeUnixNano": "1700000000000001000",
       "endTimeUnixNano": "1700000000002501000", "status": {"code": 2},
       "attributes": [{"key": "http.route", "value": {"stringValue": "/users"}}]}]}]}]})"));
}

TEST_F(OtlpTest, SpansAreExportedInBatches) {
  SpanExporter& exports = start();
  for (std::uint64_t id = 1; id <= 25; ++id) exports.add(span_of(id));
  ASSERT_TRUE(until([&] { return exports.exported() == 25; }));
  EXPECT_EQ(batches, 3);
  EXPECT_EQ(spans.size(), 25U);
  EXPECT_EQ(types.front(), "application/json");
  EXPECT_NE(telemetry.metrics().find("otlp_spans_exported_total 25\n"), std::string::npos);
}

TEST_F(OtlpTest, WhatFindsNoPlaceIsDroppedAndCounted) {
  SpanExporter& exports = start(15);
  for (std::uint64_t id = 1; id <= 20; ++id) exports.add(span_of(id));
  EXPECT_EQ(exports.dropped(), 5U);
  ASSERT_TRUE(until([&] { return exports.exported() == 15; }));
  EXPECT_NE(telemetry.metrics().find("otlp_spans_dropped_total 5\n"), std::string::npos);
}

TEST_F(OtlpTest, ABatchIsTriedAgainAndThenGivenUp) {
  SpanExporter& exports = start();
  refusals = 2;
  exports.add(span_of(1));
  ASSERT_TRUE(until([&] { return exports.exported() == 1; }));
  refusals = 1;
  refuse_with = 400;  // not worth another try
  exports.add(span_of(2));
  ASSERT_TRUE(until([&] { return exports.dropped() == 1; }));
  silent = true;
  exports.add(span_of(3));
  ASSERT_TRUE(until([&] { return exports.dropped() == 2; }));
  EXPECT_EQ(types.size(), 3U + 1U + 3U);
}

TEST_F(OtlpTest, SendsWhatIsLeftWhenItIsStopped) {
  SpanExporter& exports = start();
  ASSERT_TRUE(until([&] { return loop.tasks() > 0; }));
  exports.add(span_of(1));
  exports.stop();
  ASSERT_TRUE(until([&] { return exports.exported() == 1 || loop.tasks() == 0; }));
  EXPECT_EQ(spans.size(), 1U);
}

TEST_F(OtlpTest, ACallAndItsHandlerAreParentAndChild) {
  start();
  HttpServer echo(loop, random, tracer, recorder, mishaps, "echo");
  std::string seen;
  const auto answer = [](std::string& to, Request request) -> Task<Response> {
    to = request.headers.get(kTraceparent);
    co_return Response(200);
  };
  echo.on("GET /things/{id}", [&](Request request) { return answer(seen, std::move(request)); });
  const std::uint16_t at = echo.listen(Address{"127.0.0.1", 0});
  HttpClient client(loop, random, tracer, recorder, mishaps, {{"echo", {Address{"localhost", at}}}});
  Request request("GET", "/things/7");
  request.headers.set(kTraceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  complete(loop, client.call("echo", std::move(request), 2s));
  ASSERT_TRUE(until([&] { return exporter->exported() == 2; }));
  const Json& handled = spans[0]["kind"] == 2 ? spans[0] : spans[1];
  const Json& called = spans[0]["kind"] == 2 ? spans[1] : spans[0];
  EXPECT_EQ(called["kind"], 3);
  EXPECT_EQ(called["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(handled["parentSpanId"], called["spanId"]);
  EXPECT_EQ(handled["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(handled["name"], "GET /things/{id}");
  EXPECT_EQ(seen.substr(36, 16), handled["spanId"].get<std::string>()) << "what the handler passes on is a child of its own span";
  loop.end_tasks();
}

}  // namespace
}  // namespace orrery::real
