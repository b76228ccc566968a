#!/usr/bin/env bash
# real_mode.sh BUILD-TREE: real mode against what is known to be fast, in one run; only the ratios mean anything.
#   HTTP requests a second, one thread, 16 connections (wrk): a service's GET /healthz : nginx's `return 200`
#   two-statement transactions a second, 16 clients: the service's database layer : pgbench -M prepared
#   sign-up to notification sent: how many a second, and the 95th percentile of how long it takes
#   memory of an idle process
# Needs Debian's nginx-light, wrk, postgresql-15; BUILD-TREE with -D ORRERY_BENCH=ON. The server has fsync off on both sides.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [[ ${1-} != inside ]]; then
  (($# == 1)) || { echo "usage: bench/real_mode.sh BUILD-TREE" >&2; exit 2; }
  for tool in wrk nginx psql curl; do
    command -v $tool >/dev/null || { echo "real_mode.sh: $tool is missing (Debian: wrk nginx-light postgresql-15 curl)" >&2; exit 4; }
  done
  TREE=$(readlink -f "$1") exec bash "$here/with_postgres.sh" bash "${BASH_SOURCE[0]}" inside
fi
program=$TREE/cli/orrery
pgbench=$(ls /usr/lib/postgresql/*/bin/pgbench | sort -V | tail -n 1)
scratch=$(mktemp -d)
processes=()
finish() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT
of() { printf '%s' "${ORRERY_POSTGRES/dbname=postgres/dbname=$1}"; }
median() { sort -g | sed -n "$((($1 + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

for database in user_db notification_db broker bench; do psql -q "$ORRERY_POSTGRES" -c "CREATE DATABASE $database"; done
start() {  # <service> <peers>: sets port
  cat >"$scratch/$1.json" <<JSON
{"listen": "127.0.0.1:0", "log": "info", "peers": {$2}, "broker": "$(of broker)",
 "databases": {"user_db": "$(of user_db)", "notification_db": "$(of notification_db)"}}
JSON
  "$program" serve "$1" --config "$scratch/$1.json" --migrate 2>"$scratch/$1.log" &
  processes+=($!)
  for ((i = 0; i < 200; ++i)); do
    port=$(sed -nE 's/.*"address":"127.0.0.1:([0-9]+)".*/\1/p' "$scratch/$1.log")
    [[ -z $port ]] || return 0
    sleep 0.05
  done
  cat "$scratch/$1.log" >&2
  exit 1
}
start mail ""
mail=$port
start notification "\"mail\": [\"127.0.0.1:$mail\"]"
start user ""
user=$port
sleep 2
for process in "${processes[@]}"; do
  awk -v name="$(tr '\0' ' ' <"/proc/$process/cmdline" | awk '{print $3}')" '/^Pss:/ { printf "memory of an idle process, %-12s %6.1f MB\n", name, $2 / 1024 }' "/proc/$process/smaps_rollup"
done

# ---- HTTP ----
nginx_port=$((user > 40000 ? user - 1777 : user + 1777))
cat >"$scratch/nginx.conf" <<CONF
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/nginx.log;
events { worker_connections 64; }
http {
  access_log off;
  keepalive_requests 1000000000;
  server { listen 127.0.0.1:$nginx_port; default_type application/json; location / { return 200 '{"status":"ok"}'; } }
}
CONF
nginx -c "$scratch/nginx.conf" -g 'daemon off;' &
processes+=($!)
sleep 0.5
load() { wrk -t1 -c16 -d3s "http://127.0.0.1:$1/healthz" | awk '/Requests\/sec/ { print $2 }'; }
for ((round = 0; round < 5; ++round)); do
  load "$user" >>"$scratch/http.ours"
  load "$nginx_port" >>"$scratch/http.nginx"
done
ours=$(median 5 <"$scratch/http.ours")
theirs=$(median 5 <"$scratch/http.nginx")
printf 'HTTP requests a second, ours : nginx       %s : %s = %s\n' "$ours" "$theirs" "$(ratio "$ours" "$theirs")"

# ---- transactions ----
"$pgbench" -q -i -s 10 "$(of bench)" >"$scratch/pgbench.log" 2>&1
cat >"$scratch/two.sql" <<'SQL'
\set aid random(1, 1000000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
END;
SQL
for ((round = 0; round < 3; ++round)); do
  ORRERY_POSTGRES=$(of bench) "$TREE/bench/real_database_bench" --benchmark_min_time=3 --benchmark_format=json 2>/dev/null |
    sed -nE 's/.*"items_per_second": ([0-9.e+]+).*/\1/p' >>"$scratch/tx.ours"
  "$pgbench" -n -M prepared -c 16 -j 2 -T 3 -f "$scratch/two.sql" "$(of bench)" 2>/dev/null |
    sed -nE 's/^tps = ([0-9.]+).*/\1/p' >>"$scratch/tx.pgbench"
done
ours=$(median 3 <"$scratch/tx.ours")
theirs=$(median 3 <"$scratch/tx.pgbench")
printf 'transactions a second, ours : pgbench      %.0f : %.0f = %s\n' "$ours" "$theirs" "$(ratio "$ours" "$theirs")"

# ---- end to end ----
cat >"$scratch/sign_up.lua" <<'LUA'
local count = 0
request = function()
  count = count + 1
  return wrk.format("POST", "/users", {["Content-Type"] = "application/json"},
                    string.format('{"email":"u%d-%d@example.com","name":"U"}', os.time(), count))
end
LUA
before=$(date +%s.%N)
wrk -t1 -c4 -d10s -s "$scratch/sign_up.lua" "http://127.0.0.1:$user" >"$scratch/wrk.log"
open=1
while [[ $open != 0 ]]; do
  sleep 0.2
  open=$(psql -qAt "$(of notification_db)" -c "SELECT (SELECT count(*) FROM notification_jobs WHERE status <> 'sent')")
  pending=$(psql -qAt "$(of user_db)" -c "SELECT count(*) FROM outbox_events WHERE status <> 'published'")
  ((pending == 0)) || open=1
done
after=$(date +%s.%N)
psql -qAt -F ' ' "$(of user_db)" -c "SELECT event_id, extract(epoch FROM occurred_at) FROM outbox_events ORDER BY 1" | LC_ALL=C sort >"$scratch/asked"
psql -qAt -F ' ' "$(of notification_db)" -c "SELECT correlation_id, extract(epoch FROM sent_at) FROM notification_jobs ORDER BY 1" |
  LC_ALL=C sort >"$scratch/sent"
LC_ALL=C join "$scratch/asked" "$scratch/sent" | awk '{ print $3 - $2 }' | sort -g >"$scratch/took"
count=$(wc -l <"$scratch/took")
printf 'sign-ups whose notification was sent       %s of %s, %s a second, p95 %s s\n' "$count" "$(wc -l <"$scratch/asked")" \
  "$(awk -v n="$count" -v a="$before" -v b="$after" 'BEGIN { printf "%.0f", n / (b - a) }')" \
  "$(sed -n "$((count * 95 / 100))p" "$scratch/took")"
