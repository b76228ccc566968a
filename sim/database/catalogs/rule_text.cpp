#include "sim/database/catalogs/rule_text.hpp"

#include <algorithm>
#include <cctype>
#include <functional>

#include "sim/database/analyzer.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/parser.hpp"

namespace orrery::sim::database {
namespace {

/// An expression of a kind that is not written here.
struct NotWritable {};

std::string literal_text(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result.push_back(c);
    result.push_back(c);
  }
  return result + "'";
}

const char* comparison_name(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal:
      return "=";
    case Comparison::not_equal:
      return "<>";
    case Comparison::less:
      return "<";
    case Comparison::less_equal:
      return "<=";
    case Comparison::greater:
      return ">";
    case Comparison::greater_equal:
      return ">=";
  }
  return "";
}

bool is_comparison(const Expr& expr) {
  return expr.kind == ExprKind::compare || expr.kind == ExprKind::compare_integers || expr.kind == ExprKind::compare_bytes_equal;
}
bool is_named_like_operator(std::string_view name) { return std::isalpha(static_cast<unsigned char>(name[0])) == 0 && name[0] != '_'; }
/// OpExpr of PostgreSQL.
bool is_operator(const Expr& expr) {
  return is_comparison(expr) || (expr.kind == ExprKind::call && is_named_like_operator(expr.function->name));
}
bool is_implicit_cast(const Expr& expr) { return expr.kind == ExprKind::cast && expr.cast->context != CastContext::explicit_; }
bool is_condition(const Expr& expr) { return expr.kind == ExprKind::and_ || expr.kind == ExprKind::or_ || expr.kind == ExprKind::not_; }

std::string operator_name(const Expr& expr) {
  return is_comparison(expr) ? comparison_name(expr.comparison) : std::string(expr.function->name);
}
/// Of a binary operator with a name of one character, otherwise 0 (get_simple_binary_op_name).
char simple_operator(const Expr& expr) {
  if (!is_operator(expr) || expr.args.size() != 2) return '\0';
  const std::string name = operator_name(expr);
  return name.size() == 1 ? name[0] : '\0';
}

/// EXTRACT (… FROM …) and the like.
bool has_own_syntax(const Expr& expr) { return expr.kind == ExprKind::call && expr.name == kOwnSyntax; }

/// get_rule_expr and what it calls, of PostgreSQL 15's ruleutils.c.
class ExpressionWriter {
 public:
  using ColumnText = std::function<std::string(const Expr&)>;
  ExpressionWriter(const CatalogReader& reader, ColumnText column_text, bool pretty)
      : reader_(reader), column_text_(std::move(column_text)), pretty_(pretty) {}

  void write(const Expr& expr, bool shows_implicit) {
    switch (expr.kind) {
      case ExprKind::column:
      case ExprKind::system_column:
        text += column_text_(expr);
        return;
      case ExprKind::constant:
        return constant(expr, true);
      case ExprKind::local:  // CURRENT_TIMESTAMP and its like
        if (expr.name.empty()) throw NotWritable{};
        text += expr.name;
        return;
      case ExprKind::compare:
      case ExprKind::compare_integers:
      case ExprKind::compare_bytes_equal:
        return operation(expr);
      case ExprKind::call:
        if (is_operator(expr)) return operation(expr);
        if (has_own_syntax(expr)) return own_syntax(expr);
        text += quote_identifier(expr.function->name);
        return arguments(expr, "(", ")");
      case ExprKind::engine_call:
        text += quote_identifier(expr.name);
        if (!expr.args.empty() && expr.args[0]->kind == ExprKind::constant && expr.args[0]->type.is(Type::text) &&
            (expr.engine_function == EngineFunction::nextval || expr.engine_function == EngineFunction::currval ||
             expr.engine_function == EngineFunction::setval)) {
          Expr name = *expr.args[0];
          name.type = TypeRef(Type::regclass);
          name.constant = object_named(reader_.naming(), Type::regclass, expr.args[0]->constant.bytes());
          text += "(";
          constant(name, true);
          for (std::size_t i = 1; i < expr.args.size(); ++i) {
            text += ", ";
            write(*expr.args[i], true);
          }
          text += ")";
          return;
        }
        return arguments(expr, "(", ")");
      case ExprKind::cast:
        if (expr.args[0]->kind == ExprKind::collated) return collated_cast(expr, shows_implicit);
        if (is_implicit_cast(expr) && !shows_implicit) return in_parentheses(*expr.args[0], expr, false);
        return coercion(expr);
      case ExprKind::collated:
        open();
        in_parentheses(*expr.args[0], expr, shows_implicit);
        text += " COLLATE " + quote_identifier(expr.name);
        return close();
      case ExprKind::and_:
      case ExprKind::or_:
        open();
        for (const ExprPtr& arg : expr.args) {
          if (&arg != &expr.args.front()) text += expr.kind == ExprKind::and_ ? " AND " : " OR ";
          in_parentheses(*arg, expr, false);
        }
        return close();
      case ExprKind::not_:
        open();
        text += "NOT ";
        in_parentheses(*expr.args[0], expr, false);
        return close();
      case ExprKind::is_null:
        open();
        in_parentheses(*expr.args[0], expr, true);
        text += expr.negated ? " IS NOT NULL" : " IS NULL";
        return close();
      case ExprKind::is_boolean:
        open();
        in_parentheses(*expr.args[0], expr, false);
        text += expr.negated ? " IS NOT " : " IS ";
        text += expr.truth == 1 ? "TRUE" : expr.truth == 0 ? "FALSE" : "UNKNOWN";
        return close();
      case ExprKind::distinct:
        return distinct(expr);
      case ExprKind::row_compare:
        return row_comparison(expr);
      case ExprKind::in_list:
        return in_list(expr);
      case ExprKind::any_array:
        open();
        in_parentheses(*expr.args[0], expr, true);
        text += " " + operator_name(*expr.args[2]) + (expr.negated ? " ALL (" : " ANY (");
        in_parentheses(*expr.args[1], expr, true);
        text += ")";
        return close();
      case ExprKind::coalesce:
        text += "COALESCE";
        return arguments(expr, "(", ")");
      case ExprKind::greatest:
        text += "GREATEST";
        return arguments(expr, "(", ")");
      case ExprKind::least:
        text += "LEAST";
        return arguments(expr, "(", ")");
      case ExprKind::nullif:
        text += "NULLIF(";
        write(*expr.args[0], true);
        text += ", ";
        write(*expr.args[2], true);
        text += ")";
        return;
      case ExprKind::array:
        text += "ARRAY";
        arguments(expr, "[", "]");
        if (expr.args.empty()) text += "::" + reader_.type_text(expr.type);
        return;
      case ExprKind::row:
        text += "ROW";
        return arguments(expr, "(", ")");
      case ExprKind::subscript: {
        const bool is_column = expr.args[0]->kind == ExprKind::column;
        if (!is_column) text += "(";
        write(*expr.args[0], false);
        if (!is_column) text += ")";
        for (std::size_t i = 1; i < expr.args.size(); ++i) {
          text += "[";
          write(*expr.args[i], false);
          text += "]";
        }
        return;
      }
      case ExprKind::case_:
        return case_expression(expr);
      default:
        throw NotWritable{};
    }
  }

  std::string text;

 private:
  void open() {
    if (!pretty_) text += "(";
  }
  void close() {
    if (!pretty_) text += ")";
  }

  void arguments(const Expr& expr, const char* before, const char* after) {
    text += before;
    bool is_first = true;
    for (const ExprPtr& arg : expr.args) {
      if (arg->truth == kLeftOut && arg->kind == ExprKind::constant) continue;
      if (!is_first) text += ", ";
      is_first = false;
      write(*arg, true);
    }
    text += after;
  }

  void operation(const Expr& expr) {
    open();
    if (expr.args.size() == 2) {
      in_parentheses(*expr.args[0], expr, true);
      text += " ";
    }
    text += operator_name(expr) + " ";
    in_parentheses(*expr.args.back(), expr, true);
    close();
  }

  /// get_func_sql_syntax
  void own_syntax(const Expr& expr) {
    const std::string_view name = expr.function->name;
    const auto part = [&](std::string_view before, std::size_t arg) {
      text += before;
      write(*expr.args[arg], false);
    };
    const std::size_t count = expr.args.size();
    if (name == "timezone" && count == 2) {
      text += "(";
      in_parentheses(*expr.args[1], expr, false);
      text += " AT TIME ZONE ";
      in_parentheses(*expr.args[0], expr, false);
    } else if (name == "extract" && expr.args[0]->kind == ExprKind::constant) {
      text += "EXTRACT(" + std::string(expr.args[0]->constant.bytes());
      part(" FROM ", 1);
    } else if (name == "position") {
      part("POSITION((", 1);
      part(") IN (", 0);
      text += ")";
    } else if (name == "substring" && (count == 2 || count == 3)) {
      part("SUBSTRING(", 0);
      part(" FROM ", 1);
      if (count == 3) part(" FOR ", 2);
    } else if (name == "btrim" || name == "ltrim" || name == "rtrim") {
      text += name == "btrim" ? "TRIM(BOTH" : name == "ltrim" ? "TRIM(LEADING" : "TRIM(TRAILING";
      if (count == 2) part(" ", 1);
      part(" FROM ", 0);
    } else if (name == "overlay" && count >= 3) {
      part("OVERLAY(", 0);
      part(" PLACING ", 1);
      part(" FROM ", 2);
      if (count == 4) part(" FOR ", 3);
    } else {
      throw NotWritable{};
    }
    text += ")";
  }

  /// Pairs of `=` and of the comparison itself. Of `<>` it is an OR.
  void row_comparison(const Expr& expr) {
    if (expr.comparison == Comparison::not_equal) {
      Expr any;
      any.kind = ExprKind::or_;
      for (std::size_t i = 0; i < expr.args.size(); i += 2) {
        auto differs = std::make_shared<Expr>(*expr.args[i]);
        if (!is_comparison(*differs)) throw NotWritable{};
        differs->comparison = Comparison::not_equal;
        any.args.push_back(std::move(differs));
      }
      return write(any, false);
    }
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      text += side == 0 ? "(ROW(" : ") " + std::string(comparison_name(expr.comparison)) + " ROW(";
      for (std::size_t i = 1; i < expr.args.size(); i += 2) {
        if (i > 1) text += ", ";
        write(*expr.args[i]->args[side], true);
      }
    }
    text += "))";
  }

  void distinct(const Expr& expr) {
    if (expr.args[0] == nullptr) throw NotWritable{};
    if (expr.negated) {
      open();
      text += "NOT ";
    }
    open();
    in_parentheses(*expr.args[0], expr, true);
    text += " IS DISTINCT FROM ";
    in_parentheses(*expr.args[1], expr, true);
    close();
    if (expr.negated) close();
  }

  /// x IN (…) is x = ANY (ARRAY[…]); varchar is compared as text.
  void in_list(const Expr& expr) {
    const bool is_varchar = expr.args[0]->type.is(Type::varchar);
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      bool has_column = false;
      for_each_expression(*expr.args[i], [&](const Expr& each) { has_column = has_column || each.kind == ExprKind::column; });
      if (has_column) throw NotWritable{};
    }
    open();
    if (is_varchar) {
      const bool is_plain = pretty_ && is_simple(*expr.args[0], expr);
      text += is_plain ? "" : "(";
      write(*expr.args[0], false);
      text += is_plain ? "::text" : ")::text";
    } else {
      in_parentheses(*expr.args[0], expr, true);
    }
    text += expr.negated ? " <> ALL (" : " = ANY (";
    if (is_varchar && !pretty_) text += "(";
    text += "ARRAY[";
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      if (i > 1) text += ", ";
      write(*expr.args[i], true);
    }
    text += "]";
    if (is_varchar) text += pretty_ ? "::text[]" : ")::text[]";
    text += ")";
    close();
  }

  void keyword(const char* word, int before, int after) {
    indent_ += before;
    while (text.ends_with(' ')) text.pop_back();
    text += "\n" + std::string(static_cast<std::size_t>(std::max(indent_, 0)), ' ') + word;
    indent_ += after;
  }
  void case_expression(const Expr& expr) {
    std::size_t place = expr.truth == 1 ? 1 : 0;
    keyword("CASE", 0, 4);
    if (place == 1) {
      text += " ";
      write(*expr.args[0], true);
    }
    for (; place + 1 < expr.args.size(); place += 2) {
      keyword("WHEN ", 0, 0);
      const Expr& condition = *expr.args[place];
      write(expr.truth == 1 ? *condition.args[1] : condition, false);
      text += " THEN ";
      write(*expr.args[place + 1], true);
    }
    keyword("ELSE ", 0, 0);
    if (expr.args.back() == nullptr) {
      Expr null;
      null.type = expr.type;
      constant(null, true);
    } else {
      write(*expr.args.back(), true);
    }
    keyword("END", -4, 0);
  }

  /// PostgreSQL casts what is below a COLLATE (coerce_type).
  void collated_cast(const Expr& expr, bool shows_implicit) {
    auto cast = std::make_shared<Expr>(expr);
    Expr collated = *expr.args[0];
    cast->args[0] = collated.args[0];
    collated.args[0] = std::move(cast);
    write(collated, shows_implicit);
  }

  void coercion(const Expr& expr) {
    const Expr& arg = *expr.args[0];
    if (arg.kind == ExprKind::constant && arg.type.same(expr.type) && arg.type.typmod < 0) {
      constant(arg, false);
    } else if (!pretty_) {
      text += "(";
      write(arg, false);
      text += ")";
    } else {
      in_parentheses(arg, expr, false);
    }
    text += "::" + reader_.type_text(expr.type);
  }

  void constant(const Expr& expr, bool shows_type) {
    bool needs_label = true;
    if (expr.constant.is_null()) {
      text += "NULL";
    } else {
      const std::string value = output_text(expr.type.without_typmod(), expr.constant);
      if (expr.type.is(Type::int4)) {
        needs_label = value[0] == '-';
        text += needs_label ? "'" + value + "'" : value;
      } else if (expr.type.is(Type::numeric)) {
        const bool is_plain = std::isdigit(static_cast<unsigned char>(value[0])) != 0 && value.find_first_of("eE.") != std::string::npos;
        text += is_plain ? value : "'" + value + "'";
        needs_label = !is_plain || expr.type.typmod >= 0;
      } else if (expr.type.is(Type::boolean)) {
        text += expr.constant.boolean() ? "true" : "false";
        needs_label = false;
      } else {
        text += literal_text(value);
      }
    }
    if (shows_type && needs_label) text += "::" + (expr.type.is_unknown() ? "text" : reader_.type_text(expr.constant.is_null() ? expr.type.without_typmod() : expr.type));
  }

  void in_parentheses(const Expr& expr, const Expr& parent, bool shows_implicit) {
    const bool needs = pretty_ && !is_simple(expr, parent);
    if (needs) text += "(";
    write(expr, shows_implicit);
    if (needs) text += ")";
  }

  /// isSimpleNode
  static bool is_simple(const Expr& expr, const Expr& parent) {
    switch (expr.kind) {
      case ExprKind::cast:
        return expr.cast->typmod_call != nullptr || !shows_operand(expr) || is_simple(*expr.args[0], expr);
      case ExprKind::distinct:
        if (!expr.negated) return is_condition(parent) || has_own_parentheses(parent);
        [[fallthrough]];  // NOT … IS DISTINCT FROM …
      case ExprKind::row_compare:
      case ExprKind::and_:
      case ExprKind::or_:
      case ExprKind::not_:
        if (is_condition(parent)) {
          if (expr.kind == ExprKind::or_ || expr.kind == ExprKind::row_compare) return parent.kind == ExprKind::or_;
          return parent.kind != ExprKind::not_;
        }
        return has_own_parentheses(parent);
      case ExprKind::in_list:
      case ExprKind::any_array:
      case ExprKind::collated:
        return false;
      case ExprKind::is_null:
      case ExprKind::is_boolean:
        return is_condition(parent) || has_own_parentheses(parent);
      default:
        break;
    }
    if (!is_operator(expr)) return true;
    if (!is_operator(parent)) return is_condition(parent) || has_own_parentheses(parent);
    constexpr std::string_view kLow = "+-";
    constexpr std::string_view kHigh = "*/%";
    const char name = simple_operator(expr);
    const char around = simple_operator(parent);
    const auto is_in = [](std::string_view set, char c) { return c != '\0' && set.find(c) != std::string_view::npos; };
    if (!is_in(kLow, name) && !is_in(kHigh, name)) return false;
    if (!is_in(kLow, around) && !is_in(kHigh, around)) return false;
    if (is_in(kHigh, name) && is_in(kLow, around)) return true;
    if (is_in(kLow, name) && is_in(kHigh, around)) return false;
    return &expr == parent.args[0].get();
  }
  /// Of a cast that calls no function: it relabels, or goes through text, or casts the elements of an array.
  static bool shows_operand(const Expr& cast) {
    const auto is_string = [](TypeRef type) { return category_of(type) == TypeCategory::string; };
    const TypeRef from = cast.cast->from;
    const TypeRef to = cast.cast->to;
    if (cast.cast->is_identity() || (from.is_array && to.is_array)) return true;
    if (is_string(from) == is_string(to)) return false;
    return !from.is(Type::boolean) && !from.is(Type::char_) && !to.is(Type::regclass);
  }
  static bool has_own_parentheses(const Expr& parent) {
    switch (parent.kind) {
      case ExprKind::call:
        return !is_operator(parent) && !has_own_syntax(parent);
      case ExprKind::engine_call:
      case ExprKind::subscript:
      case ExprKind::array:
      case ExprKind::row:
      case ExprKind::coalesce:
      case ExprKind::greatest:
      case ExprKind::least:
      case ExprKind::nullif:
      case ExprKind::case_:
        return true;
      default:
        return false;
    }
  }

  const CatalogReader& reader_;
  ColumnText column_text_;
  bool pretty_;
  int indent_ = 0;
};

/// looks_like_function
bool looks_like_call(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::call:
      return !is_operator(expr);
    case ExprKind::engine_call:
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::nullif:
    case ExprKind::local:
      return true;
    case ExprKind::cast:
      return is_implicit_cast(expr) && looks_like_call(*expr.args[0]);
    default:
      return false;
  }
}

/// FigureIndexColname
std::string figured_name(const Expr& key, const Table& table) {
  switch (key.kind) {
    case ExprKind::column:
      return table.columns[key.column].name;
    case ExprKind::call:
      return is_operator(key) ? "expr" : std::string(key.function->name);
    case ExprKind::cast: {
      const std::string inner = figured_name(*key.args[0], table);
      return inner == "expr" && !is_implicit_cast(key) ? std::string(catalog_name(key.type.base)) : inner;
    }
    case ExprKind::subscript:
      return figured_name(*key.args[0], table);
    case ExprKind::coalesce:
      return "coalesce";
    case ExprKind::greatest:
      return "greatest";
    case ExprKind::least:
      return "least";
    case ExprKind::nullif:
      return "nullif";
    case ExprKind::case_:
      return "case";
    case ExprKind::array:
      return "array";
    case ExprKind::row:
      return "row";
    default:
      return "expr";
  }
}

std::string listed(const Table& table, const std::vector<std::uint32_t>& columns) {
  std::string text;
  for (const std::uint32_t column : columns) text += (text.empty() ? "" : ", ") + quote_identifier(table.columns[column].name);
  return text;
}

}  // namespace

RuleWriter::Written RuleWriter::write(const Table& table, const std::string& sql, Use use, const Column* column, bool pretty) const {
  try {
    const std::shared_ptr<const ParseTree> tree = parse("SELECT " + sql);
    const Node& node = *tree->statement(0).select_stmt->target_list[0]->res_target->val;
    Naming naming = reader_.naming();
    naming.search_path.push_back(table.schema);  // names that were found when it was made
    auto& row = const_cast<Table&>(table);       // the analyzer notes tables that it locks: not this one, which only gives names
    Analyzer analyzer(naming);
    analyzer.keeps_form();
    ExprPtr expr;
    switch (use) {
      case Use::default_value:
        expr = analyzer.default_expression(node, column->type, column->name);
        break;
      case Use::generation:
        expr = analyzer.generation_expression(row, node, *column);
        break;
      case Use::check:
        expr = analyzer.row_condition(row, node, Clause::check);
        break;
      case Use::predicate:
        expr = analyzer.row_condition(row, node, Clause::index_predicate);
        break;
      case Use::key:
        expr = analyzer.row_expression(row, node);
        break;
    }
    // An index's key has its collation beside it.
    std::string collation;
    if (use == Use::key && expr->kind == ExprKind::collated) {
      if (expr->name != "default") collation = " COLLATE " + quote_identifier(expr->name);
      expr = expr->args[0];
    }
    const auto column_text = [&](const Expr& each) {
      if (each.kind == ExprKind::system_column) throw NotWritable{};
      return quote_identifier(table.columns[each.column].name);
    };
    ExpressionWriter writer(reader_, column_text, pretty);
    writer.write(*expr, false);
    return {writer.text, looks_like_call(*expr) || expr->kind == ExprKind::column, collation};
  } catch (const SqlError&) {
    return {sql, false, {}};
  } catch (const NotWritable&) {
    return {sql, false, {}};
  }
}

std::string RuleWriter::default_text(const Table& table, const Column& column, bool pretty) const {
  if (column.is_generated) return write(table, column.generation_text, Use::generation, &column, pretty).text;
  if (!column.default_text.empty()) return write(table, column.default_text, Use::default_value, &column, pretty).text;
  if (column.sequence == nullptr) return {};
  const CatalogReader::Relation* sequence = reader_.relation(column.sequence->id);
  return "nextval(" + literal_text(sequence == nullptr ? quote_identifier(column.sequence->name) : reader_.relation_text(*sequence)) + "::regclass)";
}

std::string RuleWriter::check_text(const Table& table, const CheckConstraint& check, bool pretty) const {
  return write(table, check.text, Use::check, nullptr, pretty).text;
}
std::string RuleWriter::key_text(const Index& index, const KeyElement& element, bool pretty) const {
  return write(*index.table, element.text, Use::key, nullptr, pretty).text;
}
std::string RuleWriter::predicate_text(const Index& index, bool pretty) const {
  return write(*index.table, index.predicate_text, Use::predicate, nullptr, pretty).text;
}

std::string RuleWriter::element_text(const Index& index, std::size_t place, bool pretty) const {
  const KeyElement& element = index.elements[place];
  if (element.column >= 0) return quote_identifier(index.table->columns[static_cast<std::size_t>(element.column)].name);
  const Written written = write(*index.table, element.text, Use::key, nullptr, pretty);
  return (written.is_call ? written.text : "(" + written.text + ")") + written.collation;
}

std::string RuleWriter::index_column_text(const Index& index, std::size_t column, bool pretty) const {
  if (column == 0 || column > index.elements.size() + index.included.size()) return {};
  if (column <= index.elements.size()) return element_text(index, column - 1, pretty);
  return quote_identifier(index.table->columns[index.included[column - 1 - index.elements.size()]].name);
}

std::string RuleWriter::index_text(const Index& index, bool pretty, bool qualified) const {
  const Table& table = *index.table;
  std::string text = index.is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  text += quote_identifier(index.name) + " ON ";
  text += qualified ? quote_identifier(table.schema) + "." + quote_identifier(table.name) : reader_.table_text(table);
  text += " USING btree (";
  for (std::size_t i = 0; i < index.elements.size(); ++i) {
    if (i > 0) text += ", ";
    text += element_text(index, i, pretty);
    const KeyColumn& column = index.tree->columns()[i];
    if (column.descending) text += column.nulls_first ? " DESC" : " DESC NULLS LAST";
    if (!column.descending && column.nulls_first) text += " NULLS FIRST";
  }
  text += ")";
  if (!index.included.empty()) text += " INCLUDE (" + listed(table, index.included) + ")";
  if (index.nulls_not_distinct) text += " NULLS NOT DISTINCT";
  for (std::size_t i = 0; i < index.storage_parameters.size(); ++i) {
    const std::string& parameter = index.storage_parameters[i];
    const std::size_t name_size = parameter.find('=');
    text += (i == 0 ? " WITH (" : ", ") + parameter.substr(0, name_size + 1) + literal_text(parameter.substr(name_size + 1));
    if (i + 1 == index.storage_parameters.size()) text += ")";
  }
  if (index.predicate != nullptr) text += " WHERE " + predicate_text(index, pretty);
  return text;
}

std::string RuleWriter::constraint_text(const Table& table, const CheckConstraint& check, bool pretty) const {
  return "CHECK (" + check_text(table, check, pretty) + ")" + (check.is_valid ? "" : " NOT VALID");
}

std::string RuleWriter::constraint_text(const Index& index) {
  std::vector<std::uint32_t> columns;
  for (const KeyElement& element : index.elements) columns.push_back(static_cast<std::uint32_t>(element.column));
  std::string text = index.is_primary ? "PRIMARY KEY (" : index.nulls_not_distinct ? "UNIQUE NULLS NOT DISTINCT (" : "UNIQUE (";
  text += listed(*index.table, columns) + ")";
  if (!index.included.empty()) text += " INCLUDE (" + listed(*index.table, index.included) + ")";
  return text + deferral_text(index);
}

std::string RuleWriter::constraint_text(const ForeignKey& key) const {
  std::string text = "FOREIGN KEY (" + listed(*key.child, key.child_columns) + ") REFERENCES " + reader_.table_text(*key.parent) + "(" +
                     listed(*key.parent, key.parent_columns) + ")";
  if (key.match_full) text += " MATCH FULL";
  if (key.on_update != KeyAction::no_action) text.append(" ON UPDATE ").append(action_text(key.on_update));
  if (key.on_delete != KeyAction::no_action) text.append(" ON DELETE ").append(action_text(key.on_delete));
  return text + deferral_text(key) + (key.is_valid ? "" : " NOT VALID");
}

namespace {

/// An item of FROM (get_from_clause_item): the relation, and its alias.
std::string from_text(const CatalogReader& reader, const PgQuery__RangeVar& range) {
  const CatalogEntry* const entry = reader.naming().find_relation(range.schemaname, range.relname);
  if (entry == nullptr || (range.alias != nullptr && range.alias->n_colnames > 0)) throw NotWritable{};
  std::string text = range.inh ? "" : "ONLY ";
  text += reader.relation_text(range.schemaname, range.relname, *entry);
  if (range.alias != nullptr) text += " " + quote_identifier(range.alias->aliasname);
  return text;
}

}  // namespace

std::optional<std::string> RuleWriter::view_text(const View& view, bool pretty) const {
  try {
    const std::shared_ptr<const ParseTree> tree = parse(view.definition);
    const PgQuery__SelectStmt& select = *tree->statement(0).select_stmt;
    Analyzer analyzer(reader_.naming());
    analyzer.keeps_form();
    const SelectParts parts = analyzer.parts_of(select, view);
    const auto column_text = [&](const Expr& column) {
      const auto entry = std::ranges::find(parts.entries, column.slot, &RangeEntry::slot);
      if (entry == parts.entries.end()) throw NotWritable{};
      const bool is_system = column.kind == ExprKind::system_column;
      return quote_identifier(entry->name) + "." + quote_identifier(is_system ? column.name : entry->columns[column.column]);
    };
    const auto written = [&](const Expr& expr, bool shows_implicit) {
      // CASE begins a line of its own, as deep as what is around it.
      for_each_expression(expr, [](const Expr& each) {
        if (each.kind == ExprKind::case_) throw NotWritable{};
      });
      ExpressionWriter writer(reader_, column_text, pretty);
      writer.write(expr, shows_implicit);
      return writer.text;
    };
    std::string from;  // refuses catalogs, which have columns of their own kind, before anybody writes these
    for (std::size_t i = 0; i < select.n_from_clause; ++i) {
      from += (i == 0 ? "\n   FROM " : ",\n    ") + from_text(reader_, *select.from_clause[i]->range_var);
    }
    std::string text = " SELECT ";
    for (std::size_t i = 0; i < parts.outputs.size(); ++i) {
      const Expr& output = *parts.outputs[i];
      if (i > 0) text += ",\n    ";
      text += written(output, true);
      const auto entry = std::ranges::find(parts.entries, output.slot, &RangeEntry::slot);
      const bool has_name = output.kind == ExprKind::column && entry->columns[output.column] == view.columns[i];
      const bool has_system_name = output.kind == ExprKind::system_column && output.name == view.columns[i];
      if (!has_name && !has_system_name) text += " AS " + quote_identifier(view.columns[i]);
    }
    text += from;
    if (parts.condition != nullptr) text += "\n  WHERE " + written(*parts.condition, false);
    return text + ";";
  } catch (const SqlError&) {
    return std::nullopt;
  } catch (const NotWritable&) {
    return std::nullopt;
  }
}

std::string RuleWriter::any_view_text(const View& view) const { return view_text(view, false).value_or(view.definition + ";"); }

std::vector<std::string> index_column_names(const Index& index) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    const std::string base = name;
    for (int i = 1; std::ranges::find(names, name) != names.end(); ++i) name = base + std::to_string(i);
    names.push_back(std::move(name));
  };
  for (const KeyElement& element : index.elements) {
    if (element.column >= 0) {
      add(index.table->columns[static_cast<std::size_t>(element.column)].name);
    } else {
      add(figured_name(*element.expression, *index.table));
    }
  }
  for (const std::uint32_t column : index.included) add(index.table->columns[column].name);
  return names;
}

}  // namespace orrery::sim::database
