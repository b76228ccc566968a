#!/usr/bin/env bash
# compose_test.sh PROGRAM: the systems of real-mode/compose.yaml and of compose.media.yaml for real. The image holds PROGRAM (built on Debian 12), or builds it
# if $ORRERY_COMPOSE_BUILD is set. dockerd runs with data of its own, when it runs the system in a network namespace without a way
# out; images that registries have are made of Debian packages, under the official names. Needs root, docker.io, docker-compose,
# debootstrap and some 2 GB in $TMPDIR. Where dockerd cannot be started it says so and ends well: nothing was tested then.
set -euo pipefail
program=$(readlink -f "${1:?usage: compose_test.sh PROGRAM}")
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(readlink -f "$here/../..")
say() { printf 'compose_test.sh: %s\n' "$*" >&2; }
not_tested() { say "NOT TESTED: $*"; exit 0; }
fail() { say "FAILED: $*"; exit 1; }

((EUID == 0)) || not_tested "dockerd needs root"
for tool in dockerd docker-compose debootstrap nsenter ip curl; do
  command -v $tool >/dev/null || not_tested "$tool is missing (Debian: docker.io docker-compose debootstrap iproute2 curl)"
done
docker=/usr/bin/docker  # Debian's: BuildKit is built in
home=$(mktemp -d)
namespace=orrery-$$
forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
export DOCKER_HOST=unix://$home/socket
daemon=

finish() {
  [[ -z $daemon ]] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null || true
  ip netns delete "$namespace" 2>/dev/null || true
  echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
  grep -o "$home[^ ]*" /proc/mounts | sort -r | xargs -r umount -l 2>/dev/null || true
  rm -rf "$home"
}
trap finish EXIT
trap 'exit 130' INT TERM

start_daemon() {  # <command before it...> -- <option...>
  local before=()
  while [[ $1 != -- ]]; do before+=("$1"); shift; done
  shift
  "${before[@]}" dockerd --data-root "$home/data" --exec-root "$home/exec" -p "$home/pid" -H "$DOCKER_HOST" \
    --storage-driver=overlay2 "$@" >>"$home/dockerd.log" 2>&1 &
  daemon=$!
  for ((i = 0; i < 100; ++i)); do
    ! "$docker" info >/dev/null 2>&1 || return 0
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.1
  done
  daemon=
  return 1
}

start_daemon -- --iptables=false --bridge=none || not_tested "dockerd does not start: $(tail -n 1 "$home/dockerd.log")"
if [[ -n ${ORRERY_BASE_IMAGE-} ]]; then  # a tar file of Debian 12's root, to be faster
  "$docker" import - debian:bookworm-slim <"$ORRERY_BASE_IMAGE" >/dev/null
else
  say "making Debian's base image"
  debootstrap --variant=minbase bookworm "$home/root" >"$home/debootstrap.log" 2>&1 || not_tested "debootstrap failed"
  tar -C "$home/root" -c . | "$docker" import - debian:bookworm-slim >/dev/null
  rm -rf "$home/root"
fi
export DOCKER_BUILDKIT=1
for image in postgres:15 redis:7 nginx:1.22 prom/prometheus:v2.42.0; do
  name=${image%%:*}
  say "making $image"
  "$docker" build --network=host -t "$image" -f "$here/images/${name##*/}.Dockerfile" "$here/images" >"$home/build.log" 2>&1 ||
    { tail -n 20 "$home/build.log" >&2; fail "cannot build $image"; }
done
say "making orrery:dev"
arguments=()
if [[ -z ${ORRERY_COMPOSE_BUILD-} ]]; then
  mkdir -p "$top/build/image"
  strip -o "$top/build/image/orrery" "$program"
  arguments=(--build-arg PROGRAM=prebuilt)
fi
"$docker" build --network=host "${arguments[@]}" -t orrery:dev -f "$top/real-mode/Dockerfile" "$top" >"$home/build.log" 2>&1 ||
  { tail -n 40 "$home/build.log" >&2; fail "cannot build orrery:dev"; }
say "orrery:dev: $("$docker" image inspect -f '{{.Size}}' orrery:dev) bytes, user $("$docker" image inspect -f '{{.Config.User}}' orrery:dev)"
kill "$daemon" && wait "$daemon" || true
echo "$forwarding" >/proc/sys/net/ipv4/ip_forward

ip netns add "$namespace"
ip -n "$namespace" link set lo up
inside=(nsenter "--net=/run/netns/$namespace")
start_daemon "${inside[@]}" -- || not_tested "dockerd does not start in a network namespace: $(tail -n 1 "$home/dockerd.log")"
sed 's/change-me/secret/' "$top/real-mode/compose/env.sample" >"$home/env"
compose=(docker-compose -p orrery --env-file "$home/env" -f "$top/real-mode/compose.yaml" -f "$top/real-mode/compose.drive.yaml")
trap 'status=$?; "${compose[@]}" logs --no-color --tail=30 >&2 || true; exit $status' ERR
say "starting the system"
"${compose[@]}" --profile monitoring up -d --no-build >"$home/up.log" 2>&1 || {
  tail -n 20 "$home/up.log" >&2
  "${compose[@]}" logs --no-color --tail=8 >&2
  fail "docker-compose up"
}
get() { "${inside[@]}" curl -sS --max-time 5 "$@"; }

for ((i = 0; ; ++i)); do
  [[ $(get -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/healthz 2>/dev/null) != 200 ]] || break
  ((i < 120)) || { "${compose[@]}" ps >&2; fail "the gateway does not answer"; }
  sleep 0.5
done
for service in postgres redis mail user notification; do
  for ((i = 0; ; ++i)); do
    bad=
    for container in $("${compose[@]}" ps -q $service); do
      [[ $("$docker" inspect -f '{{.State.Health.Status}}' "$container") == healthy ]] || bad=$container
    done
    [[ -n $bad ]] || break
    ((i < 60)) || fail "$service is not healthy"
    sleep 0.5
  done
done
[[ $("${compose[@]}" ps -q user | wc -l) == 2 ]] || fail "not two replicas of user"

[[ $(get -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/metrics) == 404 ]] || fail "the gateway shows the metrics"
for port in 5432 6379; do
  ! "${inside[@]}" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null || fail "port $port is published"
done
for ((i = 0; ; ++i)); do
  up=$(get 'http://127.0.0.1:9090/api/v1/query?query=sum(up)' | sed -n 's/.*"value":\[[^,]*,"\([0-9]*\)".*/\1/p' || true)
  [[ $up != 5 ]] || break
  ((i < 60)) || fail "Prometheus sees ${up:-none} of 5 processes"
  sleep 0.5
done

say "the driver runs the scenario; a replica of each service is killed meanwhile"
"${compose[@]}" run -T --rm -e DRIVE_FOR=15s driver drive user-notification --config /etc/orrery/driver.json --events /events \
  --for 15s --settle 50s >"$home/drive.log" 2>&1 &
driver=$!
sleep 6
for service in user notification; do
  "$docker" kill "$("${compose[@]}" ps -q $service | head -n 1)" >/dev/null
done
sleep 3
"${compose[@]}" up -d --no-build --no-recreate user notification >>"$home/up.log" 2>&1
status=0
wait "$driver" || status=$?
cat "$home/drive.log"
((status == 0)) || fail "the driver ended with status $status"
grep -q 'held user-notification' "$home/drive.log" || fail "the driver says nothing"
created=$(get -X POST -H 'Content-Type: application/json' -H 'Idempotency-Key: k-1' -d '{"email":"ada@example.com","name":"Ada"}' \
  http://127.0.0.1:8080/users)
grep -q '"id"' <<<"$created" || fail "no user was created: $created"
again=$(get -X POST -H 'Content-Type: application/json' -H 'Idempotency-Key: k-1' -d '{"email":"ada@example.com","name":"Ada"}' \
  http://127.0.0.1:8080/users)
[[ $again == "$created" ]] || fail "the same key gave another answer: $again"
refused=$("${compose[@]}" run -T --rm driver 2>&1) && fail "a second driver judges a system that was used" || true
grep -q 'has rows already' <<<"$refused" || fail "a second driver says: $refused"
[[ $(get 'http://127.0.0.1:9090/api/v1/rules' | grep -o '"health":"ok"' | wc -l) -ge 13 ]] || fail "a rule is not evaluated"
trap - ERR
"${compose[@]}" down -v >>"$home/up.log" 2>&1
source "$here/media.sh"
say "everything held"
