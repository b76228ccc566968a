#!/usr/bin/env bash
# Programs of PostgreSQL itself, unchanged, against orrery sql --wire: psql, pgbench, isolationtester. What is not installed is
# skipped, loudly.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
cd "$scratch" || exit 1

missing() { printf 'SKIPPED: %s is not installed, so it was not tried\n' "$1"; }

serve() {
  : >listening
  "$program" sql --wire 0 --natural-order >listening &
  server=$!
  for _ in {1..600}; do
    port=$(sed -n 's/^listening on 127.0.0.1 port \([0-9]*\);.*/\1/p' listening)
    [[ -z $port ]] || break
    sleep 0.05
  done
  export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=10
}
trap 'kill -INT "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
serve
checks=$((checks + 1))
[[ -n $port ]] || wrong "it does not listen: $(<listening)"

if command -v psql >/dev/null; then
  last=psql
  out=$(psql -X -c 'CREATE TABLE t (a int PRIMARY KEY, b text)' -c "INSERT INTO t VALUES (1, 'x'), (2, NULL)" -c 'TABLE t' \
    -c 'SELECT nope FROM t' -c '\echo :SQLSTATE' -c '\d t' 2>&1)
  says $' a | b \n---+---\n 1 | x\n 2 | \n(2 rows)'
  says $'ERROR:  column "nope" does not exist\nLINE 1: SELECT nope FROM t\n               ^'
  says 42703
  says $'                 Table "public.t"\n Column |  Type   | Collation | Nullable | Default \n'
  says $'Indexes:\n    "t_pkey" PRIMARY KEY, btree (a)'
  out=$(psql -X -c '\dt' -c '\dn' -c 'SELECT * FROM pg_statistic' 2>&1)
  says $'        List of relations\n Schema | Name | Type  |  Owner   \n--------+------+-------+----------\n public | t    | table | postgres\n(1 row)'
  says ' public | pg_database_owner'
  says 'not supported in the simulated database: system catalog pg_statistic'
  # A session that waits for a lock holds up nobody else, and goes on when the lock is free.
  (
    printf 'BEGIN; UPDATE t SET b = 1 WHERE a = 1;\n'
    for ((i = 0; i < 600; ++i)); do [[ ! -e enough ]] || break; sleep 0.05; done
    printf 'COMMIT;\n'
  ) | psql -X -q >holder 2>&1 &
  for ((i = 0; i < 600; ++i)); do
    out=$(psql -X -At -c "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'UPDATE%'")
    [[ $out != 1 ]] || break
    sleep 0.05
  done
  psql -X -q -c "UPDATE t SET b = b || '2' WHERE a = 1" >waiter 2>&1 &
  waiter=$!
  for ((i = 0; i < 600; ++i)); do
    out=$(psql -X -At -c "SELECT w.query, w.wait_event, h.state FROM pg_stat_activity w, pg_stat_activity h WHERE h.pid = ANY (pg_blocking_pids(w.pid))")
    [[ -z $out ]] || break
    sleep 0.05
  done
  says "UPDATE t SET b = b || '2' WHERE a = 1|transactionid|idle in transaction"
  out=$(psql -X -At -c 'SELECT b FROM t WHERE a = 1')
  checks=$((checks + 1))
  [[ $out == x ]] || wrong "a reader does not see the committed row: $out"
  touch enough
  wait "$waiter"
  out=$(psql -X -At -c 'SELECT b FROM t WHERE a = 1')
  checks=$((checks + 1))
  [[ $out == 12 ]] || wrong "the waiting update did not go on: $out"
  printf '3\tthree\n4\t\\N\n' | psql -X -q -c 'COPY t FROM STDIN' >copied 2>&1
  out=$(psql -X -c 'COPY (SELECT * FROM t ORDER BY a) TO STDOUT' 2>&1)
  says $'1\t12\n2\t\\N\n3\tthree\n4\t\\N'
  out=$(printf '5,five\n6,six,\n' | psql -X -c 'COPY t FROM STDIN (FORMAT csv)' 2>&1)
  says $'ERROR:  extra data after last expected column\nCONTEXT:  COPY t, line 2: "6,six,"'
  # Ctrl-C sends a CancelRequest.
  psql -X -c 'SELECT pg_sleep(60)' >cancelled 2>&1 &
  sleeper=$!
  for ((i = 0; i < 600; ++i)); do
    out=$(psql -X -At -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'")
    [[ $out != 1 ]] || break
    sleep 0.05
  done
  kill -INT "$sleeper"
  wait "$sleeper"
  file_has cancelled 'ERROR:  canceling statement due to user request'
else
  missing psql
fi

if command -v pgbench >/dev/null; then
  last=pgbench
  pgbench -i -q >initialised 2>&1 || wrong "pgbench -i: $(<initialised)"
  for mode in simple extended prepared; do
    for script in -S -N '--builtin=tpcb-like'; do
      checks=$((checks + 1))
      pgbench -n -M "$mode" "$script" -c 4 -t 25 >ran 2>&1 || wrong "pgbench -M $mode $script: $(<ran)"
      file_has ran 'number of transactions actually processed: 100/100'
      file_has ran 'number of failed transactions: 0 '
    done
  done
  last='pgbench, money'
  if command -v psql >/dev/null; then
    out=$(psql -X -At -c 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history),
      (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers)')
    says 't|t'
  fi
else
  missing pgbench
fi

tester=$(ls /usr/lib/postgresql/*/lib/pgxs/src/test/isolation/isolationtester 2>/dev/null | tail -n 1)
if [[ -n $tester ]]; then
  specs=$ORRERY_SOURCE/tests/data/postgres-isolation
  for name in nowait deadlock-simple deadlock-soft fk-contention insert-conflict-do-update skip-locked timeouts; do
    last="isolationtester $name"
    checks=$((checks + 1))
    timeout 60 "$tester" "" <"$specs/specs/$name.spec" >out 2>err
    cmp -s out "$specs/expected/$name.out" || wrong "$last: $(diff out "$specs/expected/$name.out" | head -5) $(<err)"
  done
else
  missing isolationtester
fi

# The port is taken; and SIGINT ends the server cleanly.
try 4 sql --wire "$port"
complains 'cannot listen on 127.0.0.1'
kill -INT "$server"
wait "$server"
status=$?
checks=$((checks + 1))
[[ $status == 0 ]] || wrong "SIGINT: exit status $status"
finish
