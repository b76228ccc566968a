#!/usr/bin/env bash
# Writes catalogs/definitions.inc: columns of PostgreSQL's own catalogs, and rows of those whose content does not depend on what
# users made, as far as the simulated server has them. Run it with psql's environment variables leading to a fresh database of
# PostgreSQL 15 in the locale C:
#   tests/differential/postgres_catalogs.sh >sim/database/catalogs/definitions.inc
set -euo pipefail

ask() { psql --no-psqlrc -At -v ON_ERROR_STOP=1 -c "$1"; }
quoted() { sed 's/[\\"]/\\&/g; s/^/    "/; s/$/\\n"/'; }

relations="'pg_class','pg_namespace','pg_attribute','pg_attrdef','pg_type','pg_enum','pg_index','pg_constraint','pg_am','pg_collation',
'pg_sequence','pg_authid','pg_database','pg_depend','pg_opclass','pg_tablespace','pg_roles','pg_user','pg_tables','pg_views','pg_indexes',
'pg_sequences','pg_settings','pg_locks','pg_stat_activity','pg_policy','pg_inherits','pg_trigger','pg_rewrite','pg_statistic_ext',
'pg_publication','pg_publication_rel','pg_publication_namespace','pg_foreign_table','pg_foreign_server','pg_foreign_data_wrapper',
'pg_description','pg_shdescription','pg_proc','pg_partitioned_table','pg_event_trigger','pg_extension','pg_auth_members',
'pg_db_role_setting','pg_default_acl','pg_subscription','pg_seclabel','pg_shseclabel','pg_range','pg_user_mapping','pg_matviews',
'pg_policies','pg_rules','pg_group','pg_prepared_statements','pg_cursors'"
schema_relations="'tables','columns','table_constraints','key_column_usage','sequences','views','schemata','referential_constraints',
'constraint_column_usage','check_constraints'"
types="'bool','bytea','char','name','int8','int2','int2vector','int4','regproc','text','oid','tid','xid','oidvector','json','pg_node_tree',
'float4','float8','unknown','aclitem','bpchar','varchar','date','time','timestamp','timestamptz','interval','timetz','numeric','regclass',
'regtype','record','void','trigger','uuid','jsonb','regnamespace','pg_snapshot','xid8'"

echo "// Written by postgres_catalogs.sh on PostgreSQL $(ask 'SHOW server_version_num')."
echo "// A relation is a line: schema, name, OID, OID of its rows' type, kind; then its columns as name, type, ! for NOT NULL. Domains stand as"
echo "// what they are of, types that are not simulated as text."
echo "constexpr std::string_view kDefinitions ="
ask "SELECT concat_ws(' ', n.nspname, c.relname, c.oid, c.reltype, c.relkind, string_agg(attname || ':' ||
       CASE WHEN b.typname IN ('pg_lsn', 'inet', 'xml') THEN 'text' ELSE b.typname END ||
       CASE WHEN attnotnull THEN '!' ELSE '' END, ' ' ORDER BY attnum))
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
    JOIN pg_type t ON t.oid = atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  WHERE n.nspname = 'pg_catalog' AND relname IN ($relations) OR n.nspname = 'information_schema' AND relname IN ($schema_relations)
  GROUP BY n.nspname, c.relname, c.oid ORDER BY n.nspname DESC, c.relname COLLATE \"C\"" | quoted
echo "    ;"

# Rows: a tab between two values, \N for NULL (and trees), regproc as its OID, a slash and its text.
rows() {  # NAME RELATION CONDITION
  local columns
  columns=$(ask "SELECT string_agg(CASE WHEN atttypid = 'pg_node_tree'::regtype THEN 'NULL' WHEN atttypid = 'regproc'::regtype THEN format('%1\$I::oid || ''/'' || %1\$I::text', attname) ELSE quote_ident(attname) || '::text' END, ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = 'pg_catalog.$2'::regclass AND attnum > 0")
  echo "constexpr char $1[] ="
  ask "SELECT array_to_string(ARRAY[$columns], E'\t', '\\N') FROM pg_catalog.$2 WHERE $3 ORDER BY ${4:-oid}" | sed 's/[\\"]/\\&/g; s/\t/\\t/g; s/^/    "/; s/$/\\n"/'
  echo "    ;"
}
# All types, and of rows those of the relations above.
relation_types="SELECT reltype FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relname IN ($relations) OR relnamespace = 'information_schema'::regnamespace AND relname IN ($schema_relations)"
rows kTypeRows pg_type "typnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND (CASE WHEN typtype = 'c' THEN oid WHEN typelem IN (SELECT oid FROM pg_type WHERE typtype = 'c') THEN typelem ELSE 0 END IN (SELECT 0 UNION ALL $relation_types))"
rows kRangeRows pg_range true rngtypid
rows kAccessMethodRows pg_am "amname IN ('heap', 'btree')"
rows kCollationRows pg_collation "collname IN ('default', 'C', 'POSIX')"
rows kRoleRows pg_authid "rolname ~ '^pg_' OR rolname = 'postgres'"
rows kMembershipRows pg_auth_members true roleid
rows kTablespaceRows pg_tablespace "true"
rows kOperatorClassRows pg_opclass "opcmethod = 403 AND opcintype IN (SELECT oid FROM pg_type WHERE typname IN ($types) OR typname IN ('anyarray', 'anyenum')) AND opcnamespace = 'pg_catalog'::regnamespace"
rows kFunctionRows pg_proc "pronamespace = 'pg_catalog'::regnamespace AND oid < 12000"
echo "// Names of all types, of those too that are not simulated."
echo "constexpr std::string_view kTypeNames ="
ask "SELECT oid || ' ' || format_type(oid, NULL) FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype <> 'c' AND (typelem = 0 OR typelem NOT IN (SELECT oid FROM pg_type WHERE typtype = 'c')) ORDER BY oid" | quoted
echo "    ;"
echo "// Words that an identifier has to be quoted for."
echo "constexpr std::string_view kQuotedWords ="
ask "SELECT ' ' || string_agg(word, ' ' ORDER BY word) || ' ' FROM pg_get_keywords() WHERE catcode <> 'U'" | fold -s -w 136 | sed 's/^/    "/; s/$/"/; $s/$/;/'
