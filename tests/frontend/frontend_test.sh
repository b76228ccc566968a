#!/usr/bin/env bash
# The debug page of MediaHub in headless Chromium, against the seven services and itself as processes, each with a configuration of
# its own. What was uploaded through the gateway must stand in the page's tables: one upload that is completed, one that is undone.
# With $ORRERY_SCREENSHOT a picture of the page is left there (.png).
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
fail() { printf 'frontend_test.sh: %s\n' "$*" >&2; exit 1; }
browser=$(command -v chromium || command -v chromium-browser) || fail "there is no Chromium (Debian: chromium)"
if [[ ${1-} != inside ]]; then
  exec bash "$ORRERY_SOURCE/bench/with_postgres.sh" bash "${BASH_SOURCE[0]}" inside
fi

scratch=$(mktemp -d)
processes=()
finish() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT

wait_for() {  # <file> <pattern>: the first group of the pattern
  local found
  for ((i = 0; i < 400; ++i)); do
    found=$(sed -nE "s/.*$2.*/\1/p" "$1" 2>/dev/null | head -n 1) || true  # the file may not be there yet
    [[ -z $found ]] || { printf '%s' "$found"; return; }
    sleep 0.05
  done
  cat "$1" >&2
  fail "$1 does not say $2"
}

# Ports are chosen by the system, so a process starts after those that it calls; but some call each other, and the page and the
# gateway must know each other's origin: those get ports that were free a moment ago.
free_ports() { node -e '
  const net = require("net"), servers = [];
  const next = n => n === 0 ? (console.log(servers.map(s => s.address().port).join(" ")), servers.forEach(s => s.close()))
    : servers[servers.push(net.createServer()) - 1].listen(0, "127.0.0.1", () => next(n - 1));
  next(+process.argv[1]);' "$1"; }
read -r gateway_port command_port query_port album_port events_port saga_port notice_port page_port < <(free_ports 8)
gateway=http://127.0.0.1:$gateway_port page=http://127.0.0.1:$page_port

peers="{\"media-command\": [\"127.0.0.1:$command_port\"], \"media-query\": [\"127.0.0.1:$query_port\"],
        \"media-album\": [\"127.0.0.1:$album_port\"], \"media-events\": [\"127.0.0.1:$events_port\"],
        \"media-saga\": [\"127.0.0.1:$saga_port\"], \"media-notification\": [\"127.0.0.1:$notice_port\"]}"
start() {  # <service> <port> <database, or nothing> <settings>
  local database=
  if [[ -n $3 ]]; then
    psql -q "$ORRERY_POSTGRES" -c "CREATE DATABASE $3"
    database="\"$3\": \"${ORRERY_POSTGRES/dbname=postgres/dbname=$3}\""
  fi
  cat >"$scratch/$1.json" <<JSON
{"host": "$1-1", "listen": "127.0.0.1:$2", "peers": $peers, "databases": {$database},
 "files": {"media_files": "$scratch/files"}, "settings": $4}
JSON
  "$ORRERY" serve "$1" --config "$scratch/$1.json" --migrate 2>"$scratch/$1.log" &
  processes+=($!)
}
fast='{"poll": "100ms"}'
start media-events "$events_port" event_db '{}'
start media-command "$command_port" '' '{"media": {"thumbnail_px": 40}}'
start media-query "$query_port" query_db "{\"projection\": $fast}"
start media-album "$album_port" album_db "{\"projection\": $fast}"
start media-notification "$notice_port" notice_db "{\"projection\": $fast}"
start media-saga "$saga_port" saga_db "{\"feed\": $fast, \"runner\": $fast}"
start media-gateway "$gateway_port" '' "{\"origins\": \"$page\"}"
start media-frontend "$page_port" '' "{\"gateway\": \"$gateway\"}"
for service in events command query album notification saga gateway frontend; do
  wait_for "$scratch/media-$service.log" '"address":"127.0.0.1:([0-9]+)"' >/dev/null
done

# Two uploads: a picture, and one of which the end is missing, so that its saga fails and undoes it.
token=$(curl -sS --max-time 10 -d '{"user": "ada"}' "$gateway/auth/dev-token" | sed -nE 's/.*"token":"([^"]+)".*/\1/p')
[[ -n $token ]] || fail "no token"
ask() { curl -sS --max-time 10 -H "Authorization: Bearer $token" "$@"; }

base64 -d "$here/picture.png.base64" >"$scratch/whole.png"
head -c $(($(stat -c %s "$scratch/whole.png") / 2)) "$scratch/whole.png" >"$scratch/cut.png"
upload() {
  ask -o "$scratch/answer" -w '%{http_code}' -H 'Content-Type: image/png' -H "Idempotency-Key: $1" --data-binary "@$scratch/$1.png" \
    "$gateway/media?filename=$2"
}
status=$(upload whole 'sunset%20%3Cb%3E.png')
[[ $status == 201 ]] || fail "upload: $status $(<"$scratch/answer")"
status=$(upload cut broken.png)
[[ $status == 201 ]] || fail "upload: $status $(<"$scratch/answer")"
ended() { ask "$gateway/sagas?state=$1" | grep -q '"state"'; }
noticed() { ask "$gateway/notifications" | grep -q 'sunset'; }
for ((i = 0; ; ++i)); do
  if ended completed && ended compensated && noticed && ask "$gateway/media" | grep -q '"has_thumbnail":true'; then break; fi
  ((i < 200)) || fail "the sagas do not end: $(ask "$gateway/sagas")"
  sleep 0.1
done

chromium() {
  timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$scratch/profile" \
    --window-size=1500,1250 --virtual-time-budget=5000 "$@" 2>"$scratch/chromium.log"
}
chromium --enable-logging=stderr --dump-dom "$page/?user=ada" >"$scratch/dom.html" || fail "chromium: $(tail -n 5 "$scratch/chromium.log")"
[[ -z ${ORRERY_SCREENSHOT-} ]] || chromium --screenshot="$ORRERY_SCREENSHOT" "$page/?user=ada"

failures=0
has() { grep -qE -- "$1" "$scratch/dom.html" || { printf 'the page does not show: %s\n' "$1" >&2; failures=$((failures + 1)); }; }
has_not() { ! grep -qE -- "$1" "$scratch/dom.html" || { printf 'the page shows: %s\n' "$1" >&2; failures=$((failures + 1)); }; }
has 'id="status"[^>]*>up to date'
has '<tr[^>]*data-state="completed"'
has '<tr[^>]*data-state="compensated"'
has 'data-step="album" data-state="done"'
has 'data-step="thumbnail" data-state="compensated"'
has 'data-step="album" data-state="pending"'
has 'undone in 1'
has 'sunset &lt;b&gt;.png<div class="muted">image/png'      # a name is text, whatever it is
has_not '<b>.png'
has '<img src="blob:[^"]*" alt="thumbnail of sunset'
has 'data-state="processed"'
has 'data-state="default"'
has 'sunset &lt;b&gt;.png is in your album'
has 'mark as read'
for event in MediaUploaded MediaProcessed MediaProcessingFailed MediaCompensated AlbumCreated MediaAddedToAlbum NotificationSent; do
  has "data-event=\"$event\""
done
uploads=$(grep -o 'data-event="MediaUploaded"' "$scratch/dom.html" | wc -l)
[[ $uploads == 2 ]] || { printf 'the page shows %s uploads, not 2\n' "$uploads" >&2; failures=$((failures + 1)); }
has_not 'src="http|href='  # nothing from elsewhere
! grep -E 'CONSOLE.*(Refused|Uncaught|SyntaxError|blocked by CORS)' "$scratch/chromium.log" >&2 || failures=$((failures + 1))

policy=$(curl -sS --max-time 10 -D - -o /dev/null "$page/" | tr -d '\r' | sed -n 's/^[Cc]ontent-[Ss]ecurity-[Pp]olicy: //p')
[[ $policy == *"default-src 'none'"* && $policy == *"connect-src $gateway"* ]] || fail "the policy is: $policy"
status=$(ask -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer no' "$gateway/events")
[[ $status == 401 ]] || fail "events without a token: $status"
((failures == 0)) || { tr '\n' ' ' <"$scratch/dom.html" | sed 's/.*<main>/<main>/; s/<script.*//' | head -c 6000 >&2; fail "$failures of the page's facts are wrong"; }

for process in "${processes[@]}"; do kill "$process"; done
for process in "${processes[@]}"; do wait "$process" || fail "a process ended with $?: $(tail -qn 1 "$scratch"/*.log)"; done
processes=()
