#include <gtest/gtest.h>

#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

// Every result was taken from a PostgreSQL 15 server.

constexpr Expectation kPrinted[] = {
    {"'{\"b\":1,\"aa\":2,\"a\":3,\"b\":4}'::jsonb", "{\"a\": 3, \"b\": 4, \"aa\": 2}"},
    {"'[1, 2.50, \"x\", null, true, {}, []]'::jsonb", "[1, 2.50, \"x\", null, true, {}, []]"},
    {"'1.50'::jsonb, '1e5'::jsonb, '1E-3'::jsonb, '-0'::jsonb, '-0.0'::jsonb", "1.50|100000|0.001|0|0.0"},
    {"'\"a\\u0041\\ud83d\\ude00\\n\\\"\\\\\\/\"'::jsonb", "\"aA😀\\n\\\"\\\\/\""},
    {"'{\"é\":1,\"\":2}'::jsonb", "{\"\": 2, \"é\": 1}"},
    {"' { \"a\" : [ 1 , 2 ] } '::json", " { \"a\" : [ 1 , 2 ] } "},
    {"jsonb_pretty('{\"a\":[1,{\"b\":null}],\"c\":{}}')",
     "{\n    \"a\": [\n        1,\n        {\n            \"b\": null\n        }\n    ],\n    \"c\": {\n    }\n}"
     ""},
    {"'123456789012345678901234567890.123'::jsonb", "123456789012345678901234567890.123"},
};

constexpr Expectation kErrors[] = {
    {"''::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: The input string ended unexpectedly."},
    {"'{'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: The input string ended unexpectedly."},
    {"'[1,2'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: The input string ended unexpectedly."},
    {"'{\"a\"}'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected \":\", but found \"}\"."},
    {"'{\"a\":}'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected JSON value, but found \"}\"."},
    {"'{a:1}'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"a\" is invalid."},
    {"'[1,]'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected JSON value, but found \"]\"."},
    {"'{\"a\":1,}'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected string, but found \"}\"."},
    {"'nul'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"nul\" is invalid."},
    {"'01'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"01\" is invalid."},
    {"'1.'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"1.\" is invalid."},
    {"'-'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"-\" is invalid."},
    {"'\"abc'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"\"abc\" is invalid."},
    {"'\"\\x\"'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Escape sequence \"\\x\" is invalid."},
    {"'\"\\u12\"'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: \"\\u\" must be followed by four hexadecimal digi"
     "ts."},
    {"'\"\\u0000\"'::jsonb",
     "ERROR 22P05: unsupported Unicode escape sequence\nDETAIL: \\u0000 cannot be converted to text."},
    {"'\"\\ud83d\"'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Unicode low surrogate must follow a high surrogat"
     "e."},
    {"'\"\\ude00\"'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Unicode low surrogate must follow a high surrogat"
     "e."},
    {"'[1 2]'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected \",\" or \"]\", but found \"2\"."},
    {"'{\"a\" 1}'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected \":\", but found \"1\"."},
    {"'{1:2}'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected string or \"}\", but found \"1\"."},
    {"'1 2'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected end of input, but found \"2\"."},
    {"'}'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected JSON value, but found \"}\"."},
    {"','::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected JSON value, but found \",\"."},
    {"'--1'::jsonb", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"-\" is invalid."},
    {"'{\"a\":1 \"b\":2}'::jsonb",
     "ERROR 22P02: invalid input syntax for type json\nDETAIL: Expected \",\" or \"}\", but found \"\"b\"\"."},
    {"'\"\\u0000\"'::json", "\"\\u0000\""},
    {"'\"\\ud83d\"'::json", "\"\\ud83d\""},
};

constexpr Expectation kReading[] = {
    {"'{\"a\":{\"b\":[10,20,{\"c\":null}]}}'::jsonb -> 'a' -> 'b' -> -2", "20"},
    {"'{\"a\":1}'::jsonb -> 'x', '{\"a\":1}'::jsonb -> 0, '[1]'::jsonb -> 'a'", "NULL|NULL|NULL"},
    {"'{\"a\":\"x\",\"n\":null,\"o\":{\"k\":1.50}}'::jsonb ->> 'a', '{\"n\":null}'::jsonb ->> 'n', '{\"o\":{\"k"
     "\":1.50}}'::jsonb ->> 'o'",
     "x|NULL|{\"k\": 1.50}"},
    {"'{\"trace\":{\"span_id\":\"s\"}}'::jsonb #>> '{trace,span_id}', '{\"a\":[1,2]}'::jsonb #> '{a,-1}', '{\"a"
     "\":1}'::jsonb #> '{}'",
     "s|2|{\"a\": 1}"},
    {"('10'::jsonb)::int, ('1.5'::jsonb)::numeric, ('true'::jsonb)::bool", "10|1.5|t"},
    {"('\"x\"'::jsonb)::int", "ERROR 22023: cannot cast jsonb string to type integer"},
    {"('[1]'::jsonb)::int", "ERROR 22023: cannot cast jsonb array to type integer"},
    {"'{\"a\":1}'::jsonb ->> 'a' = 1",
     "ERROR 42883: operator does not exist: text = integer\nHINT: No operator matches the given name and argumen"
     "t types. You might need to add explicit type casts."},
    {"'{\"a\": [1, 2]}'::json -> 'a' -> 1, '{\"a\": {\"b\" : 1}}'::json -> 'a', '{\"a\":\"x\\n\"}'::json ->> 'a'"
     "",
     "2|{\"b\" : 1}|x\n"},
    {"jsonb_typeof('1'), jsonb_typeof('null'), jsonb_typeof('{}'), jsonb_typeof('\"\"'), jsonb_typeof('true'), j"
     "sonb_typeof('[]')",
     "number|null|object|string|boolean|array"},
    {"jsonb_array_length('[1,2]')", "2"},
    {"jsonb_array_length('{}')", "ERROR 22023: cannot get array length of a non-array"},
    {"jsonb_array_length('1')", "ERROR 22023: cannot get array length of a scalar"},
    {"jsonb_array_elements('[1,\"a\",null,[2]]')", "1\n\"a\"\nnull\n[2]"},
    {"jsonb_array_elements_text('[1,\"a\",null,[2]]')", "1\na\nNULL\n[2]"},
    {"jsonb_array_elements('{}')", "ERROR 22023: cannot extract elements from an object"},
    {"jsonb_each('{\"b\":1,\"aa\":{}}')", "(b,1)\n(aa,{})"},
    {"jsonb_each_text('{\"b\":\"x\",\"n\":null}')", "(b,x)\n(n,)"},
    {"jsonb_object_keys('{\"b\":1,\"aa\":{}}')", "b\naa"},
    {"jsonb_each('[]')", "ERROR 22023: cannot call jsonb_each on a non-object"},
};

constexpr Expectation kTesting[] = {
    {"'{\"name\":\"Alice\",\"n\":1}'::jsonb @> '{\"name\":\"Alice\"}'", "t"},
    {"'[1,2,[3]]'::jsonb @> '[2]', '[1]'::jsonb @> '1', '1'::jsonb @> '[1]', '[[1,2]]'::jsonb @> '[[2]]', '{\"a"
     "\":[1,2]}'::jsonb @> '{\"a\":[2]}'",
     "t|t|f|t|t"},
    {"'{\"tags\":[\"a\",\"b\"]}'::jsonb @> '{\"tags\":[\"a\"]}', '{}'::jsonb <@ '{\"a\":1}', '[]'::jsonb @> '[]'"
     "",
     "t|t|t"},
    {"'{\"a\":1}'::jsonb ? 'a', '[\"a\"]'::jsonb ? 'a', '\"a\"'::jsonb ? 'a', '[1]'::jsonb ? '1'", "t|t|t|f"},
    {"'{\"a\":1}'::jsonb ?| ARRAY['x','a'], '{\"a\":1}'::jsonb ?& ARRAY['x','a']", "t|f"},
    {"'1.0'::jsonb = '1', '{\"a\":1,\"b\":2}'::jsonb = '{\"b\":2,\"a\":1.0}', '[1,2]'::jsonb = '[2,1]'", "t|t|f"},
    {"'[]'::jsonb < 'null', '{}'::jsonb > '[]', '[1]'::jsonb < '[1,0]', '\"b\"'::jsonb > '\"a\"', 'true'::jsonb "
     "> '1', '{\"a\":1}'::jsonb < '{\"a\":2}'",
     "t|t|t|t|t|t"},
};

constexpr Expectation kChanging[] = {
    {"jsonb_set('{\"a\":1}', '{retry}', to_jsonb(1 + 1))", "{\"a\": 1, \"retry\": 2}"},
    {"jsonb_set('{\"a\":1}', '{x,y}', '2'), jsonb_set('{\"a\":1}', '{b}', '2', false)", "{\"a\": 1}|{\"a\": 1}"},
    {"jsonb_set('[1,2,3]', '{-1}', '\"x\"'), jsonb_set('[1]', '{5}', '2'), jsonb_set('[1]', '{-5}', '2')",
     "[1, 2, \"x\"]|[1, 2]|[2, 1]"},
    {"jsonb_set('[1]', '{a}', '2')", "ERROR 22P02: path element at position 1 is not an integer: \"a\""},
    {"jsonb_set('1', '{a}', '2')", "ERROR 22023: cannot set path in scalar"},
    {"jsonb_set('{\"a\":1}', '{a}', NULL)", "NULL"},
    {"jsonb_insert('[1,2]', '{1}', '9'), jsonb_insert('[1,2]', '{1}', '9', true), jsonb_insert('{\"a\":{}}', '{a"
     ",b}', '1')",
     "[1, 9, 2]|[1, 2, 9]|{\"a\": {\"b\": 1}}"},
    {"jsonb_insert('{\"a\":1}', '{a}', '2')",
     "ERROR 22023: cannot replace existing key\nHINT: Try using the function jsonb_set to replace key value."},
    {"'{\"a\":1}'::jsonb || '{\"a\":2,\"b\":3}', '[1]'::jsonb || '2', '1'::jsonb || '2', '{\"a\":1}'::jsonb || '"
     "[2]'",
     "{\"a\": 2, \"b\": 3}|[1, 2]|[1, 2]|[{\"a\": 1}, 2]"},
    {"'{\"a\":1,\"b\":2}'::jsonb - 'a', '[\"a\",\"b\",\"a\"]'::jsonb - 'a', '[1,2,3]'::jsonb - -1, '{\"a\":1,\"b"
     "\":2}'::jsonb - ARRAY['a','b']",
     "{\"b\": 2}|[\"b\"]|[1, 2]|{}"},
    {"'{\"a\":1}'::jsonb - 1", "ERROR 22023: cannot delete from object using integer index"},
    {"'1'::jsonb - 'a'", "ERROR 22023: cannot delete from scalar"},
    {"'{\"a\":{\"b\":1,\"c\":2}}'::jsonb #- '{a,b}', '[1,[2,3]]'::jsonb #- '{1,0}'", "{\"a\": {\"c\": 2}}|[1, [3]]"},
    {"jsonb_strip_nulls('{\"a\":null,\"b\":[null,{\"c\":null}]}')", "{\"b\": [null, {}]}"},
};

constexpr Expectation kBuilding[] = {
    {"jsonb_build_object('user_id', '11111111-1111-1111-1111-111111111111'::uuid, 'email', 'x', 'n', NULL, 't', "
     "true, 'p', 1.50)",
     "{\"n\": null, \"p\": 1.50, \"t\": true, \"email\": \"x\", \"user_id\": \"11111111-1111-1111-1111-111111111"
     "111\"}"},
    {"jsonb_build_object(1, 2, true, 'x')", "{\"1\": 2, \"true\": \"x\"}"},
    {"jsonb_build_object('a')",
     "ERROR 22023: argument list must have even number of elements\nHINT: The arguments of jsonb_build_object() "
     "must consist of alternating keys and values."},
    {"jsonb_build_object(NULL, 1)", "ERROR 22023: argument 1: key must not be null"},
    {"jsonb_build_object(ARRAY[1], 1)", "ERROR 22023: key value must be scalar, not array, composite, or json"},
    {"jsonb_build_array(1, 'a', NULL, '{\"x\":1}'::jsonb, ARRAY[[1,2],[3,4]], '2024-01-02'::date)",
     "[1, \"a\", null, {\"x\": 1}, [[1, 2], [3, 4]], \"2024-01-02\"]"},
    {"json_build_object('a', 1, 'b', '{\"x\": 1}'::json), json_build_array(1, 'a')",
     "{\"a\" : 1, \"b\" : {\"x\": 1}}|[1, \"a\"]"},
    {"to_jsonb(1.50), to_jsonb('x'::text), to_jsonb(ARRAY['a',NULL]), to_jsonb('NaN'::float8), to_jsonb(ROW(1,'a"
     "',NULL))",
     "1.50|\"x\"|[\"a\", null]|\"NaN\"|{\"f1\": 1, \"f2\": \"a\", \"f3\": null}"},
    {"to_jsonb('x')", "ERROR 42804: could not determine polymorphic type because input has type unknown"},
    {"to_jsonb('2024-01-02 03:04:05.1+00'::timestamptz), to_json('2024-01-02 03:04:05'::timestamp), to_jsonb('1 "
     "day'::interval)",
     "\"2024-01-02T03:04:05.1+00:00\"|\"2024-01-02T03:04:05\"|\"1 day\""},
    {"row_to_json(ROW(1,'a'))", "{\"f1\":1,\"f2\":\"a\"}"},
    {"jsonb_object('{a,1,b,2}'), jsonb_object('{a,b}', '{1,NULL}')",
     "{\"a\": \"1\", \"b\": \"2\"}|{\"a\": \"1\", \"b\": null}"},
};

TEST(SqlJson, PrintsJsonbAsPostgresqlDoes) { expect_results(kPrinted); }
TEST(SqlJson, SaysWhatIsWrongWithIt) { expect_results(kErrors); }
TEST(SqlJson, IsReadByItsOperators) { expect_results(kReading); }
TEST(SqlJson, IsTestedByItsOperators) { expect_results(kTesting); }
TEST(SqlJson, IsChangedByItsFunctions) { expect_results(kChanging); }
TEST(SqlJson, IsBuiltFromValues) { expect_results(kBuilding); }

}  // namespace
}  // namespace orrery::sim::database::testing
