#include "properties/property.hpp"

#include <gtest/gtest.h>

#include "properties/judge.hpp"
#include "properties/rows.hpp"
#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::Script;

TEST(Property, IsWrittenOverABareHistoryOrAnIndex) {
  const Property bare = always("bare", "", [](const History& history) {
    Findings findings;
    findings.examine(static_cast<std::int64_t>(history.events().size()));
    return std::move(findings).verdict();
  });
  const Property indexed = eventually("indexed", "", [](const HistoryIndex& index) {
    Findings findings;
    findings.examine(static_cast<std::int64_t>(index.of(EventKind::host_crashed).size()));
    return std::move(findings).verdict();
  });
  Script run;
  run.add(EventKind::host_started, "a");
  run.add(EventKind::host_crashed, "a");
  EXPECT_EQ(bare.check(run.history()).examined, 2);
  EXPECT_EQ(indexed.check(run.history()).examined, 1);
  EXPECT_EQ(bare.mode, Mode::always);
  EXPECT_EQ(indexed.mode, Mode::eventually);
}

TEST(Property, PutsItsNameBeforeEachSignature) {
  const Property property = always("nothing crashes", "", [](const HistoryIndex& index) {
    Findings findings;
    for (const Event* crash : index.of(EventKind::host_crashed)) {
      findings.violate("crash", crash->host + " crashed", {crash->id});
    }
    return std::move(findings).verdict();
  });
  Script run;
  run.add(EventKind::host_crashed, "a");
  const Verdict verdict = property.check(run.history());
  ASSERT_FALSE(verdict.holds);
  EXPECT_EQ(verdict.violations[0].signature, "nothing crashes: crash");
  EXPECT_EQ(verdict.violations[0].what, "a crashed");
}

TEST(Findings, ComeInTheOrderInWhichTheyWereComplete) {
  Findings findings;
  findings.violate("late", "", {1, 9});
  findings.violate("early", "", {7, 2, 7, 0});
  findings.violate("vague", "", {});
  const Verdict verdict = std::move(findings).verdict();
  ASSERT_EQ(verdict.violations.size(), 3U);
  EXPECT_EQ(verdict.violations[0].signature, "vague");
  EXPECT_EQ(verdict.violations[1].signature, "early");
  EXPECT_EQ(verdict.violations[1].evidence, (std::vector<EventId>{2, 7}));
  EXPECT_EQ(verdict.violations[2].signature, "late");
}

TEST(Findings, KeepTheFirstAndCountAll) {
  Findings findings;
  for (EventId id = 100; id >= 1; --id) findings.violate("one", std::to_string(id), {id});
  const Verdict verdict = std::move(findings).verdict();
  EXPECT_EQ(verdict.violated, 100);
  ASSERT_EQ(verdict.violations.size(), Findings::kKept);
  EXPECT_EQ(verdict.violations[0].what, "1");
}

TEST(Judge, AsksEveryPropertyInTurn) {
  std::vector<Property> properties;
  properties.push_back(sometimes("crashes", "", [](const HistoryIndex& index) {
    Occurrences found;
    for (const Event* crash : index.of(EventKind::host_crashed)) found.add(crash->id);
    return found;
  }));
  properties.push_back(always("holds", "", [](const HistoryIndex&) { return Verdict(); }));
  Script run;
  run.add(EventKind::host_crashed, "a");
  const std::vector<JudgedProperty> judged = judge(properties, run.history());
  properties.clear();  // a result outlives its scenario
  ASSERT_EQ(judged.size(), 2U);
  EXPECT_EQ(judged[0].property->name, "crashes");
  EXPECT_EQ(judged[0].verdict.witness, 1U);
  EXPECT_TRUE(judged[1].verdict.holds);
}

TEST(Index, FindsEventsByKindSubjectAndKey) {
  Script run;
  run.add(EventKind::message_stored, "broker", "a", "1");
  run.add(EventKind::message_stored, "broker", "b", "1");
  run.add(EventKind::message_settled, "broker", "a", "1");
  const HistoryIndex index(run.history());
  EXPECT_EQ(index.of(EventKind::message_stored).size(), 2U);
  EXPECT_EQ(index.of(EventKind::message_stored, "a").size(), 1U);
  EXPECT_EQ(index.of(EventKind::message_stored, "c").size(), 0U);
  EXPECT_EQ(index.with_key(EventKind::message_stored, "1").size(), 2U);
  EXPECT_EQ(index.with_key(EventKind::message_stored, "2").size(), 0U);
}

TEST(Index, MakesASharedViewOnce) {
  Script run;
  const HistoryIndex index(run.history());
  int made = 0;
  const auto make = [&made](const HistoryIndex&) { return ++made; };
  EXPECT_EQ(index.shared<int>("view", make), 1);
  EXPECT_EQ(index.shared<int>("view", make), 1);
  EXPECT_EQ(index.shared<int>("other view", make), 2);
}

TEST(Rows, LiveFromCommitToCommit) {
  Script run;
  run.put("t", {{"id", 1}, {"value", "a"}}).change("t", "1", {{"value", "b"}});
  run.commit("db", "a#1");
  run.change("t", "1", {{"value", "c"}});
  run.commit("db", "a#1");
  run.change("t", "1", {{"id", 2}});  // the key moves
  run.commit("db", "a#1");
  const HistoryIndex index(run.history());
  const RowLives& lives = lives_of(index, "db.t", "id");
  ASSERT_EQ(lives.size(), 2U);
  const std::vector<RowState>& one = lives.at("1").states;
  ASSERT_EQ(one.size(), 3U);
  EXPECT_EQ(cell(one[0].row(), "value"), "b");
  EXPECT_EQ(cell(one[1].row(), "value"), "c");
  EXPECT_FALSE(one[2].exists);
  EXPECT_EQ(cell(lives.at("1").last_existing()->row(), "value"), "c");
  EXPECT_TRUE(lives.at("2").last().exists);
  EXPECT_EQ(lives_of(index, "db.t", "id,value").count("2|c"), 1U);
}

TEST(Ids, AreShortenedIfTheyAreLongAndHexadecimal) {
  EXPECT_EQ(short_id("3f2a77c1-97aa-4b6e-8c1e-0123456789ab"), "3f2a77c1");
  EXPECT_EQ(short_id("key-12-0123456789abcdef"), "key-12-0123456789abcdef");
  EXPECT_EQ(short_id("17"), "17");
  EXPECT_EQ(short_id(""), "");
  EXPECT_EQ(short_id(std::string(39, 'x') + "ōō"), std::string(39, 'x') + "…");
}

}  // namespace
}  // namespace orrery
