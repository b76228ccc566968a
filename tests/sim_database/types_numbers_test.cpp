#include <gtest/gtest.h>

#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

// Every result was taken from a PostgreSQL 15 server.

constexpr Expectation kDivisions[] = {
    {"1/3::numeric", "0.33333333333333333333"},
    {"2.5*1.50", "3.750"},
    {"10.0/4", "2.5000000000000000"},
    {"1e10/3::numeric", "3333333333.33333333"},
    {"0.00001/3", "0.000003333333333333333333"},
    {"123456789012345678901234567890/7.0", "17636684144620811271604938270.0"},
    {"1/1e20::numeric", "0.0000000000000000000100000000000000000000"},
    {"7/2", "3"},
    {"(-7)/2", "-3"},
    {"(-7) % 3", "-1"},
    {"7 % -3", "1"},
    {"-7.5 % 2", "-1.5"},
    {"div(-7,2)", "-3"},
    {"div(7.5,2)", "3"},
    {"1::numeric/0", "ERROR 22012: division by zero"},
    {"1/0", "ERROR 22012: division by zero"},
    {"1.5::float8/0", "ERROR 22012: division by zero"},
    {"0::float8/0", "ERROR 22012: division by zero"},
};

constexpr Expectation kOverflows[] = {
    {"2147483647 + 1", "ERROR 22003: integer out of range"},
    {"32767::int2 + 1::int2", "ERROR 22003: smallint out of range"},
    {"9223372036854775807::int8 + 1", "ERROR 22003: bigint out of range"},
    {"(-2147483648) / (-1)", "ERROR 22003: integer out of range"},
    {"abs((-2147483648)::int4)", "ERROR 22003: integer out of range"},
    {"2147483647 * 2", "ERROR 22003: integer out of range"},
    {"100::int2 * 1000::int2", "ERROR 22003: smallint out of range"},
    {"1e10::float8::int4", "ERROR 22003: integer out of range"},
    {"'nan'::float8::int4", "ERROR 22003: integer out of range"},
    {"1e30::numeric::int8", "ERROR 22003: bigint out of range"},
    {"'NaN'::numeric::int4", "ERROR 0A000: cannot convert NaN to integer"},
    {"(1 - 1.5e-1000) ^ 1.45e1003", "ERROR 0A000: such a large power of a numeric is not supported by the simulated database"},
    {"1.000000000000001 ^ 3000000000", "ERROR 0A000: such a large power of a numeric is not supported by the simulated database"},
    {"1e308::float8 * 10", "ERROR 22003: value out of range: overflow"},
    {"1e-308::float8 * 1e-308", "ERROR 22003: value out of range: underflow"},
    {"1e300::float8::float4", "ERROR 22003: value out of range: overflow"},
    {"1234::numeric(3,2)",
     "ERROR 22003: numeric field overflow\nDETAIL: A field with precision 3, scale 2 must round to an absolute v"
     "alue less than 10^1."},
    {"1::numeric(2,2)",
     "ERROR 22003: numeric field overflow\nDETAIL: A field with precision 2, scale 2 must round to an absolute v"
     "alue less than 1."},
    {"'inf'::numeric(4,1)",
     "ERROR 22003: numeric field overflow\nDETAIL: A field with precision 4, scale 1 cannot hold an infinite val"
     "ue."},
    {"1e131073::numeric", "ERROR 22003: value overflows numeric format"},
    {"power(10::numeric, 200000)", "ERROR 22003: value overflows numeric format"},
};

constexpr Expectation kRoundings[] = {
    {"round(2.5)", "3"},
    {"round(-2.5)", "-3"},
    {"round(2.5::float8)", "2"},
    {"round(3.5::float8)", "4"},
    {"round(12345.6789, 2)", "12345.68"},
    {"round(12345.6789, -2)", "12300"},
    {"trunc(-12345.6789, 1)", "-12345.6"},
    {"1.005::numeric(3,2)", "1.01"},
    {"2.5::int4, 3.5::int4, 2.5::float8::int4, 3.5::float8::int4", "3|4|2|4"},
    {"ceil(-0.5), floor(-0.5), ceil(1.1), floor(1.9)", "0|-1|2|1"},
    {"0.1::float8::numeric, 1e20::float8::numeric, 123456789.123456789::float8::numeric",
     "0.1|100000000000000000000|123456789.123457"},
};

constexpr Expectation kScales[] = {
    {"1.50::numeric", "1.50"},
    {"1.50 = 1.5", "t"},
    {"1.50 + 1", "2.50"},
    {"'1e5'::numeric, '1.5e-3'::numeric", "100000|0.0015"},
    {"'.5'::numeric, '5.'::numeric, '+3'::numeric", "0.5|5|3"},
    {"'NaN'::numeric = 'NaN', 'NaN'::numeric > 'Infinity'", "t|t"},
    {"trim_scale(1.500), scale(1.500)", "1.5|3"},
    {"99999999999999999999.5 + 0.5", "100000000000000000000.0"},
    {"-9223372036854775808::numeric - 1", "-9223372036854775809"},
    {"123456789012345678901234567890 * 98765432109876543210", "12193263113702179522496570642237463801111263526900"},
    {"100000000000000000000 - 99999999999999999999.99", "0.01"},
};

constexpr Expectation kRoots[] = {
    {"sqrt(2::numeric)", "1.414213562373095"},
    {"sqrt(12345678.9)", "3513.6418286444622"},
    {"sqrt(0.0001)", "0.01000000000000000"},
    {"sqrt(-1)", "ERROR 2201F: cannot take square root of a negative number"},
    {"2::numeric ^ 10", "1024.0000000000000000"},
    {"2.0::numeric ^ (-3)", "0.1250000000000000"},
    {"1.5::numeric ^ 10", "57.6650390625000000"},
    {"power(2, 5)", "32"},
    {"power(0, -1)", "ERROR 2201F: zero raised to a negative power is undefined"},
    {"power(-8, 0.5)", "ERROR 2201F: a negative number raised to a non-integer power yields a complex result"},
    {"ln(0::float8)", "ERROR 2201E: cannot take logarithm of zero"},
    {"exp(1::float8)", "2.718281828459045"},
    {"gcd(12, 18)", "6"},
};

constexpr Expectation kInputs[] = {
    {"'x'::int4", "ERROR 22P02: invalid input syntax for type integer: \"x\""},
    {"''::int4", "ERROR 22P02: invalid input syntax for type integer: \"\""},
    {"' 42 '::int4", "42"},
    {"'2147483648'::int4", "ERROR 22003: value \"2147483648\" is out of range for type integer"},
    {"'1.0'::int4", "ERROR 22P02: invalid input syntax for type integer: \"1.0\""},
    {"'-32769'::int2", "ERROR 22003: value \"-32769\" is out of range for type smallint"},
    {"'9223372036854775808'::int8", "ERROR 22003: value \"9223372036854775808\" is out of range for type bigint"},
    {"'1e'::numeric", "ERROR 22P02: invalid input syntax for type numeric: \"1e\""},
    {"'1_000'::numeric", "ERROR 22P02: invalid input syntax for type numeric: \"1_000\""},
    {"'--1'::numeric", "ERROR 22P02: invalid input syntax for type numeric: \"--1\""},
    {"'abc'::float8", "ERROR 22P02: invalid input syntax for type double precision: \"abc\""},
    {"'1e400'::float8", "ERROR 22003: \"1e400\" is out of range for type double precision"},
    {"'1e-400'::float8", "ERROR 22003: \"1e-400\" is out of range for type double precision"},
    {"'t'::bool, 'yes'::bool, 'OFF'::bool, '0'::bool", "t|t|f|f"},
    {"'o'::bool", "ERROR 22P02: invalid input syntax for type boolean: \"o\""},
    {"'4294967296'::oid", "ERROR 22003: value \"4294967296\" is out of range for type oid"},
    {"'5'::xid8, '18446744073709551615'::xid8, 'x'::xid8", "5|18446744073709551615|0"},
};

constexpr Expectation kDoubles[] = {
    {"0.1::float8, 1e20::float8, 1e15::float8, 1e14::float8, 123456789012345::float8",
     "0.1|1e+20|1e+15|100000000000000|123456789012345"},
    {"0.0001::float8, 0.00001::float8, 1.5e-300::float8", "0.0001|1e-05|1.5e-300"},
    {"'inf'::float8, '-inf'::float8, 'nan'::float8, '-0'::float8", "Infinity|-Infinity|NaN|-0"},
    {"0.1::float4, 1e6::float4, 123456.7::float4, 0.1::float4::float8", "0.1|1e+06|123456.7|0.10000000149011612"},
    {"5e-324::float8, 1.7976931348623157e308::float8", "5e-324|1.7976931348623157e+308"},
    {"18326423163471167::float8, 9007199254740993::float8, 26844888932777447::float8",
     "1.8326423163471168e+16|9.007199254740992e+15|2.6844888932777448e+16"},
    {"0.1::float8 + 0.2::float8, 1/3.0::float8", "0.30000000000000004|0.3333333333333333"},
};

TEST(SqlNumbers, DivideWithPostgresqlsScale) { expect_results(kDivisions); }
TEST(SqlNumbers, OverflowAsTheirTypesDo) { expect_results(kOverflows); }
TEST(SqlNumbers, AreRoundedHalfAwayFromZeroExceptDoubles) { expect_results(kRoundings); }
TEST(SqlNumbers, KeepTheirScaleAndCompareWithoutIt) { expect_results(kScales); }
TEST(SqlNumbers, HaveRootsAndPowers) { expect_results(kRoots); }
TEST(SqlNumbers, AreReadStrictly) { expect_results(kInputs); }
TEST(SqlNumbers, PrintDoublesInTheShortestForm) { expect_results(kDoubles); }

}  // namespace
}  // namespace orrery::sim::database::testing
