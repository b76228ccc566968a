-- Aggregates carry sums that no numeric can hold; only what they give must be one.
CREATE TABLE wide (n numeric);
INSERT INTO wide VALUES (9e131071), (9e131071), (-9e131071);
SELECT sum(n) = 9e131071 FROM wide;
INSERT INTO wide VALUES (9e131071);
SELECT sum(n) FROM wide;
SELECT avg(n) FROM wide;
DELETE FROM wide;
INSERT INTO wide SELECT 9e131071 + x FROM generate_series(1, 5) x;
SELECT variance(n) FROM wide;
DELETE FROM wide;
INSERT INTO wide VALUES (9e131071), (-9e131071);
SELECT variance(n) FROM wide;
DELETE FROM wide;
INSERT INTO wide VALUES (0), (3e-500), (-3e-500), (4e-500 - 1e-16383), (-4e-500 + 1e-16383);
SELECT trim_scale(variance(n) * 1e1000) FROM wide;
SELECT trim_scale(var_pop(n) * 1e1000) FROM wide;
INSERT INTO wide VALUES ('Infinity');
SELECT variance(n), sum(n) FROM wide;
-- Decimals of a power come from its base alone, and are at most 1,000.
SELECT 10::numeric ^ 2.000000000000000000000;
SELECT scale((1 + 1e-1500) ^ 2);
SELECT 10::numeric ^ 3000000000;
SELECT 10::numeric ^ (-3000000000);
SELECT 0.5::numeric ^ 3000000000;
