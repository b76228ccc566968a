#!/usr/bin/env bash
# Writes postgres_names.inc: what PostgreSQL's own catalogs name, so that the simulated server can tell what it does not
# have from what nobody has. Run it with psql's environment variables leading to a fresh database of PostgreSQL 15:
#   tests/differential/postgres_names.sh >sim/database/types/postgres_names.inc
set -euo pipefail

ask() { psql --no-psqlrc -At -v ON_ERROR_STOP=1 -c "$1"; }
table() {  # NAME QUERY: a string of words, one line for some of them
  echo "constexpr std::string_view $1 ="
  ask "$2" | fold -s -w 136 | sed 's/[\\"]/\\&/g; s/^/    "/; s/$/"/; $s/$/;/'
}
joined="string_agg(entry, ' ' ORDER BY entry COLLATE \"C\")"

echo "// Written by postgres_names.sh on PostgreSQL $(ask 'SHOW server_version_num'). Functions and operators stand with each of their lists of"
echo "// argument types: name(int4,text?)(_text*); ? has a default, * repeats, - is a prefix operator's left side. Casts: from>to, from>>to where it need not be written."
table kFunctionWords "SELECT $joined FROM (SELECT proname || string_agg('(' || arguments || ')', '' ORDER BY arguments COLLATE \"C\") AS entry FROM (
  SELECT proname, coalesce((SELECT string_agg(t.typname || CASE WHEN provariadic <> 0 AND n = pronargs THEN '*' WHEN n > pronargs - pronargdefaults THEN '?' ELSE '' END, ',' ORDER BY n)
                            FROM unnest(proargtypes) WITH ORDINALITY a(type, n) JOIN pg_type t ON t.oid = a.type), '') AS arguments
  FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND NOT 'internal'::regtype = ANY (proargtypes)
    AND prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)) p GROUP BY proname) q"
table kOperatorWords "SELECT $joined FROM (SELECT oprname || string_agg('(' || coalesce(l.typname, '-') || ',' || r.typname || ')', '' ORDER BY l.typname COLLATE \"C\", r.typname COLLATE \"C\") AS entry
  FROM pg_operator LEFT JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright GROUP BY oprname) q"
table kTypeWords "SELECT $joined FROM (SELECT typname AS entry FROM pg_type WHERE typtype <> 'c' AND typname NOT LIKE '\_%' AND typnamespace = 'pg_catalog'::regnamespace) q"
table kCategoryWords "SELECT $joined FROM (SELECT typname || ':' || typcategory::text || CASE WHEN typispreferred THEN '!' ELSE '' END AS entry FROM pg_type WHERE typtype <> 'c' AND typname NOT LIKE '\_%' AND typnamespace = 'pg_catalog'::regnamespace) q"
table kSettingWords "SELECT $joined FROM (SELECT lower(name) AS entry FROM pg_settings UNION VALUES ('is_superuser'), ('role'), ('seed'), ('session_authorization')) q"
table kCastWords "SELECT $joined FROM (SELECT s.typname || CASE castcontext WHEN 'i' THEN '>>' ELSE '>' END || t.typname AS entry FROM pg_cast JOIN pg_type s ON s.oid = castsource JOIN pg_type t ON t.oid = casttarget) q"
table kZoneWords "SELECT $joined FROM (SELECT DISTINCT lower(abbrev) AS entry FROM pg_timezone_abbrevs) q"
