// Type json: the text as it was written, with its operators and functions.

#include "sim/database/types/json.hpp"

#include <charconv>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/json_parser.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

struct Checker {
  static constexpr bool kDecodes = false;
  void null() {}
  void boolean(bool) {}
  void number(std::string_view) {}
  void string(std::string_view) {}
  void key(std::string_view) {}
  void begin_object() {}
  void end_object() {}
  void begin_array() {}
  void end_array() {}
};

struct DecodingChecker : Checker {
  static constexpr bool kDecodes = true;
};

struct StringTaker {
  static constexpr bool kDecodes = true;
  std::string text;
  void null() {}
  void boolean(bool) {}
  void number(std::string_view) {}
  void string(std::string_view value) { text = value; }
  void key(std::string_view) {}
  void begin_object() {}
  void end_object() {}
  void begin_array() {}
  void end_array() {}
};

std::string decoded(std::string_view quoted) {
  StringTaker taker;
  JsonParser<StringTaker>(quoted, taker).parse();
  return std::move(taker.text);
}

/// Type json takes \u escapes of half a character; whoever looks into it does not. Throws 22P02, 22P05.
void require_decodable(std::string_view json) {
  if (json.find("\\u") == std::string_view::npos) return;
  DecodingChecker checker;
  JsonParser<DecodingChecker>(json, checker).parse();
}

/// Walks over JSON that is known to be valid, giving the members' text as it stands.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(trim_spaces(text)) {}

  [[nodiscard]] JsonKind kind() const {
    switch (rest_.front()) {
      case '{':
        return JsonKind::object;
      case '[':
        return JsonKind::array;
      case '"':
        return JsonKind::string;
      case 't':
      case 'f':
        return JsonKind::boolean;
      case 'n':
        return JsonKind::null;
      default:
        return JsonKind::number;
    }
  }

  /// Calls `each(key, value)` for the members of an object, with the key decoded, or of an array, with an empty key,
  /// until it gives false.
  template <class Each>
  void members(Each each) {
    const bool is_object = kind() == JsonKind::object;
    rest_.remove_prefix(1);
    skip_spaces();
    while (rest_.front() != '}' && rest_.front() != ']') {
      std::string key;
      if (is_object) {
        key = decoded(value());
        skip_spaces();
        rest_.remove_prefix(1);  // the colon
        skip_spaces();
      }
      if (!each(key, value())) return;
      skip_spaces();
      if (rest_.front() == ',') rest_.remove_prefix(1);
      skip_spaces();
    }
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }

  std::string_view value() {
    std::size_t size = 0;
    int depth = 0;
    do {
      const char c = rest_[size];
      if (c == '"') {
        for (++size; rest_[size] != '"'; ++size) {
          if (rest_[size] == '\\') ++size;
        }
        ++size;
      } else if (c == '{' || c == '[') {
        ++depth;
        ++size;
      } else if (c == '}' || c == ']') {
        --depth;
        ++size;
      } else if (depth > 0) {
        ++size;
      } else {
        while (size < rest_.size() && (is_letter(rest_[size]) || is_digit(rest_[size]) || rest_[size] == '.' ||
                                       rest_[size] == '-' || rest_[size] == '+')) {
          ++size;
        }
      }
    } while (depth > 0);
    const std::string_view result = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return result;
  }

  std::string_view rest_;
};

using Part = std::optional<std::string>;

Part member(std::string_view json, std::string_view key) {
  require_decodable(json);
  Cursor cursor(json);
  if (cursor.kind() != JsonKind::object) return std::nullopt;
  Part found;  // of equal keys the last one
  cursor.members([&](const std::string& name, std::string_view value) {
    if (name == key) found = value;
    return true;
  });
  return found;
}

Part element(std::string_view json, std::int64_t index) {
  require_decodable(json);
  Cursor cursor(json);
  if (cursor.kind() != JsonKind::array) return std::nullopt;
  if (index < 0) {
    std::int64_t count = 0;
    Cursor(json).members([&](const std::string&, std::string_view) {
      ++count;
      return true;
    });
    index += count;
    if (index < 0) return std::nullopt;
  }
  Part found;
  cursor.members([&](const std::string&, std::string_view value) {
    if (index-- == 0) found = value;
    return !found.has_value();
  });
  return found;
}

Part follow(std::string_view json, const ArrayData& path) {
  require_decodable(json);
  std::string current(json);
  for (const Value& step : path.elements) {
    if (step.is_null()) return std::nullopt;
    Part next;
    const JsonKind kind = Cursor(current).kind();
    if (kind == JsonKind::object) {
      next = member(current, step.bytes());
    } else if (kind == JsonKind::array) {
      std::int32_t index = 0;
      const std::string_view text = step.bytes();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
      if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
      next = element(current, index);
    }
    if (!next) return std::nullopt;
    current = std::move(*next);
  }
  return current;
}

Value as_json(const Part& part) { return part ? Value::bytes(*part) : Value(); }
Value as_text(std::string_view json) {
  switch (Cursor(json).kind()) {
    case JsonKind::null:
      return {};
    case JsonKind::string:
      return Value::bytes(decoded(json));
    default:
      return Value::bytes(json);
  }
}
Value as_text(const Part& part) { return part ? as_text(std::string_view(*part)) : Value(); }

void expand_array(const Value& json, bool text, std::vector<Value>& cells) {
  Cursor cursor(json.bytes());
  if (cursor.kind() == JsonKind::object) {
    raise("22023", std::string("cannot call json_array_elements") + (text ? "_text" : "") + " on a non-array");
  }
  if (cursor.kind() != JsonKind::array) {
    raise("22023", std::string("cannot call json_array_elements") + (text ? "_text" : "") + " on a scalar");
  }
  if (text) require_decodable(json.bytes());
  cursor.members([&](const std::string&, std::string_view value) {
    cells.push_back(text ? as_text(value) : Value::bytes(value));
    return true;
  });
}

void expand_object(const Value& json, bool text, std::vector<Value>& cells) {
  Cursor cursor(json.bytes());
  if (cursor.kind() == JsonKind::array) raise("22023", "cannot deconstruct an array as an object");
  if (cursor.kind() != JsonKind::object) raise("22023", "cannot deconstruct a scalar");
  require_decodable(json.bytes());
  cursor.members([&](const std::string& key, std::string_view value) {
    cells.push_back(Value::bytes(key));
    cells.push_back(text ? as_text(value) : Value::bytes(value));
    return true;
  });
}

}  // namespace

void check_json(std::string_view text) {
  Checker checker;
  JsonParser<Checker>(text, checker).parse();
}

void register_json(Registry& registry) {
  using Site = CallSite;
  using Context = EvalContext;
  registry.op("json -> text -> json",
              [](Arguments a, const Site&, const Context&) { return as_json(member(a[0].bytes(), a[1].bytes())); });
  registry.op("json -> int4 -> json",
              [](Arguments a, const Site&, const Context&) { return as_json(element(a[0].bytes(), a[1].integer())); });
  registry.op("json ->> text -> text",
              [](Arguments a, const Site&, const Context&) { return as_text(member(a[0].bytes(), a[1].bytes())); });
  registry.op("json ->> int4 -> text",
              [](Arguments a, const Site&, const Context&) { return as_text(element(a[0].bytes(), a[1].integer())); });
  registry.op("json #> text[] -> json",
              [](Arguments a, const Site&, const Context&) { return as_json(follow(a[0].bytes(), a[1].array())); });
  registry.op("json #>> text[] -> text",
              [](Arguments a, const Site&, const Context&) { return as_text(follow(a[0].bytes(), a[1].array())); });
  registry.function("json_typeof(json) -> text", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(json_kind_name(Cursor(a[0].bytes()).kind()));
  });
  registry.function("json_array_length(json) -> int4", [](Arguments a, const Site&, const Context&) {
    Cursor cursor(a[0].bytes());
    if (cursor.kind() == JsonKind::object) raise("22023", "cannot get array length of a non-array");
    if (cursor.kind() != JsonKind::array) raise("22023", "cannot get array length of a scalar");
    std::int64_t count = 0;
    cursor.members([&](const std::string&, std::string_view) {
      ++count;
      return true;
    });
    return Value::integer(count);
  });
  registry.set_function(
      "json_array_elements(json) -> setof (value json)",
      [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) { expand_array(a[0], false, cells); });
  registry.set_function(
      "json_array_elements_text(json) -> setof (value text)",
      [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) { expand_array(a[0], true, cells); });
  registry.set_function(
      "json_each(json) -> setof (key text, value json)",
      [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) { expand_object(a[0], false, cells); });
  registry.set_function(
      "json_each_text(json) -> setof (key text, value text)",
      [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) { expand_object(a[0], true, cells); });
  registry.set_function("json_object_keys(json) -> setof text",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          Cursor cursor(a[0].bytes());
                          if (cursor.kind() == JsonKind::array)
                            raise("22023", "cannot call json_object_keys on an array");
                          if (cursor.kind() != JsonKind::object)
                            raise("22023", "cannot call json_object_keys on a scalar");
                          require_decodable(a[0].bytes());
                          cursor.members([&](const std::string& key, std::string_view) {
                            cells.push_back(Value::bytes(key));
                            return true;
                          });
                        });
}

}  // namespace orrery::sim::database
