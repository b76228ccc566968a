#include "sim/database/types/registry.hpp"

#include <utility>

#include "runtime/check.hpp"

namespace orrery::sim::database {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

TypeRef parse_type(std::string_view text) {
  bool array = false;
  if (text.ends_with("[]")) {
    array = true;
    text.remove_suffix(2);
  }
  const std::optional<Type> type =
      text == "any" || text == "\"any\"" ? std::optional<Type>(Type::any) : type_by_name(text);
  CHECK(type.has_value(), text);
  TypeRef ref(*type);
  ref.is_array = array;
  return ref;
}

/// Splits "a int4, b text?" and calls `each(name, type, has_default)`.
template <class Each>
void parse_list(std::string_view list, Each each) {
  list = trim(list);
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : trim(list.substr(comma + 1));
    const bool has_default = item.ends_with('?');
    if (has_default) item.remove_suffix(1);
    const std::size_t space = item.find(' ');
    const std::string_view name = space == std::string_view::npos ? std::string_view{} : item.substr(0, space);
    each(name, space == std::string_view::npos ? item : trim(item.substr(space + 1)), has_default);
  }
}

}  // namespace

/// Reads "name(arguments) -> result" into a new entry.
Function& Registry::add(std::string_view signature, unsigned flags) {
  Function& function = all_.emplace_back();
  function.is_strict = (flags & kNullable) == 0;
  function.volatility = (flags & kVolatile) != 0 ? Volatility::volatile_
                        : (flags & kStable) != 0 ? Volatility::stable
                                                 : Volatility::immutable;
  const std::size_t open = signature.find('(');
  const std::size_t arrow = signature.find(") -> ");
  CHECK(open != std::string_view::npos && arrow != std::string_view::npos, signature);
  function.name = signature.substr(0, open);
  bool named = false;
  parse_list(signature.substr(open + 1, arrow - open - 1),
             [&](std::string_view name, std::string_view type, bool has_default) {
               if (name == "variadic") {
                 function.is_variadic = true;
                 name = {};
               }
               named = named || !name.empty();
               function.arguments.push_back(parse_type(type));
               function.argument_names.push_back(name);
               if (has_default) ++function.default_arguments;
             });
  if (!named) function.argument_names.clear();
  std::string_view result = trim(signature.substr(arrow + 5));
  if (result.starts_with("setof ")) {
    function.kind = FunctionKind::set_returning;
    result = trim(result.substr(6));
    if (result.starts_with('(')) {
      parse_list(result.substr(1, result.size() - 2), [&](std::string_view name, std::string_view type, bool) {
        function.column_names.push_back(name);
        function.column_types.push_back(parse_type(type));
      });
      function.result = function.column_types.size() == 1 ? function.column_types[0] : TypeRef(Type::record);
      return function;
    }
  }
  function.result = parse_type(result);
  return function;
}

void Registry::function(std::string_view signature, ScalarImplementation call, unsigned flags) {
  Function& function = add(signature, flags);
  function.call = call;
  functions_[function.name].push_back(&function);
}

void Registry::set_function(std::string_view signature, SetImplementation call, unsigned flags) {
  Function& function = add(signature, flags);
  CHECK(function.kind == FunctionKind::set_returning, signature);
  function.call_set = call;
  functions_[function.name].push_back(&function);
}

void Registry::aggregate(std::string_view signature, AggregateFactory factory) {
  Function& function = add(signature, kNullable);
  function.kind = FunctionKind::aggregate;
  function.aggregate = factory;
  functions_[function.name].push_back(&function);
}

void Registry::ordered_set_aggregate(std::string_view signature, std::uint8_t direct, AggregateFactory factory) {
  Function& function = add(signature, kNullable);
  function.kind = FunctionKind::ordered_set_aggregate;
  function.direct_arguments = direct;
  function.aggregate = factory;
  functions_[function.name].push_back(&function);
}

void Registry::op(std::string_view signature, ScalarImplementation call, unsigned flags) {
  Function& function = all_.emplace_back();
  function.is_strict = (flags & kNullable) == 0;
  function.volatility = (flags & kStable) != 0 ? Volatility::stable : Volatility::immutable;
  const std::size_t arrow = signature.rfind(" -> ");
  CHECK(arrow != std::string_view::npos, signature);
  function.result = parse_type(trim(signature.substr(arrow + 4)));
  std::string_view words[3];
  std::size_t count = 0;
  for (std::string_view rest = trim(signature.substr(0, arrow)); !rest.empty();) {
    const std::size_t space = rest.find(' ');
    CHECK(count < 3, signature);
    words[count++] = rest.substr(0, space);
    rest = space == std::string_view::npos ? std::string_view{} : trim(rest.substr(space));
  }
  CHECK(count >= 2, signature);
  if (count == 3) function.arguments.push_back(parse_type(words[0]));
  function.name = words[count - 2];
  function.arguments.push_back(parse_type(words[count - 1]));
  function.call = call;
  operators_[function.name].push_back(&function);
}

std::span<const Function* const> Registry::functions(std::string_view name) const {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return {};
  return found->second;
}

std::span<const Function* const> Registry::operators(std::string_view name) const {
  const auto found = operators_.find(name);
  if (found == operators_.end()) return {};
  return found->second;
}

Registry::Registry() {
  register_comparisons(*this);
  register_integers(*this);
  register_floats(*this);
  register_numeric(*this);
  register_text(*this);
  register_like(*this);
  register_bytes(*this);
  register_datetime(*this);
  register_intervals(*this);
  register_json(*this);
  register_jsonb(*this);
  register_json_builders(*this);
  register_arrays(*this);
  register_series(*this);
  register_aggregates(*this);
  register_json_aggregates(*this);
  register_statistics(*this);
  register_system(*this);
  register_catalogs(*this);
}

const Registry& Registry::get() {
  static const Registry registry;
  return registry;
}

bool function_exists(std::string_view name) noexcept { return !Registry::get().functions(name).empty(); }

}  // namespace orrery::sim::database
