// Advanced regular expressions as PostgreSQL reads them: the structure follows parse(), parsebranch() and parseqatom() of its
// src/backend/regex/regcomp.c, since it decides about what groups capture.

#include <algorithm>
#include <string>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/regex.hpp"

namespace orrery::sim::database {
namespace {

using Kind = RegexNode::Kind;
using Preference = RegexNode::Preference;

constexpr std::uint32_t kMostTimes = 255;
constexpr int kDeepest = 200;
constexpr char32_t kLastCharacter = 0x10ffff;

[[noreturn]] void raise_invalid(std::string_view what) { raise("2201B", "invalid regular expression: " + std::string(what)); }

void add_class(std::string_view name, RegexCharacters& set) {
  const auto add = [&](std::initializer_list<std::pair<char32_t, char32_t>> ranges) { set.ranges.insert(set.ranges.end(), ranges); };
  if (name == "digit") return add({{'0', '9'}});
  if (name == "alpha") return add({{'A', 'Z'}, {'a', 'z'}});
  if (name == "alnum") return add({{'0', '9'}, {'A', 'Z'}, {'a', 'z'}});
  if (name == "word") return add({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
  if (name == "upper") return add({{'A', 'Z'}});
  if (name == "lower") return add({{'a', 'z'}});
  if (name == "xdigit") return add({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
  if (name == "space") return add({{'\t', '\r'}, {' ', ' '}});
  if (name == "blank") return add({{'\t', '\t'}, {' ', ' '}});
  if (name == "punct") return add({{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}});
  if (name == "graph") return add({{'!', '~'}});
  if (name == "print") return add({{' ', '~'}});
  if (name == "cntrl") return add({{0, 31}, {127, 127}});
  if (name == "ascii") return add({{0, 127}});
  raise_invalid("invalid character class");
}

void add_complement(const RegexCharacters& of, RegexCharacters& set) {
  auto ranges = of.ranges;
  std::sort(ranges.begin(), ranges.end());
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) set.ranges.emplace_back(next, first - 1);
    next = std::max<char32_t>(next, last + 1);
  }
  if (next <= kLastCharacter) set.ranges.emplace_back(next, kLastCharacter);
}

}  // namespace

bool RegexCharacters::has(char32_t character) const noexcept {
  const bool found = std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) { return range.first <= character && character <= range.second; });
  return found != is_negated;
}

class RegexParser {
 public:
  RegexParser(Regex& regex, std::u32string_view pattern) : regex_(regex), text_(pattern) {}

  void options(std::string_view letters) {
    for (const char letter : letters) {
      switch (letter) {
        case 'i':
          ignores_case_ = true;
          break;
        case 'c':
          ignores_case_ = false;
          break;
        case 'n':
        case 'm':
          by_lines_ = true;
          break;
        case 's':
          by_lines_ = false;
          break;
        case 't':
          break;
        case 'b':
        case 'e':
        case 'p':
        case 'q':
        case 'w':
        case 'x':
          raise_unsupported("the option \"" + std::string(1, letter) + "\" of a regular expression");
        default:
          raise("22023", "invalid regular expression option: \"" + std::string(1, letter) + "\"");
      }
    }
  }

  void run() {
    if (text_.starts_with(U"***=")) raise_unsupported("a regular expression that begins with ***=");
    if (text_.starts_with(U"***:")) at_ = 4;
    embedded_options();
    regex_.root_ = expression(0);
    if (at_ < text_.size()) raise_invalid("parentheses () not balanced");
  }

 private:
  [[nodiscard]] bool ends() const { return at_ >= text_.size(); }
  [[nodiscard]] char32_t next() const { return at_ < text_.size() ? text_[at_] : 0; }
  [[nodiscard]] char32_t after_next() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : 0; }
  [[nodiscard]] static bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
  [[nodiscard]] static bool is_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  std::uint32_t add(RegexNode node) {
    regex_.nodes_.push_back(std::move(node));
    return static_cast<std::uint32_t>(regex_.nodes_.size() - 1);
  }
  RegexNode& at(std::uint32_t index) { return regex_.nodes_[index]; }

  void embedded_options() {
    if (!(next() == '(' && after_next() == '?' && at_ + 2 < text_.size() && is_letter(text_[at_ + 2]))) return;
    std::string letters;
    for (at_ += 2; is_letter(next()); ++at_) letters.push_back(static_cast<char>(next()));
    if (next() != ')') raise_invalid("invalid embedded option");
    ++at_;
    options(letters);
  }

  std::uint32_t expression(int depth) {
    if (depth > kDeepest) raise_invalid("regular expression is too complex");
    std::vector<std::uint32_t> branches{branch(depth)};
    while (next() == '|' && !ends()) {
      ++at_;
      branches.push_back(branch(depth));
    }
    if (branches.size() == 1) return branches.front();
    RegexNode node;
    node.kind = Kind::alternate;
    node.preference = Preference::longer;
    for (const std::uint32_t each : branches) {
      node.has_groups = node.has_groups || at(each).has_groups;
      node.is_mixed = node.is_mixed || at(each).is_mixed;
    }
    node.items = std::move(branches);
    return add(std::move(node));
  }

  /// Atoms without groups and with one preference make up a run; any other one stands between such a run and the rest.
  std::uint32_t branch(int depth) {
    if (++branches_ > 1'000) raise_invalid("regular expression is too complex");
    RegexNode run;
    while (!ends() && next() != '|' && next() != ')') {
      const std::uint32_t node = atom(depth);
      const RegexNode& made = at(node);
      const bool conflicts = run.preference != Preference::none && made.preference != Preference::none && run.preference != made.preference;
      if (made.has_groups || made.is_mixed || conflicts) {
        RegexNode rest_of;
        rest_of.kind = Kind::split;
        const Preference own = made.preference;
        const std::uint32_t rest = branch(depth);
        rest_of.items = {node, rest};
        rest_of.has_groups = at(node).has_groups || at(rest).has_groups;
        rest_of.preference = own != Preference::none ? own : at(rest).preference;
        rest_of.is_mixed = at(node).is_mixed || at(rest).is_mixed || mixes(own, at(rest).preference);
        const std::uint32_t tail = add(std::move(rest_of));
        if (run.items.empty()) return tail;
        RegexNode whole;
        whole.kind = Kind::split;
        whole.preference = run.preference != Preference::none ? run.preference : at(tail).preference;
        whole.is_mixed = at(tail).is_mixed || mixes(run.preference, at(tail).preference);
        whole.has_groups = at(tail).has_groups;
        const std::uint32_t head = add(std::move(run));
        whole.items = {head, tail};
        return add(std::move(whole));
      }
      if (run.preference == Preference::none) run.preference = made.preference;
      run.items.push_back(node);
    }
    return add(std::move(run));
  }

  static bool mixes(Preference a, Preference b) { return a != Preference::none && b != Preference::none && a != b; }

  std::uint32_t atom(int depth) {
    const char32_t c = next();
    ++at_;
    switch (c) {
      case '^':
        return constraint(Kind::text_begin);
      case '$':
        return constraint(Kind::text_end);
      case '*':
      case '+':
      case '?':
        raise_invalid("quantifier operand invalid");
      case '{':
        if (is_digit(next())) raise_invalid("quantifier operand invalid");
        return quantified(literal(c));
      case '(':
        return parenthesis(depth);
      case '[':
        return bracket();
      case '.': {
        RegexNode node;
        node.kind = Kind::characters;
        node.characters.is_negated = true;
        if (by_lines_) node.characters.ranges.emplace_back('\n', '\n');
        return quantified(add(std::move(node)));
      }
      case '\\':
        return escape();
      default:
        return quantified(literal(c));
    }
  }

  std::uint32_t constraint(Kind kind) {
    RegexNode node;
    node.kind = kind;
    node.by_lines = by_lines_ && (kind == Kind::text_begin || kind == Kind::text_end);
    return unquantified(add(std::move(node)));
  }

  std::uint32_t unquantified(std::uint32_t node) {
    const char32_t c = next();
    if (!ends() && (c == '*' || c == '+' || c == '?' || (c == '{' && is_digit(after_next())))) raise_invalid("quantifier operand invalid");
    return node;
  }

  std::uint32_t literal(char32_t c) {
    RegexNode node;
    node.kind = Kind::characters;
    node.characters.ranges.emplace_back(c, c);
    fold_case(node.characters);
    return add(std::move(node));
  }

  void fold_case(RegexCharacters& set) const {
    if (!ignores_case_) return;
    const auto ranges = set.ranges;
    for (const auto& [first, last] : ranges) {
      for (char32_t c = std::max<char32_t>(first, 'A'); c <= std::min<char32_t>(last, 'z'); ++c) {
        if (is_letter(c)) set.ranges.emplace_back(c ^ 0x20U, c ^ 0x20U);
      }
    }
  }

  std::uint32_t parenthesis(int depth) {
    bool captures = true;
    RegexNode look;
    bool looks = false;
    if (next() == '?') {
      ++at_;
      captures = false;
      const char32_t kind = next();
      ++at_;
      if (kind == '=' || kind == '!') {
        looks = true;
        look.kind = Kind::look_ahead;
        look.is_negated = kind == '!';
      } else if (kind == '<' && (next() == '=' || next() == '!')) {
        looks = true;
        look.kind = Kind::look_behind;
        look.is_negated = next() == '!';
        ++at_;
      } else if (kind != ':') {
        raise_invalid("quantifier operand invalid");
      }
    }
    const auto group = captures ? static_cast<std::int32_t>(++regex_.groups_) : 0;
    std::uint32_t inner = expression(depth + 1);
    if (next() != ')' || ends()) raise_invalid("parentheses () not balanced");
    ++at_;
    if (looks) {
      if (at(inner).has_groups) raise_unsupported("a group inside of a look-around constraint");
      look.items = {inner};
      return unquantified(add(std::move(look)));
    }
    if (captures) {
      if (at(inner).group != 0) {  // a group right inside of a group
        RegexNode around;
        around.kind = Kind::alternate;
        around.preference = at(inner).preference;
        around.is_mixed = at(inner).is_mixed;
        around.items = {inner};
        inner = add(std::move(around));
      }
      at(inner).group = group;
      at(inner).has_groups = true;
    }
    return quantified(inner);
  }

  std::uint32_t number() {
    std::uint32_t value = 0;
    for (; is_digit(next()); ++at_) {
      value = value * 10 + (next() - '0');
      if (value > kMostTimes) raise_invalid("invalid repetition count(s)");
    }
    return value;
  }

  std::uint32_t quantified(std::uint32_t node) {
    RegexNode repeat;
    repeat.kind = Kind::repeat;
    const char32_t c = next();
    bool has_preference = true;
    if (ends() || (c != '*' && c != '+' && c != '?' && c != '{') || (c == '{' && !is_digit(after_next()))) return node;
    ++at_;
    // So many are too complex for a real server's automaton, at a number that depends on how they stand together.
    if (++repetitions_ > 1000) raise_unsupported("a regular expression with more than 1,000 repetitions");
    if (c == '{') {
      repeat.least = number();
      repeat.most = repeat.least;
      if (next() == ',') {
        ++at_;
        repeat.most = is_digit(next()) ? number() : RegexNode::kUnbounded;
        if (repeat.least > repeat.most) raise_invalid("invalid repetition count(s)");
      } else {
        has_preference = false;  // {m} leaves the operand its own
      }
      if (ends()) raise_invalid("braces {} not balanced");
      if (next() != '}') raise_invalid("invalid repetition count(s)");
      ++at_;
      if (has_preference && repeat.least == 1 && repeat.most == 1) raise_unsupported("{1,1} in a regular expression");
    } else {
      repeat.least = c == '+' ? 1 : 0;
      repeat.most = c == '?' ? 1 : RegexNode::kUnbounded;
    }
    Preference wanted = Preference::longer;
    if (next() == '?' && !ends()) {
      ++at_;
      wanted = Preference::shorter;
    }
    const Preference own = at(node).preference;
    repeat.preference = has_preference ? wanted : own;
    repeat.is_mixed = at(node).is_mixed || (has_preference && mixes(wanted, own));
    repeat.has_groups = at(node).has_groups;
    repeat.items = {node};
    if (!repeat.has_groups || repeat.least == 0) return unquantified(add(std::move(repeat)));
    // x{m,n} with groups is x{m-1,n-1}x: only the last x captures.
    RegexNode whole;
    whole.kind = Kind::split;
    whole.preference = repeat.preference;
    whole.is_mixed = repeat.is_mixed;
    whole.has_groups = true;
    repeat.has_groups = false;
    --repeat.least;
    if (repeat.most != RegexNode::kUnbounded) --repeat.most;
    if (repeat.most == 0) return unquantified(node);
    whole.items = {add(std::move(repeat)), node};
    return unquantified(add(std::move(whole)));
  }

  char32_t hexadecimal(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char32_t c = next();
      const char32_t digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
      if (digit == 99) raise_invalid("invalid escape \\ sequence");
      value = value * 16 + digit;
    }
    return value;
  }

  /// A character by its escape; `at_` stands behind its letter.
  char32_t escaped_character(char32_t c) {
    switch (c) {
      case 'a':
        return 7;
      case 'b':
        return 8;
      case 'B':
        return '\\';
      case 'e':
        return 27;
      case 'f':
        return 12;
      case 'n':
        return 10;
      case 'r':
        return 13;
      case 't':
        return 9;
      case 'v':
        return 11;
      case 'u':
        return hexadecimal(4);
      case 'U':
        return hexadecimal(8);
      case '0':
        if (!is_digit(next())) raise_invalid("invalid escape \\ sequence");
        [[fallthrough]];
      case 'c':
      case 'x':
        raise_unsupported("this escape in a regular expression");
      default:
        if (is_letter(c) || is_digit(c)) raise_invalid("invalid escape \\ sequence");
        return c;
    }
  }

  static std::string_view class_of_escape(char32_t c) {
    switch (c) {
      case 'd':
      case 'D':
        return "digit";
      case 's':
      case 'S':
        return "space";
      case 'w':
      case 'W':
        return "word";
      default:
        return {};
    }
  }

  std::uint32_t escape() {
    if (ends()) raise_invalid("invalid escape \\ sequence");
    const char32_t c = next();
    ++at_;
    if (c >= '1' && c <= '9') raise_unsupported("a back reference in a regular expression");
    if (const std::string_view name = class_of_escape(c); !name.empty()) {
      RegexNode node;
      node.kind = Kind::characters;
      add_class(name, node.characters);
      node.characters.is_negated = c < 'a';
      // With newlines set apart, what is "not" something is no newline either.
      if (node.characters.is_negated && by_lines_ && c != 'S') node.characters.ranges.emplace_back('\n', '\n');
      return quantified(add(std::move(node)));
    }
    switch (c) {
      case 'A': {
        RegexNode node;
        node.kind = Kind::text_begin;
        return unquantified(add(std::move(node)));
      }
      case 'Z': {
        RegexNode node;
        node.kind = Kind::text_end;
        return unquantified(add(std::move(node)));
      }
      case 'm':
        return constraint(Kind::word_begin);
      case 'M':
        return constraint(Kind::word_end);
      case 'y':
        return constraint(Kind::word_edge);
      case 'Y':
        return constraint(Kind::no_word_edge);
      default:
        return quantified(literal(escaped_character(c)));
    }
  }

  std::uint32_t bracket() {
    RegexNode node;
    node.kind = Kind::characters;
    RegexCharacters& set = node.characters;
    if (text_.substr(at_).starts_with(U"[:<:]]") || text_.substr(at_).starts_with(U"[:>:]]")) {
      const Kind kind = text_[at_ + 2] == '<' ? Kind::word_begin : Kind::word_end;
      at_ += 6;
      return constraint(kind);
    }
    if (next() == '^') {
      set.is_negated = true;
      ++at_;
    }
    for (bool is_first = true;; is_first = false) {
      if (ends()) raise_invalid("brackets [] not balanced");
      if (next() == ']' && !is_first) break;
      member(set, is_first);
    }
    ++at_;
    fold_case(set);
    if (set.is_negated && by_lines_) set.ranges.emplace_back('\n', '\n');
    return quantified(add(std::move(node)));
  }

  void member(RegexCharacters& set, bool is_first) {
    if (next() == '[' && after_next() == ':') {
      const std::size_t end = text_.find(U":]", at_ + 2);
      if (end == std::u32string_view::npos) raise_invalid("brackets [] not balanced");
      std::string name;
      for (std::size_t i = at_ + 2; i < end; ++i) name.push_back(text_[i] < 128 ? static_cast<char>(text_[i]) : '?');
      at_ = end + 2;
      // Case makes no difference between these two where it is ignored.
      if (ignores_case_ && (name == "upper" || name == "lower")) name = "alpha";
      add_class(name, set);
      return;
    }
    if (next() == '\\' && !class_of_escape(after_next()).empty()) {
      RegexCharacters of;
      const char32_t letter = after_next();
      add_class(class_of_escape(letter), of);
      at_ += 2;
      if (letter < 'a') {
        add_complement(of, set);
      } else {
        set.ranges.insert(set.ranges.end(), of.ranges.begin(), of.ranges.end());
      }
      return;
    }
    if (next() == '-' && !is_first && after_next() != ']') raise_invalid("invalid character range");
    const char32_t first = bracket_character();
    if (next() == '-' && after_next() != ']' && at_ + 1 < text_.size()) {
      ++at_;
      const char32_t last = bracket_character();
      if (last < first) raise_invalid("invalid character range");
      set.ranges.emplace_back(first, last);
      return;
    }
    set.ranges.emplace_back(first, first);
  }

  char32_t bracket_character() {
    if (ends()) raise_invalid("brackets [] not balanced");
    if (next() == '[' && (after_next() == '.' || after_next() == '=')) raise_unsupported("collating elements in a regular expression");
    const char32_t c = next();
    ++at_;
    if (c != '\\') return c;
    if (ends()) raise_invalid("invalid escape \\ sequence");
    const char32_t letter = next();
    ++at_;
    if (!class_of_escape(letter).empty()) raise_invalid("invalid character range");
    return escaped_character(letter);
  }

  Regex& regex_;
  std::u32string_view text_;
  std::size_t at_ = 0;
  std::size_t repetitions_ = 0;
  std::uint32_t branches_ = 0;
  bool ignores_case_ = false;
  bool by_lines_ = false;
};

Regex::Regex(std::string_view pattern, std::string_view options) {
  const std::u32string text = code_points(pattern);
  if (text.size() > 10'000) raise_unsupported("a regular expression of more than 10,000 characters");
  RegexParser parser(*this, text);
  parser.options(options);
  parser.run();
}

}  // namespace orrery::sim::database
