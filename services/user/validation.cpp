#include "services/user/validation.hpp"

#include <algorithm>
#include <charconv>

namespace orrery::services {
namespace {

constexpr bool is_alnum(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_domain_label(std::string_view label) noexcept {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

}  // namespace

Checked<Json> parse_object(std::string_view body, std::string_view member, std::string_view other) {
  if (body.size() > kMaxRequestBody) return Invalid{"the body is longer than 64 KiB"};
  Json object = Json::parse(body, nullptr, false);
  if (object.is_discarded()) return Invalid{"the body is not JSON"};
  if (!object.is_object()) return Invalid{"the body is not a JSON object"};
  for (const auto& [name, value] : object.items()) {
    if (name != member && name != other) return Invalid{"there is no member of this name: " + name};
  }
  return object;
}

Checked<NewUser> parse_new_user(std::string_view body) {
  const Checked<Json> object = parse_object(body, "email", "name");
  if (!object) return Invalid{object.why()};
  const auto email = object->find("email");
  if (email == object->end() || !email->is_string()) return Invalid{"email: expected a string"};
  const auto name = object->find("name");
  if (name == object->end() || !name->is_string()) return Invalid{"name: expected a string"};
  NewUser user;
  user.email = email->get<std::string>();
  user.name = name->get<std::string>();
  if (!is_email(user.email)) return Invalid{"email: not an e-mail address"};
  if (!is_name(user.name)) return Invalid{"name: expected 1 to 200 characters, without control characters"};
  std::ranges::transform(user.email, user.email.begin(), lower);
  return user;
}

Checked<std::string> parse_new_name(std::string_view body) {
  const Checked<Json> object = parse_object(body, "name");
  if (!object) return Invalid{object.why()};
  const auto name = object->find("name");
  if (name == object->end() || !name->is_string()) return Invalid{"name: expected a string"};
  std::string text = name->get<std::string>();
  if (!is_name(text)) return Invalid{"name: expected 1 to 200 characters, without control characters"};
  return text;
}

bool is_email(std::string_view text) noexcept {
  const std::size_t at = text.find('@');
  if (text.size() > 254 || at == std::string_view::npos || at == 0 || at > 64) return false;
  const std::string_view local = text.substr(0, at);
  static constexpr std::string_view kPunctuation = ".!#$%&'*+/=?^_`{|}~-";
  if (!std::ranges::all_of(local,
                           [](char c) { return is_alnum(c) || kPunctuation.find(c) != std::string_view::npos; })) {
    return false;
  }
  for (std::string_view domain = text.substr(at + 1);;) {
    const std::size_t dot = domain.find('.');
    if (!is_domain_label(domain.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    domain.remove_prefix(dot + 1);
  }
}

bool is_name(std::string_view text) noexcept {
  // The JSON parser has checked that strings are UTF-8: every byte that is not a continuation begins a code point.
  const auto code_points =
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  const bool controls =
      std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  const bool blank = std::ranges::all_of(text, [](char c) { return c == ' '; });
  return code_points >= 1 && code_points <= 200 && !controls && !blank;
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = lower(text[i]);
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

bool is_idempotency_key(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t low, std::int64_t high) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < low || number > high) return std::nullopt;
  return number;
}

}  // namespace orrery::services
