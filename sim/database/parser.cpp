#include "sim/database/parser.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <memory>
#include <unordered_map>

#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

// PostgreSQL limits recursion by stack depth. A text needs a bracket, or a keyword of a few letters, for each level;
// the words that nest without brackets (NOT, CASE, SELECT … UNION) are bounded through the size of an operator chain.
constexpr int kMaxBrackets = 200;
constexpr std::size_t kMaxText = 1U << 20U;

/// Counts brackets outside of string literals and comments well enough for a cap: it may over-count, never crash.
void check_nesting(std::string_view sql) {
  if (sql.size() > kMaxText) fail("54000", "statement text is too long for the simulated database");
  int depth = 0;
  int words = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'' || c == '"') {
      for (++i; i < sql.size() && sql[i] != c; ++i) {
      }
    } else if (c == '(' || c == '[') {
      if (++depth > kMaxBrackets) {
        fail("54001", "stack depth limit exceeded", static_cast<std::int32_t>(i + 1), {},
             "The simulated database nests expressions " + std::to_string(kMaxBrackets) + " deep at most.");
      }
    } else if (c == ')' || c == ']') {
      --depth;
    } else if ((c == 'n' || c == 'N' || c == '-' || c == '+' || c == '~' || c == '@' || c == '!')) {
      ++words;  // prefix operators and NOT nest without brackets
    }
  }
  if (words > 20000) fail("54001", "stack depth limit exceeded");
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
using Trees = std::unordered_map<std::string, std::shared_ptr<const ParseTree>, TextHash, std::equal_to<>>;  // lookup only

/// libpg_query does not give SQLSTATEs: nearly all of its errors are 42601 (gram.y, scan.l).
std::string_view state_of(std::string_view message, std::string_view sql) {
  // Of E'', not of U&''.
  if (message == "invalid Unicode escape" && sql.find("U&") == std::string_view::npos && sql.find("u&") == std::string_view::npos) return "22025";
  if (message.starts_with("column number must be in range")) return "22023";
  return "42601";
}

/// "trailing junk after … at or near "1a"": libpg_query's scanner stops at the first letter, the server's reads the whole word.
void finish_junk(std::string& message, std::string_view sql) {
  if (!message.starts_with("trailing junk after ") || !message.ends_with('"')) return;
  const std::size_t quote = message.find('"');
  const std::string word = message.substr(quote + 1, message.size() - quote - 2);
  const std::size_t at = sql.find(word);
  if (word.empty() || at == std::string_view::npos) return;
  std::size_t end = at + word.size();
  if (word.ends_with('+') || word.ends_with('-')) return;
  const auto continues = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || (static_cast<unsigned char>(c) & 0x80U) != 0; };
  while (end < sql.size() && continues(sql[end])) ++end;
  message = message.substr(0, quote + 1) + std::string(sql.substr(at, end - at)) + "\"";
}

/// A name of the server's own, which libpg_query's grammar does not know that nobody may write.
void name_reserved_option(std::string& message) {
  if (message == "unrecognized column option \"__pg__is_not_null\"") {
    message = "option name \"__pg__is_not_null\" cannot be used in XMLTABLE";
  }
}

}  // namespace

ParseTree::ParseTree(std::string_view sql) {
  check_nesting(sql);
  const std::string text(sql);  // the grammar wants a terminating zero
  if (text.find('\0') != std::string::npos) fail("22021", "invalid byte sequence for encoding \"UTF8\": 0x00");
  struct FreeResult {
    void operator()(PgQueryProtobufParseResult* result) const {
      pg_query_free_protobuf_parse_result(*result);
      delete result;
    }
  };
  const std::unique_ptr<PgQueryProtobufParseResult, FreeResult> parsed(
      new PgQueryProtobufParseResult(pg_query_parse_protobuf(text.c_str())));
  if (parsed->error != nullptr) {
    std::string message = parsed->error->message;
    finish_junk(message, text);
    name_reserved_option(message);
    fail(state_of(message, text), message, std::max(0, parsed->error->cursorpos));
  }
  result_ = pg_query__parse_result__unpack(nullptr, parsed->parse_tree.len,
                                           reinterpret_cast<const std::uint8_t*>(parsed->parse_tree.data));
  CHECK(result_ != nullptr, "libpg_query gives a tree that unpacks");
}

ParseTree::~ParseTree() {
  if (result_ != nullptr) pg_query__parse_result__free_unpacked(result_, nullptr);
}

std::size_t ParseTree::size() const noexcept { return result_->n_stmts; }

const PgQuery__Node& ParseTree::statement(std::size_t index) const { return *result_->stmts[index]->stmt; }

std::shared_ptr<const ParseTree> parse(std::string_view sql) {
  // A tree depends on nothing but its text, so no run can tell whether another one had it made.
  static thread_local Trees trees;
  constexpr std::size_t kMaxTrees = 2'000;  // services have some hundred texts; those with literals in them come once
  const auto found = trees.find(sql);
  if (found != trees.end()) return found->second;
  auto tree = std::make_shared<const ParseTree>(sql);
  if (trees.size() >= kMaxTrees) trees.clear();
  trees.emplace(std::string(sql), tree);
  return tree;
}

std::string statement_text(const PgQuery__Node& node, std::string* error) {
  PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
  raw.stmt = const_cast<PgQuery__Node*>(&node);
  PgQuery__RawStmt* raws[] = {&raw};
  PgQuery__ParseResult tree = PG_QUERY__PARSE_RESULT__INIT;
  tree.n_stmts = 1;
  tree.stmts = raws;
  std::string packed(pg_query__parse_result__get_packed_size(&tree), '\0');
  pg_query__parse_result__pack(&tree, reinterpret_cast<std::uint8_t*>(packed.data()));
  PgQueryProtobuf wrapped{};
  wrapped.data = packed.data();
  wrapped.len = static_cast<unsigned int>(packed.size());
  const PgQueryDeparseResult result = pg_query_deparse_protobuf(wrapped);
  std::string text = result.error == nullptr ? result.query : "";
  if (error != nullptr) *error = result.error == nullptr ? "" : result.error->message;
  pg_query_free_deparse_result(result);
  return text;
}

std::string expression_text(const PgQuery__Node& node) {
  // What is written out is a whole statement: SELECT <expression>.
  PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
  target.val = const_cast<PgQuery__Node*>(&node);
  PgQuery__Node target_node = PG_QUERY__NODE__INIT;
  target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
  target_node.res_target = &target;
  PgQuery__Node* targets[] = {&target_node};
  PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
  select.n_target_list = 1;
  select.target_list = targets;
  select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
  select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
  PgQuery__Node statement = PG_QUERY__NODE__INIT;
  statement.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
  statement.select_stmt = &select;
  std::string text = statement_text(statement);
  return text.starts_with("SELECT ") ? text.substr(7) : text;
}

std::int32_t character_position(std::string_view sql, std::int32_t byte_position) noexcept {
  std::int32_t characters = 0;
  const auto bytes = std::min<std::size_t>(sql.size(), static_cast<std::size_t>(std::max(0, byte_position)));
  for (std::size_t i = 0; i < bytes; ++i) characters += (static_cast<unsigned char>(sql[i]) & 0xC0U) != 0x80U;
  return characters;
}

}  // namespace orrery::sim::database
