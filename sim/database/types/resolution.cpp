// Which function or operator a call means: PostgreSQL 15 manual, chapter 10 (type conversion).

#include <algorithm>
#include <utility>

#include "runtime/check.hpp"
#include "sim/database/types/errors.hpp"
#include "sim/database/types/postgres_names.hpp"
#include "sim/database/types/registry.hpp"

namespace orrery::sim::database {
namespace {

/// A function together with the argument types that it would be called with: variadic ones repeated, defaults added.
struct Candidate {
  const Function* function;  // null: only a real server has it
  std::vector<TypeRef> declared;
  std::vector<std::string_view> foreign = {};  // of such a one: its types that are not simulated, in the words of pg_type

  [[nodiscard]] TypeCategory category(std::size_t argument) const {
    if (argument >= foreign.size() || foreign[argument].empty()) return category_of(declared[argument]);
    return static_cast<TypeCategory>(postgres_category(foreign[argument]).letter);
  }
  [[nodiscard]] bool is_of(std::size_t argument, TypeRef type) const {
    return (argument >= foreign.size() || foreign[argument].empty()) && declared[argument].same(type);
  }
  [[nodiscard]] bool prefers(std::size_t argument) const {
    if (argument >= foreign.size() || foreign[argument].empty()) return is_preferred(declared[argument]);
    return postgres_category(foreign[argument]).is_preferred;
  }
};

/// For polymorphic functions: what anyelement, anyarray and anycompatible stand for.
struct Polymorphic {
  bool fits = true;
  std::string error;  // when it does not fit: the message
  std::optional<TypeRef> element;
  std::optional<TypeRef> compatible;
};

bool is_plain_family(Type type) {
  return type == Type::anyelement || type == Type::anynonarray || type == Type::anyenum || type == Type::anyarray;
}

Polymorphic bind_polymorphic(std::span<const TypeRef> declared, std::span<const TypeRef> actual) {
  Polymorphic bound;
  std::optional<TypeRef> array;
  std::vector<TypeRef> compatible;
  bool any_plain = false;
  bool any_compatible = false;
  for (std::size_t i = 0; i < declared.size(); ++i) {
    const Type want = declared[i].base;
    const TypeRef have = actual[i].without_typmod();
    if (is_plain_family(want)) any_plain = true;
    if (want == Type::anycompatible || want == Type::anycompatiblearray) any_compatible = true;
    if (have.is_unknown()) continue;
    switch (want) {
      case Type::anyelement:
      case Type::anynonarray:
      case Type::anyenum:
        if (bound.element && !bound.element->same(have)) {
          bound.error = "arguments declared \"anyelement\" are not all alike";
          bound.fits = false;
        }
        if (want == Type::anynonarray && have.is_array) bound.fits = false;
        if (want == Type::anyenum && !have.is(Type::enumeration)) bound.fits = false;
        bound.element = have;
        break;
      case Type::anyarray:
        if (!have.is_array) {
          bound.fits = false;
          bound.error = "argument declared anyarray is not an array but type " + type_name(have);
          break;
        }
        if (array && !array->same(have)) {
          bound.error = "arguments declared \"anyarray\" are not all alike";
          bound.fits = false;
        }
        array = have;
        break;
      case Type::anycompatible:
        compatible.push_back(have);
        break;
      case Type::anycompatiblearray:
        if (!have.is_array) {
          bound.fits = false;
        } else {
          compatible.push_back(have.element());
        }
        break;
      default:
        break;
    }
  }
  if (array) {
    if (bound.element && !bound.element->same(array->element())) {
      bound.error = "argument declared anyarray is not consistent with argument declared anyelement";
      bound.fits = false;
    }
    bound.element = array->element();
  }
  if (any_plain && !bound.element && bound.error.empty()) {
    bound.error = "could not determine polymorphic type because input has type unknown";
  }
  if (any_compatible && bound.fits) {
    // Like common_type, but a mismatch is no error here: the candidate does not fit.
    std::optional<TypeRef> common;
    for (const TypeRef type : compatible) {
      if (!common || common->same(type)) {
        common = type;
      } else if (category_of(*common) != category_of(type)) {
        bound.fits = false;
      } else if (!is_preferred(*common) && coerces_implicitly(*common, type) && !coerces_implicitly(type, *common)) {
        common = type;
      }
    }
    bound.compatible = common.value_or(TypeRef(Type::text));
    for (const TypeRef type : compatible) {
      if (!coerces_implicitly(type, *bound.compatible)) bound.fits = false;
    }
  }
  return bound;
}

TypeRef bind(TypeRef declared, const Polymorphic& bound, TypeRef actual) {
  switch (declared.base) {
    case Type::any:
      return actual;
    case Type::anyelement:
    case Type::anynonarray:
    case Type::anyenum:
      return bound.element.value_or(TypeRef(Type::unknown));
    case Type::anyarray:
      return bound.element ? bound.element->array() : TypeRef(Type::unknown);
    case Type::anycompatible:
      return *bound.compatible;
    case Type::anycompatiblearray:
      return bound.compatible->array();
    default:
      return declared;
  }
}

bool accepts(TypeRef declared, TypeRef actual) {
  if (actual.is_unknown()) return true;
  switch (declared.base) {
    case Type::any:
    case Type::anyelement:
    case Type::anycompatible:
      return true;
    case Type::anynonarray:
      return !actual.is_array;
    case Type::anyarray:
    case Type::anycompatiblearray:
      return actual.is_array;
    case Type::anyenum:
      return actual.is(Type::enumeration);
    default:
      return coerces_implicitly(actual, declared);
  }
}

bool accepts_all(const Candidate& candidate, std::span<const TypeRef> actual) {
  bool generic = false;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!accepts(candidate.declared[i], actual[i])) return false;
    generic = generic || is_polymorphic(candidate.declared[i].base);
  }
  const std::span<const TypeRef> declared(candidate.declared.data(), actual.size());
  return !generic || bind_polymorphic(declared, actual).fits;
}

/// Keeps those for which `score` is highest.
template <class Score>
void keep_best(std::vector<Candidate>& candidates, Score score) {
  int best = 0;
  for (const Candidate& candidate : candidates) best = std::max(best, score(candidate));
  std::erase_if(candidates, [&](const Candidate& candidate) { return score(candidate) < best; });
}

/// For an argument of unknown type: the category that the candidates agree on, or string if any of them takes it.
struct UnknownSlot {
  bool resolved = true;
  TypeCategory category = TypeCategory::unknown;
  bool has_preferred = false;
};

UnknownSlot resolve_unknown(const std::vector<Candidate>& candidates, std::size_t argument) {
  UnknownSlot slot;
  bool first = true;
  bool conflict = false;
  for (const Candidate& candidate : candidates) {
    const TypeCategory category = candidate.category(argument);
    if (first) {
      slot.category = category;
      slot.has_preferred = candidate.prefers(argument);
      first = false;
    } else if (category == slot.category) {
      slot.has_preferred = slot.has_preferred || candidate.prefers(argument);
    } else if (category == TypeCategory::string) {
      slot.category = category;
      slot.has_preferred = candidate.prefers(argument);
    } else {
      conflict = true;
    }
  }
  slot.resolved = !conflict || slot.category == TypeCategory::string;
  return slot;
}

/// Manual 10.2 step 3 and 10.3 step 4. Nothing: ambiguous.
const Candidate* choose(std::vector<Candidate>& candidates, std::span<const TypeRef> actual) {
  const auto unknowns = static_cast<std::size_t>(
      std::count_if(actual.begin(), actual.end(), [](TypeRef type) { return type.is_unknown(); }));
  if (unknowns < actual.size()) {
    keep_best(candidates, [&](const Candidate& candidate) {
      int matches = 0;
      for (std::size_t i = 0; i < actual.size(); ++i) {
        if (!actual[i].is_unknown() && candidate.is_of(i, actual[i])) ++matches;
      }
      return matches;
    });
    if (candidates.size() == 1) return candidates.data();
  }
  keep_best(candidates, [&](const Candidate& candidate) {
    int matches = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
      if (actual[i].is_unknown()) continue;
      if (candidate.is_of(i, actual[i]) || (candidate.category(i) == category_of(actual[i]) && candidate.prefers(i))) ++matches;
    }
    return matches;
  });
  if (candidates.size() == 1) return candidates.data();
  if (unknowns == 0) return nullptr;

  std::vector<UnknownSlot> slots(actual.size());
  bool resolved = true;
  for (std::size_t i = 0; i < actual.size() && resolved; ++i) {
    if (!actual[i].is_unknown()) continue;
    slots[i] = resolve_unknown(candidates, i);
    resolved = slots[i].resolved;
  }
  if (resolved) {
    std::vector<Candidate> kept;
    for (const Candidate& candidate : candidates) {
      bool keep = true;
      for (std::size_t i = 0; i < actual.size(); ++i) {
        if (!actual[i].is_unknown()) continue;
        if (candidate.category(i) != slots[i].category || (slots[i].has_preferred && !candidate.prefers(i))) keep = false;
      }
      if (keep) kept.push_back(candidate);
    }
    if (!kept.empty()) candidates = std::move(kept);
    if (candidates.size() == 1) return candidates.data();
  }

  // Last: if all known arguments have one type, take the unknown ones for that type too.
  if (unknowns == actual.size()) return nullptr;
  TypeRef known;
  for (const TypeRef type : actual) {
    if (type.is_unknown()) continue;
    if (!known.is_unknown() && !known.same(type)) return nullptr;
    known = type;
  }
  const std::vector<TypeRef> assumed(actual.size(), known);
  const Candidate* chosen = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!accepts_all(candidate, assumed)) continue;
    if (chosen != nullptr) return nullptr;
    chosen = &candidate;
  }
  return chosen;
}

ResolvedCall make_call(const Candidate& candidate, std::span<const TypeRef> actual) {
  const Function& function = *candidate.function;
  ResolvedCall call;
  call.function = &function;
  const bool generic = std::any_of(candidate.declared.begin(), candidate.declared.end(),
                                   [](TypeRef type) { return is_polymorphic(type.base); });
  Polymorphic bound;
  if (generic) {
    std::vector<TypeRef> padded(actual.begin(), actual.end());
    padded.resize(candidate.declared.size());
    bound = bind_polymorphic(candidate.declared, padded);
    const bool only_any = std::none_of(candidate.declared.begin(), candidate.declared.end(), [](TypeRef type) {
      return is_polymorphic(type.base) && type.base != Type::any;
    });
    if (!bound.error.empty() && !only_any) raise("42804", bound.error);
  }
  for (std::size_t i = 0; i < candidate.declared.size(); ++i) {
    call.site.arguments.push_back(
        bind(candidate.declared[i], bound, i < actual.size() ? actual[i] : TypeRef(Type::unknown)));
  }
  call.site.result = bind(function.result, bound, TypeRef(Type::unknown));
  for (std::size_t i = 0; i < function.column_names.size(); ++i) {
    call.column_names.emplace_back(function.column_names[i]);
    call.column_types.push_back(bind(function.column_types[i], bound, TypeRef(Type::unknown)));
  }
  if (function.kind == FunctionKind::set_returning && function.column_names.empty()) {
    call.column_names.emplace_back(function.name);
    call.column_types.push_back(call.site.result);
  }
  return call;
}

std::string list_types(std::span<const TypeRef> types, std::span<const std::string> names) {
  std::string list;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (i != 0) list += ", ";
    if (i < names.size() && !names[i].empty()) list += names[i] + " => ";
    list += type_name(types[i]);
  }
  return list;
}

/// A type in pg_type's words, if it is simulated.
std::optional<TypeRef> simulated_type(std::string_view name) {
  const bool is_array = name.starts_with('_');
  if (is_array) name.remove_prefix(1);
  const std::optional<Type> type = name == "any" ? std::optional<Type>(Type::any) : type_by_name(name);
  if (!type) return std::nullopt;
  TypeRef ref(*type);
  ref.is_array = is_array;
  return ref;
}

/// The call of one that PostgreSQL has, if it takes these arguments. What is of a type that is not simulated takes only
/// unknown literals.
std::optional<Candidate> taken_by(const PostgresSignature& signature, std::span<const TypeRef> actual) {
  std::vector<std::string_view> types = signature.types;
  if (signature.is_variadic) {
    if (actual.size() < types.size()) return std::nullopt;
    const std::string_view repeated = types.back();
    types.back() = repeated == "any" ? repeated : repeated.substr(1);
    types.resize(actual.size(), types.back());
  }
  if (actual.size() > types.size() || actual.size() + signature.defaults < types.size()) return std::nullopt;
  Candidate candidate{nullptr, {}, {}};
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const std::optional<TypeRef> declared = simulated_type(types[i]);
    // A cast that only PostgreSQL has may lead to it, too.
    const bool is_cast = !actual[i].is_array && !(declared && accepts(*declared, actual[i])) &&
                         postgres_has_implicit_cast(catalog_name(actual[i].base), types[i]);
    if (!declared && !actual[i].is_unknown() && !is_cast) return std::nullopt;
    candidate.declared.push_back(is_cast ? actual[i] : declared.value_or(TypeRef(Type::text)));
    candidate.foreign.push_back(declared && !is_cast ? std::string_view() : types[i]);
  }
  if (!accepts_all(candidate, actual)) return std::nullopt;
  return candidate;
}

bool takes(const PostgresSignature& signature, std::span<const TypeRef> actual) { return taken_by(signature, actual).has_value(); }

/// Adds what only a real server has and what an unknown argument could mean, too.
void add_foreign(std::vector<Candidate>& candidates, const std::vector<PostgresSignature>& known, std::span<const TypeRef> actual) {
  if (std::none_of(actual.begin(), actual.end(), [](TypeRef type) { return type.is_unknown(); })) return;
  const std::size_t simulated = candidates.size();
  for (const PostgresSignature& signature : known) {
    std::optional<Candidate> candidate = taken_by(signature, actual);
    if (!candidate) continue;
    const bool is_simulated = std::any_of(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(simulated), [&](const Candidate& each) {
      for (std::size_t i = 0; i < actual.size(); ++i) {
        if (!candidate->foreign[i].empty() || !each.declared[i].same(candidate->declared[i])) return false;
      }
      return true;
    });
    if (!is_simulated) candidates.push_back(std::move(*candidate));
  }
}

bool takes_any_of(const std::vector<PostgresSignature>& signatures, std::span<const TypeRef> actual) {
  return std::any_of(signatures.begin(), signatures.end(), [&](const PostgresSignature& each) { return takes(each, actual); });
}

/// PostgreSQL's operators of that name with one or two sides; of a prefix operator only its argument is left.
std::vector<PostgresSignature> operators_of(std::string_view name, bool has_left) {
  std::vector<PostgresSignature> known = postgres_operators(name);
  std::erase_if(known, [&](const PostgresSignature& each) { return (each.types[0] == "-") == has_left; });
  if (!has_left) {
    for (PostgresSignature& each : known) each.types.erase(each.types.begin());
  }
  return known;
}

[[noreturn]] void raise_no_operator(std::string_view name, std::optional<TypeRef> left, TypeRef right) {
  const std::string signature =
      (left ? type_name(*left) + " " : std::string{}) + std::string(name) + " " + type_name(right);
  std::vector<TypeRef> actual;
  if (left) actual.push_back(left->without_typmod());
  actual.push_back(right.without_typmod());
  if (takes_any_of(operators_of(name, left.has_value()), actual)) raise_unsupported("operator " + signature);
  raise("42883", "operator does not exist: " + signature, {},
        left ? "No operator matches the given name and argument types. You might need to add explicit type casts."
             : "No operator matches the given name and argument type. You might need to add an explicit type cast.");
}

/// The candidate's declared types for a call with these arguments, or nothing if their number or names do not fit.
std::optional<std::vector<TypeRef>> fit(const Function& function, std::size_t given) {
  std::vector<TypeRef> declared = function.arguments;
  if (function.is_variadic) {
    const TypeRef last = declared.back();
    const TypeRef repeated = last.base == Type::any ? last : last.element();
    declared.pop_back();
    if (given <= declared.size()) return std::nullopt;
    declared.resize(given, repeated);
    return declared;
  }
  if (given > declared.size() || given + function.default_arguments < declared.size()) return std::nullopt;
  return declared;
}

}  // namespace

void refuse_unsimulated_cast(TypeRef from, TypeRef to) {
  if (from.is_array != to.is_array || !postgres_has_cast(catalog_name(from.base), catalog_name(to.base))) return;
  raise_unsupported("a cast of type " + type_name(from) + " to " + type_name(to));
}

ResolvedCall resolve_operator(std::string_view name, std::optional<TypeRef> left, TypeRef right) {
  std::vector<TypeRef> actual;
  if (left) actual.push_back(left->without_typmod());
  actual.push_back(right.without_typmod());
  const std::span<const Function* const> all = Registry::get().operators(name == "!=" ? "<>" : name);

  // An unknown operand is first taken for the other operand's type.
  std::vector<TypeRef> exact = actual;
  if (exact.size() == 2) {
    if (exact[0].is_unknown()) exact[0] = exact[1];
    if (exact[1].is_unknown()) exact[1] = exact[0];
  }
  std::vector<Candidate> candidates;
  for (const Function* function : all) {
    if (function->arguments.size() != actual.size()) continue;
    Candidate candidate{function, function->arguments};
    if (std::equal(exact.begin(), exact.end(), candidate.declared.begin(),
                   [](TypeRef a, TypeRef b) { return a.same(b); })) {
      return make_call(candidate, exact);
    }
    if (accepts_all(candidate, actual)) candidates.push_back(std::move(candidate));
  }
  if (candidates.empty()) raise_no_operator(name, left, right);
  add_foreign(candidates, operators_of(name == "!=" ? "<>" : name, left.has_value()), actual);
  const Candidate* chosen = candidates.size() == 1 ? candidates.data() : choose(candidates, actual);
  if (chosen == nullptr) {
    const std::string signature =
        (left ? type_name(*left) + " " : std::string{}) + std::string(name) + " " + type_name(right);
    raise("42725", "operator is not unique: " + signature, {},
          "Could not choose a best candidate operator. You might need to add explicit type casts.");
  }
  if (chosen->function == nullptr) {
    raise_unsupported("operator " + (left ? type_name(*left) + " " : std::string{}) + std::string(name) + " " + type_name(right));
  }
  return make_call(*chosen, actual);
}

ResolvedCall resolve_function(std::string_view name, std::span<const TypeRef> arguments,
                              std::span<const std::string> argument_names) {
  std::vector<TypeRef> actual;
  for (const TypeRef type : arguments) actual.push_back(type.without_typmod());
  const auto named = static_cast<std::size_t>(std::count_if(argument_names.begin(), argument_names.end(),
                                                            [](const std::string& given) { return !given.empty(); }));

  std::vector<Candidate> candidates;
  for (const Function* function : Registry::get().functions(name)) {
    if (named != 0) {
      // Named notation: the caller's order may differ and any argument with a default may be missing.
      std::vector<TypeRef> placed(function->arguments.size());
      std::vector<bool> given(function->arguments.size(), false);
      std::vector<std::size_t> places(actual.size());
      bool fits = !function->argument_names.empty() && actual.size() <= placed.size();
      for (std::size_t i = 0; i < actual.size() && fits; ++i) {
        std::size_t place = i;
        if (!argument_names[i].empty()) {
          const auto found = std::find(function->argument_names.begin(), function->argument_names.end(),
                                       std::string_view(argument_names[i]));
          fits = found != function->argument_names.end();
          place = static_cast<std::size_t>(found - function->argument_names.begin());
        }
        if (!fits || given[place]) {
          fits = false;
          break;
        }
        given[place] = true;
        places[i] = place;
        placed[place] = actual[i];
      }
      for (std::size_t i = 0; i + function->default_arguments < placed.size() && fits; ++i) fits = given[i];
      if (!fits) continue;
      Candidate candidate{function, function->arguments};
      if (accepts_all(candidate, placed)) {
        ResolvedCall call = make_call(candidate, placed);
        call.places = std::move(places);
        return call;
      }
      continue;
    }
    std::optional<std::vector<TypeRef>> declared = fit(*function, actual.size());
    if (!declared) continue;
    Candidate candidate{function, std::move(*declared)};
    if (std::equal(actual.begin(), actual.end(), candidate.declared.begin(),
                   [](TypeRef a, TypeRef b) { return a.same(b); })) {
      return make_call(candidate, actual);
    }
    if (accepts_all(candidate, actual)) candidates.push_back(std::move(candidate));
  }
  const std::string signature = std::string(name) + "(" + list_types(arguments, argument_names) + ")";
  if (candidates.empty()) {
    const std::vector<PostgresSignature> known = postgres_functions(name);
    if (named != 0 ? !known.empty() && Registry::get().functions(name).empty() : takes_any_of(known, actual)) {
      raise_unsupported("function " + signature);
    }
    if (actual.size() == 1 && postgres_has_type(name) && !type_by_name(name)) raise_unsupported("type " + std::string(name));
    raise("42883", "function " + signature + " does not exist", {},
          "No function matches the given name and argument types. You might need to add explicit type casts.");
  }
  if (named == 0) add_foreign(candidates, postgres_functions(name), actual);
  const Candidate* chosen = candidates.size() == 1 ? candidates.data() : choose(candidates, actual);
  if (chosen == nullptr) {
    raise("42725", "function " + signature + " is not unique", {},
          "Could not choose a best candidate function. You might need to add explicit type casts.");
  }
  if (chosen->function == nullptr) raise_unsupported("function " + signature);
  return make_call(*chosen, actual);
}

TypeRef common_type(std::span<const TypeRef> types, std::string_view construct) {
  TypeRef common = types.empty() ? TypeRef(Type::text) : types.front().without_typmod();
  for (const TypeRef with_typmod : types) {
    const TypeRef type = with_typmod.without_typmod();
    if (type.is_unknown() || type.same(common)) continue;
    if (common.is_unknown()) {
      common = type;
    } else if (category_of(type) != category_of(common)) {
      raise("42804",
            std::string(construct) + " types " + type_name(common) + " and " + type_name(type) + " cannot be matched");
    } else if (!is_preferred(common) && coerces_implicitly(common, type) && !coerces_implicitly(type, common)) {
      common = type;
    }
  }
  if (common.is_unknown()) return TypeRef(Type::text);
  // All alike, typmod included: keep it.
  const bool alike = std::all_of(types.begin(), types.end(), [&](TypeRef type) { return type == types.front(); });
  return alike ? types.front() : common;
}

}  // namespace orrery::sim::database
