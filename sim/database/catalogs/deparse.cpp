#include "sim/database/catalogs/deparse.hpp"

#include <cctype>
#include <utility>

#include "sim/database/errors.hpp"

namespace orrery::sim::database {
namespace {

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

}  // namespace

bool is_operator(const Expr& expr) {
  return is_comparison(expr) || (expr.kind == ExprKind::call && is_named_like_operator(expr.function->name));
}
bool is_implicit_cast(const Expr& expr) { return expr.kind == ExprKind::cast && expr.cast->context != CastContext::explicit_; }

std::string literal_text(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result.push_back(c);
    result.push_back(c);
  }
  return result + "'";
}

namespace {

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

}  // namespace

std::string deparse_expression(const Expr& expr, const CatalogReader& reader, ColumnText column_text, bool pretty, bool shows_implicit) {
  ExpressionWriter writer(reader, std::move(column_text), pretty);
  writer.write(expr, shows_implicit);
  return std::move(writer.text);
}

}  // namespace orrery::sim::database
