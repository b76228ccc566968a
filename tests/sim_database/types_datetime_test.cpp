#include <gtest/gtest.h>

#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

// Every result was taken from a PostgreSQL 15 server.

constexpr Expectation kTimestamps[] = {
    {"'2024-01-02'::timestamptz, '2024-01-02 03:04'::timestamptz, '2024-01-02T03:04:05.1Z'::timestamptz, '202401"
     "02T030405Z'::timestamptz",
     "2024-01-02 00:00:00+00|2024-01-02 03:04:00+00|2024-01-02 03:04:05.1+00|2024-01-02 03:04:05+00"},
    {"'2024-01-02 03:04:05.1234567+02'::timestamptz, '2024-01-02 03:04:05-0330'::timestamptz, '2024-01-02 03:04:"
     "05+02'::timestamp",
     "2024-01-02 01:04:05.123457+00|2024-01-02 06:34:05+00|2024-01-02 03:04:05"},
    {"'Jan 2 2024'::date, '2 January 2024 3:04 PM'::timestamp, '1/8/1999'::date, 'Tue Jan 2 03:04:05 2024'::time"
     "stamp, '2024-366'::date",
     "2024-01-02|2024-01-02 15:04:00|1999-01-08|2024-01-02 03:04:05|2024-12-31"},
    {"'infinity'::timestamptz, '-infinity'::date, 'epoch'::timestamptz, '0044-03-15 BC'::date, '2024-01-02 24:00"
     "'::timestamp, '2024-01-02 23:59:60'::timestamp",
     "infinity|-infinity|1970-01-01 00:00:00+00|0044-03-15 BC|2024-01-03 00:00:00|2024-01-03 00:00:00"},
    {"'294276-12-31 23:59:59.999999'::timestamp, '4714-11-24 BC'::timestamp",
     "294276-12-31 23:59:59.999999|4714-11-24 00:00:00 BC"},
    {"'2024-01-02 03:04:05.987'::timestamptz(0), '03:04:05.55'::time(1)", "2024-01-02 03:04:06+00|03:04:05.6"},
    {"'24:00'::time, '3:04 PM'::time, '030405'::time", "24:00:00|15:04:00|03:04:05"},
};

constexpr Expectation kErrors[] = {
    {"''::timestamptz", "ERROR 22007: invalid input syntax for type timestamp with time zone: \"\""},
    {"'x'::timestamptz", "ERROR 22007: invalid input syntax for type timestamp with time zone: \"x\""},
    {"'2024-13-01'::timestamptz",
     "ERROR 22008: date/time field value out of range: \"2024-13-01\"\nHINT: Perhaps you need a different \"date"
     "style\" setting."},
    {"'2024-02-30'::date", "ERROR 22008: date/time field value out of range: \"2024-02-30\""},
    {"'2023-02-29'::timestamp", "ERROR 22008: date/time field value out of range: \"2023-02-29\""},
    {"'2024-01-02 25:00'::timestamptz", "ERROR 22008: date/time field value out of range: \"2024-01-02 25:00\""},
    {"'2024-01-02 03:04:05+16'::timestamptz",
     "ERROR 22009: time zone displacement out of range: \"2024-01-02 03:04:05+16\""},
    {"'294277-01-01'::timestamptz", "ERROR 22008: timestamp out of range: \"294277-01-01\""},
    {"'5874898-01-01'::date", "ERROR 22008: date out of range: \"5874898-01-01\""},
    {"'25:00'::time", "ERROR 22008: date/time field value out of range: \"25:00\""},
    {"'2024-01-02 x'::timestamptz",
     "ERROR 22007: invalid input syntax for type timestamp with time zone: \"2024-01-02 x\""},
    {"'0000-01-01'::date", "ERROR 22008: date/time field value out of range: \"0000-01-01\""},
    {"'99-01-02'::date",
     "ERROR 22008: date/time field value out of range: \"99-01-02\"\nHINT: Perhaps you need a different \"datest"
     "yle\" setting."},
};

constexpr Expectation kArithmetic[] = {
    {"'2024-01-31'::timestamptz + interval '1 month', '2024-03-31'::timestamptz - interval '1 mon 1 day 01:00'",
     "2024-02-29 00:00:00+00|2024-02-27 23:00:00+00"},
    {"'2024-02-29'::timestamp + interval '1 year', '2024-01-02'::date + interval '1 day 2 hours'",
     "2025-02-28 00:00:00|2024-01-03 02:00:00"},
    {"'2024-01-02'::timestamptz - '2023-12-31 01:00'::timestamptz, '2023-12-31 01:00'::timestamptz - '2024-01-02"
     "'::timestamptz",
     "1 day 23:00:00|-1 days -23:00:00"},
    {"'2024-01-02'::date - '2023-12-31'::date, '2024-01-02'::date + 30, '23:00'::time + interval '2 hours', '10:"
     "00'::time - '11:30'::time",
     "2|2024-02-01|01:00:00|-01:30:00"},
    {"'infinity'::timestamptz + interval '1 day'", "infinity"},
    {"'infinity'::timestamptz - now()", "ERROR 22008: cannot subtract infinite timestamps"},
    {"'294276-12-31'::timestamptz + interval '1 year'", "ERROR 22008: timestamp out of range"},
    {"age('2024-03-01'::timestamptz, '2023-12-31 12:00'::timestamptz), age('2023-12-31 12:00'::timestamptz, '202"
     "4-03-01'::timestamptz)",
     "2 mons 12:00:00|-2 mons -12:00:00"},
    {"'2024-01-02'::timestamptz > '2024-01-01 23:00'::timestamp, '2024-01-02'::date = '2024-01-02'::timestamptz",
     "t|t"},
    {"now() + 1",
     "ERROR 42883: operator does not exist: timestamp with time zone + integer\nHINT: No operator matches the gi"
     "ven name and argument types. You might need to add explicit type casts."},
    {"'2024-01-02'::date + '1'",
     "ERROR 42725: operator is not unique: date + unknown\nHINT: Could not choose a best candidate operator. You"
     " might need to add explicit type casts."},
};

constexpr Expectation kParts[] = {
    {"extract(epoch from '2024-01-02 03:04:05.1+00'::timestamptz), extract(epoch from interval '1 year 1 mon 1 d"
     "ay 02:03:04.5')",
     "1704164645.100000|34243384.500000"},
    {"extract(second from '03:04:05.1'::time), extract(milliseconds from '03:04:05.1'::time), extract(microsecon"
     "ds from '03:04:05.1'::time)",
     "5.100000|5100.000|5100000"},
    {"extract(dow from '2024-01-07'::date), extract(isodow from '2024-01-07'::date), extract(doy from '2024-12-3"
     "1'::date), extract(week from '2024-12-30'::date), extract(isoyear from '2024-12-30'::date), extract(quarte"
     "r from '2024-05-01'::date)",
     "0|7|366|1|2025|2"},
    {"extract(century from '2000-01-01'::date), extract(century from '2001-01-01'::date), extract(millennium fro"
     "m '2001-01-01'::date), extract(decade from '1999-01-01'::date), extract(year from '0044-03-15 BC'::date)",
     "20|21|3|199|-44"},
    {"date_part('epoch', '2024-01-02 03:04:05.1+00'::timestamptz), date_part('hour', '2024-01-02'::date)",
     "1704164645.1|0"},
    {"extract(hour from '2024-01-02'::date)", "ERROR 0A000: unit \"hour\" not supported for type date"},
    {"extract(foo from now())", "ERROR 22023: unit \"foo\" not recognized for type timestamp with time zone"},
    {"extract(year from 'infinity'::timestamptz), extract(hour from 'infinity'::timestamptz)", "Infinity|NULL"},
    {"extract(julian from '2024-01-02 12:00'::timestamp)", "2460312.50000000000000000000"},
    {"date_trunc('hour', '2024-01-02 03:04:05'::timestamptz), date_trunc('week', '2024-01-07'::timestamptz), dat"
     "e_trunc('quarter', '2024-06-07'::timestamp), date_trunc('century', '2000-06-07'::timestamp), date_trunc('m"
     "illiseconds', '2024-01-02 03:04:05.123456'::timestamp)",
     "2024-01-02 03:00:00+00|2024-01-01 00:00:00+00|2024-04-01 00:00:00|1901-01-01 00:00:00|2024-01-02 03:04:05."
     "123"},
    {"date_trunc('dow', '2024-01-02'::timestamptz)",
     "ERROR 22023: unit \"dow\" not recognized for type timestamp with time zone"},
    {"date_trunc('month', interval '1 year 2 mons 3 days')", "1 year 2 mons"},
    {"'2024-01-02 03:04:05.1'::timestamptz::date, '2024-01-02 03:04:05.1'::timestamptz::time, '2024-01-02'::time"
     "stamptz at time zone 'UTC'",
     "2024-01-02|03:04:05.1|2024-01-02 00:00:00"},
    {"make_date(2024, 2, 29), to_timestamp(1704164645.1)", "2024-02-29|2024-01-02 03:04:05.1+00"},
    {"make_date(2023, 2, 29)", "ERROR 22008: date field value out of range: 2023-02-29"},
};

constexpr Expectation kIntervals[] = {
    {"interval '30 seconds', interval '24 hours', interval '7 days', interval '10 s', interval '1 day 02:03:04.5"
     "'",
     "00:00:30|24:00:00|7 days|00:00:10|1 day 02:03:04.5"},
    {"interval '-1 mon +2 days -00:00:01', interval '1 year -3 mons', interval '1 day ago', interval '-1 2:03:04"
     "'",
     "-1 mons +2 days -00:00:01|9 mons|-1 days|-1 days +02:03:04"},
    {"interval '1.5 days', interval '1.5 months', interval '1.25 years', interval '1.5 weeks', interval '1.5 hou"
     "rs', interval '0.1 s'",
     "1 day 12:00:00|1 mon 15 days|1 year 3 mons|10 days 12:00:00|01:30:00|00:00:00.1"},
    {"interval '1-2', interval '3 4:05:06', interval '90', interval '1 12:59:10', interval '02:03.5'",
     "1 year 2 mons|3 days 04:05:06|00:01:30|1 day 12:59:10|00:02:03.5"},
    {"interval 'P1Y2M3DT4H5M6.5S', interval 'PT0.5S', interval 'P1W', interval '-P1D'",
     "ERROR 22007: invalid input syntax for type interval: \"-P1D\""},
    {"interval '1 decade', interval '1 us', interval '5 ms', interval '1 h 2 m 3 s', interval '3 weeks 2 days'",
     "10 years|00:00:00.000001|00:00:00.005|01:02:03|23 days"},
    {"interval '1 fortnight'", "ERROR 22007: invalid input syntax for type interval: \"1 fortnight\""},
    {"interval 'x'", "ERROR 22007: invalid input syntax for type interval: \"x\""},
    {"interval ''", "ERROR 22007: invalid input syntax for type interval: \"\""},
    {"interval '1 day 1 day'", "ERROR 22007: invalid input syntax for type interval: \"1 day 1 day\""},
    {"interval '99999999999 days'", "ERROR 22015: interval field value out of range: \"99999999999 days\""},
    {"interval '00:60:00'", "ERROR 22015: interval field value out of range: \"00:60:00\""},
    {"interval '1.55555 s'::interval(2)", "00:00:01.56"},
    {"'2024-01-01'::interval", "ERROR 22007: invalid input syntax for type interval: \"2024-01-01\""},
};

constexpr Expectation kScaled[] = {
    {"interval '1 mon' = interval '30 days', interval '1 day' = interval '24 hours', interval '1 mon' > interval"
     " '29 days 23:59'",
     "t|t|t"},
    {"interval '1 day' + interval '2 hours', interval '1 mon' - interval '3 days', -interval '1 day 01:00'",
     "1 day 02:00:00|1 mon -3 days|-1 days -01:00:00"},
    {"interval '1 mon' * 0.5, interval '1 day 02:00' * 1.5, interval '1 year' / 7, 2 * interval '90 s', interval"
     " '1 mon 15 days' / 2",
     "15 days|1 day 15:00:00|1 mon 21 days 10:17:08.5344|00:03:00|22 days 12:00:00"},
    {"interval '1 day' / 0", "ERROR 22012: division by zero"},
    {"justify_hours(interval '50 hours'), justify_days(interval '65 days')", "2 days 02:00:00|2 mons 5 days"},
    {"make_interval(secs => 3.5), make_interval(days => 2, hours => 3), make_interval(1, 2, 3, 4, 5, 6, 7.5), ma"
     "ke_interval(secs => NULL)",
     "00:00:03.5|2 days 03:00:00|1 year 2 mons 25 days 05:06:07.5|NULL"},
    {"make_interval(foo => 1)",
     "ERROR 42883: function make_interval(foo => integer) does not exist\nHINT: No function matches the given na"
     "me and argument types. You might need to add explicit type casts."},
    {"make_interval(secs => 'x')", "ERROR 22P02: invalid input syntax for type double precision: \"x\""},
};

TEST(SqlTimes, AreReadInTheUsualForms) { expect_results(kTimestamps); }
TEST(SqlTimes, AreRefusedWithPostgresqlsErrors) { expect_results(kErrors); }
TEST(SqlTimes, AreAddedAndSubtracted) { expect_results(kArithmetic); }
TEST(SqlTimes, HaveParts) { expect_results(kParts); }
TEST(SqlIntervals, AreReadAndPrinted) { expect_results(kIntervals); }
TEST(SqlIntervals, AreComparedAddedAndScaled) { expect_results(kScaled); }

}  // namespace
}  // namespace orrery::sim::database::testing
