#!/usr/bin/env bash
# Real mode: the system holds under a plan; broken twins are violated by the plans that are made for them, with the properties that are
# expected to find them, as in simulation; nothing is left behind, whatever ends the test bed. With $ORRERY_LONG: every plan, the correct
# services under the same plans, five runs under everything at once, and load while every process restarts.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
cd "$scratch" || exit 1
export TMPDIR=$scratch/tmp
mkdir -m 755 "$TMPDIR"
chmod 755 "$scratch"

nothing_is_left() {
  [[ -z $(ls "$TMPDIR") ]] || wrong "left behind: $(ls "$TMPDIR")"
  ! pgrep -f "$TMPDIR" >/dev/null || wrong "still running: $(pgrep -af "$TMPDIR")"
}

sign_ups=
for i in 1 2 3 4 5 6 7 8; do
  sign_ups+="${sign_ups:+,}{\"at\": \"$((i * 200))ms\", \"client\": \"client-$((i % 4 + 1))\", \"id\": \"op-$i\", \"name\": \"sign up\",
    \"arguments\": {\"email\": \"u$i@example.com\", \"name\": \"U\", \"idempotency_key\": \"key-$i\", \"protocol\": \"http\", \"then\": []}}"
done
cat >plan.json <<JSON
{"orrery_plan": 1, "scenario": "user-notification", "seed": 1, "profile": "none", "operations": [$sign_ups],
 "faults": [{"kind": "crash", "target": "user-1", "place": "user-1/POST /users after commit", "occasion": 1, "lasts": "500ms"},
            {"kind": "crash", "target": "user-2", "place": "user-2/POST /users after commit", "occasion": 1, "lasts": "500ms"},
            {"kind": "partition", "target": "user-1|broker", "at": "1s", "lasts": "1s"},
            {"kind": "pause", "target": "notification_db", "at": "500ms", "lasts": "1s"},
            {"kind": "slow_link", "target": "*>user-2", "by": "20ms", "at": "100ms", "lasts": "2s"},
            {"kind": "duplicate", "target": "user-1>broker", "occasion": 1},
            {"kind": "clock_jump", "target": "user_db", "at": "1s", "lasts": "1s", "by": "5s"}]}
JSON

try 0 real user-notification --plan plan.json --for 4s --settle 12s --json result.json
says "held user-notification"
says "a database server's clock is this machine's"
for fault in crash partition pause slow_link; do
  grep -q "\"$fault\": [12]" result.json || wrong "$fault did not strike: $(cat result.json)"
done
nothing_is_left

# A standby takes over without the commit that a client was told of, and hands over again without losing anything; a message of the
# group comes again once, whoever has it.
cat >standby.json <<JSON
{"orrery_plan": 1, "scenario": "user-notification", "seed": 1, "profile": "none", "operations": [$sign_ups],
 "faults": [{"kind": "failover", "target": "user_db", "place": "user-1/POST /users after commit", "occasion": 1, "lasts": "200ms"},
            {"kind": "crash", "target": "notification_db_standby", "at": "1s", "lasts": "1s"},
            {"kind": "partition", "target": "user_db|user_db_standby", "at": "100ms", "lasts": "100ms"},
            {"kind": "redeliver", "target": "user.events/notification", "occasion": 2},
            {"kind": "switchover", "target": "user_db", "at": "14s", "lasts": "200ms"}]}
JSON
try 0 real user-notification --plan standby.json --for 17s --settle 12s --json result.json
says "held user-notification"
says 'there is no host "notification_db_standby"'
for fault in failover partition redeliver switchover; do
  grep -q "\"$fault\": 1" result.json || wrong "$fault did not strike once: $(cat result.json)"
done
! grep -q '"a commit is lost in a failover": 0' result.json || wrong "the failover lost nothing"
nothing_is_left

# On a server that is given, which stays as it was.
on_given_server() {
  "$program" real user-notification --postgres "$ORRERY_POSTGRES" --plan "$1" --for 3s --settle 12s || return
  [[ $(psql -qAt "$ORRERY_POSTGRES" -c "SELECT count(*) FROM pg_database" -c "SELECT count(*) FROM pg_replication_slots" | tr '\n' ' ') == "3 0 " ]]
}
export -f on_given_server
export program
checks=$((checks + 1))
out=$(bash "$ORRERY_SOURCE/bench/with_postgres.sh" bash -c 'on_given_server standby.json' 2>&1) || wrong "with --postgres: $out"
says "held user-notification"
says "with a server given with --postgres no database has a standby"
nothing_is_left

plans=$ORRERY_SOURCE/scenarios/plans/user-notification
quick=("$plans"/{ack-before-work,check-then-act-key,dual-write,marks-before-confirm,retry-after-ambiguous-commit}.json)
try 0 parity user-notification "${quick[@]}" --jobs 5
nothing_is_left

"$program" real user-notification --faults none >/dev/null 2>&1 &
bed=$!
sleep 3
kill -TERM "$bed"  # a shell lets its background children ignore SIGINT
for ((i = 0; i < 300; ++i)); do
  kill -0 "$bed" 2>/dev/null || break
  sleep 0.2
done
if kill -0 "$bed" 2>/dev/null; then
  wrong "a minute after SIGTERM it runs on: $(grep -E '^(State|Sig|Shd)' "/proc/$bed/status" | tr '\n' ' ')"
  kill -KILL "$bed"
fi
wait "$bed"
status=$?
[[ $status == 143 ]] || wrong "interrupted, it ended with status $status"
nothing_is_left

"$program" real user-notification --faults none >/dev/null 2>&1 &
bed=$!
for ((i = 0; i < 300; ++i)); do
  sleep 0.1
  [[ -z $(ls "$TMPDIR"/orrery-bed-*/*.events 2>/dev/null) ]] || break
done
kill -KILL "$bed"
wait "$bed" 2>/dev/null
for ((i = 0; i < 600; ++i)); do  # a guardian of its own removes what it left
  [[ -n $(ls "$TMPDIR") ]] || break
  sleep 0.1
done
nothing_is_left

# Sign-ups for a minute, while every process ends and starts again, services by turns and servers too.
load_plan() {
  local hosts=(user-1 notification-1 user-2 notification-2 mail-1 user_db user-1 broker user-2 notification_db notification-1) i
  printf '{"orrery_plan": 1, "scenario": "user-notification", "seed": 1, "profile": "none", "runs_for": "62s", "settles_within": "60s",\n'
  printf '"operations": ['
  for ((i = 1; i <= 1200; ++i)); do
    ((i == 1)) || printf ',\n'
    printf '{"at": "%dms", "client": "client-%d", "id": "op-%d", "name": "sign up", "arguments": ' $((i * 50)) $((i % 4 + 1)) $i
    printf '{"email": "u%d@example.org", "name": "U", "idempotency_key": "key-%d"}}' $i $i
  done
  printf '],\n"faults": ['
  for ((i = 0; i < ${#hosts[@]}; ++i)); do
    ((i == 0)) || printf ',\n'
    printf '{"kind": "%s", "target": "%s", "at": "%ds", "lasts": "500ms"}' "$( ((i % 2)) && echo stop || echo crash)" "${hosts[i]}" $((5 * i + 2))
  done
  printf ']}\n'
}
if [[ -n ${ORRERY_LONG-} ]]; then
  load_plan >load.json
  try 0 real user-notification --plan load.json
  nothing_is_left
  try 0 parity user-notification "$plans"/*.json --jobs 4
  try 0 parity user-notification "$plans"/*.json --jobs 4 --correct
  nothing_is_left
  for seed in 1 2 3 4 5; do
    try 0 real user-notification --seed $seed
  done
  nothing_is_left
fi

refuses 'unknown scenario "user"' real user
refuses 'which plans?' parity user-notification
refuses 'cannot be read' real user-notification --plan nothing.json
refuses 'unknown service "usr": did you mean "user"?' serve usr --config x
echo '{"lisen": 1}' >config.json
refuses 'lisen: there is no such setting' serve user --config config.json
try 4 real user-notification --postgres 'host=/nowhere'
finish
