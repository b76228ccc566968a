#!/usr/bin/env bash
# docs/commands.md has every verb and, in the verb's section, every option that its --help shows, and no other.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
docs=$ORRERY_SOURCE/docs/commands.md

try 0 --help
verbs=$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$out")
[[ $(wc -w <<<"$verbs") -ge 5 ]] || wrong "no verbs in the help: $out"
for verb in $verbs; do
  section=$(sed -n "/^## \`$verb[ \`]/,/^## /p" "$docs")
  [[ -n $section ]] || wrong "docs/commands.md has no section \`$verb\`"
  try 0 "$verb" --help
  options=$(grep -oE -- '--[a-z][a-z-]*' <<<"$out" | sort -u | grep -vx -- --help)
  for option in $options; do
    grep -qF -- "$option" <<<"$section" || wrong "docs/commands.md, $verb: $option is missing"
  done
  for option in $(grep -oE -- '^\| `--[a-z][a-z-]*' <<<"$section" | grep -oE -- '--[a-z-]*'); do
    grep -qx -- "$option" <<<"$options" || wrong "docs/commands.md, $verb: there is no $option"
  done
done
finish
