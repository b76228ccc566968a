#include "cli/sql/splitter.hpp"

#include <utility>

namespace orrery::cli::sql {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '$'; }

/// The dollar quote's tag that begins at `at`: "$$", "$body$"; empty: it is no quote.
std::string_view dollar_tag(std::string_view line, std::size_t at) {
  std::size_t end = at + 1;
  if (end < line.size() && starts_name(line[end])) {
    while (end < line.size() && continues_name(line[end]) && line[end] != '$') ++end;
  }
  return end < line.size() && line[end] == '$' ? line.substr(at, end + 1 - at) : std::string_view();
}

/// True if the quote at `at` begins a string with backslash escapes: E'…'.
bool has_escapes(std::string_view line, std::size_t at) {
  if (at == 0 || (line[at - 1] != 'e' && line[at - 1] != 'E')) return false;
  return at < 2 || !continues_name(line[at - 2]);
}

}  // namespace

void StatementSplitter::take(std::string_view piece) {
  if (text_.empty()) begun_at_ = line_;
  text_ += piece;
}

std::vector<StatementSplitter::Statement> StatementSplitter::feed(std::string_view line) {
  ++line_;
  std::vector<Statement> complete;
  if (!text_.empty()) text_ += '\n';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    switch (state_) {
      case State::quote:
      case State::escape_quote:
        if (state_ == State::escape_quote && c == '\\' && i + 1 < line.size()) {
          take(line.substr(i++, 2));
          continue;
        }
        if (c == '\'' && line.substr(i).starts_with("''")) {
          take(line.substr(i++, 2));
          continue;
        }
        if (c == '\'') state_ = State::plain;
        break;
      case State::identifier:
        if (c == '"') state_ = State::plain;
        break;
      case State::dollar:
        if (line.substr(i).starts_with(tag_)) {
          take(tag_);
          i += tag_.size() - 1;
          state_ = State::plain;
          continue;
        }
        break;
      case State::comment:
        if (line.substr(i).starts_with("*/") || line.substr(i).starts_with("/*")) {
          comments_ += c == '/' ? 1 : -1;
          if (!text_.empty()) text_ += line.substr(i, 2);
          ++i;
          if (comments_ == 0) state_ = State::plain;
          continue;
        }
        if (!text_.empty()) text_ += c;
        continue;
      case State::plain:
        if (is_space(c) && text_.empty()) continue;
        if (line.substr(i).starts_with("--")) {
          if (!text_.empty()) text_ += line.substr(i);
          i = line.size();
          continue;
        }
        if (line.substr(i).starts_with("/*")) {
          state_ = State::comment;
          comments_ = 1;
          if (!text_.empty()) text_ += "/*";
          ++i;
          continue;
        }
        if (c == '\'') {
          state_ = has_escapes(line, i) ? State::escape_quote : State::quote;
        } else if (c == '"') {
          state_ = State::identifier;
        } else if (c == '$' && (i == 0 || !continues_name(line[i - 1]))) {
          const std::string_view tag = dollar_tag(line, i);
          if (!tag.empty()) {
            tag_ = tag;
            take(tag);
            i += tag.size() - 1;
            state_ = State::dollar;
            continue;
          }
        } else if (c == '(' || c == '[') {
          ++brackets_;
        } else if ((c == ')' || c == ']') && brackets_ > 0) {
          --brackets_;
        } else if (c == ';' && brackets_ == 0) {
          if (text_.empty()) continue;  // nothing before it
          text_ += ';';
          complete.push_back({std::exchange(text_, {}), begun_at_});
          continue;
        }
        break;
    }
    take(line.substr(i, 1));
  }
  return complete;
}

std::vector<StatementSplitter::Statement> StatementSplitter::finish() {
  std::vector<Statement> rest;
  while (!text_.empty() && is_space(text_.back())) text_.pop_back();
  if (!text_.empty()) rest.push_back({std::exchange(text_, {}), begun_at_});
  state_ = State::plain;
  brackets_ = comments_ = 0;
  return rest;
}

char StatementSplitter::prompt() const noexcept {
  switch (state_) {
    case State::quote:
    case State::escape_quote:
      return '\'';
    case State::identifier:
      return '"';
    case State::dollar:
      return '$';
    case State::comment:
      return '*';
    case State::plain:
      break;
  }
  if (text_.empty()) return '=';
  return brackets_ > 0 ? '(' : '-';
}

}  // namespace orrery::cli::sql
