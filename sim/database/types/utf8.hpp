#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::sim::database {

/// Bytes of the character that begins with `lead`. Text is valid UTF-8: it was checked when it came in.
[[nodiscard]] constexpr std::size_t utf8_size(char lead) noexcept {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

[[nodiscard]] constexpr std::size_t utf8_length(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

/// Where character number `index` begins, or the end.
[[nodiscard]] constexpr std::size_t utf8_offset(std::string_view text, std::size_t index) noexcept {
  std::size_t offset = 0;
  while (index > 0 && offset < text.size()) {
    offset += utf8_size(text[offset]);
    --index;
  }
  return offset < text.size() ? offset : text.size();
}

/// As many whole characters as fit so many bytes.
[[nodiscard]] constexpr std::string_view utf8_prefix_of_bytes(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

[[nodiscard]] std::uint32_t utf8_code_point(std::string_view character) noexcept;

/// Throws 22021 `invalid byte sequence for encoding "UTF8": 0xff`; also for a zero byte.
void check_utf8(std::string_view text);

/// Changes ASCII letters only, as PostgreSQL does in the C locale.
[[nodiscard]] std::string ascii_lower(std::string_view text);
[[nodiscard]] std::string ascii_upper(std::string_view text);

}  // namespace orrery::sim::database
