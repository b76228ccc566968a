#!/usr/bin/env bash
# The table of layers in docs/architecture.md holds for the compiler: what a layer may not use it cannot include.
# include_fence.sh COMPILER WINDOWS: WINDOWS has a line a layer, "<layer>|<include directory>|…", written by CMake.
set -euo pipefail
compiler=$1 windows=$(realpath "$2")
cd "$ORRERY_SOURCE"

# Stated here once more, on purpose: a slip in CMakeLists.txt must not pass.
declare -A may_use=(
  [runtime]="" [sim]="runtime" [real-mode]="runtime" [services]="runtime" [faults]="runtime" [properties]="runtime"
  [scenarios]="runtime sim services faults properties" [viz]="runtime properties"
  [cli]="runtime sim real-mode services faults properties scenarios viz")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
wrong() {
  printf 'wrong: %s\n' "$*"
  failures=$((failures + 1))
}

layers=()
declare -A header includes
while IFS='|' read -r layer directories; do
  layers+=("$layer")
  includes[$layer]=$directories
  header[$layer]=$(find "$layer" -name '*.hpp' | sort | head -n 1)
done <"$windows"

# compile <layer> <source>: with the include directories that CMake gives to the layer.
compile() {
  local directory arguments=()
  while IFS= read -r -d '|' directory; do
    [[ -z $directory ]] || arguments+=("-I$directory")
  done <<<"${includes[$1]}|"
  "$compiler" -std=c++20 -fsyntax-only "${arguments[@]}" "$2" 2>&1
}

checked=0
for from in "${layers[@]}"; do
  # Every pair: is the header in sight?
  : >"$scratch/probe.cpp"
  for to in "${layers[@]}"; do
    [[ -n ${header[$to]} ]] || continue
    checked=$((checked + 1))
    if [[ " $from ${may_use[$from]} " == *" $to "* ]]; then
      printf '#if !__has_include("%s")\n#error %s cannot include %s\n#endif\n' "${header[$to]}" "$from" "$to"
    else
      printf '#if __has_include("%s")\n#error %s can include %s\n#endif\n' "${header[$to]}" "$from" "$to"
    fi
  done >"$scratch/probe.cpp"
  output=$(compile "$from" "$scratch/probe.cpp") || wrong "$output"
done

# And as its author would meet it: one line, one pair.
forbidden="services:sim runtime:sim sim:services properties:faults"
for pair in $forbidden; do
  from=${pair%:*} to=${pair#*:}
  [[ -n ${includes[$from]-} && -n ${header[$to]-} ]] || continue
  printf '#include "%s"\n' "${header[$to]}" >"$scratch/one_line.cpp"
  if output=$(compile "$from" "$scratch/one_line.cpp"); then
    wrong "#include \"${header[$to]}\" compiles in $from/"
  elif ! grep -qE 'file not found|No such file' <<<"$output"; then
    wrong "#include \"${header[$to]}\" in $from/ fails, but not at the fence: $output"
  fi
done
for from in "${layers[@]}"; do
  printf '#include "runtime/check.hpp"\n' >"$scratch/one_line.cpp"
  output=$(compile "$from" "$scratch/one_line.cpp") || wrong "#include \"runtime/check.hpp\" fails in $from/: $output"
done

printf '%d pairs of layers looked at, %d wrong\n' "$checked" "$failures"
((failures == 0 && checked > 0))
