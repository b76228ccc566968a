#include "services/user/validation.hpp"

#include <gtest/gtest.h>

namespace orrery::services {
namespace {

std::string times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(Validation, KnowsEmailAddresses) {
  for (const std::string& good :
       {std::string("a@b"), std::string("alice@example.com"), std::string("o'neil+tag@sub.example.co.uk"),
        std::string("x!#$%&'*+/=?^_`{|}~-.y@e-x.io"), times(64, "a") + "@example.com", std::string("1@2.3")}) {
    EXPECT_TRUE(is_email(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("@b"), std::string("a@"), std::string("a"), std::string("a@b@c"),
        std::string("a b@c"), std::string("a@b..c"), std::string("a@.b"), std::string("a@b."), std::string("a@-b"),
        std::string("a@b-"), std::string("a@b_c"), std::string("\xC3\xA4@b.de"), std::string("a@b\n"),
        times(65, "a") + "@b", "a@" + times(64, "b"), "a@" + times(127, "b.") + "c"}) {
    EXPECT_FALSE(is_email(bad)) << bad;
  }
  const std::string longest = "a@" + times(126, "b.");
  EXPECT_EQ(longest.size(), 254u);
  EXPECT_FALSE(is_email(longest));  // ends with a dot
  EXPECT_TRUE(is_email("ab@" + times(125, "b.") + "c"));
  EXPECT_FALSE(is_email("abc@" + times(125, "b.") + "c"));
}

TEST(Validation, CountsNamesInCodePoints) {
  EXPECT_TRUE(is_name("A"));
  EXPECT_TRUE(is_name(times(200, "\xE6\x98\x9F")));
  EXPECT_FALSE(is_name(times(201, "\xE6\x98\x9F")));
  EXPECT_TRUE(is_name(times(200, "a")));
  EXPECT_FALSE(is_name(times(201, "a")));
  EXPECT_FALSE(is_name(""));
  EXPECT_FALSE(is_name("   "));
  EXPECT_FALSE(is_name(std::string("a\0b", 3)));
  EXPECT_FALSE(is_name("a\nb"));
  EXPECT_FALSE(is_name("a\x7F"));
}

TEST(Validation, ReadsANewUserAndLowersItsAddress) {
  const auto user = parse_new_user(R"({"email":"Alice@Example.COM","name":"Alice"})");
  ASSERT_TRUE(user) << user.why();
  EXPECT_EQ(user->email, "alice@example.com");
  EXPECT_EQ(user->name, "Alice");
}

TEST(Validation, SaysWhatIsWrongWithABody) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "the body is not JSON"},
      {"{", "the body is not JSON"},
      {"{}x", "the body is not JSON"},
      {"[]", "the body is not a JSON object"},
      {"null", "the body is not a JSON object"},
      {"{}", "email: expected a string"},
      {R"({"email":1,"name":"a"})", "email: expected a string"},
      {R"({"email":"a@b"})", "name: expected a string"},
      {R"({"email":"a@b","name":null})", "name: expected a string"},
      {R"({"email":"a","name":"a"})", "email: not an e-mail address"},
      {R"({"email":"a@b","name":""})", "name: expected 1 to 200 characters, without control characters"},
      {R"({"email":"a@b","name":"\u0000"})", "name: expected 1 to 200 characters, without control characters"},
      {R"({"email":"a@b","name":"a","admin":true})", "there is no member of this name: admin"},
      {"{\"email\":\"a@b\",\"name\":\"\xFF\"}", "the body is not JSON"},
      {R"({"email":"a@b","name":"\ud800"})", "the body is not JSON"},
      {times(64 * 1024 + 1, " "), "the body is longer than 64 KiB"},
      {times(64 * 1024, "["), "the body is not JSON"},
  };
  for (const auto& [body, why] : cases) {
    const auto user = parse_new_user(body);
    EXPECT_FALSE(user) << body;
    EXPECT_EQ(user.why(), why) << body;
  }
}

TEST(Validation, ReadsANewName) {
  const auto name = parse_new_name(R"({"name":"Bob"})");
  ASSERT_TRUE(name);
  EXPECT_EQ(*name, "Bob");
  EXPECT_FALSE(parse_new_name(R"({"name":"Bob","email":"a@b"})"));
  EXPECT_FALSE(parse_new_name("{}"));
}

TEST(Validation, KnowsUuidsKeysAndIntegers) {
  EXPECT_TRUE(is_uuid("5c0e77a1-0000-4000-8000-0123456789ab"));
  EXPECT_TRUE(is_uuid("5C0E77A1-0000-4000-8000-0123456789AB"));
  EXPECT_FALSE(is_uuid("5c0e77a1-0000-4000-8000-0123456789a"));
  EXPECT_FALSE(is_uuid("5c0e77a1-0000-4000-8000-0123456789ag"));
  EXPECT_FALSE(is_uuid("5c0e77a1x0000-4000-8000-0123456789ab"));
  EXPECT_TRUE(is_idempotency_key("k-1"));
  EXPECT_TRUE(is_idempotency_key(times(255, "k")));
  EXPECT_FALSE(is_idempotency_key(times(256, "k")));
  EXPECT_FALSE(is_idempotency_key(""));
  EXPECT_FALSE(is_idempotency_key("a b"));
  EXPECT_EQ(parse_integer("100", 1, 100), 100);
  for (const char* bad : {"", "0", "101", "1x", "x", " 1", "1.0", "99999999999999999999", "-1"}) {
    EXPECT_EQ(parse_integer(bad, 1, 100), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace orrery::services
