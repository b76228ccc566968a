-- What IN computes although its left side is NULL.
CREATE TABLE t (id int PRIMARY KEY, p int, n numeric, s text);
INSERT INTO t VALUES (1, NULL, 'NaN', 'x');
SELECT id FROM t WHERE abs(p) IN (n::int, -(100));
SELECT id FROM t WHERE p NOT IN (n::int, 5);
SELECT id FROM t WHERE p IN (1, 2, n::int);
SELECT id FROM t WHERE p IN (1 / (id - 1), 2);
SELECT id FROM t WHERE NULL IN (n::int, 5);
SELECT id FROM t WHERE NULL::int IN (1 / (id - 1), 5);
SELECT id, p IN (1, 2), p NOT IN (1, NULL), id IN (1, n::int), id IN (n::int, 1) FROM t;
SELECT id, id IN (1, NULL), id NOT IN (2, NULL), p IN (1, 2), p NOT IN (1, NULL) FROM t;
