-- COLLATE in definitions that are read back.
CREATE TABLE t (c1 int, c2 bool, c3 varchar(9), CHECK (c3 COLLATE "C" > 'a' AND c1::text COLLATE "C" <> ''));
CREATE UNIQUE INDEX of_expression ON t (((c1)::text COLLATE "C"));
CREATE INDEX of_call ON t ((lower(c3) COLLATE "C"));
CREATE UNIQUE INDEX of_predicate ON t (c1) WHERE (c1::text > 500000000::text COLLATE "C");
CREATE UNIQUE INDEX of_other_predicate ON t ((1 / c1)) WHERE ('-H') >= (c2::text) COLLATE "C";
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY indexname;
SELECT pg_get_constraintdef(oid), pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conrelid = 't'::regclass;
SELECT pg_get_expr(indpred, indrelid), pg_get_expr(indpred, indrelid, true) FROM pg_index WHERE indrelid = 't'::regclass AND indpred IS NOT NULL ORDER BY indexrelid;
-- Names of types that are not simulated, aclitems, and a column of anyarray.
SELECT 1560::oid::regtype, 1561::oid::regtype, 2970::oid::regtype, 3831::oid::regtype, 99::oid::regtype, format_type(3904, NULL);
SELECT count(DISTINCT nspacl[2]) FROM pg_namespace WHERE nspacl IS NOT NULL AND nspname IN ('public', 'pg_catalog');
SELECT nspacl[1] = nspacl[1], nspacl[1] = nspacl[2] FROM pg_namespace WHERE nspname = 'public';
SELECT nspname FROM pg_namespace WHERE nspname = 'public' ORDER BY nspacl[1];
SELECT attmissingval FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum = 1;
