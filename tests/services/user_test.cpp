#include <gtest/gtest.h>

#include "services/notification/user_event.hpp"
#include "services/patterns/problem.hpp"
#include "services/user/connect.hpp"
#include "services/user/cursor.hpp"
#include "services/user/events.hpp"
#include "tests/services/fakes.hpp"

namespace orrery::services {
namespace {

User alice() {
  User user;
  user.id = "5c0e77a1-0000-4000-8000-0123456789ab";
  user.email = "alice@example.com";
  user.name = "Alice";
  user.version = 3;
  user.created_us = 1'758'974'400'000'001;
  user.updated_us = 1'758'974'400'123'456;
  return user;
}

TEST(Cursor, ComesBackAsItWas) {
  for (const std::int64_t us :
       {std::int64_t{0}, std::int64_t{1'758'974'400'000'001}, std::int64_t{253'402'300'799'999'999}}) {
    const Cursor cursor(us, alice().id);
    const auto decoded = Cursor::decode(cursor.encode());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->created_us, us);
    EXPECT_EQ(decoded->id, cursor.id);
    EXPECT_EQ(cursor.encode().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
  }
}

TEST(Cursor, RefusesWhatItDidNotMake) {
  const std::string good = Cursor(17, alice().id).encode();
  std::string other_version = good;
  other_version[0] = 'N';
  for (const std::string& bad :
       {std::string(), std::string("abc"), std::string("%%%%"), good.substr(0, good.size() - 2), good + "AAAA",
        other_version, std::string(1000, 'A'), Cursor(-1, alice().id).encode(), Cursor(1, "x").encode(),
        Cursor(253'402'300'800'000'000, alice().id).encode()}) {
    EXPECT_FALSE(Cursor::decode(bad)) << bad;
  }
}

TEST(UserEvent, SaysWhatTheUserBecame) {
  FixedRandom random;
  const OutboxEvent event =
      user_event(kUserUpdated, alice(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", random);
  EXPECT_EQ(event.aggregate_id, alice().id);
  EXPECT_EQ(event.aggregate_version, 3);
  EXPECT_EQ(event.event_type, "user.updated");
  EXPECT_EQ(event.occurred_at, "2025-09-27T12:00:00.123456Z");
  const Json& body = event.body;
  EXPECT_EQ(body["event_id"], event.event_id);
  EXPECT_EQ(body["event_type"], "user.updated");
  EXPECT_EQ(body["version"], 1);
  EXPECT_EQ(body["occurred_at"], event.occurred_at);
  EXPECT_EQ(body["producer"], "user-service");
  EXPECT_EQ(body["payload"], (Json{{"user_id", alice().id}, {"email", "alice@example.com"}, {"name", "Alice"}}));
  EXPECT_EQ(body["trace"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(body["trace"]["span_id"], "b7ad6b7169203331");
}

TEST(UserEvent, BeginsATraceWhenTheRequestHasNone) {
  FixedRandom random;
  for (const char* traceparent : {"", "garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                  "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                  "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    const OutboxEvent event = user_event(kUserCreated, alice(), traceparent, random);
    const auto trace_id = event.body["trace"]["trace_id"].get<std::string>();
    EXPECT_EQ(trace_id.size(), 32u);
    EXPECT_NE(trace_id, "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(trace_id.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
}

TEST(UserEvent, IsUnderstoodByItsConsumer) {
  FixedRandom random;
  const OutboxEvent sent = user_event(kUserCreated, alice(), "", random);
  const UserEvent event = UserEvent::parse(Message(sent.event_id, sent.aggregate_id, sent.body.dump()));
  EXPECT_EQ(event.event_id, sent.event_id);
  EXPECT_EQ(event.mail_template(), "welcome");
  EXPECT_EQ(event.user_id, alice().id);
  EXPECT_EQ(event.email, "alice@example.com");
  EXPECT_EQ(event.name, "Alice");
}

TEST(UserEvent, OfAnUnknownTypeIsNoPoison) {
  const UserEvent event =
      UserEvent::parse(Message("e1", "k", R"({"event_id":"e1","event_type":"user.deleted","version":1})"));
  EXPECT_EQ(event.mail_template(), "");
}

TEST(UserEvent, IsPoisonWhenItCannotBeUnderstood) {
  FixedRandom random;
  const OutboxEvent sent = user_event(kUserCreated, alice(), "", random);
  Json body = sent.body;
  const auto is_poison = [&](const std::string& bytes) {
    try {
      (void)UserEvent::parse(Message(sent.event_id, sent.aggregate_id, bytes));
    } catch (const PoisonMessage&) {
      return true;
    }
    return false;
  };
  EXPECT_FALSE(is_poison(body.dump()));
  for (const char* bytes : {"", "{", "[]", "null", "\"x\"", "{}"}) EXPECT_TRUE(is_poison(bytes)) << bytes;
  for (const char* patch : {R"({"version":2})", R"({"version":"1"})", R"({"event_id":"other"})", R"({"event_type":7})",
                            R"({"payload":null})", R"({"payload":{"email":null}})", R"({"payload":{"name":5}})"}) {
    Json broken = body;
    broken.merge_patch(Json::parse(patch));
    EXPECT_TRUE(is_poison(broken.dump())) << patch;
  }
}

TEST(Problem, IsWhatRfc9457Asks) {
  const Response response = json_response(503, problem(503, "unavailable", "Not available", "Ask again."), 1);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.get("content-type"), "application/problem+json");
  EXPECT_EQ(response.headers.get("retry-after"), "1");
  EXPECT_EQ(response.body,
            R"({"detail":"Ask again.","status":503,"title":"Not available","type":"/problems/unavailable"})");
  EXPECT_EQ(json_response(200, Json::object()).headers.get("content-type"), "application/json");
  EXPECT_FALSE(json_response(409, Json::object()).headers.has("retry-after"));
}

TEST(Connect, PutsAnswersIntoItsTerms) {
  const auto code = [](int status, int retry_after_s) {
    Answer answer(status, problem(status, "x", "x", "why"));
    answer.retry_after_s = retry_after_s;
    const Response response = connect_response(answer);
    const Json body = Json::parse(response.body);
    EXPECT_EQ(body["message"], "why");
    return std::to_string(response.status) + " " + body["code"].get<std::string>();
  };
  EXPECT_EQ(code(404, -1), "404 not_found");
  EXPECT_EQ(code(409, -1), "409 already_exists");
  EXPECT_EQ(code(409, 1), "409 aborted");
  EXPECT_EQ(code(422, -1), "400 failed_precondition");
  EXPECT_EQ(code(503, 1), "503 unavailable");
  EXPECT_EQ(connect_error("invalid_argument", "no").status, 400);
  const Response created = connect_response(Answer(201, Json{{"id", "1"}}));
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(created.body, R"({"id":"1"})");
  EXPECT_EQ(created.headers.get("content-type"), "application/json");
}

TEST(Connect, ReadsIntegersAsProto3WritesThem) {
  const Json message{{"limit", 5}, {"offset", "7"}, {"bad", 1.5}};
  EXPECT_EQ(integer_member(message, "limit", 20, 1, 100), 5);
  EXPECT_EQ(integer_member(message, "offset", 0, 0, 100), 7);
  EXPECT_EQ(integer_member(message, "absent", 20, 1, 100), 20);
  EXPECT_EQ(integer_member(message, "bad", 20, 1, 100), std::nullopt);
  EXPECT_EQ(integer_member(message, "limit", 20, 6, 100), std::nullopt);
}

}  // namespace
}  // namespace orrery::services
