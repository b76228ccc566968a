#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/suite.hpp"

namespace orrery::conformance {
namespace {

template <class World>
class ConformanceOfListening : public Conformance<World> {};
TYPED_TEST_SUITE(ConformanceOfListening, Worlds, Names);

/// What comes until nothing does for a while; "lost" if the connection is.
Task<void> hear(Listening& listening, std::vector<std::string>& heard) {
  try {
    for (;;) {
      Task<std::optional<std::string>> hearing = listening.next(300ms);
      const std::optional<std::string> payload = co_await std::move(hearing);
      if (!payload) break;
      heard.push_back(*payload);
    }
  } catch (const DatabaseError& error) {
    heard.push_back("lost " + error.sqlstate());
  }
}

TYPED_TEST(ConformanceOfListening, ANotificationComesWhenItsTransactionCommits) {
  this->start();
  std::vector<std::string> heard;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    Task<std::unique_ptr<Listening>> beginning = db.listen("items");
    const std::unique_ptr<Listening> listening = co_await std::move(beginning);
    {
      Transaction tx = co_await db.begin();
      co_await tx.exec("NOTIFY items, 'rolled back'");
      co_await tx.rollback();
    }
    Transaction tx = co_await db.begin();
    co_await tx.exec("NOTIFY items, 'one'");
    co_await tx.exec("SELECT pg_notify('items', 'two')");
    co_await tx.exec("NOTIFY items, 'one'");
    co_await tx.exec("NOTIFY others, 'three'");
    Task<void> early = hear(*listening, heard);
    co_await std::move(early);
    heard.push_back("commit");
    co_await tx.commit();
    Task<void> late = hear(*listening, heard);
    co_await std::move(late);
  });
  EXPECT_EQ(heard, (std::vector<std::string>{"commit", "one", "two"}));
}

TYPED_TEST(ConformanceOfListening, AWaitingTaskGoesOnAtOnceWhenANotificationComes) {
  this->start();
  std::optional<std::string> heard;
  Duration waited{};
  const auto listens = [&](Context& context) -> Task<void> {
    Task<std::unique_ptr<Listening>> beginning = context.database("db").listen("Mixed \"Case\"");
    const std::unique_ptr<Listening> listening = co_await std::move(beginning);
    const Instant began = context.clock.now();
    Task<std::optional<std::string>> hearing = listening->next(20s);
    heard = co_await std::move(hearing);
    waited = context.clock.now() - began;
  };
  const auto notifies = [&](Context& context) -> Task<void> {
    co_await context.clock.sleep(500ms);
    co_await context.database("db").exec("SELECT pg_notify('Mixed \"Case\"', '')");
  };
  this->bench.spawn("a", listens);
  this->bench.spawn("a", notifies);
  this->bench.finish();
  EXPECT_EQ(heard, "");
  EXPECT_LT(waited, 10s);
}

TYPED_TEST(ConformanceOfListening, WhatWasNotifiedBeforeIsNotHeard) {
  this->start();
  std::vector<std::string> heard;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    co_await db.exec("NOTIFY items, 'early'");
    Task<std::unique_ptr<Listening>> beginning = db.listen("items");
    const std::unique_ptr<Listening> listening = co_await std::move(beginning);
    co_await db.exec("NOTIFY items, 'late'");
    Task<void> hearing = hear(*listening, heard);
    co_await std::move(hearing);
  });
  EXPECT_EQ(heard, std::vector<std::string>{"late"});
}

TYPED_TEST(ConformanceOfListening, AListenerIsToldWhenTheServerEndsItsSessionAndMayListenAgain) {
  this->start();
  std::vector<std::string> heard;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    Task<std::unique_ptr<Listening>> beginning = db.listen("items");
    std::unique_ptr<Listening> listening = co_await std::move(beginning);
    this->bench.end_listening_sessions();
    Task<void> first = hear(*listening, heard);
    co_await std::move(first);
    co_await context.clock.sleep(2s);
    co_await db.exec("NOTIFY items, 'missed'");
    Task<std::unique_ptr<Listening>> again = db.listen("items");
    listening = co_await std::move(again);
    co_await db.exec("NOTIFY items, 'heard'");
    Task<void> second = hear(*listening, heard);
    co_await std::move(second);
  });
  EXPECT_EQ(heard, (std::vector<std::string>{"lost 08006", "heard"}));
}

TYPED_TEST(ConformanceOfListening, TheFaultBreaksTheConnectionAndTheNotificationIsLostWithIt) {
  this->start();
  Fault fault;
  fault.kind = FaultKind::break_listening;
  fault.target = "a-1>db";
  fault.ordinal = 2;
  this->bench.arm("a", fault);
  std::vector<std::string> heard;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    Task<std::unique_ptr<Listening>> beginning = db.listen("items");
    std::unique_ptr<Listening> listening = co_await std::move(beginning);
    for (const char* payload : {"one", "two", "three"}) co_await db.exec("SELECT pg_notify('items', $1)", payload);
    Task<void> hearing = hear(*listening, heard);
    co_await std::move(hearing);
  });
  EXPECT_EQ(heard, (std::vector<std::string>{"one", "lost 08006"}));
}

TYPED_TEST(ConformanceOfListening, AChannelsNameMayHave63Bytes) {
  this->start();
  std::vector<std::string> heard;
  this->bench.run("a", [&](Context& context) -> Task<void> {
    Database& db = context.database("db");
    Task<std::unique_ptr<Listening>> beginning = db.listen(std::string(63, 'x'));
    const std::unique_ptr<Listening> listening = co_await std::move(beginning);
    co_await db.exec("SELECT pg_notify($1, 'heard')", std::string(63, 'x'));
    Task<void> hearing = hear(*listening, heard);
    co_await std::move(hearing);
  });
  EXPECT_EQ(heard, std::vector<std::string>{"heard"});
}

}  // namespace
}  // namespace orrery::conformance
