#include "sim/database/copy_format.hpp"

#include "sim/database/errors.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {

// ------------------------------------------------------------------------------------------------------------- lines

void CopyLines::feed(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    at_ -= begin_;
    begin_ = 0;
  }
  buffer_ += bytes;
}

std::string_view CopyLines::take(std::size_t end) {
  const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
  begin_ = at_;
  is_within_line_ = in_quotes_ = after_escape_ = false;
  check_utf8(line);
  return line;
}

std::optional<std::string_view> CopyLines::next() {
  if (is_over_) return std::nullopt;
  if (!is_within_line_) {
    ++number_;
    is_within_line_ = true;
  }
  while (true) {
    switch (step()) {
      case Step::goes_on:
        break;
      case Step::needs_more:
        if (!has_ended_) return std::nullopt;
        line_size_ = buffer_.size();
        at_ = buffer_.size();
        [[fallthrough]];
      case Step::data_ends:
        is_over_ = true;
        if (line_size_ == begin_) return std::nullopt;
        return take(line_size_);
      case Step::line_ends:
        return take(line_size_);
    }
  }
}

/// A quote within quotes ends them, unless the escape is another character and stands before it.
void CopyLines::follow_quotes(char c) {
  const bool has_own_escape = options_.escape != options_.quote;
  if (in_quotes_ && has_own_escape && c == options_.escape) after_escape_ = !after_escape_;
  if (c == options_.quote && !after_escape_) in_quotes_ = !in_quotes_;
  if (!has_own_escape || c != options_.escape) after_escape_ = false;
  if (in_quotes_ && c == (line_end_ == LineEnd::newline ? '\n' : '\r')) ++number_;
}

CopyLines::Step CopyLines::step() {
  if (at_ >= buffer_.size()) return Step::needs_more;
  const char c = buffer_[at_];
  const bool is_first = at_ == begin_;
  if ((c == '\r' || c == '\\') && at_ + 1 >= buffer_.size() && !has_ended_) return Step::needs_more;
  if (c == '\\' && (!options_.is_csv || is_first)) return backslash();
  if (options_.is_csv) follow_quotes(c);
  if ((c == '\r' || c == '\n') && !in_quotes_) return end_of_line(c);
  ++at_;
  return Step::goes_on;
}

void CopyLines::fail_line_end(char found) const {
  const std::string name = found == '\r' ? "carriage return" : "newline";
  const std::string letter = found == '\r' ? "\\r" : "\\n";
  if (options_.is_csv) fail("22P04", "unquoted " + name + " found in data", 0, {}, "Use quoted CSV field to represent " + name + ".");
  fail("22P04", "literal " + name + " found in data", 0, {}, "Use " + in_quotes(letter) + " to represent " + name + ".");
}

/// The first line says how all of them end.
CopyLines::Step CopyLines::end_of_line(char c) {
  line_size_ = at_;
  const bool is_both = c == '\r' && at_ + 1 < buffer_.size() && buffer_[at_ + 1] == '\n';
  if (c == '\n') {
    if (line_end_ != LineEnd::unknown && line_end_ != LineEnd::newline) fail_line_end(c);
    line_end_ = LineEnd::newline;
  } else {
    if (line_end_ == LineEnd::newline || (line_end_ == LineEnd::both && !is_both)) fail_line_end(c);
    if (line_end_ == LineEnd::unknown) line_end_ = is_both ? LineEnd::both : LineEnd::carriage_return;
  }
  at_ += line_end_ == LineEnd::both ? 2 : 1;
  return Step::line_ends;
}

/// `\.` ends the data; in text it must be followed by the end of the line, in CSV it counts only as a line of its own.
CopyLines::Step CopyLines::backslash() {
  const auto is_at = [&](std::size_t place, char c) { return place < buffer_.size() && buffer_[place] == c; };
  if (!is_at(at_ + 1, '.')) {
    if (options_.is_csv) follow_quotes('\\');
    at_ += options_.is_csv || at_ + 1 >= buffer_.size() ? 1 : 2;
    return Step::goes_on;
  }
  const std::size_t end = at_ + 2;
  const bool wants_both = line_end_ == LineEnd::both;
  if (end + (wants_both ? 2 : 1) > buffer_.size() && !has_ended_) return Step::needs_more;
  const bool has_return = is_at(end, '\r');
  const bool has_newline = is_at(end, '\n');
  const bool is_line = wants_both ? has_return && (is_at(end + 1, '\r') || is_at(end + 1, '\n')) : has_return || has_newline;
  if (!is_line) {
    if (options_.is_csv) {
      follow_quotes('\\');
      ++at_;
      return Step::goes_on;
    }
    if (wants_both && has_newline) fail("22P04", "end-of-copy marker does not match previous newline style");
    fail("22P04", "end-of-copy marker corrupt");
  }
  const bool fits = wants_both ? is_at(end + 1, '\n') : line_end_ == LineEnd::unknown || has_return == (line_end_ == LineEnd::carriage_return);
  if (!fits) fail("22P04", "end-of-copy marker does not match previous newline style");
  line_size_ = at_;
  at_ = buffer_.size();
  return Step::data_ends;
}

// ------------------------------------------------------------------------------------------------------------ fields

namespace {

int digit_of(char c, int base) {
  const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : base;
  return value < base ? value : -1;
}

/// A character by its number, of at most `most` digits. False: there is no digit at all.
bool append_by_number(std::string_view line, std::size_t& at, int base, int most, std::string& out) {
  int number = 0;
  int digits = 0;
  while (digits < most && at < line.size() && digit_of(line[at], base) >= 0) {
    number = number * base + digit_of(line[at], base);
    ++at;
    ++digits;
  }
  if (digits > 0) out += static_cast<char>(number & 0xff);
  return digits > 0;
}

/// What stands behind a backslash at `at`.
void append_escaped(std::string_view line, std::size_t& at, std::string& out) {
  constexpr std::string_view kLetters = "bfnrtv";
  constexpr std::string_view kMeanings = "\b\f\n\r\t\v";
  const char c = line[at];
  if (digit_of(c, 8) >= 0) {
    static_cast<void>(append_by_number(line, at, 8, 3, out));
    return;
  }
  ++at;
  if (c == 'x' && append_by_number(line, at, 16, 2, out)) return;
  const std::size_t letter = kLetters.find(c);
  out += letter == std::string_view::npos ? c : kMeanings[letter];
}

void split_text(const CopyOptions& options, std::string_view line, std::vector<CopyField>& fields) {
  for (std::size_t at = 0;;) {
    const std::size_t begin = at;
    std::string text;
    bool has_escapes = false;
    while (at < line.size() && line[at] != options.delimiter) {
      if (line[at] != '\\') {
        text += line[at++];
        continue;
      }
      has_escapes = true;
      if (++at < line.size()) append_escaped(line, at, text);
    }
    const bool is_null = line.substr(begin, at - begin) == options.null_text;
    if (is_null) {
      fields.emplace_back();
    } else {
      if (has_escapes) check_utf8(text);
      fields.emplace_back(std::move(text));
    }
    if (at >= line.size()) return;
    ++at;
  }
}

/// What stands in quotes from `at` on; afterwards `at` is behind them.
void append_quoted(const CopyOptions& options, std::string_view line, std::size_t& at, std::string& out) {
  while (at < line.size()) {
    const char c = line[at++];
    if (c == options.escape && at < line.size() && (line[at] == options.escape || line[at] == options.quote)) {
      out += line[at++];
    } else if (c == options.quote) {
      return;
    } else {
      out += c;
    }
  }
  fail("22P04", "unterminated CSV quoted field");
}

void split_csv(const CopyOptions& options, std::string_view line, std::vector<CopyField>& fields) {
  for (std::size_t at = 0;;) {
    const std::size_t begin = at;
    std::string text;
    bool has_quotes = false;
    while (at < line.size() && line[at] != options.delimiter) {
      const char c = line[at++];
      if (c == options.quote) {
        has_quotes = true;
        append_quoted(options, line, at, text);
      } else {
        text += c;
      }
    }
    if (!has_quotes && line.substr(begin, at - begin) == options.null_text) {
      fields.emplace_back();
    } else {
      fields.emplace_back(std::move(text));
    }
    if (at >= line.size()) return;
    ++at;
  }
}

void append_text(std::string& line, const CopyOptions& options, std::string_view text) {
  constexpr std::string_view kLetters = "bfnrtv";
  constexpr std::string_view kMeanings = "\b\f\n\r\t\v";
  for (const char c : text) {
    const std::size_t meaning = kMeanings.find(c);
    if (meaning != std::string_view::npos) {
      line += '\\';
      line += kLetters[meaning];
      continue;
    }
    if (c == '\\' || c == options.delimiter) line += '\\';
    line += c;
  }
}

void append_csv(std::string& line, const CopyOptions& options, std::string_view text, bool forces_quotes, bool is_only) {
  const bool looks_special = text.find(options.delimiter) != std::string_view::npos || text.find(options.quote) != std::string_view::npos ||
                             text.find_first_of("\r\n") != std::string_view::npos;
  if (!forces_quotes && text != options.null_text && !looks_special && !(is_only && text == "\\.")) {
    line += text;
    return;
  }
  line += options.quote;
  for (const char c : text) {
    if (c == options.quote || c == options.escape) line += options.escape;
    line += c;
  }
  line += options.quote;
}

}  // namespace

void split_copy_line(const CopyOptions& options, std::string_view line, std::vector<CopyField>& fields) {
  fields.clear();
  if (options.is_csv) {
    split_csv(options, line, fields);
  } else {
    split_text(options, line, fields);
  }
}

void append_copy_field(std::string& line, const CopyOptions& options, std::string_view text, bool forces_quotes, bool is_only) {
  if (options.is_csv) {
    append_csv(line, options, text, forces_quotes, is_only);
  } else {
    append_text(line, options, text);
  }
}

}  // namespace orrery::sim::database
