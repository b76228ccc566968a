#!/usr/bin/env bash
# Run once, by the image's entrypoint: a database and a role for each service, and for the broker.
set -euo pipefail
make_database() {
  psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v database="$1" -v role="$2" -v password="$3" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"role";
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
}
make_database user_db user_service "$USER_DB_PASSWORD"
make_database notification_db notification_service "$NOTIFICATION_DB_PASSWORD"
make_database broker broker "$BROKER_PASSWORD"
