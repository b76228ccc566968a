#include "runtime/trace.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "scenarios/simulation.hpp"
#include "scenarios/user_notification.hpp"

namespace orrery {
namespace {

TraceContext trace_of(const Event& event) { return parse_traceparent(event.detail).value_or(TraceContext()); }

TEST(SimTraces, ReachFromTheSignUpAcrossOutboxBrokerAndJobToTheMail) {
  Simulation world(user_notification());
  Request request("POST", "/users", R"({"email": "a@example.com", "name": "A"})");
  request.headers.set(kTraceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(world.call("user", std::move(request)).status, 201);
  ASSERT_TRUE(world.run_until_at_rest());

  std::vector<std::string> ways;
  std::map<EventKind, TraceContext> last;
  for (const Event& event : world.history().events()) {
    const bool has_span = event.kind == EventKind::request_sent || event.kind == EventKind::request_received ||
                          event.kind == EventKind::publish_started;
    if (!has_span) continue;
    const TraceContext context = trace_of(event);
    EXPECT_TRUE(context.valid()) << event.detail;
    EXPECT_EQ(context.trace_id(), "0af7651916cd43dd8448eb211c80319c") << to_string(event.kind) << " " << event.subject;
    ways.push_back(event.subject);
    last[event.kind] = context;
  }
  EXPECT_EQ(ways, (std::vector<std::string>{"user POST /users", "user POST /users", "user.events", "mail POST /messages",
                                            "mail POST /messages"}));
  const Json body = Json::parse(world.rows("user_db", "SELECT payload FROM outbox_events")[0]["payload"].text());
  EXPECT_EQ(body["trace"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  // The job remembers the publish, which is the parent of the mail's call.
  const Rows jobs = world.rows("notification_db", "SELECT traceparent FROM notification_jobs");
  EXPECT_EQ(jobs[0]["traceparent"].text(), last[EventKind::publish_started].traceparent());
}

TEST(SimTraces, BeginWhereNobodyBeganThemWithIdsOfTheSeed) {
  const auto first = [](std::uint64_t seed) {
    Simulation world(user_notification(), seed);
    world.call("user", Request("GET", "/users"));
    return world.history().of(EventKind::request_sent).front()->detail;
  };
  EXPECT_TRUE(parse_traceparent(first(1)));
  EXPECT_EQ(first(1), first(1));
  EXPECT_NE(first(1), first(2));
}

}  // namespace
}  // namespace orrery
