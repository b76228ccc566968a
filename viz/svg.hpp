#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::viz {

/// Text for XML: markup is escaped, and what XML 1.0 (section 2.2) forbids, control characters and bytes that are not UTF-8, becomes
/// U+FFFD. Right for attributes and for content.
[[nodiscard]] std::string escaped(std::string_view text);

/// At most two digits after the point, none that says nothing; independent of the locale.
[[nodiscard]] std::string number(double value);

struct Point {
  double x = 0;
  double y = 0;
};

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

/// An attribute of an element; the value is escaped when it is written.
struct Attribute {
  Attribute(std::string_view attribute, std::string_view text) : name(attribute), value(text) {}
  Attribute(std::string_view attribute, const char* text) : name(attribute), value(text) {}
  Attribute(std::string_view attribute, double figure) : name(attribute), value(number(figure)) {}
  Attribute(std::string_view attribute, int figure) : name(attribute), value(std::to_string(figure)) {}
  std::string_view name;
  std::string value;
};
using Attributes = std::vector<Attribute>;

/// Collects SVG markup. Elements come out in the order in which they were added, so later ones cover earlier ones.
class Svg {
 public:
  void element(std::string_view name, const Attributes& attributes);
  /// With a text that browsers show when the pointer rests on the element; an empty one is left out.
  void element(std::string_view name, const Attributes& attributes, std::string_view title);
  void open(std::string_view name, const Attributes& attributes = {});
  void close(std::string_view name);
  void title(std::string_view text);
  /// One line, `y` is its baseline.
  void text(Point at, std::string_view line, const Attributes& attributes);
  void line(Point from, Point to, const Attributes& attributes);
  void rect(const Box& box, const Attributes& attributes);
  void path(std::string_view data, const Attributes& attributes);
  /// What was collected, as a document of its own of that size, on white. `style` is CSS, `defs` markup.
  [[nodiscard]] std::string document(double width, double height, std::string_view label, std::string_view style,
                                     std::string_view defs) const;
  /// The markup alone.
  [[nodiscard]] const std::string& markup() const noexcept { return markup_; }
  void append(const Svg& other) { markup_ += other.markup_; }

 private:
  void begin(std::string_view name, const Attributes& attributes);
  std::string markup_;
};

}  // namespace orrery::viz
