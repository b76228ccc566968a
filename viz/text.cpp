#include "viz/text.hpp"

#include <algorithm>

#include "viz/font_widths.hpp"

namespace orrery::viz {
namespace {

constexpr std::string_view kEllipsis = "…";

/// The first byte of the character after the one at `at`.
std::size_t next_character(std::string_view utf8, std::size_t at) {
  ++at;
  while (at < utf8.size() && (static_cast<unsigned char>(utf8[at]) & 0xC0) == 0x80) ++at;
  return at;
}

double character_width(std::string_view utf8, std::size_t at, double size, Weight weight) {
  const auto byte = static_cast<unsigned char>(utf8[at]);
  if (byte < ' ' || byte > '~') return size;
  const auto& widths = weight == Weight::bold ? font_widths::kBold : font_widths::kRegular;
  return widths[byte - ' '] * size / 1000;
}

/// How many bytes of the text, whole characters, fit.
std::size_t fitting(std::string_view utf8, double size, double width, Weight weight) {
  double used = 0;
  std::size_t at = 0;
  while (at < utf8.size()) {
    used += character_width(utf8, at, size, weight);
    if (used > width) break;
    at = next_character(utf8, at);
  }
  return at;
}

}  // namespace

double text_width(std::string_view utf8, double size, Weight weight) {
  double width = 0;
  for (std::size_t at = 0; at < utf8.size(); at = next_character(utf8, at)) width += character_width(utf8, at, size, weight);
  return width;
}

std::string elided(std::string_view utf8, double size, double width, Weight weight) {
  if (text_width(utf8, size, weight) <= width) return std::string(utf8);
  std::string text(utf8.substr(0, fitting(utf8, size, width - size, weight)));
  while (!text.empty() && text.back() == ' ') text.pop_back();
  text += kEllipsis;
  return text;
}

std::vector<std::string> wrapped(std::string_view utf8, double size, double width, std::size_t max_lines, Weight weight) {
  std::vector<std::string> lines;
  std::string_view rest = utf8;
  const auto skip_spaces = [&] {
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  };
  skip_spaces();
  while (!rest.empty()) {
    if (lines.size() + 1 >= max_lines) {
      lines.push_back(elided(rest, size, width, weight));
      break;
    }
    std::size_t end = fitting(rest, size, width, weight);
    if (end < rest.size()) {
      const std::size_t space = rest.substr(0, end + 1).rfind(' ');
      if (space != std::string_view::npos && space > 0) {
        end = space;
      } else if (end == 0) {
        end = next_character(rest, 0);
      }
    }
    std::string_view line = rest.substr(0, end);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    lines.emplace_back(line);
    rest.remove_prefix(end);
    skip_spaces();
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

double mono_width(std::string_view utf8, double size) {
  const auto characters = std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return 0.602 * size * static_cast<double>(characters);
}

}  // namespace orrery::viz
