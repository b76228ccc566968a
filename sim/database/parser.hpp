#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct PgQuery__Node;
struct PgQuery__ParseResult;

namespace orrery::sim::database {

/// The parse tree of a text with any number of statements, as PostgreSQL 15's own grammar gives it (libpg_query).
class ParseTree {
 public:
  /// Throws SqlError: 42601 with PostgreSQL's message and position; 54001 for a text that is nested too deeply (the
  /// grammar has no stack guard of its own).
  explicit ParseTree(std::string_view sql);
  ~ParseTree();
  ParseTree(const ParseTree&) = delete;
  ParseTree& operator=(const ParseTree&) = delete;

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] const PgQuery__Node& statement(std::size_t index) const;

 private:
  PgQuery__ParseResult* result_ = nullptr;
};

/// The tree of a text, kept for the next one who asks for it: each run of a campaign has a server of its own, which is asked
/// the same texts. Throws as ParseTree does.
[[nodiscard]] std::shared_ptr<const ParseTree> parse(std::string_view sql);

/// A statement as SQL, in libpg_query's spelling; empty if it cannot be written out, and `error` says why.
[[nodiscard]] std::string statement_text(const PgQuery__Node& node, std::string* error = nullptr);
/// An expression as SQL, in libpg_query's spelling.
[[nodiscard]] std::string expression_text(const PgQuery__Node& node);

/// The 1-based character (not byte) that PostgreSQL reports for a 1-based byte in UTF-8 text.
[[nodiscard]] std::int32_t character_position(std::string_view sql, std::int32_t byte_position) noexcept;

}  // namespace orrery::sim::database
