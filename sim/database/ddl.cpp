#include <algorithm>
#include <charconv>

#include "sim/database/ddl_support.hpp"
#include "sim/database/errors.hpp"
#include "sim/database/utility.hpp"

namespace orrery::sim::database {

CatalogEntry& register_object(SessionImpl& session, const std::string& schema, const std::string& name, CatalogEntry entry) {
  Catalog& catalog = session.engine.catalog;
  const bool is_type = entry.kind == CatalogEntry::Kind::type;
  const CatalogEntry* existing = is_type ? catalog.find_type(schema, name, session.transaction.slot)
                                         : catalog.find_relation(schema, name, session.transaction.slot);
  if (existing != nullptr) {
    fail(is_type ? "42710" : "42P07", std::string(is_type ? "type " : "relation ") + in_quotes(name) + " already exists");
  }
  entry.creator = session.transaction.slot + 1;
  CatalogEntry& added = catalog.add(schema, name, entry);
  session.transaction.ddl.emplace_back([&catalog, &added, schema, name](bool committed) {
    if (committed) {
      added.creator = 0;
      ++catalog.version;
    } else {
      catalog.remove(schema, name, added);
    }
  });
  return added;
}

void unregister_object(SessionImpl& session, const std::string& schema, const std::string& name, CatalogEntry& entry) {
  Catalog& catalog = session.engine.catalog;
  entry.dropper = session.transaction.slot + 1;
  ++catalog.version;
  session.transaction.ddl.emplace_back([&catalog, &entry, schema, name](bool committed) {
    if (committed) {
      catalog.remove(schema, name, entry);
    } else {
      entry.dropper = 0;
      ++catalog.version;
    }
  });
}

namespace {

/// Where those wait who make something of the same name.
Task<> wait_for_name(SessionImpl& session, NewName kind, const std::string& name, LockMode mode) {
  std::uint64_t key = 0xcbf29ce484222325ULL;
  for (const char c : name) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  const auto form = static_cast<std::uint8_t>(3 + static_cast<int>(kind));  // the keys of pg_advisory_lock have 1 and 2
  const LockTag tag{LockTag::Kind::advisory, key, 0, form};
  Transaction& txn = session.transaction;
  Lock& lock = session.engine.locks.advisory_lock(tag);
  co_await session.engine.locks.acquire(txn, lock, mode, txn.level());
}

}  // namespace

Task<> claim_labels(SessionImpl& session, std::string type) { co_await wait_for_name(session, NewName::label, type, LockMode::exclusive); }

Task<> lock_other(SessionImpl& session, Lock& lock, LockMode mode) {
  Transaction& txn = session.transaction;
  if ((lock.held_by(txn) & mask_of(mode)) == 0) co_await session.engine.locks.acquire(txn, lock, mode, txn.level());
}

Task<> claim_name(SessionImpl& session, NewName kind, std::string schema, std::string name) {
  const Catalog& catalog = session.engine.catalog;
  const std::uint32_t slot = session.transaction.slot;
  const std::string whole = schema + "." + name;
  if (kind == NewName::schema) {
    co_await wait_for_name(session, kind, name, LockMode::exclusive);
    if (!catalog.schema_exists(name, slot)) co_return;
    fail_constraint("23505", "duplicate key value violates unique constraint \"pg_namespace_nspname_index\"",
                    "Key (nspname)=(" + name + ") already exists.", "pg_namespace_nspname_index");
  }
  co_await wait_for_name(session, NewName::schema, schema, LockMode::access_share);
  if (!catalog.schema_exists(schema, slot)) fail("3F000", "schema " + in_quotes(schema) + " does not exist");
  // A table is also a type.
  if (kind == NewName::type) co_await wait_for_name(session, kind, whole, LockMode::exclusive);
  co_await wait_for_name(session, NewName::relation, whole, LockMode::exclusive);
  const CatalogEntry* const relation = catalog.find_relation(schema, name, slot);
  const bool has_type = catalog.find_type(schema, name, slot) != nullptr ||
                        (relation != nullptr && (relation->kind == CatalogEntry::Kind::table || relation->kind == CatalogEntry::Kind::view));
  const bool is_type = kind == NewName::type && has_type;
  if (relation == nullptr && !is_type) co_return;
  const std::string index = is_type ? "pg_type_typname_nsp_index" : "pg_class_relname_nsp_index";
  const std::string columns = is_type ? "(typname, typnamespace)" : "(relname, relnamespace)";
  // The numbers of other schemas are each server's own.
  const std::string detail = schema == "public" ? "Key " + columns + "=(" + name + ", 2200) already exists." : "";
  fail_constraint("23505", "duplicate key value violates unique constraint " + in_quotes(index), detail, index);
}

Task<> claim_schema_to_drop(SessionImpl& session, std::string name) {
  co_await wait_for_name(session, NewName::schema, name, LockMode::access_exclusive);
}

std::string object_name(std::string_view first, std::string_view second, std::string_view label) {
  constexpr std::size_t kLongest = 63;
  const std::size_t beside = label.size() + 1 + (second.empty() ? 0 : 1);
  std::size_t left = first.size();
  std::size_t right = second.size();
  while (left + right + beside > kLongest && left + right > 0) --(left > right ? left : right);
  const auto whole_characters = [](std::string_view text, std::size_t size) {
    while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
    return text.substr(0, size);
  };
  std::string name(whole_characters(first, left));
  if (!second.empty()) name.append("_").append(whole_characters(second, right));
  return name.append("_").append(label);
}

std::string free_name(SessionImpl& session, const std::string& schema, std::string_view first, std::string_view second, std::string_view label) {
  std::string name = object_name(first, second, label);
  for (int number = 1; session.engine.catalog.find_relation(schema, name, session.transaction.slot) != nullptr; ++number) {
    name = object_name(first, second, std::string(label) + std::to_string(number));
  }
  return name;
}

void refuse_other_roles(const PgQuery__RoleSpec* role) {
  if (role == nullptr || role->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING || role->rolename == std::string_view("postgres")) return;
  fail_unsupported("role " + std::string(role->rolename), position_of(role->location));
}

Task<> create_schema(SessionImpl& session, const PgQuery__CreateSchemaStmt& stmt) {
  if (stmt.n_schema_elts > 0) fail_unsupported("CREATE SCHEMA with elements");
  Catalog& catalog = session.engine.catalog;
  const std::string name = stmt.schemaname;
  if (name.empty()) fail_unsupported("CREATE SCHEMA AUTHORIZATION");
  refuse_other_roles(stmt.authrole);
  if (name.starts_with("pg_")) {
    fail("42939", "unacceptable schema name " + in_quotes(name), 0, "The prefix \"pg_\" is reserved for system schemas.");
  }
  if (catalog.schema_exists(name, session.transaction.slot)) {
    if (stmt.if_not_exists) {
      session.notice("NOTICE", "42P06", "schema " + in_quotes(name) + " already exists, skipping");
      co_return;
    }
    fail("42P06", "schema " + in_quotes(name) + " already exists");
  }
  co_await claim_name(session, NewName::schema, "", name);
  const std::uint32_t own = session.transaction.slot + 1;
  const std::vector<std::string> names = catalog.schema_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) {  // the same transaction has dropped it
    catalog.drop_schema(name, 0);
    session.transaction.ddl.emplace_back([&catalog, name, own](bool committed) {
      if (!committed) catalog.drop_schema(name, own);
    });
    co_return;
  }
  catalog.add_schema(name, own);
  session.transaction.ddl.emplace_back([&catalog, name](bool committed) {
    if (committed) {
      catalog.add_schema(name, 0);
    } else {
      catalog.remove_schema(name);
    }
  });
}

namespace {

std::string schema_of_name(SessionImpl& session, Nodes names) {
  if (names.size() > 1) {
    const std::string schema = names[names.size() - 2]->string->sval;
    if (!session.engine.catalog.schema_exists(schema, session.transaction.slot)) fail("3F000", "schema " + in_quotes(schema) + " does not exist");
    return schema;
  }
  for (const std::string& each : session.naming.search_path) {
    if (session.engine.catalog.schema_exists(each, session.transaction.slot)) return each;
  }
  fail("3F000", "no schema has been selected to create in");
}

}  // namespace

Task<> create_enum(SessionImpl& session, const PgQuery__CreateEnumStmt& stmt) {
  const Nodes names(stmt.type_name, stmt.n_type_name);
  const std::string schema = schema_of_name(session, names);
  const std::string name = names.back()->string->sval;
  std::vector<std::string> labels;
  for (const Node* node : Nodes(stmt.vals, stmt.n_vals)) {
    const std::string label = node->string->sval;
    if (label.size() > 63) fail("42602", "invalid enum label " + in_quotes(label), 0, "Labels must be 63 bytes or less.");
    if (std::find(labels.begin(), labels.end(), label) != labels.end()) {
      fail("23505", "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"");
    }
    labels.push_back(label);
  }
  if (session.engine.catalog.find_type(schema, name, session.transaction.slot) == nullptr) {
    const CatalogEntry* const relation = session.engine.catalog.find_relation(schema, name, session.transaction.slot);
    if (relation != nullptr && (relation->kind == CatalogEntry::Kind::table || relation->kind == CatalogEntry::Kind::view)) {
      fail("42710", "type " + in_quotes(name) + " already exists");
    }
    co_await claim_name(session, NewName::type, schema, name);
  }
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::type;
  entry.type = &session.engine.catalog.new_enum(name, labels);
  register_object(session, schema, name, entry);
}

namespace {

/// Where a label that comes before labels[place] sorts. There is no number left between two others after some twenty halvings: then
/// all are numbered anew, as RenumberEnumType does.
float order_between(SessionImpl& session, const std::vector<const EnumLabel*>& labels, std::size_t place) {
  if (labels.empty()) return 1;
  if (place == 0) return labels.front()->sort_order - 1;
  if (place == labels.size()) return labels.back()->sort_order + 1;
  const float low = labels[place - 1]->sort_order;
  const float high = labels[place]->sort_order;
  const float middle = (low + high) / 2;
  if (middle != low && middle != high) return middle;
  std::vector<std::pair<const EnumLabel*, float>> before;
  for (const EnumLabel* label : labels) before.emplace_back(label, label->sort_order);
  undo(session, [before] {
    for (const auto& [label, order] : before) label->sort_order = order;
  });
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i]->sort_order = static_cast<float>(i + 1);
  return static_cast<float>(place) + 0.5F;
}

}  // namespace

Task<> alter_enum(SessionImpl& session, const PgQuery__AlterEnumStmt& stmt) {
  if (stmt.old_val[0] != '\0') fail_unsupported("ALTER TYPE … RENAME VALUE");
  const Nodes names(stmt.type_name, stmt.n_type_name);
  const std::string name = names.back()->string->sval;
  CatalogEntry* entry = nullptr;
  if (names.size() > 1) {
    entry = session.engine.catalog.find_type(names[names.size() - 2]->string->sval, name, session.transaction.slot);
  } else {
    for (const std::string& schema : session.naming.search_path) {
      entry = session.engine.catalog.find_type(schema, name, session.transaction.slot);
      if (entry != nullptr) break;
    }
  }
  if (entry == nullptr) fail("42704", "type " + in_quotes(name) + " does not exist");
  EnumType& type = *entry->type;
  if (std::string_view(stmt.new_val).size() > 63) {
    fail("42602", "invalid enum label " + in_quotes(stmt.new_val), 0, "Labels must be 63 bytes or less.");
  }
  co_await claim_labels(session, type.name);
  // The labels as this transaction sees them.
  Transaction& txn = session.transaction;
  std::vector<const EnumLabel*> labels = type.labels;
  for (const auto& [owner, label] : txn.new_labels) {
    if (owner == &type) labels.push_back(label);
  }
  std::sort(labels.begin(), labels.end(), [](const EnumLabel* left, const EnumLabel* right) { return left->sort_order < right->sort_order; });
  const auto find = [&](std::string_view text) {
    return std::find_if(labels.begin(), labels.end(), [&](const EnumLabel* label) { return label->text == text; });
  };
  if (find(stmt.new_val) != labels.end()) {
    if (!stmt.skip_if_new_val_exists) fail("42710", "enum label " + in_quotes(stmt.new_val) + " already exists");
    session.notice("NOTICE", "42710", "enum label " + in_quotes(stmt.new_val) + " already exists, skipping");
    co_return;
  }
  std::size_t place = labels.size();
  if (stmt.new_val_neighbor[0] != '\0') {
    const auto neighbor = find(stmt.new_val_neighbor);
    if (neighbor == labels.end()) fail("22023", in_quotes(stmt.new_val_neighbor) + " is not an existing enum label");
    place = static_cast<std::size_t>(neighbor - labels.begin()) + (stmt.new_val_is_after ? 1 : 0);
  }
  const EnumLabel& label = session.engine.catalog.new_label(stmt.new_val, order_between(session, labels, place));
  const auto add = [&type, &label] {
    const auto behind = std::find_if(type.labels.begin(), type.labels.end(), [&](const EnumLabel* each) { return each->sort_order > label.sort_order; });
    type.labels.insert(behind, &label);
  };
  if (entry->creator != 0) {  // the type is new, too: nobody else sees either
    add();
    undo(session, [&type, &label] { std::erase(type.labels, &label); });
    co_return;
  }
  txn.new_labels.emplace_back(&type, &label);
  txn.ddl.emplace_back([&txn, &type, &label, add](bool committed) {
    std::erase(txn.new_labels, std::pair<EnumType*, const EnumLabel*>(&type, &label));
    if (committed) add();
  });
}

void apply_sequence_options(Sequence& sequence, Nodes options) {
  bool has_start = false;
  bool has_minimum = false;
  bool has_maximum = false;
  const std::int64_t largest = sequence.maximum;  // that of the type
  const auto number_of = [](const PgQuery__DefElem& option) -> std::int64_t {
    if (option.arg->node_case == PG_QUERY__NODE__NODE_INTEGER) return option.arg->integer->ival;
    if (option.arg->node_case == PG_QUERY__NODE__NODE_FLOAT) {
      const std::string_view text = option.arg->float_->fval;
      std::int64_t number = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
      if (read.ec == std::errc{} && read.ptr == text.data() + text.size()) return number;
      fail("22003", "value \"" + std::string(text) + "\" is out of range for type bigint");
    }
    fail_unsupported("this sequence option");
  };
  for (const Node* node : options) {
    const PgQuery__DefElem& option = *node->def_elem;
    const std::string_view name = option.defname;
    const bool has_value = option.arg != nullptr;
    if (name == "start") {
      sequence.start = number_of(option);
      has_start = true;
    } else if (name == "increment") {
      sequence.increment = number_of(option);
      if (sequence.increment == 0) fail("22023", "INCREMENT must not be zero");
      if (sequence.increment < 0) {
        if (!has_minimum) sequence.minimum = -largest - 1;
        if (!has_maximum) sequence.maximum = -1;
      }
    } else if (name == "minvalue") {
      if (has_value) sequence.minimum = number_of(option);
      has_minimum = has_value;
    } else if (name == "maxvalue") {
      if (has_value) sequence.maximum = number_of(option);
      has_maximum = has_value;
    } else if (name == "cycle") {
      sequence.cycles = true;
    } else if (name == "cache") {
      if (number_of(option) != 1) fail_unsupported("CACHE of a sequence");
    } else if (name == "as") {
      // seen before the others
    } else if (name == "owned_by") {
      fail_unsupported("OWNED BY");
    } else {
      fail_unsupported("sequence option " + std::string(name), position_of(option.location));
    }
  }
  sequence.largest = largest;
  const std::string type = largest == INT16_MAX ? "smallint" : largest == INT32_MAX ? "integer" : "bigint";
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  if (sequence.maximum > largest || sequence.maximum < -largest - 1) {
    fail("22023", "MAXVALUE (" + text(sequence.maximum) + ") is out of range for sequence data type " + type);
  }
  if (sequence.minimum > largest || sequence.minimum < -largest - 1) {
    fail("22023", "MINVALUE (" + text(sequence.minimum) + ") is out of range for sequence data type " + type);
  }
  if (sequence.minimum >= sequence.maximum) {
    fail("22023", "MINVALUE (" + text(sequence.minimum) + ") must be less than MAXVALUE (" + text(sequence.maximum) + ")");
  }
  if (!has_start) sequence.start = sequence.increment > 0 ? sequence.minimum : sequence.maximum;
  if (sequence.start < sequence.minimum) {
    fail("22023", "START value (" + text(sequence.start) + ") cannot be less than MINVALUE (" + text(sequence.minimum) + ")");
  }
  if (sequence.start > sequence.maximum) {
    fail("22023", "START value (" + text(sequence.start) + ") cannot be greater than MAXVALUE (" + text(sequence.maximum) + ")");
  }
  sequence.last_value = sequence.start;
}

Task<> create_sequence(SessionImpl& session, const PgQuery__CreateSeqStmt& stmt) {
  if (stmt.sequence->relpersistence[0] == 't') fail_unsupported("temporary sequences");
  if (stmt.sequence->relpersistence[0] == 'u') fail_unsupported("unlogged sequences");
  const std::string schema = session.naming.schema_of(*stmt.sequence);
  const std::string name = stmt.sequence->relname;
  if (stmt.if_not_exists && session.engine.catalog.find_relation(schema, name, session.transaction.slot) != nullptr) {
    session.notice("NOTICE", "42P07", "relation " + in_quotes(name) + " already exists, skipping");
    co_return;
  }
  if (session.engine.catalog.find_relation(schema, name, session.transaction.slot) == nullptr) {
    co_await claim_name(session, NewName::relation, schema, name);
  }
  Sequence& sequence = session.engine.catalog.new_sequence(schema, name);
  for (const Node* node : Nodes(stmt.options, stmt.n_options)) {
    if (node->def_elem->defname != std::string_view("as")) continue;
    const TypeRef type = session.naming.type(*node->def_elem->arg->type_name);
    if (!type.same(TypeRef(Type::int2)) && !type.same(TypeRef(Type::int4)) && !type.same(TypeRef(Type::int8))) {
      fail("22023", "sequence type must be smallint, integer, or bigint");
    }
    if (!type.is(Type::int8)) sequence.maximum = type.is(Type::int2) ? INT16_MAX : INT32_MAX;
  }
  apply_sequence_options(sequence, Nodes(stmt.options, stmt.n_options));
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::sequence;
  entry.sequence = &sequence;
  register_object(session, schema, name, entry);
}

Index& build_index(SessionImpl& session, Table& table, IndexDefinition definition) {
  Catalog& catalog = session.engine.catalog;
  const auto number = static_cast<std::uint32_t>(table.indexes.size());
  if (number >= 32) fail_unsupported("more than 32 indexes on a table");
  auto index = std::make_unique<Index>();
  index->table = &table;
  index->number = number;
  index->is_unique = definition.is_unique;
  index->is_primary = definition.is_primary;
  index->is_constraint = definition.is_constraint;
  index->nulls_not_distinct = definition.nulls_not_distinct;
  index->storage_parameters = std::move(definition.storage_parameters);
  static_cast<Deferrable&>(*index) = definition.deferral;
  index->predicate = std::move(definition.predicate);
  index->predicate_text = std::move(definition.predicate_text);
  index->creator = session.transaction.slot + 1;
  if (definition.name.empty()) {
    std::vector<std::string> parts;  // told apart, as the index's columns are named
    const auto add = [&](const std::string& part) {
      std::string name = part;
      for (int number = 1; std::find(parts.begin(), parts.end(), name) != parts.end(); ++number) name = part + std::to_string(number);
      parts.push_back(std::move(name));
    };
    if (!definition.is_primary) {
      for (const KeyElement& element : definition.elements) {
        add(element.column >= 0 ? table.columns[static_cast<std::size_t>(element.column)].name : element.name);
      }
      for (const std::uint32_t column : definition.included) add(table.columns[column].name);
    }
    std::string columns;
    for (const std::string& part : parts) columns += (columns.empty() ? "" : "_") + part;
    definition.name = free_name(session, table.schema, table.name, columns, definition.is_primary ? "pkey" : definition.is_constraint ? "key" : "idx");
  }
  index->name = definition.name;
  std::vector<KeyColumn> columns;
  std::size_t width = table.heap->width();
  for (std::size_t i = 0; i < definition.elements.size(); ++i) {
    const KeyElement& element = definition.elements[i];
    KeyColumn column;
    column.type = element.column >= 0 ? table.columns[static_cast<std::size_t>(element.column)].type : element.expression->type;
    column.compare = compare_function(column.type);
    if (column.compare == nullptr) {
      fail("42704", "data type " + type_name(column.type) + " has no default operator class for access method \"btree\"", 0, {},
           "You must specify an operator class for the index or define a default operator class for the data type.");
    }
    column.place = element.column >= 0 ? static_cast<std::uint32_t>(element.column) : static_cast<std::uint32_t>(width++);
    if (i < definition.orders.size()) {
      column.descending = definition.orders[i].first;
      column.nulls_first = definition.orders[i].second;
    }
    columns.push_back(column);
    if (element.column >= 0) {
      index->columns_used |= Index::column_bit(static_cast<std::uint32_t>(element.column));
    } else {
      for_each_expression(*element.expression, [&](const Expr& each) {
        if (each.kind == ExprKind::column) index->columns_used |= Index::column_bit(each.column);
        if (each.kind == ExprKind::whole_row) index->columns_used = ~0ULL;
      });
    }
  }
  // An included column makes no difference to a key, but an update of it moves the entry.
  for (const std::uint32_t column : definition.included) index->columns_used |= Index::column_bit(column);
  index->included = definition.included;
  if (index->predicate != nullptr) {
    for_each_expression(*index->predicate, [&](const Expr& each) {
      if (each.kind == ExprKind::column) index->columns_used |= Index::column_bit(each.column);
      if (each.kind == ExprKind::whole_row) index->columns_used = ~0ULL;
    });
  }
  index->elements = std::move(definition.elements);
  table.heap->set_width(width);
  index->tree = std::make_unique<OrderedIndex>(*table.heap, std::move(columns));
  Index& built = *table.indexes.emplace_back(std::move(index));
  CatalogEntry entry;
  entry.kind = CatalogEntry::Kind::index;
  entry.index = &built;
  entry.table = &table;
  session.transaction.ddl.emplace_back([&catalog, &built, &table](bool committed) {
    if (committed) {
      built.creator = 0;
    } else {
      built.is_dropped = true;
      built.tree->clear();
      const std::uint32_t bit = 1U << built.number;
      for (VersionId id = 0; id < table.heap->end(); ++id) {
        Version& version = (*table.heap)[id];
        version.entries &= ~bit;
        version.breaks &= ~bit;
      }
    }
    ++catalog.version;
  });
  register_object(session, table.schema, built.name, entry);
  return built;
}

}  // namespace orrery::sim::database
