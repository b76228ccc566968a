#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/campaign.hpp"

namespace orrery::cli {

/// Where a verb prints: plain text, with colours only on a terminal and without NO_COLOR (https://no-color.org).
class Screen {
 public:
  explicit Screen(std::FILE* to = stdout);

  void line(std::string_view text = {}) const;
  /// Text that has its line ends already.
  void text(std::string_view text) const;

  [[nodiscard]] std::string bold(std::string_view text) const { return dressed(text, "1"); }
  [[nodiscard]] std::string dim(std::string_view text) const { return dressed(text, "2"); }
  [[nodiscard]] std::string good(std::string_view text) const { return dressed(text, "32"); }
  [[nodiscard]] std::string bad(std::string_view text) const { return dressed(text, "1;31"); }
  [[nodiscard]] std::string odd(std::string_view text) const { return dressed(text, "33"); }

 private:
  [[nodiscard]] std::string dressed(std::string_view text, const char* code) const;
  std::FILE* to_;
  bool colours_;
};

/// Columns of text, each as wide as its widest cell; numbers (cells that begin with a digit) stand right.
class Table {
 public:
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Lines with this indentation. `dress` may colour the cell of a row and column, after it was padded.
  [[nodiscard]] std::string text(int indent) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A campaign's progress on stderr: a bar that redraws itself on a terminal; otherwise a plain line every ten seconds.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const CampaignProgress& progress);
  void clear();

 private:
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  Duration told_{0};
};

/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
/// Seconds for people: "0.42 s", "12.3 s", "1,234 s".
[[nodiscard]] std::string seconds_text(double seconds);
[[nodiscard]] double seconds_of(Duration duration);
/// "1 seed", "12 seeds".
[[nodiscard]] std::string count_text(std::uint64_t count, std::string_view noun);
/// A trace hash: 16 hexadecimal digits.
[[nodiscard]] std::string hash_text(std::uint64_t hash);

}  // namespace orrery::cli
