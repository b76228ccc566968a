#!/usr/bin/env bash
# What must not stand in the sources, above all what would make a run differ from its repetition. A comment may say it.
# --self-test: shows that each rule finds what it is for, and spares what looks like it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${ORRERY_SOURCE:-$(dirname "$(dirname "$here")")}
allowed=$here/allowed.txt

code="runtime sim real-mode services faults properties scenarios viz cli tests bench"
simulated="sim services faults properties scenarios"

# rule <name> <folders> <regular expression (PCRE)> <why, and what to use> <example that it finds>…
# A line with the comment "// lookup only" is spared by the rules whose name starts with "order-".
names=() folders=() patterns=() reasons=() examples=()
rule() {
  names+=("$1") folders+=("$2") patterns+=("$3") reasons+=("$4")
  examples+=("$(printf '%s\n' "${@:5}")")
}

rule include-parent "$code" '#\s*include\s+["<]\.\./' 'climbs out of its include window' '#include "../sim/kernel.hpp"'
rule include-parser "runtime services faults properties scenarios viz cli" '#\s*include\s+["<]pg_query' \
  'only sim/ knows the parser' '#include <pg_query.h>'
rule include-boost "runtime $simulated viz" '#\s*include\s+["<]boost/' \
  'Boost belongs to real-mode/' '#include <boost/asio.hpp>'
rule clock "$simulated" \
  '\b(system_clock|steady_clock|high_resolution_clock|utc_clock|file_clock|clock_gettime|gettimeofday|timespec_get)\b|(?<![\w.>:])time\s*\(\s*(NULL|nullptr|0|&)|\bstd::(time|clock)\s*\(|\b(localtime|gmtime|mktime)(_r)?\s*\(' \
  'the time is the virtual clock of the world' \
  'auto t = std::chrono::steady_clock::now();' 'using std::chrono::system_clock;' 'long t = time(nullptr);' 'std::time(&t);'
rule sleep "$simulated" '\bthis_thread\b|(?<![\w.>:])(::)?(u|nano)?sleep\s*\(\s*\d' 'sleep on the clock of the context' \
  'std::this_thread::sleep_for(1s);' 'usleep(10);'
rule random "$simulated" \
  '\brandom_device\b|\bstd::\w+_distribution\b|\bstd::(mt19937|minstd_rand|default_random_engine|ranlux|knuth_b)|\bstd::(ranges::)?(shuffle|sample|random_shuffle)\b|(?<![\w.>:])(std::|::)?(s?rand|[dlm]rand48|arc4random\w*|getrandom|getentropy)\s*\(|/dev/u?random' \
  'every decision is drawn from the seed, with our own distributions' \
  'std::random_device device;' 'std::uniform_int_distribution<int> d(1, 6);' 'int x = std::rand();' 'if (rand() % 2) {' \
  'std::shuffle(a, b, c);' 'open("/dev/urandom");'
rule order-unordered "$simulated" '\bstd::unordered_\w+' \
  'its order differs between builds; use std::map, or end the line with "// lookup only" if nobody ever iterates it' \
  'std::unordered_map<int, int> rows_;'
rule order-pointers "$simulated" \
  '\bstd::(multi)?(map|set)<\s*(const\s+)?[\w:]+(<[^<>]*>)?\s*(const\s*)?\*|\bstd::(hash|less|greater)<[^<>]*\*\s*>' \
  'addresses differ between runs; order by a number, or end the line with "// lookup only" if nobody ever iterates it' \
  'std::map<Task*, int> waiting_;' 'std::set<const sim::Host*> hosts;' 'std::hash<Host*>{}(host)'
rule address-in-text "$simulated" '\bfmt::ptr\s*\(' 'addresses differ between runs' 'fmt::format("{}", fmt::ptr(task));'
rule threads "$simulated" \
  '\bstd::(jthread|thread|async|mutex|shared_mutex|recursive_mutex|timed_mutex|condition_variable\w*|call_once|counting_semaphore|latch|barrier)\b|\bpthread_\w+' \
  'a world is one thread' 'std::thread worker;' 'std::async(f);' 'std::mutex mutex_;'
rule environment "$simulated" '\b(secure_)?getenv\b' 'a run depends on its seed and plan alone' 'std::getenv("HOME");'

spared=(
  'Time time() const { return now_; }' 'clock_.time(0);' 'context.random.uniform(1, 6);' 'co_await clock.sleep(10ms);'
  'int brand(int x);' 'std::map<std::string, Host*> hosts_;' 'std::unordered_map<int, int> rows_;  // lookup only'
  'std::map<Task*, int> waiting_;  // lookup only' '// std::random_device is not used here' '#include <unordered_map>'
  'std::vector<Task*> tasks;' 'rc::gen::elementOf(std::set<int>{});' 'std::chrono::milliseconds latency;' 'strand(1);')

# The pattern outside of a line comment.
outside_comments() { printf '^(?:(?!//).)*?(?:%s)' "$1"; }
spared_by_comment() { [[ $1 == order-* ]] && printf '// lookup only' || printf '$^'; }

if [[ ${1-} == --self-test ]]; then
  failures=0
  for i in "${!names[@]}"; do
    pattern=$(outside_comments "${patterns[i]}")
    while IFS= read -r example; do
      if ! grep -qP "$pattern" <<<"$example"; then
        printf 'rule %s does not find: %s\n' "${names[i]}" "$example"
        failures=$((failures + 1))
      fi
    done <<<"${examples[i]}"
    for line in "${spared[@]}"; do
      if grep -P "$pattern" <<<"$line" | grep -vqF "$(spared_by_comment "${names[i]}")"; then
        printf 'rule %s must spare: %s\n' "${names[i]}" "$line"
        failures=$((failures + 1))
      fi
    done
  done
  printf '%d rules, %d wrong\n' "${#names[@]}" "$failures"
  exit $((failures > 0))
fi

# is_allowed <rule> <file>: allowed.txt has "<rule> <file pattern> <reason>" lines.
is_allowed() {
  local name pattern reason
  while read -r name pattern reason; do
    # shellcheck disable=SC2053  # the pattern is one
    [[ $name != "$1" || $2 != $pattern || -z $reason ]] || return 0
  done < <(sed -e 's/^#.*//' -e '/^ *$/d' "$allowed")
  return 1
}

cd "$top"
found=0 files=0
for i in "${!names[@]}"; do
  paths=()
  for folder in ${folders[i]}; do
    [[ ! -d $folder ]] || paths+=("$folder")
  done
  ((${#paths[@]})) || continue
  while IFS=: read -r file line text; do
    ! is_allowed "${names[i]}" "$file" || continue
    printf '%s:%s: %s: %s\n    %s\n' "$file" "$line" "${names[i]}" "${reasons[i]}" "$text"
    found=$((found + 1))
  done < <(grep -rnP --include='*.[ch]pp' "$(outside_comments "${patterns[i]}")" "${paths[@]}" |
    grep -vF "$(spared_by_comment "${names[i]}")")
done
# shellcheck disable=SC2086  # a list of folders, some of which may not exist yet
files=$( (find $code -name '*.[ch]pp' 2>/dev/null || true) | wc -l)
printf '%d rules, %d files, %d found\n' "${#names[@]}" "$files" "$found"
((found == 0 && files > 0))
