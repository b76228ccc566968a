#include <gtest/gtest.h>

#include "properties/media_sagas.hpp"
#include "properties/media_store.hpp"
#include "properties/saga_checks.hpp"
#include "tests/properties/script.hpp"

namespace orrery {
namespace {

using testing::Script;
using testing::shapes;

constexpr const char* kGraph =
    R"({"saga":"trip","nodes":[{"id":"start","kind":"start"},{"id":"a","kind":"step"},{"id":"undo a","kind":"compensation"},)"
    R"({"id":"b","kind":"pivot"},{"id":"completed","kind":"end"},{"id":"compensated","kind":"end"}],"edges":[]})";

/// Saga "s1" of trip "k1" with the steps "a" and "b", as its orchestrator commits it.
class SagaScript : public Script {
 public:
  SagaScript() {
    put("saga_declarations", {{"name", "trip"}, {"graph", kGraph}});
    commit("saga_db", "saga-1.1#1");
    start("s1", "k1");
  }
  void start(const std::string& id, const std::string& key) {
    put("sagas", {{"id", id}, {"name", "trip"}, {"business_key", key}, {"input", "{}"}, {"state", "running"}, {"reason", ""}, {"escalated", false}});
    for (const char* step : {"a", "b"}) {
      put("saga_steps", {{"key", id + step}, {"saga_id", id}, {"name", step}, {"state", "pending"}, {"attempts", 0}, {"undo_attempts", 0}, {"last_error", ""}});
    }
    commit("saga_db", "saga-1.1#1");
  }
  SagaScript& step(const std::string& name, const std::string& state, int attempts = 1, int undo_attempts = 0) {
    change("saga_steps", "s1" + name, {{"state", state}, {"attempts", attempts}, {"undo_attempts", undo_attempts}});
    commit("saga_db", "saga-1.1#1");
    return *this;
  }
  SagaScript& saga(const std::string& state) {
    change("sagas", "s1", {{"state", state}});
    commit("saga_db", "saga-1.1#1");
    return *this;
  }
  SagaScript& done(const std::string& name) { return step(name, "running").step(name, "done"); }
};

std::string moves(const SagaScript& run) { return shapes(sagas_move_along_their_graph("saga_db")(run.history())); }
std::string order(const SagaScript& run) { return shapes(steps_run_in_order("saga_db")(run.history())); }

TEST(Sagas, AreCompletedStepByStep) {
  SagaScript run;
  run.done("a").done("b").saga("completed");
  EXPECT_EQ(moves(run), "");
  EXPECT_EQ(order(run), "");
  EXPECT_EQ(shapes(every_saga_ends("saga_db", Duration::zero())(run.history())), "");
  EXPECT_EQ(saga_ends_as("saga_db", "completed")(run.history()).count, 1);
  EXPECT_EQ(sagas_of(run.history(), "saga_db").find("s1")->attempts.size(), 2U);
}

TEST(Sagas, AreUndoneInReverse) {
  SagaScript run;
  run.done("a").step("b", "running").step("b", "refused").saga("compensating");
  run.step("a", "compensating", 1, 1).step("a", "compensated", 1, 1).saga("compensated");
  EXPECT_EQ(moves(run), "");
  EXPECT_EQ(order(run), "");
}

TEST(Sagas, AreNotCompletedWithAStepMissing) {
  SagaScript run;
  run.done("a").saga("completed");
  EXPECT_EQ(moves(run), "completed too early");
}

TEST(Sagas, AreNotCompensatedWithAStepStanding) {
  SagaScript run;
  run.done("a").step("b", "running").step("b", "timed_out").saga("compensating").saga("compensated");
  EXPECT_EQ(moves(run), "compensated too early");
}

TEST(Sagas, DoNotTurnRoundBehindThePivot) {
  SagaScript run;
  run.done("a").done("b").saga("compensating");
  EXPECT_EQ(moves(run), "turned back behind the pivot");
}

TEST(Sagas, DoNotComeBackFromTheirEnd) {
  SagaScript run;
  run.done("a").done("b").saga("completed").saga("running");
  EXPECT_EQ(moves(run), "saga completed to running");
}

TEST(Sagas, DoNotBeginAStepBeforeTheOneBeforeIt) {
  SagaScript run;
  run.step("b", "running");
  EXPECT_EQ(order(run), "action too early");
}

TEST(Sagas, DoNotUndoBeforeTheyTurnRound) {
  SagaScript run;
  run.done("a").step("a", "compensating", 1, 1);
  EXPECT_EQ(order(run), "undo too early");
}

TEST(Sagas, AreNotLeftOnTheirWay) {
  SagaScript run;
  run.done("a");
  EXPECT_EQ(shapes(every_saga_ends("saga_db", Duration::zero())(run.history())), "running");
}

TEST(Sagas, AreOnePerKey) {
  SagaScript run;
  EXPECT_EQ(shapes(one_saga_per_key("saga_db")(run.history())), "");
  run.start("s2", "k1");
  EXPECT_EQ(shapes(one_saga_per_key("saga_db")(run.history())), "second saga");
}

TEST(Sagas, AreToldByASignalThatAStepIsDone) {
  SagaScript run;
  run.step("a", "running");
  run.put("saga_signals", {{"key", "s1a"}, {"saga_id", "s1"}, {"step", "a"}, {"outcome", "done"}});
  run.commit("saga_db", "saga-1.1#1");
  run.step("a", "done");
  EXPECT_EQ(shapes(done_means_it_was_said("saga_db")(run.history())), "");
  run.done("b");
  EXPECT_EQ(shapes(done_means_it_was_said("saga_db")(run.history())), "nobody said so");
}

/// Events of MediaHub as its event store commits them.
class Hub : public Script {
 public:
  Hub& event(const std::string& type, const std::string& aggregate, int version, const std::string& data = "{}") {
    ++position_;
    const std::string kind = type.starts_with("Album") || type.find("Album") != std::string::npos ? "Album" : "Media";
    put("events", {{"position", position_}, {"id", "e" + std::to_string(position_)}, {"aggregate_type", kind}, {"aggregate_id", aggregate},
                   {"version", version}, {"event_type", type}, {"data", data}});
    commit("event_db", "media-events-1.1#1");
    return *this;
  }
  int position_ = 0;
};

TEST(MediaEvents, CountUp) {
  Hub run;
  run.event("MediaUploaded", "m1", 1).event("MediaProcessed", "m1", 2).event("MediaUploaded", "m2", 1);
  EXPECT_EQ(shapes(versions_count_up()(run.history())), "");
  run.event("MediaDeleted", "m1", 4);
  EXPECT_EQ(shapes(versions_count_up()(run.history())), "version");
}

TEST(MediaEvents, AreNotAppendedAtAStaleVersion) {
  Hub run;
  run.add(EventKind::request_received, "media-events-1", "media-events POST /events", "r1", 0,
          R"({"expected_version": 0, "events": [{"id": "e1"}]})");
  run.event("MediaUploaded", "m1", 1);
  EXPECT_EQ(shapes(stale_appends_are_refused()(run.history())), "");
  run.add(EventKind::request_received, "media-events-1", "media-events POST /events", "r2", 0,
          R"({"expected_version": 0, "events": [{"id": "e2"}]})");
  run.event("MediaDeleted", "m1", 2);
  EXPECT_EQ(shapes(stale_appends_are_refused()(run.history())), "stale");
}

TEST(MediaFences, LetNothingThrough) {
  Hub run;
  run.event("MediaUploaded", "m1", 1).event("MediaCompensated", "m1", 2);
  EXPECT_EQ(shapes(fences_hold()(run.history())), "");
  run.event("MediaProcessed", "m1", 3);
  EXPECT_EQ(shapes(fences_hold()(run.history())), "MediaProcessed");
}

TEST(MediaFiles, AreThereAsLongAsTheyAreNamed) {
  Hub run;
  const std::string uploaded = R"({"file": "uploads/m1/a", "size": 3})";
  run.add(EventKind::file_written, "media_files", "media_files", "uploads/m1/a", 3);
  run.event("MediaUploaded", "m1", 1, uploaded).event("MediaDeleted", "m1", 2);
  EXPECT_EQ(shapes(no_file_is_left_behind("media_files", Duration::zero())(run.history())), "uploads");
  run.add(EventKind::file_removed, "media_files", "media_files", "uploads/m1/a");
  EXPECT_EQ(shapes(named_files_exist("media_files")(run.history())), "");
  EXPECT_EQ(shapes(no_file_is_left_behind("media_files", Duration::zero())(run.history())), "");
  run.event("MediaUploaded", "m2", 1, R"({"file": "uploads/m2/b", "size": 3})");
  EXPECT_EQ(shapes(named_files_exist("media_files")(run.history())), "MediaUploaded");
}

}  // namespace
}  // namespace orrery
