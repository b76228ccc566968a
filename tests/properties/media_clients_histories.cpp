// What clients are told, the files, and that nobody waits for ever.
#include <chrono>

#include "tests/properties/media_histories.hpp"

namespace orrery::testing {
namespace {

using namespace std::chrono_literals;

const std::string kPicture = R"("sha256": "abc")";
const std::string kMedium = R"({"id": "m1"})";

Histories own_reads() {
  Histories all;
  all.accepts = {[](Hub& run) { run.uploaded().asks("get media", R"("id": "m1", "at_least": "1")", 200, kMedium); },
                 [](Hub& run) { run.uploaded().asks("list media", "", 200, R"({"media": [{"id": "m1"}]})"); }};
  const std::string others = R"({"owner": "bob"})";
  all.refuses = {{"not theirs", [others](Hub& run) { run.event("MediaUploaded", "m1", others).asks("get media", R"("id": "m1")", 200, kMedium); }},
                 {"not theirs",
                  [others](Hub& run) {
                    run.event("MediaUploaded", "m1", others).asks("list media", "", 200, R"({"media": [{"id": "m1"}]})");
                  }},
                 {"not theirs", [](Hub& run) { run.asks("get media", R"("id": "m1")", 200, kMedium); }},
                 {"own write", [](Hub& run) { run.uploaded().asks("get media", R"("id": "m1", "at_least": "1")", 404); }}};
  return all;
}

Histories acknowledged() {
  const std::string id = R"("id": "m1")";
  Histories all;
  all.accepts = {[](Hub& run) { run.uploaded().asks("upload media", kPicture, 201, kMedium); },
                 [id](Hub& run) { run.uploaded().event("MediaDeleted", "m1").asks("delete media", id, 200); },
                 [id](Hub& run) { run.uploaded().compensated().asks("delete media", id, 200); }};
  all.refuses = {{"upload media", [](Hub& run) { run.asks("upload media", kPicture, 201, kMedium); }},
                 {"upload media", [](Hub& run) { run.asks("upload media", kPicture, 201, kMedium).uploaded(); }},
                 {"upload media", [](Hub& run) { run.uploaded().asks("upload media", R"("sha256": "other")", 201, kMedium); }},
                 {"upload media",
                  [](Hub& run) {
                    run.event("MediaUploaded", "m1", R"({"owner": "bob", "sha256": "abc"})").asks("upload media", kPicture, 201, kMedium);
                  }},
                 {"delete media", [id](Hub& run) { run.uploaded().asks("delete media", id, 200); }}};
  return all;
}

Histories owners() {
  const Writes album = [](Hub& run) { run.event("AlbumCreated", "a2", R"({"owner": "ada", "name": "trip", "default": false})"); };
  Histories all;
  all.accepts = {[](Hub& run) { run.asks("upload media", kPicture, 503).uploaded(); },
                 [album](Hub& run) { run.asks("create album", R"("name": "trip")", 503), album(run); }};
  all.refuses = {{"MediaUploaded", [](Hub& run) { run.uploaded(); }},
                 {"MediaUploaded", [](Hub& run) { run.uploaded().asks("upload media", kPicture, 503); }},
                 {"MediaUploaded", [](Hub& run) { run.asks("upload media", R"("sha256": "other")", 503).uploaded(); }},
                 {"MediaUploaded", [](Hub& run) { run.asks("upload media", kPicture, 503, "{}", "forged").uploaded(); }},
                 {"AlbumCreated", [album](Hub& run) { run.asks("create album", R"("name": "other")", 503), album(run); }}};
  return all;
}

Histories named_files() {
  Histories all;
  all.accepts = {[](Hub& run) { run.writes_file().uploaded().event("MediaDeleted", "m1").removes_file(); },
                 [](Hub& run) {
                   run.writes_file().uploaded().writes_file("thumbnails/m1/thumbnail").processed().compensated();
                   run.removes_file("thumbnails/m1/thumbnail");
                 }};
  all.refuses = {{"MediaUploaded", [](Hub& run) { run.uploaded().writes_file(); }},
                 {"MediaUploaded", [](Hub& run) { run.writes_file().uploaded().removes_file(); }},
                 {"MediaProcessed", [](Hub& run) { run.writes_file().uploaded().processed(); }},
                 {"size", [](Hub& run) { run.writes_file("uploads/m1/f", 2).uploaded(); }}};
  return all;
}

Histories left_files() {
  Histories all;
  all.accepts = {[](Hub& run) { run.writes_file().uploaded().event("MediaDeleted", "m1").removes_file().at(60s).album(); },
                 [](Hub& run) { run.writes_file().uploaded().event("MediaDeleted", "m1").at(40s).album(); },  // not yet
                 [](Hub& run) { run.writes_file().uploaded().at(60s).album(); }};
  all.refuses = {{"uploads", [](Hub& run) { run.writes_file().uploaded().event("MediaDeleted", "m1").at(60s).album(); }},
                 {"thumbnails", [](Hub& run) { run.uploaded().compensated().writes_file("thumbnails/m1/thumbnail").at(60s).album(); }}};
  return all;
}

Histories pending() {
  Histories all;
  all.accepts = {[](Hub& run) {
                   run.asks("look", "", 200).add(EventKind::request_sent, "media-query-1", "media-events GET /events", "r1");
                   run.add(EventKind::request_ended, "media-query-1", "media-events GET /events", "r1", 200);
                   run.at(40s).ask("look", "late", "{}");
                   run.asks("look", "", 200);
                 },
                 [](Hub& run) {  // nobody is left who waits
                   run.add(EventKind::request_sent, "media-query-1", "media-events GET /events", "r1");
                   run.add(EventKind::host_crashed, "media-query-1");
                   run.at(40s).asks("look", "", 200);
                   run.at(80s).album();
                 }};
  all.refuses = {{"operation", [](Hub& run) { run.ask("look", "l1", "{}"), run.at(40s).album(); }},
                 {"request", [](Hub& run) {
                    run.add(EventKind::request_sent, "media-query-1", "media-events GET /events", "r1");
                    run.at(40s).album();
                  }}};
  return all;
}

Histories answered() {
  const auto after_faults = [](Duration when, std::int64_t status) {
    return [when, status](Hub& run) {
      run.at(1s).fault("crash", "media-query-1");
      run.at(10s).healed();
      run.at(when).asks("look", "", status).at(40s).asks("look", "", 200);
    };
  };
  Histories all;
  all.accepts = {[](Hub& run) { run.asks("look", "", 404); }, after_faults(5s, 503), after_faults(20s, 503), after_faults(30s, 409)};
  all.refuses = {{"look 503", [](Hub& run) { run.asks("look", "", 503); }},
                 {"look 503", after_faults(30s, 503)},
                 {"look 429", after_faults(30s, 429)},
                 {"look 0", after_faults(30s, 0)},
                 {"look never ended", [](Hub& run) { run.ask("look", "l1", "{}"), run.at(40s).album(); }}};
  return all;
}

}  // namespace

HistoriesByProperty histories_of_clients() {
  HistoriesByProperty all;
  all["reads show their own"] = own_reads();
  all["a file that an event names is there"] = named_files();
  all["an acknowledged upload has its event"] = acknowledged();
  all["the owner is who asked"] = owners();
  all["a valid token is never refused"] = {
      {[](Hub& run) { run.asks("look", "", 200); }, [](Hub& run) { run.asks("look", "", 404); }},
      {{"refused", [](Hub& run) { run.asks("look", "", 401); }}}};
  all["other tokens are refused"] = {{[](Hub& run) { run.asks("look", "", 401, "{}", "none"); }},
                                     {{"taken", [](Hub& run) { run.asks("look", "", 200, "{}", "none"); }},
                                      {"taken", [](Hub& run) { run.asks("upload media", kPicture, 201, kMedium, "forged"); }},
                                      {"taken", [](Hub& run) { run.asks("look", "", 404, "{}", "forged"); }}}};
  all["no service task ends by an exception"] = {
      {[](Hub& run) { run.add(EventKind::request_answered, "media-query-1", "media-query GET /media", "r1", 503); }},
      {{"media-query GET /media 500",
        [](Hub& run) { run.add(EventKind::request_answered, "media-query-1", "media-query GET /media", "r1", 500); }},
       {"projection", [](Hub& run) { run.add(EventKind::service_failed, "media-query-1", "projection", "", 0, "std::out_of_range"); }}}};
  all["no file of a medium that is gone is left"] = left_files();
  all["nothing stays pending"] = pending();
  all["requests succeed once faults are healed"] = answered();
  return all;
}

}  // namespace orrery::testing
