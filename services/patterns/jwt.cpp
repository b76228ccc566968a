#include "services/patterns/jwt.hpp"

#include <chrono>

#include "services/patterns/digest.hpp"

namespace orrery::services {
namespace {

std::int64_t unix_seconds(SystemTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::optional<Json> decoded(std::string_view part) {
  const std::optional<std::string> text = from_base64url(part);
  if (!text) return std::nullopt;
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

}  // namespace

std::string JwtSigner::sign(std::string_view subject, SystemTime now, Duration lasts, const Json& more) const {
  Json claims = more;
  const std::int64_t from = unix_seconds(now);
  claims["sub"] = subject;
  claims["iat"] = from;
  claims["nbf"] = from;
  claims["exp"] = from + std::chrono::duration_cast<std::chrono::seconds>(lasts).count();
  const Json header{{"alg", "HS256"}, {"typ", "JWT"}};
  std::string token = base64url(header.dump()) + "." + base64url(claims.dump());
  const std::string signature = base64url(hmac_sha256(secret_, token));
  return token + "." + signature;
}

std::optional<Json> JwtSigner::verify(std::string_view token, SystemTime now) const {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const std::optional<std::string> signature = from_base64url(token.substr(last + 1));
  if (!signature || !equal_in_constant_time(*signature, hmac_sha256(secret_, token.substr(0, last)))) return std::nullopt;
  const std::optional<Json> header = decoded(token.substr(0, first));
  if (!header || header->value("alg", Json()) != "HS256") return std::nullopt;
  std::optional<Json> claims = decoded(token.substr(first + 1, last - first - 1));
  if (!claims) return std::nullopt;
  const Json subject = claims->value("sub", Json());
  const Json until = claims->value("exp", Json());
  const Json from = claims->value("nbf", Json(0));
  if (!subject.is_string() || subject.get_ref<const std::string&>().empty()) return std::nullopt;
  if (!until.is_number_integer() || !from.is_number_integer()) return std::nullopt;
  const std::int64_t leeway = std::chrono::duration_cast<std::chrono::seconds>(leeway_).count();
  const std::int64_t at = unix_seconds(now);
  if (at < from.get<std::int64_t>() - leeway || at >= until.get<std::int64_t>() + leeway) return std::nullopt;
  return claims;
}

std::string_view bearer_token(std::string_view authorization) noexcept {
  constexpr std::string_view kScheme = "Bearer ";
  return authorization.starts_with(kScheme) ? authorization.substr(kScheme.size()) : std::string_view{};
}

}  // namespace orrery::services
