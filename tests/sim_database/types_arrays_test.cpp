#include <gtest/gtest.h>

#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

// Every result was taken from a PostgreSQL 15 server.

constexpr Expectation kForms[] = {
    {"'{1,NULL,\"a b\"}'::text[], ARRAY['a','b c','NULL',NULL,'','a\"b','a\\b','x,y']",
     "{1,NULL,\"a b\"}|{a,\"b c\",\"NULL\",NULL,\"\",\"a\\\"b\",\"a\\\\b\",\"x,y\"}"},
    {"'{}'::int4[], '{{1,2},{3,4}}'::int4[], '[0:1]={1,2}'::int4[], ' { 1 , 2 } '::int4[]",
     "{}|{{1,2},{3,4}}|[0:1]={1,2}|{1,2}"},
    {"'{1,2'::int4[]", "ERROR 22P02: malformed array literal: \"{1,2\"\nDETAIL: Unexpected end of input."},
    {"'1,2'::int4[]",
     "ERROR 22P02: malformed array literal: \"1,2\"\nDETAIL: Array value must start with \"{\" or dimension info"
     "rmation."},
    {"'{1,,2}'::int4[]", "ERROR 22P02: malformed array literal: \"{1,,2}\"\nDETAIL: Unexpected \",\" character."},
    {"'{a}'::int4[]", "ERROR 22P02: invalid input syntax for type integer: \"a\""},
    {"'{{1},{2,3}}'::int4[]",
     "ERROR 22P02: malformed array literal: \"{{1},{2,3}}\"\nDETAIL: Multidimensional arrays must have sub-array"
     "s with matching dimensions."},
    {"'{1,2}x'::int4[]", "ERROR 22P02: malformed array literal: \"{1,2}x\"\nDETAIL: Junk after closing right brace."},
    {"'{\"a\"b}'::text[]", "ERROR 22P02: malformed array literal: \"{\"a\"b}\"\nDETAIL: Unexpected array element."},
    {"ARRAY[[1,2],[3,4]], ARRAY[1,2.5], ARRAY[1,NULL], ARRAY['a',NULL]", "{{1,2},{3,4}}|{1,2.5}|{1,NULL}|{a,NULL}"},
    {"ARRAY[1,'x']", "ERROR 22P02: invalid input syntax for type integer: \"x\""},
    {"ARRAY[true,1]", "ERROR 42804: ARRAY types boolean and integer cannot be matched"},
    {"ARRAY[1,2]::text[], '{1,2}'::text::int4[], ARRAY['1.239','2']::numeric(5,1)[]", "{1,2}|{1,2}|{1.2,2.0}"},
};

constexpr Expectation kFunctions[] = {
    {"ARRAY[1,2]::bigint[] || 3, 0 || ARRAY[1], ARRAY[1] || ARRAY[2,3], ARRAY[1] || NULL, '{1}' || ARRAY[2], ARR"
     "AY[[1,2]] || ARRAY[3,4]",
     "{1,2,3}|{0,1}|{1,2,3}|{1}|{1,2}|{{1,2},{3,4}}"},
    {"ARRAY[[1,2]] || ARRAY[3]",
     "ERROR 2202E: cannot concatenate incompatible arrays\nDETAIL: Arrays with differing dimensions are not comp"
     "atible for concatenation."},
    {"ARRAY['b'] || 'c'",
     "ERROR 22P02: malformed array literal: \"c\"\nDETAIL: Array value must start with \"{\" or dimension inform"
     "ation."},
    {"ARRAY[1,2] @> ARRAY[1], ARRAY[1] <@ ARRAY[2], ARRAY[1,2] && ARRAY[2,3], ARRAY[1,NULL] @> ARRAY[NULL]::int4"
     "[]",
     "t|f|t|f"},
    {"ARRAY[1,2] = ARRAY[1,2], ARRAY[1,2] < ARRAY[1,3], ARRAY[1] < ARRAY[1,0], ARRAY[1,NULL] > ARRAY[1,2]", "t|t|t|t"},
    {"array_length(ARRAY[[1,2,3]], 2), array_length('{}'::int4[], 1), cardinality(ARRAY[[1,2,3]]), array_upper(A"
     "RRAY[1,2], 1), array_ndims(ARRAY[[1]])",
     "3|NULL|3|2|2"},
    {"array_append(ARRAY[1], 2), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2])", "{1,2}|{0,1}|{1,2}"},
    {"array_position(ARRAY['a','b','a'], 'b'), array_position(ARRAY[1,NULL], NULL), array_positions(ARRAY[1,2,1]"
     ", 1)",
     "2|2|{1,3}"},
    {"array_remove(ARRAY[1,2,1], 1), array_replace(ARRAY[1,2,1], 1, 9), trim_array(ARRAY[1,2,3], 1)",
     "{2}|{9,2,9}|{1,2}"},
    {"trim_array(ARRAY[1], 2)", "ERROR 2202E: number of elements to trim must be between 0 and 1"},
    {"array_position(ARRAY[[1]], 1)",
     "ERROR 0A000: searching for elements in multidimensional arrays is not supported"},
    {"array_length(1, 1)",
     "ERROR 42883: function array_length(integer, integer) does not exist\nHINT: No function matches the given n"
     "ame and argument types. You might need to add explicit type casts."},
    {"unnest(ARRAY[[1,2],[3,NULL]])", "1\n2\n3\nNULL"},
    {"generate_series(1, 5, 2)", "1\n3\n5"},
    {"generate_series(3, 1, -1)", "3\n2\n1"},
    {"generate_series(1, 2, 0)", "ERROR 22023: step size cannot equal zero"},
    {"generate_series(1.5, 3.5)", "1.5\n2.5\n3.5"},
    {"generate_series('2024-01-30'::timestamptz, '2024-03-31'::timestamptz, interval '1 month')",
     "2024-01-30 00:00:00+00\n2024-02-29 00:00:00+00\n2024-03-29 00:00:00+00"},
    {"ROW(1,'a b',NULL,''), ROW(1,2) = ROW(1,2), ROW(1,2) < ROW(1,3)", "(1,\"a b\",,\"\")|t|t"},
};

constexpr Expectation kAggregates[] = {
    {"sum(x), avg(x), count(*), count(x), min(x), max(x), array_agg(x), string_agg(x::text, ','), jsonb_agg(x), "
     "json_agg(x) from unnest(ARRAY[1,2,4,NULL]) as x",
     "7|2.3333333333333333|4|3|1|4|{1,2,4,NULL}|1,2,4|[1, 2, 4, null]|[1, 2, 4, null]"},
    {"sum(x), avg(x), count(*), count(x), min(x), array_agg(x), jsonb_agg(x), string_agg(x::text, ',') from unne"
     "st('{}'::int4[]) as x",
     "NULL|NULL|0|0|NULL|NULL|NULL|NULL"},
    {"sum(x), avg(x) from unnest(ARRAY[9223372036854775807, 1]::int8[]) as x",
     "9223372036854775808|4611686018427387904"},
    {"sum(x), avg(x), stddev(x), var_pop(x) from unnest(ARRAY[1.50, 2.25, 7]) as x",
     "10.75|3.5833333333333333|2.9825883613622134|5.9305555555555556"},
    {"sum(x), avg(x), stddev(x), variance(x) from unnest(ARRAY[0.1, 0.2, 0.3]::float8[]) as x",
     "0.6000000000000001|0.20000000000000004|0.09999999999999996|0.009999999999999992"},
    {"sum(x), avg(x), max(x) from unnest(ARRAY['1 day', '2 hours 30 minutes']::interval[]) as x",
     "1 day 02:30:00|13:15:00|1 day"},
    {"bool_and(x), bool_or(x), every(x) from unnest(ARRAY[true, false, NULL]) as x", "f|t|f"},
    {"percentile_cont(0.95) within group (order by x), percentile_disc(0.5) within group (order by x), mode() wi"
     "thin group (order by x) from unnest(ARRAY[1, 2, 4, 4]::float8[]) as x",
     "4|2|4"},
    {"percentile_cont(1.5) within group (order by x) from unnest(ARRAY[1]) as x",
     "ERROR 22003: percentile value 1.5 is not between 0 and 1"},
    {"jsonb_object_agg(key, value), json_object_agg(key, value) from jsonb_each('{\"b\":1,\"a\":[2]}')",
     "{\"a\": [2], \"b\": 1}|{ \"a\" : [2], \"b\" : 1 }"},
    {"min(x), max(x) from unnest(ARRAY['b','a',NULL]) as x", "a|b"},
    {"min(x) from unnest(ARRAY['11111111-1111-1111-1111-111111111111']::uuid[]) as x",
     "ERROR 42883: function min(uuid) does not exist\nHINT: No function matches the given name and argument type"
     "s. You might need to add explicit type casts."},
    {"sum(x) from unnest(ARRAY['a']) as x",
     "ERROR 42883: function sum(text) does not exist\nHINT: No function matches the given name and argument type"
     "s. You might need to add explicit type casts."},
    {"bit_and(x), bit_or(x), bit_xor(x) from unnest(ARRAY[6, 3]) as x", "2|7|5"},
    {"array_agg(x) from unnest(ARRAY['a',NULL]) as x", "{a,NULL}"},
};

TEST(SqlArrays, HaveATextForm) { expect_results(kForms); }
TEST(SqlArrays, HaveOperatorsAndFunctions) { expect_results(kFunctions); }
TEST(SqlAggregates, FoldTheirRows) { expect_results(kAggregates); }

}  // namespace
}  // namespace orrery::sim::database::testing
