// Which match and which groups: as PostgreSQL's src/backend/regex/regexec.c dissects what matched.

#include <algorithm>
#include <iterator>
#include <map>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/regex.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

using Kind = RegexNode::Kind;
using Preference = RegexNode::Preference;
using Position = std::uint32_t;
using Positions = std::vector<Position>;  // ascending

constexpr std::size_t kLongestText = 20'000;
constexpr std::size_t kMostSteps = 20'000'000;

bool is_word(char32_t c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z'); }

class Matcher {
 public:
  Matcher(const std::vector<RegexNode>& nodes, std::u32string_view text, std::vector<Regex::Span>* spans)
      : nodes_(nodes), text_(text), spans_(spans) {}

  /// Where a match of the node that begins at `begin` may end.
  const Positions& ends(std::uint32_t index, Position begin) {
    const auto [found, is_new] = memo_.try_emplace({index, begin});
    if (is_new) {
      Positions computed = compute(nodes_[index], begin);  // the map may grow meanwhile, its nodes stay
      found->second = std::move(computed);
    }
    return found->second;
  }

  [[nodiscard]] bool fits(std::uint32_t index, Position begin, Position end) {
    const Positions& all = ends(index, begin);
    return std::binary_search(all.begin(), all.end(), end);
  }

  /// Gives the groups their places in a match that is known to be one.
  void dissect(std::uint32_t index, Position begin, Position end) {
    const RegexNode& node = nodes_[index];
    if (!node.has_groups) return;
    switch (node.kind) {
      case Kind::alternate:
        for (const std::uint32_t item : node.items) {
          if (!fits(item, begin, end)) continue;
          dissect(item, begin, end);
          break;
        }
        break;
      case Kind::split: {
        const Positions middles = ends(node.items[0], begin);
        const bool shorter = nodes_[node.items[0]].preference == Preference::shorter;
        for (std::size_t i = 0; i < middles.size(); ++i) {
          const Position middle = shorter ? middles[i] : middles[middles.size() - 1 - i];
          if (middle > end || !fits(node.items[1], middle, end)) continue;
          dissect(node.items[0], begin, middle);
          dissect(node.items[1], middle, end);
          break;
        }
        break;
      }
      case Kind::repeat:
        iterate(node, begin, end);
        break;
      default:
        break;
    }
    if (node.group != 0) (*spans_)[static_cast<std::size_t>(node.group)] = {begin, end};
  }

 private:
  static void unite(Positions& all, const Positions& more) {
    Positions both;
    std::set_union(all.begin(), all.end(), more.begin(), more.end(), std::back_inserter(both));
    all = std::move(both);
  }

  void step() {
    if (++steps_ > kMostSteps) raise_unsupported("a regular expression that takes this long to match");
  }

  /// Whether the node matches from `begin` on, ends by ends; for parts that look at one place only.
  [[nodiscard]] bool holds(const RegexNode& node, Position at) {
    const bool before = at > 0 && is_word(text_[at - 1]);
    const bool after = at < text_.size() && is_word(text_[at]);
    switch (node.kind) {
      case Kind::text_begin:
        return at == 0 || (node.by_lines && text_[at - 1] == '\n');
      case Kind::text_end:
        return at == text_.size() || (node.by_lines && text_[at] == '\n');
      case Kind::word_begin:
        return !before && after;
      case Kind::word_end:
        return before && !after;
      case Kind::word_edge:
        return before != after;
      case Kind::no_word_edge:
        return before == after;
      case Kind::look_ahead:
        return ends(node.items[0], at).empty() == node.is_negated;
      default: {  // look_behind: something that begins earlier ends here
        bool found = false;
        for (Position begin = 0; begin <= at && !found; ++begin) found = fits(node.items[0], begin, at);
        return found != node.is_negated;
      }
    }
  }

  Positions compute(const RegexNode& node, Position begin) {
    step();
    switch (node.kind) {
      case Kind::characters:
        if (begin < text_.size() && node.characters.has(text_[begin])) return {begin + 1};
        return {};
      case Kind::run: {
        Positions all{begin};
        for (const std::uint32_t item : node.items) {
          all = after(item, all);
          if (all.empty()) break;
        }
        return all;
      }
      case Kind::split:
        return after(node.items[1], Positions(ends(node.items[0], begin)));
      case Kind::alternate: {
        Positions all;
        for (const std::uint32_t item : node.items) unite(all, ends(item, begin));
        return all;
      }
      case Kind::repeat: {
        Positions level{begin};
        for (std::uint32_t i = 0; i < node.least && !level.empty(); ++i) level = after(node.items[0], level);
        Positions all = level;
        for (std::uint32_t i = node.least; i < node.most && !level.empty(); ++i) {
          const Positions next = after(node.items[0], level);
          level.clear();
          std::set_difference(next.begin(), next.end(), all.begin(), all.end(), std::back_inserter(level));
          unite(all, level);
        }
        return all;
      }
      default:
        if (holds(node, begin)) return {begin};
        return {};
    }
  }

  Positions after(std::uint32_t item, const Positions& begins) {
    const RegexNode& node = nodes_[item];
    Positions all;
    if (node.kind == Kind::characters) {  // the most frequent one, without remembering
      for (const Position begin : begins) {
        step();
        if (begin < text_.size() && node.characters.has(text_[begin])) all.push_back(begin + 1);
      }
      return all;
    }
    for (const Position begin : begins) unite(all, ends(item, begin));
    return all;
  }

  /// (…)*: each round takes as much as its preference lets it, and none is empty.
  void iterate(const RegexNode& node, Position begin, Position end) {
    if (begin == end) return;
    std::vector<Position> cuts{begin};
    std::map<std::pair<Position, std::uint32_t>, bool> failed;
    if (!cut(node, end, cuts, failed)) return;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      forget_groups(node.items[0]);
      dissect(node.items[0], cuts[i], cuts[i + 1]);
    }
  }

  bool cut(const RegexNode& node, Position end, std::vector<Position>& cuts, std::map<std::pair<Position, std::uint32_t>, bool>& failed) {
    const Position here = cuts.back();
    const auto rounds = static_cast<std::uint32_t>(cuts.size() - 1);
    if (here == end) return true;
    if (rounds >= node.most) return false;
    const std::uint32_t counted = node.most == RegexNode::kUnbounded ? 0 : rounds;
    if (failed.contains({here, counted})) return false;
    if (cuts.size() > 5'000) raise_unsupported("a group that repeats this often in a regular expression");
    const Positions all = ends(node.items[0], here);
    const bool shorter = node.preference == Preference::shorter;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Position next = shorter ? all[i] : all[all.size() - 1 - i];
      if (next <= here || next > end) continue;
      cuts.push_back(next);
      if (cut(node, end, cuts, failed)) return true;
      cuts.pop_back();
    }
    failed[{here, counted}] = true;
    return false;
  }

  void forget_groups(std::uint32_t index) {
    const RegexNode& node = nodes_[index];
    if (node.group != 0) (*spans_)[static_cast<std::size_t>(node.group)] = {};
    for (const std::uint32_t item : node.items) forget_groups(item);
  }

  const std::vector<RegexNode>& nodes_;
  std::u32string_view text_;
  std::vector<Regex::Span>* spans_;
  std::map<std::pair<std::uint32_t, Position>, Positions> memo_;
  std::size_t steps_ = 0;
};

}  // namespace

bool Regex::search(std::u32string_view text, std::size_t from, std::vector<Span>* spans) const {
  if (text.size() > kLongestText) raise_unsupported("a regular expression on a text of more than 20,000 characters");
  if (spans != nullptr) spans->assign(groups_ + 1, {});
  Matcher matcher(nodes_, text, spans);
  for (std::size_t begin = from; begin <= text.size(); ++begin) {
    const Positions& ends = matcher.ends(root_, static_cast<Position>(begin));
    if (ends.empty()) continue;
    if (spans == nullptr) return true;
    const Position end = nodes_[root_].preference == Preference::shorter ? ends.front() : ends.back();
    matcher.dissect(root_, static_cast<Position>(begin), end);
    spans->front() = {static_cast<std::int64_t>(begin), end};
    return true;
  }
  return false;
}

std::u32string code_points(std::string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_size(text[i]);
    result.push_back(utf8_code_point(text.substr(i, size)));
    i += size;
  }
  return result;
}

}  // namespace orrery::sim::database
