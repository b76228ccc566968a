#include <gtest/gtest.h>

#include "properties/effects.hpp"
#include "properties/idempotency.hpp"
#include "properties/outbox.hpp"
#include "tests/properties/script.hpp"

// What a failover loses excuses exactly what follows from it, and only if the history says that it was lost.

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

KeyedRequests requests() {
  KeyedRequests keyed;
  keyed.kind = [](int status, std::string_view) {
    return status == 201 ? AnswerKind::created : status == 409 ? AnswerKind::refused : AnswerKind::later;
  };
  return keyed;
}

StatusTable events() {
  StatusTable rows;
  rows.name = "event";
  rows.table = "user_db.outbox_events";
  rows.id = "event_id";
  rows.initial = {"pending"};
  rows.steps = {{"pending", "published"}};
  rows.final = {"published"};
  rows.done = "published";
  rows.done_at = "published_at";
  return rows;
}

std::string stored(const System& run) { return shapes(acknowledged_is_stored(requests(), CreatedRows())(run.history())); }
std::string same(const System& run) { return shapes(same_request_same_answer(requests())(run.history())); }
std::string published(const System& run) { return shapes(every_event_is_published(OutboxTable())(run.history())); }
std::string ordered(const System& run) { return shapes(events_are_stored_in_order(OutboxTable())(run.history())); }
std::string forward(const System& run) { return shapes(status_moves_forward(events())(run.history())); }
std::string matching(const System& run) {
  return shapes(aggregates_match_their_creation(OutboxTable(), AggregateTable())(run.history()));
}

TEST(ALostCommit, ExcusesAnAcknowledgedUserThatIsGone) {
  System run;
  run.sign_up("ada");
  run.lose("user_db");
  EXPECT_EQ(stored(run), "");
  EXPECT_EQ(matching(run), "") << "the user and its event were lost together";
  System removed;
  removed.sign_up("ada");
  removed.drop("users", "ada").commit("user_db", "user-1.1#1");
  EXPECT_EQ(stored(removed), "removed") << "what the service removes is not excused";
}

TEST(ALostCommit, ExcusesNoAnswerThatWasAskedForAfterwards) {
  System run;
  run.sign_up("ada", "k1");
  run.lose("user_db");
  run.ask("create user", "again", System::sign_up_text("k1", "ada"));
  run.told("create user", "again", 201, R"({"id":"ada"})");
  EXPECT_EQ(stored(run), "lost before it was asked for");
}

TEST(ALostCommit, ExcusesNobodyElse) {
  System run;
  run.sign_up("ada", "k1");
  run.sign_up("bob", "k2");
  run.lose("user_db");
  run.drop("users", "ada").commit("user_db", "user-1.1#1");
  EXPECT_EQ(stored(run), "removed");
}

TEST(ALostCommit, LetsItsKeyBeUsedOnceMore) {
  const auto twice = [](bool is_lost) {
    System run;
    run.sign_up("ada", "k1");
    if (is_lost) run.lose("user_db");
    run.ask("create user", "again", System::sign_up_text("k1", "ada"));
    run.told("create user", "again", 201, R"({"id":"ada-again"})");
    return same(run);
  };
  EXPECT_EQ(twice(true), "");
  EXPECT_EQ(twice(false), "201 and 201");
}

TEST(ALostEvent, NeedNotBePublishedAndItsVersionIsGivenAnew) {
  System run;
  run.create("ada");
  run.publish("ada");
  run.rename("ada", 2);
  run.store("ada", 2);
  run.lose("user_db");
  EXPECT_EQ(published(run), "");
  EXPECT_EQ(ordered(run), "");
}

TEST(ALostMark, PutsAnEventBackWithoutASinAndItMustBePublishedAgain) {
  System run;
  run.create("ada");
  run.publish("ada");
  run.lose("user_db");
  EXPECT_EQ(forward(run), "");
  EXPECT_EQ(published(run), "pending");
  run.publish("ada");
  EXPECT_EQ(forward(run), "");
  EXPECT_EQ(published(run), "");
}

}  // namespace
}  // namespace orrery
