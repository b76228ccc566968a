#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim_database/support.hpp"

namespace orrery::sim::database::testing {
namespace {

std::string taken(Client& client) {
  std::string text;
  for (const Notification& each : client.session().take_notifications()) {
    if (!text.empty()) text += ' ';
    text += each.channel + "(" + each.payload + ")";
  }
  return text;
}

class Notifications : public ::testing::Test {
 protected:
  Notifications() {
    listener.run("LISTEN jobs");
    listener.session().on_notification([this] { ++calls; });
  }

  Database db;
  Client listener = db.connect("listener");
  Client sender = db.connect("sender");
  int calls = 0;
};

TEST_F(Notifications, ArriveWhenTheSenderCommitsAndNotBefore) {
  sender.run("BEGIN");
  EXPECT_EQ(sender.tag("NOTIFY jobs, 'one'"), "NOTIFY");
  EXPECT_EQ(taken(listener), "");
  EXPECT_EQ(calls, 0);
  sender.run("COMMIT");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(taken(listener), "jobs(one)");
  EXPECT_EQ(taken(listener), "");
}

TEST_F(Notifications, AreGoneWhenTheSenderRollsBack) {
  sender.run("BEGIN");
  sender.run("NOTIFY jobs, 'kept'");
  sender.run("SAVEPOINT s");
  sender.run("NOTIFY jobs, 'undone'");
  sender.run("ROLLBACK TO s");
  sender.run("COMMIT");
  sender.run("BEGIN");
  sender.run("NOTIFY jobs, 'lost'");
  sender.run("ROLLBACK");
  EXPECT_EQ(taken(listener), "jobs(kept)");
}

TEST_F(Notifications, OfOneTransactionThatAreEqualCollapse) {
  sender.run("SELECT pg_notify('jobs', 'a'), pg_notify('jobs', 'b'), pg_notify('jobs', 'a')");
  sender.run("NOTIFY jobs, 'a'");
  EXPECT_EQ(taken(listener), "jobs(a) jobs(b) jobs(a)");
}

TEST_F(Notifications, AreHeldWhileTheListenerIsInATransaction) {
  listener.run("BEGIN");
  sender.run("NOTIFY jobs");
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(taken(listener), "");
  listener.run("COMMIT");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(taken(listener), "jobs()");
}

TEST_F(Notifications, ReachASessionFromTheCommitOfItsListenOn) {
  Client late = db.connect("late");
  late.run("BEGIN");
  late.run("LISTEN jobs");
  sender.run("NOTIFY jobs, 'early'");
  late.run("COMMIT");
  sender.run("NOTIFY jobs, 'late'");
  EXPECT_EQ(taken(late), "jobs(late)");
  late.run("BEGIN");
  late.run("UNLISTEN *");
  late.run("ROLLBACK");
  sender.run("NOTIFY jobs, 'again'");
  EXPECT_EQ(taken(late), "jobs(again)");
  late.run("UNLISTEN jobs");
  sender.run("NOTIFY jobs, 'unheard'");
  EXPECT_EQ(taken(late), "");
}

TEST_F(Notifications, ReachTheirOwnSender) {
  EXPECT_EQ(listener.tag("NOTIFY jobs, 'own'"), "NOTIFY");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(taken(listener), "jobs(own)");
}

TEST_F(Notifications, WithALongPayloadOrChannelAreRefused) {
  const std::string longest(7999, 'x');
  EXPECT_EQ(sender.run("SELECT pg_notify('jobs', '" + longest + "')"), "");
  EXPECT_EQ(sender.run("SELECT pg_notify('jobs', '" + longest + "x')"), "ERROR 22023: payload string too long");
  EXPECT_EQ(sender.run("SELECT pg_notify('', 'x')"), "ERROR 22023: channel name cannot be empty");
  EXPECT_EQ(sender.run("SELECT pg_notify('" + std::string(64, 'c') + "', 'x')"), "ERROR 22023: channel name too long");
}

}  // namespace
}  // namespace orrery::sim::database::testing
