// Sagas of uploads.
#include <chrono>

#include "tests/properties/media_histories.hpp"

namespace orrery::testing {
namespace {

using namespace std::chrono_literals;

const Writes kCompleted = [](Hub& run) { run.completes(); };
const Writes kUndone = [](Hub& run) { run.undoes(); };

/// A run whose saga is completed although `left_out` of its steps' events is not there.
Writes completed_without(const std::string& left_out) {
  return [left_out](Hub& run) {
    if (left_out != "upload") run.uploaded();
    run.starts().album();
    for (const char* name : {"thumbnail", "album", "notify"}) {
      if (name != left_out) {
        run.does(name);
      } else {
        run.step(name, "running").step(name, "done");
      }
    }
    run.turns("completed");
  };
}

Histories atomic() {
  Histories all;
  all.accepts = {kCompleted, kUndone,
                 [](Hub& run) {  // its owner was faster
                   run.uploaded().starts().event("MediaDeleted", "m1", R"({"owner": "ada"})").turns("compensating").turns("compensated");
                 }};
  all.refuses = {
      {"completed, there is no upload", completed_without("upload")},
      {"completed, MediaProcessed is missing", completed_without("thumbnail")},
      {"completed, MediaAddedToAlbum is missing", completed_without("album")},
      {"completed, NotificationSent is missing", completed_without("notify")},
      {"completed, NotificationSent came later", [](Hub& run) { completed_without("notify")(run), run.notified(); }},
      {"completed, MediaCompensated undid it", [](Hub& run) { run.completes().compensated(); }},
      {"completed, MediaRemovedFromAlbum undid it", [](Hub& run) { run.completes().removed(); }},
      {"compensated, the medium is uploaded", [](Hub& run) { run.uploaded().starts().turns("compensating").turns("compensated"); }},
      {"compensated, the medium is processed",
       [](Hub& run) { run.uploaded().starts().processed().turns("compensating").turns("compensated"); }},
      {"compensated, an album holds the medium",
       [](Hub& run) { run.uploaded().starts().album().added().compensated().turns("compensating").turns("compensated"); }},
      {"compensated, a notice was sent",
       [](Hub& run) { run.uploaded().starts().notified().compensated().turns("compensating").turns("compensated"); }}};
  return all;
}

Histories heard() {
  Histories all;
  all.accepts = {kCompleted, [](Hub& run) {
                   run.uploaded().starts().event("MediaProcessingFailed", "m1", R"({"saga_id": "s1"})").told("thumbnail", "refused");
                 }};
  all.refuses = {{"thumbnail", [](Hub& run) { run.uploaded().starts().told("thumbnail"); }},
                 {"thumbnail", [](Hub& run) { run.uploaded().starts().processed().told("thumbnail", "refused"); }},
                 {"thumbnail", [](Hub& run) { run.uploaded().starts().told("thumbnail").processed(); }},
                 {"album", [](Hub& run) { run.uploaded().starts().album().added("s2").told("album"); }},
                 {"notify", [](Hub& run) { run.uploaded().starts().album().added().told("notify"); }}};
  return all;
}

}  // namespace

HistoriesByProperty histories_of_sagas() {
  HistoriesByProperty all;
  all["an upload starts one saga"] = {{[](Hub& run) { run.starts().starts("s2", "m2"); }},
                                      {{"second saga", [](Hub& run) { run.starts().starts("s2", "m1"); }}}};
  all["a saga is completed as a whole or undone as a whole"] = atomic();
  all["a step that was undone does not happen later"] = {
      {kUndone, [](Hub& run) { run.album().added().removed("s2").added("s3"); }},
      {{"MediaProcessed", [](Hub& run) { run.uploaded().compensated().processed(); }},
       {"MediaCompensated", [](Hub& run) { run.uploaded().event("MediaDeleted", "m1").compensated(); }},
       {"added", [](Hub& run) { run.album().removed().added(); }}}};
  all["a saga only moves along its graph"] = {
      {kCompleted, kUndone},
      {{"completed too early", [](Hub& run) { run.starts().does("thumbnail").does("album").turns("completed"); }},
       {"compensated too early", [](Hub& run) { run.starts().does("thumbnail").turns("compensating").turns("compensated"); }},
       {"turned back behind the pivot", [](Hub& run) { run.starts().does("thumbnail").does("album").turns("compensating"); }},
       {"step done to running", [](Hub& run) { run.starts().does("thumbnail").step("thumbnail", "running", 2); }},
       {"saga completed to running", [](Hub& run) { run.completes().turns("running"); }}}};
  all["steps run in order, and are undone in reverse"] = {
      {kCompleted, kUndone},
      {{"action too early", [](Hub& run) { run.starts().does("album"); }},
       {"undo too early", [](Hub& run) { run.starts().does("thumbnail").step("thumbnail", "compensating", 1, 1); }},
       {"undo out of order",
        [](Hub& run) {
          run.starts().does("thumbnail").step("album", "running").step("album", "timed_out").turns("compensating");
          run.step("thumbnail", "compensating", 1, 1);
        }},
       {"action too late", [](Hub& run) { run.starts().does("thumbnail").turns("compensating").step("album", "running"); }}}};
  all["a step is done only if somebody said so"] = {
      {kCompleted},
      {{"nobody said so", [](Hub& run) { run.starts().step("thumbnail", "running").step("thumbnail", "done"); }},
       {"nobody said so",
        [](Hub& run) { run.starts().step("thumbnail", "running").told("thumbnail", "refused").step("thumbnail", "done"); }}}};
  all["a saga hears only what is said to it"] = heard();
  all["a step that is asked for again takes effect once"] = {
      {kCompleted, kUndone},
      {{"MediaProcessed", [](Hub& run) { run.uploaded().processed().processed(); }},
       {"MediaAddedToAlbum", [](Hub& run) { run.album().added().added(); }},
       {"MediaRemovedFromAlbum", [](Hub& run) { run.album().removed().removed(); }}}};
  all["a saga sends one notice"] = {
      {[](Hub& run) { run.notified("s1").shows_notice("e1", "s1").notified("s2").shows_notice("e2", "s2"); }},
      {{"event", [](Hub& run) { run.notified().notified(); }},
       {"notice", [](Hub& run) { run.notified().shows_notice("e1").shows_notice("e2"); }}}};
  all["an owner has one default album"] = {{[](Hub& run) { run.album("a1", "ada").album("a2", "bob"); }},
                                           {{"second", [](Hub& run) { run.album("a1", "ada").album("a2", "ada"); }}}};
  all["every upload gets its saga"] = {
      {[](Hub& run) { run.uploaded().starts().at(40s).uploaded("m2"); }},  // the second may still get one
      {{"no saga", [](Hub& run) { run.uploaded().at(40s).album(); }},
       {"no upload", [](Hub& run) { run.starts(); }}}};
  all["every saga ends"] = {{[](Hub& run) { run.completes().at(90s).album("a2", "bob"); },
                             [](Hub& run) { run.undoes().at(90s).album("a2", "bob"); }},
                            {{"running", [](Hub& run) { run.uploaded().starts().at(90s).album(); }},
                             {"compensating", [](Hub& run) { run.uploaded().starts().turns("compensating").at(90s).album(); }}}};
  return all;
}

}  // namespace orrery::testing
