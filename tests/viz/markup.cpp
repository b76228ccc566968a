#include "tests/viz/markup.hpp"

#include <cctype>
#include <stdexcept>
#include <utility>

namespace orrery::testing {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Element document() {
    skip_spaces();
    Element root = element();
    skip_spaces();
    if (at_ != text_.size()) fail("something stands after the root element");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " at byte " + std::to_string(at_) + ": " + std::string(text_.substr(at_, 60)));
  }
  [[nodiscard]] bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  void expect(std::string_view with) {
    if (!starts(with)) fail("expected \"" + std::string(with) + "\"");
    at_ += with.size();
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  std::string word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-' || text_[at_] == ':')) ++at_;
    if (at_ == from) fail("expected a name");
    return std::string(text_.substr(from, at_ - from));
  }
  /// Text up to one of `ends`, with entities resolved.
  std::string content(char end) {
    static const std::map<std::string, std::string> kEntities = {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"#39", "'"}};
    std::string result;
    while (at_ < text_.size() && text_[at_] != end) {
      const char c = text_[at_];
      if (c == '<') fail("a stray <");
      if (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') fail("a control character");
      if (c != '&') {
        result += c;
        ++at_;
        continue;
      }
      const std::size_t semicolon = text_.find(';', at_);
      const auto entity = kEntities.find(std::string(text_.substr(at_ + 1, semicolon - at_ - 1)));
      if (entity == kEntities.end()) fail("an unknown entity");
      result += entity->second;
      at_ = semicolon + 1;
    }
    return result;
  }

  Element element() {
    Element element;
    expect("<");
    element.name = word();
    for (skip_spaces(); !starts("/") && !starts(">"); skip_spaces()) {
      std::string name = word();
      expect("=\"");
      std::string value = content('"');
      expect("\"");
      if (!element.attributes.emplace(std::move(name), std::move(value)).second) fail("an attribute comes twice");
    }
    if (starts("/")) {
      expect("/>");
      return element;
    }
    expect(">");
    while (!starts("</")) {
      if (at_ >= text_.size()) fail("an element does not end");
      if (starts("<")) {
        element.children.push_back(this->element());
      } else {
        element.text += content('<');
      }
    }
    expect("</" + element.name + ">");
    return element;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string Element::at(const std::string& attribute) const {
  const auto found = attributes.find(attribute);
  return found == attributes.end() ? "" : found->second;
}

double Element::number(const std::string& attribute) const { return std::stod(at(attribute)); }

std::vector<const Element*> Element::all(std::string_view wanted, std::string_view css) const {
  std::vector<const Element*> found;
  for (const Element& child : children) {
    if (child.name == wanted && (css.empty() || child.at("class") == css)) found.push_back(&child);
    for (const Element* below : child.all(wanted, css)) found.push_back(below);
  }
  return found;
}

Element read_markup(std::string_view document) { return Reader(document).document(); }

}  // namespace orrery::testing
