#!/usr/bin/env bash
# Run once, by the image's entrypoint: a database and a role for each service of MediaHub that keeps something.
set -euo pipefail
make_database() {
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v database="$1" -v role="$2" -v password="$3" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
}
make_database event_db events "$EVENT_DB_PASSWORD"
make_database query_db query "$QUERY_DB_PASSWORD"
make_database album_db album "$ALBUM_DB_PASSWORD"
make_database saga_db saga "$SAGA_DB_PASSWORD"
make_database notice_db notification "$NOTICE_DB_PASSWORD"
