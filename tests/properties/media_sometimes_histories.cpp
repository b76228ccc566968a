// What must happen now and then: each with a history in which it does, and one in which something like it does.
#include "tests/properties/media_histories.hpp"

namespace orrery::testing {
namespace {

const Writes kCompleted = [](Hub& run) { run.completes(); };
const Writes kUndone = [](Hub& run) { run.undoes(); };

Writes answers(const std::string& host, const std::string& subject, std::int64_t status) {
  return [=](Hub& run) { run.add(EventKind::request_answered, host, subject, "r1", status); };
}

Writes becomes(const std::string& step, const std::string& state) {
  return [=](Hub& run) { run.starts().step(step, "running").step(step, state); };
}

/// It happens in the first, and not in the others.
Histories in(Writes happens, std::vector<Writes> does_not) {
  Histories all;
  all.accepts = {std::move(happens)};
  for (Writes& writes : does_not) all.refuses.push_back({"", std::move(writes)});
  return all;
}

Histories taken_over() {
  const auto by = [](const std::string& host) {
    return [host](Hub& run) { run.starts().step("thumbnail", "running").step("thumbnail", "running", 2, 0, host); };
  };
  return in(by("media-saga-2"), {by("media-saga-1"), kCompleted});
}

Histories idle() {
  const auto at = [](const std::string& database) {
    return [database](Hub& run) {
      run.fault("idle_transaction", database);
      run.uploaded().heal_fault("idle_transaction", database);
    };
  };
  return in(at("event_db"), {at("query_db"), [](Hub& run) {
                               run.uploaded().fault("idle_transaction", "event_db");
                               run.heal_fault("idle_transaction", "event_db");
                               run.processed();
                             }});
}

Histories dies_with_a_request() {
  const auto crash = [](bool answered) {
    return [answered](Hub& run) {
      run.add(EventKind::host_started, "media-events-1");
      run.append("r1", 0);
      if (answered) run.answer("r1", 201);
      run.add(EventKind::host_crashed, "media-events-1");
    };
  };
  return in(crash(false), {crash(true)});
}

void add_answers(HistoriesByProperty& all) {
  const std::string process = "media-command POST /media/m1/process";
  all["a late step is refused by its fence"] =
      in(answers("media-command-1", process, 409),
         {answers("media-command-1", process, 200), answers("media-command-1", "media-command POST /media/m1/compensate", 409)});
  const std::string append = "media-events POST /events";
  all["two decisions race for one version"] =
      in(answers("media-events-1", append, 409), {answers("media-events-1", append, 201), answers("media-events-1", "media-events GET /events", 409)});
  all["an append is asked for again"] = in(answers("media-events-1", append, 200), {answers("media-events-1", append, 201)});
  all["a read model is built anew"] = in(answers("media-query-1", "media-query POST /rebuild", 202),
                                         {answers("media-query-1", "media-query POST /rebuild", 503)});
  all["a picture is called what it is not"] =
      in(answers("media-command-1", "media-command POST /media", 415), {answers("media-command-1", "media-command POST /media", 413)});
  all["a token is refused"] = in(answers("media-gateway-1", "media-gateway GET /media", 401),
                                 {answers("media-gateway-1", "media-gateway GET /media", 200), answers("media-query-1", "media-query GET /media", 401)});
}

}  // namespace

HistoriesByProperty histories_of_sometimes() {
  HistoriesByProperty all;
  add_answers(all);
  all["a saga is completed"] = in(kCompleted, {kUndone});
  all["a saga is compensated"] = in(kUndone, {kCompleted});
  all["a thumbnail cannot be made"] = in(becomes("thumbnail", "refused"), {becomes("thumbnail", "timed_out"), becomes("album", "refused")});
  all["an album is full"] = in(becomes("album", "refused"), {becomes("album", "timed_out"), becomes("thumbnail", "refused")});
  all["a step times out"] = in(becomes("thumbnail", "timed_out"), {becomes("thumbnail", "refused"), becomes("album", "timed_out")});
  all["the pivot times out"] = in(becomes("album", "timed_out"), {becomes("album", "refused"), becomes("thumbnail", "timed_out")});
  all["a success comes late"] = in([](Hub& run) { becomes("thumbnail", "timed_out")(run), run.told("thumbnail"); },
                                   {kCompleted, [](Hub& run) { becomes("thumbnail", "timed_out")(run), run.told("thumbnail", "refused"); },
                                    [](Hub& run) { becomes("thumbnail", "timed_out")(run), run.told("album"); }});
  all["what never happened is undone"] = in([](Hub& run) { run.album().removed(); }, {[](Hub& run) { run.album().added().removed(); }});
  all["a saga is taken over"] = taken_over();
  all["a compensation is repeated"] = in([](Hub& run) { run.undoes().step("thumbnail", "compensating", 1, 2); }, {kUndone});
  const Writes uploaded = [](Hub& run) { run.asks("upload media", "", 201, R"({"id": "m1"})"); };
  all["an upload is acknowledged again"] =
      in([uploaded](Hub& run) { uploaded(run), uploaded(run); },
         {[uploaded](Hub& run) { uploaded(run), run.asks("upload media", "", 201, R"({"id": "m2"})").asks("upload media", "", 503, R"({"id": "m1"})"); }});
  all["a medium is deleted while its saga runs"] =
      in([](Hub& run) { run.uploaded().starts().event("MediaDeleted", "m1"); },
         {[](Hub& run) { run.completes().event("MediaDeleted", "m1"); }, [](Hub& run) { run.event("MediaDeleted", "m1").starts(); },
          [](Hub& run) { run.starts().event("MediaDeleted", "m2"); }});
  all["a commit's answer is lost"] = in([](Hub& run) { run.add(EventKind::commit_unknown, "media-events-1", "event_db", "media-events-1#1"); },
                                        {[](Hub& run) { run.add(EventKind::commit_unknown, "media-query-1", "query_db", "media-query-1#1"); }});
  all["an event is stored beside an idle transaction"] = idle();
  all["a host dies with a transaction open"] =
      in([](Hub& run) { run.fault("crash", "media-events-1", "media-events-1/POST /events before commit #3"); },
         {[](Hub& run) { run.fault("crash", "media-events-1", "12s"); },
          [](Hub& run) { run.fault("pause", "media-events-1", "media-events-1/POST /events before commit #3"); }});
  all["a host dies with a request to answer"] = dies_with_a_request();
  return all;
}

}  // namespace orrery::testing
