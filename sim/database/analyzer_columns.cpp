// What a name in an expression means: a column of which table, of which query.
#include <algorithm>
#include <cstdint>

#include "sim/database/analyzer.hpp"
#include "sim/database/make_expr.hpp"

namespace orrery::sim::database {

ExprPtr Analyzer::column_of(const RangeEntry& entry, std::uint32_t column, std::int32_t location) {
  auto expr = make_expr(ExprKind::column, entry.types[column], location);
  expr->slot = entry.slot;
  expr->column = column;
  expr->name = entry.columns[column];
  expr->table = entry.table;
  return expr;
}

ExprPtr Analyzer::system_column_of(const RangeEntry& entry, std::string_view name, std::int32_t location) {
  static constexpr std::pair<std::string_view, std::pair<SystemColumn, Type>> kColumns[] = {
      {"ctid", {SystemColumn::ctid, Type::tid}}, {"xmin", {SystemColumn::xmin, Type::xid}},
      {"cmin", {SystemColumn::cmin, Type::oid}}, {"xmax", {SystemColumn::xmax, Type::xid}},
      {"cmax", {SystemColumn::cmax, Type::oid}}, {"tableoid", {SystemColumn::tableoid, Type::oid}}};
  if (entry.tableoid >= 0 && name == "tableoid") {
    auto expr = make_expr(ExprKind::column, TypeRef(Type::oid), location);
    expr->slot = entry.slot;
    expr->column = static_cast<std::uint32_t>(entry.tableoid);
    expr->name = name;
    return expr;
  }
  if (entry.table == nullptr) return nullptr;
  for (const auto& [each, system] : kColumns) {
    if (each != name) continue;
    auto expr = make_expr(ExprKind::system_column, TypeRef(system.second), location);
    expr->slot = entry.slot;
    expr->system = system.first;
    expr->table = entry.table;
    expr->name = name;
    return expr;
  }
  return nullptr;
}

namespace {

/// A condition of MERGE may not ask for what a row that is to be inserted does not have.
void refuse_in_merge(const Expr& column, const Level& level, std::int32_t location) {
  if (level.clause != Clause::merge_when || column.name == "tableoid") return;
  fail("42P10", "cannot use system column " + in_quotes(column.name) + " in MERGE WHEN condition", position_of(location));
}

}  // namespace

ExprPtr Analyzer::whole_row_of(const RangeEntry& entry, std::int32_t location) {
  auto expr = make_expr(ExprKind::whole_row, TypeRef(Type::record), location);
  expr->slot = entry.slot;
  expr->column = static_cast<std::uint32_t>(entry.columns.size());
  auto shape = std::make_shared<RecordShape>();
  shape->names = entry.columns;
  shape->types = entry.types;
  expr->shape = std::move(shape);
  expr->name = entry.name;
  return expr;
}

void Analyzer::note_outer(Level& from, const Level& owner, std::uint32_t slot) {
  for (Level* level = &from; level != nullptr && level != &owner; level = level->outer) {
    level->outer_slots |= SlotSet{1} << slot;
  }
}

ExprPtr Analyzer::find_column(std::string_view name, std::int32_t location, Level& level) {
  for (Level* each = &level; each != nullptr; each = each->outer) {
    if (!each->sees_entries) continue;
    for (const MergedColumn& merged : each->merged) {
      if (merged.name != name) continue;
      const auto same = std::count_if(each->merged.begin(), each->merged.end(), [&](const MergedColumn& other) { return other.name == name; });
      const bool is_free = std::any_of(each->entries.begin(), each->entries.end(), [&](const RangeEntry& entry) {
        if (entry.only_qualified || entry.is_hidden) return false;
        for (std::size_t i = 0; i < entry.columns.size(); ++i) {
          if (entry.columns[i] == name && (entry.merged.empty() || !entry.merged[i])) return true;
        }
        return false;
      });
      if (same > 1 || is_free) fail("42702", "column reference " + in_quotes(name) + " is ambiguous", position_of(location));
      for_each_expression(*merged.value, [&](const Expr& part) {
        if (part.kind == ExprKind::column) note_outer(level, *each, part.slot);
      });
      return merged.value;
    }
    ExprPtr found;
    for (const RangeEntry& entry : each->entries) {
      if (entry.only_qualified || entry.is_hidden) continue;
      for (std::size_t i = 0; i < entry.columns.size(); ++i) {
        if (entry.columns[i] != name || (!entry.merged.empty() && entry.merged[i])) continue;
        if (found != nullptr) fail("42702", "column reference " + in_quotes(name) + " is ambiguous", position_of(location));
        found = column_of(entry, static_cast<std::uint32_t>(i), location);
      }
    }
    if (found == nullptr) {
      for (const RangeEntry& entry : each->entries) {
        if (entry.only_qualified || entry.is_hidden) continue;
        ExprPtr system = system_column_of(entry, name, location);
        if (system == nullptr) continue;
        if (found != nullptr) fail("42702", "column reference " + in_quotes(name) + " is ambiguous", position_of(location));
        refuse_in_merge(*system, level, location);
        found = std::move(system);
      }
    }
    if (found != nullptr) {
      note_outer(level, *each, found->slot);
      return found;
    }
  }
  return nullptr;
}

ExprPtr Analyzer::find_qualified(std::string_view schema, std::string_view relation, std::string_view name,
                                 std::int32_t location, Level& level) {
  const Level* invisible = nullptr;
  for (Level* each = &level; each != nullptr; each = each->outer) {
    for (const RangeEntry& entry : each->entries) {
      if (entry.name != relation) continue;
      if (!schema.empty() && entry.schema != schema) continue;
      if (!each->sees_entries || entry.is_hidden) {
        invisible = each;
        continue;
      }
      for (std::size_t i = 0; i < entry.columns.size(); ++i) {
        if (entry.columns[i] != name) continue;
        note_outer(level, *each, entry.slot);
        return column_of(entry, static_cast<std::uint32_t>(i), location);
      }
      if (ExprPtr system = system_column_of(entry, name, location)) {
        refuse_in_merge(*system, level, location);
        note_outer(level, *each, entry.slot);
        return system;
      }
      fail("42703", "column " + std::string(relation) + "." + std::string(name) + " does not exist", position_of(location));
    }
  }
  for (const RangeEntry& entry : level.entries) {
    if (entry.table == nullptr || entry.table->name != relation || entry.name == relation || !schema.empty()) continue;
    fail("42P01", "invalid reference to FROM-clause entry for table " + in_quotes(relation), position_of(location), {},
         "Perhaps you meant to reference the table alias " + in_quotes(entry.name) + ".");
  }
  if (invisible != nullptr) {
    fail("42P01", "invalid reference to FROM-clause entry for table " + in_quotes(relation), position_of(location), {},
         "There is an entry for table " + in_quotes(relation) + ", but it cannot be referenced from this part of the query.");
  }
  fail("42P01", "missing FROM-clause entry for table " + in_quotes(relation), position_of(location));
}

ExprPtr Analyzer::column_reference(const PgQuery__ColumnRef& ref, Level& level) {
  const Nodes fields(ref.fields, ref.n_fields);
  if (fields.back()->node_case == PG_QUERY__NODE__NODE_A_STAR) {
    fail_unsupported("row.* in this place", position_of(ref.location));
  }
  const std::string_view last = fields.back()->string->sval;
  if (level.clause == Clause::default_) {
    fail("0A000", "cannot use column reference in DEFAULT expression", position_of(ref.location));
  }
  if (fields.size() == 1) {
    if (ExprPtr found = find_column(last, ref.location, level)) return found;
    // The name of a table stands for its whole row.
    for (Level* each = &level; each != nullptr; each = each->outer) {
      if (!each->sees_entries) continue;
      for (const RangeEntry& entry : each->entries) {
        if (entry.name != last || entry.is_hidden) continue;
        note_outer(level, *each, entry.slot);
        // A function in FROM with one column: its name is that column.
        if (entry.table == nullptr && entry.columns.size() == 1 && entry.columns[0] == last) {
          return column_of(entry, 0, ref.location);
        }
        return whole_row_of(entry, ref.location);
      }
    }
    fail("42703", "column " + in_quotes(last) + " does not exist", position_of(ref.location));
  }
  if (fields.size() > 3) fail_unsupported("a name with a database in it", position_of(ref.location));
  const std::string_view relation = fields[fields.size() - 2]->string->sval;
  const std::string_view schema = fields.size() == 3 ? fields[0]->string->sval : "";
  return find_qualified(schema, relation, last, ref.location, level);
}

}  // namespace orrery::sim::database
