#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/json.hpp"
#include "runtime/time.hpp"

namespace orrery::services {

/// JSON Web Tokens (RFC 7519) with HS256 (RFC 7515, appendix A.1). No other algorithm is taken, whatever the header says:
/// not "none", and no public-key algorithm with the secret as its key (RFC 8725, section 3.1).
class JwtSigner {
 public:
  /// `leeway` is what two clocks may differ by.
  explicit JwtSigner(std::string secret, Duration leeway = std::chrono::minutes(3))
      : secret_(std::move(secret)), leeway_(leeway) {}

  /// A token for the subject, from now on and for so long. `more`: further claims.
  [[nodiscard]] std::string sign(std::string_view subject, SystemTime now, Duration lasts, const Json& more = Json::object()) const;
  /// The claims if the signature is ours and nbf − leeway ≤ now < exp + leeway; nullopt otherwise. A token without "exp" or
  /// with an empty "sub" is refused.
  [[nodiscard]] std::optional<Json> verify(std::string_view token, SystemTime now) const;

 private:
  std::string secret_;
  Duration leeway_;
};

/// The token of "Authorization: Bearer <token>" (RFC 6750, section 2.1); empty if it is something else.
[[nodiscard]] std::string_view bearer_token(std::string_view authorization) noexcept;

}  // namespace orrery::services
