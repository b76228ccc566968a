#include <gtest/gtest.h>

#include <cstdlib>
#include <pqxx/pqxx>
#include <string>
#include <tuple>

#include "tests/cli/wire_server.hpp"

// libpqxx, which knows nothing of Orrery, talks to `orrery sql --wire`.

namespace orrery::testing {
namespace {

class Libpqxx : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(std::getenv("ORRERY"), nullptr) << "ctest says where the program is"; }
};

TEST_F(Libpqxx, RunsTransactionsPreparedStatementsAndBinaryValues) {
  WireServer server;
  pqxx::connection connection(server.connection());
  pqxx::work create(connection);
  create.exec("CREATE TABLE p (id bigint PRIMARY KEY, body bytea, at timestamptz)");
  create.commit();
  connection.prepare("insert", "INSERT INTO p VALUES ($1, $2, $3) RETURNING id");
  pqxx::work work(connection);
  const pqxx::binarystring body(std::string("\0\1'\\", 4));
  EXPECT_EQ(work.exec_prepared1("insert", 7, body, "2024-01-02 03:04:05+00")[0].as<long>(), 7);
  const pqxx::row row = work.exec_params1("SELECT body, at, $1::int + 1 FROM p WHERE id = $2", 41, 7);
  EXPECT_EQ(pqxx::binarystring(row[0]).str(), body.str());
  EXPECT_STREQ(row[1].c_str(), "2024-01-02 03:04:05+00");
  EXPECT_EQ(row[2].as<int>(), 42);
  work.commit();
  connection.unprepare("insert");
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Libpqxx, GetsItsErrorsByClass) {
  WireServer server;
  pqxx::connection connection(server.connection());
  pqxx::nontransaction(connection).exec("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1)");
  pqxx::work work(connection);
  EXPECT_THROW(work.exec("INSERT INTO p VALUES (1)"), pqxx::unique_violation);
  work.abort();
  try {
    pqxx::nontransaction(connection).exec("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    ADD_FAILURE() << "functions are refused";
  } catch (const pqxx::sql_error& error) {
    EXPECT_EQ(error.sqlstate(), "0A000");
  }
}

TEST_F(Libpqxx, StreamsRowsInAndOut) {
  WireServer server;
  pqxx::connection connection(server.connection());
  pqxx::work work(connection);
  work.exec("CREATE TABLE p (id int, name text)");
  {
    pqxx::stream_to in(work, "p");
    for (int i = 0; i < 3000; ++i) in << std::make_tuple(i, "tab\tand \\ " + std::to_string(i));
    in.complete();
  }
  EXPECT_EQ(work.exec1("SELECT count(*), sum(id) FROM p")[1].as<int>(), 2999 * 1500);
  pqxx::stream_from out(work, "p");
  std::tuple<int, std::string> row;
  int rows = 0;
  for (; out >> row; ++rows) EXPECT_EQ(std::get<1>(row), "tab\tand \\ " + std::to_string(std::get<0>(row)));
  EXPECT_EQ(rows, 3000);
  out.complete();
  work.commit();
}

TEST_F(Libpqxx, RollsBackToASavepoint) {
  WireServer server;
  pqxx::connection connection(server.connection());
  pqxx::work work(connection);
  work.exec("CREATE TABLE p (id int)");
  pqxx::subtransaction part(work, "part");
  part.exec("INSERT INTO p VALUES (1)");
  part.abort();
  EXPECT_EQ(work.exec1("SELECT count(*) FROM p")[0].as<int>(), 0);
  work.commit();
}

}  // namespace
}  // namespace orrery::testing
