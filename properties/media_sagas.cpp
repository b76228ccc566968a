#include "properties/media_sagas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "properties/bodies.hpp"
#include "properties/media_events.hpp"
#include "properties/rows.hpp"
#include "properties/sagas.hpp"

namespace orrery {
namespace {

constexpr std::string_view kSagas = "saga_db";

const MediaEvent* find(const std::vector<const MediaEvent*>& events, std::string_view type) {
  const auto found = std::ranges::find(events, type, &MediaEvent::type);
  return found == events.end() ? nullptr : *found;
}

bool undoes(const MediaEvent& event) {
  return event.type == "MediaCompensated" ||
         (event.type == "MediaRemovedFromAlbum" && member_text(event.data, "compensation") == "true");
}

/// The commits that took the saga's feeds past a position.
std::vector<EventId> passing(const HistoryIndex& index, std::int64_t position) {
  std::vector<EventId> commits;
  for (const auto& [name, life] : lives_of(index, "saga_db.feed_checkpoints", "name")) {
    std::int64_t before = 0;
    for (const RowState& state : life.states) {
      const std::int64_t after = state.exists ? state.row()["position"].integer() : 0;
      if (before < position && after >= position) commits.push_back(state.commit->id);
      before = after;
    }
  }
  return commits;
}

void judge_completed(const SagaStory& story, const std::vector<const MediaEvent*>& events, const MediaEvents& all,
                     Findings& findings) {
  const auto broken = [&](const std::string& shape, EventId proof) {
    findings.violate("completed, " + shape, fmt::format("saga {} is completed, but {}", short_id(story.id), shape),
                     {story.started->id, story.ended->id, proof});
  };
  if (find(all.of("Media " + story.business_key), "MediaUploaded") == nullptr) broken("there is no upload", 0);
  for (const char* type : {"MediaProcessed", "MediaAddedToAlbum", "NotificationSent"}) {
    const MediaEvent* event = find(events, type);
    if (event == nullptr) {
      broken(fmt::format("{} is missing", type), 0);
    } else if (event->commit->id > story.ended->id) {
      broken(fmt::format("{} came later", type), event->commit->id);
    }
  }
  for (const MediaEvent* event : events) {
    if (undoes(*event)) broken(fmt::format("{} undid it", event->type), event->commit->id);
  }
}

void judge_compensated(const SagaStory& story, const std::vector<const MediaEvent*>& events, const HistoryIndex& index,
                       Findings& findings) {
  const auto broken = [&](const std::string& shape, EventId proof) {
    findings.violate("compensated, " + shape, fmt::format("saga {} is compensated, but {}", short_id(story.id), shape),
                     {story.started->id, story.ended->id, proof, index.end()});
  };
  const auto& media = media_folds_of(index);
  const auto fold = media.find(story.business_key);
  if (fold != media.end() && !fold->second.status.empty() && !fold->second.is_gone()) {
    broken(fmt::format("the medium is {}", fold->second.status), fold->second.said);
  }
  const MediaEvent* added = nullptr;
  for (const MediaEvent* event : events) {
    if (event->type == "MediaAddedToAlbum") added = event;
    if (event->type == "MediaRemovedFromAlbum") added = nullptr;
    if (event->type == "NotificationSent") broken("a notice was sent", event->commit->id);
  }
  if (added != nullptr) {
    // Its owner may have taken it out since.
    const AlbumFold& album = album_folds_of(index).at(added->aggregate_id);
    if (album.media.contains(story.business_key)) broken("an album holds the medium", added->commit->id);
  }
}

}  // namespace

Check sagas_are_atomic() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const MediaEvents& events = media_events_of(index);
    for (const SagaStory& story : sagas_of(index, kSagas).stories) {
      if (story.ended == nullptr) continue;
      findings.examine();
      if (story.state == "completed") {
        judge_completed(story, events.of_saga(story.id), events, findings);
      } else {
        judge_compensated(story, events.of_saga(story.id), index, findings);
      }
    }
    return std::move(findings).verdict();
  };
}

Check fences_hold() {
  return [](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [aggregate, stream] : media_events_of(index).by_aggregate) {
      const MediaEvent* disabled = nullptr;
      std::map<std::string, const MediaEvent*> fences;
      for (const MediaEvent* event : stream) {
        if (disabled == nullptr && (event->type == "MediaCompensated" || event->type == "MediaDeleted")) {
          findings.examine();
          disabled = event;
        } else if (event->aggregate_type == "Media" && disabled != nullptr) {
          findings.violate(event->type, fmt::format("{} came after {} had ended", event->type, short_id(event->media_id)),
                           {disabled->commit->id, event->commit->id});
        }
        if (event->saga_id.empty()) continue;
        if (event->type == "MediaRemovedFromAlbum") {
          findings.examine();
          fences.emplace(event->saga_id, event);
        } else if (event->type == "MediaAddedToAlbum" && fences.contains(event->saga_id)) {
          findings.violate("added", fmt::format("{} was added for saga {} after its fence", short_id(event->media_id),
                                                short_id(event->saga_id)),
                           {fences[event->saga_id]->commit->id, event->commit->id});
        }
      }
    }
    return std::move(findings).verdict();
  };
}

Check every_upload_has_its_saga(Duration patience) {
  return [patience](const HistoryIndex& index) {
    Findings findings;
    const Sagas& sagas = sagas_of(index, kSagas);
    const MediaEvents& events = media_events_of(index);
    std::set<std::string_view> followed;
    for (const SagaStory& story : sagas.stories) {
      findings.examine();
      followed.insert(story.business_key);
      if (find(events.of("Media " + story.business_key), "MediaUploaded") != nullptr) continue;
      findings.violate("no upload", fmt::format("saga {} is about {}, which was not uploaded", short_id(story.id),
                                                short_id(story.business_key)),
                       {story.started->id});
    }
    for (const MediaEvent& event : events.all) {
      if (event.type != "MediaUploaded" || index.end_at() - event.commit->at < patience) continue;
      findings.examine();
      if (followed.contains(event.aggregate_id)) continue;
      std::vector<EventId> evidence{event.commit->id, index.end()};
      const std::vector<EventId> passed = passing(index, event.position);
      evidence.insert(evidence.end(), passed.begin(), passed.end());
      findings.violate("no saga", fmt::format("the upload {} has no saga", short_id(event.aggregate_id)), std::move(evidence));
    }
    return std::move(findings).verdict();
  };
}

Check signals_carry_the_sagas_id() {
  return [](const HistoryIndex& index) {
    Findings findings;
    const MediaEvents& events = media_events_of(index);
    const std::map<std::string_view, std::vector<std::string_view>> sources = {
        {"thumbnail", {"MediaProcessed", "MediaProcessingFailed"}}, {"album", {"MediaAddedToAlbum"}}, {"notify", {"NotificationSent"}}};
    for (const SagaStory& story : sagas_of(index, kSagas).stories) {
      for (const SagaSignal& signal : story.signals) {
        findings.examine();
        const auto types = sources.find(signal.step);
        const bool said = types != sources.end() && std::ranges::any_of(events.of_saga(story.id), [&](const MediaEvent* event) {
          return std::ranges::find(types->second, event->type) != types->second.end() &&
                 signal.done == (event->type != "MediaProcessingFailed") && event->commit->id < signal.commit->id;
        });
        if (said) continue;
        findings.violate(signal.step, fmt::format("saga {} was told of {} by no event of its own", short_id(story.id), signal.step),
                         {story.started->id, signal.commit->id});
      }
    }
    return std::move(findings).verdict();
  };
}

Check steps_take_effect_once() {
  return [](const HistoryIndex& index) {
    Findings findings;
    for (const auto& [saga, events] : media_events_of(index).by_saga) {
      findings.examine();
      std::map<std::string, const MediaEvent*> first;
      for (const MediaEvent* event : events) {
        const auto [same, is_new] = first.emplace(event->type, event);
        if (is_new) continue;
        findings.violate(event->type, fmt::format("saga {} has two {}", short_id(saga), event->type),
                         {same->second->commit->id, event->commit->id});
      }
    }
    return std::move(findings).verdict();
  };
}

Check one_notice_per_saga() {
  return [](const HistoryIndex& index) {
    Findings findings;
    std::map<std::string, const MediaEvent*> sent;
    for (const MediaEvent& event : media_events_of(index).all) {
      if (event.type != "NotificationSent") continue;
      findings.examine();
      const auto [same, is_new] = sent.emplace(event.saga_id, &event);
      if (is_new) continue;
      findings.violate("event", fmt::format("saga {} told its owner twice", short_id(event.saga_id)),
                       {same->second->commit->id, event.commit->id});
    }
    std::map<std::string, const RowLife*> shown;
    for (const auto& [id, life] : lives_of(index, "notice_db.notices", "id")) {
      if (!life.last().exists) continue;
      const std::string saga = cell(life.last().row(), "saga_id");
      const auto [same, is_new] = shown.emplace(saga, &life);
      if (is_new) continue;
      findings.violate("notice", fmt::format("two notices of saga {} are in the inbox", short_id(saga)),
                       {same->second->last().commit->id, life.last().commit->id});
    }
    return std::move(findings).verdict();
  };
}

Check one_default_album_per_owner() {
  return [](const HistoryIndex& index) {
    Findings findings;
    std::map<std::string, const MediaEvent*> first;
    for (const MediaEvent& event : media_events_of(index).all) {
      if (event.type != "AlbumCreated" || member_text(event.data, "default") != "true") continue;
      findings.examine();
      const auto [same, is_new] = first.emplace(event.owner, &event);
      if (is_new) continue;
      findings.violate("second", fmt::format("{} has two default albums", event.owner),
                       {same->second->commit->id, event.commit->id});
    }
    return std::move(findings).verdict();
  };
}

}  // namespace orrery
