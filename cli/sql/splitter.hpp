#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::cli::sql {

/// Cuts lines into statements at `;`, as psql does: not within quotes, dollar quotes, comments or brackets (manual, 4.1).
class StatementSplitter {
 public:
  struct Statement {
    std::string text;      // with its `;`, without what stood before its first word
    std::size_t line = 0;  // where its first word stands, from 1
  };

  /// Takes a line without its end and gives the statements that it completes.
  std::vector<Statement> feed(std::string_view line);
  /// At the end of the input: what has no `;`. Nothing: only spaces and comments are left.
  std::vector<Statement> finish();

  /// True where a line that begins with a backslash is a command.
  [[nodiscard]] bool is_outside_of_quotes() const noexcept { return state_ == State::plain; }
  [[nodiscard]] bool has_begun() const noexcept { return !text_.empty(); }
  /// As in psql's second prompt: '-', or the quote, bracket or comment that is open.
  [[nodiscard]] char prompt() const noexcept;

 private:
  enum class State { plain, quote, escape_quote, identifier, dollar, comment };
  void take(std::string_view piece);

  State state_ = State::plain;
  std::string text_;
  std::string tag_;  // of the dollar quote: "$tag$"
  std::size_t line_ = 0;
  std::size_t begun_at_ = 0;
  int brackets_ = 0;
  int comments_ = 0;
};

}  // namespace orrery::cli::sql
