#include "sim/database/catalog.hpp"

#include <algorithm>
#include <utility>

#include "sim/database/errors.hpp"

namespace orrery::sim::database {

std::string deferral_text(const Deferrable& constraint) {
  std::string text;
  if (constraint.is_deferrable) text += " DEFERRABLE";
  if (constraint.is_deferred) text += " INITIALLY DEFERRED";
  return text;
}

std::string_view action_text(KeyAction action) noexcept {
  switch (action) {
    case KeyAction::no_action:
      return "NO ACTION";
    case KeyAction::restrict:
      return "RESTRICT";
    case KeyAction::cascade:
      return "CASCADE";
    case KeyAction::set_null:
      return "SET NULL";
    case KeyAction::set_default:
      return "SET DEFAULT";
  }
  return "";
}

// PostgreSQL logs a sequence for this many values in advance (SEQ_LOG_VALS): they are skipped after a crash.
constexpr std::int32_t kLoggedAhead = 32;

std::int64_t Sequence::next() {
  if (!is_called) {
    is_called = true;
  } else {
    const bool past_end = increment > 0 ? last_value > maximum - increment : last_value < minimum - increment;
    if (past_end) {
      if (!cycles) {
        fail("2200H", std::string("nextval: reached ") + (increment > 0 ? "maximum" : "minimum") + " value of sequence \"" +
                          name + "\" (" + std::to_string(increment > 0 ? maximum : minimum) + ")");
      }
      last_value = increment > 0 ? minimum : maximum;
    } else {
      last_value += increment;
    }
  }
  logged_ahead = logged_ahead > 0 ? logged_ahead - 1 : kLoggedAhead;
  return last_value;
}

void Sequence::restart(std::int64_t value, bool called) {
  last_value = value;
  is_called = called;
  logged_ahead = 0;
}

void Sequence::recover() {
  if (logged_ahead > 0) {
    const std::int64_t room = increment > 0 ? (maximum - last_value) / increment : (minimum - last_value) / increment;
    last_value += increment * std::min<std::int64_t>(room, logged_ahead);
  }
  logged_ahead = 0;
}

std::optional<std::uint32_t> Table::column(std::string_view column_name) const noexcept {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column_name) return static_cast<std::uint32_t>(i);
  }
  return std::nullopt;
}

std::vector<std::uint32_t> Table::generated_columns() const {
  std::vector<std::uint32_t> generated;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].is_generated) generated.push_back(static_cast<std::uint32_t>(i));
  }
  return generated;
}

Index* Table::primary_key() const noexcept {
  for (const auto& index : indexes) {
    if (index->is_primary && !index->is_dropped) return index.get();
  }
  return nullptr;
}

void Table::refresh_shape() {
  auto fresh = std::make_shared<RowShape>();
  for (const Column& each : columns) fresh->columns.push_back(each.name);
  shape = std::move(fresh);
}

Catalog::Catalog() {
  schemas_.try_emplace("public");
  schemas_.try_emplace("pg_catalog");
}

CatalogEntry* Catalog::find(const std::map<std::string, Entries, std::less<>>& names, std::string_view name,
                            std::uint32_t slot) {
  const auto found = names.find(name);
  if (found == names.end()) return nullptr;
  for (const auto& entry : found->second) {
    if (entry->creator != 0 && entry->creator != slot + 1) continue;
    if (entry->dropper != 0 && entry->dropper == slot + 1) continue;
    return entry.get();
  }
  return nullptr;
}

CatalogEntry* Catalog::find_relation(std::string_view schema, std::string_view name, std::uint32_t slot) const {
  const auto found = schemas_.find(schema);
  return found == schemas_.end() ? nullptr : find(found->second.relations, name, slot);
}

CatalogEntry* Catalog::find_type(std::string_view schema, std::string_view name, std::uint32_t slot) const {
  const auto found = schemas_.find(schema);
  return found == schemas_.end() ? nullptr : find(found->second.types, name, slot);
}

bool Catalog::schema_exists(std::string_view schema, std::uint32_t slot) const {
  const auto found = schemas_.find(schema);
  if (found == schemas_.end()) return false;
  const Schema& each = found->second;
  return (each.creator == 0 || each.creator == slot + 1) && each.dropper != slot + 1;
}

void Catalog::add_schema(const std::string& schema, std::uint32_t creator) {
  schemas_[schema].creator = creator;
  ++version;
}

void Catalog::drop_schema(const std::string& schema, std::uint32_t dropper) {
  const auto found = schemas_.find(schema);
  if (found != schemas_.end()) found->second.dropper = dropper;
  ++version;
}

void Catalog::remove_schema(const std::string& schema) {
  schemas_.erase(schema);
  ++version;
}

void Catalog::end_schema(const std::string& schema, std::uint32_t dropper) {
  const auto found = schemas_.find(schema);
  if (found != schemas_.end() && found->second.dropper == dropper) remove_schema(schema);
}

bool Catalog::schema_is_empty(const std::string& schema) const {
  const Schema& found = schemas_.find(schema)->second;
  return found.relations.empty() && found.types.empty();
}

std::vector<std::string> Catalog::schema_names() const {
  std::vector<std::string> names;
  for (const auto& [name, schema] : schemas_) names.push_back(name);
  return names;
}

CatalogEntry& Catalog::add(const std::string& schema, const std::string& name, CatalogEntry entry) {
  Schema& found = schemas_.find(schema)->second;
  auto& entries = entry.kind == CatalogEntry::Kind::type ? found.types[name] : found.relations[name];
  entries.push_back(std::make_unique<CatalogEntry>(entry));
  ++version;
  return *entries.back();
}

void Catalog::remove(const std::string& schema, const std::string& name, const CatalogEntry& entry) {
  const auto found = schemas_.find(schema);
  if (found == schemas_.end()) return;
  auto& names = entry.kind == CatalogEntry::Kind::type ? found->second.types : found->second.relations;
  const auto entries = names.find(name);
  CHECK(entries != names.end(), "a catalog entry is removed once");
  std::erase_if(entries->second, [&](const auto& each) { return each.get() == &entry; });
  if (entries->second.empty()) names.erase(entries);
  ++version;
}

std::string_view Catalog::qualified_name(const std::string& schema, const std::string& name) {
  return *qualified_names_.insert(schema == "public" ? name : schema + "." + name).first;
}

Table& Catalog::new_table(const std::string& schema, const std::string& name) {
  auto& table = *tables_.emplace_back(std::make_unique<Table>(next_id_++, schema, name));
  table.qualified_name = qualified_name(schema, name);
  return table;
}

Sequence& Catalog::new_sequence(const std::string& schema, const std::string& name) {
  auto& sequence = *sequences_.emplace_back(std::make_unique<Sequence>());
  sequence.id = next_id_++;
  sequence.lock = std::make_shared<Lock>(LockTag{LockTag::Kind::relation, sequence.id});
  sequence.schema = schema;
  sequence.name = name;
  return sequence;
}

View& Catalog::new_view() {
  // Tables and sequences have the numbers below.
  constexpr std::uint64_t kFirst = 0x8000'0000;
  View& view = *views_.emplace_back(std::make_unique<View>());
  view.lock = std::make_shared<Lock>(LockTag{LockTag::Kind::relation, kFirst + views_.size()});
  return view;
}

const EnumLabel& Catalog::new_label(const std::string& text, float order) {
  auto& label = *labels_.emplace_back(std::make_unique<EnumLabel>());
  label.text = text;
  label.sort_order = order;
  return label;
}

EnumType& Catalog::new_enum(const std::string& name, const std::vector<std::string>& labels) {
  auto& type = *enums_.emplace_back(std::make_unique<EnumType>());
  type.name = name;
  double order = 0;
  for (const std::string& text : labels) type.labels.push_back(&new_label(text, ++order));
  static_cast<void>(number_of(type));
  return type;
}

std::vector<Catalog::Seen> Catalog::seen_by(std::uint32_t slot) const {
  std::vector<Seen> seen;
  for (const auto& [schema, content] : schemas_) {
    if (!schema_exists(schema, slot)) continue;
    for (const auto* names : {&content.relations, &content.types}) {
      for (const auto& [name, entries] : *names) {
        if (const CatalogEntry* entry = find(*names, name, slot)) seen.push_back({schema, name, entry});
      }
    }
  }
  return seen;
}

std::vector<std::pair<std::string_view, std::uint32_t>> Catalog::schemas_seen_by(std::uint32_t slot) const {
  std::vector<std::pair<std::string_view, std::uint32_t>> seen;
  for (const auto& [name, schema] : schemas_) {
    if (schema_exists(name, slot)) seen.emplace_back(name, schema.oid);
  }
  return seen;
}

std::uint32_t Catalog::number_of(const EnumType& type) {
  if (type.oid == 0) {
    type.oid = next_id_;
    next_id_ += 2;
  }
  return type.oid;
}

void Catalog::number_objects() {
  const auto give = [&](std::uint32_t& oid, std::uint32_t count = 1) {
    if (oid != 0) return;
    oid = next_id_;
    next_id_ += count;
  };
  schemas_.find("pg_catalog")->second.oid = kCatalogSchema;
  if (const auto open = schemas_.find("public"); open != schemas_.end() && !was_public_numbered_) {
    open->second.oid = kPublicSchema;
    was_public_numbered_ = true;
  }
  for (auto& [name, schema] : schemas_) give(schema.oid);
  for (const auto& type : enums_) {
    static_cast<void>(number_of(*type));
    for (const EnumLabel* label : type->labels) give(label->oid);
  }
  for (const auto& table : tables_) {
    give(table->type_oid, 2);
    for (const Column& column : table->columns) give(column.default_oid);
    for (const auto& index : table->indexes) {
      give(index->oid);
      if (index->is_constraint || index->is_primary) give(index->constraint_oid);
    }
    for (const CheckConstraint& check : table->checks) give(check.oid);
    for (const auto& key : table->foreign_keys) give(key->oid);
  }
  for (const auto& view : views_) give(view->oid, 3);
}

std::vector<std::pair<std::string, const CatalogEntry*>> Catalog::list(const std::string& schema) const {
  std::vector<std::pair<std::string, const CatalogEntry*>> result;
  const auto found = schemas_.find(schema);
  if (found == schemas_.end()) return result;
  for (const auto& [name, entries] : found->second.relations) {
    for (const auto& entry : entries) {
      if (entry->creator == 0) result.emplace_back(name, entry.get());
    }
  }
  return result;
}

}  // namespace orrery::sim::database
