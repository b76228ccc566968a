#include "runtime/http.hpp"

#include <gtest/gtest.h>

namespace orrery {
namespace {

Task<Response> none(Request) { co_return Response(); }

TEST(Headers, AreFoundWithoutRegardToCase) {
  Headers headers{{"Content-Type", "application/json"}};
  EXPECT_EQ(headers.get("content-type"), "application/json");
  headers.set("CONTENT-TYPE", "text/plain");
  EXPECT_EQ(headers.fields().size(), 1U);
  EXPECT_EQ(headers.get("Content-Type"), "text/plain");
  EXPECT_FALSE(headers.has("Accept"));
  EXPECT_EQ(headers.get("Accept"), "");
}

TEST(Request, ReadsItsQueryDecoded) {
  const Request request("GET", "/users?limit=20&after=a%2Fb%3D&flag");
  EXPECT_EQ(request.path(), "/users");
  EXPECT_EQ(request.query("limit"), "20");
  EXPECT_EQ(request.query("after"), "a/b=");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_EQ(request.query("offset"), std::nullopt);
}

TEST(PercentCoding, GivesBackWhatWasEncoded) {
  const std::string text = "ä /?%&=+~";
  EXPECT_EQ(percent_decode(percent_encode(text)), text);
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
}

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() {
    for (const char* route : {"GET /users", "POST /users", "GET /users/{id}", "GET /users/me", "GET /{a}/{b}/c"}) {
      routes.add(route, [](Request request) { return none(std::move(request)); });
    }
  }
  std::string_view pattern_of(const char* method, const char* target) {
    Request request(method, target);
    return routes.find(request).pattern;
  }
  Routes routes;
};

TEST_F(RoutesTest, FillTheParametersOfThePath) {
  Request request("GET", "/users/4%202?x=1");
  const Routes::Match match = routes.find(request);
  ASSERT_NE(match.handler, nullptr);
  EXPECT_EQ(match.pattern, "GET /users/{id}");
  EXPECT_EQ(request.parameter("id"), "4 2");
  EXPECT_EQ(request.parameter("other"), "");
}

TEST_F(RoutesTest, PreferALiteralToAParameter) { EXPECT_EQ(pattern_of("GET", "/users/me"), "GET /users/me"); }

TEST_F(RoutesTest, TellAnUnknownPathFromAnUnknownMethod) {
  Request other_method("DELETE", "/users");
  EXPECT_EQ(routes.find(other_method).handler, nullptr);
  EXPECT_TRUE(routes.find(other_method).path_known);
  Request other_path("GET", "/nothing");
  EXPECT_EQ(routes.find(other_path).handler, nullptr);
  EXPECT_FALSE(routes.find(other_path).path_known);
}

TEST_F(RoutesTest, AreMatchedWithOrWithoutAQuery) {
  EXPECT_EQ(pattern_of("GET", "/users?limit=1"), "GET /users");
  EXPECT_EQ(pattern_of("POST", "/users"), "POST /users");
  EXPECT_EQ(pattern_of("GET", "/1/2/c"), "GET /{a}/{b}/c");
}

}  // namespace
}  // namespace orrery
