#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace orrery::services {

/// SHA-256 (FIPS 180-4): 32 bytes.
[[nodiscard]] std::string sha256(std::string_view bytes);
/// HMAC-SHA-256 (RFC 2104): 32 bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// True if the two are equal, in a time that does not depend on where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// Lower case.
[[nodiscard]] std::string hex(std::string_view bytes);
/// Base64 with the URL alphabet and without padding (RFC 4648, section 5).
[[nodiscard]] std::string base64url(std::string_view bytes);
/// nullopt if the text is not that.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

/// The UUID of a name: equal names have equal ids, so that work that is done twice meets itself. Version 8 (RFC 9562,
/// section 5.8) from the SHA-256 of the name.
[[nodiscard]] std::string uuid_of_name(std::string_view name);

}  // namespace orrery::services
