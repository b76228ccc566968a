#!/usr/bin/env bash
# restarts_under_load.sh PROGRAM [SECONDS]: sign-ups at 80 % of what the system bears, for a minute (or so many seconds), while every
# process is restarted again and again, by SIGTERM and by SIGKILL in turns. Then: each sign-up that was acknowledged is there, with
# one event, one notification job, and one mail that the provider took. Two replicas of user and of notification behind nginx, a
# private PostgreSQL; the provider of mails is somebody else's, heeds Idempotency-Keys and stays up. Needs Debian's wrk, nginx-light, curl and postgresql-15:
# where one is missing it says so and ends well; nothing was tested then.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
fail() { printf 'restarts_under_load.sh: FAILED: %s\n' "$*" >&2; exit 1; }
if [[ ${1-} != inside ]]; then
  program=$(readlink -f "${1:?usage: restarts_under_load.sh PROGRAM [SECONDS]}")
  for tool in wrk nginx psql curl; do
    command -v $tool >/dev/null || { printf 'restarts_under_load.sh: NOT TESTED: %s is missing (Debian: wrk nginx-light postgresql-15 curl)\n' $tool; exit 0; }
  done
  PROGRAM=$program SECONDS_OF_LOAD=${2:-60} exec bash "$here/../../bench/with_postgres.sh" bash "${BASH_SOURCE[0]}" inside
fi

scratch=$(mktemp -d)
declare -A process=() port=()
balancer=
finish() {
  [[ -z $balancer ]] || kill -TERM "$balancer" 2>/dev/null || true  # its worker would outlive a SIGKILL
  for one in "${process[@]}"; do kill -KILL "$one" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM
source "$here/../../bench/serving.sh"
ask() { psql -qAt "$(of "$1")" -c "$2"; }
make_databases user_db notification_db broker

start() {  # <replica>: where it was before, if it was
  local replica=$1 service=${1%-*} peers="" settings=""
  [[ $service != mail ]] || settings='"latency_min": "1us", "latency_max": "1ms", "deduplicates": true'
  [[ $service != notification ]] || { peers="\"mail\": [\"127.0.0.1:${port[mail-1]}\"]" settings='"sender": {"workers": 4}'; }
  serve "$PROGRAM" "$service" "$replica" "${port[$replica]-0}" "$peers" "$settings" || fail "$replica does not start"
  process[$replica]=$served port[$replica]=$at
}
for replica in mail-1 notification-1 notification-2 user-1 user-2; do start $replica; done

balanced=$((port[user-1] > 40000 ? port[user-1] - 1777 : port[user-1] + 1777))
cat >"$scratch/nginx.conf" <<CONF
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/nginx.log;
events { worker_connections 256; }
http {
  access_log off;
  upstream user { server 127.0.0.1:${port[user-1]} max_fails=0; server 127.0.0.1:${port[user-2]} max_fails=0; keepalive 16; }
  server {
    listen 127.0.0.1:$balanced;
    location / {
      proxy_pass http://user;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
CONF
nginx -c "$scratch/nginx.conf" -g 'daemon off;' &
balancer=$!
for ((i = 0; i < 100; ++i)); do
  ! curl -sS -o /dev/null "http://127.0.0.1:$balanced/healthz" 2>/dev/null || break
  ((i < 99)) || fail "nginx does not listen: $(<"$scratch/nginx.log")"
  sleep 0.05
done

cat >"$scratch/sign_up.lua" <<'LUA'
local acknowledged = io.open(os.getenv("ACKNOWLEDGED"), "a")
acknowledged:setvbuf("line")
local count, pause, phase = 0, tonumber(os.getenv("PAUSE_MS")), os.getenv("PHASE")
request = function()
  count = count + 1
  return wrk.format("POST", "/users", {["Content-Type"] = "application/json"},
                    string.format('{"email":"u%s-%d@example.com","name":"U"}', phase, count))
end
delay = function() return pause end
response = function(status, _, body)
  if status == 201 then acknowledged:write(body:match('"id":"([^"]+)"'), "\n") end
end
LUA
sign_up() {  # <phase> <connections> <seconds> <pause after each answer, ms>
  PHASE=$1 PAUSE_MS=$4 ACKNOWLEDGED=$scratch/acknowledged.$1 \
    wrk -t1 -c"$2" -d"$3s" -s "$scratch/sign_up.lua" "http://127.0.0.1:$balanced" >"$scratch/wrk.$1"
}
sent() {  # waits until every sign-up's notification is sent
  local asked sent
  for ((i = 0; i < 900; ++i)); do
    asked=$(ask user_db "SELECT count(*) FROM outbox_events")
    sent=$(ask notification_db "SELECT count(*) FROM notification_jobs WHERE status = 'sent'")
    [[ $asked != "$sent" ]] || return 0
    sleep 0.2
  done
  fail "$sent of $asked notifications are sent after three minutes"
}
before=$(date +%s.%N)
sign_up alone 4 1 0
sent
after=$(date +%s.%N)
alone=$(wc -l <"$scratch/acknowledged.alone")
rate=$(awk -v n="$alone" -v a="$before" -v b="$after" 'BEGIN { printf "%.0f", n / (b - a) }')
((alone > 100 && rate > 10)) || fail "the system bears $rate sign-ups a second alone: nothing to put a load on"
connections=16
pause=$(awk -v r="$rate" -v c=$connections 'BEGIN { printf "%.0f", c * 1000 / (0.8 * r) }')
printf 'alone: %s sign-ups a second until their mails are sent; now 80 %% of that for %s s\n' "$rate" "$SECONDS_OF_LOAD"

sign_up loaded $connections "$SECONDS_OF_LOAD" "$pause" &
load=$!
restarts=0
signals=(TERM KILL)  # a round of each
while kill -0 $load 2>/dev/null; do
  for replica in user-1 notification-1 user-2 notification-2; do
    sleep 2
    kill -0 $load 2>/dev/null || break
    kill "-${signals[restarts / 4 % 2]}" "${process[$replica]}"
    wait "${process[$replica]}" 2>/dev/null || true
    start $replica
    restarts=$((restarts + 1))
  done
done
wait $load || fail "the load ended badly: $(tail -n 3 "$scratch/wrk.loaded")"
((restarts >= 8)) || [[ $SECONDS_OF_LOAD -lt 60 ]] || fail "only $restarts restarts"
sent

cat "$scratch"/acknowledged.* | sort >"$scratch/acknowledged"
ask user_db "SELECT id FROM users" | sort >"$scratch/users"
lost=$(comm -23 "$scratch/acknowledged" "$scratch/users" | wc -l)
twice=$(uniq -d "$scratch/acknowledged" | wc -l)
without_event=$(ask user_db "SELECT count(*) FROM users u WHERE (SELECT count(*) FROM outbox_events e WHERE e.aggregate_id = u.id) <> 1")
ask user_db "SELECT event_id FROM outbox_events" | sort >"$scratch/events"
sed -nE 's/.*"message":"mail accepted".*"event_id":"([^"]+)".*/\1/p' "$scratch/mail-1.log" | sort >"$scratch/mails"
mailed_twice=$(uniq -d "$scratch/mails" | wc -l)
not_mailed=$(comm -23 "$scratch/events" "$scratch/mails" | wc -l)
printf '%s sign-ups acknowledged, %s users, %s mails taken; %s restarts; answers that were no sign-up: %s\n' "$(wc -l <"$scratch/acknowledged")" \
  "$(wc -l <"$scratch/users")" "$(wc -l <"$scratch/mails")" "$restarts" \
  "$(sed -nE 's/.*Non-2xx or 3xx responses: ([0-9]+).*/\1/p' "$scratch/wrk.loaded" | grep . || echo 0)"
((lost == 0)) || fail "$lost acknowledged sign-ups are not there"
((twice == 0)) || fail "$twice ids were given twice"
((without_event == 0)) || fail "$without_event users have not exactly one event"
((not_mailed == 0)) || fail "$not_mailed sign-ups were not mailed"
((mailed_twice == 0)) || fail "$mailed_twice sign-ups were mailed twice"
echo "held: no acknowledged sign-up is lost, none had its effect twice"
