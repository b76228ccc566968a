#include "sim/database/catalogs/objects.hpp"

#include <algorithm>
#include <charconv>

#include "sim/database/catalogs/definitions.hpp"
#include "sim/database/catalogs/relations.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/parser.hpp"

namespace orrery::sim::database {
namespace {

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ".") + part;
  return text;
}

/// A name of one or two parts; a third one in front is the database's.
std::pair<std::string, std::string> schema_and_name(std::string_view text) {
  std::vector<std::string> parts = split_name(text);
  if (parts.size() > 3) fail("42601", "improper relation name (too many dotted names): " + joined(parts));
  if (parts.size() == 3) fail_unsupported("database name before a relation");
  return parts.size() == 1 ? std::pair<std::string, std::string>{"", parts[0]} : std::pair<std::string, std::string>{parts[0], parts[1]};
}

Value relation_named(const Naming& naming, std::string_view text) {
  const auto [schema, name] = schema_and_name(text);
  if (const SystemRelation* system = find_system_relation(schema, name)) {
    const CatalogReader reader(naming);
    return object_numbered(naming, Type::regclass, system->oid);
  }
  const CatalogEntry* entry = naming.find_relation(schema, name);
  if (entry == nullptr) {
    const bool is_system = schema == "pg_catalog" || schema == "information_schema" || (schema.empty() && name.starts_with("pg_"));
    if (is_system) fail_unsupported("system catalog " + name);
    if (!schema.empty() && !naming.catalog->schema_exists(schema, naming.slot)) fail("3F000", "schema " + in_quotes(schema) + " does not exist");
    fail("42P01", "relation " + in_quotes(schema.empty() ? name : schema + "." + name) + " does not exist");
  }
  naming.catalog->number_objects();
  return object_numbered(naming, Type::regclass, relation_oid(*entry));
}

Value type_named(const Naming& naming, std::string_view text) {
  std::shared_ptr<const ParseTree> tree;
  try {
    tree = parse("SELECT NULL::" + std::string(text));
  } catch (SqlError& error) {
    error.position = 0;
    throw;
  }
  const PgQuery__Node* value = nullptr;
  if (tree->size() == 1 && tree->statement(0).node_case == PG_QUERY__NODE__NODE_SELECT_STMT) {
    const PgQuery__SelectStmt& select = *tree->statement(0).select_stmt;
    const bool is_plain = select.n_target_list == 1 && select.n_from_clause == 0 && select.where_clause == nullptr;
    if (is_plain) value = select.target_list[0]->res_target->val;
  }
  if (value == nullptr || value->node_case != PG_QUERY__NODE__NODE_TYPE_CAST) fail("42601", "invalid type name " + in_quotes(text));
  TypeRef type;
  try {
    type = naming.type(*value->type_cast->type_name);
  } catch (SqlError& error) {
    error.position = 0;
    throw;
  }
  const CatalogReader reader(naming);
  return object_value(reader.type_oid(type), reader.type_text(type.without_typmod(), false));
}

Value schema_named(const Naming& naming, std::string_view text) {
  const std::vector<std::string> parts = split_name(text);
  if (parts.size() != 1) fail("42602", "invalid name syntax");
  const CatalogReader reader(naming);
  const std::uint32_t oid = reader.schema_oid(parts[0]);
  if (oid == 0) fail("3F000", "schema " + in_quotes(parts[0]) + " does not exist");
  return object_value(oid, quote_identifier(parts[0]));
}

}  // namespace

std::vector<std::string> split_name(std::string_view text) {
  std::vector<std::string> parts(1);
  bool is_quoted = false;
  bool is_ended = false;
  const auto wrong = [] { fail("42602", "invalid name syntax"); };
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted) {
      if (c != '"') {
        parts.back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        parts.back() += text[++i];
      } else {
        is_quoted = false;
        is_ended = true;
      }
    } else if (c == '.') {
      if (parts.back().empty()) wrong();
      parts.emplace_back();
      is_ended = false;
    } else if (c == '"' && parts.back().empty() && !is_ended) {
      is_quoted = true;
    } else if (is_ended || c == '"' || c == ' ') {
      wrong();
    } else {
      parts.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (is_quoted || parts.back().empty()) wrong();
  return parts;
}

std::uint32_t relation_oid(const CatalogEntry& entry) noexcept {
  switch (entry.kind) {
    case CatalogEntry::Kind::table:
      return entry.table->id;
    case CatalogEntry::Kind::index:
      return entry.index->oid;
    case CatalogEntry::Kind::sequence:
      return entry.sequence->id;
    case CatalogEntry::Kind::view:
      return entry.view->oid;
    case CatalogEntry::Kind::type:
      break;
  }
  return 0;
}

CatalogReader::CatalogReader(const Naming& naming) : naming_(naming) {
  naming.catalog->number_objects();
  seen_ = naming.catalog->seen_by(naming.slot);
  schemas_ = naming.catalog->schemas_seen_by(naming.slot);
  schemas_.emplace_back("information_schema", kInformationSchema);
  schemas_.emplace_back("pg_toast", 99);
  std::ranges::sort(schemas_, {}, &std::pair<std::string_view, std::uint32_t>::second);
  for (const Catalog::Seen& each : seen_) {
    if (const std::uint32_t oid = relation_oid(*each.entry)) relations_.push_back({oid, each.schema, each.name, each.entry});
  }
  std::ranges::sort(relations_, {}, &Relation::oid);
}

const CatalogReader::Relation* CatalogReader::relation(std::uint32_t oid) const {
  const auto found = std::ranges::lower_bound(relations_, oid, {}, &Relation::oid);
  return found != relations_.end() && found->oid == oid ? &*found : nullptr;
}

std::vector<const Table*> CatalogReader::tables() const {
  std::vector<const Table*> tables;
  for (const Relation& each : relations_) {
    if (each.entry->kind == CatalogEntry::Kind::table) tables.push_back(each.entry->table);
  }
  return tables;
}

std::uint32_t CatalogReader::schema_oid(std::string_view schema) const {
  const auto found = std::ranges::find(schemas_, schema, &std::pair<std::string_view, std::uint32_t>::first);
  return found == schemas_.end() ? 0 : found->second;
}

std::string_view CatalogReader::schema_name(std::uint32_t oid) const {
  const auto found = std::ranges::find(schemas_, oid, &std::pair<std::string_view, std::uint32_t>::second);
  return found == schemas_.end() ? std::string_view() : found->first;
}

std::uint32_t CatalogReader::type_oid(TypeRef type) const {
  if (type.enumeration != nullptr) return naming_.catalog->number_of(*type.enumeration) + (type.is_array ? 1 : 0);
  return builtin_oid(type);
}

std::string CatalogReader::type_text(TypeRef type, bool gives_typmod) const {
  if (type.enumeration != nullptr) {
    std::string text = type.enumeration->name;
    for (const Catalog::Seen& each : seen_) {
      if (each.entry->type != type.enumeration) continue;
      text = quote_identifier(each.name);
      if (!type_is_visible(type_oid(type.element()))) text = quote_identifier(each.schema) + "." + text;
    }
    return type.is_array ? text + "[]" : text;
  }
  if (type.is_vector()) return type_name(type);
  if (type.base == Type::bpchar && type.typmod < 0 && gives_typmod) return type.is_array ? "bpchar[]" : "bpchar";
  return type_name_with_typmod(type);
}

std::string CatalogReader::type_text(std::uint32_t oid, std::optional<std::int32_t> typmod) const {
  if (const std::optional<TypeRef> builtin = builtin_type(oid)) {
    TypeRef type = *builtin;
    if (typmod && !type.is_vector()) type.typmod = std::max(*typmod, -1);
    return type_text(type, typmod.has_value());
  }
  for (const Catalog::Seen& each : seen_) {
    if (each.entry->type != nullptr) {
      const TypeRef type(*each.entry->type);
      if (type_oid(type) == oid) return type_text(type);
      if (type_oid(type) + 1 == oid) return type_text(type.array());
    }
    std::uint32_t row = 0;
    if (each.entry->kind == CatalogEntry::Kind::table) row = each.entry->table->type_oid;
    if (each.entry->kind == CatalogEntry::Kind::view) row = each.entry->view->oid + 1;
    if (row == 0 || (row != oid && row + 1 != oid)) continue;
    return relation_text(each.schema, each.name, *each.entry) + (row == oid ? "" : "[]");
  }
  for (const SystemRelation& each : system_relations()) {
    if (each.type_oid == oid) return each.schema == "pg_catalog" ? std::string(each.name) : std::string(each.schema) + "." + std::string(each.name);
  }
  const std::string number = std::to_string(oid) + " ";
  for (std::string_view rest = catalog_definitions().type_names; !rest.empty(); rest = rest.substr(rest.find('\n') + 1)) {
    if (rest.starts_with(number)) return std::string(rest.substr(number.size(), rest.find('\n') - number.size()));
  }
  return {};
}

bool CatalogReader::type_is_visible(std::uint32_t oid) const {
  if (builtin_type(oid)) return true;
  for (const Catalog::Seen& each : seen_) {
    if (each.entry->type != nullptr) {
      const std::uint32_t number = type_oid(TypeRef(*each.entry->type));
      if (number != oid && number + 1 != oid) continue;
      for (const std::string& schema : naming_.search_path) {
        if (const CatalogEntry* found = naming_.catalog->find_type(schema, each.name, naming_.slot)) return found == each.entry;
      }
      return false;
    }
    std::uint32_t row = 0;
    if (each.entry->kind == CatalogEntry::Kind::table) row = each.entry->table->type_oid;
    if (each.entry->kind == CatalogEntry::Kind::view) row = each.entry->view->oid + 1;
    if (row != 0 && (row == oid || row + 1 == oid)) return is_visible(each.schema, each.name, *each.entry);
  }
  const auto& system = system_relations();
  return std::ranges::any_of(system, [&](const SystemRelation& each) { return each.type_oid == oid && each.schema == "pg_catalog"; });
}

bool CatalogReader::is_visible(std::string_view, std::string_view name, const CatalogEntry& entry) const {
  if (find_system_relation("", name) != nullptr) return false;
  return naming_.find_relation("", name) == &entry;
}

std::string CatalogReader::relation_text(std::string_view schema, std::string_view name, const CatalogEntry& entry) const {
  const std::string text = quote_identifier(name);
  return is_visible(schema, name, entry) ? text : quote_identifier(schema) + "." + text;
}
std::string CatalogReader::relation_text(const Relation& relation) const {
  return relation_text(relation.schema, relation.name, *relation.entry);
}
std::string CatalogReader::table_text(const Table& table) const {
  const Relation* found = relation(table.id);
  return found == nullptr ? quote_identifier(table.name) : relation_text(*found);
}

Value object_named(const Naming& naming, Type type, std::string_view text) {
  if (text == "-") return object_value(0, text);
  if (const std::optional<std::uint32_t> number = number_of(text)) return object_numbered(naming, type, *number);
  switch (type) {
    case Type::regclass:
      return relation_named(naming, text);
    case Type::regtype:
      return type_named(naming, text);
    case Type::regnamespace:
      return schema_named(naming, text);
    default:
      fail_unsupported("a value of type " + type_name(TypeRef(type)) + " by its name");
  }
}

Value object_numbered(const Naming& naming, Type type, std::uint32_t oid) {
  if (oid == 0) return object_value(0, "-");
  const std::string number = std::to_string(oid);
  const CatalogReader reader(naming);
  switch (type) {
    case Type::regclass: {
      if (const CatalogReader::Relation* found = reader.relation(oid)) return object_value(oid, reader.relation_text(*found));
      if (const SystemRelation* system = system_relation_numbered(oid)) {
        const std::string prefix = system->schema == "pg_catalog" ? "" : std::string(system->schema) + ".";
        return object_value(oid, prefix + std::string(system->name));
      }
      return object_value(oid, number);
    }
    case Type::regtype: {
      const std::string text = reader.type_text(oid, std::nullopt);
      return object_value(oid, text.empty() ? number : text);
    }
    case Type::regnamespace: {
      const std::string_view text = reader.schema_name(oid);
      return object_value(oid, text.empty() ? number : quote_identifier(text));
    }
    default:
      return object_value(oid, number);
  }
}

Sequence& sequence_numbered(const Naming& naming, std::uint32_t oid) {
  const auto& sequences = naming.catalog->sequences();  // by OID; a plan that names a dropped one is not run any more
  const auto place = std::ranges::lower_bound(sequences, oid, {}, [](const auto& each) { return each->id; });
  if (place != sequences.end() && (*place)->id == oid) return **place;
  const CatalogReader reader(naming);
  const CatalogReader::Relation* found = reader.relation(oid);
  if (found == nullptr) fail("XX000", "could not open relation with OID " + std::to_string(oid));
  if (found->entry->kind != CatalogEntry::Kind::sequence) fail("42809", in_quotes(found->name) + " is not a sequence");
  return *found->entry->sequence;
}

}  // namespace orrery::sim::database
