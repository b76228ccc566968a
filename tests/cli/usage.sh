#!/usr/bin/env bash
# Wrong usage is answered in one line on stderr: what, where, what would be right. Nothing runs before it is found.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
cd "$scratch" || exit 1

try 2
says "verify"
complains "a verb is missing"
refuses 'unknown verb "rnu": did you mean "run"?' rnu
refuses 'unknown verb "frobnicate"; known: list, run' frobnicate
refuses 'unknown option of run "--sedes": did you mean "--seeds"?' run --sedes 1
refuses 'unknown option of run "--sedes": did you mean "--seeds"?' run --sedes=1
refuses 'run: --seeds' run --seeds
refuses 'unknown scenario "user-notifcation": did you mean "user-notification"?' run user-notifcation
refuses 'unknown scenario "zzz"; known: user-notification' run zzz
refuses 'unknown fault profile "hevy": did you mean "heavy"?' run --faults hevy
refuses 'unknown defect of user-notification "dual-writ": did you mean "dual-write"?' run user-notification --defect dual-writ
refuses 'the first seed is greater than the last' run --seeds 5..1
refuses 'the first seed is not a number' run --seeds a..b
refuses 'the last seed is not a number' run --seeds 1..
refuses 'no seeds' run --seeds ''
refuses 'not a number' run --seeds -3
refuses 'not a number' run --seeds 99999999999999999999
refuses 'too many seeds' run --seeds 0..18446744073709551615
refuses '--jobs "0"' run --jobs 0
refuses '--jobs "many"' run --jobs many
refuses 'write K/N' run --shard 3/2
refuses 'write K/N' run --shard 0/2
refuses 'write K/N' run --shard 2
refuses 'write 250ms, 30s or 5m' run --time-limit 60
refuses 'write 250ms, 30s or 5m' run --time-limit -5s
refuses 'cannot be written' run --junit /no/such/dir/x.xml
refuses 'cannot be written' run --hashes /no/such/dir/x
refuses 'which seed?' replay user-notification
refuses 'which seed?' shrink user-notification
refuses 'shrink user-notification --seed 1: the run holds' shrink user-notification --seed 1
refuses 'the run does not violate "nothing", but' shrink user-notification --seed 1 --defect dual-write --property nothing
refuses 'no such file, and unknown scenario' replay nothing.json
refuses '--seed "x"' replay user-notification --seed x
refuses 'replay' replay
refuses 'one argument too many' replay a b c
printf 'not json' >x.json
refuses 'x.json' replay x.json
refuses 'unknown defect "dual-writ"' defects dual-writ
refuses 'unknown scenario' verify nobody
[[ $(ls) == $'err\nout\nx.json' ]] || wrong "files are left: $(ls)"

try 0 --help
for verb in list run replay shrink verify sql defects; do says "$verb"; done
try 0 --version
says "orrery "
try 0 run --help
says "--time-limit"
finish
