# Sourced by the end-to-end scripts: runs the program and compares what it did with what it should do.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0 checks=0

wrong() {
  printf 'wrong: %s\n' "$*"
  failures=$((failures + 1))
}

# try <status> <argument>...: runs the program; its output is in $out and $err afterwards.
try() {
  local expected=$1 status=0
  shift
  checks=$((checks + 1))
  last="$*"
  "$program" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
  out=$(<"$scratch/out") err=$(<"$scratch/err")
  if [[ $status != "$expected" ]]; then
    wrong "$last: exit status $status, not $expected"
    printf '%s\n' "$out" "$err" | tail -n 15
  fi
}

# says <text>, complains <text>: stdout or stderr of the last try has it.
says() {
  checks=$((checks + 1))
  [[ $out == *"$1"* ]] || wrong "$last: stdout does not say: $1"$'\n'"$out"
}
says_not() {
  checks=$((checks + 1))
  [[ $out != *"$1"* ]] || wrong "$last: stdout says: $1"
}
complains() {
  checks=$((checks + 1))
  [[ $err == *"$1"* ]] || wrong "$last: stderr does not say: $1"$'\n'"$err"
}
# refuses <text> <argument>...: wrong usage, explained in one line on stderr.
refuses() {
  local text=$1
  shift
  try 2 "$@"
  complains "$text"
  [[ $(wc -l <"$scratch/err") == 1 ]] || wrong "$last: not one line on stderr: $err"
}
file_has() {
  checks=$((checks + 1))
  grep -qF -- "$2" "$1" || wrong "$last: $1 does not have: $2"
}

finish() {
  printf '%d checks, %d wrong\n' "$checks" "$failures"
  ((failures == 0 && checks > 0))
}
