-- Storage parameters are kept and shown.
CREATE TABLE t (id int PRIMARY KEY WITH (fillfactor = 80), a text, UNIQUE (a) WITH (fillfactor = 55))
  WITH (FiLLFaCToR = 30, autovacuum_enabled = false, autovacuum_analyze_scale_factor = 0.2);
CREATE INDEX i ON t (a) WITH (fillfactor = 40) WHERE id > 1;
CREATE TABLE s WITH (fillfactor = 70) AS SELECT 1 AS one;
SELECT relname, reloptions FROM pg_class WHERE relname IN ('t', 't_pkey', 't_a_key', 'i', 's') ORDER BY relname;
SELECT pg_get_indexdef('i'::regclass), pg_get_indexdef('t_pkey'::regclass);
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY conname;
ALTER TABLE t SET (fillfactor = 31, autovacuum_analyze_scale_factor = 0.3);
SELECT reloptions FROM pg_class WHERE relname = 't';
ALTER TABLE t SET (autovacuum_enabled, fillfactor = 32);
SELECT reloptions FROM pg_class WHERE relname = 't';
BEGIN;
ALTER TABLE t RESET (fillfactor, toast_tuple_target);
SELECT reloptions FROM pg_class WHERE relname = 't';
ROLLBACK;
SELECT reloptions FROM pg_class WHERE relname = 't';
ALTER TABLE t RESET (fillfactor, autovacuum_enabled, autovacuum_analyze_scale_factor);
SELECT reloptions IS NULL FROM pg_class WHERE relname = 't';
ALTER TABLE t RESET (fillfactor = 12);
ALTER TABLE t SET (fillfactor = 30, fillfactor = 40);
ALTER TABLE t SET (fillfactor = 9);
ALTER TABLE t SET (parallel_workers = 1025);
ALTER TABLE t SET (autovacuum_enabled = off, vacuum_truncate = 'no', log_autovacuum_min_duration = -1, autovacuum_vacuum_cost_delay = 1.5);
SELECT reloptions FROM pg_class WHERE relname = 't';
CREATE INDEX j ON t (a) WITH (fillfactor = 101);
