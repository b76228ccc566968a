#include "runtime/sql.hpp"

#include <charconv>
#include <cmath>

namespace orrery {
namespace {

template <class Number>
Number parse_number(const std::string& text, const char* what) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  CHECK(error == std::errc{} && end == text.data() + text.size(), what);
  return number;
}

}  // namespace

std::string SqlValue::text() const {
  struct Printer {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(bool value) const { return value ? "t" : "f"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const {
      if (std::isnan(value)) return "NaN";
      if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
      // The fewest digits that say which number it is; an exponent below -4 and from 15 on, as PostgreSQL's float8out.
      char buffer[400];
      auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
      CHECK(error == std::errc{});
      const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
      const int exponent = std::stoi(std::string(text.substr(text.find('e') + 1)));
      if (exponent < -4 || exponent >= 15) return std::string(text);
      const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
      CHECK(fixed.ec == std::errc{});
      return {buffer, fixed.ptr};
    }
    std::string operator()(const std::string& value) const { return value; }
  };
  return std::visit(Printer{}, value_);
}

std::int64_t SqlValue::integer() const {
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return *number;
  const auto* text = std::get_if<std::string>(&value_);
  CHECK(text != nullptr, "the SQL value is not an integer");
  return parse_number<std::int64_t>(*text, "the SQL value is not an integer");
}

double SqlValue::real() const {
  if (const auto* number = std::get_if<double>(&value_)) return *number;
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*number);
  const auto* text = std::get_if<std::string>(&value_);
  CHECK(text != nullptr, "the SQL value is not a number");
  return parse_number<double>(*text, "the SQL value is not a number");
}

bool SqlValue::boolean() const {
  if (const auto* flag = std::get_if<bool>(&value_)) return *flag;
  const auto* text = std::get_if<std::string>(&value_);
  CHECK(text != nullptr && (*text == "t" || *text == "f"), "the SQL value is not a boolean");
  return *text == "t";
}

std::string sql_bytes(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

std::size_t RowShape::index_of(std::string_view column) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == column) return i;
  }
  check_failed("column exists", std::string("the result has no column ") + std::string(column),
               std::source_location::current());
}

}  // namespace orrery
