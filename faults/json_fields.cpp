#include "faults/json_fields.hpp"

#include <algorithm>
#include <charconv>

namespace orrery {

Json parse_json(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …; last read: '…'"
    std::string what = error.what();
    if (const std::size_t end = what.find("] "); end != std::string::npos) what.erase(0, end + 2);
    if (const std::size_t end = what.find("; last read"); end != std::string::npos) what.resize(end);
    std::ranges::replace(what, '\n', ' ');
    throw MalformedPlan("", what);
  }
}

std::string element_path(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

JsonFields::JsonFields(const Json& object, std::string path, std::initializer_list<std::string_view> known)
    : object_(object), path_(std::move(path)) {
  if (!object.is_object()) throw MalformedPlan(path_, std::string("expected an object, found ") + object.type_name());
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string names;
    for (const std::string_view one : known) names += (names.empty() ? "" : ", ") + std::string(one);
    throw MalformedPlan(path_of(name), "unknown member; known: " + names);
  }
}

std::string JsonFields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void JsonFields::fail(std::string_view name, const std::string& what) const { throw MalformedPlan(path_of(name), what); }

const Json& JsonFields::member(std::string_view name) const {
  const auto found = object_.find(name);
  if (found == object_.end()) fail(name, "is missing");
  return *found;
}

const Json& JsonFields::array(std::string_view name) const {
  const Json& value = member(name);
  if (!value.is_array()) fail(name, std::string("expected an array, found ") + value.type_name());
  return value;
}

std::string JsonFields::text(std::string_view name) const {
  const Json& value = member(name);
  if (!value.is_string()) fail(name, std::string("expected a string, found ") + value.type_name());
  return value.get<std::string>();
}

std::string JsonFields::text(std::string_view name, std::string_view otherwise) const {
  return has(name) ? text(name) : std::string(otherwise);
}

Duration JsonFields::duration(std::string_view name) const {
  const std::string written = text(name);
  const std::optional<Duration> duration = parse_duration(written);
  if (!duration) fail(name, "\"" + written + "\" is not a duration such as \"250ms\", \"30s\" or \"5m\"");
  return *duration;
}

std::int64_t JsonFields::integer(std::string_view name) const {
  const Json& value = member(name);
  if (!value.is_number_integer()) fail(name, std::string("expected an integer, found ") + value.type_name());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    fail(name, "is too large");
  }
  return value.get<std::int64_t>();
}

std::uint64_t JsonFields::natural(std::string_view name) const {
  const Json& value = member(name);
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
  }
  fail(name, "expected a whole number from 0 to 18446744073709551615");
}

}  // namespace orrery
