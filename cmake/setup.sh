# shellcheck shell=bash disable=SC2154
# Shared by ./orrery and ./check, which set $top (the repository) and $me (their name in messages).

say() { printf '%s: %s\n' "$me" "$*" >&2; }

# show_failure <log>: the compiler's and linker's complaints, or else how it ended.
show_failure() {
  grep -aE -m 20 -A 4 '^CMake Error| (fatal error|error|warning): |undefined (symbol|reference)' "$1" || tail -n 40 "$1"
}

# fail <log> <message>: shows what is wrong and gives up. Status 4: the world could not be set up.
fail() {
  show_failure "$1" >&2
  say "$2 (all of it: $1)"
  exit 4
}

# Lines of packages.txt of which no group is installed in full.
missing_needs() {
  local installed need group package
  installed=" $(dpkg-query -W -f '${db:Status-Abbrev}:${Package}\n' | sed -n 's/^.i *://p' | tr '\n' ' ') "
  sed -e 's/#.*//' -e '/^ *$/d' "$top/cmake/packages.txt" | while read -r need; do
    while read -r group; do
      for package in $group; do
        [[ $installed == *" $package "* ]] || continue 2
      done
      continue 2
    done < <(tr '|' '\n' <<<"$need")
    printf '%s\n' "$need"
  done
}

# install_packages <log>
install_packages() {
  local log=$1 needs need group package as_root=() packages=() unknown=()
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    command -v cmake >/dev/null && command -v ninja >/dev/null && return  # someone provided for it, let CMake look
    say "this system has no apt; install what Debian calls: $(grep -v '^#' "$top/cmake/packages.txt" | tr '\n' ' ')"
    exit 4
  fi
  needs=$(missing_needs)
  [[ -n $needs ]] || return 0
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      say "missing packages, and neither root nor sudo to install them: ${needs//$'\n'/, }"
      exit 4
    fi
    as_root=(sudo)
  fi
  say "some packages are missing: apt-get update"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q)
  "${as_root[@]}" update >>"$log" 2>&1 </dev/null || say "apt-get update failed, going on with the lists there are"
  # shellcheck disable=SC2086,SC2206  # a group is several words
  while read -r need; do
    while read -r group; do
      for package in $group; do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || continue 2
      done
      packages+=($group)
      continue 2
    done < <(tr '|' '\n' <<<"$need")
    unknown+=("$need")
  done <<<"$needs"
  if ((${#unknown[@]})); then
    say "apt has no package for: $(printf '%s, ' "${unknown[@]}")on $(. /etc/os-release && echo "$PRETTY_NAME")" \
      "(Debian 12, Debian 13 and Ubuntu 24.04 have them)"
    exit 4
  fi
  say "apt-get install ${packages[*]}"
  "${as_root[@]}" install -y --no-install-recommends "${packages[@]}" >>"$log" 2>&1 </dev/null ||
    fail "$log" "apt-get install failed"
}

# configure <preset>: a build tree that does not fit any more (moved, another compiler) is configured afresh.
configure() (
  cd "$top" || exit
  if [[ -e build/$1/CMakeCache.txt ]]; then
    cmake --preset "$1" || cmake --preset "$1" --fresh
  else
    cmake --preset "$1"
  fi
)
