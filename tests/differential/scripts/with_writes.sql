-- Sub-statements of WITH that write: the statement itself begins, they run when it first wants their rows, and those that nobody reads
-- run at the end, the last one first.
CREATE TABLE t (id serial, name text);
CREATE TABLE p (id int PRIMARY KEY, v int);
INSERT INTO p VALUES (1, 1), (2, 2), (3, 3);
WITH a AS (INSERT INTO t (name) VALUES ('a1')), b AS (INSERT INTO t (name) VALUES ('b1')) SELECT 1;
WITH a AS (INSERT INTO t (name) VALUES ('a2')), b AS (INSERT INTO t (name) VALUES ('b2')) INSERT INTO t (name) VALUES ('main2');
WITH a AS (INSERT INTO t (name) VALUES ('a3') RETURNING id), b AS (INSERT INTO t (name) SELECT 'b3' FROM a) INSERT INTO t (name) SELECT 'main3' FROM a;
WITH a AS (INSERT INTO t (name) VALUES ('a4') RETURNING id), b AS (INSERT INTO t (name) SELECT 'b4' FROM a) SELECT 1;
WITH a AS (INSERT INTO t (name) VALUES ('a5') RETURNING id), b AS (SELECT max(id) AS id FROM a) UPDATE p SET v = (SELECT id FROM b) WHERE id IN (1, 2) RETURNING *;
WITH a AS (INSERT INTO t (name) VALUES ('a6') RETURNING id) UPDATE p SET v = (SELECT id FROM a) WHERE id = 9 RETURNING *;
WITH a AS (INSERT INTO t (name) VALUES ('a7') RETURNING id) DELETE FROM p WHERE id = 3 AND v < (SELECT id FROM a) RETURNING *;
WITH a AS (INSERT INTO t (name) VALUES ('a8') RETURNING id) INSERT INTO p SELECT 1, id FROM a ON CONFLICT (id) DO UPDATE SET v = excluded.v + (SELECT count(*) FROM a) RETURNING *;
WITH a AS (INSERT INTO t (name) VALUES ('a9') RETURNING id) UPDATE p SET v = 0 WHERE id = 2 RETURNING id, v, (SELECT count(*) FROM a);
WITH a AS (INSERT INTO t (name) VALUES ('a10') RETURNING id) MERGE INTO p USING (SELECT 1 AS id) s ON p.id = s.id WHEN MATCHED THEN UPDATE SET v = v + (SELECT count(*) FROM a);
WITH a AS (INSERT INTO t (name) VALUES ('a11') RETURNING id) MERGE INTO p USING a ON p.id = a.id WHEN NOT MATCHED THEN INSERT VALUES (a.id, 0);
WITH a AS (DELETE FROM t WHERE id <= 2 RETURNING *) INSERT INTO t (name) SELECT name || '!' FROM a ORDER BY id;
WITH a AS (DELETE FROM t WHERE id = 3 RETURNING name), b AS (INSERT INTO t (name) SELECT name || '?' FROM a RETURNING id, name) SELECT * FROM b, a;
WITH a AS (UPDATE t SET name = 'never' RETURNING id) SELECT count(*) FROM p WHERE id IN (SELECT id FROM a) LIMIT (SELECT count(*) - count(*) FROM a);
SELECT * FROM t ORDER BY id;
SELECT * FROM p ORDER BY id;
-- Whose mistake is found first.
WITH a AS (UPDATE p SET v = 1 / 0 WHERE id = 1) UPDATE p SET v = ln(0) WHERE id = 2;
WITH a AS (UPDATE p SET v = 1 / 0 WHERE id = 1), b AS (UPDATE p SET v = ln(0) WHERE id = 2) SELECT 1;
WITH a AS (UPDATE p SET v = 1 / 0 WHERE id = 1 RETURNING v), b AS (UPDATE p SET v = ln(0) WHERE id = 2) SELECT * FROM a;
WITH a AS (UPDATE p SET v = 1 / 0 WHERE id = 1 RETURNING v) UPDATE p SET v = ln(0) + (SELECT v FROM a) WHERE id = 2;
-- A SELECT that locks is run when it is read, or not at all.
CREATE SEQUENCE s;
WITH a AS (SELECT nextval('s') FROM p FOR UPDATE) SELECT 1;
SELECT nextval('s');
WITH a AS (SELECT id FROM p WHERE v = 1 / 0 FOR UPDATE) SELECT 1;
WITH a AS (SELECT id FROM p WHERE v = 1 / 0 FOR UPDATE) SELECT * FROM a;
-- What has an effect that cannot be had twice.
WITH a AS (INSERT INTO t (name) VALUES ('c1') RETURNING id) INSERT INTO t SELECT nextval('s'), 'main' FROM a;
WITH a AS (INSERT INTO t (name) VALUES ('c2') RETURNING id) INSERT INTO t (id, name) VALUES (DEFAULT, (SELECT count(*) FROM a)), (DEFAULT, 'x');
SELECT name FROM t WHERE id > 15 ORDER BY name;
SELECT nextval('s'), (SELECT count(*) FROM t), (SELECT max(id) FROM t);
DROP TABLE t, p;
DROP SEQUENCE s;
