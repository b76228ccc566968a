#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sim/database/catalogs/objects.hpp"
#include "sim/database/expression.hpp"

namespace orrery::sim::database {

/// In Expr::name of a call that Analyzer::keeps_form analysed and that was written in a syntax of its own, as EXTRACT.
inline constexpr std::string_view kOwnSyntax = "SQL";

/// Thrown for an expression of a kind that is not written here.
struct NotWritable {};

/// How a column is called.
using ColumnText = std::function<std::string(const Expr&)>;

/// An expression that Analyzer::keeps_form analysed, as get_rule_expr of PostgreSQL 15's ruleutils.c writes it. `pretty`: without the
/// parentheses that precedence makes needless; `shows_implicit`: with an implicit cast around all of it. Throws NotWritable.
[[nodiscard]] std::string deparse_expression(const Expr& expr, const CatalogReader& reader, ColumnText column_text, bool pretty, bool shows_implicit);

/// In quotes.
[[nodiscard]] std::string literal_text(std::string_view text);
/// OpExpr of PostgreSQL.
[[nodiscard]] bool is_operator(const Expr& expr);
[[nodiscard]] bool is_implicit_cast(const Expr& expr);

}  // namespace orrery::sim::database
