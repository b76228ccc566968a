// A collector of OTLP/HTTP: every request must be what OpenTelemetry's own schema says, field by field. On SIGUSR1 it looks at
// the spans as a whole, says so, and ends.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import http from "node:http";

const require = createRequire(import.meta.url);
const root = require("@opentelemetry/otlp-proto-exporter-base/build/src/generated/root.js");
const Export = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const spans = [];

// JSON has ids in hexadecimal, where protobuf's own JSON would have base64.
const with_bytes = (json) => {
  const copy = structuredClone(json);
  for (const resource of copy.resourceSpans) {
    for (const scope of resource.scopeSpans) {
      for (const span of scope.spans) {
        assert.match(span.traceId, /^(?!0{32})[0-9a-f]{32}$/);
        assert.match(span.spanId, /^(?!0{16})[0-9a-f]{16}$/);
        for (const id of ["traceId", "spanId", "parentSpanId"]) {
          if (span[id] !== undefined) span[id] = Buffer.from(span[id], "hex");
        }
        for (const time of ["startTimeUnixNano", "endTimeUnixNano"]) assert.match(span[time], /^[0-9]+$/);
        assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
      }
    }
  }
  return copy;
};
const check = (json) => {
  const message = with_bytes(json);
  const back = Export.toObject(Export.decode(Export.encode(Export.fromObject(message)).finish()), { longs: String, bytes: Buffer });
  assert.deepEqual(back, message, "a field was lost: the schema does not know it");
};

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    assert.equal(`${request.method} ${request.url}`, "POST /v1/traces");
    assert.equal(request.headers["content-type"], "application/json");
    const json = JSON.parse(body);
    check(json);
    for (const resource of json.resourceSpans) {
      assert.deepEqual(resource.resource.attributes[0], { key: "service.name", value: { stringValue: "user" } });
      spans.push(...resource.scopeSpans.flatMap((scope) => scope.spans));
    }
    response.end("{}");
  });
});
server.listen(0, "localhost", () => console.log(`port ${server.address().port}`));

process.on("SIGUSR1", () => {
  const of = (name) => spans.filter((span) => span.name === name);
  const created = of("POST /user.v1.UserService/CreateUser").find((span) =>
    span.attributes.some(({ key, value }) => key === "http.response.status_code" && value.stringValue === "200"));
  assert.ok(created, "the sign-up has a span");
  assert.equal(created.kind, 2);
  const published = of("publish user.events");
  assert.ok(published.length > 0, "the relay's publish has a span");
  assert.ok(published.some((span) => span.traceId === created.traceId && span.parentSpanId === created.spanId && span.kind === 4),
            "the publish is a child of the sign-up, across the outbox");
  console.log(`${spans.length} spans are as OTLP's schema says`);
  process.exit(0);
});
