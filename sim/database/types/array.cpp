// Arrays and records: text form, operators and functions (manual, 9.19).

#include "sim/database/types/array.hpp"

#include <algorithm>
#include <charconv>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

constexpr std::size_t kMostDimensions = 6;

/// Reads `{…}`; its elements' texts go through the element type's input function.
class ArrayReader {
 public:
  ArrayReader(TypeRef element, std::string_view text, const EvalContext* context)
      : all_(text), rest_(text), element_(element), context_(context) {}

  Value read() {
    skip_spaces();
    std::vector<ArrayData::Dimension> bounds;
    while (!rest_.empty() && rest_.front() == '[') bounds.push_back(read_bounds());
    if (!bounds.empty()) {
      skip_spaces();
      if (rest_.empty() || rest_.front() != '=') malformed("Missing \"=\" after array dimensions.");
      rest_.remove_prefix(1);
      skip_spaces();
    }
    if (rest_.empty() || rest_.front() != '{') {
      malformed(bounds.empty() ? "Array value must start with \"{\" or dimension information."
                               : "Array contents must start with \"{\".");
    }
    array_.element = element_.without_typmod();
    level(0);
    skip_spaces();
    if (!rest_.empty()) malformed("Junk after closing right brace.");
    if (array_.elements.empty()) {
      array_.dimensions.clear();
      return Value::array(std::move(array_));
    }
    for (const std::int32_t length : lengths_) array_.dimensions.push_back({length, 1});
    if (!bounds.empty()) {
      if (bounds.size() != array_.dimensions.size())
        malformed("Specified array dimensions do not match array contents.");
      for (std::size_t i = 0; i < bounds.size(); ++i) {
        if (bounds[i].length != array_.dimensions[i].length) {
          malformed("Specified array dimensions do not match array contents.");
        }
        array_.dimensions[i] = bounds[i];
      }
    }
    return Value::array(std::move(array_));
  }

 private:
  [[noreturn]] void malformed(std::string detail) const {
    raise("22P02", "malformed array literal: \"" + std::string(all_) + "\"", std::move(detail));
  }

  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  std::int32_t bound() {
    std::int32_t number = 0;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc{}) malformed("\"[\" must introduce explicitly-specified array dimensions.");
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return number;
  }

  ArrayData::Dimension read_bounds() {
    rest_.remove_prefix(1);
    std::int32_t low = 1;
    std::int32_t high = bound();
    if (!rest_.empty() && rest_.front() == ':') {
      rest_.remove_prefix(1);
      low = high;
      high = bound();
    }
    if (rest_.empty() || rest_.front() != ']') malformed("Missing \"]\" after array dimensions.");
    rest_.remove_prefix(1);
    if (high < low) raise("2202E", "upper bound cannot be less than lower bound");
    return {high - low + 1, low};
  }

  void level(std::size_t depth) {
    if (depth >= kMostDimensions) raise("54000", "number of array dimensions (7) exceeds the maximum allowed (6)");
    rest_.remove_prefix(1);
    std::int32_t count = 0;
    skip_spaces();
    if (!rest_.empty() && rest_.front() == '}') {
      if (depth != 0) malformed("Unexpected \"}\" character.");
      rest_.remove_prefix(1);
      return;
    } else {
      while (true) {
        skip_spaces();
        if (rest_.empty()) malformed("Unexpected end of input.");
        if (rest_.front() == '{') {
          if (leaf_depth_ && *leaf_depth_ <= depth) malformed("Unexpected \"{\" character.");
          level(depth + 1);
        } else {
          if (leaf_depth_ && *leaf_depth_ != depth) {
            malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
          }
          leaf_depth_ = depth;
          element();
        }
        ++count;
        skip_spaces();
        if (rest_.empty()) malformed("Unexpected end of input.");
        if (rest_.front() == '}') break;
        if (rest_.front() != ',') malformed("Unexpected array element.");
        rest_.remove_prefix(1);
      }
      rest_.remove_prefix(1);
    }
    if (lengths_.size() <= depth) lengths_.resize(depth + 1, -1);
    if (lengths_[depth] >= 0 && lengths_[depth] != count) {
      malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
    }
    lengths_[depth] = count;
  }

  void element() {
    std::string text;
    if (rest_.front() == '"') {
      rest_.remove_prefix(1);
      while (true) {
        if (rest_.empty()) malformed("Unexpected end of input.");
        char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '"') break;
        if (c == '\\') {
          if (rest_.empty()) malformed("Unexpected end of input.");
          c = rest_.front();
          rest_.remove_prefix(1);
        }
        text.push_back(c);
      }
      skip_spaces();
      if (!rest_.empty() && rest_.front() != ',' && rest_.front() != '}') malformed("Unexpected array element.");
      array_.elements.push_back(input_text(element_, text, context_));
      return;
    }
    bool escaped = false;
    std::size_t keep = 0;  // spaces at the end count only if they were escaped
    while (!rest_.empty() && rest_.front() != ',' && rest_.front() != '}') {
      char c = rest_.front();
      if (c == '{') malformed("Unexpected \"{\" character.");
      if (c == '"') malformed("Unexpected array element.");
      rest_.remove_prefix(1);
      bool kept = !is_space(c);
      if (c == '\\') {
        if (rest_.empty()) malformed("Unexpected end of input.");
        c = rest_.front();
        rest_.remove_prefix(1);
        escaped = true;
        kept = true;
      }
      text.push_back(c);
      if (kept) keep = text.size();
    }
    text.resize(keep);
    if (text.empty()) {
      malformed(rest_.empty() ? "Unexpected end of input."
                              : "Unexpected \"" + std::string(1, rest_.front()) + "\" character.");
    }
    if (!escaped && equals_ignoring_case(text, "null")) {
      array_.elements.emplace_back();
    } else {
      array_.elements.push_back(input_text(element_, text, context_));
    }
  }

  std::string_view all_;
  std::string_view rest_;
  TypeRef element_;
  const EvalContext* context_;
  ArrayData array_;
  std::optional<std::size_t> leaf_depth_;
  std::vector<std::int32_t> lengths_;
};

void append_element(std::string& out, TypeRef type, const Value& value) {
  if (value.is_null()) {
    out += "NULL";
    return;
  }
  const std::string text = output_text(type, value);
  bool quote = text.empty() || equals_ignoring_case(text, "null");
  for (const char c : text) {
    quote = quote || c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || is_space(c);
  }
  if (!quote) {
    out += text;
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_level(std::string& out, const ArrayData& array, std::size_t depth, std::size_t& next) {
  out.push_back('{');
  for (std::int32_t i = 0; i < array.dimensions[depth].length; ++i) {
    if (i != 0) out.push_back(',');
    if (depth + 1 < array.dimensions.size()) {
      append_level(out, array, depth + 1, next);
    } else {
      append_element(out, array.element, array.elements[next++]);
    }
  }
  out.push_back('}');
}

using Site = CallSite;
using Context = EvalContext;

const ArrayData::Dimension* dimension(const ArrayData& array, std::int64_t number) {
  if (number < 1 || number > static_cast<std::int64_t>(array.dimensions.size())) return nullptr;
  return &array.dimensions[static_cast<std::size_t>(number - 1)];
}

ArrayData empty_array(TypeRef element) {
  ArrayData array;
  array.element = element.without_typmod();
  return array;
}

Value with_element(const Value& array, const Value& element, TypeRef element_type, bool at_end) {
  ArrayData result = array.is_null() ? empty_array(element_type) : array.array();
  if (result.dimensions.empty()) {
    result.dimensions.push_back({1, 1});
    result.elements = {element};
    return Value::array(std::move(result));
  }
  if (result.dimensions.size() != 1) raise("22000", "argument must be empty or one-dimensional array");
  ++result.dimensions[0].length;
  result.elements.insert(at_end ? result.elements.end() : result.elements.begin(), element);
  return Value::array(std::move(result));
}

Value concatenate(const Value& left, const Value& right) {
  if (left.is_null()) return right;
  if (right.is_null()) return left;
  const ArrayData& a = left.array();
  const ArrayData& b = right.array();
  if (a.dimensions.empty()) return right;
  if (b.dimensions.empty()) return left;
  ArrayData result = a;
  const auto fits = [](std::span<const ArrayData::Dimension> x, std::span<const ArrayData::Dimension> y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](const auto& p, const auto& q) { return p.length == q.length; });
  };
  const std::span x(a.dimensions);
  const std::span y(b.dimensions);
  if (x.size() == y.size() && fits(x.subspan(1), y.subspan(1))) {
    result.dimensions[0].length += y[0].length;
  } else if (x.size() == y.size() + 1 && fits(x.subspan(1), y)) {
    result.dimensions[0].length += 1;
  } else if (x.size() + 1 == y.size() && fits(x, y.subspan(1))) {
    result.dimensions = b.dimensions;
    result.dimensions[0].length += 1;
  } else {
    const bool near = x.size() == y.size() || x.size() + 1 == y.size() || x.size() == y.size() + 1;
    raise("2202E", "cannot concatenate incompatible arrays",
          near
              ? (x.size() == y.size() ? "Arrays with differing element dimensions are not compatible for concatenation."
                                      : "Arrays with differing dimensions are not compatible for concatenation.")
              : "Arrays of " + std::to_string(x.size()) + " and " + std::to_string(y.size()) +
                    " dimensions are not compatible for concatenation.");
  }
  result.elements.insert(result.elements.end(), b.elements.begin(), b.elements.end());
  return Value::array(std::move(result));
}

EqualFunction equality_of(TypeRef element) {
  const EqualFunction equal = equal_function(element);
  if (equal == nullptr) raise("42883", "could not identify an equality operator for type " + type_name(element));
  return equal;
}

/// Every element of `inner` is in `outer`; NULLs are in nothing.
bool contains(const ArrayData& outer, const ArrayData& inner) {
  const EqualFunction equal = equality_of(outer.element);
  return std::all_of(inner.elements.begin(), inner.elements.end(), [&](const Value& wanted) {
    return !wanted.is_null() && std::any_of(outer.elements.begin(), outer.elements.end(), [&](const Value& element) {
      return !element.is_null() && equal(element, wanted);
    });
  });
}

bool overlaps(const ArrayData& a, const ArrayData& b) {
  const EqualFunction equal = equality_of(a.element);
  return std::any_of(a.elements.begin(), a.elements.end(), [&](const Value& x) {
    return !x.is_null() && std::any_of(b.elements.begin(), b.elements.end(),
                                       [&](const Value& y) { return !y.is_null() && equal(x, y); });
  });
}

bool not_distinct(EqualFunction equal, const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return equal(a, b);
}

void require_one_dimension(const ArrayData& array, const char* what) {
  if (array.dimensions.size() > 1) raise("0A000", what);
}

Value position(Arguments a, const Site&, const Context&) {
  if (a[0].is_null()) return {};
  const ArrayData& array = a[0].array();
  require_one_dimension(array, "searching for elements in multidimensional arrays is not supported");
  if (array.dimensions.empty()) return {};
  const EqualFunction equal = equality_of(array.element);
  std::int64_t index = array.dimensions[0].lower_bound;
  std::int64_t from = index;
  if (a.size() == 3) {
    if (a[2].is_null()) raise("22004", "initial position must not be null");
    from = a[2].integer();
  }
  for (const Value& element : array.elements) {
    if (index >= from && not_distinct(equal, element, a[1])) return Value::integer(index);
    ++index;
  }
  return {};
}

Value positions(Arguments a, const Site&, const Context&) {
  if (a[0].is_null()) return {};
  const ArrayData& array = a[0].array();
  require_one_dimension(array, "searching for elements in multidimensional arrays is not supported");
  std::vector<Value> found;
  if (!array.dimensions.empty()) {
    const EqualFunction equal = equality_of(array.element);
    std::int64_t index = array.dimensions[0].lower_bound;
    for (const Value& element : array.elements) {
      if (not_distinct(equal, element, a[1])) found.push_back(Value::integer(index));
      ++index;
    }
  }
  return make_array(TypeRef(Type::int4), std::move(found));
}

Value remove(Arguments a, const Site&, const Context&) {
  if (a[0].is_null()) return {};
  ArrayData array = a[0].array();
  require_one_dimension(array, "removing elements from multidimensional arrays is not supported");
  const EqualFunction equal = equality_of(array.element);
  std::erase_if(array.elements, [&](const Value& element) { return not_distinct(equal, element, a[1]); });
  if (array.elements.size() == a[0].array().elements.size()) return a[0];
  if (array.elements.empty()) {
    array.dimensions.clear();
  } else {
    array.dimensions[0].length = static_cast<std::int32_t>(array.elements.size());
  }
  return Value::array(std::move(array));
}

Value replace(Arguments a, const Site&, const Context&) {
  if (a[0].is_null()) return {};
  ArrayData array = a[0].array();
  const EqualFunction equal = equality_of(array.element);
  for (Value& element : array.elements) {
    if (not_distinct(equal, element, a[1])) element = a[2];
  }
  return Value::array(std::move(array));
}

Value to_string(Arguments a, const Site&, const Context&) {
  if (a[0].is_null() || a[1].is_null()) return {};
  const ArrayData& array = a[0].array();
  std::string text;
  bool first = true;
  for (const Value& element : array.elements) {
    const bool has_null_text = a.size() == 3 && !a[2].is_null();
    if (element.is_null() && !has_null_text) continue;
    if (!first) text += a[1].bytes();
    first = false;
    if (element.is_null()) {
      text += a[2].bytes();
    } else {
      append_output_text(text, array.element, element);
    }
  }
  return Value::bytes(text);
}

Value from_string(Arguments a, const Site&, const Context&) {
  if (a[0].is_null()) return {};
  std::vector<Value> parts;
  std::string_view rest = a[0].bytes();
  const bool has_null_text = a.size() == 3 && !a[2].is_null();
  const auto add = [&](std::string_view part) {
    parts.push_back(has_null_text && part == a[2].bytes() ? Value() : Value::bytes(part));
  };
  if (!rest.empty()) {
    if (a[1].is_null()) {
      while (!rest.empty()) {
        const std::size_t size =
            std::min<std::size_t>(rest.size(), static_cast<unsigned char>(rest.front()) < 0xc0   ? 1
                                               : static_cast<unsigned char>(rest.front()) < 0xe0 ? 2
                                               : static_cast<unsigned char>(rest.front()) < 0xf0 ? 3
                                                                                                 : 4);
        add(rest.substr(0, size));
        rest.remove_prefix(size);
      }
    } else if (a[1].bytes().empty()) {
      add(rest);
    } else {
      while (true) {
        const std::size_t found = rest.find(a[1].bytes());
        add(rest.substr(0, found));
        if (found == std::string_view::npos) break;
        rest.remove_prefix(found + a[1].bytes().size());
      }
    }
  }
  return make_array(TypeRef(Type::text), std::move(parts));
}

Value trim_array(Arguments a, const Site&, const Context&) {
  ArrayData array = a[0].array();
  const std::int64_t length = array.dimensions.empty() ? 0 : array.dimensions[0].length;
  const std::int64_t count = a[1].integer();
  if (count < 0 || count > length) {
    raise("2202E", "number of elements to trim must be between 0 and " + std::to_string(length));
  }
  for (auto& dimension : array.dimensions) dimension.lower_bound = 1;  // as those of any slice
  if (count == 0) return Value::array(std::move(array));
  const std::size_t each = array.elements.size() / static_cast<std::size_t>(length);
  array.elements.resize(array.elements.size() - each * static_cast<std::size_t>(count));
  array.dimensions[0].length = static_cast<std::int32_t>(length - count);
  if (count == length) array.dimensions.clear();
  return Value::array(std::move(array));
}

}  // namespace

Value array_from_text(TypeRef element, std::string_view text, const EvalContext* context) {
  return ArrayReader(element, text, context).read();
}

void append_array(std::string& out, const ArrayData& array) {
  if (array.dimensions.empty()) {
    out += "{}";
    return;
  }
  const bool shows_bounds = std::any_of(array.dimensions.begin(), array.dimensions.end(),
                                        [](const ArrayData::Dimension& d) { return d.lower_bound != 1; });
  if (shows_bounds) {
    for (const ArrayData::Dimension& d : array.dimensions) {
      out += "[" + std::to_string(d.lower_bound) + ":" + std::to_string(d.lower_bound + d.length - 1) + "]";
    }
    out.push_back('=');
  }
  std::size_t next = 0;
  append_level(out, array, 0, next);
}

void append_record(std::string& out, const RecordData& record) {
  out.push_back('(');
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (i != 0) out.push_back(',');
    if (record.fields[i].is_null()) continue;
    const std::string text = output_text(record.shape->types[i], record.fields[i]);
    bool quote = text.empty();
    for (const char c : text) {
      quote = quote || c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || is_space(c);
    }
    if (!quote) {
      out += text;
      continue;
    }
    out.push_back('"');
    for (const char c : text) {
      if (c == '"' || c == '\\') out.push_back(c);
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back(')');
}

void register_arrays(Registry& registry) {
  registry.op("anyarray @> anyarray -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(contains(a[0].array(), a[1].array()));
  });
  registry.op("anyarray <@ anyarray -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(contains(a[1].array(), a[0].array()));
  });
  registry.op("anyarray && anyarray -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(overlaps(a[0].array(), a[1].array()));
  });
  const ScalarImplementation append = [](Arguments a, const Site& site, const Context&) {
    return with_element(a[0], a[1], site.result.element(), true);
  };
  const ScalarImplementation prepend = [](Arguments a, const Site& site, const Context&) {
    return with_element(a[1], a[0], site.result.element(), false);
  };
  const ScalarImplementation join = [](Arguments a, const Site&, const Context&) { return concatenate(a[0], a[1]); };
  registry.op("anycompatiblearray || anycompatible -> anycompatiblearray", append, kNullable);
  registry.op("anycompatible || anycompatiblearray -> anycompatiblearray", prepend, kNullable);
  registry.op("anycompatiblearray || anycompatiblearray -> anycompatiblearray", join, kNullable);
  registry.function("array_append(anycompatiblearray, anycompatible) -> anycompatiblearray", append, kNullable);
  registry.function("array_prepend(anycompatible, anycompatiblearray) -> anycompatiblearray", prepend, kNullable);
  registry.function("array_cat(anycompatiblearray, anycompatiblearray) -> anycompatiblearray", join, kNullable);
  registry.function("array_length(anyarray, int4) -> int4", [](Arguments a, const Site&, const Context&) {
    const ArrayData::Dimension* d = dimension(a[0].array(), a[1].integer());
    return d == nullptr ? Value() : Value::integer(d->length);
  });
  registry.function("array_lower(anyarray, int4) -> int4", [](Arguments a, const Site&, const Context&) {
    const ArrayData::Dimension* d = dimension(a[0].array(), a[1].integer());
    return d == nullptr ? Value() : Value::integer(d->lower_bound);
  });
  registry.function("array_upper(anyarray, int4) -> int4", [](Arguments a, const Site&, const Context&) {
    const ArrayData::Dimension* d = dimension(a[0].array(), a[1].integer());
    return d == nullptr ? Value() : Value::integer(std::int64_t{d->lower_bound} + d->length - 1);
  });
  registry.function("array_ndims(anyarray) -> int4", [](Arguments a, const Site&, const Context&) {
    const std::size_t count = a[0].array().dimensions.size();
    return count == 0 ? Value() : Value::integer(static_cast<std::int64_t>(count));
  });
  registry.function("cardinality(anyarray) -> int4", [](Arguments a, const Site&, const Context&) {
    return Value::integer(static_cast<std::int64_t>(a[0].array().elements.size()));
  });
  registry.function("array_position(anycompatiblearray, anycompatible) -> int4", position, kNullable);
  registry.function("array_position(anycompatiblearray, anycompatible, int4) -> int4", position, kNullable);
  registry.function("array_positions(anycompatiblearray, anycompatible) -> int4[]", positions, kNullable);
  registry.function("array_remove(anycompatiblearray, anycompatible) -> anycompatiblearray", remove, kNullable);
  registry.function("array_replace(anycompatiblearray, anycompatible, anycompatible) -> anycompatiblearray", replace,
                    kNullable);
  registry.function("array_to_string(anyarray, text) -> text", to_string, kStable | kNullable);
  registry.function("array_to_string(anyarray, text, text) -> text", to_string, kStable | kNullable);
  registry.function("string_to_array(text, text) -> text[]", from_string, kNullable);
  registry.function("string_to_array(text, text, text) -> text[]", from_string, kNullable);
  registry.function("trim_array(anyarray, int4) -> anyarray", trim_array);
}

}  // namespace orrery::sim::database
