-- ~ and its like, and the functions of regular expressions: which match, its length, what groups capture, which texts are wrong.
CREATE TABLE users (email text CHECK (email ~ '^[^@\s]+@[^@\s]+\.[a-z]{2,}$'), code text CHECK (code ~* '^[a-f0-9]{4}$'));
INSERT INTO users VALUES ('a@b.org', 'BEEF'), ('first.last@sub.example.com', '00ff');
INSERT INTO users VALUES ('not an address', 'BEEF');
INSERT INTO users VALUES ('a@b.org', 'xyzt');
INSERT INTO users VALUES (NULL, NULL);
SELECT email FROM users WHERE email !~ 'example' ORDER BY email;
SELECT 'abc' ~ 'b', 'abc' ~ '^b', 'ABC' ~* 'b', 'abc' !~ 'x', 'abc' !~* 'B', NULL ~ 'x', 'x' ~ NULL;
SELECT 'a'::name ~ 'a', 'a '::char(3) ~ 'a$', 'Zoë' ~ 'Zo.$', 'Zoë' ~ '\w{4}';
SELECT substring('foobar' from 'o.b'), substring('foobar' from 'o(.)b'), substring('foobar' from '(x)?b'), substring('foobar' from 'z');
SELECT substring('XY1234Z', 'Y*([0-9]{1,3})'), substring('XY1234Z', 'Y*?([0-9]{1,3})');
SELECT substring('abcd' from 'a.*?'), substring('abcd' from 'a.*'), substring('abcd' from '(?:a.*?)(.*)');
SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('foobarbequebaz', 'bar.*que'), regexp_match('abc', 'x'), regexp_match('abc', '(x)|(b)');
SELECT regexp_match('abcd', '(a|ab)(c|bcd)(d*)'), regexp_match('abcd', '(?:a|ab)(?:c|bcd)(d*)'), regexp_match('aaa', '(a*)(a*)'), regexp_match('aaa', '(a*?)(a*)');
SELECT regexp_match('aaa', '(a+?)(a*?)'), regexp_match('xaby', '(a|b)+'), regexp_match('xaby', '(a|b)*y'), regexp_match('ab', '((a)|(b))*');
SELECT regexp_match('foobar', '(o*)(b?)(.*)'), regexp_match('2024-05-06', '(\d+)-(\d+)-(\d+)'), regexp_match('key = value', '^\s*(\w+)\s*=\s*(.*?)\s*$');
SELECT regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g');
SELECT regexp_matches('aXbXc', '[a-z]', 'g'), 1 AS one;
SELECT regexp_matches('abc', '', 'g');
SELECT regexp_replace('foobarbaz', 'b..', 'X'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g');
SELECT regexp_replace('abc', '', '-', 'g'), regexp_replace('abc', 'b*', '-', 'g'), regexp_replace('Hello', 'L', '*', 'gi'), regexp_replace('a.b', '\.', '\\', 'g');
SELECT regexp_replace('abc', '(b)', '<\1\&\2\q>'), regexp_replace('  padded  ', '^\s+|\s+$', '', 'g'), regexp_replace('+49 (30) 1-2', '\D', '', 'g');
SELECT regexp_split_to_array('the quick  brown fox', '\s+'), regexp_split_to_array('abc', ''), regexp_split_to_array('a,b,', ','), regexp_split_to_array('', ',');
SELECT regexp_split_to_table('one, two,three', ',\s*');
SELECT regexp_like('Hello', 'hello'), regexp_like('Hello', 'hello', 'i'), regexp_count('banana', 'a'), regexp_count('abc', '');
SELECT 'a1_b' ~ '^\w+$', 'a b' ~ '\s', 'foo bar' ~ '\mbar\M', 'foobar' ~ '\ybar', 'foobar' ~ '\Bbar', 'x' ~ '\Ax\Z', 'foobar' ~ 'o\Yo';
SELECT 'price: 5' ~ '[[:digit:]]', 'ABC' ~ '^[[:upper:]]+$', 'ABC' ~* '^[[:lower:]]+$', 'tab	x' ~ '\t', 'a-b' ~ '[a\-z]', 'a]b' ~ '[]]', '^' ~ '[\^]', '-' ~ '[a-]';
SELECT 'foobar' ~ 'foo(?=bar)', 'foobaz' ~ 'foo(?!bar)', 'foobar' ~ '(?<=foo)bar', 'foobar' ~ '(?<!foo)bar', 'aab' ~ '^a{2}b$', 'aab' ~ '^a{1,}b$', 'a{b' ~ 'a{b';
SELECT 'line1
line2' ~ '^line2$', 'line1
line2' ~ 'line1.line2', regexp_match('line1
line2', '^line2$', 'n'), regexp_match('line1
line2', '1.l', 'n'), 'ABC' ~ '(?i)abc', 'a
b' ~ 'a[^x]b';
SELECT 'aaaa' ~ '^(aa)+$', 'aaa' ~ '^(aa)+$', 'ab' ~ '^(a|b|ab)$', '' ~ '^$', '' ~ 'x*', 'x' ~ '()', 'ac' ~ 'a(b|)c', 'é' ~ '^.$', 'é' ~ '[à-ï]';
SELECT 'x' ~ '(';
SELECT 'x' ~ ')';
SELECT 'x' ~ '[a';
SELECT 'x' ~ 'a**';
SELECT 'x' ~ '*a';
SELECT 'x' ~ '+';
SELECT 'x' ~ '^*';
SELECT 'x' ~ 'a{2,1}';
SELECT 'x' ~ 'a{256}';
SELECT 'x' ~ 'a{1';
SELECT 'x' ~ 'a{1x}';
SELECT 'x' ~ '[z-a]';
SELECT 'x' ~ '[[:nothing:]]';
SELECT 'x' ~ 'a\';
SELECT 'x' ~ '\q';
SELECT regexp_replace('a', 'b', 'c', 'z');
SELECT regexp_match('a', 'b', 'g');
SELECT regexp_split_to_array('a', 'b', 'g');
SELECT 1 ~ 'x';
SELECT regexp_replace('abc', 'b', 5);
SELECT substring('abc' from 2), substring('abc' from 2 for 1), substring('abc', 'b');
