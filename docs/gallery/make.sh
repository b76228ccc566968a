#!/usr/bin/env bash
# Draws the gallery: for each broken twin the space-time diagram and the graph of the first seed that violates something, and a page
# with the mistake and what it violates under each.
# docs/gallery/make.sh             draws it anew
# docs/gallery/make.sh --compare   draws it elsewhere and fails if docs/gallery has other bytes
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${ORRERY:-$top/build/release/cli/orrery}
most_seeds=100
most_bytes=150000
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=$scratch/gallery
mkdir "$out"
cd "$scratch"
ln -s "$program" orrery  # as what the pictures name the program

{
  printf '# Gallery\n\n'
  printf 'Every broken twin, drawn by `docs/gallery/make.sh`: the first seed on which it violates something, as a space-time diagram and as a\n'
  printf 'graph of states. [pictures.md](../pictures.md) says how to read them, [defects.md](../defects.md) lists the twins.\n'
} >"$out/README.md"

# Every scenario's twins with the first seed that finds them: name, mistake, property, seed, a line each, as the JSON has them.
./orrery defects --seeds "1..$most_seeds" --json found.json >/dev/null || (($? == 1))  # 1: some twin was missed
field() { sed -n 's/^ *"'"$1"'": "\{0,1\}\(.*[^",]\)"\{0,1\},\{0,1\}$/\1/p' <<<"$entry" | head -n 1 | sed 's/\\\(["\\]\)/\1/g'; }

missed=0
entry='' scenario=''
while IFS= read -r line; do
  case $line in
    *'"scenario": '*) entry=$line && scenario=$(field scenario) ;;
    *'"name": '*) entry=$line ;;
    *'"command": '* | *'"as_expected": '*) entry+=$'\n'$line ;;
    *) entry+=$'\n'$line ;;
  esac
  # An entry ends with its command; of a twin that was not found with "as_expected".
  if [[ $line == *'"as_expected": '* && $entry == *'"found": false'* ]]; then
    printf '%s: not found in %d seeds\n' "$(field name)" "$most_seeds" >&2
    missed=$((missed + 1))
  fi
  [[ $line == *'"command": '* ]] || continue
  twin=$(field name) mistake=$(field mistake) seed=$(field seed) property=$(field property)
  ./orrery timeline "$scenario" --seed "$seed" --defect "$twin" --out "$out/$twin-timeline.svg" >/dev/null
  ./orrery graph "$scenario" --seed "$seed" --defect "$twin" --out "$out/$twin-graph.svg" >/dev/null
  printf '\n## %s\n\n%s Seed %s violates *%s*.\n\n![space-time diagram of %s](%s-timeline.svg)\n\n![graph of states of %s](%s-graph.svg)\n' \
    "$twin" "$mistake" "$seed" "$property" "$twin" "$twin" "$twin" "$twin" >>"$out/README.md"
done <found.json

# The README's picture: a failure with nothing around it.
./orrery shrink user-notification --seed 1 --defect dual-write --out dual-write.json >/dev/null || (($? == 1))
./orrery timeline dual-write.json --out "$out/dual-write-shrunk.svg" >/dev/null

for picture in "$out"/*.svg; do
  bytes=$(wc -c <"$picture")
  if ((bytes > most_bytes)); then
    printf '%s has %d bytes, more than %d\n' "$picture" "$bytes" "$most_bytes" >&2
    exit 1
  fi
done
((missed == 0)) || printf '%d twins are not in the gallery\n' "$missed" >&2
if [[ ${1-} == --compare ]]; then
  diff -rq --exclude make.sh "$out" "$top/docs/gallery"
else
  rm -f "$top"/docs/gallery/*.svg
  cp "$out"/* "$top/docs/gallery/"
  printf '%d pictures in docs/gallery\n' "$(find "$out" -name '*.svg' | wc -l)"
fi
