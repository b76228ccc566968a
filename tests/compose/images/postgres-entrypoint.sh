#!/usr/bin/env bash
# POSTGRES_USER, POSTGRES_PASSWORD and /docker-entrypoint-initdb.d/*.sh, as the official image has them.
set -euo pipefail
export PGDATA=/var/lib/postgresql/data
if [[ ! -s $PGDATA/PG_VERSION ]]; then
  mkdir -p "$PGDATA"
  initdb --no-sync -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    --auth-host=scram-sha-256 --auth-local=trust >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/tmp" -w start >/dev/null
  for script in /docker-entrypoint-initdb.d/*.sh; do
    PGHOST=/tmp bash "$script"
  done
  pg_ctl -D "$PGDATA" -w -m fast stop >/dev/null
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/tmp
