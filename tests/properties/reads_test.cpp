#include "properties/reads.hpp"

#include <gtest/gtest.h>

#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::shapes;
using testing::System;

Verdict reads(const System& run) { return reads_show_committed_rows(ShownRows())(run.history()); }

std::string ada(int version) {
  return R"({"id":"ada","email":"ada@example.org","name":")" + System::name(version) + R"(","version":)" +
         std::to_string(version) + "}";
}
const char* const kGetAda = R"({"id":"ada"})";

/// Asks and is told, one after the other.
void ask(System& run, const std::string& operation, const std::string& arguments, int status, const std::string& body) {
  const std::string id = "op-" + std::to_string(run.last());
  run.ask(operation, id, arguments);
  run.told(operation, id, status, body);
}

TEST(Read, ShowsWhatIsCommitted) {
  System run;
  run.create("ada");
  ask(run, "get user", kGetAda, 200, ada(1));
  ask(run, "get user", kGetAda, 200, R"({"user":)" + ada(1) + "}");
  run.rename("ada", 2);
  ask(run, "get user", kGetAda, 200, ada(2));
  ask(run, "get user", kGetAda, 503, "{}");
  EXPECT_EQ(shapes(reads(run)), "");
  EXPECT_EQ(reads(run).examined, 3);
}

TEST(Read, MayShowEitherStateOfAChangeMeanwhile) {
  System run;
  run.create("ada");
  run.ask("get user", "1", kGetAda);
  run.ask("get user", "2", kGetAda);
  run.rename("ada", 2);
  run.told("get user", "1", 200, ada(1));
  run.told("get user", "2", 200, ada(2));
  EXPECT_EQ(shapes(reads(run)), "");
}

TEST(Read, MayNotBeStale) {
  System run;
  run.create("ada");
  run.rename("ada", 2);
  ask(run, "get user", kGetAda, 200, ada(1));
  EXPECT_EQ(shapes(reads(run)), "get user: stale");
}

TEST(Read, MayNotBeDirty) {
  System run;
  run.create("ada");
  ask(run, "get user", kGetAda, 200, ada(2));
  EXPECT_EQ(shapes(reads(run)), "get user: never committed");
  run.rename("ada", 2);
  EXPECT_EQ(shapes(reads(run)), "get user: committed only afterwards");
}

TEST(Read, MayNotMixTwoStates) {
  System run;
  run.create("ada");
  ask(run, "get user", kGetAda, 200, R"({"id":"ada","email":"ada@example.org","name":"N2","version":1})");
  EXPECT_EQ(shapes(reads(run)), "get user: mixed");
}

TEST(Read, MayNotMissWhatIsThere) {
  System run;
  run.ask("get user", "1", kGetAda);
  run.create("ada");
  run.told("get user", "1", 404, "{}");  // it came meanwhile
  ask(run, "get user", R"({"id":"nobody"})", 404, "{}");
  EXPECT_EQ(shapes(reads(run)), "");
  EXPECT_EQ(reads(run).examined, 0);
  ask(run, "get user", kGetAda, 404, "{}");
  EXPECT_EQ(shapes(reads(run)), "get user: missing");
}

TEST(Change, IsStoredWhenItIsAcknowledged) {
  System run;
  run.create("ada");
  run.rename("ada", 2);
  ask(run, "rename user", R"({"id":"ada","name":"N2"})", 200, ada(2));
  EXPECT_EQ(shapes(reads(run)), "");
  ask(run, "rename user", R"({"id":"ada","name":"Countess"})", 200, ada(2));
  EXPECT_EQ(shapes(reads(run)), "rename user: change not stored");
}

TEST(Change, IsStoredAlsoIfAnotherFollowedAtOnce) {
  System run;
  run.create("ada");
  run.ask("rename user", "1", R"({"id":"ada","name":"N2"})");
  run.rename("ada", 2);
  run.rename("ada", 3);
  run.told("rename user", "1", 200, ada(2));
  EXPECT_EQ(shapes(reads(run)), "");
}

std::string page(const std::vector<std::string>& users) {
  std::string text;
  for (const std::string& user : users) text += (text.empty() ? "" : ",") + user;
  return R"({"next":null,"users":[)" + text + "]}";
}

TEST(List, ShowsAllThereIsOrAsMuchAsWasAskedFor) {
  System run;
  const std::string bob = R"({"id":"bob","email":"bob@example.org","name":"N","version":1})";
  run.create("ada");
  run.create("bob", "k2");
  ask(run, "list users", R"({"limit":20})", 200, page({bob, ada(1)}));
  ask(run, "list users", R"({"limit":1})", 200, page({bob}));
  ask(run, "list users", R"({"limit":20,"offset":1})", 200, page({ada(1)}));
  ask(run, "list users", R"({"limit":20,"after":"x"})", 200, page({}));
  EXPECT_EQ(shapes(reads(run)), "");
  EXPECT_EQ(reads(run).examined, 4);

  System missing = run;
  ask(missing, "list users", R"({"limit":20})", 200, page({bob}));
  EXPECT_EQ(shapes(reads(missing)), "list users: missing in a list");
  System twice = run;
  ask(twice, "list users", R"({"limit":20})", 200, page({bob, ada(1), bob}));
  EXPECT_EQ(shapes(reads(twice)), "list users: twice in a list");
  System longer = run;
  ask(longer, "list users", R"({"limit":1})", 200, page({bob, ada(1)}));
  EXPECT_EQ(shapes(reads(longer)), "list users: longer than asked for");
}

}  // namespace
}  // namespace orrery
