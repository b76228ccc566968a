#include <algorithm>
#include <array>
#include <charconv>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"

// WITH (…), SET (…) and RESET (…) of tables and indexes. Nothing depends on them here: they are checked, kept and shown.

namespace orrery::sim::database {
namespace {

struct Parameter {
  enum class Kind : std::uint8_t { whole, real, truth };
  std::string_view name;
  Kind kind;
  double least = 0;
  double most = 0;
};
using Kind = Parameter::Kind;

constexpr double kMostInt = INT32_MAX;
/// With PostgreSQL's bounds (manual, CREATE TABLE; reloptions.c). Indexes have the first one only.
constexpr std::array kParameters = {
    Parameter{"fillfactor", Kind::whole, 10, 100},
    Parameter{"toast_tuple_target", Kind::whole, 128, 8160},
    Parameter{"parallel_workers", Kind::whole, 0, 1024},
    Parameter{"vacuum_truncate", Kind::truth},
    Parameter{"user_catalog_table", Kind::truth},
    Parameter{"log_autovacuum_min_duration", Kind::whole, -1, kMostInt},
    Parameter{"autovacuum_enabled", Kind::truth},
    Parameter{"autovacuum_vacuum_threshold", Kind::whole, 0, kMostInt},
    Parameter{"autovacuum_vacuum_insert_threshold", Kind::whole, -1, kMostInt},
    Parameter{"autovacuum_analyze_threshold", Kind::whole, 0, kMostInt},
    Parameter{"autovacuum_vacuum_scale_factor", Kind::real, 0, 100},
    Parameter{"autovacuum_vacuum_insert_scale_factor", Kind::real, 0, 100},
    Parameter{"autovacuum_analyze_scale_factor", Kind::real, 0, 100},
    Parameter{"autovacuum_vacuum_cost_delay", Kind::real, 0, 100},
    Parameter{"autovacuum_vacuum_cost_limit", Kind::whole, 1, 10'000},
    Parameter{"autovacuum_freeze_min_age", Kind::whole, 0, 1'000'000'000},
    Parameter{"autovacuum_freeze_max_age", Kind::whole, 100'000, 2'000'000'000},
    Parameter{"autovacuum_freeze_table_age", Kind::whole, 0, 2'000'000'000},
    Parameter{"autovacuum_multixact_freeze_min_age", Kind::whole, 0, 1'000'000'000},
    Parameter{"autovacuum_multixact_freeze_max_age", Kind::whole, 10'000, 2'000'000'000},
    Parameter{"autovacuum_multixact_freeze_table_age", Kind::whole, 0, 2'000'000'000},
};

/// As it is kept; a name without a value is "true".
std::string value_text(const Node* value) {
  if (value == nullptr) return "true";
  switch (value->node_case) {
    case PG_QUERY__NODE__NODE_INTEGER:
      return std::to_string(value->integer->ival);
    case PG_QUERY__NODE__NODE_FLOAT:
      return value->float_->fval;
    case PG_QUERY__NODE__NODE_STRING:
      return value->string->sval;
    case PG_QUERY__NODE__NODE_TYPE_NAME:
      if (value->type_name->n_names == 1) return value->type_name->names[0]->string->sval;
      return {};
    default:
      return {};
  }
}

bool fits(const Parameter& parameter, const std::string& value) {
  if (parameter.kind == Kind::truth) {
    constexpr std::array<std::string_view, 8> kTruths = {"true", "false", "on", "off", "yes", "no", "1", "0"};
    return std::find(kTruths.begin(), kTruths.end(), value) != kTruths.end();
  }
  double number = 0;
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return false;
  if (parameter.kind == Kind::whole && value.find_first_not_of("-0123456789") != std::string::npos) return false;
  return number >= parameter.least && number <= parameter.most;
}

void check(const PgQuery__DefElem& option, const std::string& value, StorageOwner owner) {
  const std::string_view name = option.defname;
  const auto* const found = std::find_if(kParameters.begin(), kParameters.end(), [&](const Parameter& each) { return each.name == name; });
  const bool is_known = found != kParameters.end() && (owner == StorageOwner::table || found == kParameters.begin());
  if (is_known && option.defnamespace[0] == '\0') {
    if (fits(*found, value)) return;
    const bool is_number = option.arg != nullptr && option.arg->node_case == PG_QUERY__NODE__NODE_INTEGER;
    if (found->kind == Kind::whole && is_number) {
      const auto text = [](double bound) { return in_quotes(std::to_string(static_cast<std::int64_t>(bound))); };
      fail("22023", "value " + value + " out of bounds for option " + in_quotes(name), 0,
           "Valid values are between " + text(found->least) + " and " + text(found->most) + ".");
    }
  }
  fail_unsupported("storage parameter " + std::string(name), position_of(option.location));
}

bool names(const std::string& parameter, std::string_view name) {
  return parameter.size() > name.size() && parameter.starts_with(name) && parameter[name.size()] == '=';
}

}  // namespace

std::vector<std::string> storage_parameters(Nodes options, StorageOwner owner, std::vector<std::string> before) {
  std::vector<std::string> added;
  for (const Node* node : options) {
    const PgQuery__DefElem& option = *node->def_elem;
    const std::string name = option.defname;
    const auto is_named = [&](const std::string& each) { return names(each, name); };
    const std::string value = value_text(option.arg);
    check(option, value, owner);
    if (std::any_of(added.begin(), added.end(), is_named)) fail("22023", "parameter " + in_quotes(name) + " specified more than once");
    std::erase_if(before, is_named);
    added.push_back(name + "=" + value);
  }
  before.insert(before.end(), added.begin(), added.end());
  return before;
}

std::vector<std::string> without_storage_parameters(Nodes options, std::vector<std::string> before) {
  for (const Node* node : options) {
    const PgQuery__DefElem& option = *node->def_elem;
    if (option.arg != nullptr) fail("42601", "RESET must not include values for parameters");
    if (option.defnamespace[0] != '\0') {
      fail_unsupported("storage parameter " + std::string(option.defnamespace) + "." + option.defname, position_of(option.location));
    }
    std::erase_if(before, [&](const std::string& each) { return names(each, option.defname); });
  }
  return before;
}

}  // namespace orrery::sim::database
