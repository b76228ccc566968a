#!/usr/bin/env bash
# Ctrl-C and SIGTERM: what was found so far is printed, and no process is left. Colours only on a terminal.
set -uo pipefail
program=$1
source "$(dirname "${BASH_SOURCE[0]}")/helpers.sh"
set -m  # so that background processes do not ignore SIGINT

for signal in INT:130 TERM:143; do
  for arguments in "run ticks --seeds 1..100000000" "verify ticks --seeds 1..100000000" "run ticks --seeds 1..3 --defect endless-loop"; do
    checks=$((checks + 1))
    # shellcheck disable=SC2086  # words
    "$program" $arguments >"$scratch/out" 2>"$scratch/err" </dev/null &
    pid=$!
    sleep 1.5
    children=$(cat "/proc/$pid/task/$pid/children")
    [[ -n $children ]] || wrong "$arguments: no workers"
    kill -"${signal%:*}" $pid
    wait $pid
    status=$?
    [[ $status == "${signal#*:}" ]] || wrong "$arguments, SIG${signal%:*}: exit status $status"
    grep -q INTERRUPTED "$scratch/out" || wrong "$arguments: does not say how far it came: $(<"$scratch/out")"
    sleep 0.2
    for child in $children; do
      ! kill -0 "$child" 2>/dev/null || wrong "$arguments: process $child is left"
    done
  done
done

# A campaign of defects that is cut short does not blame the correct twin.
checks=$((checks + 1))
"$program" defects answers-first --seeds 1..100000000 >"$scratch/out" 2>"$scratch/err" </dev/null &
pid=$!
for ((tries = 0; tries < 300; ++tries)); do
  grep -q "after .* seed" "$scratch/out" && break
  sleep 0.1
done
sleep 1
kill -INT $pid
wait $pid
status=$?
[[ $status == 130 ]] || wrong "defects, interrupted: exit status $status"
grep -q "the correct one was not run to its end" "$scratch/out" || wrong "defects, interrupted: $(<"$scratch/out")"

escape=$'\033'
try 0 run ticks --seeds 1..3
says_not "$escape"
if command -v script >/dev/null; then
  out=$(env -u NO_COLOR -u CLICOLOR TERM=xterm script -qec "$program run ticks --seeds 1..3" /dev/null) last="run on a terminal"
  says "${escape}[32mheld"
  out=$(NO_COLOR=1 TERM=xterm script -qec "$program run ticks --seeds 1..3 2>/dev/null" /dev/null) last="run with NO_COLOR"
  says_not "$escape"
fi

# A reader that goes away takes nothing from the files; a full disk is reported.
"$program" run additions --seeds 1..30 --defect answers-first --json "$scratch/piped.json" | head -n 1 >/dev/null
file_has "$scratch/piped.json" '"held": false'
checks=$((checks + 1))
status=0
"$program" list >/dev/full 2>"$scratch/err" || status=$?
if [[ $status != 2 ]] || ! grep -q 'cannot be written' "$scratch/err"; then
  wrong "list >/dev/full: exit status $status, $(<"$scratch/err")"
fi
finish
