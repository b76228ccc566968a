#include <set>

#include "sim/database/copy_format.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/types/utf8.hpp"

namespace orrery::sim::database {
namespace {

using Option = PgQuery__DefElem;

/// An option's value as a word. Throws 42601 if there is none.
std::string word_of(const Option& option) {
  if (option.arg == nullptr) fail("42601", std::string(option.defname) + " requires a parameter");
  switch (option.arg->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
      return option.arg->string->sval;
    case PG_QUERY__NODE__NODE_INTEGER:
      return std::to_string(option.arg->integer->ival);
    case PG_QUERY__NODE__NODE_FLOAT:
      return option.arg->float_->fval;
    case PG_QUERY__NODE__NODE_BOOLEAN:
      return option.arg->boolean->boolval ? "true" : "false";
    default:
      fail_unsupported("this value of the option " + std::string(option.defname) + " of COPY", position_of(option.location));
  }
}

std::optional<bool> truth_of(const Option& option) {
  if (option.arg == nullptr) return true;
  const std::string word = ascii_lower(word_of(option));
  const bool is_number = option.arg->node_case == PG_QUERY__NODE__NODE_INTEGER;
  if (is_number ? word == "1" : word == "true" || word == "on") return true;
  if (is_number ? word == "0" : word == "false" || word == "off") return false;
  return std::nullopt;
}

CopyOptions::Columns columns_of(const Option& option) {
  CopyOptions::Columns columns;
  if (option.arg != nullptr && option.arg->node_case == PG_QUERY__NODE__NODE_A_STAR && option.defname == std::string_view("force_quote")) {
    columns.all = true;
    return columns;
  }
  if (option.arg == nullptr || option.arg->node_case != PG_QUERY__NODE__NODE_LIST) {
    fail("22023", "argument to option " + in_quotes(option.defname) + " must be a list of column names", position_of(option.location));
  }
  for (const Node* name : Nodes(option.arg->list->items, option.arg->list->n_items)) columns.names.emplace_back(name->string->sval);
  return columns;
}

CopyOptions::Header header_of(const Option& option, bool is_from) {
  if (const auto truth = truth_of(option)) return *truth ? CopyOptions::Header::skipped : CopyOptions::Header::none;
  const std::string word = word_of(option);
  if (ascii_lower(word) != "match") fail("42601", "header requires a Boolean value or \"match\"");
  if (!is_from) fail("0A000", "cannot use " + in_quotes(word) + " with HEADER in COPY TO");
  return CopyOptions::Header::matched;
}

/// The words of the options before their defaults are known.
struct Given {
  std::optional<std::string> delimiter;
  std::optional<std::string> null_text;
  std::optional<std::string> quote;
  std::optional<std::string> escape;
};

void take_option(const Option& option, bool is_from, CopyOptions& options, Given& given) {
  const std::string_view name = option.defname;
  if (name == "format") {
    const std::string format = word_of(option);
    if (format == "binary") fail_unsupported("COPY in the binary format", position_of(option.location));
    if (format != "text" && format != "csv") {
      fail("22023", "COPY format " + in_quotes(format) + " not recognized", position_of(option.location));
    }
    options.is_csv = format == "csv";
  } else if (name == "freeze") {
    const auto truth = truth_of(option);
    if (!truth) fail("42601", "freeze requires a Boolean value");
    options.freezes = *truth;
  } else if (name == "delimiter") {
    given.delimiter = word_of(option);
  } else if (name == "null") {
    given.null_text = word_of(option);
  } else if (name == "header") {
    options.header = header_of(option, is_from);
  } else if (name == "quote") {
    given.quote = word_of(option);
  } else if (name == "escape") {
    given.escape = word_of(option);
  } else if (name == "force_quote") {
    options.force_quote = columns_of(option);
  } else if (name == "force_not_null") {
    options.force_not_null = columns_of(option);
  } else if (name == "force_null") {
    options.force_null = columns_of(option);
  } else if (name == "encoding") {
    const std::string encoding = ascii_lower(word_of(option));
    if (encoding != "utf8" && encoding != "utf-8" && encoding != "unicode") {
      fail_unsupported("COPY in another encoding than UTF8", position_of(option.location));
    }
  } else if (name == "convert_selectively") {
    fail_unsupported("the option convert_selectively of COPY", position_of(option.location));
  } else {
    fail("42601", "option " + in_quotes(name) + " not recognized", position_of(option.location));
  }
}

void require_one_byte(const std::string& text, const char* what) {
  if (text.size() != 1) fail("0A000", std::string("COPY ") + what + " must be a single one-byte character");
}

bool has_line_end(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

void apply(const Given& given, CopyOptions& options) {
  const std::string delimiter = given.delimiter.value_or(options.is_csv ? "," : "\t");
  options.null_text = given.null_text.value_or(options.is_csv ? "" : "\\N");
  require_one_byte(delimiter, "delimiter");
  if (has_line_end(delimiter)) fail("22023", "COPY delimiter cannot be newline or carriage return");
  if (has_line_end(options.null_text)) fail("22023", "COPY null representation cannot use newline or carriage return");
  options.delimiter = delimiter[0];
  // Letters and digits would be taken for escapes.
  constexpr std::string_view kEscapes = "\\.abcdefghijklmnopqrstuvwxyz0123456789";
  if (!options.is_csv && kEscapes.find(options.delimiter) != std::string_view::npos) {
    fail("22023", "COPY delimiter cannot be " + in_quotes(delimiter));
  }
  if (!options.is_csv && given.quote) fail("0A000", "COPY quote available only in CSV mode");
  if (options.is_csv) {
    const std::string quote = given.quote.value_or("\"");
    require_one_byte(quote, "quote");
    options.quote = quote[0];
    if (options.quote == options.delimiter) fail("22023", "COPY delimiter and quote must be different");
  }
  if (!options.is_csv && given.escape) fail("0A000", "COPY escape available only in CSV mode");
  if (options.is_csv) {
    const std::string escape = given.escape.value_or(std::string(1, options.quote));
    require_one_byte(escape, "escape");
    options.escape = escape[0];
  }
}

void check_forced(const CopyOptions::Columns& columns, const char* what, bool is_csv, bool fits, const char* only) {
  if (!columns.all && columns.names.empty()) return;
  if (!is_csv) fail("0A000", std::string("COPY ") + what + " available only in CSV mode");
  if (!fits) fail("0A000", std::string("COPY ") + what + " only available using " + only);
}

}  // namespace

CopyOptions copy_options(Nodes nodes, bool is_from) {
  CopyOptions options;
  Given given;
  std::set<std::string_view> names;
  for (const Node* node : nodes) {
    const Option& option = *node->def_elem;
    if (!names.insert(option.defname).second) fail("42601", "conflicting or redundant options", position_of(option.location));
    take_option(option, is_from, options, given);
  }
  apply(given, options);
  check_forced(options.force_quote, "force quote", options.is_csv, !is_from, "COPY TO");
  check_forced(options.force_not_null, "force not null", options.is_csv, is_from, "COPY FROM");
  check_forced(options.force_null, "force null", options.is_csv, is_from, "COPY FROM");
  if (options.null_text.find(options.delimiter) != std::string::npos) {
    fail("0A000", "COPY delimiter must not appear in the NULL specification");
  }
  if (options.is_csv && options.null_text.find(options.quote) != std::string::npos) {
    fail("0A000", "CSV quote character must not appear in the NULL specification");
  }
  return options;
}

}  // namespace orrery::sim::database
