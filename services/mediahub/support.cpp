#include "services/mediahub/support.hpp"

#include "services/patterns/problem.hpp"

namespace orrery::services {

Response refuse(int status, std::string_view name, std::string_view title, std::string_view detail) {
  return json_response(status, problem(status, name, title, detail));
}

Response unavailable() {
  return json_response(503, problem(503, "unavailable", "Not available now", "The outcome is not known. Ask again."), 1);
}

namespace {

Duration leeway(Settings& settings) {
  const Duration leeway = settings.duration("jwt_leeway", std::chrono::minutes(5), Duration::zero());
  // twin: token-refused-by-skew. Clocks are right, are they not?
  return settings.text("defect", "") == "token-refused-by-skew" ? Duration::zero() : leeway;
}

}  // namespace

Callers::Callers(const Clock& clock, Settings& settings)
    : clock_(clock),
      // A secret for development; a deployment sets its own.
      signer_(settings.text("jwt_secret", "orrery-development-secret"), leeway(settings)) {}

std::optional<std::string> Callers::owner_of(const Request& request) const {
  const std::optional<Json> claims =
      signer_.verify(bearer_token(request.headers.get("Authorization")), clock_.system_now());
  if (!claims) return std::nullopt;
  std::string subject = text_of(*claims, "sub");
  if (subject != request.headers.get("X-User-ID")) return std::nullopt;
  return subject;
}

std::optional<Json> object_of(std::string_view body) {
  Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

std::string text_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

bool is_id(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace orrery::services
