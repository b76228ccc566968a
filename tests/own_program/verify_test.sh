#!/usr/bin/env bash
# verify: a clean system passes, every planted leak of determinism is caught and the first event that differs is named.
set -uo pipefail
program=$1
source "$(dirname "${BASH_SOURCE[0]}")/helpers.sh"

try 0 verify ticks additions --seeds 1..6 --hashes "$scratch/hashes"
says "deterministic ticks: 6 seeds did the same twice"
says "deterministic additions"
[[ $(wc -l <"$scratch/hashes") == 12 ]] || wrong "not twelve hashes"

leaks="wall-clock random-device uninitialised-frame"
if grep -q __asan_init "$program"; then
  # AddressSanitizer's allocator hands out rising addresses, and fills memory with a byte that only a new process changes:
  # the second pass sees it, the full recordings after it do not.
  try 3 verify ticks --seeds 1..4 --defect uninitialised-heap
  says "NOT DETERMINISTIC ticks"
else
  leaks+=" pointer-order unordered-pointers uninitialised-heap"
fi
for leak in $leaks; do
  try 3 verify ticks --seeds 1..4 --defect "$leak"
  says "NOT DETERMINISTIC ticks"
  says "the first event that differs"
  says "ticker-1 | log | info | text=tick"
done
finish
