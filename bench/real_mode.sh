#!/usr/bin/env bash
# real_mode.sh BUILD-TREE: real mode against what is known to be fast, in one run; only the ratios mean anything.
#   HTTP requests a second, one thread, 16 connections (wrk): a service's GET /healthz : nginx's `return 200`
#   two-statement transactions a second, 16 clients: the service's database layer, which has one thread : pgbench -M prepared with
#     one thread, and with two
#   sign-up to notification sent: how many a second, and how long it takes at half of that rate
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
source "$here/serving.sh"
median() { sort -g | sed -n "$((($1 + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

make_databases user_db notification_db broker bench
start() {  # <service> <peers> <settings>: sets port
  serve "$program" "$1" "$1" 0 "$2" "$3"
  processes+=("$served")
  port=$at
}
start mail "" '"latency_min": "1us", "latency_max": "1ms"'
mail=$port
start notification "\"mail\": [\"127.0.0.1:$mail\"]" '"sender": {"workers": 8}'
start user "" '"relay": {"batch": 100}'
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
  ORRERY_POSTGRES=$(of bench) "$TREE/bench/real_database_bench" --benchmark_min_time=2 --benchmark_format=json 2>/dev/null |
    sed -nE 's/.*"items_per_second": ([0-9.e+]+).*/\1/p' >>"$scratch/tx.ours"
  for threads in 1 2; do
    "$pgbench" -n -M prepared -c 16 -j $threads -T 2 -f "$scratch/two.sql" "$(of bench)" 2>/dev/null |
      sed -nE 's/^tps = ([0-9.]+).*/\1/p' >>"$scratch/tx.pgbench.$threads"
  done
done
ours=$(median 3 <"$scratch/tx.ours")
for threads in 1 2; do
  theirs=$(median 3 <"$scratch/tx.pgbench.$threads")
  printf 'transactions a second, ours : pgbench -j %s  %.0f : %.0f = %s\n' $threads "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
done

# ---- end to end ----
# The mail provider answers at once here: what is measured is what it costs to get there, not how slow a provider is.
cat >"$scratch/sign_up.lua" <<'LUA'
local count, pause = 0, tonumber(os.getenv("PAUSE_MS"))
request = function()
  count = count + 1
  return wrk.format("POST", "/users", {["Content-Type"] = "application/json"},
                    string.format('{"email":"u%s-%d@example.com","name":"U"}', os.getenv("PHASE"), count))
end
delay = function() return pause end
LUA
sign_up() {  # <phase> <connections> <seconds> <pause after each answer, ms>
  PHASE=$1 PAUSE_MS=$4 wrk -t1 -c"$2" -d"$3s" -s "$scratch/sign_up.lua" "http://127.0.0.1:$user" >"$scratch/wrk.$1"
}
sent() {  # waits until every sign-up's notification is sent
  local asked sent
  for ((i = 0; i < 600; ++i)); do
    asked=$(psql -qAt "$(of user_db)" -c "SELECT count(*) FROM outbox_events")
    sent=$(psql -qAt "$(of notification_db)" -c "SELECT count(*) FROM notification_jobs WHERE status = 'sent'")
    [[ $asked != "$sent" ]] || return 0
    sleep 0.2
  done
  echo "real_mode.sh: $sent of $asked notifications are sent after two minutes" >&2
  exit 1
}
took() {  # <since>: seconds from each sign-up after that time to its notification, sorted
  psql -qAt -F ' ' "$(of user_db)" -c "SELECT event_id, extract(epoch FROM occurred_at) FROM outbox_events WHERE occurred_at > to_timestamp($1)" |
    LC_ALL=C sort >"$scratch/asked"
  psql -qAt -F ' ' "$(of notification_db)" -c "SELECT correlation_id, extract(epoch FROM sent_at) FROM notification_jobs" | LC_ALL=C sort >"$scratch/sent"
  LC_ALL=C join "$scratch/asked" "$scratch/sent" | awk '{ print $3 - $2 }' | sort -g
}
before=$(date +%s.%N)
sign_up full 4 1 0
sent
after=$(date +%s.%N)
took "$before" >"$scratch/took"
count=$(wc -l <"$scratch/took")
rate=$(awk -v n="$count" -v a="$before" -v b="$after" 'BEGIN { printf "%.0f", n / (b - a) }')
printf 'sign-ups to notification sent, at full speed  %s in all, %s a second\n' "$count" "$rate"
pause=$(awk -v r="$rate" 'BEGIN { printf "%.0f", 8 * 1000 / (0.5 * r) }')
before=$(date +%s.%N)
sign_up half 8 10 "$pause"
sent
took "$before" >"$scratch/took"
count=$(wc -l <"$scratch/took")
printf 'the same at about half of that rate           %s a second, p50 %s s, p95 %s s\n' "$((count / 10))" \
  "$(sed -n "$((count / 2))p" "$scratch/took")" "$(sed -n "$((count * 95 / 100))p" "$scratch/took")"
