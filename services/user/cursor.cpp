#include "services/user/cursor.hpp"

#include "services/user/validation.hpp"

namespace orrery::services {
namespace {

// base64url without padding (RFC 4648, section 5).
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::int64_t kYear10000Us = 253'402'300'800'000'000;

std::string to_base64url(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text.push_back(kAlphabet[(bits >> (count - 6)) & 63]);
  }
  if (count > 0) text.push_back(kAlphabet[(bits << (6 - count)) & 63]);
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>((bits >> count) & 255));
    }
  }
  return bytes;
}

}  // namespace

std::string Cursor::encode() const { return to_base64url("1|" + std::to_string(created_us) + "|" + id); }

std::optional<Cursor> Cursor::decode(std::string_view text) {
  if (text.size() > 100) return std::nullopt;
  const auto bytes = from_base64url(text);
  if (!bytes || !bytes->starts_with("1|")) return std::nullopt;
  const std::string_view rest = std::string_view(*bytes).substr(2);
  const std::size_t bar = rest.find('|');
  if (bar == std::string_view::npos) return std::nullopt;
  const auto created_us = parse_integer(rest.substr(0, bar), 0, kYear10000Us - 1);
  const std::string_view id = rest.substr(bar + 1);
  if (!created_us || !is_uuid(id)) return std::nullopt;
  return Cursor(*created_us, std::string(id));
}

}  // namespace orrery::services
