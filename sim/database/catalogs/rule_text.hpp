#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/database/catalog.hpp"
#include "sim/database/catalogs/objects.hpp"

namespace orrery::sim::database {

/// Writes definitions as PostgreSQL's ruleutils.c does: what pg_get_expr, pg_get_indexdef and pg_get_constraintdef give. `pretty`:
/// without the parentheses that precedence makes needless, as psql asks for. An expression of a kind that is not known here is
/// given as libpg_query spells it.
class RuleWriter {
 public:
  explicit RuleWriter(const CatalogReader& reader) : reader_(reader) {}

  [[nodiscard]] std::string default_text(const Table& table, const Column& column, bool pretty) const;
  [[nodiscard]] std::string check_text(const Table& table, const CheckConstraint& check, bool pretty) const;
  /// An index's key as an expression, without parentheses around it.
  [[nodiscard]] std::string key_text(const Index& index, const KeyElement& element, bool pretty) const;
  [[nodiscard]] std::string predicate_text(const Index& index, bool pretty) const;
  /// CREATE INDEX …; `qualified`: the table with its schema, whatever the search path.
  [[nodiscard]] std::string index_text(const Index& index, bool pretty, bool qualified) const;
  /// One column of an index, from 1; empty: it has no such one.
  [[nodiscard]] std::string index_column_text(const Index& index, std::size_t column, bool pretty) const;

  [[nodiscard]] std::string constraint_text(const Table& table, const CheckConstraint& check, bool pretty) const;
  [[nodiscard]] static std::string constraint_text(const Index& index);
  [[nodiscard]] std::string constraint_text(const ForeignKey& key) const;
  /// The SELECT of a view with its semicolon. Nothing for one with more than a select list, FROM of relations and WHERE.
  [[nodiscard]] std::optional<std::string> view_text(const View& view, bool pretty) const;
  /// The same; of other views as libpg_query spells it.
  [[nodiscard]] std::string any_view_text(const View& view) const;

 private:
  struct Written {
    std::string text;
    bool is_call = false;  // it looks like a function call, or is a column: an index's key without parentheses
    std::string collation;  // of an index's key: " COLLATE …"
  };
  enum class Use { default_value, generation, check, key, predicate };
  [[nodiscard]] Written write(const Table& table, const std::string& sql, Use use, const Column* column, bool pretty) const;
  [[nodiscard]] std::string element_text(const Index& index, std::size_t place, bool pretty) const;

  const CatalogReader& reader_;
};

/// pg_attribute.attname of an index's columns.
[[nodiscard]] std::vector<std::string> index_column_names(const Index& index);

}  // namespace orrery::sim::database
