#include "sim/database/catalogs/relations.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "sim/database/catalogs/contents.hpp"
#include "sim/database/catalogs/definitions.hpp"
#include "sim/database/catalogs/objects.hpp"
#include "sim/database/execution.hpp"
#include "sim/database/knows_nothing.hpp"
#include "sim/database/make_expr.hpp"
#include "sim/database/session_impl.hpp"

namespace orrery::sim::database {
namespace {

std::string_view next_word(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return word;
}

TypeRef type_of(std::string_view name) {
  TypeRef type;
  if (name == "int2vector" || name == "oidvector") {
    type = TypeRef(name == "oidvector" ? Type::oid : Type::int2).array();
    type.typmod = kVector;
    return type;
  }
  const bool is_array = name.starts_with('_');
  const std::optional<Type> base = type_by_name(is_array ? name.substr(1) : name);
  CHECK(base.has_value(), name);
  type = TypeRef(*base);
  type.is_array = is_array;
  return type;
}

/// "23 25", from 0 on.
Value vector_of(TypeRef element, std::string_view text) {
  ArrayData array;
  array.element = element.without_typmod();
  while (!text.empty()) array.elements.push_back(input_text(array.element, next_word(text, ' ')));
  if (!array.elements.empty()) array.dimensions.push_back({static_cast<std::int32_t>(array.elements.size()), 0});
  return Value::array(std::move(array));
}

void give_rows(std::span<const Value> arguments, const CallSite&, const EvalContext& context, std::vector<Value>& cells) {
  const auto& execution = static_cast<const Execution&>(context);
  const SystemRelation& relation = system_relations()[static_cast<std::size_t>(arguments[0].integer())];
  if (relation.fill == nullptr) return;
  const CatalogReader reader(execution.session->naming);
  RowWriter rows(relation, cells);
  if (const FillLive live = live_content(relation); live != nullptr) {
    live(*execution.session, rows);
  } else {
    relation.fill(reader, rows);
  }
}

std::vector<SystemRelation> read_definitions() {
  std::vector<SystemRelation> relations;
  for (std::string_view rest = catalog_definitions().relations; !rest.empty();) {
    std::string_view line = next_word(rest, '\n');
    SystemRelation relation;
    relation.schema = next_word(line, ' ');
    relation.name = next_word(line, ' ');
    const auto number = [&] {
      const std::string_view word = next_word(line, ' ');
      std::uint32_t value = 0;
      std::from_chars(word.data(), word.data() + word.size(), value);
      return value;
    };
    relation.oid = number();
    relation.type_oid = number();
    relation.kind = next_word(line, ' ').front();
    while (!line.empty()) {
      std::string_view column = next_word(line, ' ');
      relation.columns.push_back(next_word(column, ':'));
      relation.not_null.push_back(column.ends_with('!'));
      if (column.ends_with('!')) column.remove_suffix(1);
      relation.types.push_back(type_of(column));
    }
    if (!find_content(relation.schema, relation.name, relation.fill)) continue;
    Function& function = relation.function;
    function.name = relation.name;
    function.kind = FunctionKind::set_returning;
    function.volatility = Volatility::stable;
    function.arguments = {TypeRef(Type::int4)};
    function.result = TypeRef(Type::record);
    function.column_names = relation.columns;
    function.column_types = relation.types;
    function.call_set = give_rows;
    relations.push_back(std::move(relation));
  }
  return relations;
}

}  // namespace

const std::vector<SystemRelation>& system_relations() {
  static const std::vector<SystemRelation> relations = read_definitions();
  return relations;
}

const SystemRelation* find_system_relation(std::string_view schema, std::string_view name) {
  if (schema.empty() ? !name.starts_with("pg_") : schema != "pg_catalog" && schema != "information_schema") return nullptr;
  if (schema.empty()) schema = "pg_catalog";
  for (const SystemRelation& each : system_relations()) {
    if (each.name == name && each.schema == schema) return &each;
  }
  return nullptr;
}

const SystemRelation* system_relation_numbered(std::uint32_t oid) {
  for (const SystemRelation& each : system_relations()) {
    if (each.oid == oid) return &each;
  }
  return nullptr;
}

void RowWriter::begin() {
  row_ = cells_.size();
  for (std::size_t i = 0; i < relation_.columns.size(); ++i) {
    const TypeRef type = relation_.types[i];
    if (!relation_.not_null[i] || type.is_array) {
      cells_.emplace_back();
    } else if (type.base == Type::name || type.base == Type::char_ || type.base == Type::text || type.base == Type::pg_node_tree) {
      cells_.push_back(Value::bytes(""));
    } else if (is_object_name(type)) {
      cells_.push_back(object_value(0, "-"));
    } else {
      cells_.push_back(Value::integer(0));
    }
  }
}

void RowWriter::set(std::string_view column, Value value) {
  const auto found = std::ranges::find(relation_.columns, column);
  CHECK(found != relation_.columns.end(), column);
  cells_[row_ + static_cast<std::size_t>(found - relation_.columns.begin())] = std::move(value);
}

void RowWriter::add_written(std::string_view rows) {
  while (!rows.empty()) {
    std::string_view line = next_word(rows, '\n');
    begin();
    for (std::size_t i = 0; i < relation_.columns.size(); ++i) {
      const std::string_view cell = next_word(line, '\t');
      if (cell == "\\N") {
        cells_[row_ + i] = Value();
      } else if (relation_.types[i].is_vector()) {
        cells_[row_ + i] = vector_of(relation_.types[i].element(), cell);
      } else if (relation_.types[i].base == Type::aclitem) {
        ArrayData list = input_text(TypeRef(Type::text).array(), cell).array();
        list.references = 1;
        list.element = TypeRef(Type::aclitem);
        cells_[row_ + i] = Value::array(std::move(list));
      } else if (relation_.types[i].is(Type::regproc)) {
        const std::size_t slash = cell.find('/');
        std::uint32_t oid = 0;
        std::from_chars(cell.data(), cell.data() + slash, oid);
        cells_[row_ + i] = object_value(oid, cell.substr(slash + 1));
      } else {
        cells_[row_ + i] = input_text(relation_.types[i].without_typmod(), cell);
      }
    }
  }
}

std::unique_ptr<FromNode> Analyzer::from_system(const SystemRelation& relation, const PgQuery__RangeVar& range, Level& level) {
  // A query of its own, whose rows are kept as long as the statement runs.
  auto query = std::make_shared<QueryPlan>();
  auto rows = std::make_unique<FromNode>();
  rows->kind = FromNode::Kind::function;
  rows->slot = new_slot();
  rows->slots = SlotSet{1} << rows->slot;
  rows->width = static_cast<std::uint32_t>(relation.columns.size());
  rows->function_widths.push_back(rows->width);
  auto place = make_expr(ExprKind::constant, TypeRef(Type::int4), -1);
  place->constant = Value::integer(&relation - system_relations().data());
  auto call = make_expr(ExprKind::call, TypeRef(Type::record), -1);
  call->function = &relation.function;
  call->site.arguments = {TypeRef(Type::int4)};
  call->site.result = TypeRef(Type::record);
  call->args.push_back(std::move(place));
  rows->functions.push_back(std::move(call));
  RangeEntry entry;
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    auto column = make_expr(ExprKind::column, relation.types[i], -1);
    column->slot = rows->slot;
    column->column = static_cast<std::uint32_t>(i);
    column->name = std::string(relation.columns[i]);
    query->outputs.push_back(std::move(column));
    query->names.emplace_back(relation.columns[i]);
    query->types.push_back(relation.types[i]);
    entry.columns.emplace_back(relation.columns[i]);
    entry.types.push_back(relation.types[i]);
  }
  if (relation.kind == 'r') {
    auto oid = make_expr(ExprKind::constant, TypeRef(Type::oid), -1);
    oid->constant = Value::integer(relation.oid);
    query->outputs.push_back(std::move(oid));
    query->names.emplace_back("tableoid");
    query->types.emplace_back(Type::oid);
    entry.tableoid = static_cast<std::int32_t>(rows->width);
  }
  query->visible = static_cast<std::uint32_t>(query->outputs.size());
  query->slots.push_back(rows->slot);
  query->from = std::move(rows);
  std::unique_ptr<FromNode> node = from_stored(std::move(query), entry);
  entry.schema = std::string(relation.schema);
  apply_alias(entry, range.alias, range.relname, range.location);
  add_entry(level, std::move(entry), range.location);
  return node;
}

}  // namespace orrery::sim::database
