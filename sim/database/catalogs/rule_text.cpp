#include "sim/database/catalogs/rule_text.hpp"

#include <algorithm>

#include "sim/database/analyzer.hpp"
#include "sim/database/catalogs/deparse.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/parser.hpp"

namespace orrery::sim::database {
namespace {

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
    return {deparse_expression(*expr, reader_, column_text, pretty, false), looks_like_call(*expr) || expr->kind == ExprKind::column, collation};
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
      return deparse_expression(expr, reader_, column_text, pretty, shows_implicit);
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
