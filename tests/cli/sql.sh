#!/usr/bin/env bash
# orrery sql: what psql's users expect of a script, sessions that wait for each other, errors, isolation specs.
set -uo pipefail
program=$ORRERY
source "$ORRERY_SOURCE/tests/own_program/helpers.sh"
cd "$scratch" || exit 1

# prints <<<text: the whole of the last try's stdout.
prints() {
  checks=$((checks + 1))
  local wanted
  wanted=$(cat)
  [[ $out == "$wanted" ]] || wrong "$last prints something else:"$'\n'"$(diff <(echo "$wanted") <(echo "$out"))"
}

cat >script.sql <<'SQL'
-- statements may span lines; quotes, dollar quotes and comments hide semicolons
CREATE TABLE accounts (id int PRIMARY KEY,
                       owner text NOT NULL, cents int DEFAULT 0 CHECK (cents >= 0));
INSERT INTO accounts VALUES (1, 'ann;a', 100), (2, $$b;ob$$, NULL); SELECT /* ; */ * FROM accounts ORDER BY id;
SELECT nope
  FROM accounts;
INSERT INTO accounts VALUES (1, 'cid');
SELECT 'two
lines' AS t, 2.50 AS n;
DROP TABLE IF EXISTS nothing;
SHOW lock_timeout
SQL
try 0 sql script.sql
prints <<'OUT'
CREATE TABLE
INSERT 0 2
 id | owner | cents 
----+-------+-------
  1 | ann;a |   100
  2 | b;ob  |      
(2 rows)

ERROR:  column "nope" does not exist
LINE 1: SELECT nope
               ^
ERROR:  duplicate key value violates unique constraint "accounts_pkey"
DETAIL:  Key (id)=(1) already exists.
   t   |  n   
-------+------
 two  +| 2.50
 lines |     
(1 row)

NOTICE:  table "nothing" does not exist, skipping
DROP TABLE
 lock_timeout 
--------------
 0
(1 row)
OUT
try 1 sql script.sql --stop-on-error
says_not "NOTICE"

cat >sessions.sql <<'SQL'
CREATE TABLE t (a int);
INSERT INTO t VALUES (1);
BEGIN;
UPDATE t SET a = a + 1;
\c other
UPDATE t SET a = a * 10;
UPDATE t SET a = 0;
\sessions
\c main
COMMIT;
SELECT a FROM t;
BEGIN;
UPDATE t SET a = 0;
\c third
SET lock_timeout = '2s';
UPDATE t SET a = -1;
\sleep 1999ms
\echo not yet
\sleep 1ms
\crash
SELECT a, now() FROM t;
SELECT pg_sleep(60);
SELECT clock_timestamp();
SQL
try 0 sql sessions.sql
prints <<'OUT'
CREATE TABLE
INSERT 0 1
BEGIN
UPDATE 1
You are now in session "other".
other: waiting ...
session "other" still waits; \c OTHER goes to another, \sleep lets time pass
   | Session |      State       |        Statement         
---+---------+------------------+--------------------------
   | main    | in a transaction | 
 * | other   | waiting          | UPDATE t SET a = a * 10;
(2 rows)

You are now in session "main".
COMMIT
other: <... completed>
UPDATE 1
 a  
----
 20
(1 row)

BEGIN
UPDATE 1
You are now in session "third".
SET
third: waiting ...
not yet
third: <... completed>
ERROR:  canceling statement due to lock timeout
The server crashed and recovered; 3 sessions connected again.
 a  |          now           
----+------------------------
 20 | 2025-01-01 00:00:02+00
(1 row)

 pg_sleep 
----------
 
(1 row)

    clock_timestamp     
------------------------
 2025-01-01 00:01:02+00
(1 row)
OUT

cat >deadlock.sql <<'SQL'
CREATE TABLE t (id int PRIMARY KEY, a int);
INSERT INTO t VALUES (1, 0), (2, 0);
BEGIN;
UPDATE t SET a = 1 WHERE id = 1;
\c other
BEGIN;
UPDATE t SET a = 2 WHERE id = 2;
UPDATE t SET a = 2 WHERE id = 1;
\c main
UPDATE t SET a = 1 WHERE id = 2;
SQL
try 0 sql deadlock.sql
says "ERROR:  deadlock detected"
says "HINT:  See server log for query details."
says $'<... completed>\nUPDATE 1'

cat >waits.sql <<'SQL'
CREATE TABLE t (a int);
BEGIN;
LOCK TABLE t;
\c other
SELECT * FROM t;
SQL
try 0 sql waits.sql
says "other: waits for ever"

# COPY's rows follow it, whether it waits or fails; what stands behind it in its line comes after them.
cat >copy.sql <<'SQL'
CREATE TABLE c (a int PRIMARY KEY, b text DEFAULT 'none');
COPY c FROM STDIN; SELECT count(*) FROM c;
1	one
2	\N
\.
COPY c TO STDOUT;
COPY c FROM STDIN;
3	x
x	y
\.
BEGIN;
LOCK TABLE c;
\c other
COPY c (a) FROM STDIN CSV;
7
\.
\c main
COMMIT;
COPY nope FROM STDIN;
COPY (SELECT * FROM c ORDER BY a) TO STDOUT (FORMAT csv, HEADER);
COPY c FROM STDIN;
9	nine
SQL
try 0 sql --natural-order copy.sql
prints <<'OUT'
CREATE TABLE
COPY 2
 count 
-------
     2
(1 row)

1	one
2	\N
ERROR:  invalid input syntax for type integer: "x"
CONTEXT:  COPY c, line 2, column a: "x"
BEGIN
LOCK TABLE
You are now in session "other".
other: waiting ...
You are now in session "main".
COMMIT
other: <... completed>
COPY 1
ERROR:  relation "nope" does not exist
a,b
1,one
2,
7,none
COPY 1
OUT

cat >listing.sql <<'SQL'
\d
CREATE TABLE parent (id bigserial PRIMARY KEY, name varchar(20) UNIQUE);
CREATE TABLE child (parent_id bigint REFERENCES parent ON DELETE CASCADE, n numeric(6,2) DEFAULT 1.5 CHECK (n > 0));
CREATE INDEX ON child (lower('x'), n DESC) WHERE n < 10;
\dt
\ds
\d parent
\d child
\d nothing
\frobnicate
SQL
try 0 sql listing.sql
says "Did not find any relations."
says ' public | child  | table'
says ' public | parent_id_seq | sequence'
says ' id     | bigint                |           | not null | nextval('"'parent_id_seq'"'::regclass)'
says '    "parent_pkey" PRIMARY KEY, btree (id)'
says '    TABLE "child" CONSTRAINT "child_parent_id_fkey" FOREIGN KEY (parent_id) REFERENCES parent(id) ON DELETE CASCADE'
says '    "child_n_check" CHECK (n > 0)'
says ' WHERE n < 10'
says 'Did not find any relation named "nothing".'
says 'invalid command \frobnicate'

# Input from a pipe is as a file; no prompt is shown.
out=$(printf '\\i script.sql\nSELECT 1;\n\\q\nSELECT 2;' | "$program" sql 2>&1) last='sql <pipe'
says '(2 rows)'
says_not '# '
says_not '        2'

# The same seed, the same order where SQL leaves it open; another seed another one.
printf 'CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 40); SELECT * FROM t;' >open.sql
"$program" sql open.sql --seed 5 >a
"$program" sql open.sql --seed 5 | cmp -s - a || wrong "the same seed gives another order"
! "$program" sql open.sql --seed 6 | cmp -s - a || wrong "another seed gives the same order"
"$program" sql open.sql --natural-order | sed -n '4,43p' | sort -nc || wrong "--natural-order is not natural"

# Isolation specs: what PostgreSQL's isolationtester prints.
specs=$ORRERY_SOURCE/tests/data/postgres-isolation
for name in nowait deadlock-simple insert-conflict-do-update; do
  try 0 sql --isolation "$specs/specs/$name.spec"
  cmp -s out "$specs/expected/$name.out" || wrong "$name: $(diff out "$specs/expected/$name.out" | head -5)"
done
printf 'session s1\nstep a { SELECT 1; }\npermutation b\n' >unknown.spec
refuses 'unknown step "b"' sql --isolation unknown.spec
printf 'session s1\nstep a SELECT 1;\n' >bad.spec
refuses 'line 2: { is expected' sql --isolation bad.spec
printf 'hello' >bad.spec
refuses 'not "hello"' sql --isolation bad.spec

refuses '"nothing.sql": cannot be read' sql nothing.sql
refuses 'is a directory' sql .
refuses '--seed "x"' sql --seed x script.sql
refuses 'not a port' sql --wire 65536
refuses 'not a port' sql --wire x
refuses 'one of FILE, --isolation SPEC and --wire PORT' sql script.sql --wire 0
finish
