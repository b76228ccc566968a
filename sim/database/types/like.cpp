// LIKE and ILIKE (manual, 9.7.1).

#include "sim/database/types/errors.hpp"
#include "sim/database/types/regex.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

/// A pattern may end in one backslash only when the match gets that far.
[[noreturn]] void raise_trailing_escape() { raise("22025", "LIKE pattern must not end with escape character"); }

template <bool characters, bool ignore_case>
bool matches(std::string_view text, std::string_view pattern) {
  const auto same = [](char a, char b) { return ignore_case ? to_lower(a) == to_lower(b) : a == b; };
  const auto step = [](std::string_view at) { return characters ? std::min(utf8_size(at.front()), at.size()) : 1; };
  // Where to go on after a mismatch: behind the last %, one character of the text later.
  bool after_percent = false;
  std::string_view retry_text;
  std::string_view retry_pattern;
  while (true) {
    if (pattern.empty()) {
      if (text.empty()) return true;
    } else if (pattern.front() == '%') {
      pattern.remove_prefix(1);
      after_percent = true;
      retry_text = text;
      retry_pattern = pattern;
      continue;
    } else if (text.empty()) {
      return false;
    } else if (pattern.front() == '_') {
      pattern.remove_prefix(1);
      text.remove_prefix(step(text));
      continue;
    } else {
      const bool escaped = pattern.front() == '\\';
      if (escaped && pattern.size() == 1) raise_trailing_escape();
      if (same(pattern[escaped ? 1 : 0], text.front())) {
        pattern.remove_prefix(escaped ? 2 : 1);
        text.remove_prefix(1);
        continue;
      }
    }
    if (!after_percent || retry_text.empty()) return false;
    retry_text.remove_prefix(step(retry_text));
    text = retry_text;
    pattern = retry_pattern;
  }
}

template <bool characters, bool ignore_case, bool wanted>
Value like(Arguments a, const CallSite&, const EvalContext&) {
  return Value::boolean(matches<characters, ignore_case>(a[0].bytes(), a[1].bytes()) == wanted);
}

/// like_escape(): the pattern with another escape character than the backslash.
Value change_escape(Arguments a, const CallSite&, const EvalContext&) {
  const std::string_view pattern = a[0].bytes();
  const std::string_view escape = a[1].bytes();
  std::string result;
  if (!escape.empty() && utf8_size(escape.front()) != escape.size()) {
    raise("22025", "invalid escape string", {}, "Escape string must be empty or one character.");
  }
  if (escape == "\\") return a[0];
  bool after_escape = false;
  for (std::size_t i = 0; i < pattern.size();) {
    const std::string_view character = pattern.substr(i, utf8_size(pattern[i]));
    i += character.size();
    if (!escape.empty() && character == escape && !after_escape) {
      result.push_back('\\');
      after_escape = true;
      continue;
    }
    if (character == "\\" && !after_escape) result.push_back('\\');
    result += character;
    after_escape = false;
  }
  return Value::bytes(result);
}

}  // namespace

void register_like(Registry& registry) {
  registry.op("text ~~ text -> bool", like<true, false, true>);
  registry.op("text !~~ text -> bool", like<true, false, false>);
  registry.op("text ~~* text -> bool", like<true, true, true>);
  registry.op("text !~~* text -> bool", like<true, true, false>);
  registry.op("name ~~ text -> bool", like<true, false, true>);
  registry.op("name !~~ text -> bool", like<true, false, false>);
  registry.op("name ~~* text -> bool", like<true, true, true>);
  registry.op("name !~~* text -> bool", like<true, true, false>);
  registry.op("bpchar ~~ text -> bool", like<true, false, true>);
  registry.op("bpchar !~~ text -> bool", like<true, false, false>);
  registry.op("bpchar ~~* text -> bool", like<true, true, true>);
  registry.op("bpchar !~~* text -> bool", like<true, true, false>);
  registry.op("bytea ~~ bytea -> bool", like<false, false, true>);
  registry.op("bytea !~~ bytea -> bool", like<false, false, false>);
  registry.function("like_escape(text, text) -> text", change_escape);
  register_regex(registry);
}

}  // namespace orrery::sim::database
