# shellcheck shell=bash disable=SC2154
# Sourced by compose_test.sh: the system of real-mode/compose.media.yaml, with its functions and its docker daemon.
sed 's/change-me/secret/' "$top/real-mode/compose/media/env.sample" >"$home/media.env"
compose=(docker-compose -p mediahub --env-file "$home/media.env" -f "$top/real-mode/compose.media.yaml"
         -f "$top/real-mode/compose.media.drive.yaml")
trap 'status=$?; "${compose[@]}" logs --no-color --tail=30 >&2 || true; exit $status' ERR
say "starting MediaHub"
"${compose[@]}" up -d --no-build >"$home/media-up.log" 2>&1 || {
  tail -n 20 "$home/media-up.log" >&2
  "${compose[@]}" logs --no-color --tail=8 >&2
  fail "docker-compose up of MediaHub"
}
for service in events command query album notification saga gateway frontend; do
  for ((i = 0; ; ++i)); do
    bad=
    for container in $("${compose[@]}" ps -q media-$service); do
      [[ $("$docker" inspect -f '{{.State.Health.Status}}' "$container") == healthy ]] || bad=$container
    done
    [[ -n $bad ]] || break
    ((i < 240)) || fail "media-$service is not healthy"
    sleep 0.5
  done
done
[[ $("${compose[@]}" ps -q media-saga | wc -l) == 2 ]] || fail "not two replicas of media-saga"

# First: a driver judges a system from its beginning.
say "the driver runs media-upload; a replica of the saga and one of the event store are killed meanwhile"
"${compose[@]}" run -T --rm driver drive media-upload --config /etc/orrery/driver.json --events /events \
  --for 15s --settle 80s >"$home/media-drive.log" 2>&1 &
driver=$!
sleep 6
for service in saga events; do
  "$docker" kill "$("${compose[@]}" ps -q media-$service | head -n 1)" >/dev/null
done
sleep 3
"${compose[@]}" up -d --no-build --no-recreate media-saga media-events >>"$home/media-up.log" 2>&1
status=0
wait "$driver" || status=$?
cat "$home/media-drive.log"
((status == 0)) || fail "MediaHub's driver ended with status $status"
grep -q 'held media-upload' "$home/media-drive.log" || fail "MediaHub's driver says nothing"

say "somebody uploads a picture"
token=$(get -d '{"user": "visitor"}' http://127.0.0.1:8080/auth/dev-token | sed -nE 's/.*"token":"([^"]+)".*/\1/p')
[[ -n $token ]] || fail "MediaHub gives no token"
base64 -d "$top/tests/frontend/picture.png.base64" >"$home/picture.png"
status=$(get -o "$home/answer" -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: image/png' \
  --data-binary "@$home/picture.png" 'http://127.0.0.1:8080/media?filename=sunset.png')
[[ $status == 201 ]] || fail "upload: $status $(<"$home/answer")"
for ((i = 0; ; ++i)); do
  ! get -H "Authorization: Bearer $token" http://127.0.0.1:8080/notifications | grep -q sunset || break
  ((i < 120)) || fail "the upload's saga is not completed: $(get -H "Authorization: Bearer $token" http://127.0.0.1:8080/sagas)"
  sleep 0.5
done
get http://127.0.0.1:3000/ | grep -q '<meta name="gateway" content="http://localhost:8080">' || fail "the debug page does not know its gateway"
[[ $(get -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/metrics) == 404 ]] || fail "the entrance shows the metrics"
trap - ERR
"${compose[@]}" down -v >>"$home/media-up.log" 2>&1
