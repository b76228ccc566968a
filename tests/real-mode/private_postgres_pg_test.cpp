// What the test bed can do to a server of its own, beside ending it.
#include "real-mode/private_postgres.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "real-mode/pg_link.hpp"

namespace orrery::real {
namespace {

/// The SQLSTATE with which a statement ends; empty: it succeeds.
std::string state_of(PgLink& link, const std::string& sql) {
  try {
    (void)link.execute(sql, {});
    return {};
  } catch (const PgError& error) {
    return error.sqlstate;
  }
}

/// A server takes a setting over a moment after it was told to.
bool comes_to(PgLink& link, const std::string& sql, const std::string& state) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (state_of(link, sql) != state) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

TEST(PrivatePostgres, RefusesWritesAndAnswersReadsWhileItIsReadOnly) {
  PrivatePostgres server;
  PgLink link(server.connection("postgres"), "test", PgLink::Wants::primary);
  link.script("CREATE TABLE notes (id integer)");
  server.set_read_only(true);
  EXPECT_TRUE(comes_to(link, "INSERT INTO notes VALUES (1)", "25006"));
  EXPECT_EQ(state_of(link, "SELECT * FROM notes"), "");
  server.set_read_only(false);
  EXPECT_TRUE(comes_to(link, "INSERT INTO notes VALUES (2)", ""));
}

TEST(PrivatePostgres, DoesNotPassOnThatItIsReadOnlyToItsStandby) {
  PrivatePostgres server;
  server.set_read_only(true);
  PgLink link(server.connection("postgres"), "test", PgLink::Wants::primary);
  EXPECT_TRUE(comes_to(link, "CREATE TABLE notes (id integer)", "25006"));
  const std::unique_ptr<PrivatePostgres> standby = server.make_standby(server.folder() + "/standby");
  standby->promote();
  PgLink promoted(standby->connection("postgres"), "test", PgLink::Wants::any_server);
  EXPECT_TRUE(comes_to(promoted, "CREATE TABLE notes (id integer)", ""));
}

}  // namespace
}  // namespace orrery::real
