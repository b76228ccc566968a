#include "properties/media_upload.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "properties/bodies.hpp"
#include "properties/liveness.hpp"
#include "properties/media_events.hpp"
#include "properties/media_sagas.hpp"
#include "properties/media_store.hpp"
#include "properties/outages.hpp"
#include "properties/rows.hpp"
#include "properties/saga_checks.hpp"
#include "properties/sometimes.hpp"
#include "runtime/controls.hpp"

namespace orrery {
namespace {

constexpr const char* kStore = "media_files";
constexpr const char* kSagas = "saga_db";
constexpr Duration kGrace = 15s;         // after the faults: hosts start, connections are made anew
constexpr Duration kPatience = 30s;      // what began later than this before the end may still be under way
constexpr Duration kNoFurther = 20s;     // that a reader of the events may be behind: as kGrace, and one pause after a failure
constexpr Duration kSagaPatience = 75s;  // likewise, of sagas: three deadlines of steps do not fit into a good day's bound

void add_events(std::vector<Property>& all) {
  all.push_back(always("versions of an aggregate count up",
                       "The events of a medium, an album or a user have the versions 1, 2, 3, … once each, and are never "
                       "changed; no two events have the same position.",
                       versions_count_up()));
  all.push_back(always("an append at a stale version is refused",
                       "An event is stored only as the version that its append expected, and what was acknowledged is stored.",
                       stale_appends_are_refused()));
  all.push_back(always("a row of a read model never goes back",
                       "While a row of a read model exists, the version of its last event never gets smaller.",
                       rows_never_go_back()));
  all.push_back(always("no reader of the events falls behind",
                       "An event is in each read model, and known to the saga, after 20 s in which nothing struck those who bring "
                       "it there, whatever transactions others have open.",
                       readers_keep_up(kNoFurther)));
  all.push_back(always("reads show their own",
                       "Nobody is shown what is not theirs, and who asks for what they have just uploaded is shown it.",
                       reads_show_their_own()));
}

void add_sagas(std::vector<Property>& all) {
  all.push_back(always("an upload starts one saga", "At most one saga is started for a medium, however often it hears of it.",
                       one_saga_per_key(kSagas)));
  all.push_back(always("a saga is completed as a whole or undone as a whole",
                       "A completed saga has the upload, the thumbnail, the album and the notice, and nothing was undone; of a "
                       "compensated one the medium is gone, no album holds it, and no notice was sent.",
                       sagas_are_atomic()));
  all.push_back(always("a step that was undone does not happen later",
                       "After a medium was deleted or disabled nothing becomes of it any more; after a saga's fence in an album "
                       "nothing is added for it.",
                       fences_hold()));
  all.push_back(always("a saga only moves along its graph",
                       "The states of sagas and steps take only their allowed steps; a saga is completed when all is done, "
                       "compensated when all is undone, and does not turn round behind its pivot.",
                       sagas_move_along_their_graph(kSagas)));
  all.push_back(always("steps run in order, and are undone in reverse",
                       "A step begins when the one before it is done; an undo when those of the later steps are.",
                       steps_run_in_order(kSagas)));
  all.push_back(always("a step is done only if somebody said so", "A step becomes done only after a signal that says so.",
                       done_means_it_was_said(kSagas)));
  all.push_back(always("a saga hears only what is said to it", "What a saga is told stands in an event with its own id.",
                       signals_carry_the_sagas_id()));
  all.push_back(always("a step that is asked for again takes effect once",
                       "However often a step or its undo is asked for, one event comes of it.", steps_take_effect_once()));
  all.push_back(always("a saga sends one notice", "A saga leads to one notice at most.", one_notice_per_saga()));
  all.push_back(always("an owner has one default album", "No owner ever gets a second default album.",
                       one_default_album_per_owner()));
}

void add_clients(std::vector<Property>& all) {
  all.push_back(always("a file that an event names is there",
                       "From the event that names it until its medium is deleted or disabled a file exists, whole.",
                       named_files_exist(kStore)));
  all.push_back(always("an acknowledged upload has its event",
                       "Who was told 201 has a MediaUploaded with their name and content; who was told that a medium is "
                       "deleted will not see it again.",
                       acknowledged_is_stored_as_event()));
  all.push_back(always("the owner is who asked", "Media and albums belong to the subject of the token they were asked for with.",
                       owners_asked_for_it()));
  all.push_back(always("a valid token is never refused", "No request with a valid token is answered 401.",
                       valid_tokens_are_taken()));
  all.push_back(always("other tokens are refused", "Without a token, or with a forged one, the only answer is 401.",
                       other_tokens_are_refused()));
  all.push_back(always("no service task ends by an exception",
                       "What the world does to a service is handled where it happens.", no_task_fails()));
}

AtRest at_rest() {
  AtRest rest;
  rest.topic = "none";
  rest.group = "none";
  rest.patience = kPatience;
  return rest;
}

void add_eventually(std::vector<Property>& all) {
  all.push_back(eventually("every upload gets its saga", "Every upload is followed by a saga, and every saga follows an upload.",
                           every_upload_has_its_saga(kPatience)));
  all.push_back(eventually("every saga ends", "Once faults are healed, every saga is completed or compensated.",
                           every_saga_ends(kSagas, kSagaPatience)));
  all.push_back(eventually("each service's read model is the sum of the events",
                           "At the end the lists of media, the counters, the albums and the notices are what the events add up "
                           "to.",
                           read_models_are_sums()));
  all.push_back(eventually("no file of a medium that is gone is left", "What is deleted or disabled leaves no file behind.",
                           no_file_is_left_behind(kStore, 45s)));
  all.push_back(eventually("nothing stays pending", "At the end no operation or request waits for anybody.",
                           nothing_stays_pending(at_rest())));
  all.push_back(eventually("requests succeed once faults are healed",
                           "15 s after the faults every request is answered, and not with a server's failure.",
                           requests_succeed(kGrace, kPatience)));
}

/// Requests to `service` whose method and path begin with `begin` and end with `end` are answered `status`.
Predicate answered(std::string begin, std::string end, std::int64_t status) {
  return [begin = std::move(begin), end = std::move(end), status](const HistoryIndex& index) {
    Occurrences found;
    for (const Event* event : index.of(EventKind::request_answered)) {
      if (event->number == status && event->subject.starts_with(begin) && event->subject.ends_with(end)) found.add(event->id);
    }
    return found;
  };
}

/// A medium is deleted by its owner while its saga runs.
Occurrences deleted_under_way(const HistoryIndex& index) {
  Occurrences found;
  const Sagas& sagas = sagas_of(index, kSagas);
  for (const MediaEvent& event : media_events_of(index).all) {
    if (event.type != "MediaDeleted") continue;
    for (const SagaStory& story : sagas.stories) {
      const bool runs = story.started->id < event.commit->id && (story.ended == nullptr || story.ended->id > event.commit->id);
      if (story.business_key == event.aggregate_id && runs) found.add(event.commit->id);
    }
  }
  return found;
}

/// An upload is acknowledged again with the id of the first time.
Occurrences uploaded_again(const HistoryIndex& index) {
  Occurrences found;
  std::map<std::string, const Event*> first;
  for (const Event* ended : index.of(EventKind::operation_ended, "upload media")) {
    if (ended->number != 201) continue;
    if (!first.emplace(member_text(parse_body(ended->text), "id"), ended).second) found.add(ended->id);
  }
  return found;
}

/// A saga's fence in an album stands where nothing had been added.
Occurrences empty_rollback(const HistoryIndex& index) {
  Occurrences found;
  for (const auto& [saga, events] : media_events_of(index).by_saga) {
    bool added = false;
    for (const MediaEvent* event : events) {
      added = added || event->type == "MediaAddedToAlbum";
      if (event->type == "MediaRemovedFromAlbum" && !added) found.add(event->commit->id);
    }
  }
  return found;
}

/// An event is stored while somebody has a transaction open at the event store.
Occurrences stored_beside_an_idle_transaction(const HistoryIndex& index) {
  Occurrences found;
  for (const Outages::Fault& fault : outages_of(index).faults) {
    if (fault.kind != to_string(FaultKind::idle_transaction) || fault.target != "event_db") continue;
    for (const MediaEvent& event : media_events_of(index).all) {
      if (fault.span.overlaps({event.commit->id, event.commit->id})) found.add(event.commit->id);
    }
  }
  return found;
}

void add_sometimes(std::vector<Property>& all) {
  all.push_back(sometimes("a saga is completed", "An upload goes well.", saga_ends_as(kSagas, "completed")));
  all.push_back(sometimes("a saga is compensated", "An upload is undone.", saga_ends_as(kSagas, "compensated")));
  all.push_back(sometimes("a thumbnail cannot be made", "A damaged picture is refused.",
                          step_becomes(kSagas, "thumbnail", "refused")));
  all.push_back(sometimes("an album is full", "The album refuses a medium.", step_becomes(kSagas, "album", "refused")));
  all.push_back(sometimes("a step times out", "A thumbnail is not made in time.", step_becomes(kSagas, "thumbnail", "timed_out")));
  all.push_back(sometimes("the pivot times out", "An album does not answer in time.", step_becomes(kSagas, "album", "timed_out")));
  all.push_back(sometimes("a success comes late", "A step that was given up turns out to have happened.",
                          success_comes_late(kSagas)));
  all.push_back(sometimes("what never happened is undone", "A fence is left where nothing was to be undone.", empty_rollback));
  all.push_back(sometimes("a saga is taken over", "A worker's lease ends, and another host goes on.", saga_is_taken_over(kSagas)));
  all.push_back(sometimes("a compensation is repeated", "An undo has to be asked for again.", compensation_is_repeated(kSagas)));
  all.push_back(sometimes("a late step is refused by its fence", "A thumbnail is asked for when its medium is gone.",
                          answered("media-command POST", "/process", 409)));
  all.push_back(sometimes("two decisions race for one version", "An append is refused as stale.",
                          answered("media-events POST", "/events", 409)));
  all.push_back(sometimes("an append is asked for again", "An append of unknown outcome turns out to be stored.",
                          answered("media-events POST", "/events", 200)));
  all.push_back(sometimes("an upload is acknowledged again", "A repeated upload gets the id of the first time.", uploaded_again));
  all.push_back(sometimes("a medium is deleted while its saga runs", "Its owner does not wait.", deleted_under_way));
  all.push_back(sometimes("a read model is built anew", "Somebody asks for a rebuild.", answered("media-query POST", "/rebuild", 202)));
  all.push_back(sometimes("a picture is called what it is not", "The content decides, not the header.",
                          answered("media-command POST", "/media", 415)));
  all.push_back(sometimes("a token is refused", "Somebody comes with a forged token, or none.",
                          answered("media-gateway", "", 401)));
  all.push_back(sometimes("a commit's answer is lost", "The event store does not learn the outcome of its COMMIT.",
                          commit_answer_is_lost("event_db")));
  all.push_back(sometimes("an event is stored beside an idle transaction", "Somebody else has a transaction open at the event store.",
                          stored_beside_an_idle_transaction));
  all.push_back(sometimes("a host dies with a transaction open", "A crash comes right before a COMMIT.",
                          host_dies_at("before commit")));
  all.push_back(sometimes("a host dies with a request to answer", "A crash comes while somebody waits for an answer.",
                          host_dies_with_a_request()));
}

}  // namespace

std::vector<Property> media_upload_properties() {
  std::vector<Property> all;
  add_events(all);
  add_sagas(all);
  add_clients(all);
  add_eventually(all);
  add_sometimes(all);
  return all;
}

}  // namespace orrery
