#include "sim/database/types/jsonb.hpp"

#include <algorithm>

#include "runtime/check.hpp"
#include "sim/database/types/json_parser.hpp"
#include "sim/database/types/numeric.hpp"

namespace orrery::sim::database {
namespace {

// A number's bytes: 'S', scale, coefficient; or 'L' and the long form of numeric.
constexpr char kSmallNumber = 'S';
constexpr char kLargeNumber = 'L';

/// Shorter keys first, then byte by byte: the order in which jsonb keeps and prints them.
int compare_keys(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return std::memcmp(a.data(), b.data(), a.size());
}

struct TreeHandler {
  static constexpr bool kDecodes = true;
  JsonbBuilder builder;

  void null() { builder.null(); }
  void boolean(bool truth) { builder.boolean(truth); }
  void number(std::string_view raw) { builder.number(numeric_from_text(raw)); }
  void string(std::string_view text) { builder.string(text); }
  void key(std::string_view text) { builder.key(text); }
  void begin_object() { builder.begin_object(); }
  void end_object() { builder.end_object(); }
  void begin_array() { builder.begin_array(); }
  void end_array() { builder.end_array(); }
};

int compare_bytes(std::string_view a, std::string_view b) noexcept {
  const int order = a.compare(b);
  return order < 0 ? -1 : static_cast<int>(order > 0);
}

int compare_nodes(JsonbView left, JsonbView right) {
  const JsonKind kind = left.kind();
  if (kind != right.kind()) return kind < right.kind() ? -1 : 1;
  switch (kind) {
    case JsonKind::null:
      return 0;
    case JsonKind::string:
      return compare_bytes(left.string(), right.string());
    case JsonKind::number: {
      const Value a = left.number();
      const Value b = right.number();
      return compare_numerics(a, b);
    }
    case JsonKind::boolean:
      return static_cast<int>(left.truth()) - static_cast<int>(right.truth());
    case JsonKind::array:
    case JsonKind::object:
      break;
  }
  if (left.count() != right.count()) return left.count() < right.count() ? -1 : 1;
  for (std::uint32_t i = 0; i < left.count(); ++i) {
    if (kind == JsonKind::array) {
      const int order = compare_nodes(left.element(i), right.element(i));
      if (order != 0) return order;
      continue;
    }
    int order = compare_bytes(left.key(i), right.key(i));
    if (order == 0) order = compare_nodes(left.value(i), right.value(i));
    if (order != 0) return order;
  }
  return 0;
}

void indent(std::string& out, std::size_t level) {
  out.push_back('\n');
  out.append(level * 4, ' ');
}

void append_pretty(std::string& out, JsonbView node, std::size_t level) {
  if (!node.is_container()) return append_jsonb(out, node);
  const bool is_object = node.kind() == JsonKind::object;
  out.push_back(is_object ? '{' : '[');
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    if (i != 0) out.push_back(',');
    indent(out, level + 1);
    if (is_object) {
      append_json_string(out, node.key(i));
      out += ": ";
    }
    append_pretty(out, is_object ? node.value(i) : node.element(i), level + 1);
  }
  indent(out, level);
  out.push_back(is_object ? '}' : ']');
}

}  // namespace

std::uint32_t JsonbView::size() const noexcept {
  switch (kind()) {
    case JsonKind::string:
    case JsonKind::number:
      return 4 + (head() >> 4);
    case JsonKind::array:
    case JsonKind::object:
      return word(4);
    default:
      return 4;
  }
}

Value JsonbView::number() const {
  const std::string_view bytes = string();
  if (bytes[0] == kLargeNumber) return Value::bytes(bytes.substr(1));
  std::uint16_t scale;
  std::int64_t coefficient;
  std::memcpy(&scale, bytes.data() + 1, sizeof scale);
  std::memcpy(&coefficient, bytes.data() + 3, sizeof coefficient);
  return Value::small_numeric(coefficient, scale);
}

std::optional<JsonbView> JsonbView::find(std::string_view wanted) const noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = count();
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    const int order = compare_keys(key(middle), wanted);
    if (order == 0) return value(middle);
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

void JsonbBuilder::append_word(std::uint32_t word) {
  char bytes[sizeof word];
  std::memcpy(bytes, &word, sizeof word);
  out_.append(bytes, sizeof word);
}

void JsonbBuilder::set_word(std::uint32_t place, std::uint32_t word) {
  std::memcpy(out_.data() + place, &word, sizeof word);
}

void JsonbBuilder::begin_value() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  const auto here = static_cast<std::uint32_t>(out_.size()) - level.start;
  if (level.is_object) {
    level.entries.back().value = here;
  } else {
    level.entries.push_back({0, 0, here});
  }
}

void JsonbBuilder::null() {
  begin_value();
  append_word(static_cast<std::uint32_t>(JsonKind::null));
}

void JsonbBuilder::boolean(bool truth) {
  begin_value();
  append_word(static_cast<std::uint32_t>(JsonKind::boolean) | (truth ? 16U : 0U));
}

void JsonbBuilder::string(std::string_view text) {
  begin_value();
  if (text.size() >= (std::size_t{1} << 28)) raise("54000", "string too long to represent as jsonb string");
  append_word(static_cast<std::uint32_t>(JsonKind::string) | static_cast<std::uint32_t>(text.size()) << 4);
  out_ += text;
}

void JsonbBuilder::number(const Value& numeric) {
  begin_value();
  if (numeric.is_small_numeric()) {
    const std::uint16_t scale = numeric.small_numeric_scale();
    const std::int64_t coefficient = numeric.integer();
    char bytes[11] = {kSmallNumber};
    std::memcpy(bytes + 1, &scale, sizeof scale);
    std::memcpy(bytes + 3, &coefficient, sizeof coefficient);
    append_word(static_cast<std::uint32_t>(JsonKind::number) | 11U << 4);
    out_.append(bytes, sizeof bytes);
    return;
  }
  const std::string_view bytes = numeric.bytes();
  append_word(static_cast<std::uint32_t>(JsonKind::number) | static_cast<std::uint32_t>(bytes.size() + 1) << 4);
  out_.push_back(kLargeNumber);
  out_ += bytes;
}

void JsonbBuilder::copy(JsonbView node) {
  begin_value();
  out_ += node.bytes();
}

void JsonbBuilder::begin_container(bool is_object) {
  begin_value();
  levels_.push_back({static_cast<std::uint32_t>(out_.size()), is_object, {}});
  append_word(0);
  append_word(0);
}

void JsonbBuilder::begin_array() { begin_container(false); }
void JsonbBuilder::begin_object() { begin_container(true); }
void JsonbBuilder::end_array() { end_container(); }
void JsonbBuilder::end_object() { end_container(); }

void JsonbBuilder::key(std::string_view key) {
  Level& level = levels_.back();
  const auto here = static_cast<std::uint32_t>(out_.size()) - level.start;
  level.entries.push_back({here, static_cast<std::uint32_t>(key.size()), 0});
  out_ += key;
}

void JsonbBuilder::end_container() {
  Level& level = levels_.back();
  if (level.is_object) {
    const char* base = out_.data() + level.start;
    const auto key_of = [base](const Entry& entry) { return std::string_view(base + entry.key, entry.key_size); };
    std::sort(level.entries.begin(), level.entries.end(), [&](const Entry& a, const Entry& b) {
      const int order = compare_keys(key_of(a), key_of(b));
      return order != 0 ? order < 0 : a.value < b.value;
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < level.entries.size(); ++i) {
      const bool is_last =
          i + 1 == level.entries.size() || compare_keys(key_of(level.entries[i]), key_of(level.entries[i + 1])) != 0;
      if (is_last) level.entries[kept++] = level.entries[i];
    }
    level.entries.resize(kept);
  }
  for (const Entry& entry : level.entries) {
    if (level.is_object) {
      append_word(entry.key);
      append_word(entry.key_size);
    }
    append_word(entry.value);
  }
  const JsonKind kind = level.is_object ? JsonKind::object : JsonKind::array;
  if (out_.size() >= (std::size_t{1} << 28)) raise("54000", "total size of jsonb elements exceeds the maximum");
  set_word(level.start, static_cast<std::uint32_t>(kind) | static_cast<std::uint32_t>(level.entries.size()) << 4);
  set_word(level.start + 4, static_cast<std::uint32_t>(out_.size()) - level.start);
  levels_.pop_back();
}

Value parse_jsonb(std::string_view text) {
  TreeHandler handler;
  JsonParser<TreeHandler>(text, handler).parse();
  return handler.builder.finish();
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code_point >> 6));
    out.push_back(static_cast<char>(0x80 | (code_point & 0x3f)));
  } else if (code_point < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code_point >> 12));
    out.push_back(static_cast<char>(0x80 | (code_point >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code_point & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code_point >> 18));
    out.push_back(static_cast<char>(0x80 | (code_point >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code_point >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code_point & 0x3f)));
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (static_cast<unsigned char>(c) < 32) {
          static constexpr char kHex[] = "0123456789abcdef";
          out += "\\u00";
          out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
          out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void append_jsonb(std::string& out, JsonbView node) {
  switch (node.kind()) {
    case JsonKind::null:
      out += "null";
      return;
    case JsonKind::boolean:
      out += node.truth() ? "true" : "false";
      return;
    case JsonKind::string:
      return append_json_string(out, node.string());
    case JsonKind::number:
      return append_numeric(out, node.number());
    case JsonKind::array:
      out.push_back('[');
      for (std::uint32_t i = 0; i < node.count(); ++i) {
        if (i != 0) out += ", ";
        append_jsonb(out, node.element(i));
      }
      out.push_back(']');
      return;
    case JsonKind::object:
      out.push_back('{');
      for (std::uint32_t i = 0; i < node.count(); ++i) {
        if (i != 0) out += ", ";
        append_json_string(out, node.key(i));
        out += ": ";
        append_jsonb(out, node.value(i));
      }
      out.push_back('}');
      return;
  }
}

void append_jsonb_pretty(std::string& out, JsonbView node) { append_pretty(out, node, 0); }

int compare_jsonb_documents(JsonbView left, JsonbView right) {
  // A scalar document is kept by PostgreSQL as an array of one element with a mark, and compares as one.
  const bool array_left = left.kind() == JsonKind::array;
  const bool array_right = right.kind() == JsonKind::array;
  if (array_left && !right.is_container()) return left.count() >= 1 ? 1 : -1;
  if (array_right && !left.is_container()) return right.count() >= 1 ? -1 : 1;
  return compare_nodes(left, right);
}

std::uint64_t hash_jsonb_node(JsonbView node) {
  std::uint64_t hash = mix_hash(static_cast<std::uint64_t>(node.kind()) + 1);
  const auto add_text = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash = mix_hash(hash + text.size());
  };
  switch (node.kind()) {
    case JsonKind::null:
      break;
    case JsonKind::boolean:
      hash += node.truth() ? 1 : 2;
      break;
    case JsonKind::string:
      add_text(node.string());
      break;
    case JsonKind::number:
      hash ^= hash_numeric(node.number());
      break;
    case JsonKind::array:
      for (std::uint32_t i = 0; i < node.count(); ++i) hash = mix_hash(hash * 31 + hash_jsonb_node(node.element(i)));
      break;
    case JsonKind::object:
      for (std::uint32_t i = 0; i < node.count(); ++i) {
        add_text(node.key(i));
        hash = mix_hash(hash * 31 + hash_jsonb_node(node.value(i)));
      }
      break;
  }
  return mix_hash(hash);
}

const char* json_kind_name(JsonKind kind) noexcept {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::string:
      return "string";
    case JsonKind::number:
      return "number";
    case JsonKind::boolean:
      return "boolean";
    case JsonKind::array:
      return "array";
    case JsonKind::object:
      return "object";
  }
  return "";
}

namespace {

/// Any element of the array is a container's match for `wanted`.
bool some_element_contains(JsonbView array, JsonbView wanted) {
  for (std::uint32_t i = 0; i < array.count(); ++i) {
    const JsonbView element = array.element(i);
    if (element.kind() != wanted.kind()) continue;
    if (wanted.is_container() ? jsonb_contains(element, wanted) : compare_nodes(element, wanted) == 0) return true;
  }
  return false;
}

}  // namespace

bool jsonb_contains(JsonbView left, JsonbView right) {
  if (left.kind() == JsonKind::object && right.kind() == JsonKind::object) {
    if (left.count() < right.count()) return false;
    for (std::uint32_t i = 0; i < right.count(); ++i) {
      const std::optional<JsonbView> found = left.find(right.key(i));
      const JsonbView wanted = right.value(i);
      if (!found || found->kind() != wanted.kind()) return false;
      if (wanted.is_container() ? !jsonb_contains(*found, wanted) : compare_nodes(*found, wanted) != 0) return false;
    }
    return true;
  }
  if (left.kind() == JsonKind::array) {
    // Manual 8.14.3: as a special exception, an array may contain a primitive value.
    if (!right.is_container()) return some_element_contains(left, right);
    if (right.kind() != JsonKind::array) return false;
    for (std::uint32_t i = 0; i < right.count(); ++i) {
      if (!some_element_contains(left, right.element(i))) return false;
    }
    return true;
  }
  return !left.is_container() && !right.is_container() && compare_nodes(left, right) == 0;
}

}  // namespace orrery::sim::database
