#include "viz/svg.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "runtime/check.hpp"
#include "viz/style.hpp"

namespace orrery::viz {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// The length of the well-formed UTF-8 sequence at the beginning of the text; 0: there is none. (Unicode 15, table 3-7)
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto is_tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool in_range = (first != 0xE0 || byte(1) >= 0xA0) && (first != 0xED || byte(1) <= 0x9F);
    return is_tail(1) && in_range && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool in_range = (first != 0xF0 || byte(1) >= 0x90) && (first != 0xF4 || byte(1) <= 0x8F);
    return is_tail(1) && in_range && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0 || (first < ' ' && first != '\n' && first != '\t')) {
      result += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    if (sequence == "\xEF\xBF\xBE" || sequence == "\xEF\xBF\xBF") {  // U+FFFE and U+FFFF are no characters of XML
      result += kReplacement;
    } else if (sequence == "&") {
      result += "&amp;";
    } else if (sequence == "<") {
      result += "&lt;";
    } else if (sequence == ">") {
      result += "&gt;";
    } else if (sequence == "\"") {
      result += "&quot;";
    } else if (sequence == "'") {
      result += "&#39;";
    } else {
      result += sequence;
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string number(double value) {
  const auto hundredths = static_cast<std::int64_t>(std::llround(value * 100));
  const std::int64_t whole = std::abs(hundredths) / 100;
  const std::int64_t rest = std::abs(hundredths) % 100;
  std::string text = (hundredths < 0 ? "-" : "") + std::to_string(whole);
  if (rest == 0) return text;
  text += '.';
  text += static_cast<char>('0' + rest / 10);
  if (rest % 10 != 0) text += static_cast<char>('0' + rest % 10);
  return text;
}

void Svg::begin(std::string_view name, const Attributes& attributes) {
  markup_ += '<';
  markup_ += name;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const Attribute& attribute = attributes[i];
    // Browsers show nothing at all of markup that is not well-formed.
    CHECK(std::none_of(attributes.begin(), attributes.begin() + static_cast<std::ptrdiff_t>(i),
                       [&](const Attribute& before) { return before.name == attribute.name; }),
          "an attribute is given once");
    markup_ += ' ';
    markup_ += attribute.name;
    markup_ += "=\"";
    markup_ += escaped(attribute.value);
    markup_ += '"';
  }
}

void Svg::element(std::string_view name, const Attributes& attributes) {
  begin(name, attributes);
  markup_ += "/>\n";
}

void Svg::element(std::string_view name, const Attributes& attributes, std::string_view title) {
  if (title.empty()) return element(name, attributes);
  begin(name, attributes);
  markup_ += "><title>" + escaped(title) + "</title></";
  markup_ += name;
  markup_ += ">\n";
}

void Svg::open(std::string_view name, const Attributes& attributes) {
  begin(name, attributes);
  markup_ += ">\n";
}

void Svg::close(std::string_view name) {
  markup_ += "</";
  markup_ += name;
  markup_ += ">\n";
}

void Svg::title(std::string_view text) {
  if (!text.empty()) markup_ += "<title>" + escaped(text) + "</title>\n";
}

void Svg::text(Point at, std::string_view line, const Attributes& attributes) {
  Attributes all = {{"x", at.x}, {"y", at.y}};
  all.insert(all.end(), attributes.begin(), attributes.end());
  begin("text", all);
  markup_ += '>' + escaped(line) + "</text>\n";
}

void Svg::line(Point from, Point to, const Attributes& attributes) {
  Attributes all = {{"x1", from.x}, {"y1", from.y}, {"x2", to.x}, {"y2", to.y}};
  all.insert(all.end(), attributes.begin(), attributes.end());
  element("line", all);
}

void Svg::rect(const Box& box, const Attributes& attributes) {
  Attributes all = {{"x", box.x}, {"y", box.y}, {"width", box.width}, {"height", box.height}};
  all.insert(all.end(), attributes.begin(), attributes.end());
  element("rect", all);
}

void Svg::path(std::string_view data, const Attributes& attributes) {
  Attributes all = {{"d", data}};
  all.insert(all.end(), attributes.begin(), attributes.end());
  element("path", all);
}

std::string Svg::document(double width, double height, std::string_view label, std::string_view style,
                          std::string_view defs) const {
  Svg whole;
  whole.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                     {"width", std::ceil(width)},
                     {"height", std::ceil(height)},
                     {"viewBox", "0 0 " + number(std::ceil(width)) + " " + number(std::ceil(height))},
                     {"role", "img"},
                     {"aria-label", label},
                     {"font-family", kSans},
                     {"font-size", kTextSize}});
  whole.markup_ += "<style>" + std::string(style) + "</style>\n";
  if (!defs.empty()) whole.markup_ += "<defs>" + std::string(defs) + "</defs>\n";
  whole.rect({0, 0, std::ceil(width), std::ceil(height)}, {{"fill", "#fff"}});
  whole.markup_ += markup_;
  whole.close("svg");
  return whole.markup_;
}

}  // namespace orrery::viz
