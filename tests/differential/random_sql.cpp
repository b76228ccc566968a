#include "tests/differential/random_sql.hpp"

#include <initializer_list>

namespace orrery::testing {

std::uint64_t RandomSql::draw() {  // splitmix64
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t x = state_;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

std::vector<std::string> RandomSql::schema() {
  std::vector<std::string> statements{
      "CREATE TABLE p (id int PRIMARY KEY, name varchar(6) UNIQUE)",
      "CREATE TABLE a (id int PRIMARY KEY, p int REFERENCES p ON DELETE " +
          std::string(pick({"CASCADE", "SET NULL", "RESTRICT", "NO ACTION"})) +
          ", n numeric(8,2) CHECK (n > -100), t text NOT NULL DEFAULT 'd', b boolean, i bigint, f float8, d date, at timestamptz, "
          "span interval, j jsonb, u uuid, xs int[], UNIQUE (t, i))",
      "INSERT INTO p SELECT g, 'p' || g FROM generate_series(1, 4) g",
  };
  for (int id = 1; id <= 4; ++id) {
    statements.push_back("INSERT INTO a VALUES (" + std::to_string(id) + ", " + std::to_string(id) + ", " + literal(Kind::integer) +
                         ", " + literal(Kind::text) + ", " + literal(Kind::boolean) + ", " + literal(Kind::bigint) + ", " +
                         literal(Kind::real) + ", " + literal(Kind::date) + ", " + literal(Kind::timestamptz) + ", " +
                         literal(Kind::interval) + ", " + literal(Kind::jsonb) + ", " + literal(Kind::uuid) + ", " +
                         literal(Kind::array) + ")");
  }
  return statements;
}

std::string RandomSql::statement() {
  switch (below(12)) {
    case 0:
    case 1:
      return insert();
    case 2:
      return update();
    case 3:
      return one_in(3) ? remove() : update();
    case 4:
      return grouped();
    case 5:
      return one_in(2) ? transaction() : select();
    case 6:
      return "SELECT " + wild(false);
    case 7:
      return one_in(2) ? merge() : select();
    default:
      return select();
  }
}

std::string RandomSql::literal(Kind kind) {
  if (one_in(12)) return "NULL";
  switch (kind) {
    case Kind::integer:
      return std::string(pick({"0", "1", "-1", "2", "3", "7", "42", "100", "2147483647", "-2147483648", "'5'"}));
    case Kind::bigint:
      return std::string(pick({"0", "1", "9223372036854775807", "-9223372036854775808", "10000000000", "12::bigint"}));
    case Kind::numeric:
      return std::string(pick({"0.0", "1.50", "-2.25", "3.14159", "1e10", "12345678901234567890", "0.001", "99.995", "'NaN'::numeric"}));
    case Kind::real:
      return std::string(pick({"0::float8", "1.5::float8", "-0.1::float8", "1e300::float8", "'Infinity'::float8", "2.5::float8"}));
    case Kind::text:
      return std::string(pick({"''", "'a'", "'abc'", "'Zoë'", "'it''s'", "'10'", "' x '", "'ABC%d_'", "'longer text'"}));
    case Kind::boolean:
      return std::string(pick({"true", "false", "'t'::boolean", "NULL::boolean"}));
    case Kind::date:
      return std::string(pick({"date '2024-02-29'", "'2000-01-01'::date", "date '1999-12-31'", "date 'infinity'"}));
    case Kind::timestamptz:
      return std::string(pick({"timestamptz '2024-01-02 03:04:05.1+00'", "'2000-01-01 00:00:00+02'::timestamptz",
                               "timestamptz '2024-03-31 23:59:59.999999'"}));
    case Kind::interval:
      return std::string(pick({"interval '1 day'", "interval '1 month -1 day'", "interval '02:03:04.5'", "interval '0'",
                               "'1 year 2 mons 3 days'::interval"}));
    case Kind::jsonb:
      return std::string(pick({"'{\"a\": 1, \"b\": [1, 2.50, null]}'::jsonb", "'[]'::jsonb", "'\"s\"'::jsonb", "'{\"a\": {\"b\": \"x\"}}'::jsonb",
                               "'null'::jsonb", "'{\"b\": 2, \"aa\": 1, \"a\": 0}'::jsonb"}));
    case Kind::uuid:
      return std::string(pick({"'123e4567-e89b-12d3-a456-426614174000'::uuid", "'00000000-0000-0000-0000-000000000000'::uuid"}));
    case Kind::array:
      return std::string(pick({"'{1,2,3}'::int[]", "ARRAY[4,5]", "'{}'::int[]", "ARRAY[1,NULL]"}));
  }
  return "NULL";
}

std::string RandomSql::expression(Kind kind, int depth, bool has_row) {
  if (depth <= 0 || one_in(4)) {
    if (!has_row || one_in(2)) return literal(kind);
    switch (kind) {
      case Kind::integer:
        return std::string(pick({"id", "p"}));
      case Kind::bigint:
        return "i";
      case Kind::numeric:
        return "n";
      case Kind::real:
        return "f";
      case Kind::text:
        return "t";
      case Kind::boolean:
        return "b";
      case Kind::date:
        return "d";
      case Kind::timestamptz:
        return "at";
      case Kind::interval:
        return "span";
      case Kind::jsonb:
        return "j";
      case Kind::uuid:
        return "u";
      case Kind::array:
        return "xs";
    }
  }
  return call(kind, depth - 1, has_row);
}

std::string RandomSql::call(Kind kind, int depth, bool has_row) {
  const auto of = [&](Kind each) { return expression(each, depth, has_row); };
  const auto infix = [&](Kind left, std::string_view operation, Kind right) {
    return "(" + of(left) + " " + std::string(operation) + " " + of(right) + ")";
  };
  if (one_in(10)) return "CASE WHEN " + of(Kind::boolean) + " THEN " + of(kind) + " ELSE " + of(kind) + " END";
  if (one_in(12)) return "coalesce(" + of(kind) + ", " + of(kind) + ")";
  if (one_in(14) && kind != Kind::jsonb) return "nullif(" + of(kind) + ", " + of(kind) + ")";
  const Kind number = static_cast<Kind>(below(4));
  switch (kind) {
    case Kind::integer:
      switch (below(6)) {
        case 0:
          return infix(kind, pick({"+", "-", "*", "/", "%", "&", "|"}), kind);
        case 1:
          return "length(" + of(Kind::text) + ")";
        case 2:
          return "(" + of(Kind::numeric) + ")::int";
        case 3:
          return "position(" + of(Kind::text) + " in " + of(Kind::text) + ")";
        case 4:
          return "(" + of(Kind::array) + ")[" + of(kind) + "]";
        default:
          return std::string(pick({"abs(", "-("})) + of(kind) + ")";
      }
    case Kind::bigint:
      return one_in(2) ? infix(kind, pick({"+", "-", "*", "/"}), one_in(2) ? Kind::integer : kind) : "(" + of(number) + ")::bigint";
    case Kind::numeric:
      switch (below(4)) {
        case 0:
          return infix(kind, pick({"+", "-", "*", "/", "%"}), one_in(2) ? Kind::integer : kind);
        case 1:
          return "round(" + of(kind) + ", " + std::string(pick({"0", "1", "2", "-1"})) + ")";
        case 2:
          return std::string(pick({"abs(", "ceil(", "floor(", "sign(", "trunc("})) + of(kind) + ")";
        default:
          return "(" + of(one_in(2) ? Kind::integer : Kind::text) + ")::numeric" + std::string(pick({"", "(6,2)", "(4,1)"}));
      }
    case Kind::real:
      return one_in(2) ? infix(kind, pick({"+", "-", "*", "/"}), kind) : "(" + of(number) + ")::float8";
    case Kind::text:
      switch (below(8)) {
        case 0:
          return infix(kind, "||", one_in(2) ? kind : Kind::integer);
        case 1:
          return std::string(pick({"upper(", "lower(", "trim(", "reverse(", "md5("})) + of(kind) + ")";
        case 2:
          return "substr(" + of(kind) + ", " + of(Kind::integer) + ")";
        case 3:
          return "(" + of(any_kind()) + ")::text";
        case 4:
          return "replace(" + of(kind) + ", " + of(kind) + ", " + of(kind) + ")";
        case 5:
          return "(" + of(Kind::jsonb) + " ->> 'a')";
        case 6:
          return "left(" + of(kind) + ", " + of(Kind::integer) + ")";
        default:
          return "concat_ws('-', " + of(kind) + ", " + of(any_kind()) + ")";
      }
    case Kind::boolean: {
      const Kind operand = any_kind();
      switch (below(8)) {
        case 0:
          return "(" + of(operand) + ") IS " + std::string(pick({"NULL", "NOT NULL"}));
        case 1:
          return infix(kind, pick({"AND", "OR"}), kind);
        case 2:
          return "NOT " + of(kind);
        case 3:
          return "(" + of(Kind::text) + " " + std::string(pick({"LIKE", "ILIKE", "NOT LIKE"})) + " " + std::string(pick({"'a%'", "'%b_'", "'%'", "'x'"})) + ")";
        case 4:
          return "(" + of(Kind::integer) + " IN (" + of(Kind::integer) + ", " + of(Kind::integer) + "))";
        case 5:
          return "(" + of(Kind::integer) + " = ANY (" + of(Kind::array) + "))";
        case 6:
          return "(" + of(Kind::jsonb) + " " + std::string(pick({"@>", "<@", "="})) + " " + of(Kind::jsonb) + ")";
        default:
          return infix(operand, pick({"=", "<>", "<", ">=", "IS DISTINCT FROM"}), operand);
      }
    }
    case Kind::date:
      return one_in(2) ? infix(kind, pick({"+", "-"}), Kind::integer) : "(" + of(Kind::timestamptz) + ")::date";
    case Kind::timestamptz:
      return one_in(2) ? infix(kind, pick({"+", "-"}), Kind::interval)
                       : "date_trunc('" + std::string(pick({"day", "month", "hour", "week", "year"})) + "', " + of(kind) + ")";
    case Kind::interval:
      switch (below(3)) {
        case 0:
          return infix(kind, pick({"+", "-"}), kind);
        case 1:
          return infix(kind, "*", Kind::integer);
        default:
          return infix(Kind::timestamptz, "-", Kind::timestamptz);
      }
    case Kind::jsonb:
      switch (below(5)) {
        case 0:
          return infix(kind, "||", kind);
        case 1:
          return "(" + of(kind) + " -> " + std::string(pick({"'a'", "'b'", "0", "-1"})) + ")";
        case 2:
          return "to_jsonb(" + of(one_in(2) ? Kind::integer : Kind::array) + ")";
        case 3:
          return "jsonb_build_object('k', " + of(any_kind()) + ")";
        default:
          return "(" + of(kind) + " - 'a')";
      }
    case Kind::array:
      return one_in(2) ? infix(kind, "||", one_in(2) ? kind : Kind::integer) : "ARRAY[" + of(Kind::integer) + ", " + of(Kind::integer) + "]";
    case Kind::uuid:
      break;
  }
  return literal(kind);
}

std::string RandomSql::condition(bool has_row) { return expression(Kind::boolean, 2, has_row); }

std::string RandomSql::wild(bool has_row) {
  const std::string left = expression(any_kind(), 1, has_row);
  const std::string right = expression(any_kind(), 1, has_row);
  switch (below(5)) {
    case 0:
      return std::string(pick({"length", "abs", "upper", "round", "sum", "coalesce", "nofunction", "array_length", "date_trunc", "greatest"})) + "(" + left + ", " +
             right + ")";
    case 1:
      return std::string(pick({"length", "abs", "lower", "ceil", "nofunction", "to_jsonb", "jsonb_typeof", "cardinality"})) + "(" + left + ")";
    case 2:
      return "(" + left + ")::" + std::string(pick({"int", "smallint", "numeric(4,2)", "text", "varchar(2)", "boolean", "date", "uuid", "jsonb", "int[]", "interval", "float8"}));
    default:
      return "(" + left + " " + std::string(pick({"+", "-", "*", "/", "||", "=", "<", "%", "->", "@>", "&&"})) + " " + right + ")";
  }
}

std::string RandomSql::select() {
  const bool has_row = !one_in(3);
  const std::size_t width = 1 + below(3);
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < width; ++i) {
    sql += (i > 0 ? ", " : "") + expression(any_kind(), 3, has_row) + " AS c" + std::to_string(i);
  }
  if (!has_row) return sql;
  sql += " FROM a";
  if (one_in(2)) sql += " WHERE " + condition(true);
  sql += " ORDER BY id";
  if (one_in(5)) sql += " LIMIT " + literal(Kind::integer);
  return sql;
}

std::string RandomSql::grouped() {
  const std::string key = expression(static_cast<Kind>(below(6)), 1, true);
  std::string sql = "SELECT " + key + " AS k, count(*), " +
                    std::string(pick({"sum(i)", "avg(n)", "min(t)", "max(at)", "sum(f)", "bool_and(b)", "count(DISTINCT p)", "string_agg(t, ',' ORDER BY id)",
                                      "array_agg(id ORDER BY id)", "sum(id) FILTER (WHERE b)", "jsonb_agg(j ORDER BY id)", "max(span)", "sum(n)"})) +
                    " FROM a GROUP BY k";
  if (one_in(3)) sql += " HAVING count(*) > 1";
  return sql + " ORDER BY 1, 2, 3";
}

std::string RandomSql::insert() {
  if (one_in(4)) {
    return "INSERT INTO p VALUES (" + expression(Kind::integer, 1, false) + ", " + expression(Kind::text, 1, false) + ")" +
           (one_in(2) ? " ON CONFLICT DO NOTHING" : "") + " RETURNING *";
  }
  struct Target {
    std::string_view name;
    Kind kind;
  };
  static constexpr Target kTargets[] = {{"p", Kind::integer}, {"n", Kind::numeric}, {"t", Kind::text}, {"b", Kind::boolean}, {"i", Kind::bigint},
                                        {"f", Kind::real}, {"d", Kind::date}, {"at", Kind::timestamptz}, {"j", Kind::jsonb}, {"xs", Kind::array}};
  std::string columns = "id";
  std::string values = std::to_string(below(12));
  for (const Target& target : kTargets) {
    if (!one_in(3)) continue;
    columns += ", " + std::string(target.name);
    // Now and then a value of another type.
    values += ", " + (one_in(8) ? "DEFAULT" : expression(one_in(10) ? any_kind() : target.kind, 1, false));
  }
  std::string sql = "INSERT INTO a (" + columns + ") VALUES (" + values + ")";
  if (one_in(4)) sql += " ON CONFLICT DO NOTHING";
  if (one_in(5)) sql += " ON CONFLICT (id) DO UPDATE SET t = excluded.t || a.t, i = a.i + 1 WHERE a.b IS NOT FALSE";
  return sql + " RETURNING id, t, n, i";
}

std::string RandomSql::update() {
  std::string sql = one_in(5) ? "UPDATE p SET name = " + expression(Kind::text, 1, false) + " WHERE id = " + std::to_string(below(6)) + " RETURNING name"
                              : std::string();
  if (!sql.empty()) return sql;
  switch (below(5)) {
    case 0:
      sql = "UPDATE a SET n = " + expression(Kind::numeric, 2, true);
      break;
    case 1:
      sql = "UPDATE a SET t = " + expression(Kind::text, 2, true) + ", b = " + expression(Kind::boolean, 1, true);
      break;
    case 2:
      sql = "UPDATE a SET p = " + expression(Kind::integer, 1, true);
      break;
    case 3:
      sql = "UPDATE a SET i = " + expression(one_in(8) ? any_kind() : Kind::bigint, 2, true) + ", j = " + expression(Kind::jsonb, 1, true);
      break;
    default:
      sql = "UPDATE a SET id = id + " + literal(Kind::integer);
  }
  if (!one_in(4)) sql += " WHERE id = " + std::to_string(below(8));
  return sql + " RETURNING id, p, n, t, b, i, j";
}

std::string RandomSql::remove() {
  return std::string(one_in(3) ? "DELETE FROM p" : "DELETE FROM a") + " WHERE id = " + expression(Kind::integer, 1, false) + " RETURNING id";
}

std::string RandomSql::merge() {
  // The names of the source's columns are none of the target's. OFFSET 0, or a second row, keeps the planner from computing with what
  // stands there, and the second row is the same again, so that the order does not matter.
  const std::string key = std::to_string(below(7));
  const std::string number = literal(Kind::integer);
  const std::string text = literal(one_in(8) ? any_kind() : Kind::text);
  std::string source = "(SELECT " + key + " AS k, " + number + " AS m, " + text + " AS z OFFSET 0) AS s";
  if (one_in(4)) {
    const std::string row = "(" + key + ", " + number + ", " + text + ")";
    source = "(VALUES " + row + ", " + row + ") AS s (k, m, z)";
  }
  const bool of_p = one_in(4);
  std::string sql = std::string("MERGE INTO ") + (of_p ? "p" : "a") + " AS target USING " + source + " ON target.id = s.k";
  if (!of_p && one_in(4)) sql += " AND " + condition(true);
  const std::size_t clauses = 1 + below(3);
  for (std::size_t i = 0; i < clauses; ++i) {
    const bool is_matched = one_in(2);
    sql += is_matched ? " WHEN MATCHED" : " WHEN NOT MATCHED";
    // After one without a condition there is none to come of its kind.
    if (!one_in(3)) sql += " AND " + (is_matched && !of_p ? condition(true) : condition(false));
    sql += " THEN ";
    if (one_in(6)) {
      sql += "DO NOTHING";
    } else if (!is_matched) {
      sql += of_p ? std::string(pick({"INSERT VALUES (k, z)", "INSERT VALUES (m, DEFAULT)", "INSERT (id) VALUES (k + 1)", "INSERT (name, id) VALUES (s.z, s.m)"}))
                  : std::string(pick({"INSERT (id, t) VALUES (k, z)", "INSERT (id, p, t) VALUES (s.k, s.m, z)", "INSERT (id, p, i) VALUES (k, m, m)",
                                      "INSERT DEFAULT VALUES", "INSERT VALUES (m, k)", "INSERT (id, t) VALUES (k)", "INSERT (id, t) VALUES (target.id, z)"}));
    } else if (one_in(4)) {
      sql += "DELETE";
    } else if (of_p) {
      sql += std::string(pick({"UPDATE SET name = z", "UPDATE SET id = m", "UPDATE SET name = DEFAULT", "UPDATE SET name = name || k"}));
    } else {
      sql += "UPDATE SET " + (one_in(2) ? "n = " + expression(Kind::numeric, 2, true) : std::string(pick({"t = z", "p = m", "t = target.t || s.z, i = m", "id = k + 1"})));
    }
  }
  return sql;
}

std::string RandomSql::transaction() {
  return std::string(pick({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "BEGIN ISOLATION LEVEL REPEATABLE READ", "COMMIT"}));
}

}  // namespace orrery::testing
