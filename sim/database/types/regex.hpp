#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::sim::database {

class Registry;

/// A set of characters: ranges, both ends included.
struct RegexCharacters {
  std::vector<std::pair<char32_t, char32_t>> ranges;
  bool is_negated = false;

  [[nodiscard]] bool has(char32_t character) const noexcept;
};

/// A part of an advanced regular expression.
struct RegexNode {
  enum class Kind : std::uint8_t {
    characters,
    run,        // `items` one after the other; nothing in it captures
    split,      // items[0], then items[1]: where one ends and the other begins is chosen by the first's preference
    alternate,  // the first of `items` that fits
    repeat,     // items[0], `least` to `most` times
    text_begin,
    text_end,
    word_begin,
    word_end,
    word_edge,
    no_word_edge,
    look_ahead,  // `is_negated`: (?!…)
    look_behind,
  };
  enum class Preference : std::uint8_t { none, longer, shorter };
  Kind kind = Kind::run;
  Preference preference = Preference::none;
  bool is_mixed = false;     // parts prefer differently
  bool has_groups = false;
  bool is_negated = false;
  bool by_lines = false;     // ^ and $ at each line
  std::int32_t group = 0;    // that it captures; 0: none
  std::uint32_t least = 1;
  std::uint32_t most = 1;    // kUnbounded
  std::vector<std::uint32_t> items;
  RegexCharacters characters;

  static constexpr std::uint32_t kUnbounded = UINT32_MAX;
};

/// PostgreSQL's advanced regular expressions (manual, 9.7.3) as its engine, Henry Spencer's, matches them in the C locale:
/// the leftmost match; its length by the preference of the whole; each group by the preferences from left to right.
/// Back references, collating elements and the options b, e, p, q, w, x are refused.
class Regex {
 public:
  struct Span {
    std::int64_t begin = -1;  // -1: the group took no part
    std::int64_t end = -1;
  };

  /// `options`: letters as the functions take them, without g. Throws 2201B, 22023, 0A000.
  Regex(std::string_view pattern, std::string_view options);

  [[nodiscard]] std::size_t groups() const noexcept { return groups_; }
  /// The first match that begins at `from` or later; spans[0] is the whole. What stands before `from` counts for ^ and word
  /// edges. `spans` null: only whether there is one. Throws 0A000 for a text that is too long.
  [[nodiscard]] bool search(std::u32string_view text, std::size_t from, std::vector<Span>* spans) const;

 private:
  friend class RegexParser;
  std::vector<RegexNode> nodes_;
  std::uint32_t root_ = 0;
  std::size_t groups_ = 0;
};

[[nodiscard]] std::u32string code_points(std::string_view text);

/// Operators ~ and its like, and the functions of regular expressions.
void register_regex(Registry& registry);

}  // namespace orrery::sim::database
