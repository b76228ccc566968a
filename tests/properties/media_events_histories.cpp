// The event store, the read models and who reads the events.
#include <chrono>

#include "tests/properties/media_histories.hpp"

namespace orrery::testing {
namespace {

using namespace std::chrono_literals;

/// An upload that all readers but one read at once.
Hub& uploaded_but_not_for(Hub& run, const std::string& late) {
  run.at(1s).uploaded();
  for (const char* database : {"query_db", "album_db", "notice_db", "saga_db"}) {
    if (database != late) run.reads(database);
  }
  return run;
}

Histories keeps_up() {
  Histories all;
  all.accepts = {[](Hub& run) { uploaded_but_not_for(run, "query_db").at(15s).reads("query_db"); },
                 [](Hub& run) {  // twice not long enough without a fault
                   uploaded_but_not_for(run, "query_db").at(15s).fault("pause", "media-query-1");
                   run.at(30s).heal_fault("pause", "media-query-1");
                   run.at(45s).reads("query_db");
                 },
                 [](Hub& run) {  // cut off from the event store, and then the store itself is down
                   uploaded_but_not_for(run, "album_db").fault("partition", "media-album-1|media-events-2");
                   run.at(20s).fault("crash", "event_db");
                   run.at(40s).heal_fault("partition", "media-album-1|media-events-2");
                   run.at(50s).add(EventKind::host_started, "event_db");
                   run.at(65s).reads("album_db");
                 },
                 [](Hub& run) {  // what a rebuild reads again it had read
                   uploaded_but_not_for(run, "query_db").reads("query_db");
                   run.at(60s).change("feed_checkpoints", "query_db", {{"position", 0}}).commit("query_db", "media-query-1.1#1");
                 }};
  /// Read at 31 s, after a fault from 1 s until `healed`.
  const auto late_after = [](const std::string& kind, const std::string& target, Duration healed) {
    return [=](Hub& run) {
      uploaded_but_not_for(run, "query_db").fault(kind, target);
      run.at(healed).heal_fault(kind, target);
      run.at(31s).reads("query_db");
    };
  };
  all.refuses = {{"media-query", [](Hub& run) { uploaded_but_not_for(run, "query_db").at(22s).reads("query_db"); }},
                 {"media-saga", [](Hub& run) { uploaded_but_not_for(run, "saga_db").at(30s).healed(); }},
                 {"media-album", [](Hub& run) { uploaded_but_not_for(run, "album_db").at(22s).reads("album_db"); }},
                 {"media-notification", [](Hub& run) { uploaded_but_not_for(run, "notice_db").at(22s).reads("notice_db"); }},
                 {"media-query", late_after("idle_transaction", "event_db", 30s)},  // whose transaction it is does not matter
                 {"media-query", late_after("pause", "media-gateway-1", 30s)},      // has no part in it
                 {"media-query", late_after("partition", "media-query-1|media-gateway-1", 30s)},
                 {"media-query", late_after("pause", "media-query-2", 10s)},  // long enough after the fault
                 {"media-query", [](Hub& run) {                                // what strikes once costs a repetition
                    uploaded_but_not_for(run, "query_db").at(10s).fault("kill_session", "media-query-1>query_db", "media-query-1>query_db #3");
                    run.at(22s).reads("query_db");
                  }}};
  return all;
}

Histories sums() {
  const Writes right = [](Hub& run) {
    run.completes().shows_medium("processed", 2).shows_album(2).shows_notice("e5");
  };
  Histories all;
  all.accepts = {right, [](Hub& run) {
                   run.uploaded().shows_medium("uploaded", 1);
                   run.event("MediaDeleted", "m1", R"({"owner": "ada"})").shows_medium("deleted", 2, 0);
                 }};
  all.refuses = {{"media missing", [](Hub& run) { run.uploaded(); }},
                 {"media differs", [](Hub& run) { run.uploaded().processed().shows_medium("uploaded", 1); }},
                 {"media too many", [](Hub& run) { run.shows_medium("uploaded", 1); }},
                 {"owner_stats differs", [](Hub& run) { run.uploaded().shows_medium("uploaded", 1, 2); }},
                 {"albums missing", [](Hub& run) { run.album(); }},
                 {"album_media too many", [](Hub& run) { run.album().added().removed().shows_album(3); }},
                 {"notices missing", [](Hub& run) { run.notified(); }},
                 {"notices too many", [](Hub& run) { run.shows_notice("e9"); }}};
  return all;
}

}  // namespace

HistoriesByProperty histories_of_events() {
  HistoriesByProperty all;
  all["versions of an aggregate count up"] = {
      {[](Hub& run) { run.uploaded().uploaded("m2").processed().event("MediaDeleted", "m1"); }},
      {{"version", [](Hub& run) { run.uploaded().event("MediaDeleted", "m1", "{}", 3); }},
       {"version", [](Hub& run) { run.uploaded().event("MediaDeleted", "m1", "{}", 1); }},
       {"rewritten",
        [](Hub& run) {
          run.uploaded().change("events", "1", {{"data", "{}"}});
          run.commit("event_db", "media-events-1.1#1");
        }},
       {"rewritten",
        [](Hub& run) {
          run.uploaded().drop("events", "1");
          run.commit("event_db", "media-events-1.1#1");
        }},
       {"position", [](Hub& run) {
          run.uploaded();
          run.put("events", {{"position", 1}, {"id", "other"}, {"aggregate_type", "Media"}, {"aggregate_id", "m2"},
                             {"version", 1}, {"event_type", "MediaUploaded"}, {"data", "{}"}});
          run.commit("event_db", "media-events-2.1#1");
        }}}};
  all["an append at a stale version is refused"] = {
      {[](Hub& run) { run.append("r1", 0).uploaded().answer("r1", 201).append("r2", 1).processed().answer("r2", 200); },
       [](Hub& run) { run.append("r1", 0).uploaded().append("r2", 0).answer("r2", 409); }},
      {{"stale", [](Hub& run) { run.append("r1", 0).uploaded().append("r2", 0).processed(); }},
       {"stale", [](Hub& run) { run.uploaded(); }},
       {"not stored", [](Hub& run) { run.append("r1", 0).answer("r1", 201); }}}};
  all["a row of a read model never goes back"] = {
      {[](Hub& run) { run.shows_medium("uploaded", 1).shows_medium("processed", 2); },
       [](Hub& run) {  // anew from the events
         run.shows_album(4).drop("albums", "a1");
         run.commit("album_db", "media-album-1.1#1");
         run.shows_album(1);
       }},
      {{"media", [](Hub& run) { run.shows_medium("processed", 2).shows_medium("uploaded", 1); }},
       {"albums", [](Hub& run) {
          run.shows_album(4).change("albums", "a1", {{"version", 3}});
          run.commit("album_db", "media-album-1.1#1");
        }}}};
  all["no reader of the events falls behind"] = keeps_up();
  all["each service's read model is the sum of the events"] = sums();
  return all;
}

}  // namespace orrery::testing
