#!/usr/bin/env bash
# Draws the gallery: for each broken twin its small plan (scenarios/plans/SCENARIO/TWIN.json) as a space-time diagram and as a graph
# of states, and a page with the mistake, what triggers it, and what it violates.
# docs/gallery/make.sh             draws it anew
# docs/gallery/make.sh --compare   draws it elsewhere and fails if docs/gallery has other bytes
set -euo pipefail
case $#,${1-} in
  0, | 1,--compare) ;;
  *) echo "usage: docs/gallery/make.sh [--compare]" >&2 && exit 2 ;;
esac
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${ORRERY:-$top/build/release/cli/orrery}
most_bytes=150000
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$top"

# The program under the name that the pictures tell the reader to call.
orrery() (exec -a ./orrery "$program" "$@")

{
  printf '# Gallery\n\n'
  printf 'Every broken twin, drawn by `docs/gallery/make.sh` from the smallest plan that makes it violate something (`scenarios/plans`; most of\n'
  printf 'them `./orrery shrink` made from the first violating seed). [pictures.md](../pictures.md) says how to read them,\n'
  printf '[defects.md](../defects.md) lists the twins.\n'
} >"$out/README.md"

scenario=
while IFS= read -r line; do
  case $line in
    '## '*)
      scenario=${line#\#\# }
      mkdir "$out/$scenario"
      printf '\n## %s\n' "$scenario" >>"$out/README.md"
      ;;
    '| `'*)
      IFS='|' read -r _ twin mistake _ <<<"$line"
      twin=${twin//[\` ]/} mistake=${mistake# } mistake=${mistake% }
      plan=scenarios/plans/$scenario/$twin.json
      why=$(sed -n 's/^ *"why": "\(.*\)",$/\1/p' "$plan")
      verdict=$(orrery replay "$plan" | tail -n 1) && { printf '%s violates nothing\n' "$plan" >&2; exit 1; }
      property=$(sed 's/^[^"]*"\([^"]*\)".*/\1/' <<<"$verdict")
      orrery timeline "$plan" --out "$out/$scenario/$twin-timeline.svg" >/dev/null
      orrery graph "$plan" --out "$out/$scenario/$twin-graph.svg" >/dev/null
      {
        printf '\n### %s\n\n%s Here: %s\n\nIt violates *%s*: `./orrery replay %s`\n' "$twin" "$mistake" "$why" "$property" "$plan"
        printf '\n![space-time diagram of %s](%s-timeline.svg)\n' "$twin" "$scenario/$twin"
        printf '\n![graph of states of %s](%s-graph.svg)\n' "$twin" "$scenario/$twin"
      } >>"$out/README.md"
      ;;
  esac
done <docs/defects.md

# The README's picture: a failure with nothing around it, from its seed.
orrery shrink user-notification --seed 1 --defect dual-write --out "$out/dual-write.json" >/dev/null || (($? == 1))
(cd "$out" && exec -a ./orrery "$program" timeline dual-write.json --out dual-write-shrunk.svg >/dev/null)
rm "$out/dual-write.json"

find "$out" -name '*.svg' -size +"$most_bytes"c -print -exec false {} + || { printf 'more than %d bytes\n' "$most_bytes" >&2; exit 1; }
if [[ ${1-} == --compare ]]; then
  diff -rq --exclude make.sh "$out" docs/gallery
else
  find docs/gallery -mindepth 1 ! -name make.sh -delete
  cp -r "$out"/* docs/gallery/
  printf '%d pictures in docs/gallery\n' "$(find "$out" -name '*.svg' | wc -l)"
fi
