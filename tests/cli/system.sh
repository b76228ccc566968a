#!/usr/bin/env bash
# The built-in system: it holds, its broken twin does not, and what is replayed is the same.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
cd "$scratch" || exit 1

try 0 run user-notification --seeds 1..6 --hashes hashes
says "held user-notification"
try 0 replay user-notification --seed 3 --trace trace
says "hash $(sed -n 's/^user-notification heavy - 3 //p' hashes)"
try 0 verify user-notification --seeds 1..3 --hashes twice
head -n 3 hashes | cmp -s - twice || wrong "verify gives other hashes"

try 1 run user-notification --seeds 1..40 --defect dual-write --json result.json --out plans
says "VIOLATED user-notification"
for plan in plans/*.json; do
  try 1 replay "$plan"
  says "violated:"
  says_not STALE
  break
done
# The same failure with next to nothing around it, from a plan file and from its seed.
plan=plans/user-notification-1-dual-write.json
try 1 shrink "$plan" --out small.json
says "VIOLATED user-notification"
says "1 operation and 1 fault in"
[[ $(grep -c '"client"' small.json) == 1 && $(grep -c '"kind"' small.json) == 1 ]] || wrong "it is not small: $(<small.json)"
small=$out
try 1 replay small.json
says_not STALE
[[ $(tail -n 1 <<<"$out") == "$(tail -n 1 <<<"$small")" ]] || wrong "what was shrunk fails differently: $out"
try 1 shrink user-notification --seed 1 --defect dual-write --jobs 1
cmp -s small.json user-notification-1-dual-write-shrunk.json || wrong "the seed and its plan file shrink to different plans"
sed -i 's/"crash"/"crsh"/; s/"drop"/"drp"/' "$plan"
refuses "unknown fault" replay "$plan"
finish
