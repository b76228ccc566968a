#!/usr/bin/env bash
# with_postgres.sh COMMAND...: runs a command with a private PostgreSQL on a unix socket, $ORRERY_POSTGRES says where. The
# server has fsync off and is gone afterwards.
set -euo pipefail
(($#)) || { echo "usage: bench/with_postgres.sh COMMAND..." >&2; exit 2; }
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[[ -x $bin/initdb ]] || { echo "with_postgres.sh: no PostgreSQL server is installed (Debian: postgresql-15)" >&2; exit 4; }
home=$(mktemp -d)
as=()
if ((EUID == 0)); then  # the server refuses to run as root
  chown postgres "$home"
  as=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
server=
finish() {
  [[ -z $server ]] || { kill -INT "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$home"
}
trap finish EXIT
trap 'exit 130' INT TERM
"${as[@]}" "$bin/initdb" --no-sync -D "$home/data" -U orrery -A trust >"$home/log" 2>&1 || { cat "$home/log" >&2; exit 4; }
"${as[@]}" "$bin/postgres" -D "$home/data" -k "$home" -c listen_addresses= -c wal_level=logical -c fsync=off -c synchronous_commit=off \
  -c full_page_writes=off -c shared_buffers=512MB >>"$home/log" 2>&1 &
server=$!
export ORRERY_POSTGRES="host=$home user=orrery dbname=postgres"
for ((i = 0; i < 100; ++i)); do
  if "$bin/pg_isready" -q -h "$home"; then
    "$@"
    exit
  fi
  sleep 0.1
done
cat "$home/log" >&2
exit 4
