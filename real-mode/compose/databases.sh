#!/usr/bin/env bash
# Run once, by the image's entrypoint: a database and a role for each of $DATABASES, words of the form DATABASE:ROLE:PASSWORD, the last the name
# of the variable that has it.
set -euo pipefail
for entry in $DATABASES; do
  IFS=: read -r database role password <<<"$entry"
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v database="$database" -v role="$role" -v password="${!password}" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
done
