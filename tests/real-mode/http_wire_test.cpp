#include <gtest/gtest.h>

#include <string>

#include "real-mode/http_wire.hpp"

namespace orrery::real {
namespace {

constexpr std::size_t kHeaderLimit = 16 * 1024;

/// Reads one request, whole, from the front of `bytes`.
Request whole(RequestReader& reader, std::string& bytes) {
  EXPECT_EQ(reader.feed(bytes), Reading::header);
  EXPECT_EQ(reader.limit_body(100), Reading::more);
  EXPECT_EQ(reader.feed(bytes), Reading::whole);
  return reader.take();
}

TEST(RequestReader, ReadsOneRequestAfterTheOtherAndMixesNothing) {
  RequestReader reader(kHeaderLimit);
  std::string bytes =
      "POST /a HTTP/1.1\r\nHost: a\r\nX-First: 1\r\nContent-Length: 3\r\n\r\nabc"
      "GET /b HTTP/1.1\r\nHost: b\r\n\r\n";
  const Request first = whole(reader, bytes);
  EXPECT_EQ(first.method + " " + first.target, "POST /a");
  EXPECT_EQ(first.headers.get("x-first"), "1");
  EXPECT_EQ(first.body, "abc");
  const Request second = whole(reader, bytes);
  EXPECT_EQ(second.method + " " + second.target, "GET /b");
  EXPECT_EQ(second.headers, Headers({{"Host", "b"}}));
  EXPECT_EQ(second.body, "");
  EXPECT_EQ(bytes, "");
}

TEST(RequestReader, JoinsTheValuesOfOneNameToAList) {
  RequestReader reader(kHeaderLimit);
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\naccept: text/plain\r\n\r\n";
  EXPECT_EQ(whole(reader, bytes).headers.get("Accept"), "text/html, text/plain");
}

TEST(RequestReader, KeepsNoFieldOfATrailer) {
  RequestReader reader(kHeaderLimit);
  std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Late: 1\r\n\r\n";
  const Request request = whole(reader, bytes);
  EXPECT_EQ(request.body, "x");
  EXPECT_FALSE(request.headers.has("X-Late"));
}

TEST(ResponseReader, KeepsNoFieldOfATrailer) {
  ResponseReader reader(kHeaderLimit, 100);
  std::string bytes =
      "HTTP/1.1 200 OK\r\nX-Early: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Late: 1\r\n\r\n";
  EXPECT_EQ(reader.feed(bytes), Reading::whole);
  const Response response = reader.take();
  EXPECT_EQ(response.body, "x");
  EXPECT_EQ(response.headers.get("X-Early"), "1");
  EXPECT_FALSE(response.headers.has("X-Late"));
}

}  // namespace
}  // namespace orrery::real
