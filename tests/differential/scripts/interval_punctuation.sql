-- Punctuation separates the fields of an interval.
SELECT interval '1 day, 2 hours', interval '(1 day)', interval '1 day:2 hours', interval '1;2:3', interval '1-2,3 days';
SELECT interval '1.5:2:3', interval '1.:2:3';
SELECT interval '2562047788.1:0:54.775807';
SELECT interval '2562047788.1:0:54.775808 ago';
SELECT interval '1:2:3:4';
SELECT interval '1:2:3.4.5';
SELECT interval '1/2';
SELECT interval '1.5.5';
SELECT interval '1 day/2 hours';
SELECT interval '1mon-1day';
SELECT interval '1 mon.1';
SELECT interval '1 day ago/';
SELECT interval ',';
