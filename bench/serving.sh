# shellcheck shell=bash disable=SC2154
# Sourced by scripts that run services as processes against $ORRERY_POSTGRES: what they share. Needs $scratch, a folder.

# of <database>: how to connect to it.
of() { printf '%s' "${ORRERY_POSTGRES/dbname=postgres/dbname=$1}"; }

make_databases() {
  local database
  for database in "$@"; do psql -q "$ORRERY_POSTGRES" -c "CREATE DATABASE $database"; done
}

# serve <program> <service> <name> <port> <peers> <settings>: sets $served, the process, and $at, the port that it says (0 asks for a free one).
# Its log is $scratch/<name>.log; started again, it goes on there. Status 1: it does not serve within 10 s, and its last words are shown.
serve() {
  local program=$1 service=$2 name=$3 port=$4 peers=$5 settings=$6 before i
  cat >"$scratch/$name.json" <<JSON
{"host": "$name", "listen": "127.0.0.1:$port", "peers": {$peers}, "settings": {$settings}, "broker": "$(of broker)",
 "databases": {"user_db": "$(of user_db)", "notification_db": "$(of notification_db)"}}
JSON
  : >>"$scratch/$name.log"
  before=$(wc -l <"$scratch/$name.log")
  "$program" serve "$service" --config "$scratch/$name.json" --migrate 2>>"$scratch/$name.log" &
  served=$!
  for ((i = 0; i < 200; ++i)); do
    at=$(tail -n +$((before + 1)) "$scratch/$name.log" | sed -nE 's/.*"address":"127.0.0.1:([0-9]+)".*/\1/p' | head -n 1)
    [[ -z $at ]] || return 0
    sleep 0.05
  done
  kill -KILL "$served" 2>/dev/null || true
  tail -n 5 "$scratch/$name.log" >&2
  return 1
}
