// Operators and functions of regular expressions (manual, 9.7.3), as PostgreSQL's src/backend/utils/adt/regexp.c has them.

#include "sim/database/types/array.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/regex.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

using Spans = std::vector<Regex::Span>;

/// The text between two characters of what was matched.
class Source {
 public:
  explicit Source(std::string_view text) : text_(text), characters_(code_points(text)) {
    for (std::size_t i = 0; i < text.size(); i += utf8_size(text[i])) offsets_.push_back(i);
    offsets_.push_back(text.size());
  }
  [[nodiscard]] std::u32string_view characters() const { return characters_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(characters_.size()); }
  [[nodiscard]] std::string_view between(std::int64_t begin, std::int64_t end) const {
    const std::size_t first = offsets_[static_cast<std::size_t>(begin)];
    return text_.substr(first, offsets_[static_cast<std::size_t>(end)] - first);
  }

 private:
  std::string_view text_;
  std::u32string characters_;
  std::vector<std::size_t> offsets_;
};

/// The letters without g; `global` becomes whether it was among them.
std::string without_global(std::string_view options, bool& global) {
  std::string rest;
  for (const char letter : options) {
    if (letter == 'g') {
      global = true;
    } else {
      rest.push_back(letter);
    }
  }
  return rest;
}

std::string options_without_global(Arguments a, std::size_t place, std::string_view function) {
  bool global = false;
  std::string options = a.size() > place ? without_global(a[place].bytes(), global) : std::string();
  if (global) {
    raise("22023", std::string(function) + " does not support the \"global\" option", {},
          function == "regexp_match()" ? "Use the regexp_matches function instead." : std::string());
  }
  return options;
}

template <bool ignores_case, bool wanted>
Value matches(Arguments a, const CallSite&, const EvalContext&) {
  const Regex regex(a[1].bytes(), ignores_case ? "i" : "");
  return Value::boolean(regex.search(code_points(a[0].bytes()), 0, nullptr) == wanted);
}

Value regexp_like(Arguments a, const CallSite&, const EvalContext&) {
  const Regex regex(a[1].bytes(), options_without_global(a, 2, "regexp_like()"));
  return Value::boolean(regex.search(code_points(a[0].bytes()), 0, nullptr));
}

/// Calls `each` for every match, as setup_regexp_matches finds them. `skips_degenerate`: empty ones at the ends and right
/// behind another one do not count (when a text is split).
template <class Each>
void for_each_match(const Regex& regex, const Source& source, bool global, bool skips_degenerate, Each each) {
  Spans spans;
  std::int64_t start = 0;
  std::int64_t previous_end = 0;
  while (regex.search(source.characters(), static_cast<std::size_t>(start), &spans)) {
    const Regex::Span match = spans.front();
    if (!skips_degenerate || (match.begin < source.size() && match.end > previous_end)) each(spans);
    previous_end = match.end;
    if (!global) break;
    start = match.end + (match.begin == match.end ? 1 : 0);
    if (start > source.size()) break;
  }
}

Value texts_of(const Regex& regex, const Source& source, const Spans& spans) {
  std::vector<Value> texts;
  for (std::size_t i = regex.groups() == 0 ? 0 : 1; i < spans.size(); ++i) {
    texts.push_back(spans[i].begin < 0 ? Value() : Value::bytes(source.between(spans[i].begin, spans[i].end)));
  }
  return make_array(TypeRef(Type::text), std::move(texts));
}

Value regexp_match(Arguments a, const CallSite&, const EvalContext&) {
  const Regex regex(a[1].bytes(), options_without_global(a, 2, "regexp_match()"));
  const Source source(a[0].bytes());
  Spans spans;
  if (!regex.search(source.characters(), 0, &spans)) return {};
  return texts_of(regex, source, spans);
}

void regexp_matches(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  bool global = false;
  const std::string options = a.size() > 2 ? without_global(a[2].bytes(), global) : std::string();
  const Regex regex(a[1].bytes(), options);
  const Source source(a[0].bytes());
  for_each_match(regex, source, global, false, [&](const Spans& spans) { cells.push_back(texts_of(regex, source, spans)); });
}

Value regexp_count(Arguments a, const CallSite&, const EvalContext&) {
  const Regex regex(a[1].bytes(), "");
  const Source source(a[0].bytes());
  std::int64_t count = 0;
  for_each_match(regex, source, true, false, [&](const Spans&) { ++count; });
  return Value::integer(count);
}

Value substring_of(Arguments a, const CallSite&, const EvalContext&) {
  const Regex regex(a[1].bytes(), "");
  const Source source(a[0].bytes());
  Spans spans;
  if (!regex.search(source.characters(), 0, &spans)) return {};
  const Regex::Span span = spans[regex.groups() == 0 ? 0 : 1];
  if (span.begin < 0) return {};
  return Value::bytes(source.between(span.begin, span.end));
}

/// \1 to \9 are groups, \& the whole, \\ a backslash.
void append_replacement(std::string& result, std::string_view replacement, const Source& source, const Spans& spans) {
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    if (c != '\\' || i + 1 == replacement.size()) {
      result.push_back(c);
      continue;
    }
    const char letter = replacement[++i];
    if (letter == '\\') {
      result.push_back('\\');
      continue;
    }
    std::size_t group = spans.size();
    if (letter == '&') {
      group = 0;
    } else if (letter >= '1' && letter <= '9') {
      group = static_cast<std::size_t>(letter - '0');
    } else {
      result.push_back('\\');  // an escape of nothing stands for itself
      result.push_back(letter);
      continue;
    }
    if (group < spans.size() && spans[group].begin >= 0) result += source.between(spans[group].begin, spans[group].end);
  }
}

Value regexp_replace(Arguments a, const CallSite&, const EvalContext&) {
  bool global = false;
  if (a.size() > 3 && !a[3].bytes().empty() && a[3].bytes().front() >= '0' && a[3].bytes().front() <= '9') {
    raise("22023", "invalid regular expression option: \"" + std::string(1, a[3].bytes().front()) + "\"", {},
          "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.");
  }
  const std::string options = a.size() > 3 ? without_global(a[3].bytes(), global) : std::string();
  const Regex regex(a[1].bytes(), options);
  const Source source(a[0].bytes());
  std::string result;
  std::int64_t copied = 0;
  for_each_match(regex, source, global, false, [&](const Spans& spans) {
    result += source.between(copied, spans.front().begin);
    append_replacement(result, a[2].bytes(), source, spans);
    copied = spans.front().end;
  });
  result += source.between(copied, source.size());
  return Value::bytes(result);
}

std::vector<Value> pieces(Arguments a, std::string_view function) {
  const Regex regex(a[1].bytes(), options_without_global(a, 2, function));
  const Source source(a[0].bytes());
  std::vector<Value> texts;
  std::int64_t begin = 0;
  for_each_match(regex, source, true, true, [&](const Spans& spans) {
    texts.push_back(Value::bytes(source.between(begin, spans.front().begin)));
    begin = spans.front().end;
  });
  texts.push_back(Value::bytes(source.between(begin, source.size())));
  return texts;
}

Value regexp_split_to_array(Arguments a, const CallSite&, const EvalContext&) {
  return make_array(TypeRef(Type::text), pieces(a, "regexp_split_to_array()"));
}

void regexp_split_to_table(Arguments a, const CallSite&, const EvalContext&, std::vector<Value>& cells) {
  for (Value& piece : pieces(a, "regexp_split_to_table()")) cells.push_back(std::move(piece));
}

}  // namespace

void register_regex(Registry& registry) {
  for (const std::string_view signature : {"text ~ text -> bool", "name ~ text -> bool", "bpchar ~ text -> bool"}) {
    registry.op(signature, matches<false, true>);
  }
  for (const std::string_view signature : {"text !~ text -> bool", "name !~ text -> bool", "bpchar !~ text -> bool"}) {
    registry.op(signature, matches<false, false>);
  }
  for (const std::string_view signature : {"text ~* text -> bool", "name ~* text -> bool", "bpchar ~* text -> bool"}) {
    registry.op(signature, matches<true, true>);
  }
  for (const std::string_view signature : {"text !~* text -> bool", "name !~* text -> bool", "bpchar !~* text -> bool"}) {
    registry.op(signature, matches<true, false>);
  }
  registry.function("regexp_like(text, text) -> bool", regexp_like);
  registry.function("regexp_like(text, text, text) -> bool", regexp_like);
  registry.function("regexp_count(text, text) -> int4", regexp_count);
  registry.function("regexp_match(text, text) -> text[]", regexp_match);
  registry.function("regexp_match(text, text, text) -> text[]", regexp_match);
  registry.set_function("regexp_matches(text, text) -> setof text[]", regexp_matches);
  registry.set_function("regexp_matches(text, text, text) -> setof text[]", regexp_matches);
  registry.function("regexp_replace(text, text, text) -> text", regexp_replace);
  registry.function("regexp_replace(text, text, text, text) -> text", regexp_replace);
  registry.function("regexp_split_to_array(text, text) -> text[]", regexp_split_to_array);
  registry.function("regexp_split_to_array(text, text, text) -> text[]", regexp_split_to_array);
  registry.set_function("regexp_split_to_table(text, text) -> setof text", regexp_split_to_table);
  registry.set_function("regexp_split_to_table(text, text, text) -> setof text", regexp_split_to_table);
  registry.function("substring(text, text) -> text", substring_of);
}

}  // namespace orrery::sim::database
