#include <gtest/gtest.h>

#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

// Every result was taken from a PostgreSQL 15 server.

constexpr Expectation kLengths[] = {
    {"length('héllo'), char_length('héllo'), octet_length('héllo')", "5|5|6"},
    {"left('héllo', 2), left('héllo', -2), right('héllo', 4), right('héllo', -4)", "hé|hél|éllo|o"},
    {"substring('héllo' from 2 for 2), substr('héllo', 0, 3), substring('héllo' from -1 for 4)", "él|hé|hé"},
    {"substring('abc' from 2 for -1)", "ERROR 22011: negative substring length not allowed"},
    {"position('llo' in 'héllo'), strpos('abc', ''), strpos('abc', 'x')", "3|1|0"},
    {"reverse('héllo'), lpad('é', 3, 'xy'), rpad('é', 4, 'xy'), lpad('abc', 2)", "olléh|xyé|éxyx|ab"},
    {"'é'::varchar(1), 'éa'::varchar(1), 'a'::char(3) || 'x', length('a  '::char(5))", "é|é|ax|1"},
};

constexpr Expectation kParts[] = {
    {"split_part('a,b,,c', ',', 2), split_part('a,b,,c', ',', -1), split_part('a,b', ',', 5)", "b|c|"},
    {"split_part('a', ',', 0)", "ERROR 22023: field position must not be zero"},
    {"replace('aXbXc', 'X', '--'), translate('abcabc', 'ab', '1'), repeat('ab', 3), repeat('ab', -1)",
     "a--b--c|1c1c|ababab|"},
    {"btrim('  x '), ltrim('xxabc', 'x'), rtrim('abcxyx', 'xy'), trim('é' from 'éaé')", "x|abc|abc|a"},
    {"concat('a', NULL, 1, true, 1.50), concat_ws(',', 'a', NULL, 2), concat_ws(NULL, 'a')", "a1t1.50|a,2|NULL"},
    {"'a' || 1, 1 || 'a', 'a'::text || true, 'a' || NULL", "a1|1a|atrue|NULL"},
    {"1 || 2",
     "ERROR 42883: operator does not exist: integer || integer\nHINT: No operator matches the given name and arg"
     "ument types. You might need to add explicit type casts."},
    {"format('%s %I %L %%', 'a b', 'a b', 'a''b'), format('%2$s %1$s', 'a', 'b')", "a b \"a b\" 'a''b' %|b a"},
    {"initcap('hello wORLD'), upper('aé'), lower('AÉ')", "Hello World|Aé|aÉ"},
    {"starts_with('abc', 'ab'), overlay('abcdef' placing 'XX' from 3 for 2)", "t|abXXef"},
    {"quote_literal('a''b\\'), quote_ident('Ab'), quote_ident('ab_1')", "E'a''b\\\\'|\"Ab\"|ab_1"},
    {"chr_not_there(65)",
     "ERROR 42883: function chr_not_there(integer) does not exist\nHINT: No function matches the given name and "
     "argument types. You might need to add explicit type casts."},
    {"string_to_array('a,b,,c', ',', ''), array_to_string(ARRAY[1,NULL,3], ',', '*')", "{a,b,NULL,c}|1,*,3"},
    {"to_hex(255), ascii('é')", "ff|233"},
};

constexpr Expectation kLikes[] = {
    {"'abc' LIKE 'a%', 'abc' LIKE 'a_', 'abc' LIKE '%b%', 'abc' LIKE ''", "t|f|t|f"},
    {"'aéc' LIKE 'a_c', 'aéc' LIKE 'a__c', 'a%c' LIKE 'a\\%c', 'abc' LIKE 'a\\%c'", "t|f|t|f"},
    {"'ABC' ILIKE 'a%', 'ABC' LIKE 'a%', 'ABC' NOT ILIKE '%B%'", "t|f|f"},
    {"'a%c' LIKE 'a#%c' ESCAPE '#'", "t"},
    {"'abc' LIKE 'abc\\'", "f"},
    {"'a' LIKE 'a\\'", "f"},
    {"'aaab' LIKE '%a_b', 'mississippi' LIKE '%iss%ip%'", "t|t"},
};

constexpr Expectation kHashes[] = {
    {"hashtext(''), hashtext('a'), hashtext('order:2222'), hashtext('twelve bytes')",
     "-1477818771|1075015857|951083943|652846557"},
    {"hashtextextended('', 0), hashtextextended('order:2222', 0), hashtextextended('abc', 42), hashtextextended("
     "'a longer text than twelve bytes', -1)",
     "-6939563903564495251|-736869868528180313|4423357919252764502|993781896010769810"},
    {"md5(''), md5('body'), md5(repeat('x', 64))",
     "d41d8cd98f00b204e9800998ecf8427e|841a2d689ad86bd1611447453c22c6fc|c1bb4f81d892b2d57947682aeb252456"},
    {"encode(sha256('body'), 'hex'), encode(sha224('abc'), 'hex')",
     "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5|23097d223405d8228642a477bda255b32aadbce4b"
     "da0b3f7e36c9da7"},
    {"encode(sha512('abc'), 'hex'), encode(sha384(''), 'hex')",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d442364"
     "3ce80e2a9ac94fa54ca49f|38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51"
     "ad2f14898b95b"},
};

constexpr Expectation kBytes[] = {
    {"'\\x00ff'::bytea, 'abc'::bytea, '\\\\x'::bytea, '\\000\\134'::bytea", "\\x00ff|\\x616263|\\x5c78|\\x005c"},
    {"'\\xzz'::bytea", "ERROR 22023: invalid hexadecimal digit: \"z\""},
    {"'\\x0'::bytea", "ERROR 22023: invalid hexadecimal data: odd number of digits"},
    {"'\\8'::bytea", "ERROR 22P02: invalid input syntax for type bytea"},
    {"encode('\\x00ff', 'hex'), encode('abc', 'base64'), encode('a\\\\b\\200', 'escape')", "00ff|YWJj|a\\\\b\\200"},
    {"encode(repeat('y', 60)::bytea, 'base64')",
     "eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5eXl5\neXl5"},
    {"decode('YWJj', 'base64'), decode('YQ==', 'base64'), decode('00 ff', 'hex')", "\\x616263|\\x61|\\x00ff"},
    {"decode('abc', 'base64')",
     "ERROR 22023: invalid base64 end sequence\nHINT: Input data is missing padding, is truncated, or is otherwi"
     "se corrupted."},
    {"decode('zz', 'hex')", "ERROR 22023: invalid hexadecimal digit: \"z\""},
    {"convert_to('é', 'UTF8'), convert_from('\\xc3a9', 'UTF8')", "\\xc3a9|é"},
    {"convert_from('\\xff', 'UTF8')", "ERROR 22021: invalid byte sequence for encoding \"UTF8\": 0xff"},
    {"get_byte('\\x0102', 1), length('\\x0102'::bytea), '\\x01'::bytea || '\\x02'::bytea, substring('\\x010203':"
     ":bytea from 2 for 1)",
     "2|2|\\x0102|\\x02"},
};

constexpr Expectation kUuids[] = {
    {"'11111111-1111-1111-1111-111111111111'::uuid, '{ABCDEF00111111111111111111111111}'::uuid, '1111-1111-1111-"
     "1111-1111-1111-1111-1111'::uuid",
     "11111111-1111-1111-1111-111111111111|abcdef00-1111-1111-1111-111111111111|11111111-1111-1111-1111-11111111"
     "1111"},
    {"'x'::uuid", "ERROR 22P02: invalid input syntax for type uuid: \"x\""},
    {"'11111111-1111-1111-1111-11111111111'::uuid",
     "ERROR 22P02: invalid input syntax for type uuid: \"11111111-1111-1111-1111-11111111111\""},
    {"'11111111-1111-1111-1111-1111111111111'::uuid",
     "ERROR 22P02: invalid input syntax for type uuid: \"11111111-1111-1111-1111-1111111111111\""},
    {"'11111111-1111-1111-1111-111111111111'::uuid < 'ffffffff-ffff-ffff-ffff-ffffffffffff'", "t"},
};

TEST(SqlText, CountsCharactersNotBytes) { expect_results(kLengths); }
TEST(SqlText, IsCutAndJoined) { expect_results(kParts); }
TEST(SqlText, MatchesLikePatterns) { expect_results(kLikes); }
TEST(SqlText, IsHashedAsPostgresqlHashesIt) { expect_results(kHashes); }
TEST(SqlText, AndBytesHaveTextForms) { expect_results(kBytes); }
TEST(SqlText, HoldsUuids) { expect_results(kUuids); }

}  // namespace
}  // namespace orrery::sim::database::testing
