#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {

void append_utf8(std::string& out, std::uint32_t code_point);

/// Reads JSON (RFC 8259) and tells a handler what it meets: null(), boolean(bool), number(raw), string(text),
/// key(text), begin_object(), end_object(), begin_array(), end_array(). Errors are 22P02 with the details of
/// PostgreSQL's parser. With `Handler::kDecodes` false strings come without being unescaped and \u0000 is allowed, as
/// in type json.
template <class Handler>
class JsonParser {
 public:
  JsonParser(std::string_view text, Handler& handler) : rest_(text), handler_(handler) {}

  void parse() {
    lex();
    value(0);
    if (token_ != Token::end) fail_expected("Expected end of input");
  }

 private:
  enum class Token : std::uint8_t {
    end,
    string,
    number,
    true_,
    false_,
    null,
    object_start,
    object_end,
    array_start,
    array_end,
    comma,
    colon
  };

  static constexpr int kDeepest = 5000;

  [[noreturn]] static void fail(std::string detail) {
    raise("22P02", "invalid input syntax for type json", std::move(detail));
  }
  [[noreturn]] void fail_expected(const std::string& what) const {
    if (token_ == Token::end) fail("The input string ended unexpectedly.");
    fail(what + ", but found \"" + std::string(lexeme_) + "\".");
  }
  [[noreturn]] static void fail_token(std::string_view token) {
    fail("Token \"" + std::string(token) + "\" is invalid.");
  }

  static bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
  }

  void take(Token token, std::size_t size) {
    token_ = token;
    lexeme_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  void lex() {
    while (!rest_.empty() &&
           (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\n' || rest_.front() == '\r')) {
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) {
      token_ = Token::end;
      lexeme_ = {};
      return;
    }
    switch (rest_.front()) {
      case '{':
        return take(Token::object_start, 1);
      case '}':
        return take(Token::object_end, 1);
      case '[':
        return take(Token::array_start, 1);
      case ']':
        return take(Token::array_end, 1);
      case ',':
        return take(Token::comma, 1);
      case ':':
        return take(Token::colon, 1);
      case '"':
        return lex_string();
      default:
        break;
    }
    if (is_digit(rest_.front()) || rest_.front() == '-') return lex_number();
    std::size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    if (size == 0) fail_token(rest_.substr(0, 1));
    const std::string_view word = rest_.substr(0, size);
    if (word == "true") return take(Token::true_, size);
    if (word == "false") return take(Token::false_, size);
    if (word == "null") return take(Token::null, size);
    fail_token(word);
  }

  void lex_number() {
    std::size_t i = rest_.front() == '-' ? 1 : 0;
    bool bad = false;
    const auto digits = [&] {
      const std::size_t start = i;
      while (i < rest_.size() && is_digit(rest_[i])) ++i;
      return i != start;
    };
    if (i < rest_.size() && rest_[i] == '0') {
      ++i;
    } else if (!digits()) {
      bad = true;
    }
    if (i < rest_.size() && rest_[i] == '.') {
      ++i;
      if (!digits()) bad = true;
    }
    if (i < rest_.size() && (rest_[i] == 'e' || rest_[i] == 'E')) {
      ++i;
      if (i < rest_.size() && (rest_[i] == '+' || rest_[i] == '-')) ++i;
      if (!digits()) bad = true;
    }
    for (; i < rest_.size() && is_word(rest_[i]); ++i) bad = true;
    if (bad) fail_token(rest_.substr(0, i));
    take(Token::number, i);
  }

  void lex_string() {
    if constexpr (Handler::kDecodes) text_.clear();
    std::size_t i = 1;
    std::uint32_t high_surrogate = 0;
    while (true) {
      if (i >= rest_.size()) fail_token(rest_);
      const char c = rest_[i];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 32) {
        static constexpr char kHex[] = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        fail(std::string("Character with value 0x") + kHex[byte >> 4] + kHex[byte & 15] + " must be escaped.");
      }
      if (c != '\\') {
        if (high_surrogate != 0) fail("Unicode low surrogate must follow a high surrogate.");
        if constexpr (Handler::kDecodes) text_.push_back(c);
        ++i;
        continue;
      }
      if (++i >= rest_.size()) fail_token(rest_);
      if (rest_[i] == 'u') {
        lex_unicode(i, high_surrogate);
        continue;
      }
      if (high_surrogate != 0) fail("Unicode low surrogate must follow a high surrogate.");
      static constexpr std::string_view kEscapes = "\"\\/bfnrt";
      static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
      const std::size_t which = kEscapes.find(rest_[i]);
      if (which == std::string_view::npos) {
        std::size_t size = 1;
        while (i + size < rest_.size() && (static_cast<unsigned char>(rest_[i + size]) & 0xc0) == 0x80) ++size;
        fail("Escape sequence \"\\" + std::string(rest_.substr(i, size)) + "\" is invalid.");
      }
      if constexpr (Handler::kDecodes) text_.push_back(kMeanings[which]);
      ++i;
    }
    if (high_surrogate != 0) fail("Unicode low surrogate must follow a high surrogate.");
    take(Token::string, i + 1);
    if constexpr (!Handler::kDecodes) raw_ = lexeme_.substr(1, i - 1);
  }

  /// At the `u` of an escape; leaves `i` after its four digits.
  void lex_unicode(std::size_t& i, std::uint32_t& high_surrogate) {
    std::uint32_t code = 0;
    for (int digit = 0; digit < 4; ++digit) {
      if (++i >= rest_.size()) fail_token(rest_);
      const int value = hex_digit(rest_[i]);
      if (value < 0) fail("\"\\u\" must be followed by four hexadecimal digits.");
      code = code * 16 + static_cast<std::uint32_t>(value);
    }
    ++i;
    if constexpr (Handler::kDecodes) {
      if (code >= 0xd800 && code <= 0xdbff) {
        if (high_surrogate != 0) fail("Unicode high surrogate must not follow a high surrogate.");
        high_surrogate = code;
        return;
      }
      if (code >= 0xdc00 && code <= 0xdfff) {
        if (high_surrogate == 0) fail("Unicode low surrogate must follow a high surrogate.");
        code = 0x10000 + ((high_surrogate - 0xd800) << 10) + (code - 0xdc00);
        high_surrogate = 0;
      } else if (high_surrogate != 0) {
        fail("Unicode low surrogate must follow a high surrogate.");
      }
      if (code == 0) raise("22P05", "unsupported Unicode escape sequence", "\\u0000 cannot be converted to text.");
      append_utf8(text_, code);
    }
  }

  [[nodiscard]] std::string_view string_content() const {
    if constexpr (Handler::kDecodes) {
      return text_;
    } else {
      return raw_;
    }
  }

  void value(int depth) {
    if (depth > kDeepest) fail_too_deep();
    switch (token_) {
      case Token::string:
        handler_.string(string_content());
        break;
      case Token::number:
        handler_.number(lexeme_);
        break;
      case Token::true_:
        handler_.boolean(true);
        break;
      case Token::false_:
        handler_.boolean(false);
        break;
      case Token::null:
        handler_.null();
        break;
      case Token::object_start:
        return object(depth);
      case Token::array_start:
        return array(depth);
      default:
        fail_expected("Expected JSON value");
    }
    lex();
  }

  /// What is nested deeper than the stack allows is 54001, but a mistake in it is found first. Nothing is kept of it.
  [[noreturn]] void fail_too_deep() {
    std::string open;  // the brackets from here on
    bool wants_value = true;
    while (true) {
      if (wants_value) {
        if (token_ == Token::object_start || token_ == Token::array_start) {
          const bool is_object = token_ == Token::object_start;
          lex();
          if (token_ == (is_object ? Token::object_end : Token::array_end)) {
            lex();
            wants_value = false;
          } else {
            open.push_back(is_object ? '{' : '[');
            if (is_object) skip_key("Expected string or \"}\"");
          }
          continue;
        }
        if (token_ == Token::end || token_ == Token::object_end || token_ == Token::array_end || token_ == Token::comma || token_ == Token::colon) {
          fail_expected("Expected JSON value");
        }
        lex();
        wants_value = false;
        continue;
      }
      if (open.empty()) raise("54001", "stack depth limit exceeded");  // the rest is not looked at
      const bool is_object = open.back() == '{';
      if (token_ == Token::comma) {
        lex();
        if (is_object) skip_key("Expected string");
        wants_value = true;
      } else if (token_ == (is_object ? Token::object_end : Token::array_end)) {
        open.pop_back();
        lex();
      } else {
        fail_expected(is_object ? "Expected \",\" or \"}\"" : "Expected \",\" or \"]\"");
      }
    }
  }

  void skip_key(const char* expected) {
    if (token_ != Token::string) fail_expected(expected);
    lex();
    if (token_ != Token::colon) fail_expected("Expected \":\"");
    lex();
  }

  void object(int depth) {
    handler_.begin_object();
    lex();
    if (token_ != Token::object_end) {
      if (token_ != Token::string) fail_expected("Expected string or \"}\"");
      while (true) {
        if (token_ != Token::string) fail_expected("Expected string");
        handler_.key(string_content());
        lex();
        if (token_ != Token::colon) fail_expected("Expected \":\"");
        lex();
        value(depth + 1);
        if (token_ != Token::comma) break;
        lex();
      }
      if (token_ != Token::object_end) fail_expected("Expected \",\" or \"}\"");
    }
    handler_.end_object();
    lex();
  }

  void array(int depth) {
    handler_.begin_array();
    lex();
    if (token_ != Token::array_end) {
      while (true) {
        value(depth + 1);
        if (token_ != Token::comma) break;
        lex();
      }
      if (token_ != Token::array_end) fail_expected("Expected \",\" or \"]\"");
    }
    handler_.end_array();
    lex();
  }

  std::string_view rest_;
  Handler& handler_;
  Token token_ = Token::end;
  std::string_view lexeme_;
  std::string_view raw_;
  std::string text_;
};

}  // namespace orrery::sim::database
