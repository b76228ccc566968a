#!/usr/bin/env bash
# Real mode: the system holds; a broken twin is violated by the plan that is made for it, with the property that is expected to find it;
# nothing is left behind.
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
            {"kind": "partition", "target": "user-1|broker", "at": "1s", "lasts": "1s"}]}
JSON

try 0 real user-notification --plan plan.json --for 4s --settle 12s --json result.json
says "held user-notification"
says "real mode cannot do partition yet"
grep -q '"crash": [12]' result.json || wrong "the crash did not strike: $(cat result.json)"
nothing_is_left

try 1 real user-notification --plan plan.json --for 4s --settle 12s --defect dual-write
says 'VIOLATED user-notification: "every outbox row is published"'
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

refuses 'unknown scenario "user"' real user
refuses 'cannot be read' real user-notification --plan nothing.json
refuses 'unknown service "usr": did you mean "user"?' serve usr --config x
echo '{"lisen": 1}' >config.json
refuses 'lisen: there is no such setting' serve user --config config.json
try 4 real user-notification --postgres 'host=/nowhere'
finish
