#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/database/analyzer.hpp"
#include "sim/database/types/object_names.hpp"

namespace orrery::sim::database {

/// A regclass, regtype, … by its text. Throws 42P01, 42704, ….
[[nodiscard]] Value object_named(const Naming& naming, Type type, std::string_view text);
/// By its OID, which is its text if there is no such object.
[[nodiscard]] Value object_numbered(const Naming& naming, Type type, std::uint32_t oid);
/// Throws 42P01.
[[nodiscard]] Sequence& sequence_numbered(const Naming& naming, std::uint32_t oid);

/// The parts of a name as identifiers are written; folded to lower case where they are not quoted. Throws 42602.
[[nodiscard]] std::vector<std::string> split_name(std::string_view text);

/// Everything that one session sees, by OID.
class CatalogReader {
 public:
  explicit CatalogReader(const Naming& naming);

  struct Relation {
    std::uint32_t oid = 0;
    std::string_view schema;
    std::string_view name;
    const CatalogEntry* entry = nullptr;
  };

  [[nodiscard]] const Naming& naming() const noexcept { return naming_; }
  [[nodiscard]] std::string_view database() const noexcept { return naming_.catalog->database; }
  [[nodiscard]] const std::vector<Catalog::Seen>& seen() const noexcept { return seen_; }
  /// Tables, indexes, sequences and views that users made, by OID.
  [[nodiscard]] const std::vector<Relation>& relations() const noexcept { return relations_; }
  [[nodiscard]] const Relation* relation(std::uint32_t oid) const;
  [[nodiscard]] std::vector<const Table*> tables() const;

  [[nodiscard]] std::uint32_t schema_oid(std::string_view schema) const;
  [[nodiscard]] std::string_view schema_name(std::uint32_t oid) const;  // empty: there is none
  [[nodiscard]] const std::vector<std::pair<std::string_view, std::uint32_t>>& schemas() const noexcept { return schemas_; }

  /// The OID of a column's type.
  [[nodiscard]] std::uint32_t type_oid(TypeRef type) const;
  /// As format_type prints it, with its typmod if there is one; `gives_typmod`: bpchar and character differ.
  [[nodiscard]] std::string type_text(TypeRef type, bool gives_typmod = true) const;
  /// Of any type there is. Empty: none has this OID.
  [[nodiscard]] std::string type_text(std::uint32_t oid, std::optional<std::int32_t> typmod) const;
  [[nodiscard]] bool type_is_visible(std::uint32_t oid) const;

  /// The name as it is to be written: with its schema unless the search path finds it without.
  [[nodiscard]] std::string relation_text(const Relation& relation) const;
  [[nodiscard]] std::string relation_text(std::string_view schema, std::string_view name, const CatalogEntry& entry) const;
  [[nodiscard]] std::string table_text(const Table& table) const;
  [[nodiscard]] bool is_visible(std::string_view schema, std::string_view name, const CatalogEntry& entry) const;

 private:
  const Naming& naming_;
  std::vector<Catalog::Seen> seen_;
  std::vector<Relation> relations_;
  std::vector<std::pair<std::string_view, std::uint32_t>> schemas_;
};

/// The OID of what the entry stands for; 0: an object of no pg_class.
[[nodiscard]] std::uint32_t relation_oid(const CatalogEntry& entry) noexcept;

}  // namespace orrery::sim::database
