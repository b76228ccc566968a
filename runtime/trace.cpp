#include "runtime/trace.hpp"

#include <array>
#include <cstring>

namespace orrery {
namespace {

/// The two digits of each byte.
constexpr std::array<std::array<char, 2>, 256> kBytes = [] {
  std::array<std::array<char, 2>, 256> digits{};
  for (std::size_t byte = 0; byte < 256; ++byte) digits[byte] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return digits;
}();

void write_hex(std::uint64_t word, char* to) {
  for (std::size_t i = 0; i < 8; ++i) std::memcpy(to + 2 * i, kBytes[word >> (56 - 8 * i) & 255].data(), 2);
}

std::string hex(std::uint64_t word) {
  std::string text(16, '0');
  write_hex(word, text.data());
  return text;
}

/// At most 16 digits in lower case, as the recommendation wants them.
std::optional<std::uint64_t> from_hex(std::string_view text) noexcept {
  std::uint64_t word = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      word = word << 4 | static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      word = word << 4 | static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return word;
}

}  // namespace

std::string TraceContext::trace_id() const { return hex(trace_high) + hex(trace_low); }

std::string TraceContext::span_id() const { return hex(span); }

std::string TraceContext::traceparent() const {
  std::string text = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  write_hex(trace_high, text.data() + 3);
  write_hex(trace_low, text.data() + 19);
  write_hex(span, text.data() + 36);
  return text;
}

std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept {
  constexpr std::size_t kLength = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = from_hex(text.substr(0, 2));
  const auto flags = from_hex(text.substr(53, 2));
  if (!version || *version == 0xff || !flags) return std::nullopt;
  if (text.size() > kLength && (*version == 0 || text[kLength] != '-')) return std::nullopt;
  const auto high = from_hex(text.substr(3, 16));
  const auto low = from_hex(text.substr(19, 16));
  const auto span = from_hex(text.substr(36, 16));
  if (!high || !low || !span) return std::nullopt;
  const TraceContext context{*high, *low, *span};
  return context.valid() ? std::optional(context) : std::nullopt;
}

}  // namespace orrery
