#include "sim/database/catalogs/definitions.hpp"

#include <string>

#include "sim/database/types/object_names.hpp"

namespace orrery::sim::database {
namespace {

#include "sim/database/catalogs/definitions.inc"

/// Without counting its characters, which are too many for a compiler to count.
template <std::size_t size>
constexpr std::string_view all_of(const char (&text)[size]) {
  return {text, size - 1};
}

}  // namespace

const CatalogDefinitions& catalog_definitions() {
  static constexpr CatalogDefinitions definitions{kDefinitions,          all_of(kTypeRows),       all_of(kRangeRows), all_of(kAccessMethodRows),
                                                  all_of(kCollationRows), all_of(kRoleRows),       all_of(kMembershipRows),
                                                  all_of(kTablespaceRows), all_of(kOperatorClassRows), all_of(kFunctionRows), kTypeNames};
  return definitions;
}

std::string quote_identifier(std::string_view name) {
  bool plain = !name.empty() && !(name.front() >= '0' && name.front() <= '9');
  for (const char c : name) plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
  if (plain) {
    std::string word = " ";
    word += name;
    word += ' ';
    if (kQuotedWords.find(word) == std::string_view::npos) return std::string(name);
  }
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace orrery::sim::database
