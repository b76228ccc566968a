#include "sim/database/types/postgres_names.hpp"

#include <map>
#include <string>

#include "sim/database/types/postgres_names.inc"

namespace orrery::sim::database {
namespace {

/// The next of a text's words, which is taken off; empty: none is left.
std::string_view next_word(std::string_view& text, char end) {
  const std::size_t length = text.find(end);
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length == std::string_view::npos ? text.size() : length + 1);
  return word;
}

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    if (next_word(words, ' ') == wanted) return true;
  }
  return false;
}

PostgresSignature read_signature(std::string_view list) {
  PostgresSignature signature;
  while (!list.empty()) {
    std::string_view type = next_word(list, ',');
    if (type.ends_with('?')) ++signature.defaults;
    if (type.ends_with('*')) signature.is_variadic = true;
    if (type.ends_with('?') || type.ends_with('*')) type.remove_suffix(1);
    signature.types.push_back(type);
  }
  return signature;
}

/// The words by what stands before the first `end` in each: they are read once.
class WordTable {
 public:
  WordTable(std::string_view words, char end) {
    while (!words.empty()) {
      std::string_view word = next_word(words, ' ');
      const std::string_view name = next_word(word, end);
      entries_.emplace(name, word);
    }
  }
  /// What stands behind the name; empty: there is none.
  [[nodiscard]] std::string_view find(std::string_view name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? std::string_view() : found->second;
  }

 private:
  std::map<std::string_view, std::string_view> entries_;
};

/// "name(types)(types)" among the words.
std::vector<PostgresSignature> find(const WordTable& words, std::string_view name) {
  std::vector<PostgresSignature> found;
  std::string_view word = words.find(name);
  while (!word.empty()) {
    found.push_back(read_signature(next_word(word, ')')));
    if (!word.empty()) word.remove_prefix(1);
  }
  return found;
}

}  // namespace

std::vector<PostgresSignature> postgres_functions(std::string_view name) {
  static const WordTable table(kFunctionWords, '(');
  return find(table, name);
}
std::vector<PostgresSignature> postgres_operators(std::string_view name) {
  static const WordTable table(kOperatorWords, '(');
  return find(table, name);
}
PostgresCategory postgres_category(std::string_view type) {
  if (type.starts_with('_')) return {'A', false};
  static const WordTable table(kCategoryWords, ':');
  const std::string_view found = table.find(type);
  return found.empty() ? PostgresCategory{} : PostgresCategory{found.front(), found.ends_with('!')};
}
bool postgres_has_cast(std::string_view from, std::string_view to) {
  return has_word(kCastWords, std::string(from) + ">" + std::string(to)) || postgres_has_implicit_cast(from, to);
}
bool postgres_has_implicit_cast(std::string_view from, std::string_view to) {
  return has_word(kCastWords, std::string(from) + ">>" + std::string(to));
}
bool postgres_has_zone(std::string_view name) { return has_word(kZoneWords, name); }
bool postgres_has_type(std::string_view name) { return has_word(kTypeWords, name); }
bool postgres_has_setting(std::string_view name) { return has_word(kSettingWords, name); }

}  // namespace orrery::sim::database
