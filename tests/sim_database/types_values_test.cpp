#include <gtest/gtest.h>

#include <algorithm>

#include "sim/database/types/functions.hpp"
#include "sim/database/types/jsonb.hpp"
#include "sim/database/types/numeric.hpp"
#include "tests/sim_database/types_expression.hpp"

namespace orrery::sim::database::testing {
namespace {

Value read(Type type, std::string_view text) { return input_text(TypeRef(type), text); }

std::string error_of(auto action) {
  try {
    action();
  } catch (const SqlError& error) {
    return error.sqlstate + " " + error.message;
  }
  return "no error";
}

TEST(SqlValues, ShareTheirHeapDataAndFreeItOnce) {
  const std::string text(100, 'x');
  Value copy;
  EXPECT_TRUE(copy.is_null());
  {
    const Value value = Value::bytes(text);
    copy = value;
    Value moved = std::move(copy);
    EXPECT_TRUE(copy.is_null());  // NOLINT(bugprone-use-after-move): a moved-from value is NULL
    copy = moved;
    copy = *&copy;
    EXPECT_EQ(value.bytes().data(), copy.bytes().data());
  }
  EXPECT_EQ(copy.bytes(), text);
  EXPECT_EQ(Value::bytes("").heap_size(), 0U);
  EXPECT_EQ(Value::bytes("fourteen bytes").heap_size(), 0U);
  EXPECT_GT(Value::bytes("fifteen bytes: ").heap_size(), 0U);
}

TEST(SqlValues, ArraysAndRecordsFreeTheirParts) {
  std::vector<Value> elements;
  for (int i = 0; i < 3; ++i) elements.push_back(Value::bytes(std::string(50, static_cast<char>('a' + i))));
  const Value array = make_array(TypeRef(Type::text), elements);
  const Value again = array;
  RecordData record;
  record.shape = std::make_shared<RecordShape>(RecordShape{{"a"}, {TypeRef(Type::text).array()}});
  record.fields.push_back(again);
  const Value row = Value::record(std::move(record));
  EXPECT_EQ(row.record().fields[0].array().elements[2].bytes(), std::string(50, 'c'));
}

TEST(SqlValues, EqualOnesHaveEqualHashes) {
  struct Pair {
    Type type;
    const char* left;
    const char* right;
  };
  const Pair pairs[] = {
      {Type::numeric, "1.50", "1.5"},
      {Type::numeric, "100000000000000000000000.000", "1e23"},
      {Type::float8, "-0", "0"},
      {Type::interval, "1 mon", "30 days"},
      {Type::interval, "24 hours", "1 day"},
      {Type::jsonb, R"({"a": 1.0, "b": [2]})", R"({"b": [2.00], "a": 1})"},
      {Type::bpchar, "a  ", "a"},
      {Type::text, "the same long text in two values", "the same long text in two values"},
  };
  for (const Pair& pair : pairs) {
    const Value left = read(pair.type, pair.left);
    const Value right = read(pair.type, pair.right);
    EXPECT_TRUE(equal_function(TypeRef(pair.type))(left, right)) << pair.left;
    EXPECT_EQ(hash_function(TypeRef(pair.type))(left), hash_function(TypeRef(pair.type))(right)) << pair.left;
    EXPECT_EQ(compare_values(TypeRef(pair.type), left, right), 0) << pair.left;
  }
}

TEST(SqlValues, HaveTheSameHashInEveryBuild) {
  EXPECT_EQ(hash_function(TypeRef(Type::text))(Value::bytes("outbox_events")), 7925961745110108245ULL);
  EXPECT_EQ(hash_function(TypeRef(Type::int8))(Value::integer(42)), 12700619801372720886ULL);
  EXPECT_EQ(hash_function(TypeRef(Type::numeric))(read(Type::numeric, "1.50")), 600959423767132822ULL);
}

TEST(SqlValues, AreOrderedAsPostgresqlOrdersThem) {
  const auto sorted = [](Type type, std::vector<std::string> texts) {
    std::vector<Value> values;
    for (const std::string& text : texts) values.push_back(read(type, text));
    std::sort(values.begin(), values.end(),
              [type](const Value& a, const Value& b) { return compare_values(TypeRef(type), a, b) < 0; });
    std::string line;
    for (const Value& value : values) line += output_text(TypeRef(type), value) + " ";
    return line;
  };
  EXPECT_EQ(sorted(Type::text, {"b", "a", "B", "", "é", "ab"}), " B a ab b é ");
  EXPECT_EQ(sorted(Type::numeric, {"NaN", "1", "-Infinity", "1.5", "-2", "Infinity"}),
            "-Infinity -2 1 1.5 Infinity NaN ");
  EXPECT_EQ(sorted(Type::float8, {"NaN", "1", "-inf", "inf", "0"}), "-Infinity 0 1 Infinity NaN ");
  EXPECT_EQ(sorted(Type::jsonb, {"{}", "[]", "null", "\"a\"", "1", "true", "[1]"}), "[] null \"a\" 1 true [1] {} ");
  EXPECT_EQ(sorted(Type::xid8, {"18446744073709551615", "1", "9223372036854775808"}),
            "1 9223372036854775808 18446744073709551615 ");
}

TEST(SqlValues, ComeFromParametersAsTheStatementTypesThem) {
  const auto as = [](const SqlValue& parameter, Type type) {
    const Value value = from_sql_value(parameter, TypeRef(type));
    return value.is_null() ? std::string("NULL") : output_text(TypeRef(type), value);
  };
  EXPECT_EQ(as(42, Type::int4), "42");
  EXPECT_EQ(as(42, Type::text), "42");
  EXPECT_EQ(as(42, Type::numeric), "42");
  EXPECT_EQ(as(42, Type::jsonb), "42");
  EXPECT_EQ(as("42", Type::int8), "42");
  EXPECT_EQ(as(true, Type::boolean), "t");
  EXPECT_EQ(as(1.5, Type::numeric), "1.5");
  EXPECT_EQ(as("{a,b}", Type::text), "{a,b}");
  EXPECT_EQ(as(nullptr, Type::uuid), "NULL");
  EXPECT_EQ(error_of([&] { as(std::int64_t{1} << 40, Type::int4); }),
            "22003 value \"1099511627776\" is out of range for type integer");
  EXPECT_EQ(error_of([&] { as("x", Type::uuid); }), "22P02 invalid input syntax for type uuid: \"x\"");
  EXPECT_EQ(error_of([&] { as(1.5, Type::int4); }), "22P02 invalid input syntax for type integer: \"1.5\"");
  EXPECT_EQ(error_of([&] { as(std::string("\xff"), Type::text); }),
            "22021 invalid byte sequence for encoding \"UTF8\": 0xff");
  EXPECT_EQ(error_of([&] { as(std::string(1, '\0'), Type::text); }),
            "22021 invalid byte sequence for encoding \"UTF8\": 0x00");
}

TEST(SqlValues, GoToTheClientAsNumbersOrText) {
  EXPECT_EQ(to_sql_value(Value::integer(7), TypeRef(Type::int8)), SqlValue(7));
  EXPECT_EQ(to_sql_value(Value::boolean(true), TypeRef(Type::boolean)), SqlValue(true));
  EXPECT_EQ(to_sql_value(Value::real(0.5), TypeRef(Type::float8)), SqlValue(0.5));
  EXPECT_EQ(to_sql_value(read(Type::float4, "0.1"), TypeRef(Type::float4)), SqlValue(0.1));
  EXPECT_EQ(to_sql_value(read(Type::numeric, "1.50"), TypeRef(Type::numeric)), SqlValue("1.50"));
  EXPECT_EQ(to_sql_value(read(Type::timestamptz, "2024-01-02 03:04:05.1Z"), TypeRef(Type::timestamptz)),
            SqlValue("2024-01-02 03:04:05.1+00"));
  EXPECT_TRUE(to_sql_value(Value(), TypeRef(Type::int4)).is_null());
}

TEST(SqlValues, TooLongTextFailsAnAssignmentAndIsCutByACast) {
  const TypeRef varchar(Type::varchar, typmod_of(Type::varchar, {2}));
  const auto assign = find_cast(TypeRef(Type::text), varchar, CastContext::assignment);
  const auto cast = find_cast(TypeRef(Type::text), varchar, CastContext::explicit_);
  EXPECT_EQ(output_text(varchar, (*cast)(Value::bytes("abc"))), "ab");
  EXPECT_EQ(output_text(varchar, (*assign)(Value::bytes("ab   "))), "ab");
  EXPECT_EQ(error_of([&] { (void)(*assign)(Value::bytes("abc")); }),
            "22001 value too long for type character varying(2)");
}

TEST(SqlValues, CastOnlyWhereTheContextAllowsIt) {
  const auto has = [](Type from, Type to, CastContext context) {
    return find_cast(TypeRef(from), TypeRef(to), context).has_value();
  };
  EXPECT_TRUE(has(Type::int4, Type::int8, CastContext::implicit));
  EXPECT_FALSE(has(Type::int8, Type::int4, CastContext::implicit));
  EXPECT_TRUE(has(Type::int8, Type::int4, CastContext::assignment));
  EXPECT_TRUE(has(Type::int4, Type::text, CastContext::assignment));
  EXPECT_FALSE(has(Type::text, Type::int4, CastContext::assignment));
  EXPECT_TRUE(has(Type::text, Type::int4, CastContext::explicit_));
  EXPECT_FALSE(has(Type::int4, Type::boolean, CastContext::assignment));
  EXPECT_FALSE(has(Type::timestamptz, Type::int4, CastContext::explicit_));
}

TEST(SqlEnums, AreOrderedByTheirDefinition) {
  const EnumLabel pending{"pending", 1};
  const EnumLabel paid{"paid", 2};
  const EnumLabel reserved{"reserved", 1.5};  // ALTER TYPE … ADD VALUE … BEFORE 'paid'
  EnumType status;
  status.name = "order_status";
  status.labels = {&pending, &reserved, &paid};
  const TypeRef type(status);
  const Value first = input_text(type, "pending");
  const Value middle = input_text(type, "reserved");
  EXPECT_LT(compare_values(type, first, middle), 0);
  EXPECT_GT(compare_values(type, input_text(type, "paid"), middle), 0);
  EXPECT_EQ(output_text(type, middle), "reserved");
  EXPECT_EQ(error_of([&] { (void)input_text(type, "lost"); }),
            "22P02 invalid input value for enum order_status: \"lost\"");
  const ResolvedCall equals = resolve_operator("=", type, TypeRef(Type::unknown));
  EXPECT_TRUE(equals.site.arguments[1].same(type));
  EXPECT_EQ(error_of([&] { (void)resolve_operator("=", type, TypeRef(Type::text)); }),
            "42883 operator does not exist: order_status = text");
  EXPECT_TRUE(find_cast(type, TypeRef(Type::text), CastContext::explicit_).has_value());
}

TEST(SqlTypes, AreNamedAsPostgresqlPrintsThem) {
  EXPECT_EQ(type_name(TypeRef(Type::timestamptz)), "timestamp with time zone");
  EXPECT_EQ(type_name(TypeRef(Type::int4).array()), "integer[]");
  EXPECT_EQ(type_name_with_typmod(TypeRef(Type::numeric, typmod_of(Type::numeric, {12, 2}))), "numeric(12,2)");
  EXPECT_EQ(type_name_with_typmod(TypeRef(Type::timestamptz, 3)), "timestamp(3) with time zone");
  EXPECT_EQ(type_name_with_typmod(TypeRef(Type::varchar, 14)), "character varying(10)");
  EXPECT_EQ(type_by_name("timestamptz"), Type::timestamptz);
  EXPECT_EQ(type_by_name("no_such_type"), std::nullopt);
  EXPECT_EQ(error_of([] { (void)typmod_of(Type::numeric, {1001}); }),
            "22023 NUMERIC precision 1001 must be between 1 and 1000");
}

TEST(SqlFunctions, AskTheStatementForTimeIdsAndChance) {
  EXPECT_EQ(evaluate("now(), statement_timestamp(), clock_timestamp()"),
            "2024-01-02 03:04:05.1+00|2024-01-02 03:04:06.1+00|2024-01-02 03:04:07.1+00");
  EXPECT_EQ(evaluate("'now'::timestamptz, 'today'::date, 'tomorrow'::timestamptz"),
            "2024-01-02 03:04:05.1+00|2024-01-02|2024-01-03 00:00:00+00");
  EXPECT_EQ(evaluate("pg_current_xact_id(), pg_current_xact_id_if_assigned(), pg_snapshot_xmin(pg_current_snapshot())"),
            "742|NULL|740");
  const std::string uuid = evaluate("gen_random_uuid()");
  EXPECT_EQ(uuid, evaluate("gen_random_uuid()"));
  EXPECT_EQ(uuid[14], '4');
  EXPECT_TRUE(std::string("89ab").find(uuid[19]) != std::string::npos) << uuid;
  EXPECT_EQ(evaluate("random() < 1, random() >= 0"), "t|t");
}

TEST(SqlFunctions, ThatAreNotSimulatedSayIt) {
  EXPECT_EQ(evaluate("'aba' ~ '(a)b\\1'"), "ERROR 0A000: a back reference in a regular expression is not supported by the simulated database");
  EXPECT_EQ(evaluate("to_char(now(), 'YYYY')"), "ERROR 0A000: to_char() is not supported by the simulated database");
  EXPECT_EQ(evaluate("to_timestamp('a', 'b')"), "ERROR 0A000: function to_timestamp(unknown, unknown) is not supported by the simulated database");
  EXPECT_EQ(evaluate("'[1]'::jsonb @? '$'"), "ERROR 0A000: operator jsonb @? unknown is not supported by the simulated database");
  EXPECT_TRUE(evaluate("no_such_function(1)").starts_with("ERROR 42883: function no_such_function(integer) does not exist"));
  EXPECT_TRUE(evaluate("length(1)").starts_with("ERROR 42883: function length(integer) does not exist"));
  EXPECT_EQ(evaluate("'1999 Jan 08'::date"), "ERROR 0A000: the format of \"1999 Jan 08\" for type date is not supported by the simulated database");
  EXPECT_EQ(evaluate("'1999 nonsense'::date"), "ERROR 22007: invalid input syntax for type date: \"1999 nonsense\"");
  EXPECT_EQ(evaluate("now() at time zone 'Europe/Berlin'"),
            "ERROR 0A000: time zone \"Europe/Berlin\" is not supported by the simulated database");
}

}  // namespace
}  // namespace orrery::sim::database::testing
