#include "properties/idempotency.hpp"

#include <gtest/gtest.h>

#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

KeyedRequests requests() {
  KeyedRequests keyed;
  keyed.kind = [](int status, std::string_view body) {
    if (status == 201) return AnswerKind::created;
    if (status == 400) return AnswerKind::invalid;
    if (status == 409) return body.find("in-work") == std::string_view::npos ? AnswerKind::refused : AnswerKind::later;
    return status == 422 ? AnswerKind::key_used : AnswerKind::later;
  };
  return keyed;
}

Verdict same(const System& run) { return same_request_same_answer(requests())(run.history()); }
Verdict stored(const System& run) { return acknowledged_is_stored(requests(), CreatedRows())(run.history()); }
Verdict unique(const System& run) { return unique_in_every_state("user_db.users", "id", "email")(run.history()); }
Verdict beaten(const System& run) { return refused_only_if_taken(requests(), CreatedRows())(run.history()); }

/// Asks and is told, one after the other.
void ask(System& run, const std::string& id, const std::string& arguments, int status, const std::string& body = "{}") {
  run.ask("create user", id, arguments);
  run.told("create user", id, status, body);
}
std::string text(const char* key = "k", const char* user = "ada", const char* name = "N") {
  return System::sign_up_text(key, user, name);
}
const char* const kAda = R"({"id":"ada"})";

TEST(SameKey, GetsTheSameAnswer) {
  System run;
  ask(run, "1", text(), 0, "timed out");
  ask(run, "2", text(), 201, kAda);
  ask(run, "3", text(), 503);
  ask(run, "4", text(), 409, R"({"type":"/problems/in-work"})");
  ask(run, "5", text(), 201, R"({ "id": "ada" })");  // JSON's spaces say nothing
  EXPECT_EQ(shapes(same(run)), "");
  EXPECT_EQ(same(run).examined, 1);
}

TEST(SameKey, IsNotJudgedWithoutAFinalAnswer) {
  System run;
  ask(run, "1", text(), 503);
  ask(run, "2", text(), 0, "timed out");
  run.ask("create user", "3", text());
  EXPECT_TRUE(same(run).holds);
  EXPECT_EQ(same(run).examined, 0);
}

TEST(SameKey, MayNotCreateTwice) {
  System run;
  ask(run, "1", text(), 201, kAda);
  ask(run, "2", text(), 201, R"({"id":"ada-again"})");
  const Verdict verdict = same(run);
  ASSERT_EQ(shapes(verdict), "201 and 201");
  EXPECT_EQ(verdict.violations[0].evidence, (std::vector<EventId>{1, 2, 3, 4}));
}

TEST(SameKey, MayNotBeCreatedAndRefused) {
  System run;
  ask(run, "1", text(), 201, kAda);
  ask(run, "2", text(), 409, R"({"type":"/problems/email-taken"})");
  EXPECT_EQ(shapes(same(run)), "201 and 409");
}

TEST(SameKey, MayNotBeRefusedAsUsedByItsOwnBody) {
  System run;
  ask(run, "1", text(), 201, kAda);
  ask(run, "2", text(), 422);
  EXPECT_EQ(shapes(same(run)), "201 and 422");
}

TEST(OtherBody, IsRefused) {
  System run;
  ask(run, "1", text(), 201, kAda);
  ask(run, "2", text("k", "ada", "Other"), 422);
  ask(run, "3", text("k", "ADA"), 201, kAda);  // an e-mail has no case
  EXPECT_EQ(shapes(same(run)), "");
}

TEST(OtherBody, IsRefusedAlsoIfItsRivalWasNeverAnswered) {
  System run;
  run.ask("create user", "1", text());
  ask(run, "2", text("k", "ada", "Other"), 422);
  EXPECT_EQ(shapes(same(run)), "");
}

TEST(OtherBody, MayNotBeCarriedOut) {
  System run;
  ask(run, "1", text(), 201, kAda);
  ask(run, "2", text("k", "bob"), 201, R"({"id":"bob"})");
  EXPECT_EQ(shapes(same(run)), "two bodies");
}

TEST(OtherBody, IsNotBlamedWhenThereIsNone) {
  System run;
  ask(run, "1", text(), 422);
  EXPECT_EQ(shapes(same(run)), "refused as used, but was not");
  ask(run, "2", text("k", "bob"), 201, R"({"id":"bob"})");  // too late to be the reason
  EXPECT_EQ(shapes(same(run)), "refused as used, but was not");
}

TEST(OtherBody, ThatIsInvalidDoesNotUseTheKey) {
  System run;
  ask(run, "1", text("k", "ada", ""), 400);
  ask(run, "2", text(), 201, kAda);
  ask(run, "3", text("k", "ada", ""), 400);
  EXPECT_EQ(shapes(same(run)), "");
}

TEST(AcknowledgedUser, IsStored) {
  System run;
  run.sign_up("ada");
  EXPECT_EQ(shapes(stored(run)), "");
  EXPECT_EQ(stored(run).examined, 1);
}

TEST(AcknowledgedUser, MayHaveBeenStoredByAnEarlierAttempt) {
  System run;
  run.create("ada", "k");
  ask(run, "2", text(), 201, kAda);
  EXPECT_EQ(shapes(stored(run)), "");
}

TEST(AcknowledgedUser, IsMissing) {
  System run;
  ask(run, "1", text(), 201, kAda);
  EXPECT_EQ(shapes(stored(run)), "never stored");
  EXPECT_EQ(stored(run).violations[0].what, "user ada was acknowledged with 201 but is not in users");
  run.create("ada");
  EXPECT_EQ(shapes(stored(run)), "stored only afterwards");
}

TEST(AcknowledgedUser, IsRemovedBeforeOrAfter) {
  System before;
  before.create("ada");
  before.drop("users", "ada");
  before.commit("user_db", "user-1#1");
  ask(before, "1", text(), 201, kAda);
  EXPECT_EQ(shapes(stored(before)), "not stored any more");

  System after;
  after.sign_up("ada");
  after.drop("users", "ada");
  after.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(stored(after)), "removed");
}

TEST(AcknowledgedUser, IsSomebodyElse) {
  System run;
  run.create("bob");
  ask(run, "1", text(), 201, R"({"id":"bob"})");
  EXPECT_EQ(shapes(stored(run)), "another one");
}

TEST(Email, BelongsToOneUserInEveryState) {
  System run;
  run.create("ada");
  run.create("bob", "k2");
  // Handing it over in one commit leaves no state with two.
  run.change("users", "ada", {{"email", "ada2@example.org"}}).change("users", "bob", {{"email", "ada@example.org"}});
  run.commit("user_db", "user-1#1");
  EXPECT_EQ(shapes(unique(run)), "");
  EXPECT_EQ(unique(run).examined, 4);
}

TEST(Email, IsSharedForAMoment) {
  System run;
  run.create("ada");
  run.put("users", {{"id", "bob"}, {"email", "ADA@example.org"}, {"name", "N"}, {"version", 1}});
  run.commit("user_db", "user-2#1");
  run.drop("users", "bob");
  run.commit("user_db", "user-2#1");
  const Verdict verdict = unique(run);
  EXPECT_EQ(shapes(verdict), "shared");
  EXPECT_EQ(verdict.violations[0].evidence, (std::vector<EventId>{1, 2}));
}

TEST(Email, IsFreeAfterItsUserIsRemoved) {
  System run;
  run.create("ada");
  run.drop("users", "ada");
  run.commit("user_db", "user-1#1");
  run.put("users", {{"id", "bob"}, {"email", "ada@example.org"}, {"name", "N"}, {"version", 1}});
  run.commit("user_db", "user-2#1");
  EXPECT_EQ(shapes(unique(run)), "");
}

TEST(TakenEmail, IsRefusedToOthers) {
  System run;
  run.sign_up("ada", "k1");
  ask(run, "2", text("k2"), 409);
  EXPECT_EQ(shapes(beaten(run)), "");
  EXPECT_EQ(beaten(run).examined, 1);
}

TEST(TakenEmail, IsRefusedThoughNobodyHasIt) {
  System run;
  ask(run, "1", text("k2"), 409);
  EXPECT_EQ(shapes(beaten(run)), "nobody has it");
}

TEST(TakenEmail, IsRefusedToTheVeryRequestThatTookIt) {
  System run;
  run.ask("create user", "1", text("k1"));
  run.create("ada", "k1");
  run.told("create user", "1", 409, "{}");
  run.ask("create user", "2", text("k2"));  // another one that asked later is no excuse
  EXPECT_EQ(shapes(beaten(run)), "its own");
}

TEST(TakenEmail, IsItsOwnWhenNobodyElseHadAsked) {
  System run;
  run.ask("create user", "1", text("k1"));
  run.put_user("ada").put("outbox_events", {{"event_id", "ada/1"}});
  run.commit("user_db", "user-1#1");  // without the key's row
  run.told("create user", "1", 409, "{}");
  EXPECT_EQ(shapes(beaten(run)), "its own");
}

TEST(TakenEmail, WithoutAKeyMayBeThatOfAnEarlierTry) {
  System run;
  run.ask("create user", "1", text(""));
  run.put_user("ada");
  run.commit("user_db", "user-1#1");
  run.told("create user", "1", 0, "timed out");
  ask(run, "2", text(""), 409);
  EXPECT_EQ(shapes(beaten(run)), "");
}

}  // namespace
}  // namespace orrery
