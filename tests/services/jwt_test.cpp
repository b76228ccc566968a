#include "services/patterns/jwt.hpp"

#include <gtest/gtest.h>

#include "services/patterns/digest.hpp"

namespace orrery::services {
namespace {

SystemTime at_s(std::int64_t s) { return SystemTime(std::chrono::seconds(s)); }

TEST(Digest, IsWhatTheStandardsSay) {
  // FIPS 180-4's "abc"; RFC 4231, test case 2; RFC 4648, section 10, without padding.
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64url("fooba"), "Zm9vYmE");
  EXPECT_EQ(from_base64url("Zm9vYmE"), "fooba");
  EXPECT_EQ(from_base64url("Zm9vYmF"), std::nullopt);  // bits that no byte uses
  EXPECT_EQ(from_base64url("Zm9v!"), std::nullopt);
}

TEST(Digest, NamesHaveOneUuidEach) {
  EXPECT_EQ(uuid_of_name("a"), uuid_of_name("a"));
  EXPECT_NE(uuid_of_name("a"), uuid_of_name("b"));
  const std::string id = uuid_of_name("a");
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '8');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

TEST(Jwt, IsTakenFromItsSignerWhileItLasts) {
  const JwtSigner signer("secret", std::chrono::seconds(10));
  const std::string token = signer.sign("ada", at_s(1000), std::chrono::seconds(60));
  ASSERT_TRUE(signer.verify(token, at_s(1000)));
  EXPECT_EQ(signer.verify(token, at_s(1000))->at("sub"), "ada");
  EXPECT_TRUE(signer.verify(token, at_s(990)));    // within the leeway
  EXPECT_FALSE(signer.verify(token, at_s(989)));
  EXPECT_TRUE(signer.verify(token, at_s(1069)));
  EXPECT_FALSE(signer.verify(token, at_s(1070)));
}

TEST(Jwt, IsRefusedIfAnybodyElseMadeOrChangedIt) {
  const JwtSigner signer("secret");
  const std::string token = signer.sign("ada", at_s(1000), std::chrono::hours(1));
  EXPECT_FALSE(JwtSigner("other").verify(token, at_s(1000)));
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(signer.verify(changed, at_s(1000))) << i;
  }
  EXPECT_FALSE(signer.verify("", at_s(1000)));
  EXPECT_FALSE(signer.verify("a.b", at_s(1000)));
}

TEST(Jwt, TakesNoOtherAlgorithmThanItsOwn) {
  const JwtSigner signer("secret");
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"HS512"})", R"({"alg":"RS256"})", "{}"}) {
    std::string token = base64url(header) + "." + base64url(R"({"sub":"ada","exp":5000})");
    token += "." + base64url(hmac_sha256("secret", token));
    EXPECT_FALSE(signer.verify(token, at_s(1000))) << header;
  }
  std::string unsigned_token = base64url(R"({"alg":"none"})") + "." + base64url(R"({"sub":"ada","exp":5000})") + ".";
  EXPECT_FALSE(signer.verify(unsigned_token, at_s(1000)));
}

}  // namespace
}  // namespace orrery::services
