// SQL values as JSON: to_jsonb, jsonb_build_object and their relatives.

#include <cmath>

#include "sim/database/types/datetime.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/numeric.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

/// Text of a value that has no form of its own in JSON; times are in ISO 8601 with a T.
std::string scalar_text(TypeRef type, const Value& value) {
  std::string text;
  if (type.is(Type::timestamptz) || type.is(Type::timestamp)) {
    append_timestamp(text, value.integer(), type.base == Type::timestamptz, true);
  } else {
    append_output_text(text, type, value);
  }
  return text;
}

bool is_number(TypeRef type) {
  switch (type.base) {
    case Type::int2:
    case Type::int4:
    case Type::int8:
    case Type::numeric:
    case Type::float4:
    case Type::float8:
      return !type.is_array;
    default:
      return false;
  }
}

void append_array_level(JsonbBuilder& out, const ArrayData& array, std::size_t depth, std::size_t& next) {
  out.begin_array();
  const std::int32_t length = array.dimensions.empty() ? 0 : array.dimensions[depth].length;
  for (std::int32_t i = 0; i < length; ++i) {
    if (depth + 1 < array.dimensions.size()) {
      append_array_level(out, array, depth + 1, next);
    } else {
      append_to_jsonb(out, array.element, array.elements[next++]);
    }
  }
  out.end_array();
}

void append_array_level(std::string& out, const ArrayData& array, std::size_t depth, std::size_t& next) {
  out.push_back('[');
  const std::int32_t length = array.dimensions.empty() ? 0 : array.dimensions[depth].length;
  for (std::int32_t i = 0; i < length; ++i) {
    if (i != 0) out.push_back(',');
    if (depth + 1 < array.dimensions.size()) {
      append_array_level(out, array, depth + 1, next);
    } else {
      append_to_json(out, array.element, array.elements[next++]);
    }
  }
  out.push_back(']');
}

Value build_jsonb_object(Arguments a, const CallSite& site, const EvalContext&) {
  if (a.size() % 2 != 0) {
    raise("22023", "argument list must have even number of elements", {},
          "The arguments of jsonb_build_object() must consist of alternating keys and values.");
  }
  JsonbBuilder out;
  out.begin_object();
  for (std::size_t i = 0; i < a.size(); i += 2) {
    if (a[i].is_null()) raise("22023", "argument " + std::to_string(i + 1) + ": key must not be null");
    out.key(json_key_text(site.arguments[i], a[i]));
    append_to_jsonb(out, site.arguments[i + 1], a[i + 1]);
  }
  out.end_object();
  return out.finish();
}

Value build_jsonb_array(Arguments a, const CallSite& site, const EvalContext&) {
  JsonbBuilder out;
  out.begin_array();
  for (std::size_t i = 0; i < a.size(); ++i) append_to_jsonb(out, site.arguments[i], a[i]);
  out.end_array();
  return out.finish();
}

Value build_json_object(Arguments a, const CallSite& site, const EvalContext&) {
  if (a.size() % 2 != 0) {
    raise("22023", "argument list must have even number of elements", {},
          "The arguments of json_build_object() must consist of alternating keys and values.");
  }
  std::string out = "{";
  for (std::size_t i = 0; i < a.size(); i += 2) {
    if (i != 0) out += ", ";
    if (a[i].is_null())
      raise("22023", "argument " + std::to_string(i + 1) + " cannot be null", {}, "Object keys should be text.");
    append_json_string(out, json_key_text(site.arguments[i], a[i]));
    out += " : ";
    append_to_json(out, site.arguments[i + 1], a[i + 1]);
  }
  out.push_back('}');
  return Value::bytes(out);
}

Value build_json_array(Arguments a, const CallSite& site, const EvalContext&) {
  std::string out = "[";
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i != 0) out += ", ";
    append_to_json(out, site.arguments[i], a[i]);
  }
  out.push_back(']');
  return Value::bytes(out);
}

Value jsonb_object_of_arrays(Arguments a, const CallSite&, const EvalContext&) {
  const ArrayData& keys = a[0].array();
  const ArrayData& values = a.size() == 2 ? a[1].array() : a[0].array();
  JsonbBuilder out;
  out.begin_object();
  if (a.size() == 2) {
    if (keys.dimensions.size() > 1 || keys.dimensions.size() != values.dimensions.size()) {
      raise("2202E", "wrong number of array subscripts");
    }
    if (keys.elements.size() != values.elements.size()) raise("2202E", "mismatched array dimensions");
  } else if (keys.dimensions.size() > 1) {
    raise_unsupported("jsonb_object() of a two-dimensional array");
  } else if (keys.elements.size() % 2 != 0) {
    raise("2202E", "array must have even number of elements");
  }
  const std::size_t step = a.size() == 2 ? 1 : 2;
  for (std::size_t i = 0; i < keys.elements.size(); i += step) {
    if (keys.elements[i].is_null()) raise("22004", "null value not allowed for object key");
    out.key(keys.elements[i].bytes());
    const Value& value = values.elements[i + step - 1];
    if (value.is_null()) {
      out.null();
    } else {
      out.string(value.bytes());
    }
  }
  out.end_object();
  return out.finish();
}

Value to_jsonb(Arguments a, const CallSite& site, const EvalContext&) {
  JsonbBuilder out;
  append_to_jsonb(out, site.arguments[0], a[0]);
  return out.finish();
}

Value to_json(Arguments a, const CallSite& site, const EvalContext&) {
  std::string out;
  append_to_json(out, site.arguments[0], a[0]);
  return Value::bytes(out);
}

}  // namespace

std::string json_key_text(TypeRef type, const Value& value) {
  if (type.is_array || type.is(Type::record) || type.is(Type::json) || type.is(Type::jsonb)) {
    if (!type.is(Type::jsonb) || JsonbView(value).is_container()) {
      raise("22023", "key value must be scalar, not array, composite, or json");
    }
    if (JsonbView(value).kind() == JsonKind::string) return std::string(JsonbView(value).string());
  }
  if (type.is(Type::boolean)) return value.boolean() ? "true" : "false";
  return scalar_text(type, value);
}

void append_to_jsonb(JsonbBuilder& builder, TypeRef type, const Value& value) {
  if (value.is_null()) return builder.null();
  if (type.is_array) {
    std::size_t next = 0;
    return append_array_level(builder, value.array(), 0, next);
  }
  switch (type.base) {
    case Type::boolean:
      return builder.boolean(value.boolean());
    case Type::int2:
    case Type::int4:
    case Type::int8:
      return builder.number(numeric_from_integer(value.integer()));
    case Type::numeric:
    case Type::float4:
    case Type::float8: {
      const std::string text = scalar_text(type, value);
      // NaN and the infinities are no JSON numbers.
      if (text.find_first_of("Nn") != std::string::npos) return builder.string(text);
      return builder.number(type.base == Type::numeric ? value : numeric_from_text(text));
    }
    case Type::jsonb:
      return builder.copy(JsonbView(value));
    case Type::json: {
      const Value parsed = parse_jsonb(value.bytes());
      return builder.copy(JsonbView(parsed));
    }
    case Type::record: {
      const RecordData& record = value.record();
      builder.begin_object();
      for (std::size_t i = 0; i < record.fields.size(); ++i) {
        builder.key(record.shape->names[i]);
        append_to_jsonb(builder, record.shape->types[i], record.fields[i]);
      }
      return builder.end_object();
    }
    default:
      return builder.string(scalar_text(type, value));
  }
}

void append_to_json(std::string& out, TypeRef type, const Value& value) {
  if (value.is_null()) {
    out += "null";
    return;
  }
  if (type.is_array) {
    std::size_t next = 0;
    return append_array_level(out, value.array(), 0, next);
  }
  if (is_number(type)) {
    const std::string text = scalar_text(type, value);
    if (text.find_first_of("Nn") != std::string::npos) return append_json_string(out, text);
    out += text;
    return;
  }
  switch (type.base) {
    case Type::boolean:
      out += value.boolean() ? "true" : "false";
      return;
    case Type::json:
      out += value.bytes();
      return;
    case Type::jsonb:
      return append_jsonb(out, JsonbView(value));
    case Type::record: {
      const RecordData& record = value.record();
      out.push_back('{');
      for (std::size_t i = 0; i < record.fields.size(); ++i) {
        if (i != 0) out.push_back(',');
        append_json_string(out, record.shape->names[i]);
        out.push_back(':');
        append_to_json(out, record.shape->types[i], record.fields[i]);
      }
      out.push_back('}');
      return;
    }
    default:
      return append_json_string(out, scalar_text(type, value));
  }
}

void register_json_builders(Registry& registry) {
  registry.function("to_jsonb(anyelement) -> jsonb", to_jsonb, kStable);
  registry.function("to_json(anyelement) -> json", to_json, kStable);
  registry.function("row_to_json(record) -> json", to_json, kStable);
  registry.function("array_to_json(anyarray) -> json", to_json, kStable);
  registry.function("jsonb_build_object() -> jsonb", build_jsonb_object, kStable | kNullable);
  registry.function("jsonb_build_object(variadic any) -> jsonb", build_jsonb_object, kStable | kNullable);
  registry.function("jsonb_build_array() -> jsonb", build_jsonb_array, kStable | kNullable);
  registry.function("jsonb_build_array(variadic any) -> jsonb", build_jsonb_array, kStable | kNullable);
  registry.function("json_build_object() -> json", build_json_object, kStable | kNullable);
  registry.function("json_build_object(variadic any) -> json", build_json_object, kStable | kNullable);
  registry.function("json_build_array() -> json", build_json_array, kStable | kNullable);
  registry.function("json_build_array(variadic any) -> json", build_json_array, kStable | kNullable);
  registry.function("jsonb_object(text[]) -> jsonb", jsonb_object_of_arrays);
  registry.function("jsonb_object(text[], text[]) -> jsonb", jsonb_object_of_arrays);
}

}  // namespace orrery::sim::database
