#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/context.hpp"
#include "services/patterns/idempotency.hpp"
#include "services/patterns/jwt.hpp"
#include "services/patterns/settings.hpp"

namespace orrery::services {

/// What the services of MediaHub share: who asks, and how they refuse.

[[nodiscard]] Response refuse(int status, std::string_view name, std::string_view title, std::string_view detail = {});
/// 503 with Retry-After: not now, or nobody knows. Ask again.
[[nodiscard]] Response unavailable();

/// Whose request it is: the gateway says so in X-User-ID, and the token that it passes on must say the same. Services do not
/// rely on the network alone to keep others out.
class Callers {
 public:
  /// Reads "jwt_secret", "jwt_leeway" and "defect".
  Callers(const Clock& clock, Settings& settings);

  /// nullopt: nobody (401).
  [[nodiscard]] std::optional<std::string> owner_of(const Request& request) const;
  [[nodiscard]] const JwtSigner& signer() const noexcept { return signer_; }

 private:
  const Clock& clock_;
  JwtSigner signer_;
};

/// The body as an object; nullopt if it is none.
[[nodiscard]] std::optional<Json> object_of(std::string_view body);
/// A member that is a text; empty otherwise.
[[nodiscard]] std::string text_of(const Json& object, const char* name);
/// 8-4-4-4-12 hexadecimal digits in lower case.
[[nodiscard]] bool is_id(std::string_view text) noexcept;

}  // namespace orrery::services
