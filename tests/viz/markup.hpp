#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::testing {

/// An element of an XML document, read strictly: what does not nest, has a stray "<" or "&", or names an unknown entity throws
/// std::runtime_error.
struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  // its own, without that of its children
  std::vector<Element> children;

  [[nodiscard]] std::string at(const std::string& attribute) const;
  [[nodiscard]] double number(const std::string& attribute) const;
  /// All elements below with this name and, if it is not empty, this class.
  [[nodiscard]] std::vector<const Element*> all(std::string_view name, std::string_view css = {}) const;
};

[[nodiscard]] Element read_markup(std::string_view document);

}  // namespace orrery::testing
