#include <gtest/gtest.h>

#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

// Every result was taken from a PostgreSQL 15 server.

constexpr Expectation kChosen[] = {
    {"pg_typeof(1 + 1), pg_typeof(1 + 1::int8), pg_typeof(1 + 1.5), pg_typeof(1.5 + 1::float8), pg_typeof(1::int"
     "2 + 1::int2), pg_typeof(1::float4 + 1)",
     "integer|bigint|numeric|double precision|smallint|double precision"},
    {"pg_typeof(1 / 2), pg_typeof(1 || 'a'), pg_typeof('2024-01-02'::date - 1), pg_typeof('2024-01-02'::date - '"
     "2024-01-01'::date), pg_typeof('2024-01-02'::date + interval '1 day')",
     "integer|text|date|integer|timestamp without time zone"},
    {"pg_typeof(power(2, 3)), pg_typeof(power(2.0, 3)), pg_typeof(round(2.5)), pg_typeof(abs(1)), pg_typeof(sqrt"
     "(2)), pg_typeof(extract(year from now()))",
     "double precision|numeric|numeric|integer|double precision|numeric"},
    {"pg_typeof('a' || 'b'), pg_typeof(1 = 1), pg_typeof(now()), pg_typeof(ARRAY[1]), pg_typeof(ARRAY[1,2.5]), p"
     "g_typeof('{}'::jsonb -> 'a')",
     "text|boolean|timestamp with time zone|integer[]|numeric[]|jsonb"},
    {"1 = '1', '2' + 3, 2.5 * '2', '5'::int8 = 5, 1 < 1.5, 1::float8 = 1.0, 'a' < 'b', 'x'::varchar = 'x', 'x'::"
     "name = 'x'",
     "t|5|5.0|t|t|t|t|t|t"},
    {"'2024-01-02' < now(), now() - '1 day' = now()",
     "ERROR 22007: invalid input syntax for type timestamp with time zone: \"1 day\""},
    {"length('abc'), abs('5'), lower('A'), 2 ^ '3', - '5'",
     "ERROR 42725: operator is not unique: - unknown\nHINT: Could not choose a best candidate operator. You migh"
     "t need to add explicit type casts."},
};

constexpr Expectation kRefused[] = {
    {"'a'::text = 1",
     "ERROR 42883: operator does not exist: text = integer\nHINT: No operator matches the given name and argumen"
     "t types. You might need to add explicit type casts."},
    {"1 = true",
     "ERROR 42883: operator does not exist: integer = boolean\nHINT: No operator matches the given name and argu"
     "ment types. You might need to add explicit type casts."},
    {"foo(1)",
     "ERROR 42883: function foo(integer) does not exist\nHINT: No function matches the given name and argument t"
     "ypes. You might need to add explicit type casts."},
    {"foo()",
     "ERROR 42883: function foo() does not exist\nHINT: No function matches the given name and argument types. Y"
     "ou might need to add explicit type casts."},
    {"lower(1)",
     "ERROR 42883: function lower(integer) does not exist\nHINT: No function matches the given name and argument"
     " types. You might need to add explicit type casts."},
    {"1 + 'x'", "ERROR 22P02: invalid input syntax for type integer: \"x\""},
    {"1 + now()",
     "ERROR 42883: operator does not exist: integer + timestamp with time zone\nHINT: No operator matches the gi"
     "ven name and argument types. You might need to add explicit type casts."},
    {"'1' + '2'",
     "ERROR 42725: operator is not unique: unknown + unknown\nHINT: Could not choose a best candidate operator. "
     "You might need to add explicit type casts."},
    {"'2024-01-02'::date + '1'",
     "ERROR 42725: operator is not unique: date + unknown\nHINT: Could not choose a best candidate operator. You"
     " might need to add explicit type casts."},
    {"- 'a'::text",
     "ERROR 42883: operator does not exist: - text\nHINT: No operator matches the given name and argument type. "
     "You might need to add an explicit type cast."},
    {"true + true",
     "ERROR 42883: operator does not exist: boolean + boolean\nHINT: No operator matches the given name and argu"
     "ment types. You might need to add explicit type casts."},
    {"'a'::json = 'a'::json", "ERROR 22P02: invalid input syntax for type json\nDETAIL: Token \"a\" is invalid."},
    {"sum('a'::text)",
     "ERROR 42883: function sum(text) does not exist\nHINT: No function matches the given name and argument type"
     "s. You might need to add explicit type casts."},
    {"abs('x'::text)",
     "ERROR 42883: function abs(text) does not exist\nHINT: No function matches the given name and argument type"
     "s. You might need to add explicit type casts."},
    {"left('a', 1.5)",
     "ERROR 42883: function left(unknown, numeric) does not exist\nHINT: No function matches the given name and "
     "argument types. You might need to add explicit type casts."},
    {"to_jsonb('x')", "ERROR 42804: could not determine polymorphic type because input has type unknown"},
    {"ARRAY[1] || 'x'::text",
     "ERROR 42883: operator does not exist: integer[] || text\nHINT: No operator matches the given name and argu"
     "ment types. You might need to add explicit type casts."},
    {"'a' = '1'::uuid", "ERROR 22P02: invalid input syntax for type uuid: \"1\""},
    {"1::oid = '1'::text",
     "ERROR 42883: operator does not exist: oid = text\nHINT: No operator matches the given name and argument ty"
     "pes. You might need to add explicit type casts."},
    {"jsonb_set('{}', 'a', 1)",
     "ERROR 42883: function jsonb_set(unknown, unknown, integer) does not exist\nHINT: No function matches the g"
     "iven name and argument types. You might need to add explicit type casts."},
    {"coalesce_not_there(1, 'a')",
     "ERROR 42883: function coalesce_not_there(integer, unknown) does not exist\nHINT: No function matches the g"
     "iven name and argument types. You might need to add explicit type casts."},
    {"mod(5, 'x')", "ERROR 22P02: invalid input syntax for type integer: \"x\""},
};

constexpr Expectation kCasts[] = {
    {"1::bool, true::int, 'yes'::bool::text, 1.6::int, '1.6'::numeric::int8, 1::text, 1::varchar, true::varchar("
     "2)",
     "t|1|true|2|2|1|1|tr"},
    {"1::timestamptz", "ERROR 42846: cannot cast type integer to timestamp with time zone"},
    {"true::int8", "ERROR 42846: cannot cast type boolean to bigint"},
    {"'{}'::jsonb::bool", "ERROR 22023: cannot cast jsonb object to type boolean"},
    {"now()::int4", "ERROR 42846: cannot cast type timestamp with time zone to integer"},
    {"'a'::uuid::int4", "ERROR 22P02: invalid input syntax for type uuid: \"a\""},
    {"1::uuid", "ERROR 42846: cannot cast type integer to uuid"},
    {"interval '1 day'::time, '03:04'::time::interval", "00:00:00|03:04:00"},
    {"'abc'::varchar(2), 'abc'::char(2), 'a'::char(3)::text || '|', 'ab'::char(1)", "ab|ab|a||a"},
    {"'5'::xid8::xid, 5::oid::int8, 5::oid::text", "5|5|5"},
    {"'1.239'::numeric(4,2)::text, 1::numeric(4,2), '{1.239}'::numeric(4,2)[]", "1.24|1.00|{1.24}"},
    {"12345.678::float4, 16777217::float4, 1e40::float8::float4", "ERROR 22003: value out of range: overflow"},
    {"'abc'::name, 1::name", "abc|1"},
    {"'{\"a\": 1}'::json::jsonb, '{\"a\":1}'::jsonb::json, '{\"a\":1}'::jsonb::text",
     "{\"a\": 1}|{\"a\": 1}|{\"a\": 1}"},
};

TEST(SqlResolution, ChoosesAsPostgresqlDoes) { expect_results(kChosen); }
TEST(SqlResolution, RefusesAsPostgresqlDoes) { expect_results(kRefused); }
TEST(SqlResolution, CastsAsPostgresqlDoes) { expect_results(kCasts); }

}  // namespace
}  // namespace orrery::sim::database::testing
