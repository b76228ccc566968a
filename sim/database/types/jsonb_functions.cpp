// Operators and functions on jsonb: reading parts, testing, and changing (manual, 9.16).

#include <charconv>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"
#include "sim/database/types/scan.hpp"

namespace orrery::sim::database {
namespace {

using Node = std::optional<JsonbView>;

Value as_document(const Node& node) { return node ? Value::bytes(node->bytes()) : Value(); }

/// What ->> gives: strings without quotes, JSON null as NULL.
Value as_text(const Node& node) {
  if (!node || node->kind() == JsonKind::null) return {};
  if (node->kind() == JsonKind::string) return Value::bytes(node->string());
  std::string text;
  append_jsonb(text, *node);
  return Value::bytes(text);
}

Node member(JsonbView node, std::string_view key) {
  if (node.kind() != JsonKind::object) return std::nullopt;
  return node.find(key);
}

/// Negative indexes count from the end.
Node element(JsonbView node, std::int64_t index) {
  if (node.kind() != JsonKind::array) return std::nullopt;
  if (index < 0) index += node.count();
  if (index < 0 || index >= node.count()) return std::nullopt;
  return node.element(static_cast<std::uint32_t>(index));
}

/// As PostgreSQL's -> has it: a scalar document counts as an array of one.
Node element_of_document(JsonbView document, std::int64_t index) {
  if (document.is_container()) return element(document, index);
  return index == 0 || index == -1 ? Node(document) : std::nullopt;
}

/// An array index in a path: an int4 and nothing else.
std::optional<std::int32_t> path_index(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  std::int32_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return index;
}

Node follow(JsonbView node, const ArrayData& path) {
  for (const Value& step : path.elements) {
    if (step.is_null()) return std::nullopt;
    Node next;
    if (node.kind() == JsonKind::object) {
      next = node.find(step.bytes());
    } else if (node.kind() == JsonKind::array) {
      const std::optional<std::int32_t> index = path_index(step.bytes());
      if (!index) return std::nullopt;
      next = element(node, *index);
    }
    if (!next) return std::nullopt;
    node = *next;
  }
  return node;
}

bool has_key(JsonbView node, std::string_view key) {
  switch (node.kind()) {
    case JsonKind::object:
      return node.find(key).has_value();
    case JsonKind::array:
      for (std::uint32_t i = 0; i < node.count(); ++i) {
        const JsonbView item = node.element(i);
        if (item.kind() == JsonKind::string && item.string() == key) return true;
      }
      return false;
    case JsonKind::string:
      return node.string() == key;
    default:
      return false;
  }
}

Value concatenate(const Value& left_value, const Value& right_value) {
  const JsonbView left(left_value);
  const JsonbView right(right_value);
  JsonbBuilder out;
  if (left.kind() == JsonKind::object && right.kind() == JsonKind::object) {
    out.begin_object();
    for (const JsonbView& object : {left, right}) {
      for (std::uint32_t i = 0; i < object.count(); ++i) {
        out.key(object.key(i));
        out.copy(object.value(i));
      }
    }
    out.end_object();
    return out.finish();
  }
  // Everything else is joined as arrays: what is no array becomes an array of one.
  out.begin_array();
  for (const JsonbView& part : {left, right}) {
    if (part.kind() == JsonKind::array) {
      for (std::uint32_t i = 0; i < part.count(); ++i) out.copy(part.element(i));
    } else {
      out.copy(part);
    }
  }
  out.end_array();
  return out.finish();
}

template <class Dropped>
Value without_entries(JsonbView node, Dropped dropped) {
  JsonbBuilder out;
  const bool is_object = node.kind() == JsonKind::object;
  if (is_object) {
    out.begin_object();
  } else {
    out.begin_array();
  }
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    if (dropped(i)) continue;
    if (is_object) out.key(node.key(i));
    out.copy(is_object ? node.value(i) : node.element(i));
  }
  if (is_object) {
    out.end_object();
  } else {
    out.end_array();
  }
  return out.finish();
}

Value delete_keys(const Value& value, const std::vector<std::string_view>& keys) {
  const JsonbView node(value);
  if (!node.is_container()) raise("22023", "cannot delete from scalar");
  return without_entries(node, [&](std::uint32_t i) {
    std::string_view name;
    if (node.kind() == JsonKind::object) {
      name = node.key(i);
    } else if (node.element(i).kind() == JsonKind::string) {
      name = node.element(i).string();
    } else {
      return false;
    }
    for (const std::string_view key : keys) {
      if (name == key) return true;
    }
    return false;
  });
}

Value delete_index(const Value& value, std::int64_t index) {
  const JsonbView node(value);
  if (node.kind() == JsonKind::object) raise("22023", "cannot delete from object using integer index");
  if (!node.is_container()) raise("22023", "cannot delete from scalar");
  if (index < 0) index += node.count();
  if (index < 0 || index >= node.count()) return value;
  return without_entries(node, [&](std::uint32_t i) { return i == index; });
}

/// One of jsonb_set, jsonb_insert and #-.
struct Change {
  enum class Kind : std::uint8_t { set, insert_before, insert_after, remove };
  Kind kind;
  bool create;
  const ArrayData* path;
  const Value* replacement;

  [[nodiscard]] bool inserts() const { return kind == Kind::insert_before || kind == Kind::insert_after; }
};

void apply_change(JsonbBuilder& out, JsonbView node, const Change& change, std::size_t level);

std::string_view step_at(const Change& change, std::size_t level) {
  const Value& step = change.path->elements[level];
  if (step.is_null()) raise("22004", "path element at position " + std::to_string(level + 1) + " is null");
  return step.bytes();
}

void change_object(JsonbBuilder& out, JsonbView node, const Change& change, std::size_t level) {
  const std::string_view step = step_at(change, level);
  const bool is_last = level + 1 == change.path->elements.size();
  bool found = false;
  out.begin_object();
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    const std::string_view key = node.key(i);
    if (key != step) {
      out.key(key);
      out.copy(node.value(i));
      continue;
    }
    found = true;
    if (!is_last) {
      out.key(key);
      apply_change(out, node.value(i), change, level + 1);
    } else if (change.inserts()) {
      raise("22023", "cannot replace existing key", {}, "Try using the function jsonb_set to replace key value.");
    } else if (change.kind == Change::Kind::set) {
      out.key(key);
      out.copy(JsonbView(*change.replacement));
    }
  }
  if (!found && is_last && (change.inserts() || (change.kind == Change::Kind::set && change.create))) {
    out.key(step);
    out.copy(JsonbView(*change.replacement));
  }
  out.end_object();
}

void change_array(JsonbBuilder& out, JsonbView node, const Change& change, std::size_t level) {
  const std::string_view step = step_at(change, level);
  const std::optional<std::int32_t> parsed = path_index(step);
  if (!parsed) {
    raise("22P02", "path element at position " + std::to_string(level + 1) + " is not an integer: \"" +
                       std::string(step) + "\"");
  }
  const bool is_last = level + 1 == change.path->elements.size();
  std::int64_t index = *parsed;
  const std::int64_t count = node.count();
  bool before_all = false;
  if (index < 0) {
    index += count;
    before_all = index < 0;
  }
  const bool adds = change.inserts() || (change.kind == Change::Kind::set && change.create);
  out.begin_array();
  if (before_all && is_last && adds) out.copy(JsonbView(*change.replacement));
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    const JsonbView item = node.element(i);
    if (before_all || i != index) {
      out.copy(item);
    } else if (!is_last) {
      apply_change(out, item, change, level + 1);
    } else {
      if (change.kind == Change::Kind::insert_before || change.kind == Change::Kind::set) {
        out.copy(JsonbView(*change.replacement));
      }
      if (change.inserts()) out.copy(item);
      if (change.kind == Change::Kind::insert_after) out.copy(JsonbView(*change.replacement));
    }
  }
  if (!before_all && index >= count && is_last && adds) out.copy(JsonbView(*change.replacement));
  out.end_array();
}

void apply_change(JsonbBuilder& out, JsonbView node, const Change& change, std::size_t level) {
  if (level > 5000) raise("54001", "stack depth limit exceeded");
  switch (node.kind()) {
    case JsonKind::object:
      return change_object(out, node, change, level);
    case JsonKind::array:
      return change_array(out, node, change, level);
    default:
      return out.copy(node);
  }
}

Value change_document(const Value& document, const Change& change) {
  const JsonbView node(document);
  if (!node.is_container()) {
    raise("22023", change.kind == Change::Kind::remove ? "cannot delete path in scalar" : "cannot set path in scalar");
  }
  if (change.path->dimensions.size() > 1) raise("2202E", "wrong number of array subscripts");
  if (change.path->elements.empty()) return document;
  if (node.count() == 0 &&
      (change.kind == Change::Kind::remove || (change.kind == Change::Kind::set && !change.create))) {
    return document;
  }
  JsonbBuilder out;
  apply_change(out, node, change, 0);
  return out.finish();
}

void strip_nulls(JsonbBuilder& out, JsonbView node) {
  if (node.kind() == JsonKind::object) {
    out.begin_object();
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      if (node.value(i).kind() == JsonKind::null) continue;
      out.key(node.key(i));
      strip_nulls(out, node.value(i));
    }
    out.end_object();
  } else if (node.kind() == JsonKind::array) {
    out.begin_array();
    for (std::uint32_t i = 0; i < node.count(); ++i) strip_nulls(out, node.element(i));
    out.end_array();
  } else {
    out.copy(node);
  }
}

Value array_length(Arguments a, const CallSite&, const EvalContext&) {
  const JsonbView node(a[0]);
  if (node.kind() == JsonKind::object) raise("22023", "cannot get array length of a non-array");
  if (node.kind() != JsonKind::array) raise("22023", "cannot get array length of a scalar");
  return Value::integer(node.count());
}

JsonbView array_to_expand(const Value& value) {
  const JsonbView node(value);
  if (node.kind() == JsonKind::object) raise("22023", "cannot extract elements from an object");
  if (node.kind() != JsonKind::array) raise("22023", "cannot extract elements from a scalar");
  return node;
}

JsonbView object_to_expand(const Value& value, const char* function) {
  const JsonbView node(value);
  if (node.kind() != JsonKind::object) raise("22023", std::string("cannot call ") + function + " on a non-object");
  return node;
}

void each_pair(JsonbView node, bool text, std::vector<Value>& cells) {
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    cells.push_back(Value::bytes(node.key(i)));
    cells.push_back(text ? as_text(node.value(i)) : as_document(node.value(i)));
  }
}

template <bool text>
Value path_of_arguments(Arguments a, const CallSite&, const EvalContext&) {
  ArrayData path;
  for (const Value& step : a.subspan(1)) path.elements.push_back(step);
  const Node node = follow(JsonbView(a[0]), path);
  return text ? as_text(node) : as_document(node);
}

}  // namespace

void register_jsonb(Registry& registry) {
  using Site = CallSite;
  using Context = EvalContext;
  registry.op("jsonb -> text -> jsonb", [](Arguments a, const Site&, const Context&) {
    return as_document(member(JsonbView(a[0]), a[1].bytes()));
  });
  registry.op("jsonb -> int4 -> jsonb", [](Arguments a, const Site&, const Context&) {
    return as_document(element_of_document(JsonbView(a[0]), a[1].integer()));
  });
  registry.op("jsonb ->> text -> text",
              [](Arguments a, const Site&, const Context&) { return as_text(member(JsonbView(a[0]), a[1].bytes())); });
  registry.op("jsonb ->> int4 -> text", [](Arguments a, const Site&, const Context&) {
    return as_text(element_of_document(JsonbView(a[0]), a[1].integer()));
  });
  registry.op("jsonb #> text[] -> jsonb", [](Arguments a, const Site&, const Context&) {
    return as_document(follow(JsonbView(a[0]), a[1].array()));
  });
  registry.op("jsonb #>> text[] -> text",
              [](Arguments a, const Site&, const Context&) { return as_text(follow(JsonbView(a[0]), a[1].array())); });
  registry.function("jsonb_extract_path(jsonb, variadic text[]) -> jsonb", path_of_arguments<false>);
  registry.function("jsonb_extract_path_text(jsonb, variadic text[]) -> text", path_of_arguments<true>);
  registry.op("jsonb ? text -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(has_key(JsonbView(a[0]), a[1].bytes()));
  });
  registry.op("jsonb ?| text[] -> bool", [](Arguments a, const Site&, const Context&) {
    for (const Value& key : a[1].array().elements) {
      if (!key.is_null() && has_key(JsonbView(a[0]), key.bytes())) return Value::boolean(true);
    }
    return Value::boolean(false);
  });
  registry.op("jsonb ?& text[] -> bool", [](Arguments a, const Site&, const Context&) {
    for (const Value& key : a[1].array().elements) {
      if (!key.is_null() && !has_key(JsonbView(a[0]), key.bytes())) return Value::boolean(false);
    }
    return Value::boolean(true);
  });
  registry.op("jsonb @> jsonb -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(jsonb_contains(JsonbView(a[0]), JsonbView(a[1])));
  });
  registry.op("jsonb <@ jsonb -> bool", [](Arguments a, const Site&, const Context&) {
    return Value::boolean(jsonb_contains(JsonbView(a[1]), JsonbView(a[0])));
  });
  registry.op("jsonb || jsonb -> jsonb",
              [](Arguments a, const Site&, const Context&) { return concatenate(a[0], a[1]); });
  registry.op("jsonb - text -> jsonb",
              [](Arguments a, const Site&, const Context&) { return delete_keys(a[0], {a[1].bytes()}); });
  registry.op("jsonb - int4 -> jsonb",
              [](Arguments a, const Site&, const Context&) { return delete_index(a[0], a[1].integer()); });
  registry.op("jsonb - text[] -> jsonb", [](Arguments a, const Site&, const Context&) {
    std::vector<std::string_view> keys;
    for (const Value& key : a[1].array().elements) {
      if (!key.is_null()) keys.push_back(key.bytes());
    }
    return delete_keys(a[0], keys);
  });
  registry.op("jsonb #- text[] -> jsonb", [](Arguments a, const Site&, const Context&) {
    return change_document(a[0], {Change::Kind::remove, false, &a[1].array(), nullptr});
  });
  registry.function("jsonb_set(jsonb_in jsonb, path text[], replacement jsonb, create_if_missing bool?) -> jsonb",
                    [](Arguments a, const Site&, const Context&) {
                      return change_document(
                          a[0], {Change::Kind::set, a[3].is_null() || a[3].boolean(), &a[1].array(), &a[2]});
                    });
  registry.function("jsonb_insert(jsonb_in jsonb, path text[], replacement jsonb, insert_after bool?) -> jsonb",
                    [](Arguments a, const Site&, const Context&) {
                      const auto kind =
                          !a[3].is_null() && a[3].boolean() ? Change::Kind::insert_after : Change::Kind::insert_before;
                      return change_document(a[0], {kind, false, &a[1].array(), &a[2]});
                    });
  registry.function("jsonb_strip_nulls(jsonb) -> jsonb", [](Arguments a, const Site&, const Context&) {
    JsonbBuilder out;
    strip_nulls(out, JsonbView(a[0]));
    return out.finish();
  });
  registry.function("jsonb_typeof(jsonb) -> text", [](Arguments a, const Site&, const Context&) {
    return Value::bytes(json_kind_name(JsonbView(a[0]).kind()));
  });
  registry.function("jsonb_array_length(jsonb) -> int4", array_length);
  registry.function("jsonb_pretty(jsonb) -> text", [](Arguments a, const Site&, const Context&) {
    std::string text;
    append_jsonb_pretty(text, JsonbView(a[0]));
    return Value::bytes(text);
  });
  registry.set_function("jsonb_array_elements(jsonb) -> setof (value jsonb)",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          const JsonbView node = array_to_expand(a[0]);
                          for (std::uint32_t i = 0; i < node.count(); ++i)
                            cells.push_back(as_document(node.element(i)));
                        });
  registry.set_function("jsonb_array_elements_text(jsonb) -> setof (value text)",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          const JsonbView node = array_to_expand(a[0]);
                          for (std::uint32_t i = 0; i < node.count(); ++i) cells.push_back(as_text(node.element(i)));
                        });
  registry.set_function("jsonb_each(jsonb) -> setof (key text, value jsonb)",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          each_pair(object_to_expand(a[0], "jsonb_each"), false, cells);
                        });
  registry.set_function("jsonb_each_text(jsonb) -> setof (key text, value text)",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          each_pair(object_to_expand(a[0], "jsonb_each_text"), true, cells);
                        });
  registry.set_function("jsonb_object_keys(jsonb) -> setof text",
                        [](Arguments a, const Site&, const Context&, std::vector<Value>& cells) {
                          const JsonbView node(a[0]);
                          if (node.kind() == JsonKind::array)
                            raise("22023", "cannot call jsonb_object_keys on an array");
                          if (node.kind() != JsonKind::object)
                            raise("22023", "cannot call jsonb_object_keys on a scalar");
                          for (std::uint32_t i = 0; i < node.count(); ++i) cells.push_back(Value::bytes(node.key(i)));
                        });
}

}  // namespace orrery::sim::database
