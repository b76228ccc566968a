#!/usr/bin/env bash
# real: a user's own scenario in real mode. Its cache is one Redis server for all replicas, and suffers what a plan says.
set -uo pipefail
program=$1
source "$(dirname "${BASH_SOURCE[0]}")/helpers.sh"
export TMPDIR=$scratch/tmp
mkdir -m 755 "$TMPDIR"
chmod 755 "$scratch"

# plan <fault>...: thirty numbers are asked for, one every 100 ms.
plan() {
  local operations= i
  for ((i = 1; i <= 30; ++i)); do
    operations+="${operations:+,}{\"at\": \"$((i * 100))ms\", \"client\": \"client-1\", \"id\": \"next-$i\", \"name\": \"next\", \"arguments\": {}}"
  done
  local faults
  faults=$(IFS=, && echo "$*")
  echo "{\"orrery_plan\": 1, \"scenario\": \"numbers\", \"seed\": 1, \"profile\": \"none\", \"operations\": [$operations], \"faults\": [$faults]}"
}

try 0 run numbers --seeds 1..3
try 0 real numbers --json "$scratch/verdict"
says "held numbers"
file_has "$scratch/verdict" '"a number is refused": 0'

plan '{"kind": "cache_down", "target": "cache", "at": "1s", "lasts": "1s"}' >"$scratch/down.json"
for world in replay real; do
  arguments=(replay "$scratch/down.json")
  [[ $world == replay ]] || arguments=(real numbers --plan "$scratch/down.json" --json "$scratch/verdict")
  try 0 "${arguments[@]}"
done
file_has "$scratch/verdict" '"cache_down": 1'
! grep -q '"a number is refused": 0' "$scratch/verdict" || wrong "the cache did not refuse anything"

for fault in '{"kind": "cache_flush", "target": "numbers-1>cache", "occasion": 5}' \
  '{"kind": "cache_evict", "target": "numbers-2>cache", "occasion": 5}' \
  '{"kind": "crash", "target": "cache", "at": "1500ms", "lasts": "100ms"}'; do
  plan "$fault" >"$scratch/forgets.json"
  try 1 replay "$scratch/forgets.json"
  try 1 real numbers --plan "$scratch/forgets.json"
  says "was given twice"
done
plan '{"kind": "cache_flush", "target": "cache>numbers-1", "occasion": 1}' '{"kind": "disk_full", "target": "cache", "at": "1s", "lasts": "1s"}' >"$scratch/odd.json"
try 0 real numbers --plan "$scratch/odd.json"
says "its target is no link from a service to the cache"
says "it is a cache, which real mode cannot do this to"
[[ -z $(ls "$TMPDIR") ]] || wrong "left behind: $(ls "$TMPDIR")"
finish
