// MediaHub's debug page, and what the gateway lets it see. How it looks in a browser: tests/frontend.
#include "services/mediahub/frontend.hpp"

#include <gtest/gtest.h>

#include <string>

#include "scenarios/simulation.hpp"
#include "services/mediahub/event_service.hpp"
#include "services/mediahub/gateway.hpp"
#include "services/patterns/event_store.hpp"
#include "services/patterns/settings.hpp"
#include "services/patterns/twin.hpp"

namespace orrery::services {
namespace {

template <class S>
Topology::ServiceSpec one(const char* name, Json config) {
  Topology::ServiceSpec spec;
  spec.name = name;
  spec.factory = make_service<S>();
  spec.config = std::move(config);
  return spec;
}

Topology page_at(const std::string& gateway) {
  Topology topology;
  topology.services.push_back(one<Frontend>("media-frontend", Json{{"gateway", gateway}}));
  topology.broker = false;
  return topology;
}

Topology gateway(bool dev) {
  Topology topology;
  Topology::DatabaseSpec events;
  events.name = "event_db";
  events.schema = event_store_schema(Twin());
  topology.databases.push_back(std::move(events));
  topology.services.push_back(one<Gateway>("media-gateway", Json{{"dev", dev}}));
  topology.services.push_back(one<EventService>("media-events", Json::object()));
  topology.broker = false;
  return topology;
}

TEST(Frontend, IsOnePageWithOneScriptThatMayAskTheGatewayOnly) {
  Simulation world(page_at("https://media.example:8443"));
  const Response page = world.call("media-frontend", Request("GET", "/"));
  ASSERT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("<meta name=\"gateway\" content=\"https://media.example:8443\">"), std::string::npos);
  EXPECT_EQ(page.body.find('@'), std::string::npos) << "a mark that nothing was put in for";
  for (const char* elsewhere : {"src=\"", "href=\"", "url(", "@import"}) {
    EXPECT_EQ(page.body.find(elsewhere), std::string::npos) << elsewhere;
  }
  const std::string begins = "<script nonce=\"";
  const std::size_t at = page.body.find(begins);
  ASSERT_NE(at, std::string::npos);
  const std::string nonce = page.body.substr(at + begins.size(), 36);
  const std::string policy(page.headers.get("Content-Security-Policy"));
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("script-src 'nonce-" + nonce + "'"), std::string::npos) << policy;
  EXPECT_TRUE(policy.ends_with("connect-src https://media.example:8443")) << policy;
  const Response again = world.call("media-frontend", Request("GET", "/"));
  EXPECT_EQ(again.body.find(nonce), std::string::npos) << "a nonce is of one answer";
}

TEST(Frontend, RefusesAGatewayThatIsNoOrigin) {
  for (const char* bad : {"localhost:8080", "ftp://localhost", "http://", "http://a/b", "http://a\"><script>", "http://a; img-src *"}) {
    EXPECT_THROW(Simulation world(page_at(bad)), SettingsError) << bad;
  }
}

TEST(Gateway, GivesTokensAndEventsForTheAskingInDevelopmentOnly) {
  const Request sign_in("POST", "/auth/dev-token", R"({"user": "ada"})");
  std::string token;
  {
    Simulation world(gateway(true));
    EXPECT_EQ(world.call("media-gateway", Request("GET", "/events")).status, 401);
    const Response signed_in = world.call("media-gateway", sign_in);
    ASSERT_EQ(signed_in.status, 200);
    token = Json::parse(signed_in.body).at("token");
    Request ask("GET", "/events");
    ask.headers.set("Authorization", "Bearer " + token);
    const Response events = world.call("media-gateway", std::move(ask));
    ASSERT_EQ(events.status, 200);
    EXPECT_EQ(Json::parse(events.body), (Json{{"events", Json::array()}, {"next", nullptr}}));
  }
  Simulation world(gateway(false));
  EXPECT_EQ(world.call("media-gateway", sign_in).status, 404);
  Request ask("GET", "/events");
  ask.headers.set("Authorization", "Bearer " + token);
  EXPECT_EQ(world.call("media-gateway", std::move(ask)).status, 405);  // every path knows OPTIONS
}

}  // namespace
}  // namespace orrery::services
