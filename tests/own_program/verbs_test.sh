#!/usr/bin/env bash
# run, replay, defects, list of a user's own program.
set -uo pipefail
program=$1
source "$(dirname "${BASH_SOURCE[0]}")/helpers.sh"
cd "$scratch" || exit 1

try 0 run ticks --seeds 1..8 --jobs 2 --json r.json --junit r.xml --hashes r.hashes
says "seeds 1..8, faults none"
says "held ticks"
for field in scenario seeds held violated events messages simulated_s cpu_s wall_s faults sometimes; do
  file_has r.json "\"$field\":"
done
[[ $(grep -c '^  "' r.json) == 11 ]] || wrong "other fields than those of the contract: $(<r.json)"
file_has r.json '"held": true'
file_has r.json '"seeds": 8'
file_has r.xml '<testcase classname="ticks" name="a tick is logged"'
[[ $(wc -l <r.hashes) == 8 ]] || wrong "not eight hashes"

# The same, whatever the jobs and the shards.
try 0 run ticks --seeds 1..8 --jobs 1 --hashes one.hashes
cmp -s r.hashes one.hashes || wrong "the hashes depend on the number of jobs"
: >sum
for shard in 1/3 2/3 3/3; do
  try 0 run ticks --seeds 1..8 --shard $shard --hashes part
  cat part >>sum
done
[[ $(sort sum) == "$(sort r.hashes)" ]] || wrong "the shards together are not the whole"
try 0 run ticks --seeds 7
says "seeds 7,"
try 0 run ticks --seeds 1..100000000 --time-limit 1s
says "the time was over after"

# A violation: its story, the command, which fails in the same way.
try 1 run additions --seeds 1..30 --defect answers-first --json v.json --junit v.xml --out plans
says "every addition that was accepted is stored"
says "is not stored"
says "VIOLATED additions"
file_has v.json '"held": false'
file_has v.xml '<failure type="violated"'
command=$(sed -n 's/.*"command": "\(.*\)".*/\1/p' v.json | head -n 1)
seed=$(sed -n 's/.*--seed \([0-9]*\).*/\1/p' <<<"$command")
hash=$(sed -n 's/.*"hash": "\(.*\)".*/\1/p' v.json | head -n 1)
[[ $command == "$program replay additions --seed "*"--defect answers-first" ]] || wrong "the command is: $command"
# shellcheck disable=SC2086  # the command's words
try 1 ${command#"$program "} --trace trace.txt
says "hash $hash"
says "is not stored"
[[ $(wc -l <trace.txt) -gt 100 ]] || wrong "a short trace"
head -n 1 trace.txt | grep -qE '^#1 0\.000000000s ' || wrong "the trace begins with $(head -n 1 trace.txt)"

# The plan file does the same.
plan=plans/additions-$seed-answers-first.json
try 1 replay "$plan" --trace again.txt
says "hash $hash"
cmp -s trace.txt again.txt || wrong "the plan file's trace differs: $(cmp trace.txt again.txt)"
try 0 replay "$plan" --until 1s
says "nothing was judged"
try 1 replay "$plan" --trace -
says "#1 0.000000000s"
complains "VIOLATED additions"

# Workers that die or never end.
try 1 run ticks --seeds 1..8 --defect null-pointer
says "no process dies"
says "VIOLATED ticks"
try 1 run ticks --seeds 1..8 --defect failed-check
says "a tick that is not allowed"
try 1 replay ticks --seed "$(sed -n 's/^VIOLATED.*--seed \([0-9]*\).*/\1/p' <<<"$out")" --defect failed-check
says "a tick that is not allowed"
try 1 run ticks --seeds 1..3 --defect endless-loop
says "virtual time stands still"
says "ticker-1/ticker"
try 1 run additions --seeds 1..2 --defect spins
says "virtual time stands still"
try 1 run additions --seeds 1..2 --defect throws
says "the counter has had enough"
try 1 run additions --seeds 1..12 --defect leaks
says "a service keeps a Task outside of its own objects"

try 1 defects null-pointer wall-clock --seeds 1..20 --json d.json
says "NOT FOUND"
file_has d.json '"as_expected": true'
try 0 defects answers-first --seeds 1..60
says "1 of 1 twins found, the correct one holds"

try 0 list
says "additions"
says "answers-first"
says "heavy"
try 0 list --json
says '"claim": "An addition that was accepted is never lost."'

# Paths are tried before anything runs.
refuses '--json "no/such/x.json": cannot be written' run ticks --seeds 1..100000000 --json no/such/x.json
refuses '--out "r.json": is not a directory' run ticks --seeds 1..100000000 --out r.json
refuses '--trace "no/such/t"' replay ticks --seed 1 --trace no/such/t
printf '{"orrery_plan": 1, "scenario": "nobody"}' >bad.json
refuses 'bad.json' replay bad.json
refuses 'cannot be read, or is empty' replay /dev/null
refuses 'is a directory' replay plans
finish
