#include "tests/sim_database/types_expression.hpp"

#include <gtest/gtest.h>
#include <pg_query.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sim/database/types/errors.hpp"
#include "sim/database/types/functions.hpp"
#include "sim/database/types/object_names.hpp"

namespace orrery::sim::database::testing {
namespace {

using Json = nlohmann::json;

struct FixedContext final : EvalContext {
  [[nodiscard]] std::int64_t transaction_time() const override { return 757'479'845'100'000; }
  [[nodiscard]] std::int64_t statement_time() const override { return transaction_time() + 1'000'000; }
  [[nodiscard]] std::int64_t clock_time() const override { return transaction_time() + 2'000'000; }
  [[nodiscard]] std::uint64_t next_random() const override { return state_ = mix_hash(state_ + 1); }
  [[nodiscard]] std::uint64_t current_transaction_id() const override { return 742; }
  [[nodiscard]] std::uint64_t current_transaction_id_if_assigned() const override { return 0; }
  [[nodiscard]] std::string current_snapshot() const override { return "740:743:740,742"; }
  [[nodiscard]] std::optional<std::string> setting(std::string_view name) const override {
    if (name == "TimeZone") return "UTC";
    return std::nullopt;
  }
  /// There is no catalog: types by their names only.
  [[nodiscard]] Value object_named(Type, std::string_view text) const override {
    const std::optional<Type> type = type_by_name(text);
    if (!type) raise("42704", "type \"" + std::string(text) + "\" does not exist");
    return object_value(builtin_oid(TypeRef(*type)), type_name(TypeRef(*type)));
  }
  [[nodiscard]] Value object_numbered(Type, std::uint32_t oid) const override { return object_value(oid, std::to_string(oid)); }
  mutable std::uint64_t state_ = 1;
};

struct Typed {
  TypeRef type;
  Value value;
};

/// What FROM f(…) AS x gives.
struct Source {
  std::vector<std::string> names;
  std::vector<TypeRef> types;
  std::vector<std::vector<Value>> rows;
};

std::string name_of(const Json& names) { return names.back().at("String").at("sval"); }

class Evaluator {
 public:
  explicit Evaluator(std::string sql) : sql_(std::move(sql)) {}

  std::string run(const Json& select) {
    if (select.contains("fromClause")) read_source(select.at("fromClause").at(0));
    std::string out;
    const Json& targets = select.at("targetList");
    const bool aggregates = source_ && std::any_of(targets.begin(), targets.end(), [this](const Json& target) {
                              return has_aggregate(target.at("ResTarget").at("val"));
                            });
    if (source_ && !aggregates) {
      for (const auto& row : source_->rows) {
        row_ = &row;
        line(out, targets);
      }
    } else {
      line(out, targets);
    }
    if (!out.empty()) out.pop_back();
    return out;
  }

 private:
  static std::string show(const Typed& typed) {
    return typed.value.is_null() ? "NULL" : output_text(typed.type, typed.value);
  }

  void line(std::string& out, const Json& targets) {
    const Json& first = targets.at(0).at("ResTarget").at("val");
    if (targets.size() == 1 && first.contains("FuncCall") && !source_) {
      const ResolvedCall call = resolve(first.at("FuncCall"));
      if (call.function->kind == FunctionKind::set_returning) {
        const std::vector<Value> cells = call_set(call, first.at("FuncCall"));
        const std::size_t width = call.column_types.size();
        for (std::size_t i = 0; i < cells.size(); i += width) {
          if (width == 1) {
            out += show({call.column_types[0], cells[i]}) + "\n";
            continue;
          }
          RecordData row;
          row.shape = std::make_shared<RecordShape>(RecordShape{call.column_names, call.column_types});
          row.fields.assign(cells.begin() + static_cast<std::ptrdiff_t>(i),
                            cells.begin() + static_cast<std::ptrdiff_t>(i + width));
          out += show({TypeRef(Type::record), Value::record(std::move(row))}) + "\n";
        }
        return;
      }
    }
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (i != 0) out += "|";
      Typed typed = evaluate(targets[i].at("ResTarget").at("val"));
      out += show(typed);
    }
    out += "\n";
  }

  bool has_aggregate(const Json& node) {
    if (!node.is_object() && !node.is_array()) return false;
    if (node.is_object() && node.contains("FuncCall")) {
      const std::string name = name_of(node.at("FuncCall").at("funcname"));
      for (const char* aggregate : {"count",
                                    "sum",
                                    "avg",
                                    "min",
                                    "max",
                                    "bool_and",
                                    "bool_or",
                                    "every",
                                    "array_agg",
                                    "string_agg",
                                    "jsonb_agg",
                                    "json_agg",
                                    "jsonb_object_agg",
                                    "json_object_agg",
                                    "percentile_cont",
                                    "percentile_disc",
                                    "mode",
                                    "stddev",
                                    "stddev_pop",
                                    "variance",
                                    "var_pop",
                                    "var_samp",
                                    "stddev_samp",
                                    "bit_and",
                                    "bit_or",
                                    "bit_xor"}) {
        if (name == aggregate) return true;
      }
    }
    return std::any_of(node.begin(), node.end(), [this](const Json& child) { return has_aggregate(child); });
  }

  void read_source(const Json& from) {
    const Json& range = from.at("RangeFunction");
    Source source;
    const Json& call_node = range.at("functions").at(0).at("List").at("items").at(0).at("FuncCall");
    const ResolvedCall call = resolve(call_node);
    source.types = call.column_types;
    source.names = call.column_names;
    if (range.contains("alias")) {
      const Json& alias = range.at("alias");
      if (source.names.size() == 1) source.names[0] = alias.at("aliasname");
      if (alias.contains("colnames")) {
        for (std::size_t i = 0; i < alias.at("colnames").size(); ++i) {
          source.names[i] = alias.at("colnames")[i].at("String").at("sval");
        }
      }
    }
    const std::vector<Value> cells = call_set(call, call_node);
    const std::size_t width = source.types.size();
    for (std::size_t i = 0; i < cells.size(); i += width) {
      source.rows.emplace_back(cells.begin() + static_cast<std::ptrdiff_t>(i),
                               cells.begin() + static_cast<std::ptrdiff_t>(i + width));
    }
    source_ = std::move(source);
  }

  TypeRef read_type(const Json& node) {
    const std::string name = name_of(node.at("names"));
    const std::optional<Type> type = type_by_name(name);
    if (!type) raise("42704", "type \"" + name + "\" does not exist");
    std::vector<std::int32_t> modifiers;
    if (node.contains("typmods")) {
      for (const Json& modifier : node.at("typmods")) {
        const Typed value = evaluate(modifier);
        modifiers.push_back(static_cast<std::int32_t>(value.value.integer()));
      }
    }
    TypeRef ref(*type, typmod_of(*type, modifiers));
    // Without a length, char is char(1).
    if (*type == Type::bpchar && modifiers.empty() && name == "bpchar" && node.at("names").size() == 2) ref.typmod = 5;
    ref.is_array = node.contains("arrayBounds");
    return ref;
  }

  Value coerce(Typed typed, TypeRef to, CastContext context) {
    if (typed.type.is_unknown()) {
      return typed.value.is_null() ? Value() : input_text(to, typed.value.bytes(), &context_);
    }
    const std::optional<Cast> cast = find_cast(typed.type, to, context);
    if (!cast) raise("42846", "cannot cast type " + type_name(typed.type) + " to " + type_name(to));
    return (*cast)(std::move(typed.value), &context_);
  }

  Value call(const ResolvedCall& call, std::vector<Typed> arguments) {
    if (call.function->kind != FunctionKind::scalar) raise_unsupported(std::string(call.function->name) + " here");
    bool any_null = false;
    for (const Typed& argument : arguments) any_null = any_null || argument.value.is_null();
    const std::vector<Value> values = coerce_all(call, std::move(arguments));
    if (call.function->is_strict && any_null) return {};
    return call.function->call(values, call.site, context_);
  }

  std::vector<Value> coerce_all(const ResolvedCall& call, std::vector<Typed> arguments) {
    std::vector<Value> values(call.site.arguments.size());
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::size_t place = call.places.empty() ? i : call.places[i];
      values[place] = coerce(std::move(arguments[i]), call.site.arguments[place], CastContext::implicit);
    }
    return values;
  }

  std::vector<Typed> arguments_of(const Json& node, std::vector<std::string>& names) {
    std::vector<Typed> arguments;
    if (node.contains("args")) {
      for (const Json& argument : node.at("args")) {
        const bool named = argument.contains("NamedArgExpr");
        names.push_back(named ? argument.at("NamedArgExpr").at("name").get<std::string>() : std::string());
        arguments.push_back(evaluate(named ? argument.at("NamedArgExpr").at("arg") : argument));
      }
    }
    return arguments;
  }

  static std::vector<TypeRef> types_of(const std::vector<Typed>& arguments) {
    std::vector<TypeRef> types;
    for (const Typed& argument : arguments) types.push_back(argument.type);
    return types;
  }

  ResolvedCall resolve(const Json& node) {
    std::vector<std::string> names;
    if (source_ && row_ == nullptr && !source_->rows.empty()) {
      row_ = source_->rows.data();  // for the types alone
      std::vector<Typed> arguments = arguments_of(node, names);
      row_ = nullptr;
      return resolve_function(name_of(node.at("funcname")), types_of(arguments), names);
    }
    const std::vector<Typed> arguments = arguments_of(node, names);
    return resolve_function(name_of(node.at("funcname")), types_of(arguments), names);
  }

  std::vector<Value> call_set(const ResolvedCall& call, const Json& node) {
    std::vector<std::string> names;
    const std::vector<Value> values = coerce_all(call, arguments_of(node, names));
    std::vector<Value> cells;
    if (call.function->is_strict) {
      for (const Value& value : values) {
        if (value.is_null()) return cells;
      }
    }
    call.function->call_set(values, call.site, context_, cells);
    return cells;
  }

  Typed aggregate(const Json& node) {
    static const std::vector<Value> kNoRow;
    const bool sorted = node.value("agg_within_group", false);
    std::vector<std::vector<Typed>> rows;
    const auto read_row = [&] {
      std::vector<std::string> names;
      std::vector<Typed> row = arguments_of(node, names);
      if (sorted) row.push_back(evaluate(node.at("agg_order").at(0).at("SortBy").at("node")));
      return row;
    };
    std::vector<TypeRef> types;
    for (const auto& row : source_->rows) {
      row_ = &row;
      rows.push_back(read_row());
    }
    std::vector<Value> nulls(source_->types.size());
    row_ = &nulls;
    types = types_of(read_row());
    row_ = nullptr;
    const ResolvedCall call = resolve_function(name_of(node.at("funcname")), types);
    std::vector<std::vector<Value>> values;
    values.reserve(rows.size());
    for (auto& row : rows) values.push_back(coerce_all(call, std::move(row)));
    const std::size_t direct = call.function->direct_arguments;
    if (sorted) {
      const CompareFunction compare = compare_function(call.site.arguments.back());
      std::sort(values.begin(), values.end(), [&](const auto& a, const auto& b) {
        if (a.back().is_null() || b.back().is_null()) return !a.back().is_null() && b.back().is_null();
        return compare(a.back(), b.back()) < 0;
      });
    }
    std::vector<Value> direct_values;
    if (!values.empty())
      direct_values.assign(values[0].begin(), values[0].begin() + static_cast<std::ptrdiff_t>(direct));
    const auto state = call.function->aggregate(call.site, direct_values);
    for (const auto& row : values) state->add(std::span(row).subspan(direct));
    return {call.site.result, state->result()};
  }

  Typed constant(const Json& node) {
    if (node.contains("ival")) {
      // The tree's JSON leaves out negative numbers: they are read where they stand.
      std::int64_t number = node.at("ival").value("ival", std::int64_t{0});
      const std::size_t place = node.value("location", std::size_t{0});
      if (number == 0 && sql_[place] == '-') {
        const std::size_t digits = sql_.find_first_not_of("- ", place);
        std::from_chars(sql_.data() + digits, sql_.data() + sql_.size(), number);
        number = -number;
      }
      return {TypeRef(Type::int4), Value::integer(number)};
    }
    if (node.contains("boolval")) {
      return {TypeRef(Type::boolean), Value::boolean(node.at("boolval").value("boolval", false))};
    }
    if (node.contains("sval"))
      return {TypeRef(Type::unknown), Value::bytes(node.at("sval").value("sval", std::string()))};
    if (node.contains("fval")) {
      const std::string text = node.at("fval").at("fval");
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{} && end == text.data() + text.size()) {
        const bool small = number >= INT32_MIN && number <= INT32_MAX;
        return {TypeRef(small ? Type::int4 : Type::int8), Value::integer(number)};
      }
      return {TypeRef(Type::numeric), input_text(TypeRef(Type::numeric), text)};
    }
    return {TypeRef(Type::unknown), Value()};
  }

  Typed array(const Json& node) {
    std::vector<Typed> elements;
    if (node.contains("elements")) {
      for (const Json& element : node.at("elements")) elements.push_back(evaluate(element));
    }
    const TypeRef common = common_type(types_of(elements), "ARRAY");
    std::vector<Value> values;
    for (Typed& element : elements) values.push_back(coerce(std::move(element), common, CastContext::implicit));
    if (!common.is_array) return {common.array(), make_array(common, std::move(values))};
    ArrayData data;
    data.element = common.element();
    data.dimensions = values.at(0).array().dimensions;
    data.dimensions.insert(data.dimensions.begin(), {static_cast<std::int32_t>(values.size()), 1});
    for (const Value& value : values) {
      data.elements.insert(data.elements.end(), value.array().elements.begin(), value.array().elements.end());
    }
    return {common, Value::array(std::move(data))};
  }

  Typed record(const Json& node) {
    auto shape = std::make_shared<RecordShape>();
    RecordData data;
    for (const Json& argument : node.at("args")) {
      Typed field = evaluate(argument);
      shape->names.push_back("f" + std::to_string(shape->names.size() + 1));
      shape->types.push_back(field.type.is_unknown() ? TypeRef(Type::text) : field.type);
      data.fields.push_back(std::move(field.value));
    }
    data.shape = std::move(shape);
    return {TypeRef(Type::record), Value::record(std::move(data))};
  }

  Typed boolean(const Json& node) {
    const std::string op = node.at("boolop");
    const TypeRef type(Type::boolean);
    bool null = false;
    for (const Json& argument : node.at("args")) {
      const Value value = coerce(evaluate(argument), type, CastContext::implicit);
      if (op == "NOT_EXPR") return {type, value.is_null() ? Value() : Value::boolean(!value.boolean())};
      if (value.is_null()) {
        null = true;
      } else if (value.boolean() == (op == "OR_EXPR")) {
        return {type, value};
      }
    }
    return {type, null ? Value() : Value::boolean(op == "AND_EXPR")};
  }

  Typed evaluate(const Json& node) {
    const std::string kind = node.begin().key();
    const Json& content = node.begin().value();
    if (kind == "A_Const") return constant(content);
    if (kind == "A_ArrayExpr") return array(content);
    if (kind == "RowExpr") return record(content);
    if (kind == "BoolExpr") return boolean(content);
    if (kind == "TypeCast") {
      const TypeRef type = read_type(content.at("typeName"));
      if (content.at("arg").contains("A_ArrayExpr") && !content.at("arg").at("A_ArrayExpr").contains("elements")) {
        return {type, make_array(type.element(), {})};
      }
      return {type, coerce(evaluate(content.at("arg")), type, CastContext::explicit_)};
    }
    if (kind == "NullTest") {
      const bool is_null = evaluate(content.at("arg")).value.is_null();
      return {TypeRef(Type::boolean), Value::boolean(is_null == (content.at("nulltesttype") == "IS_NULL"))};
    }
    if (kind == "ColumnRef") {
      const std::string name = content.at("fields").back().at("String").at("sval");
      for (std::size_t i = 0; i < source_->names.size(); ++i) {
        if (source_->names[i] == name) return {source_->types[i], row_ != nullptr ? (*row_)[i] : Value()};
      }
      raise("42703", "column \"" + name + "\" does not exist");
    }
    if (kind == "A_Expr") {
      const std::string name = name_of(content.at("name"));
      Typed right = evaluate(content.at("rexpr"));
      if (!content.contains("lexpr")) {
        const ResolvedCall chosen = resolve_operator(name, std::nullopt, right.type);
        std::vector<Typed> arguments;
        arguments.push_back(std::move(right));
        return {chosen.site.result, call(chosen, std::move(arguments))};
      }
      Typed left = evaluate(content.at("lexpr"));
      const ResolvedCall chosen = resolve_operator(name, left.type, right.type);
      std::vector<Typed> arguments;
      arguments.push_back(std::move(left));
      arguments.push_back(std::move(right));
      return {chosen.site.result, call(chosen, std::move(arguments))};
    }
    if (kind == "FuncCall") {
      if (source_ && row_ == nullptr) {
        if (has_aggregate(Json{{"FuncCall", {{"funcname", content.at("funcname")}}}})) return aggregate(content);
      }
      std::vector<std::string> names;
      std::vector<Typed> arguments = arguments_of(content, names);
      const ResolvedCall chosen = resolve_function(name_of(content.at("funcname")), types_of(arguments), names);
      return {chosen.site.result, call(chosen, std::move(arguments))};
    }
    raise_unsupported(kind);
  }

  std::string sql_;
  FixedContext context_;
  std::optional<Source> source_;
  const std::vector<Value>* row_ = nullptr;
};

}  // namespace

std::string evaluate(std::string_view expressions) {
  const std::string sql = "SELECT " + std::string(expressions);
  const PgQueryParseResult parsed = pg_query_parse(sql.c_str());
  std::string tree = parsed.error != nullptr ? "" : parsed.parse_tree;
  const std::string error = parsed.error != nullptr ? parsed.error->message : "";
  pg_query_free_parse_result(parsed);
  if (!error.empty()) return "ERROR 42601: " + error;
  try {
    return Evaluator(sql).run(Json::parse(tree).at("stmts").at(0).at("stmt").at("SelectStmt"));
  } catch (const SqlError& failure) {
    std::string text = "ERROR " + failure.sqlstate + ": " + failure.message;
    if (!failure.detail.empty()) text += "\nDETAIL: " + failure.detail;
    if (!failure.hint.empty()) text += "\nHINT: " + failure.hint;
    return text;
  }
}

void expect_results(const Expectation* begin, const Expectation* end) {
  for (; begin != end; ++begin) EXPECT_EQ(evaluate(begin->expression), begin->result) << "SELECT " << begin->expression;
}

}  // namespace orrery::sim::database::testing
