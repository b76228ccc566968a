// What the test bed can do to a server of its own: settings, a standby that takes over, standing still, being killed.
#include "real-mode/private_postgres.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "real-mode/gathering.hpp"
#include "real-mode/pg_link.hpp"
#include "real-mode/temporary_folder.hpp"

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

TEST(PrivatePostgres, FailsWhatNeedsRoomWhileItsDiskIsFullAndGoesOnAfterwards) {
  if (!SmallDisk::why_not().empty()) GTEST_SKIP() << SmallDisk::why_not();
  const TemporaryFolder temporary{"orrery-disk"};
  std::filesystem::permissions(temporary.path(), std::filesystem::perms(0711));  // the server runs as another user
  PrivatePostgres server(temporary.path() + "/server", {}, PrivatePostgres::Disk::small);
  PgLink link(server.connection("postgres"), "test", PgLink::Wants::primary);
  link.script("CREATE TABLE notes (id integer, text text); INSERT INTO notes VALUES (1, 'first')");
  const std::unique_ptr<PrivatePostgres> standby = server.make_standby(temporary.path() + "/standby");
  const std::string many = "INSERT INTO notes SELECT g, repeat('x', 1000) FROM generate_series(1, 1000) g";
  server.fill_disk();
  EXPECT_EQ(state_of(link, many), "53100");
  EXPECT_EQ(state_of(link, "SELECT * FROM notes"), "");
  EXPECT_EQ(state_of(link, "INSERT INTO notes VALUES (2, 'finds some room')"), "");
  EXPECT_EQ(state_of(link, "DELETE FROM notes WHERE id = 1"), "");
  EXPECT_EQ(state_of(link, "CHECKPOINT"), "");
  standby->promote();  // its disk is its own
  PgLink promoted(standby->connection("postgres"), "test", PgLink::Wants::any_server);
  EXPECT_EQ(state_of(promoted, many), "");
  server.kill();
  server.start();
  PgLink again(server.connection("postgres"), "test", PgLink::Wants::primary);
  EXPECT_EQ(state_of(again, many), "53100");
  server.make_room();
  EXPECT_EQ(state_of(again, many), "");
  EXPECT_EQ(again.execute("SELECT count(*) FROM notes WHERE id = 2 AND text <> ''", {})[0][0].text(), "2");
}

TEST(PrivatePostgres, AFailoverLosesWhatTheStandbyHadNotReceived) {
  PrivatePostgres primary;
  primary.create_database("db");
  const auto standby = primary.make_standby(primary.folder() + "/standby");
  {
    PgLink link(primary.connection("db"), "test");
    link.script("CREATE TABLE t (id int)");
    link.script("INSERT INTO t VALUES (1)");
    // Until the standby has it: asynchronous, but not for long.
    for (int tries = 0; tries < 500; ++tries) {
      const Rows rows = link.execute("SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_lsn()", {});
      if (rows[0][0].integer() == 1) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    standby->stop_receiving();
    link.script("INSERT INTO t VALUES (2)");
  }
  primary.kill();
  standby->promote();
  PgLink link(standby->connection("db"), "test");
  link.script("INSERT INTO t VALUES (3)");
  const Rows rows = link.execute("SELECT id FROM t ORDER BY id", {});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0][0].integer(), 1);
  EXPECT_EQ(rows[1][0].integer(), 3);
}

TEST(PrivatePostgres, WhatAFailoverLostIsToldWithTheChangesThatUndoIt) {
  PrivatePostgres primary;
  primary.create_database("db");
  PgLink(primary.connection("db"), "test").script("CREATE TABLE t (id int PRIMARY KEY, n int)");
  const auto standby = primary.make_standby(primary.folder() + "/standby");
  Captures captures;
  captures.push_back({"db", ChangeCapture(primary.connection("db"), "slot")});
  const Beginning beginning = Beginning::now();
  {
    PgLink link(primary.connection("db"), "test");
    link.script("INSERT INTO t VALUES (1, 1)");
    for (int tries = 0; tries < 500; ++tries) {
      const Rows rows = link.execute("SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_lsn()", {});
      if (rows[0][0].integer() == 1) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    standby->stop_receiving();
    link.script("BEGIN; UPDATE t SET n = 2; INSERT INTO t VALUES (2, 2); COMMIT");
    link.script("DELETE FROM t WHERE id = 1");
  }
  primary.kill();
  standby->promote();
  captures.back().survives = standby->took_over_at();
  captures.back().replaced = Beginning::now().at;
  captures.push_back({"db", ChangeCapture(standby->connection("db"), "slot")});
  PgLink(standby->connection("db"), "test").script("INSERT INTO t VALUES (3, 3)");
  primary.start();  // to be asked
  std::vector<Event> events;
  add_committed(captures, beginning, events);
  const History history = in_order(std::move(events), beginning, Beginning::now().at);
  const auto lost = history.of(EventKind::transaction_lost);
  ASSERT_EQ(lost.size(), 2u);
  ASSERT_EQ(lost[0]->changes.size(), 1u);  // the newest first
  EXPECT_EQ(lost[0]->changes[0].operation, RowOperation::insert);
  ASSERT_EQ(lost[1]->changes.size(), 2u);
  EXPECT_EQ(lost[1]->changes[0].operation, RowOperation::remove);
  EXPECT_EQ(lost[1]->changes[1].operation, RowOperation::update);
  EXPECT_EQ(lost[1]->changes[1].new_row()["n"].integer(), 1);
  // What the rows went through is what the standby now has.
  std::map<std::int64_t, std::int64_t> rows;
  for (const History::Change& change : history.committed("db.t")) {
    if (change.row->operation != RowOperation::insert) rows.erase(change.row->old_row()["id"].integer());
    if (change.row->operation != RowOperation::remove) rows[change.row->new_row()["id"].integer()] = change.row->new_row()["n"].integer();
  }
  EXPECT_EQ(rows, (std::map<std::int64_t, std::int64_t>{{1, 1}, {3, 3}}));
}

TEST(PrivatePostgres, StandsStillWithAllItsSessionsAndGoesOn) {
  PrivatePostgres postgres;
  PgLink link(postgres.connection("postgres"), "test");
  postgres.pause();
  std::atomic<bool> answered = false;
  std::thread asking([&] {
    (void)link.execute("SELECT 1", {});
    answered = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(answered);
  postgres.resume();
  asking.join();
  EXPECT_TRUE(answered);
}

TEST(PrivatePostgres, CanBeKilledWhileItStandsStill) {
  PrivatePostgres postgres;
  PgLink(postgres.connection("postgres"), "test").script("CREATE TABLE t (id int)");
  postgres.pause();
  postgres.kill();
  postgres.start();
  PgLink(postgres.connection("postgres"), "test").script("INSERT INTO t VALUES (1)");
}

TEST(GuardianTest, EndsWhatAProcessThatIsKilledLeavesBehind) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    PrivatePostgres postgres;
    PgLink link(postgres.connection("postgres"), "test");
    postgres.pause();  // its sessions do not notice their server's end
    const std::string& folder = postgres.folder();
    (void)!::write(ends[1], folder.data(), folder.size());
    ::raise(SIGKILL);
  }
  ::close(ends[1]);
  char bytes[256];
  const ssize_t got = ::read(ends[0], bytes, sizeof bytes);
  ::close(ends[0]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_GT(got, 0);
  const std::string folder(bytes, static_cast<std::size_t>(got));
  for (int tries = 0; tries < 6000 && std::filesystem::exists(folder); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace orrery::real
