-- COPY in text and CSV, both ways.
CREATE TABLE c (a int PRIMARY KEY, b text DEFAULT 'none', n numeric(6,2), v varchar(3), CHECK (a <> 13));
COPY c FROM STDIN;
1	one	1.5	abc
2	\N	\N	\N
3	tab\tnew\nline\\	3.456	x\
\.
COPY c (a) FROM STDIN;
4
5
\.
COPY c (b, a) FROM STDIN WITH (NULL 'nil', DELIMITER '|');
nil|6
a\|b|7
oct\101\x41\x4g\q|8
\.
SELECT * FROM c ORDER BY a;
COPY c TO STDOUT;
COPY c (b, a) TO STDOUT WITH (FORMAT csv, HEADER, NULL 'nil');
COPY (SELECT a, b FROM c WHERE a < 4 ORDER BY a DESC) TO STDOUT (FORMAT csv, FORCE_QUOTE (b));
COPY (SELECT a, b FROM c WHERE a < 4 ORDER BY a DESC) TO STDOUT (FORMAT csv, FORCE_QUOTE *);
COPY (UPDATE c SET v = 'u' WHERE a = 1 RETURNING a, v) TO STDOUT;
COPY (SELECT '\.') TO STDOUT CSV;
COPY (SELECT) TO STDOUT;
COPY (SELECT 1 AS x) TO STDOUT (HEADER);
-- csv
COPY c FROM STDIN (FORMAT csv);
20,"quoted, ""twice""
and more",2,abc
21,,,
22,"",7,""
\.
COPY c FROM STDIN CSV QUOTE '''' ESCAPE '\' FORCE NOT NULL b FORCE NULL v;
23,'it\'s',1,''
24,,1,'\'
\.
SELECT a, b, n, v IS NULL FROM c WHERE a >= 20 ORDER BY a;
COPY c FROM STDIN (FORMAT csv, HEADER);
a,b,n,v
30,x,1,y
\.
COPY c FROM STDIN (FORMAT csv, HEADER MATCH);
a,b,n,v
31,x,1,y
\.
COPY c FROM STDIN (FORMAT csv, HEADER MATCH);
a,b,v,n
32,x,1,y
\.
COPY c FROM STDIN (FORMAT csv, HEADER MATCH);
a,b
\.
-- what is wrong with rows
COPY c FROM STDIN;
40	x
\.
COPY c FROM STDIN;
40	x	1	y	z
\.
COPY c FROM STDIN;
forty	x	1	y
\.
COPY c FROM STDIN;
40	x	1	toolong
\.
COPY c FROM STDIN;
40	x	1	toolong
forty	x	1	y
\.
COPY c FROM STDIN;
\N	x	1	y
\.
COPY c FROM STDIN;
13	x	1	y
\.
COPY c FROM STDIN;
1	duplicate	1	y
\.
COPY c FROM STDIN;
1	duplicate	1	y
x	what is found first	1	y
\.
COPY c FROM STDIN;
41	bad \xff	1	y
\.
COPY c FROM STDIN (FORMAT csv);
42,"open,1,y
\.
COPY c FROM STDIN;
42	x\.
\.
SELECT count(*) FROM c;
-- what is wrong with the statement
COPY nothing FROM STDIN;
\.
COPY c (a, nope) FROM STDIN;
\.
COPY c (a, a) FROM STDIN;
\.
COPY c (a, nope) TO STDOUT;
COPY c TO STDOUT (FORMAT xml);
COPY c TO STDOUT (FORMAT csv, FORMAT text);
COPY c TO STDOUT (NOPE);
COPY c TO STDOUT (DELIMITER 'ab');
COPY c TO STDOUT (DELIMITER 'a');
COPY c TO STDOUT (DELIMITER E'\n');
COPY c TO STDOUT (NULL E'\r');
COPY c TO STDOUT (NULL '|', DELIMITER '|');
COPY c TO STDOUT (QUOTE 'q');
COPY c TO STDOUT (ESCAPE 'q');
COPY c TO STDOUT (FORMAT csv, QUOTE 'ab');
COPY c TO STDOUT (FORMAT csv, ESCAPE 'ab');
COPY c TO STDOUT (FORMAT csv, DELIMITER '"');
COPY c TO STDOUT (FORMAT csv, NULL '"');
COPY c TO STDOUT (FORCE_QUOTE (a));
COPY c TO STDOUT (FORMAT csv, FORCE_NOT_NULL (a));
COPY c TO STDOUT (FORMAT csv, FORCE_NULL (a));
COPY c (a) TO STDOUT (FORMAT csv, FORCE_QUOTE (b));
COPY c TO STDOUT (FORMAT csv, FORCE_QUOTE (nope));
COPY c TO STDOUT (HEADER match);
COPY c TO STDOUT (HEADER 2);
COPY c TO STDOUT (FREEZE 2);
COPY (INSERT INTO c VALUES (99)) TO STDOUT;
COPY (SELECT 1 INTO x) TO STDOUT;
CREATE VIEW cv AS SELECT a FROM c;
COPY cv TO STDOUT;
COPY cv FROM STDIN;
1
\.
CREATE SEQUENCE cs;
COPY cs TO STDOUT;
COPY cs FROM STDIN;
1
\.
COPY c_pkey TO STDOUT;
-- identity, generated columns, enums, arrays, foreign keys
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY, m mood, l int[], twice int GENERATED ALWAYS AS (id * 2) STORED, at timestamptz);
COPY g (m, l) FROM STDIN;
ok	{1,2}
sad	\N
\.
COPY g (id, m) FROM STDIN;
77	ok
\.
COPY g FROM STDIN;
80	sad	{}	2024-01-02 03:04:05+00
\.
COPY g (twice) FROM STDIN;
\.
COPY g TO STDOUT;
COPY g (m) FROM STDIN;
glad
\.
CREATE TABLE ref (c int REFERENCES c);
COPY ref FROM STDIN;
1
999
\.
COPY ref FROM STDIN;
1
2
\.
-- freeze, transactions, savepoints
COPY ref FROM STDIN (FREEZE);
3
\.
BEGIN;
TRUNCATE ref;
COPY ref FROM STDIN (FREEZE ON);
3
\.
SAVEPOINT s;
COPY ref FROM STDIN (FREEZE);
4
\.
ROLLBACK TO s;
SAVEPOINT s2;
TRUNCATE ref;
RELEASE s2;
COPY ref FROM STDIN (FREEZE);
5
\.
COMMIT;
SELECT * FROM ref;
BEGIN READ ONLY;
COPY ref TO STDOUT;
COPY ref FROM STDIN;
\.
COMMIT;
CREATE TABLE nocolumns ();
COPY nocolumns FROM STDIN;


\.
COPY nocolumns FROM STDIN;
x
\.
COPY nocolumns TO STDOUT;
CREATE TABLE "odd ""name" ("a b" int);
COPY "odd ""name" FROM STDIN;
1
\.
COPY "odd ""name" ("a b") TO STDOUT (HEADER, FORMAT csv);
CREATE TABLE d (a int, r float8 DEFAULT random(), s int UNIQUE);
COPY d (a, s) FROM STDIN;
1	1
x	1
\.
COPY d (a, s) FROM STDIN;
1	1
1	1
x	2
\.
SELECT count(*) FROM d;
