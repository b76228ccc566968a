#include "sim/database/statement_names.hpp"

#include "sim/database/errors.hpp"

namespace orrery::sim::database {

std::string statement_name(const Node& node) {
  const ProtobufCMessageDescriptor& kinds = *node.base.descriptor;
  for (unsigned i = 0; i < kinds.n_fields; ++i) {
    if (kinds.fields[i].id != static_cast<std::uint32_t>(node.node_case)) continue;
    std::string name = kinds.fields[i].name;
    if (name.ends_with("_stmt")) name.resize(name.size() - 5);
    for (char& c : name) c = c == '_' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
  }
  return "this statement";
}

std::string writing_command(const Node& node) {
  const auto with_kind = [](const char* verb, PgQuery__ObjectType kind) {
    const char* name = kind == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE      ? "TABLE"
                       : kind == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? "INDEX"
                       : kind == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "SEQUENCE"
                       : kind == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW     ? "VIEW"
                       : kind == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA   ? "SCHEMA"
                       : kind == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE     ? "TYPE"
                                                                        : nullptr;
    if (name == nullptr) fail_unsupported(std::string(verb) + " of this kind of object");
    return std::string(verb) + " " + name;
  };
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
      return "CREATE TABLE";
    case PG_QUERY__NODE__NODE_INDEX_STMT:
      return "CREATE INDEX";
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
      return "CREATE SCHEMA";
    case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
      return "CREATE TYPE";
    case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
      return "ALTER TYPE";
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
      return "CREATE SEQUENCE";
    case PG_QUERY__NODE__NODE_VIEW_STMT:
      return "CREATE VIEW";
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
      return "TRUNCATE TABLE";
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
      return with_kind("ALTER", node.alter_table_stmt->objtype);
    case PG_QUERY__NODE__NODE_RENAME_STMT:
      return with_kind("ALTER", node.rename_stmt->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE
                                    ? node.rename_stmt->relation_type
                                    : node.rename_stmt->rename_type);
    case PG_QUERY__NODE__NODE_DROP_STMT:
      return with_kind("DROP", node.drop_stmt->remove_type);
    default:
      fail_unsupported(statement_name(node) + " in a read-only transaction");
  }
}

}  // namespace orrery::sim::database
