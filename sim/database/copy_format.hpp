#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/analyzer.hpp"

// The text and CSV formats of COPY (manual, part VI, COPY).

namespace orrery::sim::database {

struct CopyOptions {
  enum class Header : std::uint8_t { none, skipped, matched };
  /// Columns that an option names.
  struct Columns {
    bool all = false;
    std::vector<std::string> names;
  };
  bool is_csv = false;
  bool freezes = false;
  Header header = Header::none;
  char delimiter = '\t';
  std::string null_text = "\\N";
  char quote = '"';
  char escape = '"';
  Columns force_quote;
  Columns force_not_null;
  Columns force_null;
};
/// Throws 42601, 22023, 0A000, for the binary format and other encodings too.
[[nodiscard]] CopyOptions copy_options(Nodes options, bool is_from);

/// Cuts what a client sends into lines.
class CopyLines {
 public:
  explicit CopyLines(const CopyOptions& options) : options_(options) {}
  void feed(std::string_view bytes);
  /// No more bytes come.
  void end() noexcept { has_ended_ = true; }
  /// The next line, valid until the next call. Nothing: more bytes are needed, or `is_over`. Throws 22P04, 22021.
  [[nodiscard]] std::optional<std::string_view> next();
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  /// Of the line that is being read, or was read last, from 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  enum class LineEnd : std::uint8_t { unknown, newline, carriage_return, both };
  enum class Step : std::uint8_t { goes_on, needs_more, line_ends, data_ends };
  [[nodiscard]] Step step();
  [[nodiscard]] Step end_of_line(char c);
  [[nodiscard]] Step backslash();
  void follow_quotes(char c);
  [[nodiscard]] std::string_view take(std::size_t end);
  [[noreturn]] void fail_line_end(char found) const;

  const CopyOptions& options_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the line
  std::size_t at_ = 0;     // what comes next
  std::size_t line_size_ = 0;
  std::uint64_t number_ = 0;
  LineEnd line_end_ = LineEnd::unknown;
  bool is_within_line_ = false;
  bool in_quotes_ = false;
  bool after_escape_ = false;
  bool has_ended_ = false;
  bool is_over_ = false;
};

/// One field of a line; no text: NULL.
using CopyField = std::optional<std::string>;
/// Throws 22P04, 22021.
void split_copy_line(const CopyOptions& options, std::string_view line, std::vector<CopyField>& fields);

/// Adds a field to a line of COPY … TO. `is_only`: the line has no other one.
void append_copy_field(std::string& line, const CopyOptions& options, std::string_view text, bool forces_quotes, bool is_only);

}  // namespace orrery::sim::database
