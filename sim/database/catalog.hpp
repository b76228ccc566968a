#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sql.hpp"
#include "sim/database/locks.hpp"
#include "sim/database/storage/heap.hpp"
#include "sim/database/storage/ordered_index.hpp"
#include "sim/database/types/type.hpp"

namespace orrery::sim::database {

struct Expr;
struct QueryPlan;

// pg_namespace.oid
inline constexpr std::uint32_t kCatalogSchema = 11;
inline constexpr std::uint32_t kPublicSchema = 2200;

struct Sequence {
  std::uint32_t id = 0;
  std::shared_ptr<Lock> lock;  // for users, until the end of their transactions, and for DROP
  std::string schema;
  std::string name;
  std::int64_t start = 1;
  std::int64_t increment = 1;
  std::int64_t minimum = 1;
  std::int64_t maximum = INT64_MAX;
  std::int64_t largest = INT64_MAX;  // of its type
  bool cycles = false;
  std::int64_t last_value = 1;
  bool is_called = false;
  std::int32_t logged_ahead = 0;  // values that need no log record: a crash skips them

  /// The next value; never rolled back. Throws SqlError 2200H at the end.
  [[nodiscard]] std::int64_t next();
  void restart(std::int64_t value, bool called);
  /// What recovery finds: the value that was logged in advance.
  void recover();
};

enum class Identity : std::uint8_t { none, always, by_default };

struct Column {
  std::string name;
  TypeRef type;
  bool not_null = false;
  Identity identity = Identity::none;
  std::shared_ptr<const Expr> default_value;  // null: NULL
  std::string default_text;                   // its SQL, for listings
  bool is_generated = false;                  // GENERATED ALWAYS AS … STORED
  std::shared_ptr<const Expr> generation;     // of such a column: over the row in slot 0
  std::string generation_text;                // its SQL, for listings
  Sequence* sequence = nullptr;               // serial or identity: dropped with the table
  mutable std::uint32_t default_oid = 0;      // in pg_attrdef
};

struct KeyElement {
  std::int32_t column = -1;                // -1: an expression
  std::shared_ptr<const Expr> expression;  // over the row in slot 0
  std::string text;                        // its SQL, for listings
  std::string name;                        // what it is called in the name of its index and its column there
};

class Table;

/// What keys and foreign keys have in common: when they are checked.
struct Deferrable {
  bool is_deferrable = false;
  bool is_deferred = false;  // INITIALLY DEFERRED
};
/// " DEFERRABLE INITIALLY DEFERRED", as far as it is so.
[[nodiscard]] std::string deferral_text(const Deferrable& constraint);

struct Index : Deferrable {
  std::string name;
  Table* table = nullptr;
  std::uint32_t number = 0;  // its bit in Version::entries
  bool is_unique = false;
  bool is_primary = false;
  bool is_constraint = false;
  bool nulls_not_distinct = false;
  bool is_dropped = false;
  mutable std::uint32_t oid = 0;             // these two are given by Catalog::number_objects
  mutable std::uint32_t constraint_oid = 0;  // of a key
  std::uint32_t creator = 0;  // slot + 1 of the transaction that makes it and has not committed
  std::vector<KeyElement> elements;
  std::shared_ptr<const Expr> predicate;  // null: of all rows
  std::string predicate_text;             // its SQL, for listings
  std::vector<std::uint32_t> included;     // of INCLUDE
  std::vector<std::string> storage_parameters;  // "name=value"
  std::uint64_t columns_used = 0;          // columns that decide about the entry; from the 63rd on they share a bit
  std::unique_ptr<OrderedIndex> tree;

  [[nodiscard]] static constexpr std::uint64_t column_bit(std::uint32_t column) noexcept {
    return 1ULL << (column < 63 ? column : 63);
  }
};

struct CheckConstraint {
  std::string name;
  std::shared_ptr<const Expr> condition;  // over the row in slot 0
  std::string text;                       // its SQL, for listings
  bool is_valid = true;                   // false: NOT VALID, rows that were there before may violate it
  mutable std::uint32_t oid = 0;
};

enum class KeyAction : std::uint8_t { no_action, restrict, cascade, set_null, set_default };
/// "NO ACTION", "CASCADE" and so on.
[[nodiscard]] std::string_view action_text(KeyAction action) noexcept;

struct ForeignKey : Deferrable {
  std::string name;
  Table* child = nullptr;
  Table* parent = nullptr;
  std::vector<std::uint32_t> child_columns;
  std::vector<std::uint32_t> parent_columns;  // as the parent's index orders them
  Index* parent_index = nullptr;
  bool match_full = false;
  KeyAction on_delete = KeyAction::no_action;
  KeyAction on_update = KeyAction::no_action;
  bool is_valid = true;  // false: NOT VALID
  bool is_dropped = false;
  mutable std::uint32_t oid = 0;
};

class Table {
 public:
  Table(std::uint32_t the_id, std::string the_schema, std::string the_name)
      : id(the_id), schema(std::move(the_schema)), name(std::move(the_name)), lock({LockTag::Kind::relation, the_id, 0, 0}) {}
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  std::uint32_t id;
  std::string schema;
  std::string name;
  std::vector<Column> columns;
  std::unique_ptr<Heap> heap;
  std::vector<std::unique_ptr<Index>> indexes;  // by number; dropped ones stay, empty
  std::vector<CheckConstraint> checks;          // by name
  std::vector<std::unique_ptr<ForeignKey>> foreign_keys;
  std::vector<ForeignKey*> referenced_by;
  std::vector<std::string> storage_parameters;  // "name=value"
  std::shared_ptr<const RowShape> shape;
  std::string_view qualified_name;  // "schema.name", as row changes report it ("name" in schema public); of the catalog
  Lock lock;
  mutable std::uint32_t type_oid = 0;  // of its rows; of the array of them it is the next one

  [[nodiscard]] std::optional<std::uint32_t> column(std::string_view column_name) const noexcept;
  [[nodiscard]] Index* primary_key() const noexcept;
  [[nodiscard]] std::vector<std::uint32_t> generated_columns() const;
  void refresh_shape();
};

struct View {
  std::shared_ptr<Lock> lock;  // for readers, and for who drops or replaces it
  std::string schema;
  std::string name;
  std::string definition;  // the text of its SELECT, relations with their schemas
  std::vector<std::string> columns;
  std::vector<TypeRef> types;
  std::vector<const Table*> tables;  // that it reads, through other views too
  std::vector<std::size_t> widths;   // how many columns each of them had: a * means these
  std::vector<const View*> views;    // that it reads
  /// What PostgreSQL would let be written through it (manual, CREATE VIEW, "Updatable Views"); the engine refuses to.
  struct Writable {
    const View* view = nullptr;         // that it reads; null: a table
    std::vector<std::int32_t> columns;  // of each of its own the place in what it reads; -1: it is none of its columns
  };
  std::optional<Writable> writable;
  mutable std::uint32_t oid = 0;     // those of its rows' type and of its array are the next two
};

/// A name in a schema. Objects that a running transaction made or dropped are seen as that transaction left them by
/// itself only.
struct CatalogEntry {
  enum class Kind : std::uint8_t { table, index, sequence, view, type };
  Kind kind = Kind::table;
  Table* table = nullptr;
  Index* index = nullptr;
  Sequence* sequence = nullptr;
  View* view = nullptr;
  EnumType* type = nullptr;
  std::uint32_t creator = 0;  // slot + 1; 0: committed
  std::uint32_t dropper = 0;
};

/// All schemas of a database. Objects live until the database is destroyed, dropped ones too: a statement that waits may
/// still point to them.
class Catalog {
 public:
  Catalog();

  using Entries = std::vector<std::unique_ptr<CatalogEntry>>;

  /// What `slot` sees under the name; relations and types have separate names. Null: nothing.
  [[nodiscard]] CatalogEntry* find_relation(std::string_view schema, std::string_view name, std::uint32_t slot) const;
  [[nodiscard]] CatalogEntry* find_type(std::string_view schema, std::string_view name, std::uint32_t slot) const;
  /// As `slot` sees it.
  [[nodiscard]] bool schema_exists(std::string_view schema, std::uint32_t slot) const;
  /// `creator`, `dropper`: slot + 1 of a transaction that runs, 0: it has committed.
  void add_schema(const std::string& schema, std::uint32_t creator);
  void drop_schema(const std::string& schema, std::uint32_t dropper);
  void remove_schema(const std::string& schema);
  /// Removes it if this transaction is still its dropper.
  void end_schema(const std::string& schema, std::uint32_t dropper);
  [[nodiscard]] bool schema_is_empty(const std::string& schema) const;
  [[nodiscard]] std::vector<std::string> schema_names() const;
  CatalogEntry& add(const std::string& schema, const std::string& name, CatalogEntry entry);
  void remove(const std::string& schema, const std::string& name, const CatalogEntry& entry);

  Table& new_table(const std::string& schema, const std::string& name);
  /// "schema.name", or "name" in schema public. It lives as long as the catalog.
  [[nodiscard]] std::string_view qualified_name(const std::string& schema, const std::string& name);
  Sequence& new_sequence(const std::string& schema, const std::string& name);
  View& new_view();
  [[nodiscard]] const std::vector<std::unique_ptr<View>>& views() const noexcept { return views_; }
  EnumType& new_enum(const std::string& name, const std::vector<std::string>& labels);
  const EnumLabel& new_label(const std::string& text, float order);
  [[nodiscard]] const std::vector<std::unique_ptr<Table>>& tables() const noexcept { return tables_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Sequence>>& sequences() const noexcept { return sequences_; }
  /// All entries of a schema by name, committed ones, for listings.
  [[nodiscard]] std::vector<std::pair<std::string, const CatalogEntry*>> list(const std::string& schema) const;

  /// A name as `slot` sees it.
  struct Seen {
    std::string_view schema;
    std::string_view name;
    const CatalogEntry* entry;
  };
  /// Everything that `slot` sees, by schema and name, relations before types.
  [[nodiscard]] std::vector<Seen> seen_by(std::uint32_t slot) const;
  /// Schemas that `slot` sees, with their OIDs.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::uint32_t>> schemas_seen_by(std::uint32_t slot) const;
  /// Gives an OID to what has none: for the system catalogs, which nobody may ever read. An OID stays with its object.
  void number_objects();
  /// The OID of an enum; its array type has the next one.
  [[nodiscard]] std::uint32_t number_of(const EnumType& type);

  /// Its name.
  std::string database;
  /// Grows with each change that may make a compiled plan wrong.
  std::uint64_t version = 1;

 private:
  struct Schema {
    std::uint32_t oid = 0;
    std::uint32_t creator = 0;
    std::uint32_t dropper = 0;
    std::map<std::string, Entries, std::less<>> relations;
    std::map<std::string, Entries, std::less<>> types;
  };
  [[nodiscard]] static CatalogEntry* find(const std::map<std::string, Entries, std::less<>>& names, std::string_view name,
                                          std::uint32_t slot);

  std::map<std::string, Schema, std::less<>> schemas_;
  std::uint32_t next_id_ = 16384;
  bool was_public_numbered_ = false;
  std::set<std::string, std::less<>> qualified_names_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  std::vector<std::unique_ptr<View>> views_;
  std::vector<std::unique_ptr<EnumType>> enums_;
  std::vector<std::unique_ptr<EnumLabel>> labels_;
};

}  // namespace orrery::sim::database
