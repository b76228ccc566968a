#!/usr/bin/env bash
# timeline, graph, report and run --graph-coverage, end to end: files of the right kind, the same each time, and one line for a mistake.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
cd "$scratch" || exit 1
twin=(user-notification --seed 1 --defect dual-write)

# is <kind> <file>: by its first bytes.
is() {
  checks=$((checks + 1))
  case $1 in
    svg) [[ $(head -c 4 "$2") == "<svg" && $(tail -c 7 "$2") == "</svg>"* ]] ;;
    png) [[ $(head -c 4 "$2" | od -An -tx1) == " 89 50 4e 47" ]] ;;
    dot) [[ $(head -c 7 "$2") == digraph ]] ;;
    html) [[ $(head -c 15 "$2") == "<!DOCTYPE html>" ]] ;;
  esac || wrong "$last: $2 is no $1"
}
small() {
  checks=$((checks + 1))
  (($(wc -c <"$1") < 100000)) || wrong "$last: $1 has $(wc -c <"$1") bytes"
}

try 0 timeline "${twin[@]}" --out t.svg
says "wrote t.svg"
is svg t.svg
small t.svg
file_has t.svg "violated: "
file_has t.svg "The story"
try 0 timeline "${twin[@]}" --out again.svg
cmp -s t.svg again.svg || wrong "timeline: other bytes for the same run"
try 0 timeline "${twin[@]}" --out t.png
is png t.png
try 0 timeline "${twin[@]}" --order causal --out causal.svg
file_has causal.svg "step 1"
try 0 timeline "${twin[@]}" --hosts user-2,broker --around 59.4s+-100ms --out narrow.svg
is svg narrow.svg
try 0 timeline "${twin[@]}" --around 59.4s±20ms --unfold --out unfolded.svg
is svg unfolded.svg
try 0 timeline user-notification --seed 2 --out held.svg
file_has held.svg "every property held"
try 0 timeline "${twin[@]}" --out -
[[ $out == "<svg"* ]] || wrong "timeline --out -: no SVG on stdout"

try 0 graph "${twin[@]}" --out g.svg
is svg g.svg
small g.svg
file_has g.svg "marked as sent"
try 0 graph "${twin[@]}" --out g.png
is png g.png
try 0 graph "${twin[@]}" --out g.dot
is dot g.dot
file_has g.dot '"in the outbox" -> "stored by the broker"'

try 0 report "${twin[@]}" --out r.html
is html r.html
file_has r.html "default-src"
file_has r.html "replay user-notification --seed 1 --defect dual-write"

# Of a plan file, as run writes it.
try 1 run user-notification --defect dual-write --seeds 1 --jobs 1 --out plans --graph-coverage ways.svg
is svg ways.svg
file_has ways.svg "went through it"
plan=plans/user-notification-1-dual-write.json
for verb in timeline graph; do
  try 0 "$verb" "$plan" --out "plan-$verb.svg"
  is svg "plan-$verb.svg"
done
try 0 report "$plan" --out plan.html
is html plan.html
file_has plan.html "$plan"

# What is wrong is said before anything runs, and leaves no file.
refuses 'timeline: --out "x.gif": its name must end in .svg, .png' timeline "${twin[@]}" --out x.gif
refuses 'graph: --out "x": its name must end in .svg, .png, .dot' graph "${twin[@]}" --out x
refuses 'report: --out "x.svg": its name must end in .html' report "${twin[@]}" --out x.svg
refuses 'run: --graph-coverage "x.txt": its name must end in' run user-notification --graph-coverage x.txt
refuses 'cannot be written' timeline "${twin[@]}" --out /no/such/dir/x.svg
refuses 'timeline: --out' timeline "${twin[@]}"
refuses 'which seed?' timeline user-notification --out x.svg
refuses 'no such file, and unknown scenario' graph nothing.json --out x.svg
refuses 'unknown --order "causl": did you mean "causal"?' timeline "${twin[@]}" --order causl --out x.svg
refuses '--around "soon"' timeline "${twin[@]}" --around soon --out x.svg
refuses 'what follows ±' timeline "${twin[@]}" --around 1s±much --out x.svg
refuses 'nothing to draw: within 250ms of 1000s' timeline "${twin[@]}" --around 1000s --out x.svg
refuses 'unknown host "user-9"; of this run: ' timeline "${twin[@]}" --hosts user-9 --out x.svg
refuses 'at least the first 4 characters' timeline "${twin[@]}" --trace ab --out x.svg
refuses 'no event mentions "zzzzzz"' timeline "${twin[@]}" --trace zzzzzz --out x.svg
refuses 'begins with "zzzz"' graph "${twin[@]}" --saga zzzz --out x.svg
printf '{"orrery_history": 1, "scenario": "user-notification"}\n{"id": 1}\n' >bad.jsonl
refuses '"bad.jsonl": line 2: ' timeline bad.jsonl --out x.svg
refuses 'is a directory' report . --out x.html
printf 'not json' >bad.json
refuses 'bad.json' timeline bad.json --out x.svg
[[ ! -e x.svg && ! -e x.gif && ! -e x.html ]] || wrong "a refused picture left a file"

# Nobody may write: a full disk is said.
if [[ -w /dev/full ]]; then
  ln -s /dev/full full.svg
  refuses 'cannot be written' timeline "${twin[@]}" --out full.svg
fi
finish
