-- Which of several mistakes is found.
SELECT rank() OVER (ORDER BY rank() OVER (ORDER BY random()));
SELECT rank() OVER (PARTITION BY 1 + rank() OVER ());
SELECT lag(rank() OVER ()) OVER ();
CREATE TABLE outer_table (a int);
CREATE VIEW v AS SELECT (SELECT a FROM missing_first LIMIT 1) FROM missing_last;
CREATE VIEW v AS SELECT (SELECT a FROM missing_first LIMIT 1) FROM outer_table;
CREATE TABLE first_child (id int);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE second_child (id int REFERENCES parent);
ALTER TABLE first_child ADD FOREIGN KEY (id) REFERENCES parent;
TRUNCATE parent;
TRUNCATE parent, first_child;
TRUNCATE parent, first_child, second_child;
SELECT * FROM XMLTABLE (ROW () PASSING null COLUMNS v1 timestamp __pg__is_not_null 1) AS f (v1);
SET search_path = nowhere;
CREATE VIEW v AS SELECT * FROM missing;
CREATE VIEW v AS SELECT 1;
