#!/usr/bin/env bash
# One replica of the service "user" on a private PostgreSQL, asked by @connectrpc/connect-node; a collector checks its spans.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
fail() { printf 'connect_test.sh: %s\n' "$*" >&2; exit 1; }

if [[ ${1-} != inside ]]; then
  modules=$ORRERY_BUILD/tests/connect-packages
  mkdir -p "$modules"
  cp "$here"/package.json "$here"/package-lock.json "$modules"
  if ! cmp -s "$modules/package-lock.json" "$modules/installed.json"; then
    npm ci --prefix "$modules" --ignore-scripts --no-audit --no-fund >"$modules/npm.log" 2>&1 ||
      fail "npm cannot install @connectrpc/connect-node (see $modules/npm.log)"
    cp "$modules/package-lock.json" "$modules/installed.json"
  fi
  cp "$here"/*.mjs "$modules"
  exec env MODULES="$modules" bash "$ORRERY_SOURCE/bench/with_postgres.sh" bash "${BASH_SOURCE[0]}" inside
fi

scratch=$(mktemp -d)
service=
collector=
finish() {
  for process in $service $collector; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT
for database in user_db broker; do psql -q "$ORRERY_POSTGRES" -c "CREATE DATABASE $database"; done

wait_for() {  # <file> <pattern>: the first group of the pattern
  local found
  for ((i = 0; i < 200; ++i)); do
    found=$(sed -nE "s/.*$2.*/\1/p" "$1" 2>/dev/null | head -n 1) || true  # the file may not be there yet
    [[ -z $found ]] || { printf '%s' "$found"; return; }
    sleep 0.05
  done
  cat "$1" >&2
  fail "$1 does not say $2"
}
node "$MODULES/collector.mjs" "$scratch/spans.json" >"$scratch/collector.log" 2>&1 &
collector=$!
collector_port=$(wait_for "$scratch/collector.log" 'port ([0-9]+)')

cat >"$scratch/user.json" <<JSON
{"host": "user-1", "listen": "127.0.0.1:0", "traces": "localhost:$collector_port",
 "databases": {"user_db": "${ORRERY_POSTGRES/dbname=postgres/dbname=user_db}"},
 "broker": "${ORRERY_POSTGRES/dbname=postgres/dbname=broker}"}
JSON
"$ORRERY" serve user --config "$scratch/user.json" --migrate 2>"$scratch/user.log" &
service=$!
port=$(wait_for "$scratch/user.log" '"address":"127.0.0.1:([0-9]+)"')

node "$MODULES/client.mjs" "http://127.0.0.1:$port"
# The relay publishes at its next round, which may be a while after the client is done.
unpublished="SELECT count(*) FROM outbox_events WHERE status <> 'published'"
for ((i = 0; i < 200; ++i)); do
  left=$(psql -qAt "${ORRERY_POSTGRES/dbname=postgres/dbname=user_db}" -c "$unpublished")
  ((left > 0)) || break
  sleep 0.1
done
((left == 0)) || fail "$left events are not published after 20 s"
curl -sS "http://127.0.0.1:$port/metrics" >"$scratch/metrics"
promtool check metrics <"$scratch/metrics" || fail "promtool does not like /metrics"

# Stopped, it hands over the spans that it still has.
kill "$service"
wait "$service" || fail "the service did not end well: $(cat "$scratch/user.log")"
service=
kill -USR1 "$collector"
wait "$collector" || { cat "$scratch/collector.log" >&2; fail "the collector is not content"; }
collector=
cat "$scratch/collector.log"
