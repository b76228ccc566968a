#!/usr/bin/env bash
# The trace hash of a seed is the same from every build, from one process or many, and in any order:
#   check_builds.sh BUILD_DIR…      $ORRERY_SEEDS: which seeds (1..10)
# For each build `verify` compares two passes (the second in a process of its own, the seeds in reverse, memory filled and
# handed out differently); its hashes are compared with those of one worker and of two, and all with the first build's.
set -uo pipefail
if (($# == 0)); then
  printf 'usage: check_builds.sh BUILD_DIR…\n' >&2
  exit 2
fi
seeds=${ORRERY_SEEDS:-1..10}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
wrong() {
  printf 'wrong: %s\n' "$*"
  failures=$((failures + 1))
}

number=0
for build in "$@"; do
  program=$build/cli/orrery
  number=$((number + 1))
  all=$scratch/$number.all
  : >"$all"
  if [[ ! -x $program ]]; then
    wrong "$program is not there"
    continue
  fi
  for faults in heavy swarm; do
    hashes=$scratch/$number.$faults
    if ! "$program" verify --seeds "$seeds" --faults $faults --hashes "$hashes" >"$scratch/log" 2>&1; then
      wrong "$build: verify, $faults"
      cat "$scratch/log"
    fi
    for jobs in 1 2; do
      "$program" run --seeds "$seeds" --faults $faults --jobs $jobs --hashes "$scratch/run" >"$scratch/log" 2>&1
      if (($? > 1)); then
        wrong "$build: run, $faults, $jobs jobs"
        cat "$scratch/log"
      fi
      cmp -s "$hashes" "$scratch/run" || wrong "$build: $faults, $jobs jobs: other hashes than verify's"
    done
    cat "$hashes" >>"$all"
  done
  printf '%-24s %d seeds, digest %s\n' "$(basename "$build")" "$(wc -l <"$all")" "$(cksum <"$all" | cut -d ' ' -f 1)"
  [[ -s $all ]] || wrong "$build gave no hashes"
  if ! cmp -s "$scratch/1.all" "$all"; then
    wrong "$build differs from $1, first in (scenario faults defect seed hash):"
    diff "$scratch/1.all" "$all" | grep '^[<>]' | head -n 4
  fi
done
printf '%d builds, %d wrong\n' "$number" "$failures"
((failures == 0))
